"""The PyTorch side of `npm run bench:train`: six models as plain eager code.

Reads jobs as JSON lines on stdin and answers each with one JSON line on stdout:

    {"model": "DCNv2" | "DeepFM" | "LR" | "FM" | "FinalMLP" | "AutoInt", "ids": "uniform" | "zipf", "optimizer": "adam" | "sparse-adam",
     "numeric": "raw" | "embedded", "steps": 20, "warmup": 5, "fused": false, "compile": false}
    -> the job with {"samplesPerSecond", "millisecondsPerStep", "loss", "torch", "threads"}, or "error"

The first line out is {"ready": true, ...}. Ids and values are drawn once; the latest model with its
optimizer is kept from one job to the next, others are dropped to spare memory.

The step: 26 categorical fields in one table of a million rows of 16, 13 numeric fields that join the vectors
as they are (`raw`) or each as its value times a learned vector of 16 (`embedded`), batch 4096, binary cross
entropy on logits. `adam` is
torch.optim.Adam on everything (dense gradients of the table, as FuxiCTR trains); `sparse-adam` is
torch.optim.SparseAdam on the tables and torch.optim.Adam on the rest.

Two switches change nothing about the numbers computed, only how fast PyTorch computes them, and are off by
default as they are in PyTorch and in FuxiCTR: `fused` asks torch.optim.Adam for its one-pass kernel, which
on a CPU must be asked for and makes the dense update of the table several times faster; `compile` runs the
model through torch.compile, which needs a C++ compiler on the machine. A comparison should name which of
them was on.

Options: --threads N (default 2).
"""

import gc
import sys
import time
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent))
from line_peer import serve  # noqa: E402

BATCH, FIELDS, NUMERIC, DIM, ROWS, POOL = 4096, 26, 13, 16, 1_000_000, 32
HIDDEN = (400, 400, 400)
ROWS_PER_FIELD = ROWS // FIELDS
ZIPF_EXPONENT = 1.1
WIDTHS = {"raw": FIELDS * DIM + NUMERIC, "embedded": (FIELDS + NUMERIC) * DIM}


def mlp(width):
    layers = []
    for hidden in HIDDEN:
        layers += [nn.Linear(width, hidden), nn.ReLU(inplace=True)]
        width = hidden
    return nn.Sequential(*layers), width


class Features(nn.Module):
    """All fields' vectors, [batch, fields, dim], and x0: the same side by side with raw numbers, [batch, width]."""

    def __init__(self, sparse, numeric):
        super().__init__()
        self.table = nn.Embedding(ROWS, DIM, sparse=sparse)
        self.numeric = nn.Parameter(torch.randn(NUMERIC, DIM) * 1e-2) if numeric == "embedded" else None
        self.width = WIDTHS[numeric]
        nn.init.normal_(self.table.weight, std=1e-2)

    def forward(self, ids, values):
        fields = self.table(ids)
        if self.numeric is None:
            return fields, torch.cat([fields.flatten(1), values], dim=1)
        fields = torch.cat([fields, values.unsqueeze(-1) * self.numeric], dim=1)
        return fields, fields.flatten(1)


class DCNv2(nn.Module):
    """Three full cross layers beside the MLP, then one linear layer on both."""

    def __init__(self, sparse, numeric):
        super().__init__()
        self.features = Features(sparse, numeric)
        width = self.features.width
        self.crosses = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.deep, deep_width = mlp(width)
        self.head = nn.Linear(width + deep_width, 1)

    def forward(self, ids, values):
        _, x0 = self.features(ids, values)
        crossed = x0
        for cross in self.crosses:
            crossed = torch.addcmul(crossed, x0, cross(crossed))
        return self.head(torch.cat([crossed, self.deep(x0)], dim=1)).squeeze(-1)


class FirstOrder(nn.Module):
    """A weight for each value and each number."""

    def __init__(self, sparse):
        super().__init__()
        self.linear = nn.Embedding(ROWS, 1, sparse=sparse)
        self.numeric_linear = nn.Linear(NUMERIC, 1)
        nn.init.normal_(self.linear.weight, std=1e-2)

    def forward(self, ids, values):
        return self.linear(ids).sum(dim=(1, 2)) + self.numeric_linear(values).squeeze(-1)


def pairs(x):
    """Sum of the products of all pairs of field vectors."""
    return 0.5 * (x.sum(dim=1).square() - x.square().sum(dim=1)).sum(dim=1)


class LR(nn.Module):
    def __init__(self, sparse, numeric):
        super().__init__()
        self.first_order = FirstOrder(sparse)

    def forward(self, ids, values):
        return self.first_order(ids, values)


class FM(nn.Module):
    def __init__(self, sparse, numeric):
        super().__init__()
        self.features = Features(sparse, numeric)
        self.first_order = FirstOrder(sparse)

    def forward(self, ids, values):
        x, _ = self.features(ids, values)
        return self.first_order(ids, values) + pairs(x)


class DeepFM(nn.Module):
    """First-order weights, pairwise products of the field vectors, and the MLP, summed."""

    def __init__(self, sparse, numeric):
        super().__init__()
        self.features = Features(sparse, numeric)
        self.first_order = FirstOrder(sparse)
        self.deep, deep_width = mlp(self.features.width)
        self.head = nn.Linear(deep_width, 1)

    def forward(self, ids, values):
        x, x0 = self.features(ids, values)
        return self.first_order(ids, values) + pairs(x) + self.head(self.deep(x0)).squeeze(-1)


