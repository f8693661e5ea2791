"""Models of feature interactions in PyTorch, pair by pair and layer by layer as their papers write them, with
our names (see torch_layers.py)."""
from itertools import combinations

import torch
from torch import nn
from torch.nn import functional as F
from torch_layers import MLP, FieldEmbedding, LinearLogit


def pairs_of(fields):
    return list(combinations(range(fields), 2))


class FFM(nn.Module):
    def __init__(self, schema, embeddingDim):
        super().__init__()
        self.linear = LinearLogit(schema)
        self.dim = embeddingDim
        self.embedding = FieldEmbedding(schema, (len(schema["features"]) - 1) * embeddingDim)

    def forward(self, batch):
        e = self.embedding(batch)
        kept = lambda f, g: e[:, f].split(self.dim, dim=1)[g if g < f else g - 1]
        pairs = sum((kept(f, g) * kept(g, f)).sum(dim=1) for f, g in pairs_of(e.shape[1]))
        return self.linear(batch) + pairs


class WeightedPairs(nn.Module):
    def __init__(self, fields, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(len(pairs_of(fields)), *shape))

    def forward(self, e):
        total = 0
        for weight, (f, g) in zip(self.weight, pairs_of(e.shape[1])):
            left = e[:, f] @ weight if weight.dim() == 2 else e[:, f] * weight
            total = total + (left * e[:, g]).sum(dim=1)
        return total


class FwFM(nn.Module):
    def __init__(self, schema, embeddingDim, linearType="FiLV"):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.pairs = WeightedPairs(self.embedding.fields)
        self.bias = nn.Parameter(torch.zeros(1))
        self.kind = linearType
        if linearType == "FiLV":
            self.fieldLinear = nn.Linear(self.embedding.width, 1, bias=False)
        elif linearType == "FeLV":
            self.valueLinear = FieldEmbedding(schema, embeddingDim)
        else:
            self.linear = LinearLogit(schema)

    def forward(self, batch):
        e = self.embedding(batch)
        if self.kind == "FiLV":
            linear = self.fieldLinear(e.flatten(1))[:, 0]
        elif self.kind == "FeLV":
            linear = torch.einsum("bfd,bfd->b", e, self.valueLinear(batch))
        else:
            linear = self.linear(batch)
        return linear + self.pairs(e) + self.bias


class FmFM(nn.Module):
    def __init__(self, schema, embeddingDim, fieldInteraction="matrix"):
        super().__init__()
        self.linear = LinearLogit(schema)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        shape = [embeddingDim] * (2 if fieldInteraction == "matrix" else 1)
        self.pairs = WeightedPairs(self.embedding.fields, *shape)

    def forward(self, batch):
        return self.linear(batch) + self.pairs(self.embedding(batch))


class NFM(nn.Module):
    def __init__(self, schema, embeddingDim, hiddenUnits, batchNorm=False):
        super().__init__()
        self.linear = LinearLogit(schema)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.deep = MLP(embeddingDim, hiddenUnits, batch_norm=batchNorm, output=1)

    def forward(self, batch):
        e = self.embedding(batch)
        pooled = sum(e[:, f] * e[:, g] for f, g in pairs_of(e.shape[1]))
        return self.linear(batch) + self.deep(pooled)[:, 0]


class PairAttention(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.hidden = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, e):
        products = torch.stack([e[:, f] * e[:, g] for f, g in pairs_of(e.shape[1])], dim=1)
        weights = self.score(F.relu(self.hidden(products))).softmax(dim=1)
        return (weights * products).sum(dim=1)


class AFM(nn.Module):
    def __init__(self, schema, embeddingDim, attentionDim):
        super().__init__()
        self.linear = LinearLogit(schema)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.attention = PairAttention(embeddingDim, attentionDim)
        self.projection = nn.Linear(embeddingDim, 1, bias=False)

    def forward(self, batch):
        return self.linear(batch) + self.projection(self.attention(self.embedding(batch)))[:, 0]


class WideDeep(nn.Module):
    def __init__(self, schema, embeddingDim, hiddenUnits):
        super().__init__()
        self.linear = LinearLogit(schema)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.deep = MLP(self.embedding.width, hiddenUnits, output=1)

    def forward(self, batch):
        return self.linear(batch) + self.deep(self.embedding(batch).flatten(1))[:, 0]


