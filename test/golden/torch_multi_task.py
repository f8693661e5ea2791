"""Multi-task and multi-domain models in PyTorch, with our names (see torch_layers.py), written from the papers'
equations row by row where ours work on masks. A model returns logits by label; what it adds to the loss is
left in `auxiliary`."""
import torch
from torch import nn
from torch.nn import functional as F
from torch_layers import MLP, CrossNetwork, FieldEmbedding
from torch_schema import feature, ids, TRANSFORM

TASKS = {
    "version": 1,
    "features": [
        feature("user", "categorical", encoder="user"),
        feature("price", "numeric", transform=TRANSFORM),
        feature("item", "categorical", encoder="item"),
        feature("tags", "bag", encoder="tag", maxLength=3, pooling="mean"),
    ],
    "encoders": {"user": ids(7), "item": ids(8), "tag": ids(6), "@domain": ids(6)},
    "labels": [{"name": n, "column": n, "kind": "binary"} for n in ("click", "buy")],
    "domain": "feed",
}
LABELS = [label["name"] for label in TASKS["labels"]]
DOMAINS = TASKS["encoders"]["@domain"]["size"] - 3


def own_domain(batch, parts):
    """Of [rows, ...] for each domain, the row's own; the mean for rows of no known domain."""
    stacked = torch.stack(parts)
    rows = [
        stacked[d - 3, i] if d >= 3 else stacked[:, i].mean(dim=0) for i, d in enumerate(batch["@domain"].tolist())
    ]
    return torch.stack(rows)


class FieldExpert(nn.Module):
    def __init__(self, embedding, hidden, interaction="none", layers=2):
        super().__init__()
        self.kind = interaction
        self.deep_inputs = embedding.width
        if interaction == "cross":
            self.interaction = nn.Module()
            self.interaction.network = CrossNetwork(embedding.width, layers)
        if interaction == "products":
            self.deep_inputs += embedding.fields * (embedding.fields - 1) // 2
        self.deep = MLP(self.deep_inputs, hidden)
        self.width = self.deep.width

    def forward(self, e):
        x = e.flatten(1)
        if self.kind == "cross":
            x = self.interaction.network(x)
        if self.kind == "products":
            fields = e.unbind(1)
            pairs = [(fields[f] * fields[g]).sum(1) for f in range(len(fields)) for g in range(f + 1, len(fields))]
            x = torch.cat([x, torch.stack(pairs, dim=1)], dim=1)
        return self.deep(x)


class Heads(nn.Module):
    def __init__(self, width, hidden, branches, tasks=LABELS):
        super().__init__()
        self.by_domain = branches == "domain"
        count = DOMAINS if self.by_domain else 1
        self.towers = nn.ModuleDict(
            {task: nn.ModuleList(MLP(width, hidden, output=1) for _ in range(count)) for task in tasks}
        )

    def forward(self, batch, vectors):
        if not isinstance(vectors, list):
            vectors = [vectors] * (DOMAINS if self.by_domain else len(self.towers))
        logits = {}
        for t, (task, towers) in enumerate(self.towers.items()):
            if self.by_domain:
                logits[task] = own_domain(batch, [tower(v)[:, 0] for tower, v in zip(towers, vectors)])
            else:
                logits[task] = towers[0](vectors[t])[:, 0]
        return logits


