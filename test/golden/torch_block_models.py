"""AutoInt, DLRM, FiBiNET, MaskNet, GDCN, EDCN, FinalNet and Wukong in PyTorch, with our names (see
torch_layers.py), written from the papers' equations."""
from itertools import combinations

import torch
from torch import nn
from torch.nn import functional as F
from torch_layers import MLP, FieldEmbedding, LinearLogit


class FieldAttention(nn.Module):
    def __init__(self, dim, width, heads, scale, residual, layer_norm):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(dim, width, bias=False) for _ in range(3))
        self.residual = nn.Linear(dim, width, bias=False) if residual and dim != width else None
        self.norm = nn.LayerNorm(width) if layer_norm else None
        self.heads, self.adds = heads, residual
        self.divisor = (width / heads) ** 0.5 if scale else 1

    def forward(self, x):
        parts = []
        for q, k, v in zip(*(m(x).chunk(self.heads, dim=-1) for m in (self.query, self.key, self.value))):
            scores = torch.einsum("bfd,bgd->bfg", q, k) / self.divisor
            parts.append(torch.einsum("bfg,bgd->bfd", scores.softmax(dim=-1), v))
        y = torch.cat(parts, dim=-1)
        if self.adds:
            y = y + (x if self.residual is None else self.residual(x))
        return F.relu(y if self.norm is None else self.norm(y))


