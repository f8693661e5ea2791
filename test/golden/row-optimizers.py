"""Golden steps of the row and dense optimizers, by PyTorch.

Writes row-optimizers.json beside itself: a table of 12 rows of 5, six steps of row gradients with repeated
rows, and for each optimizer the weights after each step. Row 0 is padding: it never gets a gradient and
must not move (under table-wide L2, its gradient is set to zero and its weights are put back).

Run: python test/golden/row-optimizers.py
"""

import json
import pathlib

import torch

SEED = 20240511
ROWS, DIM, STEPS, POSITIONS = 12, 5, 6, 9
RATE, L2, DECAY, CLIP = 0.05, 0.02, 0.1, 0.75


def draw():
    generator = torch.Generator().manual_seed(SEED)
    initial = 0.1 * torch.randn(ROWS, DIM, generator=generator)
    initial[0] = 0
    # Few rows in the later batches, so that dense and lazy forms part.
    ids = [torch.randint(0, ROWS if t < 2 else 5, (POSITIONS,), generator=generator) for t in range(STEPS)]
    gradients = [torch.randn(POSITIONS, DIM, generator=generator) for _ in range(STEPS)]
    return initial, ids, gradients


def summed(ids, gradients):
    """Gradient of the whole table; the padding row has none."""
    dense = torch.zeros(ROWS, DIM).index_add_(0, ids, gradients)
    dense[0] = 0
    return dense


def trajectory(make, *, sparse=False, l2=None, clip=None):
    """Weights after each step. l2: None, "batch" or "table", adds L2·w to gradients before clipping."""
    initial, all_ids, all_gradients = draw()
    weight = torch.nn.Parameter(initial.clone())
    optimizer = make([weight])
    steps = []
    for ids, gradients in zip(all_ids, all_gradients):
        gradient = summed(ids, gradients)
        touched = torch.unique(ids[ids != 0])
        if l2 == "batch":
            gradient[touched] += L2 * weight.detach()[touched]
        elif l2 == "table":
            gradient[1:] += L2 * weight.detach()[1:]
        weight.grad = torch.sparse_coo_tensor(touched[None], gradient[touched], (ROWS, DIM)) if sparse else gradient
        if clip is not None:
            norm = gradient.double().norm()
            if norm > clip:
                weight.grad = weight.grad * float(clip / norm)
        optimizer.step()
        steps.append(weight.detach().flatten().tolist())
    return steps


def rowwise_adagrad():
    """One accumulator a row, the mean of the squares: written out, since torch.optim has none."""
    weight, all_ids, all_gradients = draw()
    state = torch.zeros(ROWS)
    steps = []
    for ids, gradients in zip(all_ids, all_gradients):
        gradient = summed(ids, gradients)
        state += gradient.square().mean(1)
        weight = weight - RATE * gradient / (state.sqrt() + 1e-10)[:, None]
        steps.append(weight.flatten().tolist())
    return steps


def dense(make, decay=0.0):
    """A dense parameter of 11 elements."""
    generator = torch.Generator().manual_seed(SEED + 1)
    weight = torch.nn.Parameter(torch.randn(11, generator=generator))
    start = weight.detach().tolist()
    optimizer = make([weight], decay)
    gradients, steps = [], []
    for _ in range(STEPS):
        weight.grad = torch.randn(11, generator=generator)
        gradients.append(weight.grad.tolist())
        optimizer.step()
        steps.append(weight.detach().tolist())
    return {"initial": start, "gradients": gradients, "weights": steps}


initial, ids, gradients = draw()
optim = torch.optim
golden = {
    "seed": SEED,
    "torch": torch.__version__,
    "rows": ROWS,
    "dim": DIM,
    "rate": RATE,
    "l2": L2,
    "weightDecay": DECAY,
    "clip": CLIP,
    "initial": initial.flatten().tolist(),
    "ids": [each.tolist() for each in ids],
    "gradients": [each.flatten().tolist() for each in gradients],
    "trajectories": {
        "sgd": trajectory(lambda p: optim.SGD(p, lr=RATE)),
        "adagrad": trajectory(lambda p: optim.Adagrad(p, lr=RATE)),
        "rowwiseAdagrad": rowwise_adagrad(),
        "adamDense": trajectory(lambda p: optim.Adam(p, lr=RATE)),
        "adamDenseBatchL2": trajectory(lambda p: optim.Adam(p, lr=RATE), l2="batch"),
        "adamDenseTableL2": trajectory(lambda p: optim.Adam(p, lr=RATE), l2="table"),
        "adamDenseTableL2Clipped": trajectory(lambda p: optim.Adam(p, lr=RATE), l2="table", clip=CLIP),
        "sgdTableL2Clipped": trajectory(lambda p: optim.SGD(p, lr=RATE), l2="table", clip=CLIP),
        "rmsprop": trajectory(lambda p: optim.RMSprop(p, lr=RATE)),
        "adamLazy": trajectory(lambda p: optim.SparseAdam(p, lr=RATE), sparse=True),
        "adamLazyBatchL2Clipped": trajectory(
            lambda p: optim.SparseAdam(p, lr=RATE), sparse=True, l2="batch", clip=CLIP
        ),
    },
    "dense": {
        "sgd": dense(lambda p, d: optim.SGD(p, lr=RATE, weight_decay=d)),
        "momentum": dense(lambda p, d: optim.SGD(p, lr=RATE, momentum=0.9, weight_decay=d)),
        "adagrad": dense(lambda p, d: optim.Adagrad(p, lr=RATE, weight_decay=d), L2),
        "adam": dense(lambda p, d: optim.Adam(p, lr=RATE, weight_decay=d)),
        "rmsprop": dense(lambda p, d: optim.RMSprop(p, lr=RATE, weight_decay=d), L2),
        "adamL2": dense(lambda p, d: optim.Adam(p, lr=RATE, weight_decay=d), L2),
        "adamDecoupled": dense(lambda p, d: optim.AdamW(p, lr=RATE, weight_decay=d), DECAY),
    },
}


def short(value):
    """Nine digits give a float32 back exactly."""
    if isinstance(value, dict):
        return {key: short(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [short(entry) for entry in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(short(golden)) + "\n")
print(f"{path.name}: {path.stat().st_size} bytes")