class SharedBottom(nn.Module):
    def __init__(
        self, schema, embeddingDim, bottomHiddenUnits, towerHiddenUnits, branches="task", interaction="none", tasks=LABELS
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.bottom = FieldExpert(self.embedding, bottomHiddenUnits, interaction)
        self.heads = Heads(self.bottom.width, towerHiddenUnits, branches, tasks)

    def forward(self, batch):
        return self.heads(batch, self.bottom(self.embedding(batch)))


def mixed(scores, experts):
    weights = scores.softmax(dim=1)
    return sum(weights[:, [k]] * expert for k, expert in enumerate(experts))


class Mixture(nn.Module):
    def __init__(self, branches, own, shared, expert, inputs, gate_hidden, others="none", shared_gate=None):
        super().__init__()
        self.own = nn.ModuleList(nn.ModuleList(expert() for _ in range(own)) for _ in range(branches))
        self.shared = nn.ModuleList(expert() for _ in range(shared))
        total = branches * own + shared
        read = own + shared if others == "none" else total
        self.gates = nn.ModuleList(MLP(inputs, gate_hidden, output=read) for _ in range(branches))
        if shared_gate:
            self.sharedGate = MLP(inputs, gate_hidden, output=total if shared_gate == "all" else shared)
        self.others, self.shared_gate = others, shared_gate

    def forward(self, branches, shared, gate_inputs):
        own = [[expert(x) for expert in experts] for experts, x in zip(self.own, branches)]
        common = [expert(shared) for expert in self.shared]
        outputs = []
        for b, gate in enumerate(self.gates):
            read = []
            for other, values in enumerate(own):
                if other == b or self.others == "trained":
                    read += values
                elif self.others == "stopped":
                    read += [value.detach() for value in values]
            outputs.append(mixed(gate(gate_inputs[b].flatten(1)), read + common))
        if not self.shared_gate:
            return outputs, None
        candidates = common if self.shared_gate == "shared" else sum(own, []) + common
        return outputs, mixed(self.sharedGate(shared.flatten(1)), candidates)


class MMoE(nn.Module):
    def __init__(
        self, schema, embeddingDim, experts, expertHiddenUnits, gateHiddenUnits, towerHiddenUnits, branches="task"
    ):
        super().__init__()
        self.count = DOMAINS if branches == "domain" else len(LABELS)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        expert = lambda: FieldExpert(self.embedding, expertHiddenUnits)
        self.mixture = Mixture(self.count, 0, experts, expert, self.embedding.width, gateHiddenUnits)
        self.heads = Heads(expertHiddenUnits[-1], towerHiddenUnits, branches)

    def forward(self, batch):
        x = [self.embedding(batch)] * self.count
        return self.heads(batch, self.mixture(x, x[0], x)[0])


class PLE(nn.Module):
    def __init__(
        self, schema, embeddingDim, levels, specificExperts, sharedExperts, expertHiddenUnits, gateHiddenUnits,
        towerHiddenUnits, sharedGate="all",
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = expertHiddenUnits[-1]
        field = lambda: FieldExpert(self.embedding, expertHiddenUnits)
        plain = lambda: MLP(width, expertHiddenUnits)
        self.levels = nn.ModuleList(
            Mixture(
                len(LABELS), specificExperts, sharedExperts, plain if l else field,
                width if l else self.embedding.width, gateHiddenUnits,
                shared_gate=sharedGate if l < levels - 1 else None,
            )
            for l in range(levels)
        )
        self.heads = Heads(width, towerHiddenUnits, "task")

    def forward(self, batch):
        shared = self.embedding(batch)
        branches = [shared] * len(LABELS)
        for level in self.levels:
            branches, shared = level(branches, shared, branches)
        return self.heads(batch, branches)


class ESMM(nn.Module):
    def __init__(self, schema, embeddingDim, hiddenUnits):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.towers = nn.ModuleDict({t: MLP(self.embedding.width, hiddenUnits, output=1) for t in LABELS})

    def forward(self, batch):
        x = self.embedding(batch).flatten(1)
        p_ctr, p_cvr = (torch.sigmoid(tower(x)[:, 0]) for tower in self.towers.values())
        return {"click": torch.logit(p_ctr), "buy": torch.logit(p_ctr * p_cvr)}


class Transfer(nn.Module):
    def __init__(self, width):
        super().__init__()
        setattr(self, "pass", MLP(width, [width]))
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))

    def forward(self, before, own):
        both = [getattr(self, "pass")(before), own]
        scores = [(self.query(u) * self.key(u)).sum(1) / u.shape[1] ** 0.5 for u in both]
        return mixed(torch.stack(scores, dim=1), [self.value(u) for u in both])


