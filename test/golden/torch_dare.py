"""DARE and its baselines in PyTorch, with our names (see torch_layers.py), row by row from the equations of
Feng et al., ICLR 2025, arXiv:2410.02604."""
import math

import torch
from torch import nn
from torch.nn import functional as F
from torch_layers import MLP, FieldEmbedding, PReLU

LENGTH = 4
# The history's features, and the candidate's feature for each.
FEATURES = (("history", "item"), ("historyCategory", "category"))


class Place(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(LENGTH + 1, dim))


class Role(nn.Module):
    def __init__(self, schema, dim):
        super().__init__()
        sizes = {name: schema["encoders"][name]["size"] for _, name in FEATURES}
        self.tables = nn.ModuleDict({k: nn.Embedding(n, dim, padding_idx=0) for k, n in sizes.items()})
        self.places = nn.ModuleList([Place(dim)])


class Maps(nn.Module):
    def __init__(self, dim):
        super().__init__()
        for side in ("candidate", "event"):
            maps = [nn.Linear(dim, dim, bias=False) for _ in range(len(FEATURES) + 1)]
            setattr(self, side, nn.ModuleList(maps))


class DARE(nn.Module):
    def __init__(
        self,
        schema,
        embeddingDim,
        k,
        hiddenUnits,
        searchHiddenUnits=(),
        searchLossWeight=1,
        attentionDim=None,
        tables="decoupled",
        targetAware=True,
        inputNorm=True,
    ):
        super().__init__()
        dim = embeddingDim
        make = lambda size: Role(schema, size)
        apart = tables in ("decoupled", "four")
        self.representation = make(dim)
        self.attention = make(attentionDim or dim) if apart else self.representation
        four = tables == "four"
        self.candidateRepresentation = make(dim) if four else self.representation
        self.candidateAttention = make(attentionDim or dim) if four else self.attention
        if tables == "projected":
            self.attentionMaps = nn.ModuleList([Maps(dim)])
            self.representationMaps = nn.ModuleList([Maps(dim)])
        self.projected = tables == "projected"
        exclude = [name for pair in FEATURES for name in pair]
        self.embedding = FieldEmbedding(schema, dim, exclude=exclude)
        # A bag of items reads the rows that represent items.
        self.embedding.tables["item"] = self.representation.tables["item"]
        inputs = self.embedding.width + (3 if targetAware else 2) * 3 * dim
        if inputNorm:
            self.norm = nn.BatchNorm1d(inputs)
        self.deep = MLP(inputs, hiddenUnits, activation="prelu", output=1)
        if searchLossWeight:
            self.searchDeep = MLP(inputs, searchHiddenUnits, activation="prelu", output=1)
        for module in self.modules():
            if isinstance(module, PReLU):
                nn.init.constant_(module.slope, 0.1)
        self.k, self.weight, self.target_aware, self.input_norm = k, searchLossWeight, targetAware, inputNorm

    def mapped(self, kind, side, feature, row):
        return getattr(getattr(self, kind + "Maps")[0], side)[feature](row) if self.projected else row

    def candidate(self, batch, kind):
        role = self.candidateAttention if kind == "attention" else self.candidateRepresentation
        rows = [role.tables[target](batch[target]) for _, target in FEATURES]
        rows.append(role.places[0].weight[0].expand(len(rows[0]), -1))
        return [self.mapped(kind, "candidate", f, row) for f, row in enumerate(rows)]

    def events(self, batch, kind, b, n):
        """Features of the first n events of row b, `[n, dim]` each; the last event is one step away."""
        role = self.attention if kind == "attention" else self.representation
        rows = [role.tables[target](batch[name][b, :n]) for name, target in FEATURES]
        rows.append(role.places[0].weight[torch.arange(n, 0, -1)])
        return [self.mapped(kind, "event", f, row) for f, row in enumerate(rows)]

    def forward(self, batch):
        queries, v = self.candidate(batch, "attention"), torch.cat(self.candidate(batch, "representation"), dim=1)
        found, whole = [], []
        for b, n in enumerate(batch["history.length"].tolist()):
            keys = self.events(batch, "attention", b, n)
            of = lambda which: torch.cat([keys[f] for f in which], dim=1) @ torch.cat([queries[f][b] for f in which])
            width = keys[0].shape[1]
            scores = of((0, 1)) / math.sqrt(2 * width) + of((2,)) / math.sqrt(width)
            events = torch.cat(self.events(batch, "representation", b, n), dim=1)
            best = scores.argsort(descending=True)[: self.k]
            found.append(scores[best].softmax(dim=0) @ events[best])
            whole.append(scores.softmax(dim=0) @ events)
        fields = self.embedding(batch).flatten(1)

        def read(pooled):
            p = torch.stack(pooled)
            return torch.cat([fields, v, p, p * v] if self.target_aware else [fields, v, p], dim=1)

        if self.weight:
            logit = self.searchDeep(read(whole))[:, 0]
            self.auxiliary = self.weight * F.binary_cross_entropy_with_logits(logit, batch["click"])
        x = read(found)
        return self.deep(self.norm(x) if self.input_norm else x)[:, 0]
