"""Multi-Embedding (arXiv:2310.04400) in PyTorch, written out by model rather than by a wrapper: what is a set's
own stands in every set, what is shared stands in the first."""
import torch
from torch import nn
from torch_interaction_models import XDeepFM
from torch_layers import MLP, CrossNetwork, FieldEmbedding
from torch_models import FinalMLP


def mean(parts):
    return torch.stack(parts).mean(dim=0)


def rest(mlp, x):
    """An MLP behind its first hidden layer."""
    for k, layer in enumerate(mlp.layers):
        if k > 0:
            x = layer(x)
            x = mlp.norms[k](x) if len(mlp.norms) else x
            x = mlp.activations[k](x)
    return x if mlp.head is None else mlp.head(x)


def first(mlp, x):
    x = mlp.layers[0](x)
    x = mlp.norms[0](x) if len(mlp.norms) else x
    return mlp.activations[0](x)


class CrossSet(nn.Module):
    def __init__(self, schema, dim, layers, hidden, batch_norm, whole, sparse):
        super().__init__()
        self.embedding = FieldEmbedding(schema, dim, sparse=sparse)
        width = self.embedding.width
        self.cross = CrossNetwork(width, layers)
        self.deep = MLP(width, hidden if whole else hidden[:1], batch_norm=batch_norm)
        if whole:
            self.head = nn.Linear(self.deep.width, 1)

    def represent(self, batch):
        return first(self.deep, self.cross(self.embedding(batch).flatten(1)))


class DCNv2Sets(nn.Module):
    """Crosses below the deep network, as in the paper."""

    def __init__(
        self, schema, embeddingDim, crossLayers, hiddenUnits, embeddingSets, structure, batchNorm=False, sparse=False
    ):
        super().__init__()
        assert structure == "stacked"
        self.sets = nn.ModuleList(
            CrossSet(schema, embeddingDim, crossLayers, hiddenUnits, batchNorm, m == 0, sparse)
            for m in range(embeddingSets)
        )

    def forward(self, batch):
        h = mean([one.represent(batch) for one in self.sets])
        shared = self.sets[0]
        return shared.head(rest(shared.deep, h))[:, 0]


class DCNv2Stacked(nn.Module):
    def __init__(self, schema, embeddingDim, crossLayers, hiddenUnits, structure):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.cross = CrossNetwork(self.embedding.width, crossLayers)
        self.deep = MLP(self.embedding.width, hiddenUnits)
        self.head = nn.Linear(self.deep.width, 1)

    def forward(self, batch):
        return self.head(self.deep(self.cross(self.embedding(batch).flatten(1))))[:, 0]


class DCNv2StackedParallel(DCNv2Stacked):
    """FuxiCTR's: a network behind the crosses and one beside them."""

    def __init__(self, schema, embeddingDim, crossLayers, hiddenUnits, structure):
        super().__init__(schema, embeddingDim, crossLayers, hiddenUnits, structure)
        self.beside = MLP(self.embedding.width, hiddenUnits)
        self.head = nn.Linear(self.deep.width + self.beside.width, 1)

    def forward(self, batch):
        x0 = self.embedding(batch).flatten(1)
        return self.head(torch.cat([self.deep(self.cross(x0)), self.beside(x0)], dim=1))[:, 0]


class DCNv2Crosses(nn.Module):
    def __init__(self, schema, embeddingDim, crossLayers, structure):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.cross = CrossNetwork(self.embedding.width, crossLayers)
        self.head = nn.Linear(self.embedding.width, 1)

    def forward(self, batch):
        return self.head(self.cross(self.embedding(batch).flatten(1)))[:, 0]


class FinalMLPSets(nn.Module):
    def __init__(self, schema, embeddingSets, **options):
        super().__init__()
        self.sets = nn.ModuleList(FinalMLP(schema, **options) for _ in range(embeddingSets))
        for one in self.sets[1:]:
            del one.fusion

    def forward(self, batch):
        streams = []
        for one in self.sets:
            x0 = one.embedding(batch).flatten(1)
            streams.append((one.mlp1(x0 * one.gate1(batch)), one.mlp2(x0 * one.gate2(batch))))
        return self.sets[0].fusion(mean([s[0] for s in streams]), mean([s[1] for s in streams]))


class XDeepFMSets(nn.Module):
    def __init__(self, schema, embeddingSets, hiddenUnits, **options):
        super().__init__()
        self.sets = nn.ModuleList(XDeepFM(schema, hiddenUnits=hiddenUnits, **options) for _ in range(embeddingSets))
        for one in self.sets[1:]:
            del one.linear, one.cin.head
            one.deep = MLP(one.embedding.width, hiddenUnits[:1])

    def forward(self, batch):
        maps, hidden = [], []
        for one in self.sets:
            e = one.embedding(batch)
            maps.append(one.cin.maps(e))
            hidden.append(first(one.deep, e.flatten(1)))
        shared = self.sets[0]
        deep = rest(shared.deep, mean(hidden))[:, 0]
        return shared.linear(batch) + shared.cin.head(mean(maps))[:, 0] + deep