class FinalMLP(nn.Module):
    """Two MLPs on the same input, fused bilinearly by one head."""

    def __init__(self, sparse, numeric):
        super().__init__()
        self.features = Features(sparse, numeric)
        self.first, width = mlp(self.features.width)
        self.second, _ = mlp(self.features.width)
        self.left = nn.Linear(width, 1)
        self.right = nn.Linear(width, 1, bias=False)
        self.weight = nn.Parameter(torch.randn(width, width) * 5e-3)

    def forward(self, ids, values):
        _, x0 = self.features(ids, values)
        first, second = self.first(x0), self.second(x0)
        fused = ((first @ self.weight) * second).sum(dim=1)
        return (self.left(first) + self.right(second)).squeeze(-1) + fused


class FieldAttention(nn.Module):
    """Two heads of unscaled self-attention between fields, a residual and ReLU."""

    def __init__(self, width_in, width=32, heads=2):
        super().__init__()
        self.qkv = nn.Linear(width_in, 3 * width, bias=False)
        self.residual = nn.Identity() if width_in == width else nn.Linear(width_in, width, bias=False)
        self.heads, self.width = heads, width

    def forward(self, x):
        batch, fields, _ = x.shape
        qkv = self.qkv(x).view(batch, fields, 3, self.heads, self.width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        seen = torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ v
        return torch.relu(seen.transpose(1, 2).reshape(batch, fields, self.width) + self.residual(x))


class AutoInt(nn.Module):
    """Two attention layers over the fields beside the MLP, summed."""

    def __init__(self, sparse, numeric):
        super().__init__()
        self.features = Features(sparse, numeric)
        fields = FIELDS + (NUMERIC if numeric == "embedded" else 0)
        self.attention = nn.Sequential(FieldAttention(DIM), FieldAttention(32))
        self.attended = nn.Linear(fields * 32, 1)
        self.deep, deep_width = mlp(self.features.width)
        self.head = nn.Linear(deep_width, 1)

    def forward(self, ids, values):
        x, x0 = self.features(ids, values)
        attended = self.attended(self.attention(x).flatten(1))
        return (attended + self.head(self.deep(x0))).squeeze(-1)


MODELS = {model.__name__: model for model in (DCNv2, DeepFM, LR, FM, FinalMLP, AutoInt)}


def draw_ids(kind, generator):
    """[pool, batch, fields]; every field has its own stretch of the table's rows."""
    u = torch.rand(POOL, BATCH, FIELDS, generator=generator, dtype=torch.float64)
    if kind == "uniform":
        rank = (u * ROWS_PER_FIELD).long()
    else:
        # Inverse of the continuous Zipf law on [1, rows + 1).
        power = 1 - ZIPF_EXPONENT
        rank = ((u * ((ROWS_PER_FIELD + 1) ** power - 1) + 1) ** (1 / power)).long() - 1
    return rank.clamp_(0, ROWS_PER_FIELD - 1) + torch.arange(FIELDS) * ROWS_PER_FIELD


class Learner:
    def __init__(self, model, optimizer, numeric, fused=False, compiled=False):
        torch.manual_seed(1)
        if optimizer not in ("adam", "sparse-adam"):
            raise ValueError(f"optimizer must be adam or sparse-adam; got {optimizer}")
        sparse = optimizer == "sparse-adam"
        self.model = MODELS[model](sparse, numeric)
        tables = [m.weight for m in self.model.modules() if isinstance(m, nn.Embedding)]
        rest = [p for p in self.model.parameters() if all(p is not table for table in tables)]
        self.optimizers = (
            [torch.optim.SparseAdam(tables, lr=1e-3), torch.optim.Adam(rest, lr=1e-3, fused=fused or None)]
            if sparse
            else [torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=fused or None)]
        )
        self.forward = torch.compile(self.model) if compiled else self.model

    def step(self, ids, values, labels):
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.binary_cross_entropy_with_logits(self.forward(ids, values), labels)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return loss


class Peer:
    def __init__(self):
        generator = torch.Generator().manual_seed(7)
        self.ids = {kind: draw_ids(kind, generator) for kind in ("uniform", "zipf")}
        self.values = torch.rand(POOL, BATCH, NUMERIC, generator=generator)
        self.labels = (torch.rand(POOL, BATCH, generator=generator) < 0.2).float()
        self.key = None
        self.learner = None
        self.position = 0

    def run(self, job):
        key = (job["model"], job["optimizer"], job.get("numeric", "raw"), job.get("fused", False))
        key += (job.get("compile", False),)
        if key != self.key:
            self.learner = self.key = None
            gc.collect()
            self.learner, self.key = Learner(*key), key
        ids = self.ids[job["ids"]]
        for _ in range(job["warmup"]):
            self.step(ids)
        start = time.perf_counter()
        for _ in range(job["steps"]):
            loss = self.step(ids)
        loss = loss.item()
        seconds = time.perf_counter() - start
        return {
            "samplesPerSecond": BATCH * job["steps"] / seconds,
            "millisecondsPerStep": 1000 * seconds / job["steps"],
            "loss": loss,
        }

    def step(self, ids):
        i = self.position % POOL
        self.position += 1
        return self.learner.step(ids[i], self.values[i], self.labels[i])


if __name__ == "__main__":
    serve(Peer)
