"""Writes ranking_losses.json: values and logit gradients, in float64 by PyTorch, of cross entropy combined with
ranking losses on batches of 12 rows, written as plain loops over rows and pairs. Run:
python test/golden/ranking_losses.py"""
import json
import pathlib

import torch
from torch.nn.functional import logsigmoid

SEED = 19
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)
N = 12


def cross_entropy(z, y, w, gamma):
    p = torch.sigmoid(z).detach()
    negatives = [k for k in range(N) if y[k] == 0]
    shift = 1 - sum(p[k] ** gamma for k in negatives) / max(len(negatives), 1)
    total = 0
    for k in range(N):
        if y[k] == 1:
            total = total - w[k] * (1 - p[k]) ** gamma * logsigmoid(z[k])
        else:
            total = total - w[k] * (p[k] ** gamma + shift) * logsigmoid(-z[k])
    return total / N


def pairs(y, g):
    return [(i, j) for i in range(N) for j in range(N) if y[i] == 1 and y[j] == 0 and g[i] == g[j]]


def pair(z, y, w, g):
    found = pairs(y, g)
    return -sum(logsigmoid(z[i] - z[j]) for i, j in found) / max(len(found), 1)


def listed(z, y, w, g, score):
    comparable = sorted({i for i, _ in pairs(y, g)})
    total = 0
    for i in comparable:
        total = total - torch.log(score(z[i]) / sum(w[k] * score(z[k]) for k in range(N) if g[k] == g[i]))
    return total / max(len(comparable), 1)


def contrastive(z, y, w, g):
    found = pairs(y, g)
    comparable = sorted({i for i, _ in found})
    total = 0
    for i in comparable:
        others = sum(torch.exp(z[j]) for k, j in found if k == i)
        total = total - torch.log(torch.exp(z[i]) / (torch.exp(z[i]) + others))
    return total / max(len(comparable), 1)


def jrc(one, zero, y, w, g):
    total = 0
    for i in range(N):
        column = one if y[i] == 1 else zero
        rows = [k for k in range(N) if g[k] == g[i]]
        total = total - w[i] * torch.log(torch.exp(column[i]) / sum(w[k] * torch.exp(column[k]) for k in rows))
    return total / N


rankings = {
    "pair": pair,
    "list": lambda z, y, w, g: listed(z, y, w, g, torch.exp),
    "rcr": lambda z, y, w, g: listed(z, y, w, g, torch.sigmoid),
    "contrastive": contrastive,
    "jrc": lambda z, y, w, g: jrc(z / 2, -z / 2, y, w, g),
    "none": None,
}


def array(x):
    return [float(v) for v in x]


batches = []
for share in (0.25, 0.5):
    for weighted in (False, True):
        for grouped in (False, True):
            z = (1.5 * torch.randn(N, dtype=torch.float32)).double()
            y = torch.zeros(N)
            y[torch.randperm(N)[: int(share * N)]] = 1
            w = torch.where(y == 1, torch.tensor(0.25), torch.ones(N)) if weighted else torch.ones(N)
            g = torch.randint(0, 3, (N,)) if grouped else torch.zeros(N)
            cases = []
            for kind, ranking in rankings.items():
                for alpha, gamma in ((0.7, 0), (0, 0), (0.4, 1.5)):
                    leaf = z.clone().requires_grad_()
                    bce = cross_entropy(leaf, y, w, gamma)
                    loss = bce if ranking is None else alpha * bce + (1 - alpha) * ranking(leaf, y, w, g)
                    loss.backward()
                    cases.append({"kind": kind, "alpha": alpha, "focalGamma": gamma, "loss": float(loss.detach()),
                                  "gradient": array(leaf.grad)})
            one, zero = [torch.randn(N, dtype=torch.float32).double().requires_grad_() for _ in range(2)]
            joint = jrc(one, zero, y, w, g)
            joint.backward()
            batches.append({
                "logits": array(z), "labels": array(y),
                "weights": array(w) if weighted else None,
                "groups": [int(v) for v in g] if grouped else None,
                "cases": cases,
                "joint": {"click": array(one.detach()), "none": array(zero.detach()), "loss": float(joint.detach()),
                          "clickGradient": array(one.grad), "noneGradient": array(zero.grad)},
            })

out = {"seed": SEED, "versions": {"torch": torch.__version__}, "batches": batches}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
