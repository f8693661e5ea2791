"""Writes retrieval.json by PyTorch in float64 on float32 weights: of every retrieval model the users' vectors, the
loss of a training batch with fixed negatives, its gradients and the weights after one step; and losses by themselves.
Parameters carry our paths; linear maps are [in, out]. Our next-item models learn from several sequences in one row;
here each sequence is read alone. Run: python test/golden/retrieval.py"""
import json
import math
import pathlib
import platform

import torch
from torch import nn
from torch.nn import functional as F

SEED = 41
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)


def values(*shape, std=0.4, mean=0.0):
    return (torch.randn(*shape, dtype=torch.float32) * std + mean).double()


def array(t):
    return {"shape": list(t.shape), "data": [float(f"{x:.9g}") for x in t.detach().flatten().tolist()]}


DIM, LENGTH, ROWS = 8, 5, 10
LENGTHS = torch.tensor([5, 1, 3, 0])
IDS = torch.zeros(4, LENGTH, dtype=torch.long)
for r, n in enumerate(LENGTHS.tolist()):
    IDS[r, :n] = torch.randint(3, ROWS, (n,))


def table(dim=DIM):
    t = values(ROWS, dim)
    t[0] = 0
    return t


def last(states):
    """State of each row's last entry, zeros without one."""
    out = torch.zeros(len(LENGTHS), states.shape[-1])
    for r, n in enumerate(LENGTHS.tolist()):
        if n > 0:
            out[r] = states[r, n - 1]
    return out


def linear(p, path, inputs, outputs, bias=True):
    p[f"{path}.weight"] = values(inputs, outputs)
    if bias:
        p[f"{path}.bias"] = values(outputs)


def apply_linear(p, path, x):
    y = x @ p[f"{path}.weight"]
    return y + p[f"{path}.bias"] if f"{path}.bias" in p else y


def norm_parameters(p, path):
    p[f"{path}.scale"] = values(DIM, mean=1.0)
    p[f"{path}.shift"] = values(DIM)


def apply_norm(p, path, x):
    return F.layer_norm(x, (DIM,), p[f"{path}.scale"], p[f"{path}.shift"], eps=1e-8)


def unit_length(x):
    return x / torch.sqrt((x**2).sum(-1, keepdim=True) + 1e-12)


class NextItem:
    """`parameters` by path, `states` [batch, length, DIM] of whole sequences."""

    def __init__(self):
        self.parameters = {}

    def represent(self, state):
        return state

    def items(self, ids):
        return self.parameters["table.item"][ids]

    def users(self):
        return self.represent(last(self.states(IDS)))

    def queries(self):
        """A state after every item of the training sequences but the last, each sequence alone."""
        return self.represent(torch.cat([self.states(sequence[None, :-1])[0] for sequence in SEQUENCES]))


