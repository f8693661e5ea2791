"""Models and parts of the collapsed-and-entangled-world ranker in PyTorch, with our names (see torch_layers.py),
written pair by pair and event by event where ours work on sums and masks."""
import torch
from torch import nn
import torch_layers
from torch_layers import MLP, LinearLogit
from torch_multi_task import LABELS, TASKS, FieldExpert, Heads, mixed
from torch_schema import SCHEMA, feature, numeral
from torch_sequence_models import ATTENDED, InterestModel, PositionalEmbedding

TIMED = SCHEMA | {
    "features": [f | ({"timesColumn": "times"} if f["name"] == "history" else {}) for f in SCHEMA["features"]],
}
# Tasks with a history and numbers as digits; no domain.
RICH = {
    "version": 1,
    "features": TASKS["features"]
    + [
        numeral("floor", [2, 3], 11, "sum"),
        feature("history", "sequence", encoder="item", maxLength=4, target="item"),
        numeral("rooms", [2, 5], 9, "concat"),
    ],
    "encoders": {k: v for k, v in TASKS["encoders"].items() if k != "@domain"},
    "labels": TASKS["labels"],
}


class TemporalInterest(nn.Module):
    def __init__(self, dim, length, encoding, value_product=True):
        super().__init__()
        if encoding in ("position", "both"):
            self.position = PositionalEmbedding(length, dim)
        if encoding in ("gap", "both"):
            self.gap = nn.Parameter(torch.zeros(33, dim))
        self.encoding, self.value_product = encoding, value_product

    def forward(self, target, history, lengths, ages=None):
        pooled = []
        for row, n in enumerate(lengths.tolist()):
            v, events = target[row], []
            if self.encoding in ("position", "both"):
                v = v + self.position.weight[0]
            if self.encoding in ("gap", "both"):
                v = v + self.gap[0]
            for i in range(n):
                e = history[row, i]
                if self.encoding in ("position", "both"):
                    e = e + self.position.weight[n - i]
                if self.encoding in ("gap", "both"):
                    e = e + self.gap[1 + min(int(ages[row, i]).bit_length(), 31)]
                events.append(e)
            if n == 0:
                pooled.append(torch.zeros_like(v))
                continue
            events = torch.stack(events)
            weights = (events @ v / v.shape[0] ** 0.5).softmax(dim=0)
            values = events * v if self.value_product else events
            pooled.append(weights @ values)
        return torch.stack(pooled)


class FieldEmbedding(torch_layers.FieldEmbedding):
    """With numbers as digits, and histories read by their candidate."""

    def __init__(self, schema, dim, pool=None):
        self.numerals_of = [f for f in schema["features"] if f["kind"] == "numeral"]
        names = [f["name"] for f in self.numerals_of]
        super().__init__(schema, dim, exclude=names)
        for f in self.numerals_of:
            self.tables[f["name"]] = nn.Embedding(f["size"], dim, padding_idx=0)
        maps = {f["name"]: torch.zeros(len(f["bases"]) * dim, dim) for f in self.numerals_of if f["combine"] == "concat"}
        self.numerals = nn.ParameterDict(maps)
        self.histories = [f for f in self.lists if f.get("target")] if pool else []
        self.pools = nn.ModuleDict({f["name"]: TemporalInterest(dim, f["maxLength"], pool) for f in self.histories})
        self.targets = {f["name"]: f for f in schema["features"]}
        self.fields += len(names)
        self.width = self.fields * dim
        self.digits_at = len(self.scalars) + len(self.lists)

    def digits(self, f, batch):
        rows = self.tables[f["name"]](batch[f["name"]])
        by_base = [part.sum(dim=1) for part in rows.split(f["places"], dim=1)]
        return sum(by_base) if f["combine"] == "sum" else torch.cat(by_base, dim=1) @ self.numerals[f["name"]]

    def forward(self, batch):
        fields = list(super().forward(batch).unbind(1))
        for f in self.histories:
            target = self.look_up(self.targets[f["target"]], batch)
            at = len(self.scalars) + self.lists.index(f)
            fields[at] = self.pools[f["name"]](target, self.look_up(f, batch), batch[f["name"] + ".length"])
        digits = [self.digits(f, batch) for f in self.numerals_of]
        return torch.stack(fields[: self.digits_at] + digits + fields[self.digits_at :], dim=1)


class TIN(InterestModel):
    def __init__(self, schema, embeddingDim, hiddenUnits, temporalEncoding="position", valueProduct=True):
        width = 2 * embeddingDim
        super().__init__(schema, embeddingDim, hiddenUnits, width)
        length = next(f["maxLength"] for f in schema["features"] if f["name"] == ATTENDED[0])
        self.interests = nn.ModuleList([TemporalInterest(width, length, temporalEncoding, valueProduct)])

    def read(self, target, history, mask, batch, fields):
        return [self.interests[0](target, history, batch["history.length"], batch.get("history.age"))]


