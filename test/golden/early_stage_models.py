"""Fixtures of the early-stage ranker. Run: python test/golden/early_stage_models.py"""
from model_golden import ROUNDED, golden as fixture
from torch import nn
import torch
from torch_layers import MLP, FieldEmbedding
from torch_multi_task import LABELS, TASKS, Mixture, Transfer


class Side(nn.Module):
    """A tower: every task's vector from its own expert and the shared ones, or from one network."""

    def __init__(self, schema, include, dim, hidden, bottom, experts, head_width, transfers):
        super().__init__()
        self.fields = FieldEmbedding(schema, dim, include=include)
        network = lambda: MLP(self.fields.width, hidden)
        if bottom == "shared":
            self.network = network()
        else:
            own = 1 if bottom == "ple" else 0
            self.experts = Mixture(len(LABELS), own, experts, network, self.fields.width, [])
        self.transfers = nn.ModuleList(Transfer(hidden[-1]) for _ in transfers)
        self.outputs = nn.ModuleList(nn.Linear(hidden[-1], head_width) for _ in LABELS)
        self.order = [(LABELS.index(t["from"]), LABELS.index(t["to"])) for t in transfers]

    def forward(self, batch):
        x = self.fields(batch).flatten(1)
        if hasattr(self, "network"):
            z = [self.network(x)] * len(LABELS)
        else:
            z = list(self.experts([x] * len(LABELS), x, [x] * len(LABELS))[0])
        for transfer, (source, to) in zip(self.transfers, self.order):
            z[to] = transfer(z[source], z[to])
        return [output(of_task) for output, of_task in zip(self.outputs, z)]


class EarlyStageMTL(nn.Module):
    def __init__(
        self, schema, embeddingDim, itemFeatures, hiddenUnits, headDim, bottom="shared", experts=4, chain=(),
        transfers=(), calibrator=0, chained="product",
    ):
        super().__init__()
        users = [f["name"] for f in schema["features"] if f["name"] not in itemFeatures]
        rest = (embeddingDim, hiddenUnits, bottom, experts)
        self.item = Side(schema, itemFeatures, *rest, headDim + 1, transfers)
        self.user = Side(schema, users, *rest, headDim, transfers)
        self.calibrator, self.product = calibrator, len(chain) > 0 and chained == "product"

    def forward(self, batch):
        pairs = zip(self.user(batch), self.item(batch))
        click, buy = [(u * a[:, :-1]).sum(1) + a[:, -1] for u, a in pairs]
        if self.product:
            buy = torch.logit(torch.sigmoid(click) * torch.sigmoid(buy))
        excess = torch.sigmoid(buy) - torch.sigmoid(click)
        self.auxiliary = self.calibrator * excess.clamp(min=0).mean()
        return {"click": click, "buy": buy}


SMALL = {"embeddingDim": 2, "itemFeatures": ["item", "tags", "price"], "hiddenUnits": [4, 3], "headDim": 2}
RELATED = {"chain": ["click", "buy"], "transfers": [{"from": "click", "to": "buy"}]}


def golden(name, options, runs):
    fixture(name, EarlyStageMTL, SMALL | options, runs=runs, schema=TASKS)


golden("EarlyStageMTL", RELATED | {"bottom": "ple", "experts": 2}, [ROUNDED | {"maxGradientNorm": 0.1}])
golden("EarlyStageMTL-shared", {"chain": ["click", "buy"], "chained": "free", "calibrator": 2}, [])
golden("EarlyStageMTL-mmoe", {"bottom": "mmoe", "experts": 3}, [])
