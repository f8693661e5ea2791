"""Writes sequence_layers.json: outputs and gradients of the layers of sequence models in float64 on float32
weights. The loss is the sum of the outputs times `weights`; masks and other inputs without a gradient stand
under `given`. Run: python test/golden/sequence_layers.py"""
import json
import pathlib

import torch
from torch_layers import array, exported, gradients, randomize, versions
from torch_sequence import (
    GRU,
    HSTULayer,
    MultiHeadAttention,
    MultiHeadTargetAttention,
    PositionalEmbedding,
    RelativeBias,
    SetPooling,
    SimHash,
    TorchGRU,
    TorchSelfAttention,
    TransformerBlock,
)

SEED = 32
torch.manual_seed(SEED)
torch.set_default_dtype(torch.float64)


def values(*shape):
    return torch.randn(*shape, dtype=torch.float32).double()


def case(name, layer, inputs, given=None, **fixed):
    """`inputs` and `given` are arguments by name, `fixed` are those that the test writes out too."""
    given = given or {}
    randomize(layer)
    leaves = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    y = layer(**leaves, **given, **fixed)
    weights = values(*y.shape)
    (y * weights).sum().backward()
    return {
        "name": name,
        "parameters": exported(layer),
        "inputs": {name: array(x) for name, x in inputs.items()},
        "given": {name: array(x) for name, x in given.items()},
        "output": array(y),
        "weights": array(weights),
        "inputGradients": {name: array(torch.zeros_like(x) if x.grad is None else x.grad) for name, x in leaves.items()},
        "gradients": gradients(layer),
    }


lengths = torch.tensor([3, 0, 5, 1])
mask = {"mask": (torch.arange(5)[None, :] < lengths[:, None]).double()}
gapped = {"mask": torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1.0]])}
x = {"x": values(4, 5, 6)}
led = {"x": values(4, 5, 3), "scores": torch.rand(4, 5, dtype=torch.float32).double()}


def renamed(inputs, **names):
    return {names[name]: value for name, value in inputs.items()}


class Distances(SimHash):
    """Of which something is made that has a gradient."""

    def forward(self, target, events):
        return self.distances(target, events).unsqueeze(-1) * events


queries = renamed(x, x="queries")
among = {"target": values(4, 6), "events": values(4, 5, 6)}
visible = (mask["mask"][:, None, :] * torch.ones(5, 5)).tril()
# Oldest first, so falling; whole seconds, not too near to the edges of buckets.
ages = torch.tensor([[90000, 86400, 61, 30, 9], [5, 4, 3, 2, 1], [7e7, 3600, 0.5, 0.2, 0], [1e30, 8, 7, 6, 5.0]])


class Candidates(RelativeBias):
    """Entries that mean nothing are zero here and whatever falls out there; both are left out."""

    def forward(self, mask, ages=None):
        allowed = torch.cat([mask, torch.ones(len(mask), 1)], dim=1)
        return super().forward(mask, ages) * (allowed[:, :, None] * allowed[:, None, :]).tril()


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
    case("target attention", MultiHeadTargetAttention(6, 4), among, mask),
    case("target attention heads", MultiHeadTargetAttention(6, 8, heads=2), among, gapped),
    case("target attention bias", MultiHeadTargetAttention(6, 6, heads=3), among | {"bias": values(4, 3, 5)}, mask),
    case("target attention top 2", MultiHeadTargetAttention(6, 8, heads=2), among, mask, k=2),
    case("target attention top 9", MultiHeadTargetAttention(6, 8, heads=2), among, gapped, k=9),
    case(
        "target attention values",
        MultiHeadTargetAttention(6, 8, heads=2, event_dim=3, value_dim=5),
        {"target": values(4, 6), "events": values(4, 5, 3), "values": values(4, 5, 5)},
        mask,
        k=3,
    ),
    case("set pooling", SetPooling(6, seeds=2, heads=2), renamed(x, x="events"), mask),
    case("set pooling attention only", SetPooling(6, seeds=3, attention_only=True), renamed(x, x="events")),
    case("transformer block", TransformerBlock(6, heads=2, hidden=4), x, mask),
    case("transformer block causal", TransformerBlock(6, causal=True), x),
    case("sim-hash distances", Distances(6, 16), among),
    case("positional embedding", PositionalEmbedding(5, 3), {}, mask),
    case("relative bias", Candidates(5, times=False), {}, mask),
    case("relative bias times", Candidates(5, times=True), {}, mask | {"ages": ages * mask["mask"]}),
    case("hstu layer", HSTULayer(6, normalizer=7), x, {"allowed": visible}),
    case("hstu layer heads", HSTULayer(6, 5, heads=2, query_dim=2, value_dim=4), x | {"bias": values(4, 5, 5)}, {"allowed": visible}),
    *[case(kind.lower(), GRU(3, 4, kind, last=True), led, mask) for kind in ("AUGRU", "AGRU", "AIGRU")],
]
golden = {"generator": "test/golden/sequence_layers.py", "seed": SEED, "versions": versions(), "cases": cases}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
