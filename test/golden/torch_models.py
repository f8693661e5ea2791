"""The first six models in PyTorch, with our names (see torch_layers.py)."""
import torch
from torch import nn
from torch_layers import (
    MLP,
    BilinearFusion,
    CrossNetwork,
    FieldEmbedding,
    LinearLogit,
    TargetAttention,
)


class LR(nn.Module):
    def __init__(self, schema, sparse=False):
        super().__init__()
        self.linear = LinearLogit(schema, sparse)

    def forward(self, batch):
        return self.linear(batch)


class FM(nn.Module):
    def __init__(self, schema, embeddingDim, sparse=False):
        super().__init__()
        self.linear = LinearLogit(schema, sparse)
        self.embedding = FieldEmbedding(schema, embeddingDim, sparse=sparse)

    def pairs(self, batch):
        e = self.embedding(batch)
        products = torch.einsum("bfd,bgd->bfg", e, e)
        return products.triu(diagonal=1).sum(dim=(1, 2))

    def forward(self, batch):
        return self.linear(batch) + self.pairs(batch)


class DeepFM(FM):
    def __init__(self, schema, embeddingDim, hiddenUnits, hiddenActivation="relu", batchNorm=False, sparse=False):
        super().__init__(schema, embeddingDim, sparse)
        self.deep = MLP(self.embedding.width, hiddenUnits, hiddenActivation, batchNorm, output=1)

    def forward(self, batch):
        return super().forward(batch) + self.deep(self.embedding(batch).flatten(1))[:, 0]


class DCNv2(nn.Module):
    def __init__(self, schema, embeddingDim, crossLayers, hiddenUnits, batchNorm=False):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = self.embedding.width
        self.cross = CrossNetwork(width, crossLayers)
        self.deep = MLP(width, hiddenUnits, batch_norm=batchNorm)
        self.head = nn.Linear(width + self.deep.width, 1)

    def forward(self, batch):
        x0 = self.embedding(batch).flatten(1)
        return self.head(torch.cat([self.cross(x0), self.deep(x0)], dim=1))[:, 0]


class StreamGate(nn.Module):
    def __init__(self, schema, dim, context, hidden, width):
        super().__init__()
        if context:
            self.context = FieldEmbedding(schema, dim, include=context)
        else:
            self.learned = nn.Parameter(torch.zeros(1, dim))
        self.mlp = MLP(self.context.width if context else dim, hidden, output=width)

    def forward(self, batch):
        c = self.context(batch).flatten(1) if hasattr(self, "context") else self.learned
        return 2 * torch.sigmoid(self.mlp(c))


class FinalMLP(nn.Module):
    def __init__(self, schema, embeddingDim, mlp1HiddenUnits, mlp2HiddenUnits, gateHiddenUnits, gate1Context, heads, mlp2BatchNorm=False):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = self.embedding.width
        self.gate1 = StreamGate(schema, embeddingDim, gate1Context, gateHiddenUnits, width)
        self.gate2 = StreamGate(schema, embeddingDim, [], gateHiddenUnits, width)
        self.mlp1 = MLP(width, mlp1HiddenUnits)
        self.mlp2 = MLP(width, mlp2HiddenUnits, batch_norm=mlp2BatchNorm)
        self.fusion = BilinearFusion(self.mlp1.width, self.mlp2.width, heads)

    def forward(self, batch):
        x0 = self.embedding(batch).flatten(1)
        return self.fusion(self.mlp1(x0 * self.gate1(batch)), self.mlp2(x0 * self.gate2(batch)))


class DIN(nn.Module):
    """One interest: `history` with its categories, compared with the candidate's item and category."""

    def __init__(self, schema, embeddingDim, hiddenUnits, attentionHiddenUnits, attentionSoftmax=False, hiddenActivation="relu"):
        super().__init__()
        attended = ("history", "historyCategory")
        self.embedding = FieldEmbedding(schema, embeddingDim, exclude=attended)
        self.attentions = nn.ModuleList(
            [TargetAttention(2 * embeddingDim, attentionHiddenUnits, softmax=attentionSoftmax)]
        )
        self.deep = MLP(self.embedding.width + 2 * embeddingDim, hiddenUnits, hiddenActivation, output=1)

    def forward(self, batch):
        item, category = self.embedding.tables["item"], self.embedding.tables["category"]
        target = torch.cat([item(batch["item"]), category(batch["category"])], dim=-1)
        history = torch.cat([item(batch["history"]), category(batch["historyCategory"])], dim=-1)
        length = history.shape[1]
        mask = (torch.arange(length)[None, :] < batch["history.length"][:, None]).double()
        pooled = self.attentions[0](target, history, mask)
        return self.deep(torch.cat([self.embedding(batch).flatten(1), pooled], dim=1))[:, 0]
