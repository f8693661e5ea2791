"""Models over histories in PyTorch, with our names (see torch_layers.py), written from their equations. All read
one interest: `history` with its categories, and the candidate's item and category."""
import torch
from torch import nn
from torch.nn import functional as F
from torch_layers import MLP, FieldEmbedding, TargetAttention
from torch_sequence import (
    GRU,
    HSTULayer,
    MultiHeadTargetAttention,
    PositionalEmbedding,
    RelativeBias,
    SimHash,
    TransformerBlock,
)

ATTENDED = ("history", "historyCategory")


def masked_softmax(scores, mask):
    return scores.masked_fill(mask == 0, -1e30).softmax(dim=-1) * mask


class InterestModel(nn.Module):
    """The fields, the events and the network behind; what is read from the events differs."""

    def __init__(self, schema, dim, hidden, read_width, exclude=ATTENDED):
        super().__init__()
        self.embedding = FieldEmbedding(schema, dim, exclude=exclude)
        self.deep = MLP(self.embedding.width + read_width, hidden, output=1)

    def side_by_side(self, batch, *names):
        tables = self.embedding.tables
        ids = {"item": "item", "category": "category", "history": "item", "historyCategory": "category"}
        return torch.cat([tables[ids[name]](batch[name]) for name in names], dim=-1)

    def forward(self, batch):
        target = self.side_by_side(batch, "item", "category")
        history = self.side_by_side(batch, *ATTENDED)
        mask = (torch.arange(history.shape[1])[None, :] < batch["history.length"][:, None]).double()
        fields = self.embedding(batch).flatten(1)
        read = self.read(target, history, mask, batch, fields)
        return self.deep(torch.cat([fields, *read], dim=1))[:, 0]


class InterestEvolution(nn.Module):
    def __init__(self, dim, kind, attention, attention_hidden, auxiliary_hidden):
        super().__init__()
        self.extraction = GRU(dim, dim)
        self.evolution = GRU(dim, dim, kind, last=True)
        if kind != "GRU" and attention == "bilinear":
            self.bilinear = nn.Linear(dim, dim, bias=False)
        if kind != "GRU" and attention == "mlp":
            self.attention = TargetAttention(dim, attention_hidden, softmax=True)
        if auxiliary_hidden:
            self.auxiliary = MLP(2 * dim, auxiliary_hidden, output=1)
        self.kind = kind

    def forward(self, target, history, mask):
        interests = self.extraction(history, mask)
        scores = None
        if hasattr(self, "attention"):
            scores = self.weights(self.attention, target, interests, mask)
        elif self.kind != "GRU":
            read = self.bilinear(interests) if hasattr(self, "bilinear") else interests
            scores = masked_softmax((read * target[:, None]).sum(dim=-1), mask)
        return interests, self.evolution(interests, mask, scores)

    @staticmethod
    def weights(attention, target, history, mask):
        """DIN's unit, whose weights are wanted rather than its sum."""
        query = target[:, None].expand_as(history)
        pairs = torch.cat([query, history, query - history, query * history], dim=-1)
        return masked_softmax(attention.unit(pairs.flatten(0, 1)).view(mask.shape), mask)

    def loss(self, interests, history, negatives, mask):
        def each(following, label):
            logits = self.auxiliary(torch.cat([interests[:, :-1], following[:, 1:]], dim=-1).flatten(0, 1))
            logits = logits.view(len(mask), -1)
            return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label), reduction="none")

        steps = mask[:, 1:]
        both = torch.stack([each(history, 1.0), each(negatives, 0.0)])
        return (both * steps).sum() / (2 * steps.sum())


class DIEN(InterestModel):
    def __init__(
        self,
        schema,
        embeddingDim,
        hiddenUnits,
        gruType="AUGRU",
        attentionType="bilinear",
        attentionHiddenUnits=(),
        auxiliaryWeight=0,
        auxiliaryHiddenUnits=(),
    ):
        width = 2 * embeddingDim
        super().__init__(schema, embeddingDim, hiddenUnits, width)
        auxiliary = auxiliaryHiddenUnits if auxiliaryWeight else ()
        one = InterestEvolution(width, gruType, attentionType, attentionHiddenUnits, auxiliary)
        self.evolutions = nn.ModuleList([one])
        self.weight = auxiliaryWeight

    def read(self, target, history, mask, batch, fields):
        interests, state = self.evolutions[0](target, history, mask)
        if self.weight:
            # The test feeds the history's own ids where training draws.
            self.auxiliary = self.weight * self.evolutions[0].loss(interests, history, history, mask)
        return [state]