class AutoInt(nn.Module):
    def __init__(
        self, schema, embeddingDim, hiddenUnits, attentionLayers, attentionDim, heads,
        attentionScale=False, attentionResidual=True, attentionLayerNorm=False, wide=False,
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        dims = [embeddingDim] + [attentionDim] * (attentionLayers - 1)
        self.attentions = nn.ModuleList(
            FieldAttention(d, attentionDim, heads, attentionScale, attentionResidual, attentionLayerNorm)
            for d in dims
        )
        self.head = nn.Linear(self.embedding.fields * attentionDim, 1)
        self.deep = MLP(self.embedding.width, hiddenUnits, output=1) if hiddenUnits else None
        self.linear = LinearLogit(schema) if wide else None

    def forward(self, batch):
        e = x = self.embedding(batch)
        for layer in self.attentions:
            x = layer(x)
        logit = self.head(x.flatten(1))[:, 0]
        if self.deep is not None:
            logit = logit + self.deep(e.flatten(1))[:, 0]
        return logit if self.linear is None else logit + self.linear(batch)


class DLRM(nn.Module):
    def __init__(self, schema, embeddingDim, bottomHiddenUnits, topHiddenUnits, interaction="dot", batchNorm=False):
        super().__init__()
        self.numbers = [f["name"] for f in schema["features"] if f["kind"] == "numeric"]
        self.embedding = FieldEmbedding(schema, embeddingDim, exclude=self.numbers)
        fields = self.embedding.fields
        if self.numbers:
            self.embedding.numericFill = nn.Parameter(torch.zeros(len(self.numbers)))
            self.bottom = MLP(len(self.numbers), bottomHiddenUnits, batch_norm=batchNorm, output=embeddingDim)
            fields += 1
        self.interaction = interaction
        products = fields * (fields - 1) // 2 + (embeddingDim if self.numbers else 0)
        inputs = products if interaction == "dot" else fields * embeddingDim
        self.top = MLP(inputs, topHiddenUnits, batch_norm=batchNorm, output=1)

    def forward(self, batch):
        e, numbers = self.embedding(batch), None
        if self.numbers:
            value, missing = (torch.stack([batch[n + s] for n in self.numbers], dim=1) for s in ("", ".missing"))
            numbers = F.relu(self.bottom(value + missing * self.embedding.numericFill))
            e = torch.cat([e, numbers[:, None]], dim=1)
        if self.interaction == "concat":
            return self.top(e.flatten(1))[:, 0]
        z = torch.stack([(a * b).sum(dim=1) for a, b in combinations(e.unbind(1), 2)], dim=1)
        return self.top(z if numbers is None else torch.cat([z, numbers], dim=1))[:, 0]


class SqueezeExcitation(nn.Module):
    def __init__(self, fields, ratio, activation):
        super().__init__()
        narrow = max(1, int(fields / ratio))
        self.squeeze = nn.Linear(fields, narrow, bias=False)
        self.excite = nn.Linear(narrow, fields, bias=False)
        self.last = F.relu if activation == "relu" else torch.sigmoid

    def forward(self, e):
        a = self.last(self.excite(F.relu(self.squeeze(e.mean(dim=-1)))))
        return e * a[:, :, None]


class BilinearInteraction(nn.Module):
    def __init__(self, fields, dim, kind):
        super().__init__()
        pairs = fields * (fields - 1) // 2
        matrices = {"field_all": (), "field_each": (fields,), "field_interaction": (pairs,)}[kind]
        self.weight = nn.Parameter(torch.zeros(*matrices, dim, dim))
        self.kind = kind

    def forward(self, e):
        products = []
        for pair, (f, g) in enumerate(combinations(range(e.shape[1]), 2)):
            w = self.weight[{"field_all": ..., "field_each": f, "field_interaction": pair}[self.kind]]
            products.append(torch.einsum("bi,ij->bj", e[:, f], w) * e[:, g])
        return torch.stack(products, dim=1)


class FiBiNET(nn.Module):
    def __init__(
        self, schema, embeddingDim, hiddenUnits, reductionRatio=3, excitationActivation="relu",
        bilinearType="field_interaction", batchNorm=False,
    ):
        super().__init__()
        self.linear = LinearLogit(schema)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        fields = self.embedding.fields
        self.weighing = SqueezeExcitation(fields, reductionRatio, excitationActivation)
        self.plainPairs = BilinearInteraction(fields, embeddingDim, bilinearType)
        self.weighedPairs = BilinearInteraction(fields, embeddingDim, bilinearType)
        self.deep = MLP(fields * (fields - 1) * embeddingDim, hiddenUnits, batch_norm=batchNorm, output=1)

    def forward(self, batch):
        e = self.embedding(batch)
        pairs = torch.cat([self.plainPairs(e), self.weighedPairs(self.weighing(e))], dim=1)
        return self.linear(batch) + self.deep(pairs.flatten(1))[:, 0]


class MaskBlock(nn.Module):
    def __init__(self, embedding, hidden, output, ratio, layer_norm):
        super().__init__()
        self.aggregate = nn.Linear(embedding, int(hidden * ratio))
        self.project = nn.Linear(int(hidden * ratio), hidden)
        self.linear = nn.Linear(hidden, output, bias=False)
        self.norm = nn.LayerNorm(output) if layer_norm else None

    def forward(self, embedding, hidden):
        y = self.linear(self.project(F.relu(self.aggregate(embedding))) * hidden)
        return F.relu(y if self.norm is None else self.norm(y))


class FieldNorm(nn.Module):
    """Each field's own layer norm."""

    def __init__(self, fields, dim):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(fields, dim))
        self.shift = nn.Parameter(torch.zeros(fields, dim))

    def forward(self, e):
        normed = [F.layer_norm(v, v.shape[1:], s, b) for v, s, b in zip(e.unbind(1), self.scale, self.shift)]
        return torch.stack(normed, dim=1)