class AITM(nn.Module):
    def __init__(self, schema, embeddingDim, bottomHiddenUnits, towerHiddenUnits, calibration=0.6):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.bottoms = nn.ModuleList(FieldExpert(self.embedding, bottomHiddenUnits) for _ in LABELS)
        self.transfers = nn.ModuleList([Transfer(bottomHiddenUnits[-1])])
        self.heads = Heads(bottomHiddenUnits[-1], towerHiddenUnits, "task")
        self.calibration = calibration

    def forward(self, batch):
        e = self.embedding(batch)
        first, second = (bottom(e) for bottom in self.bottoms)
        logits = self.heads(batch, [first, self.transfers[0](first, second)])
        excess = torch.sigmoid(logits["buy"]) - torch.sigmoid(logits["click"])
        self.auxiliary = self.calibration * excess.clamp(min=0).mean()
        return logits


class DomainEmbedding(nn.Module):
    def __init__(self, schema, dim):
        super().__init__()
        self.table = nn.Embedding(schema["encoders"]["@domain"]["size"], dim, padding_idx=0)

    def forward(self, batch):
        return self.table(batch["@domain"])


class PartitionedNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.domainScale = nn.Parameter(torch.ones(DOMAINS, width))
        self.domainShift = nn.Parameter(torch.zeros(DOMAINS, width))
        self.register_buffer("runningMean", torch.zeros(DOMAINS, width))
        self.register_buffer("runningVariance", torch.ones(DOMAINS, width))

    def forward(self, x, batch):
        """Rows of no known domain are left out of moments here: fixtures have none in training batches."""
        means, variances = list(self.runningMean), list(self.runningVariance)
        for d in range(DOMAINS) if self.training else []:
            rows = x[batch["@domain"] == d + 3]
            if len(rows) == 0:
                means[d] = torch.zeros_like(x[0])
                continue
            means[d], variances[d] = rows.mean(dim=0), rows.var(dim=0, unbiased=False)
            with torch.no_grad():
                unbiased = variances[d] * len(rows) / max(len(rows) - 1, 1)
                self.runningMean[d] += 0.1 * (means[d] - self.runningMean[d])
                self.runningVariance[d] += 0.1 * (unbiased - self.runningVariance[d])
        rows = lambda values: own_domain(batch, [torch.stack([v] * len(x)) for v in values])
        standard = (x - rows(means)) / (rows(variances) + 1e-5).sqrt()
        return standard * self.scale * rows(self.domainScale) + self.shift + rows(self.domainShift)


class StarLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.domainWeight = nn.Parameter(torch.zeros(DOMAINS, inputs, outputs))
        self.domainBias = nn.Parameter(torch.zeros(DOMAINS, outputs))

    def forward(self, x, batch):
        each = [x @ (self.weight * w) + self.bias + b for w, b in zip(self.domainWeight, self.domainBias)]
        return own_domain(batch, each)