class BehaviorTransformer(nn.Module):
    def __init__(self, dim, width, length, heads, layers):
        super().__init__()
        self.position = PositionalEmbedding(length, dim)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads=heads) for _ in range(layers))


class BST(InterestModel):
    def __init__(self, schema, embeddingDim, hiddenUnits, attentionHeads, transformerLayers=1, historyPooling="mean"):
        width = 3 * embeddingDim
        super().__init__(schema, embeddingDim, hiddenUnits, width)
        one = BehaviorTransformer(embeddingDim, width, 4, attentionHeads, transformerLayers)
        self.transformers = nn.ModuleList([one])
        self.pooling = historyPooling

    def read(self, target, history, mask, batch, fields):
        """Each row by itself, without padding."""
        position, blocks = self.transformers[0].position.weight, self.transformers[0].blocks
        read = []
        for a, events, n in zip(target, history, mask.sum(dim=1).int().tolist()):
            places = position[torch.arange(n, -1, -1)]
            x = torch.cat([torch.cat([events[:n], a[None]]), places], dim=1)[None]
            for block in blocks:
                x = block(x)
            read.append(x[0].mean(dim=0) if self.pooling == "mean" else x[0, -1])
        return [torch.stack(read)]


class SearchUnit(nn.Module):
    def __init__(self, dim, width):
        super().__init__()
        self.target = nn.Linear(dim, width, bias=False)
        self.event = nn.Linear(dim, width, bias=False)


def attend(attention, target, history, chosen):
    """Attention to the events at the given positions of each row."""
    read = []
    for a, events, positions in zip(target, history, chosen):
        events = events[positions] if positions else torch.zeros(1, events.shape[1])
        mask = torch.full((1, len(events)), float(len(positions) > 0))
        read.append(attention(a[None], events[None], mask)[0])
    return torch.stack(read)


def lengths(mask):
    return mask.sum(dim=1).int().tolist()


def recent(mask, count):
    return [list(range(max(n - count, 0), n)) for n in lengths(mask)]


class LongHistoryModel(InterestModel):
    def __init__(self, schema, dim, hidden, attentionWidth, attentionHeads, shortLength, read_width, found=True, **rest):
        super().__init__(schema, dim, hidden, read_width, **rest)
        self.recent = nn.ModuleList([MultiHeadTargetAttention(2 * dim, attentionWidth, attentionHeads)])
        if found:
            self.found = nn.ModuleList([MultiHeadTargetAttention(2 * dim, attentionWidth, attentionHeads)])
        self.short_length = shortLength

    def read_recent(self, target, history, mask):
        return attend(self.recent[0], target, history, recent(mask, self.short_length))


class SIM(LongHistoryModel):
    def __init__(self, schema, embeddingDim, hiddenUnits, k, attentionWidth, search="soft", searchLossWeight=1, **rest):
        width = 2 * embeddingDim
        super().__init__(schema, embeddingDim, hiddenUnits, attentionWidth, read_width=2 * width, **rest)
        if search == "soft":
            self.searches = nn.ModuleList([SearchUnit(width, attentionWidth)])
            self.searchDeep = MLP(self.embedding.width + width, hiddenUnits, output=1)
        self.k, self.search, self.loss_weight = k, search, searchLossWeight

    def read(self, target, history, mask, batch, fields):
        if self.search == "soft":
            unit = self.searches[0]
            scores = (unit.target(target)[:, None] * unit.event(history)).sum(dim=-1)
            logit = self.searchDeep(torch.cat([fields, ((scores * mask)[:, :, None] * history).sum(dim=1)], dim=1))
            loss = F.binary_cross_entropy_with_logits(logit[:, 0], batch["click"])
            self.auxiliary = self.loss_weight * loss
            chosen = [s[:n].argsort(descending=True)[: self.k].tolist() for s, n in zip(scores, lengths(mask))]
        else:
            same = batch["historyCategory"] == batch["category"][:, None]
            chosen = [[t for t in range(n) if hit[t]][-self.k :] for hit, n in zip(same, lengths(mask))]
        return [self.read_recent(target, history, mask), attend(self.found[0], target, history, chosen)]