class SASRec(NextItem):
    name, options = "SASRec", {"embeddingDim": DIM, "blocks": 2, "heads": 2, "dropout": 0}

    def __init__(self):
        super().__init__()
        p = self.parameters
        p["places"] = values(LENGTH, DIM)
        for b in range(2):
            norm_parameters(p, f"blocks.{b}.norms.0")
            norm_parameters(p, f"blocks.{b}.norms.1")
            for part in ("query", "key", "value", "output"):
                linear(p, f"blocks.{b}.attention.{part}", DIM, DIM)
            linear(p, f"blocks.{b}.rowwise.0", DIM, DIM)
            linear(p, f"blocks.{b}.rowwise.1", DIM, DIM)
        norm_parameters(p, "norm")
        p["table.item"] = table()

    def states(self, ids):
        p = self.parameters
        x = p["table.item"][ids] * math.sqrt(DIM) + p["places"][: ids.shape[1]]
        for b in range(2):
            q = apply_norm(p, f"blocks.{b}.norms.0", x)
            parts = [
                apply_linear(p, f"blocks.{b}.attention.{part}", y).unflatten(-1, (2, DIM // 2)).transpose(1, 2)
                for part, y in (("query", q), ("key", x), ("value", x))
            ]
            attended = F.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2)
            a = q + apply_linear(p, f"blocks.{b}.attention.output", attended)
            y = apply_norm(p, f"blocks.{b}.norms.1", a)
            x = y + apply_linear(p, f"blocks.{b}.rowwise.1", F.relu(apply_linear(p, f"blocks.{b}.rowwise.0", y)))
        return apply_norm(p, "norm", x)


class GRU4Rec(NextItem):
    name, options = "GRU4Rec", {"embeddingDim": DIM, "hiddenUnits": 12, "dropout": 0}

    def __init__(self, hidden=12):
        super().__init__()
        linear(self.parameters, "unit.input", DIM, 3 * hidden)
        linear(self.parameters, "unit.recurrent", hidden, 3 * hidden)
        linear(self.parameters, "head", hidden, DIM)
        self.parameters["table.item"] = table()
        self.unit = nn.GRU(DIM, hidden, batch_first=True)
        self.hidden = hidden

    def torch_gates(self, x):
        # Ours are u, r, n with h += u (n - h); torch's are r, z, n with z = 1 - u, so u's part changes sign.
        u, r, n = x.split(self.hidden, dim=-1)
        return torch.cat([r, -u, n], dim=-1)

    def states(self, ids):
        p = self.parameters
        weights = {
            "weight_ih_l0": self.torch_gates(p["unit.input.weight"]).T,
            "bias_ih_l0": self.torch_gates(p["unit.input.bias"]),
            "weight_hh_l0": self.torch_gates(p["unit.recurrent.weight"]).T,
            "bias_hh_l0": self.torch_gates(p["unit.recurrent.bias"]),
        }
        states, _ = torch.func.functional_call(self.unit, weights, (p["table.item"][ids],))
        return apply_linear(p, "head", states)


class HSTU(NextItem):
    name, options = "HSTU", {"embeddingDim": DIM, "layers": 2, "heads": 2, "temperature": 0.05, "dropout": 0}

    def __init__(self):
        super().__init__()
        p = self.parameters
        p["places"], p["distances"] = values(LENGTH, DIM), values(LENGTH)
        for b in range(2):
            linear(p, f"layers.{b}.input", DIM, 4 * DIM, bias=False)
            linear(p, f"layers.{b}.output", DIM, DIM)
        p["table.item"] = table()

    def states(self, ids):
        p = self.parameters
        length = ids.shape[1]
        x = p["table.item"][ids] * math.sqrt(DIM) + p["places"][:length]
        place = torch.arange(length)
        apart = place[:, None] - place[None, :]
        allowed = (apart >= 0).double()
        bias = p["distances"][apart.clamp(min=0)]
        for b in range(2):
            mixed = F.silu(apply_linear(p, f"layers.{b}.input", F.layer_norm(x, (DIM,), eps=1e-6)))
            u, *rest = mixed.split(DIM, dim=-1)
            v, q, k = (part.unflatten(-1, (2, DIM // 2)) for part in rest)
            scores = torch.einsum("bihd,bjhd->bhij", q, k) + bias
            # Sums of attention are divided by the longest history there may be, not by this one.
            weights = F.silu(scores) * allowed / LENGTH
            pooled = torch.einsum("bhij,bjhd->bihd", weights, v).flatten(2)
            x = x + apply_linear(p, f"layers.{b}.output", u * F.layer_norm(pooled, (DIM,), eps=1e-6))
        return x

    def represent(self, state):
        return unit_length(state) / 0.05

    def items(self, ids):
        return unit_length(super().items(ids))


class MF:
    name, options = "MF", {"embeddingDim": 4}

    def __init__(self):
        self.parameters = {"itemTable.item": table(4), "userTable.user": table(4)}

    def items(self, ids):
        return self.parameters["itemTable.item"][ids]

    def users(self):
        return self.parameters["userTable.user"][USERS]

    queries = users


class TwoTower:
    name, options = "TwoTower", {"embeddingDim": 4, "hiddenUnits": [6], "outputDim": 5, "similarity": "cosine"}

    def __init__(self):
        p = self.parameters = {"user.fields.tables.item": table(4), "user.fields.tables.user": table(4)}
        for side, fields in (("item", 1), ("user", 2)):
            linear(p, f"{side}.network.layers.0", 4 * fields, 6)
            linear(p, f"{side}.network.head", 6, 5)

    def tower(self, side, x):
        inner = F.relu(apply_linear(self.parameters, f"{side}.network.layers.0", x))
        return unit_length(apply_linear(self.parameters, f"{side}.network.head", inner))

    def items(self, ids):
        return self.tower("item", self.parameters["user.fields.tables.item"][ids])

    def users(self):
        # Both sides read one table of items; its padding row is never learned.
        read = F.embedding(IDS, self.parameters["user.fields.tables.item"], padding_idx=0)
        mean = read.sum(1) / LENGTHS.clamp(min=1)[:, None]
        return self.tower("user", torch.cat([self.parameters["user.fields.tables.user"][USERS], mean], -1)) / 0.1

    queries = users


def mean_bpr(scores, others):
    return torch.stack([-F.logsigmoid(s - o).mean() for s, o in zip(scores, others)]).mean()


def mean_binary(scores, others):
    return torch.stack([-F.logsigmoid(s) - F.logsigmoid(-o).sum() for s, o in zip(scores, others)]).mean()


def mean_softmax(scores, others):
    zero = torch.zeros(1, dtype=torch.long)
    return torch.stack([F.cross_entropy(torch.cat([s[None], o])[None], zero) for s, o in zip(scores, others)]).mean()


# Clipping in every fixture. SASRec's keys have biases whose gradient is rounding alone; the usual epsilon of 1e-8
# would make steps of it.
RATE, DECAY, NORM, EPSILON = 0.02, 0.05, 0.1, 1e-4
TABLES = {"table.item", "itemTable.item", "userTable.user", "user.fields.tables.item", "user.fields.tables.user"}


def training_case(model, columns, positives, objective, loss_of, own=0, shared=(), correction=None, in_batch=False):
    """`positives` are ids; `own` lists ids of each query's own negatives, `shared` those of all."""
    p = model.parameters
    before = {path: t.clone() for path, t in p.items()}
    for path in p:
        p[path] = before[path].clone().requires_grad_()
    queries = model.queries()

    def score(query, ids):
        scores = (query * model.items(ids)).sum(-1)
        return scores if correction is None else scores - correction[ids]

    scores, others = [], []
    for k, query in enumerate(queries):
        candidates = [i for i in shared if i != positives[k]]
        if in_batch:
            candidates += [i for i in positives.tolist() if i != positives[k]]
        scores.append(score(query, positives[k]))
        others.append(score(query, own[k] if isinstance(own, torch.Tensor) else torch.tensor(candidates)))
    loss = loss_of(scores, others)
    loss.backward()
    gradients = {path: t.grad.clone() for path, t in p.items()}
    optimizer = torch.optim.Adam(p.values(), lr=RATE, eps=EPSILON)
    for path, t in p.items():
        if path in TABLES:
            t.grad += DECAY * t.detach()
    norm = nn.utils.clip_grad_norm_(p.values(), NORM)
    assert norm > NORM, "the fixture clips"
    optimizer.step()
    after = {path: t.detach().clone() for path, t in p.items()}
    p.update(before)
    return {
        "objective": objective,
        "columns": {name: array(column.double()) for name, column in columns.items()},
        "loss": loss.item(),
        "gradients": {path: array(t) for path, t in gradients.items()},
        "after": {path: array(t) for path, t in after.items()},
    }


def packed(negatives):
    """Sequences of three and two inputs in one row, of four and padding in another."""
    columns = {name: torch.zeros(2, LENGTH, dtype=torch.long) for name in ("@items", "@segment", "@position")}
    positive = torch.full((2, LENGTH), 3)
    for (row, at, segment), sequence in zip([(0, 0, 1), (0, 3, 2), (1, 0, 1)], SEQUENCES):
        inputs = slice(at, at + len(sequence) - 1)
        columns["@items"][row, inputs] = sequence[:-1]
        columns["@segment"][row, inputs] = segment
        columns["@position"][row, inputs] = torch.arange(len(sequence) - 1)
        positive[row, inputs] = sequence[1:]
    return columns | items_of("positive", positive) | items_of("negative", negatives.unflatten(0, (2, -1)))


def items_of(role, ids, correction=None):
    columns = {f"{role}:item": ids, f"{role}:@number": ids - 3}
    return columns if correction is None else columns | {f"{role}:@correction": correction[ids]}


def draw(*shape):
    return torch.randint(3, ROWS, shape)


QUERIES, NEGATIVES, WIDTH = 6, 4, 3
WEIGHTS = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
POSITIVE = torch.tensor([4, 1, 0, 4, 2, 7])
SHARED = torch.tensor([1, 9, 4, 3])
# Places among the shared items that hold an item the query's user took.
LEFT_OUT = [[2, 1], [0], [], [2], [3, 0], [1]]
CORRECTION = values(10)


def weighted(each):
    return (each * WEIGHTS).sum() / WEIGHTS.sum()


def bpr(users, positives, negatives, own=2, l2=0.1, hardest=False):
    drawn = negatives.unflatten(0, (QUERIES, own))
    margin = (users * positives).sum(-1, keepdim=True) - torch.einsum("qd,qnd->qn", users, drawn)
    if hardest:
        margin = margin.min(-1, keepdim=True).values
    norms = (users**2).sum(-1) + (positives**2).sum(-1) + (drawn**2).sum(-1).mean(-1)
    return weighted(-F.logsigmoid(margin).mean(-1)) + l2 / 2 * weighted(norms)


def is_negative(q, n, left_out):
    return n not in LEFT_OUT[q] if left_out else SHARED[n] != POSITIVE[q]


def bpr_shared(users, positives, negatives, l2=0.1, left_out=False):
    losses = []
    for q in range(QUERIES):
        others = [negatives[n] for n in range(NEGATIVES) if is_negative(q, n, left_out)]
        margins = torch.stack([users[q] @ positives[q] - users[q] @ other for other in others])
        losses.append(-F.logsigmoid(margins).mean())
    norms = (users**2).sum(-1) + (positives**2).sum(-1) + (negatives**2).sum(-1).mean()
    return weighted(torch.stack(losses)) + l2 / 2 * weighted(norms)


def binary(users, positives, negatives, own=2):
    drawn = torch.einsum("qd,qnd->qn", users, negatives.unflatten(0, (QUERIES, own)))
    up = F.binary_cross_entropy_with_logits((users * positives).sum(-1), torch.ones(QUERIES), reduction="none")
    down = F.binary_cross_entropy_with_logits(drawn, torch.zeros_like(drawn), reduction="none").sum(-1)
    return weighted(up + down)


def softmax(users, positives, negatives, in_batch, log_q, temperature, left_out=False):
    """Cross entropy over explicit candidate lists."""
    losses = []
    for q in range(QUERIES):
        def score(vector, number):
            return users[q] @ vector / temperature - (CORRECTION[number] if log_q else 0)

        candidates = [score(positives[q], POSITIVE[q])]
        if negatives is not None:
            candidates += [score(negatives[n], SHARED[n]) for n in range(NEGATIVES) if is_negative(q, n, left_out)]
        if in_batch:
            candidates += [
                score(positives[o], POSITIVE[o])
                for o in range(QUERIES)
                if POSITIVE[o] != POSITIVE[q] and WEIGHTS[o] > 0
            ]
        losses.append(F.cross_entropy(torch.stack(candidates)[None], torch.zeros(1, dtype=torch.long)))
    return weighted(torch.stack(losses))


def cosine_contrastive(users, positives, negatives, margin=0.1, weight=3.0, left_out=False):
    losses = []
    for q in range(QUERIES):
        others = [negatives[n] for n in range(NEGATIVES) if is_negative(q, n, left_out)]
        above = torch.stack([F.relu(users[q] @ other - margin) for other in others]).mean()
        losses.append(1 - users[q] @ positives[q] + weight * above)
    return weighted(torch.stack(losses))


def loss_case(name, negatives, loss):
    leaves = [values(QUERIES, WIDTH, std=1), values(QUERIES, WIDTH, std=1)]
    leaves += [] if negatives == 0 else [values(negatives, WIDTH, std=1)]
    given = [array(leaf) for leaf in leaves]
    for leaf in leaves:
        leaf.requires_grad_()
    value = loss(*leaves)
    value.backward()
    return {"name": name, "inputs": given, "loss": value.item(), "gradients": [array(leaf.grad) for leaf in leaves]}


OPTIMIZER = {
    "optimizer": "adam",
    "learningRate": RATE,
    "epsilon": EPSILON,
    "embeddingUpdate": "dense",
    "embeddingRegularizer": DECAY,
    "maxGradientNorm": NORM,
}
contest = {
    "weights": array(WEIGHTS),
    "positiveNumbers": POSITIVE.tolist(),
    "negativeNumbers": SHARED.tolist(),
    "correction": array(CORRECTION),
    "takenPlaces": [(places + [-1, -1])[:2] for places in LEFT_OUT],
}
losses = [
    loss_case("bpr", 2 * QUERIES, bpr),
    loss_case("bpr hardest", 2 * QUERIES, lambda u, p, n: bpr(u, p, n, hardest=True)),
    loss_case("binary", 2 * QUERIES, binary),
    loss_case("softmax shared", NEGATIVES, lambda u, p, n: softmax(u, p, n, False, False, 0.5)),
    loss_case("softmax mixed", NEGATIVES, lambda u, p, n: softmax(u, p, n, True, True, 1)),
    loss_case("softmax in batch", 0, lambda u, p: softmax(u, p, None, True, True, 0.2)),
    loss_case("bpr shared", NEGATIVES, bpr_shared),
    loss_case("bpr left out", NEGATIVES, lambda u, p, n: bpr_shared(u, p, n, left_out=True)),
    loss_case("softmax left out", NEGATIVES, lambda u, p, n: softmax(u, p, n, True, True, 1, left_out=True)),
    # Scores as a model gives them: the loss itself does not normalise.
    loss_case("cosine contrastive", NEGATIVES, cosine_contrastive),
    loss_case(
        "cosine contrastive left out", NEGATIVES, lambda u, p, n: cosine_contrastive(u, p, n, left_out=True)
    ),
]

SEQUENCES = [draw(n + 1) for n in (3, 2, 4)]
USERS = torch.tensor([3, 9, 4, 3])
NEXT = torch.cat([sequence[1:] for sequence in SEQUENCES])
TAKEN = draw(4)
REQUEST = {"user": USERS, "history": IDS, "history.length": LENGTHS}


def next_item(model, objective, loss_of, own):
    drawn = draw(2 * LENGTH) if own else draw(4)
    columns = packed(drawn)
    # The tenth place is padding: what is drawn for it counts for nothing.
    given = {"own": drawn[:9, None]} if own else {"shared": drawn.tolist()}
    return training_case(model, columns, NEXT, objective, loss_of, **given)


def pairs(model, objective, loss_of, own):
    drawn = draw(8)
    correction = None if own else values(ROWS)
    columns = REQUEST | items_of("positive", TAKEN, correction)
    columns |= items_of("negative", drawn.unflatten(0, (4, 2)), correction)
    given = {"own": drawn.unflatten(0, (4, 2))} if own else {"shared": drawn.tolist(), "in_batch": True}
    return training_case(model, columns, TAKEN, objective, loss_of, correction=correction, **given)


def model_case(model, training):
    return {
        "name": model.name,
        "options": model.options,
        "weights": {path: array(t) for path, t in model.parameters.items()},
        "users": array(model.users()),
        "training": training,
    }


shared = {"name": "softmax", "negatives": 4, "logQ": False}
mixed = {"name": "softmax", "negatives": 8, "inBatch": True}
sasrec, gru4rec, hstu, mf, two_tower = SASRec(), GRU4Rec(), HSTU(), MF(), TwoTower()
golden = {
    "seed": SEED,
    "versions": {"python": platform.python_version(), "torch": torch.__version__},
    "request": {name: array(column.double()) for name, column in REQUEST.items()},
    "optimizer": OPTIMIZER,
    "models": [
        model_case(sasrec, next_item(sasrec, {"name": "binary", "negatives": 1}, mean_binary, own=True)),
        model_case(gru4rec, next_item(gru4rec, shared, mean_softmax, own=False)),
        model_case(hstu, next_item(hstu, shared, mean_softmax, own=False)),
        model_case(mf, pairs(mf, {"name": "bpr", "negatives": 2}, mean_bpr, own=True)),
        model_case(two_tower, pairs(two_tower, mixed, mean_softmax, own=False)),
    ],
    "contest": contest,
    "losses": losses,
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