class Stitch(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.weights = nn.Parameter(torch.full((branches, branches), 0.1 / max(1, branches - 1)))

    def forward(self, branches):
        return [sum(a * h for a, h in zip(row, branches)) for row in self.weights]


class CrossStitch(nn.Module):
    def __init__(self, schema, embeddingDim, bottomHiddenUnits, towerHiddenUnits, branches="task"):
        super().__init__()
        count = DOMAINS if branches == "domain" else len(LABELS)
        self.embedding = FieldEmbedding(schema, embeddingDim)
        widths = [self.embedding.width, *bottomHiddenUnits]
        self.layers = nn.ModuleList(
            nn.ModuleList(MLP(a, [b]) for _ in range(count)) for a, b in zip(widths, bottomHiddenUnits)
        )
        self.stitches = nn.ModuleList(Stitch(count) for _ in bottomHiddenUnits)
        self.heads = Heads(widths[-1], towerHiddenUnits, branches)

    def forward(self, batch):
        x = [self.embedding(batch).flatten(1)] * len(self.layers[0])
        for networks, stitch in zip(self.layers, self.stitches):
            x = stitch([network(own) for network, own in zip(networks, x)])
        return self.heads(batch, x)


class STAR(nn.Module):
    def __init__(self, schema, embeddingDim, hiddenUnits, auxiliaryHiddenUnits):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        widths = [self.embedding.width, *hiddenUnits]
        self.norm = PartitionedNorm(widths[0])
        self.layers = nn.ModuleList(StarLinear(a, b) for a, b in zip(widths, widths[1:]))
        self.head = StarLinear(widths[-1], len(LABELS))
        self.domainEmbedding = DomainEmbedding(schema, embeddingDim)
        self.auxiliary = MLP(embeddingDim + widths[0], auxiliaryHiddenUnits, output=len(LABELS))

    def forward(self, batch):
        x0 = self.embedding(batch).flatten(1)
        x = self.norm(x0, batch)
        for layer in self.layers:
            x = F.relu(layer(x, batch))
        beside = self.auxiliary(torch.cat([self.domainEmbedding(batch), x0], dim=1))
        return dict(zip(LABELS, (self.head(x, batch) + beside).unbind(1)))


class GateUnit(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.mlp = MLP(inputs, [hidden], output=outputs)

    def forward(self, *x):
        return 2 * torch.sigmoid(self.mlp(torch.cat(x, dim=1)))


class GatedTower(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip([inputs, *hidden], hidden))
        self.head = nn.Linear(hidden[-1], 1)

    def forward(self, x, gates):
        for layer, gate in zip(self.layers, gates):
            x = F.relu(layer(x)) * gate
        return self.head(x)[:, 0]


class PEPNet(nn.Module):
    def __init__(self, schema, embeddingDim, hiddenUnits, priorFeatures, gateWidth, domainFeatures=()):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        width = self.embedding.width
        self.domainEmbedding = DomainEmbedding(schema, embeddingDim)
        seen = embeddingDim * (1 + len(domainFeatures)) + width
        self.domainFields = FieldEmbedding(schema, embeddingDim, include=domainFeatures) if domainFeatures else None
        self.domainGate = GateUnit(seen, gateWidth, width)
        self.prior = FieldEmbedding(schema, embeddingDim, include=priorFeatures)
        inputs = self.prior.width + width
        self.gates = nn.ModuleList(GateUnit(inputs, gateWidth, units * len(LABELS)) for units in hiddenUnits)
        self.towers = nn.ModuleDict({task: GatedTower(width, hiddenUnits) for task in LABELS})

    def forward(self, batch):
        x = self.embedding(batch).flatten(1)
        domain = [self.domainEmbedding(batch)]
        if self.domainFields is not None:
            domain.append(self.domainFields(batch).flatten(1))
        fitted = x * self.domainGate(*domain, x.detach())
        prior = self.prior(batch).flatten(1)
        gates = [gate(prior, fitted.detach()).chunk(len(LABELS), dim=1) for gate in self.gates]
        return {
            task: tower(fitted, [gate[t] for gate in gates]) for t, (task, tower) in enumerate(self.towers.items())
        }


class DomainAttention(nn.Module):
    def __init__(self, schema, dim, hidden):
        super().__init__()
        self.embedding = DomainEmbedding(schema, dim)
        self.mlp = MLP(dim, hidden, output=DOMAINS)

    def forward(self, batch):
        return self.mlp(self.embedding(batch)).softmax(dim=1)


class HiNet(nn.Module):
    def __init__(
        self, schema, embeddingDim, subExperts, expertHiddenUnits, attentionHiddenUnits, specificExperts, sharedExperts,
        taskExpertHiddenUnits, gateHiddenUnits, towerHiddenUnits,
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        field = lambda: FieldExpert(self.embedding, expertHiddenUnits)
        integration = lambda: Mixture(1, 0, subExperts, field, self.embedding.width, [])
        self.shared = integration()
        self.experts = nn.ModuleList(integration() for _ in range(DOMAINS))
        self.attention = DomainAttention(schema, embeddingDim, attentionHiddenUnits)
        inputs = 3 * expertHiddenUnits[-1]
        plain = lambda: MLP(inputs, taskExpertHiddenUnits)
        self.tasks = Mixture(len(LABELS), specificExperts, sharedExperts, plain, inputs, gateHiddenUnits)
        self.heads = Heads(taskExpertHiddenUnits[-1], towerHiddenUnits, "task")

    def forward(self, batch):
        x = self.embedding(batch)
        through = lambda expert: expert([x], x, [x])[0][0]
        experts = torch.stack([through(expert) for expert in self.experts], dim=1)
        attention = self.attention(batch)
        taken, own = [], []
        for i, d in enumerate(batch["@domain"].tolist()):
            weights = attention[i].clone()
            if d >= 3:
                weights[d - 3] = 0
                own.append(experts[i, d - 3])
            else:
                weights = weights * (1 - 1 / DOMAINS)
                own.append(experts[i].mean(dim=0))
            taken.append(weights @ experts[i])
        c = torch.cat([torch.stack(taken), torch.stack(own), through(self.shared)], dim=1)
        outputs, _ = self.tasks([c] * len(LABELS), c, [c] * len(LABELS))
        return self.heads(batch, outputs)


class Pruner(nn.Module):
    def __init__(self, domain, width, factor, scale, threshold):
        super().__init__()
        self.linear = nn.Linear(domain + width, width, bias=False)
        self.factor, self.scale, self.threshold = factor, scale, threshold

    def forward(self, domain, h, steepness):
        soft = torch.sigmoid(steepness * self.linear(torch.cat([domain, h], dim=1)))
        scaled = soft if self.factor == "binary" else self.scale * soft
        hard = (scaled > self.threshold).to(soft)
        kept = hard + soft - soft.detach()
        self.zeros = 1 - kept.mean()
        return {"binary": kept, "scaling": scaled, "fusion": scaled * hard}[self.factor]


class AdaSparse(nn.Module):
    def __init__(
        self, schema, embeddingDim, hiddenUnits, steepness, sparsityWeight, domainFeatures=(), factor="fusion", scale=2,
        threshold=0.25, steepnessGrowth=1e-4, steepnessLimit=5, sparsity=(0.15, 0.25), sparsityWeightGrowth=1e-5,
        sparsityWeightLimit=1,
    ):
        super().__init__()
        self.embedding = FieldEmbedding(schema, embeddingDim)
        self.domainEmbedding = DomainEmbedding(schema, embeddingDim)
        self.domainFields = FieldEmbedding(schema, embeddingDim, include=domainFeatures) if domainFeatures else None
        widths = [self.embedding.width, *hiddenUnits]
        domain = embeddingDim * (1 + len(domainFeatures))
        self.pruners = nn.ModuleList(Pruner(domain, width, factor, scale, threshold) for width in widths)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, hiddenUnits))
        self.head = nn.Linear(widths[-1], len(LABELS))
        self.register_buffer("steepness", torch.tensor([float(steepness)]))
        self.register_buffer("sparsityWeight", torch.tensor([float(sparsityWeight)]))
        self.growth = ((steepnessGrowth, steepnessLimit), (sparsityWeightGrowth, sparsityWeightLimit))
        self.bounds = sparsity

    def forward(self, batch):
        domain = self.domainEmbedding(batch)
        if self.domainFields is not None:
            domain = torch.cat([domain, self.domainFields(batch).flatten(1)], dim=1)
        steepness, weight = self.steepness.clone(), self.sparsityWeight.clone()
        h = self.embedding(batch).flatten(1)
        self.auxiliary = 0
        for l, pruner in enumerate(self.pruners):
            if l > 0:
                h = F.relu(self.layers[l - 1](h))
            factor = pruner(domain, h, steepness)
            if pruner.factor != "scaling" and not self.bounds[0] <= pruner.zeros <= self.bounds[1]:
                distance = (pruner.zeros - sum(self.bounds) / 2).abs()
                self.auxiliary = self.auxiliary + weight[0] * distance.detach() * distance / len(self.pruners)
            h = h * factor
        if self.training:
            for state, (by, limit) in zip((self.steepness, self.sparsityWeight), self.growth):
                state.copy_((state + by).clamp(max=limit))
        return dict(zip(LABELS, self.head(h).unbind(1)))


class STEM(nn.Module):
    def __init__(
        self, schema, embeddingDim, levels, specificExperts, sharedExperts, expertHiddenUnits, gateHiddenUnits,
        towerHiddenUnits, otherExperts="stopped", gateInput="sum", branches="task", interaction="none",
    ):
        super().__init__()
        count = DOMAINS if branches == "domain" else len(LABELS)
        self.shared = FieldEmbedding(schema, embeddingDim)
        self.own = nn.ModuleList(FieldEmbedding(schema, embeddingDim) for _ in range(count))
        width = expertHiddenUnits[-1]
        field = lambda: FieldExpert(self.shared, expertHiddenUnits, interaction)
        plain = lambda: MLP(width, expertHiddenUnits)
        self.levels = nn.ModuleList(
            Mixture(
                count, specificExperts, sharedExperts, plain if l else field, width if l else self.shared.width,
                gateHiddenUnits, others=otherExperts, shared_gate="all" if l < levels - 1 else None,
            )
            for l in range(levels)
        )
        self.heads = Heads(width, towerHiddenUnits, branches)
        self.sums = gateInput == "sum"

    def forward(self, batch):
        shared, branches = self.shared(batch), [own(batch) for own in self.own]
        for level in self.levels:
            branches, shared = level(branches, shared, [x + shared if self.sums else x for x in branches])
        return self.heads(batch, branches)


class PriorGate(nn.Module):
    def __init__(self, schema, features, dim, experts, width, per_domain):
        super().__init__()
        self.domain = DomainEmbedding(schema, dim)
        self.prior = FieldEmbedding(schema, dim, include=features) if features else None
        inputs = dim * (1 + len(features))
        self.maps = nn.ModuleList(
            nn.Linear(inputs, experts * width, bias=False) for _ in range(DOMAINS if per_domain else 1)
        )
        self.shape = (experts, width)

    def forward(self, batch):
        r = self.domain(batch)
        if self.prior is not None:
            r = torch.cat([r, self.prior(batch).flatten(1)], dim=1)
        each = [m(r) for m in self.maps]
        scores = own_domain(batch, each) if len(each) > 1 else each[0]
        return scores.reshape(-1, *self.shape).softmax(dim=1)


class Crocodile(nn.Module):
    def __init__(
        self, schema, embeddingDim, embeddingSets, expertHiddenUnits, priorFeatures, priorDim, towerHiddenUnits,
        covarianceWeight, covarianceNormalization="mean", gate="dimension", perDomainGate=False, branches="domain",
        covarianceRows=None,
    ):
        super().__init__()
        self.sets = nn.ModuleList(FieldEmbedding(schema, embeddingDim) for _ in range(embeddingSets))
        self.experts = nn.ModuleList(FieldExpert(s, expertHiddenUnits) for s in self.sets)
        width = expertHiddenUnits[-1]
        gate_width = width if gate == "dimension" else 1
        self.gate = PriorGate(schema, priorFeatures, priorDim, embeddingSets, gate_width, perDomainGate)
        self.heads = Heads(width, towerHiddenUnits, branches)
        self.weight, self.normalization, self.rows = covarianceWeight, covarianceNormalization, covarianceRows

    def covariance(self, outputs):
        if self.rows is not None:
            places = [k * len(outputs[0]) // self.rows for k in range(self.rows)]
            outputs = [o[places] for o in outputs]
        centred = [o - o.mean(dim=0) for o in outputs]
        total = sum((centred[p].T @ centred[q]).abs().sum() for p in range(len(centred)) for q in range(p))
        rows = len(outputs[0]) if self.normalization == "mean" else 1
        return total / outputs[0].shape[1] ** 2 / rows

    def forward(self, batch):
        outputs = [expert(s(batch)) for expert, s in zip(self.experts, self.sets)]
        self.auxiliary = self.weight * self.covariance(outputs)
        weights = self.gate(batch)
        return self.heads(batch, sum(weights[:, m] * o for m, o in enumerate(outputs)))
