"""Writes ops.json: PyTorch's forward and gradient for cases of test/ops/cases.ts, in float64 on float32
inputs. Keys are "op: what the case is about". Run: python test/golden/ops.py"""
import json
import pathlib

import torch
from torch.nn import functional as F
from torch_layers import array, versions

SEED = 5
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)
B = 3


def uniform(*shape, low=-1.5, high=1.5):
    return (low + (high - low) * torch.rand(*shape, dtype=torch.float32)).double()


def away(*shape):
    u = uniform(*shape, low=-1, high=1)
    return (u + 0.1 * u.sign()).float().double()


def below(bound, *shape):
    return torch.randint(0, bound, shape)


def apart(*shape):
    count = torch.tensor(shape).prod().item()
    return ((torch.randperm(count) - count // 2) * 0.1).float().double().reshape(shape)



rows = lambda: uniform(B, 3)
CASES = {
    "add: both ways": (torch.add, uniform(B, 1), uniform(1, 3)),
    "sub: rank 3 with rank 2": (torch.sub, uniform(2, B, 3), uniform(B, 1)),
    "mul: a row to many": (torch.mul, rows(), uniform(3)),
    "div: a column to many": (torch.div, rows(), away(B, 1)),
    "exp: batch of rows": (torch.exp, rows()),
    "log: batch of rows": (torch.log, uniform(B, 3, low=0.3, high=3)),
    "sqrt: batch of rows": (torch.sqrt, uniform(B, 3, low=0.3, high=3)),
    "tanh: batch of rows": (torch.tanh, rows()),
    "sigmoid: batch of rows": (torch.sigmoid, rows()),
    "relu: batch of rows": (torch.relu, away(B, 3)),
    "softplus: batch of rows": (F.softplus, rows()),
    "softplus: far out": (F.softplus, torch.tensor([-90.0, -20.0, 20.0, 90.0])),
    "abs: batch of rows": (torch.abs, away(B, 3)),
    "erf: batch of rows": (torch.erf, rows()),
    "gelu: batch of rows": (F.gelu, rows()),
    "silu: batch of rows": (F.silu, rows()),
    "leakyRelu: one trained slope": (F.prelu, away(B, 3), uniform(1)),
    "maximum: broadcast": (torch.maximum, rows(), uniform(3)),
    "minimum: broadcast": (torch.minimum, rows(), uniform(3)),
    "clip: both sides": (lambda x: x.clamp(-0.325, 0.425), apart(B, 3)),
    "where: all three broadcast": (
        lambda c, a, b: torch.where(c, a, b),
        torch.tensor([[True], [False], [True]]),
        uniform(3),
        uniform(B, 3),
    ),
    "concat: middle axis": (lambda *x: torch.cat(x, dim=1), uniform(B, 2, 2), uniform(B, 1, 2)),
    "stack: new last axis": (lambda *x: torch.stack(x, dim=-1), uniform(B, 2), uniform(B, 2), uniform(B, 2)),
    "pad: both ends": (lambda x: F.pad(x, (1, 2)), rows()),
    "cumsum: middle axis, reverse": (lambda x: x.flip(1).cumsum(1).flip(1), uniform(B, 3, 2)),
    "cumsum: first axis": (lambda x: x.cumsum(0), uniform(B, 4)),
    "gather: an index of rank 2": (lambda t, i: t[i], uniform(3, 2), below(3, B, 5)),
    "takeAlong: middle axis": (lambda x, i: x.gather(1, i), uniform(B, 3, 2), below(3, B, 2, 2)),
    "addAlong: duplicates add up": (
        lambda x, i, u: x.scatter_add(1, i, u),
        uniform(B, 3),
        below(3, B, 5),
        uniform(B, 5),
    ),
    "topKIndices: the values themselves": (lambda x: x.topk(2).values, apart(B, 5)),
    "matmul: aᵀ·b over the batch": (lambda a, b: a.T @ b, rows(), uniform(B, 2)),
    "matmul: aᵀ·bᵀ": (lambda a, b: a.T @ b.T, uniform(3, B), uniform(2, 3)),
    "matmul: many by one": (torch.matmul, uniform(B, 2, 3), uniform(3, 2)),
    "matmul: one by many": (torch.matmul, uniform(2, 3), uniform(B, 3, 2)),
    "matmul: many by many, both transposed": (lambda a, b: a.mT @ b.mT, uniform(B, 3, 2), uniform(B, 4, 3)),
    "matmul: leading axes broadcast": (torch.matmul, uniform(B, 1, 2, 3), uniform(4, 3, 2)),
    "affine: rank 3": (lambda x, w, b: F.linear(x, w.T, b), uniform(B, 2, 3), uniform(3, 4), uniform(4)),
    "sum: outer axes": (lambda x: x.sum((0, 2)), uniform(B, 3, 2)),
    "mean: two of three axes": (lambda x: x.mean((1, 2)), uniform(B, 3, 2)),
    "max: outer axes": (lambda x: x.amax((0, 2)), apart(B, 3, 2)),
    "min: last axis kept": (lambda x: x.amin(1, keepdim=True), apart(B, 3)),
    "logSumExp: middle axis": (lambda x: x.logsumexp(1), uniform(B, 3, 2)),
    "logSumExp: ties": (lambda x: x.logsumexp(1), torch.tensor([[1.0, 1, 0], [2, 2, 2]])),
    "softmax: middle axis": (lambda x: x.softmax(1), uniform(B, 3, 2)),
    "logSoftmax: last axis": (lambda x: x.log_softmax(-1), uniform(B, 4)),
    "transpose: rotated": (lambda x: x.permute(2, 0, 1), uniform(B, 3, 2)),
    "reshape: merged with the batch": (lambda x: x.reshape(-1, 2), uniform(B, 3, 2)),
    "broadcastTo: a middle axis": (lambda x: x.expand(B, 3, 2), uniform(B, 1, 2)),
}


def run(name, function, *inputs):
    leaves = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
    y = function(*leaves)
    seed = uniform(*y.shape)
    y.backward(seed)
    return {
        "name": name,
        "inputs": [array(x) for x in inputs],
        "output": array(y),
        "seed": array(seed),
        "gradients": [None if x.grad is None else array(x.grad) for x in leaves],
    }


golden = {
    "generator": "test/golden/ops.py",
    "seed": SEED,
    "versions": versions(),
    "cases": [run(name, *case) for name, case in CASES.items()],
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