class ETA(LongHistoryModel):
    def __init__(self, schema, embeddingDim, hiddenUnits, k, attentionWidth, hashBits, **rest):
        width = 2 * embeddingDim
        super().__init__(schema, embeddingDim, hiddenUnits, attentionWidth, read_width=2 * width, **rest)
        self.hashes = nn.ModuleList([SimHash(width, hashBits)])
        self.k = k

    def read(self, target, history, mask, batch, fields):
        distances = self.hashes[0].distances(target, history).tolist()
        # Nearest first, of equals the later.
        chosen = [
            sorted(range(n), key=lambda t: (far[t], -t))[: self.k] for far, n in zip(distances, lengths(mask))
        ]
        return [self.read_recent(target, history, mask), attend(self.found[0], target, history, chosen)]


class SDIM(LongHistoryModel):
    def __init__(self, schema, embeddingDim, hiddenUnits, attentionWidth, hashes, hashBits, normalize=True, **rest):
        width = 2 * embeddingDim
        super().__init__(
            schema, embeddingDim, hiddenUnits, attentionWidth, read_width=2 * width, found=False, **rest
        )
        self.hashes = nn.ModuleList([SimHash(width, hashes * hashBits)])
        self.tables, self.normalize = hashes, normalize

    def read(self, target, history, mask, batch, fields):
        own, codes = (self.hashes[0].codes(x).unflatten(-1, (self.tables, -1)) for x in (target, history))
        read = []
        for b, n in enumerate(lengths(mask)):
            total = torch.zeros(history.shape[2])
            for table in range(self.tables):
                hits = [t for t in range(n) if (codes[b, t, table] == own[b, table]).all()]
                if hits:
                    one = history[b, hits].sum(dim=0)
                    total = total + (one / one.norm() if self.normalize else one)
            read.append(total / self.tables)
        return [self.read_recent(target, history, mask), torch.stack(read)]


class TWIN(InterestModel):
    def __init__(self, schema, embeddingDim, hiddenUnits, k, attentionWidth, attentionHeads, shortLength):
        width = 2 * embeddingDim
        traits = [f["name"] for f in schema["features"] if f.get("alignedWith") and not f.get("target")]
        known = len(traits) * embeddingDim
        super().__init__(schema, embeddingDim, hiddenUnits, 2 * width + known, exclude=(*ATTENDED, *traits))
        one = nn.Module()
        one.recent = MultiHeadTargetAttention(width, attentionWidth, attentionHeads)
        one.found = MultiHeadTargetAttention(width, attentionWidth, attentionHeads, value_dim=width + known)
        if known:
            one.traitBias = nn.Linear(known, attentionHeads, bias=False)
        self.searches = nn.ModuleList([one])
        self.traits, self.k, self.short_length = traits, k, shortLength

    def read(self, target, history, mask, batch, fields):
        one = self.searches[0]
        short = attend(one.recent, target, history, recent(mask, self.short_length))
        values, bias = history, None
        if self.traits:
            known = torch.cat([self.embedding.tables["tag"](batch[name]) for name in self.traits], dim=-1)
            values, bias = torch.cat([history, known], dim=-1), one.traitBias(known).transpose(1, 2)
        return [short, one.found(target, history, mask, values=values, bias=bias, k=self.k)]


class HSTU(InterestModel):
    def __init__(self, schema, embeddingDim, hiddenUnits, attentionHeads, hstuLayers=2, normalizer=5, **dims):
        width = 2 * embeddingDim
        super().__init__(schema, embeddingDim, hiddenUnits, width)
        times = any(f.get("timesColumn") for f in schema["features"])
        one = nn.Module()
        sizes = {"query_dim": dims.get("queryDim"), "value_dim": dims.get("valueDim")}
        one.layers = nn.ModuleList(HSTULayer(width, normalizer, attentionHeads, **sizes) for _ in range(hstuLayers))
        one.biases = nn.ModuleList(RelativeBias(4, times) for _ in range(hstuLayers))
        self.transducers = nn.ModuleList([one])

    def read(self, target, history, mask, batch, fields):
        """Each row by itself, without padding."""
        ages = batch.get("history.age")
        one, read = self.transducers[0], []
        for b, n in enumerate(lengths(mask)):
            x = torch.cat([history[b, :n], target[b, None]])[None]
            allowed = torch.ones(1, n + 1, n + 1).tril()
            known = None if ages is None else ages[b, None, :n]
            for layer, bias in zip(one.layers, one.biases):
                x = layer(x, allowed, bias(torch.ones(1, n), known))
            read.append(x[0, -1])
        return [torch.stack(read)]
