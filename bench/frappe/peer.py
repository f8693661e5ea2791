"""PyTorch's side of `npm run bench:frappe`: the models of recipe bars-frappe as plain eager code.

Reads jobs {"model", "steps"} as JSON lines on stdin, answers {"secondsPerEpoch"} from that many steps at
batch 4096, shuffled, dense Adam 1e-3, L2 over whole tables in the loss, gradient norm clipped at 10.

    peer.py TRAIN.libfm.gz [--threads N]
"""
import argparse
import gzip
import json
import sys
import time

import torch
from torch import nn

BATCH, DIM = 4096, 10


def read(path):
    labels, rows = [], []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            label, *fields = line.split()
            labels.append(1.0 if float(label) > 0 else 0.0)
            rows.append([int(field.split(":")[0]) for field in fields])
    return torch.tensor(rows), torch.tensor(labels)


def mlp(width, hidden, dropout=0.0, output=None):
    layers = []
    for h in hidden:
        layers += [nn.Linear(width, h), nn.BatchNorm1d(h), nn.ReLU(inplace=True)]
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = h
    if output:
        layers.append(nn.Linear(width, output))
    return nn.Sequential(*layers)


class Model(nn.Module):
    def __init__(self, name, rows, fields):
        super().__init__()
        self.name, width = name, fields * DIM
        self.tables = nn.ModuleDict()
        if name in ("LR", "FM", "DeepFM"):
            self.tables["linear"] = nn.Embedding(rows, 1)
            self.bias = nn.Parameter(torch.zeros(1))
        if name != "LR":
            self.tables["fields"] = nn.Embedding(rows, DIM)
        if name == "DeepFM":
            self.deep = mlp(width, [400] * 3, 0.2, 1)
        if name == "DCNv2":
            self.crosses = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
            self.deep = mlp(width, [400] * 3, 0.4)
            self.head = nn.Linear(width + 400, 1)
        if name == "FinalMLP":
            self.tables["gate1"], self.tables["gate2"] = nn.Embedding(rows, DIM), nn.Embedding(rows, DIM)
            gate = lambda: nn.Sequential(nn.Linear(DIM, 400), nn.ReLU(inplace=True), nn.Linear(400, width), nn.Sigmoid())
            self.gates = nn.ModuleList([gate(), gate()])
            self.mlp1, self.mlp2 = mlp(width, [400], 0.4), mlp(width, [100], 0.4)
            self.w1, self.w2 = nn.Linear(400, 1), nn.Linear(100, 1, bias=False)
            self.fusion = nn.Parameter(torch.randn(5, 80, 20) * 0.015)
        for table in self.tables.values():
            nn.init.normal_(table.weight, std=1e-4)

    def forward(self, ids):
        logit = 0
        if "linear" in self.tables:
            logit = self.tables["linear"](ids).sum(dim=(1, 2)) + self.bias
        if self.name == "LR":
            return logit
        fields = self.tables["fields"](ids)
        x0 = fields.flatten(1)
        if self.name in ("FM", "DeepFM"):
            logit = logit + 0.5 * (fields.sum(1).square() - fields.square().sum(1)).sum(1)
        if self.name == "DeepFM":
            logit = logit + self.deep(x0).squeeze(1)
        if self.name == "DCNv2":
            x = x0
            for cross in self.crosses:
                x = torch.addcmul(x, x0, cross(x))
            logit = self.head(torch.cat([x, self.deep(x0)], 1)).squeeze(1)
        if self.name == "FinalMLP":
            one = self.mlp1(x0 * 2 * self.gates[0](self.tables["gate1"](ids[:, 0])))
            two = self.mlp2(x0 * 2 * self.gates[1](self.tables["gate2"](ids[:, 1])))
            heads = torch.einsum("bhl,hlr,bhr->b", one.view(-1, 5, 80), self.fusion, two.view(-1, 5, 20))
            logit = (self.w1(one) + self.w2(two)).squeeze(1) + heads
        return logit


L2 = {"LR": 1e-5, "FM": 5e-6, "DeepFM": 0.05, "DCNv2": 0.05, "FinalMLP": 0.05}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ids, labels = read(options.train)
    print(json.dumps({"ready": True, "torch": torch.__version__, "rows": len(labels)}), flush=True)
    learners = {}
    for line in sys.stdin:
        job = json.loads(line)
        name = job["model"]
        if name not in learners:
            torch.manual_seed(1)
            model = Model(name, int(ids.max()) + 1, ids.shape[1])
            learners[name] = model, torch.optim.Adam(model.parameters(), lr=1e-3)
        model, optimizer = learners[name]
        order = torch.randperm(len(labels))
        start = time.perf_counter()
        for step in range(job["steps"]):
            rows = order[step * BATCH : (step + 1) * BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.binary_cross_entropy_with_logits(model(ids[rows]), labels[rows])
            loss = loss + sum(L2[name] / 2 * table.weight.square().sum() for table in model.tables.values())
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10)
            optimizer.step()
        seconds = time.perf_counter() - start
        steps = -(-len(labels) // BATCH)
        print(json.dumps({**job, "secondsPerEpoch": seconds / job["steps"] * steps, "loss": float(loss)}), flush=True)


if __name__ == "__main__":
    main()