class PNN(nn.Module):
    def __init__(self, schema, embeddingDim, hiddenUnits, product="inner"):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.product = product
        inputs = self.embedding.width
        inputs += 0 if product == "outer" else len(pairs_of(self.embedding.fields))
        inputs += 0 if product == "inner" else embeddingDim**2
        self.deep = MLP(inputs, hiddenUnits, output=1)

    def forward(self, batch):
        e = self.embedding(batch)
        parts = [e.flatten(1)]
        if self.product != "outer":
            parts += [(e[:, f] * e[:, g]).sum(dim=1, keepdim=True) for f, g in pairs_of(e.shape[1])]
        if self.product != "inner":
            parts.append(torch.einsum("bfi,bgj->bij", e, e).flatten(1))
        return self.deep(torch.cat(parts, dim=1))[:, 0]


class RankOneCrossNetwork(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, depth))
        self.bias = nn.Parameter(torch.zeros(depth, width))

    def forward(self, x0):
        x = x0
        for weight, bias in zip(self.weight.T, self.bias):
            x = x0 * (x @ weight)[:, None] + bias + x
        return x


class MixtureLayer(nn.Module):
    def __init__(self, width, experts, rank):
        super().__init__()
        self.down = nn.Parameter(torch.zeros(width, experts * rank))
        self.core = nn.Parameter(torch.zeros(experts, rank, rank))
        self.up = nn.Parameter(torch.zeros(experts * rank, width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x0, x, gates):
        rank = self.core.shape[1]
        total = x
        parts = zip(self.down.split(rank, dim=1), self.core, self.up.split(rank, dim=0), gates.T)
        for down, core, up, gate in parts:
            expert = x0 * (torch.tanh(torch.tanh(x @ down) @ core) @ up + self.bias)
            total = total + gate[:, None] * expert
        return total


class CrossNetworkMixture(nn.Module):
    def __init__(self, width, depth, experts, rank):
        super().__init__()
        self.layers = nn.ModuleList(MixtureLayer(width, experts, rank) for _ in range(depth))
        self.gate = nn.Linear(width, experts, bias=False)

    def forward(self, x0):
        x = x0
        for layer in self.layers:
            x = layer(x0, x, self.gate(x).softmax(dim=1))
        return x


class CrossAndDeep(nn.Module):
    def __init__(self, schema, embeddingDim, hiddenUnits, cross):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = self.embedding.width
        self.cross = cross(width)
        self.deep = MLP(width, hiddenUnits)
        self.head = nn.Linear(width + self.deep.width, 1)

    def forward(self, batch):
        x0 = self.embedding(batch).flatten(1)
        return self.head(torch.cat([self.cross(x0), self.deep(x0)], dim=1))[:, 0]


class DCN(CrossAndDeep):
    def __init__(self, schema, embeddingDim, crossLayers, hiddenUnits):
        super().__init__(schema, embeddingDim, hiddenUnits, lambda width: RankOneCrossNetwork(width, crossLayers))


class DCNMix(CrossAndDeep):
    def __init__(self, schema, embeddingDim, crossLayers, experts, rank, hiddenUnits):
        mixture = lambda width: CrossNetworkMixture(width, crossLayers, experts, rank)
        super().__init__(schema, embeddingDim, hiddenUnits, mixture)


class CompressedInteraction(nn.Module):
    def __init__(self, fields, maps):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(fields * a, b) for a, b in zip([fields, *maps], maps))
        self.head = nn.Linear(sum(maps), 1)

    def maps(self, e):
        x, pooled = e, []
        for layer in self.layers:
            products = torch.einsum("bfd,bjd->bfjd", e, x).flatten(1, 2)  # [batch, fields * maps, dim]
            x = F.conv1d(products, layer.weight[:, :, None], layer.bias)
            pooled.append(x.sum(dim=2))
        return torch.cat(pooled, dim=1)

    def forward(self, e):
        return self.head(self.maps(e))[:, 0]


class XDeepFM(nn.Module):
    def __init__(self, schema, embeddingDim, cinUnits, hiddenUnits):
        super().__init__()
        self.linear = LinearLogit(schema)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.cin = CompressedInteraction(self.embedding.fields, cinUnits)
        self.deep = MLP(self.embedding.width, hiddenUnits, output=1)

    def forward(self, batch):
        e = self.embedding(batch)
        return self.linear(batch) + self.cin(e) + self.deep(e.flatten(1))[:, 0]