class MaskNet(nn.Module):
    def __init__(
        self, schema, embeddingDim, hiddenUnits, arrangement, parallelBlocks=3, parallelBlockDim=64,
        reductionRatio=1, embeddingLayerNorm=True, blockLayerNorm=True,
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = self.embedding.width
        self.norm = FieldNorm(self.embedding.fields, embeddingDim) if embeddingLayerNorm else None
        self.serial = arrangement == "serial"
        shapes = [(width, parallelBlockDim)] * parallelBlocks
        if self.serial:
            shapes = list(zip([width, *hiddenUnits], hiddenUnits))
        self.blocks = nn.ModuleList(MaskBlock(width, a, b, reductionRatio, blockLayerNorm) for a, b in shapes)
        if self.serial:
            self.deep = MLP(hiddenUnits[-1], [], output=1)
        else:
            self.deep = MLP(parallelBlocks * parallelBlockDim, hiddenUnits, output=1)

    def forward(self, batch):
        e = self.embedding(batch)
        x0, v = e.flatten(1), (e if self.norm is None else self.norm(e)).flatten(1)
        if not self.serial:
            return self.deep(torch.cat([block(x0, v) for block in self.blocks], dim=1))[:, 0]
        for block in self.blocks:
            v = block(x0, v)
        return self.deep(v)[:, 0]


class GatedCross(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.gate = nn.Parameter(torch.zeros(width, width))

    def forward(self, x):
        return (x @ self.weight + self.bias) * torch.sigmoid(x @ self.gate)


class GatedCrossNetwork(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.layers = nn.ModuleList(GatedCross(width) for _ in range(depth))

    def forward(self, x0):
        x = x0
        for layer in self.layers:
            x = x + x0 * layer(x)
        return x


class GDCN(nn.Module):
    def __init__(self, schema, embeddingDim, crossLayers, hiddenUnits, structure):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = self.embedding.width
        self.cross = GatedCrossNetwork(width, crossLayers)
        self.deep = MLP(width, hiddenUnits)
        self.parallel = structure == "parallel"
        self.head = nn.Linear(self.deep.width + (width if self.parallel else 0), 1)

    def forward(self, batch):
        x0 = self.embedding(batch).flatten(1)
        crossed = self.cross(x0)
        if not self.parallel:
            return self.head(self.deep(crossed))[:, 0]
        return self.head(torch.cat([crossed, self.deep(x0)], dim=1))[:, 0]


class Regulation(nn.Module):
    def __init__(self, fields, dim, temperature, batch_norm):
        super().__init__()
        self.gates = nn.Parameter(torch.ones(2, fields))
        self.crossNorm = nn.BatchNorm1d(fields * dim) if batch_norm else nn.Identity()
        self.deepNorm = nn.BatchNorm1d(fields * dim) if batch_norm else nn.Identity()
        self.dim, self.temperature = dim, temperature

    def forward(self, x):
        cross, deep = (self.gates / self.temperature).softmax(dim=1).repeat_interleave(self.dim, dim=1)
        return self.crossNorm(x * cross), self.deepNorm(x * deep)


class CrossStep(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Linear(width, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x0, x):
        return x0 * self.weight(x) + self.bias


class Bridge(nn.Module):
    def __init__(self, width, kind):
        super().__init__()
        self.linear = nn.Linear(2 * width, width) if kind == "concat" else None
        self.kind = kind

    def forward(self, a, b):
        if self.kind == "concat":
            return F.relu(self.linear(torch.cat([a, b], dim=1)))
        return a * b if self.kind == "product" else a + b


class EDCN(nn.Module):
    def __init__(self, schema, embeddingDim, crossLayers, bridge="product", temperature=1, batchNorm=False):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        fields, width = self.embedding.fields, self.embedding.width
        times = range(crossLayers)
        self.regulations = nn.ModuleList(Regulation(fields, embeddingDim, temperature, batchNorm) for _ in times)
        self.crosses = nn.ModuleList(CrossStep(width) for _ in times)
        self.deeps = nn.ModuleList(MLP(width, [width]) for _ in times)
        self.bridges = nn.ModuleList(Bridge(width, bridge) for _ in times)
        self.head = nn.Linear(3 * width, 1)

    def forward(self, batch):
        shared = self.embedding(batch).flatten(1)
        first = None
        for regulate, cross_step, deep_step, bridge in zip(self.regulations, self.crosses, self.deeps, self.bridges):
            cross, deep = regulate(shared)
            first = cross if first is None else first
            cross, deep = cross_step(first, cross), deep_step(deep)
            shared = bridge(cross, deep)
        return self.head(torch.cat([cross, deep, shared], dim=1))[:, 0]


class FieldGate(nn.Module):
    def __init__(self, fields):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(fields, fields))
        self.bias = nn.Parameter(torch.ones(fields))

    def forward(self, e):
        gates = torch.einsum("bfd,fg->bgd", e, self.weight) + self.bias[:, None]
        return torch.cat([e, e * gates], dim=1)


class FactorizedBlock(nn.Module):
    def __init__(self, inputs, hidden, residual, batch_norm):
        super().__init__()
        widths = [inputs, *hidden]
        times = 1 if residual == "concat" else 2
        self.layers = nn.ModuleList(nn.Linear(a, times * b) for a, b in zip(widths, hidden))
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in hidden) if batch_norm else []
        self.residual = residual

    def forward(self, x):
        for k, layer in enumerate(self.layers):
            u, v = layer(x).chunk(2, dim=1)
            x = torch.cat([u, u * v], dim=1) if self.residual == "concat" else u + u * v
            if len(self.norms):
                x = self.norms[k](x)
            x = F.relu(x)
        return x


class FinalNet(nn.Module):
    def __init__(
        self, schema, embeddingDim, blocks, block1HiddenUnits, block2HiddenUnits=(), batchNorm=True,
        residual="concat", fieldGate=True,
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = self.embedding.width
        self.gate = FieldGate(self.embedding.fields) if fieldGate else None
        self.block1 = FactorizedBlock(2 * width if fieldGate else width, block1HiddenUnits, residual, batchNorm)
        self.head1 = nn.Linear(block1HiddenUnits[-1], 1)
        self.two = blocks == 2
        if self.two:
            self.block2 = FactorizedBlock(width, block2HiddenUnits, residual, batchNorm)
            self.head2 = nn.Linear(block2HiddenUnits[-1], 1)

    def forward(self, batch):
        e = self.embedding(batch)
        y1 = self.head1(self.block1((e if self.gate is None else self.gate(e)).flatten(1)))[:, 0]
        if not self.two:
            return y1
        y2 = self.head2(self.block2(e.flatten(1)))[:, 0]
        logit = 0.5 * (y1 + y2)
        teacher = torch.sigmoid(logit).detach()
        self.auxiliary = sum(F.binary_cross_entropy(torch.sigmoid(y), teacher) for y in (y1, y2))
        return logit


class FactorizationMachineBlock(nn.Module):
    def __init__(self, vectors, dim, interacted, rank, hidden):
        super().__init__()
        self.projection = nn.Parameter(torch.zeros(vectors, rank)) if rank else None
        width = vectors * (rank or vectors)
        self.norm = nn.LayerNorm(width)
        self.network = MLP(width, hidden, output=interacted * dim)
        self.shape = (interacted, dim)

    def forward(self, x):
        products = torch.einsum("bnd,bmd->bnm", x, x)
        if self.projection is not None:
            products = products @ self.projection
        return F.relu(self.network(self.norm(products.flatten(1)))).unflatten(1, self.shape)


class WukongLayer(nn.Module):
    def __init__(self, vectors, dim, interacted, compressed, rank, hidden):
        super().__init__()
        self.products = FactorizationMachineBlock(vectors, dim, interacted, rank, hidden)
        self.compression = nn.Linear(vectors, compressed, bias=False)
        output = interacted + compressed
        self.residual = None if vectors == output else nn.Linear(vectors, output)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        turned = x.transpose(1, 2)
        residual = x if self.residual is None else self.residual(turned).transpose(1, 2)
        mixed = torch.cat([self.products(x), self.compression(turned).transpose(1, 2)], dim=1)
        return self.norm(mixed + residual)


class Wukong(nn.Module):
    def __init__(
        self, schema, embeddingDim, wukongLayers, interactedVectors, compressedVectors, rank,
        interactionHiddenUnits, hiddenUnits, batchNorm=False,
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        vectors = interactedVectors + compressedVectors
        counts = [self.embedding.fields] + [vectors] * (wukongLayers - 1)
        self.layers = nn.ModuleList(
            WukongLayer(n, embeddingDim, interactedVectors, compressedVectors, rank, interactionHiddenUnits)
            for n in counts
        )
        self.deep = MLP(vectors * embeddingDim, hiddenUnits, batch_norm=batchNorm, output=1)

    def forward(self, batch):
        x = self.embedding(batch)
        for layer in self.layers:
            x = layer(x)
        return self.deep(x.flatten(1))[:, 0]
