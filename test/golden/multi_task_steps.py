"""Golden steps of multi-task training, by PyTorch: losses of two tasks on one small network.

Writes multi_task_steps.json beside itself: initial weights, one batch, and for each method the weights after
each of three steps. The network is tanh(x W + b) under a linear head a task; PCGrad, GradNorm, uncertainty
weighting and AdaTask are written out from their papers on torch.autograd and torch.optim.

Run: python test/golden/multi_task_steps.py
"""

import json
import pathlib

import torch

SEED = 20240517
ROWS, WIDTH, HIDDEN, STEPS = 16, 2, 3, 3
RATE, GRADNORM_RATE, ALPHA = 0.05, 0.025, 1.5
SHARED = ["bottom.weight", "bottom.bias"]
HEADS = ["heads.click.weight", "heads.click.bias", "heads.like.weight", "heads.like.bias"]


def draw():
    generator = torch.Generator().manual_seed(SEED)
    randn = lambda *shape: torch.randn(*shape, generator=generator)
    x = randn(ROWS, WIDTH)
    labels = [(randn(ROWS) > 0).float(), (randn(ROWS) > 1).float()]
    weights = {
        "bottom.weight": randn(WIDTH, HIDDEN),
        "bottom.bias": 0.1 * randn(HIDDEN),
        "heads.click.weight": randn(HIDDEN, 1),
        "heads.click.bias": 0.1 * randn(1),
        "heads.like.weight": randn(HIDDEN, 1),
        "heads.like.bias": 0.1 * randn(1),
    }
    return x, labels, weights


def losses(x, labels, w):
    h = torch.tanh(x @ w["bottom.weight"] + w["bottom.bias"])
    heads = [(h @ w[f"heads.{task}.weight"] + w[f"heads.{task}.bias"]).squeeze(1) for task in ("click", "like")]
    return [torch.nn.functional.binary_cross_entropy_with_logits(z, y) for z, y in zip(heads, labels)]


def run(method):
    """`method(w, optimizer state)` sets gradients or moves weights; returns the trajectory."""
    x, labels, initial = draw()
    w = {name: torch.nn.Parameter(value.clone()) for name, value in initial.items()}
    step = method(w)
    trajectory = []
    for _ in range(STEPS):
        extra = step(losses(x, labels, w))
        trajectory.append({**{name: value.detach().flatten().tolist() for name, value in w.items()}, **(extra or {})})
    return trajectory


def flat_gradients(each, w, names):
    return [
        torch.cat([g.flatten() for g in torch.autograd.grad(loss, [w[n] for n in names], retain_graph=True)])
        for loss in each
    ]


def write_gradients(flat, w, names):
    at = 0
    for name in names:
        size = w[name].numel()
        w[name].grad = flat[at : at + size].reshape(w[name].shape)
        at += size


def equal(w):
    optimizer = torch.optim.Adam(w.values(), lr=RATE)

    def step(each):
        optimizer.zero_grad()
        sum(each).backward()
        optimizer.step()

    return step


def uncertainty(w):
    s = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([*w.values(), s], lr=RATE)

    def step(each):
        optimizer.zero_grad()
        sum(torch.exp(-s[k]) * loss + s[k] / 2 for k, loss in enumerate(each)).backward()
        optimizer.step()
        return {"factors": torch.exp(-s.detach()).tolist()}

    return step


def gradnorm(w):
    factors = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam(w.values(), lr=RATE)
    own = torch.optim.Adam([factors], lr=GRADNORM_RATE)
    first = []

    def step(each):
        if not first:
            first.extend(loss.detach() for loss in each)
        optimizer.zero_grad()
        sum(f * loss for f, loss in zip(factors.detach(), each)).backward(retain_graph=True)
        norms = torch.stack([
            factors[k] * torch.autograd.grad(loss, w["bottom.weight"], retain_graph=True)[0].norm()
            for k, loss in enumerate(each)
        ])
        ratios = torch.stack([loss.detach() / start for loss, start in zip(each, first)])
        target = (norms.mean() * (ratios / ratios.mean()) ** ALPHA).detach()
        factors.grad = torch.autograd.grad((norms - target).abs().sum(), factors)[0]
        own.step()
        with torch.no_grad():
            factors.mul_(2 / factors.sum())
        optimizer.step()
        return {"factors": factors.detach().tolist()}

    return step


def pcgrad(w):
    """Two tasks: there is one order only."""
    optimizer = torch.optim.Adam(w.values(), lr=RATE)

    def step(each):
        optimizer.zero_grad()
        sum(each).backward(retain_graph=True)
        a, b = flat_gradients(each, w, SHARED)
        dot = a @ b
        if dot < 0:
            write_gradients(a - dot / (b @ b) * b + b - dot / (a @ a) * a, w, SHARED)
        optimizer.step()

    return step


def adatask(w, make):
    """A state a task on shared parameters, the plain optimizer on each head."""
    twins = [{n: torch.nn.Parameter(w[n].detach().clone()) for n in SHARED} for _ in range(2)]
    shared = [make(list(twin.values())) for twin in twins]
    heads = make([w[n] for n in HEADS])

    def step(each):
        for n in HEADS:
            w[n].grad = None
        sum(each).backward(retain_graph=True)
        gradients = flat_gradients(each, w, SHARED)
        before = {n: w[n].detach().clone() for n in SHARED}
        moved = {n: torch.zeros_like(w[n]) for n in SHARED}
        for k in range(2):
            for n in SHARED:
                twins[k][n].data.copy_(before[n])
            write_gradients(gradients[k], twins[k], SHARED)
            shared[k].step()
            for n in SHARED:
                moved[n] += twins[k][n].detach() - before[n]
        heads.step()
        for n in SHARED:
            w[n].data.add_(moved[n])

    return step


x, labels, weights = draw()
golden = {
    "seed": SEED,
    "torch": torch.__version__,
    "rate": RATE,
    "gradnormRate": GRADNORM_RATE,
    "alpha": ALPHA,
    "x": x.tolist(),
    "labels": {"click": labels[0].tolist(), "like": labels[1].tolist()},
    "weights": {name: {"shape": list(value.shape), "data": value.flatten().tolist()} for name, value in weights.items()},
    "trajectories": {
        "equal": run(equal),
        "uncertainty": run(uncertainty),
        "gradnorm": run(gradnorm),
        "pcgrad": run(pcgrad),
        "adataskAdam": run(lambda w: adatask(w, lambda p: torch.optim.Adam(p, lr=RATE))),
        "adataskAdagrad": run(lambda w: adatask(w, lambda p: torch.optim.Adagrad(p, lr=RATE))),
        "adataskRmsprop": run(lambda w: adatask(w, lambda p: torch.optim.RMSprop(p, lr=RATE))),
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
