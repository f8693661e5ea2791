"""Writes layers.json: outputs, gradients and running moments of PyTorch's layers in float64 on float32
weights. The loss is the sum of the outputs times `weights`. Run: python test/golden/layers.py"""
import json
import pathlib

import torch
from torch import nn
from torch_layers import (
    MLP,
    BilinearFusion,
    CrossNetwork,
    Dice,
    PReLU,
    TargetAttention,
    array,
    exported,
    gradients,
    randomize,
    versions,
)

SEED = 31
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)


def values(*shape):
    return torch.randn(*shape, dtype=torch.float32).double()


def case(name, layer, *inputs, mask=None):
    randomize(layer)
    before = exported(layer)
    result = {"parameters": before, "inputs": [array(x) for x in inputs]}
    extra = [] if mask is None else [mask]
    if mask is not None:
        result["mask"] = array(mask)
    layer.eval()
    result["evaluation"] = array(layer(*inputs, *extra))
    layer.train()
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = layer(*leaves, *extra)
    weights = values(*y.shape)
    (y * weights).sum().backward()
    result |= {
        "weights": array(weights),
        "training": array(y),
        "inputGradients": [array(x.grad) for x in leaves],
        "gradients": gradients(layer),
        "after": {path: a for path, a in exported(layer).items() if path not in result_parameters(layer)},
    }
    return {"name": name} | result


def result_parameters(layer):
    return exported(layer, include_states=False)


lengths = torch.tensor([3, 0, 5, 1])
mask = (torch.arange(5)[None, :] < lengths[:, None]).double()
attention = [values(4, 3), values(4, 5, 3)]

cases = [
    case("linear", nn.Linear(4, 3), values(5, 4)),
    case("linear over three axes", nn.Linear(4, 3), values(2, 5, 4)),
    case("linear without bias", nn.Linear(4, 3, bias=False), values(5, 4)),
    case("batch norm", nn.BatchNorm1d(3), values(6, 3)),
    case("batch norm without affine", nn.BatchNorm1d(3, affine=False, eps=1e-3, momentum=0.3), values(6, 3)),
    case("layer norm", nn.LayerNorm(4), values(5, 4)),
    case("layer norm over three axes", nn.LayerNorm(4, eps=1e-2), values(2, 3, 4)),
    case("dice", Dice(3), values(6, 3)),
    case("prelu", PReLU(), values(6, 3)),
    *[case(f"mlp {a}", MLP(4, [5, 3], activation=a, output=2), values(6, 4)) for a in
      ("relu", "sigmoid", "tanh", "gelu", "silu", "prelu", "dice")],
    case("mlp batch norm", MLP(4, [5, 3], batch_norm=True), values(7, 4)),
    case("cross network", CrossNetwork(4, 3), values(5, 4)),
    case("target attention", TargetAttention(3, [4]), *attention, mask=mask),
    case("target attention softmax", TargetAttention(3, [4], softmax=True), *attention, mask=mask),
    case("target attention relu", TargetAttention(3, [4, 3], activation="relu"), *attention, mask=mask),
    case("bilinear fusion", BilinearFusion(4, 6, 2), values(5, 4), values(5, 6)),
    case("bilinear fusion one head", BilinearFusion(3, 2, 1), values(5, 3), values(5, 2)),
]
golden = {"generator": "test/golden/layers.py", "seed": SEED, "versions": versions(), "cases": cases}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
