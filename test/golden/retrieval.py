"""Writes retrieval.json: next-item models' user vectors, and losses with gradients, by PyTorch in float64 on
float32 weights. Parameters carry our paths; linear maps are [in, out]. Run: python test/golden/retrieval.py"""
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


def table():
    t = values(ROWS, DIM)
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


def sasrec(blocks=2, heads=2):
    p = {"places": values(LENGTH, DIM)}
    for b in range(blocks):
        norm_parameters(p, f"blocks.{b}.norms.0")
        norm_parameters(p, f"blocks.{b}.norms.1")
        for part in ("query", "key", "value", "output"):
            linear(p, f"blocks.{b}.attention.{part}", DIM, DIM)
        linear(p, f"blocks.{b}.rowwise.0", DIM, DIM)
        linear(p, f"blocks.{b}.rowwise.1", DIM, DIM)
    norm_parameters(p, "norm")
    p["table.item"] = table()
    x = p["table.item"][IDS] * math.sqrt(DIM) + p["places"]
    for b in range(blocks):
        q = apply_norm(p, f"blocks.{b}.norms.0", x)
        parts = [
            apply_linear(p, f"blocks.{b}.attention.{part}", y).unflatten(-1, (heads, DIM // heads)).transpose(1, 2)
            for part, y in (("query", q), ("key", x), ("value", x))
        ]
        attended = F.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2)
        a = q + apply_linear(p, f"blocks.{b}.attention.output", attended)
        y = apply_norm(p, f"blocks.{b}.norms.1", a)
        x = y + apply_linear(p, f"blocks.{b}.rowwise.1", F.relu(apply_linear(p, f"blocks.{b}.rowwise.0", y)))
    return p, last(apply_norm(p, "norm", x))


def gru4rec(hidden=12):
    p = {}
    linear(p, "unit.input", DIM, 3 * hidden)
    linear(p, "unit.recurrent", hidden, 3 * hidden)
    linear(p, "head", hidden, DIM)
    p["table.item"] = table()
    unit = nn.GRU(DIM, hidden, batch_first=True)

    def torch_gates(x):
        # Ours are u, r, n with h += u (n - h); torch's are r, z, n with z = 1 - u, so u's part changes sign.
        u, r, n = x.split(hidden, dim=-1)
        return torch.cat([r, -u, n], dim=-1)

    with torch.no_grad():
        unit.weight_ih_l0.copy_(torch_gates(p["unit.input.weight"]).T)
        unit.bias_ih_l0.copy_(torch_gates(p["unit.input.bias"]))
        unit.weight_hh_l0.copy_(torch_gates(p["unit.recurrent.weight"]).T)
        unit.bias_hh_l0.copy_(torch_gates(p["unit.recurrent.bias"]))
    states, _ = unit(p["table.item"][IDS])
    return p, last(apply_linear(p, "head", states))


def hstu(layers=2, heads=2, temperature=0.05):
    p = {"places": values(LENGTH, DIM), "distances": values(LENGTH)}
    width = DIM // heads
    for b in range(layers):
        linear(p, f"layers.{b}.input", DIM, 4 * DIM, bias=False)
        linear(p, f"layers.{b}.output", DIM, DIM)
    p["table.item"] = table()
    x = p["table.item"][IDS] * math.sqrt(DIM) + p["places"]
    place = torch.arange(LENGTH)
    apart = place[:, None] - place[None, :]
    allowed = (apart >= 0).double()
    bias = p["distances"][apart.clamp(min=0)]
    for b in range(layers):
        mixed = F.silu(apply_linear(p, f"layers.{b}.input", F.layer_norm(x, (DIM,), eps=1e-6)))
        u, *rest = mixed.split(DIM, dim=-1)
        v, q, k = (part.unflatten(-1, (heads, width)) for part in rest)
        scores = torch.einsum("bihd,bjhd->bhij", q, k) + bias
        weights = F.silu(scores) * allowed / LENGTH
        pooled = torch.einsum("bhij,bjhd->bihd", weights, v).flatten(2)
        x = x + apply_linear(p, f"layers.{b}.output", u * F.layer_norm(pooled, (DIM,), eps=1e-6))
    state = last(x)
    return p, state / torch.sqrt((state**2).sum(-1, keepdim=True) + 1e-12) / temperature


def model_case(name, options, result):
    parameters, users = result
    return {
        "name": name,
        "options": options,
        "weights": {path: array(t) for path, t in parameters.items()},
        "history": IDS.flatten().tolist(),
        "lengths": LENGTHS.tolist(),
        "users": array(users),
    }


QUERIES, NEGATIVES, WIDTH = 6, 4, 3
WEIGHTS = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
POSITIVE = torch.tensor([4, 1, 0, 4, 2, 7])
SHARED = torch.tensor([1, 9, 4, 3])
# Places among the shared items that hold an item the query's user took.
TAKEN = [[2, 1], [0], [], [2], [3, 0], [1]]
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
    return n not in TAKEN[q] if left_out else SHARED[n] != POSITIVE[q]


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


def loss_case(name, negatives, loss):
    leaves = [values(QUERIES, WIDTH, std=1), values(QUERIES, WIDTH, std=1)]
    leaves += [] if negatives == 0 else [values(negatives, WIDTH, std=1)]
    given = [array(leaf) for leaf in leaves]
    for leaf in leaves:
        leaf.requires_grad_()
    value = loss(*leaves)
    value.backward()
    return {"name": name, "inputs": given, "loss": value.item(), "gradients": [array(leaf.grad) for leaf in leaves]}


golden = {
    "seed": SEED,
    "versions": {"python": platform.python_version(), "torch": torch.__version__},
    "models": [
        model_case("SASRec", {"embeddingDim": DIM, "blocks": 2, "heads": 2}, sasrec()),
        model_case("GRU4Rec", {"embeddingDim": DIM, "hiddenUnits": 12}, gru4rec()),
        model_case("HSTU", {"embeddingDim": DIM, "layers": 2, "heads": 2, "temperature": 0.05}, hstu()),
    ],
    "contest": {
        "weights": array(WEIGHTS),
        "positiveNumbers": POSITIVE.tolist(),
        "negativeNumbers": SHARED.tolist(),
        "correction": array(CORRECTION),
        "takenPlaces": [(places + [-1, -1])[:2] for places in TAKEN],
    },
    "losses": [
        loss_case("bpr", 2 * QUERIES, bpr),
        loss_case("bpr hardest", 2 * QUERIES, lambda u, p, n: bpr(u, p, n, hardest=True)),
        loss_case("binary", 2 * QUERIES, binary),
        loss_case("softmax shared", NEGATIVES, lambda u, p, n: softmax(u, p, n, False, False, 0.5)),
        loss_case("softmax mixed", NEGATIVES, lambda u, p, n: softmax(u, p, n, True, True, 1)),
        loss_case("softmax in batch", 0, lambda u, p: softmax(u, p, None, True, True, 0.2)),
        loss_case("bpr shared", NEGATIVES, bpr_shared),
        loss_case("bpr left out", NEGATIVES, lambda u, p, n: bpr_shared(u, p, n, left_out=True)),
        loss_case("softmax left out", NEGATIVES, lambda u, p, n: softmax(u, p, n, True, True, 1, left_out=True)),
    ],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden) + "\n")