class GroupedPairs(nn.Module):
    def __init__(self, groups, width):
        super().__init__()
        self.groups, self.part = groups, width
        self.weight = nn.Parameter(torch.ones(len(groups) * (len(groups) + 1) // 2))

    def forward(self, e):
        count = len(self.groups)
        places = {(a, b): k for k, (a, b) in enumerate((a, b) for a in range(count) for b in range(a, count))}
        of = {field: g for g, fields in enumerate(self.groups) for field in fields}
        toward = lambda i, g: e[:, i, g * self.part : (g + 1) * self.part]
        total = 0
        for i in range(e.shape[1]):
            for j in range(i + 1, e.shape[1]):
                weight = self.weight[places[tuple(sorted((of[i], of[j])))]]
                total = total + weight * toward(i, of[j]) * toward(j, of[i])
        return total


class GwPFM(nn.Module):
    def __init__(self, schema, embeddingDim, groups, hiddenUnits=()):
        super().__init__()
        self.linear = LinearLogit(schema)
        places = field_places(schema)
        groups = [[places[name] for name in group] for group in groups]
        rest = [k for k in range(len(places)) if not any(k in group for group in groups)]
        groups += [rest] if rest else []
        self.embedding = FieldEmbedding(schema, embeddingDim * len(groups))
        self.pairs = GroupedPairs(groups, embeddingDim)
        self.deep = MLP(embeddingDim, hiddenUnits, output=1) if hiddenUnits else None

    def forward(self, batch):
        o = self.pairs(self.embedding(batch))
        return self.linear(batch) + (self.deep(o)[:, 0] if self.deep else o.sum(dim=1))


def field_places(schema):
    order = (("categorical", "bucket"), ("bag", "sequence"), ("numeral",), ("numeric",), ("dense",))
    names = [f["name"] for kinds in order for f in schema["features"] if f["kind"] in kinds]
    return {name: k for k, name in enumerate(names)}


class PairsExpert(nn.Module):
    def __init__(self, groups, dim, hidden):
        super().__init__()
        self.pairs = GroupedPairs(groups, dim // len(groups))
        self.deep = MLP(dim // len(groups), hidden)

    def forward(self, e):
        return self.deep(self.pairs(e))


class TableSets(nn.Module):
    def __init__(self, schema, sets, expert_hidden, gate_hidden, pool, groups=None, layers=2, aggregation="gate"):
        super().__init__()
        self.sets = nn.ModuleList(FieldEmbedding(schema, dim, pool) for dim, _ in sets)
        places = field_places(schema)
        self.experts = nn.ModuleList(
            nn.ModuleList(
                PairsExpert([[places[n] for n in g] for g in groups], dim, expert_hidden)
                if kind == "gwpfm"
                else FieldExpert(own, expert_hidden, kind, layers)
                for kind in kinds
            )
            for own, (dim, kinds) in zip(self.sets, sets)
        )
        count = sum(len(kinds) for _, kinds in sets)
        inputs = sum(own.width for own in self.sets)
        gated = len(LABELS) if aggregation == "gate" else 0
        weighted = len(LABELS) if aggregation == "weights" else 0
        self.gates = nn.ModuleList(MLP(inputs, gate_hidden, output=count) for _ in range(gated))
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(count)) for _ in range(weighted))

    def forward(self, batch):
        fields = [own(batch) for own in self.sets]
        outputs = [expert(x) for experts, x in zip(self.experts, fields) for expert in experts]
        seen = torch.cat([x.flatten(1) for x in fields], dim=1)
        if len(self.weights):
            return [mixed(w.expand(len(seen), -1), outputs) for w in self.weights]
        return [mixed(gate(seen), outputs) for gate in self.gates]


class HMoEME(nn.Module):
    def __init__(
        self, schema, experts, embeddingDims, expertHiddenUnits, gateHiddenUnits, towerHiddenUnits, groups,
        interactionLayers=2, historyPooling="temporal", aggregation="gate",
    ):
        super().__init__()
        sets = [(dim, [kind]) for dim, kind in zip(embeddingDims, experts)]
        pool = "position" if historyPooling == "temporal" else None
        self.mixture = TableSets(
            schema, sets, expertHiddenUnits, gateHiddenUnits, pool, groups, interactionLayers, aggregation
        )
        self.heads = Heads(expertHiddenUnits[-1], towerHiddenUnits, "task")

    def forward(self, batch):
        return self.heads(batch, self.mixture(batch))


class AME(nn.Module):
    def __init__(self, schema, embeddingDims, expertsPerSet, expertHiddenUnits, gateHiddenUnits, towerHiddenUnits):
        super().__init__()
        sets = [(dim, ["none"] * expertsPerSet) for dim in embeddingDims]
        self.mixture = TableSets(schema, sets, expertHiddenUnits, gateHiddenUnits, None)
        self.heads = Heads(expertHiddenUnits[-1], towerHiddenUnits, "task")

    def forward(self, batch):
        return self.heads(batch, self.mixture(batch))


class STEMAL(nn.Module):
    """The first label is the main one."""

    def __init__(
        self, schema, embeddingDim, expertHiddenUnits, gateHiddenUnits, towerHiddenUnits, auxiliaryExperts="stopped"
    ):
        super().__init__()
        self.own = nn.ModuleList(FieldEmbedding(schema, embeddingDim) for _ in LABELS)
        self.experts = nn.ModuleList(FieldExpert(own, expertHiddenUnits) for own in self.own)
        self.gates = nn.ModuleList([MLP(self.own[0].width, gateHiddenUnits, output=len(LABELS))])
        self.heads = Heads(expertHiddenUnits[-1], towerHiddenUnits, "task")
        self.stopped = auxiliaryExperts == "stopped"

    def forward(self, batch):
        fields = [own(batch) for own in self.own]
        main, *auxiliary = (expert(x) for expert, x in zip(self.experts, fields))
        seen = [x.detach() for x in auxiliary] if self.stopped else auxiliary
        z = mixed(self.gates[0](fields[0].flatten(1)), [main, *seen])
        return self.heads(batch, [z, *auxiliary])
