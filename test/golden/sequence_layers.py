"""Writes sequence_layers.json: outputs and gradients of the layers of sequence models in float64 on float32
weights. The loss is the sum of the outputs times `weights`; masks and other inputs without a gradient stand
under `given`. Run: python test/golden/sequence_layers.py"""
import json
import pathlib

import torch
from torch_layers import array, exported, gradients, randomize, versions
from torch_sequence import GRU, MultiHeadAttention, TorchGRU, TorchSelfAttention

SEED = 32
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)


def values(*shape):
    return torch.randn(*shape, dtype=torch.float32).double()


def case(name, layer, inputs, given=None):
    """`inputs` and `given` are arguments by name."""
    given = given or {}
    randomize(layer)
    leaves = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    y = layer(**leaves, **given)
    weights = values(*y.shape)
    (y * weights).sum().backward()
    return {
        "name": name,
        "parameters": exported(layer),
        "inputs": {name: array(x) for name, x in inputs.items()},
        "given": {name: array(x) for name, x in given.items()},
        "output": array(y),
        "weights": array(weights),
        "inputGradients": {name: array(x.grad) for name, x in leaves.items()},
        "gradients": gradients(layer),
    }


lengths = torch.tensor([3, 0, 5, 1])
mask = {"mask": (torch.arange(5)[None, :] < lengths[:, None]).double()}
gapped = {"mask": torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1.0]])}
x = {"x": values(4, 5, 6)}
led = {"x": values(4, 5, 3), "scores": torch.rand(4, 5, dtype=torch.float32).double()}


def renamed(inputs, **names):
    return {names[name]: value for name, value in inputs.items()}


queries = renamed(x, x="queries")
cases = [
    case("self-attention", TorchSelfAttention(6, heads=2), x),
    case("self-attention causal", TorchSelfAttention(6, heads=3, causal=True), x),
    case("self-attention mask", MultiHeadAttention(6, heads=2), queries, mask),
    case("self-attention causal mask", MultiHeadAttention(6, heads=2, causal=True), queries, mask),
    case("self-attention without bias", MultiHeadAttention(6, bias=False), queries, gapped),
    case(
        "attention to others",
        MultiHeadAttention(6, heads=2, event_dim=3, head_dim=2),
        {"queries": values(4, 2, 6), "events": values(4, 5, 3)},
        mask,
    ),
    case("gru", TorchGRU(6, 3), x),
    case("gru mask", GRU(6, 3), x, mask),
    case("gru last", GRU(6, 2, last=True), x, gapped),
    *[case(kind.lower(), GRU(3, 4, kind, last=True), led, mask) for kind in ("AUGRU", "AGRU", "AIGRU")],
]
golden = {"generator": "test/golden/sequence_layers.py", "seed": SEED, "versions": versions(), "cases": cases}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
