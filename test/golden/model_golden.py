"""`golden` writes model-<name>.json: a model's predictions, loss, gradients, and two training steps, in float64
from float32 weights. The steps have whole-table L2, clipping by the norm of all gradients together, and
many duplicate ids."""
import json
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F
from torch_layers import array, exported, gradients, randomize, versions
from torch_schema import SCHEMA, draw_batch

SEED = 77
torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent


def tables_of(model):
    return [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]


def by_label(logits):
    return logits if isinstance(logits, dict) else {"click": logits}


def loss_of(model, batch, weighted):
    loss = 0
    for label, logit in by_label(model(batch)).items():
        each = F.binary_cross_entropy_with_logits(logit, batch[label], reduction="none")
        loss = loss + ((each * batch["@weight"]).sum() / batch["@weight"].sum() if weighted else each.mean())
    # What the model's own forward pass adds to the objective, without sample weights.
    added = getattr(model, "auxiliary", 0)
    return loss if isinstance(added, nn.Module) else loss + added


def dense_step(model, optimizers, batch, options):
    """As FuxiCTR's trainer: lambda/2 of the squared norm of whole tables is part of the loss."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss = loss_of(model, batch, options["weighted"])
    penalty = sum((t**2).sum() for t in tables_of(model)) * options["embeddingRegularizer"] / 2
    (loss + penalty).backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), options["maxGradientNorm"])
    for optimizer in optimizers:
        optimizer.step()
    return loss.item(), norm.item()


def lazy_step(model, optimizers, batch, options):
    """L2 on the rows of the batch; nothing but those rows moves."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss = loss_of(model, batch, options["weighted"])
    loss.backward()
    tables = tables_of(model)
    for table in tables:
        g = table.grad.coalesce()
        rows, values = g.indices()[0], g.values()
        values = values + options["embeddingRegularizer"] * table.detach()[rows]
        keep = rows != 0
        table.grad = torch.sparse_coo_tensor(rows[keep][None], values[keep], table.shape).coalesce()
    dense = [p.grad for p in model.parameters() if not p.grad.is_sparse]
    norm = torch.sqrt(sum((g**2).sum() for g in dense) + sum((t.grad.values() ** 2).sum() for t in tables))
    scale = torch.clamp(options["maxGradientNorm"] / (norm + 1e-6), max=1.0)
    for p in model.parameters():
        p.grad = p.grad * scale
        if p.grad.is_sparse:
            p.grad = p.grad.coalesce()
    for optimizer in optimizers:
        optimizer.step()
    return loss.item(), norm.item()


class RowwiseAdagrad:
    """One sum of mean squares a row (FBGEMM, TorchRec): w -= rate * g / (sqrt(a) + eps)."""

    def __init__(self, tables, rate, eps):
        self.tables, self.rate, self.eps = tables, rate, eps
        self.sums = [torch.zeros(len(t)) for t in tables]

    def zero_grad(self):
        for table in self.tables:
            table.grad = None

    @torch.no_grad()
    def step(self):
        for table, sums in zip(self.tables, self.sums):
            rows, values = table.grad.indices()[0], table.grad.values()
            sums[rows] += (values**2).mean(dim=1)
            table[rows] -= self.rate * values / (sums[rows].sqrt() + self.eps)[:, None]


def optimizers_of(model, options):
    tables = tables_of(model)
    dense = [p for p in model.parameters() if not any(p is t for t in tables)]
    rate, eps = options["learningRate"], options.get("epsilon")
    betas = (options.get("beta1", 0.9), options.get("beta2", 0.999))
    lazy = options["embeddingUpdate"] == "lazy"

    def make(name, parameters, of_rows):
        if name == "adam":
            kind = torch.optim.SparseAdam if of_rows and lazy else torch.optim.Adam
            return kind(parameters, lr=rate, betas=betas, eps=eps or 1e-8)
        if name == "adagrad":
            return torch.optim.Adagrad(parameters, lr=rate, eps=eps or 1e-10)
        if name == "rowwise-adagrad":
            return RowwiseAdagrad(parameters, rate, eps or 1e-10)
        return torch.optim.SGD(parameters, lr=rate, momentum=0 if of_rows else options.get("momentum", 0))

    rows = options.get("embeddingOptimizer", options["optimizer"])
    return [make(options["optimizer"], dense, False), make(rows, tables, True)]


DEFAULTS = {
    "optimizer": "adam",
    "embeddingUpdate": "dense",
    "learningRate": 0.02,
    "embeddingRegularizer": 0.05,
    "maxGradientNorm": 0.5,
    "weighted": False,
}


def train(make, options, batches, start):
    model = make()
    model.load_state_dict(start)
    model.train()
    optimizers = optimizers_of(model, options)
    step = lazy_step if options["embeddingUpdate"] == "lazy" else dense_step
    steps = []
    for batch in batches:
        loss, norm = step(model, optimizers, batch, options)
        steps.append({"loss": loss, "gradientNorm": norm, "weights": exported(model)})
    return {"options": options, "steps": steps}


def batch_arrays(batch):
    return {name: array(column) for name, column in batch.items()}


def golden(name, model_class, options, runs=({},), schema=SCHEMA, model_name=None):
    """`name` is the model's, with a suffix after a hyphen where it has several fixtures; of a model whose own name
    has a hyphen, that is `model_name`."""

    def make(**more):
        return model_class(schema, **options, **more)

    torch.manual_seed(SEED)
    batches = [draw_batch(schema, 6), draw_batch(schema, 5)]
    model = make()
    randomize(model)
    start = {k: v.clone() for k, v in model.state_dict().items()}
    fixture = {
        "generator": f"test/golden/{pathlib.Path(sys.argv[0]).name}",
        "seed": SEED,
        "versions": versions(),
        "model": model_name or name.partition("-")[0],
        "options": options,
        "schema": schema,
        "batches": [batch_arrays(b) for b in batches],
        "weights": exported(model),
    }
    model.eval()
    probabilities = {label: array(torch.sigmoid(z)) for label, z in by_label(model(batches[0])).items()}
    fixture["probabilities"] = probabilities
    model.train()
    loss = loss_of(model, batches[0], weighted=False)
    loss.backward()
    fixture |= {"loss": loss.item(), "gradients": gradients(model)}
    fixture["runs"] = []
    for run in runs:
        step = DEFAULTS | run
        lazy = step["embeddingUpdate"] == "lazy"
        fixture["runs"].append(train(lambda: make(sparse=True) if lazy else make(), step, batches, start))
    (HERE / f"model-{name.lower()}.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


# Before batch norm and inside softmax some gradients are 0 by algebra and 1e-9 by rounding; with the usual
# epsilon of 1e-8 Adam would make steps of them.
ROUNDED = {"epsilon": 1e-4}
