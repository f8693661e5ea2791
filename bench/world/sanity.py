"""How far models of rising power get on a generated world, against its oracle.

Peers in PyTorch, kept as evidence for the figures in docs/world.md:

    python bench/world/sanity.py WORLD_DIRECTORY [--models lr,dcnv2,dcnv2-history] [--epochs 3] [--seed 1]

LR: one weight per value of every field and per number. DCNv2: embeddings of 16, three full cross layers beside an
MLP 256-128. dcnv2-history adds target attention over the last 30 clicks (items and categories). Adam 1e-3,
batch 4096, early stopping on validation AUC; prints one JSON object a model.
"""

import argparse
import json
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import torch
from sklearn.metrics import log_loss, roc_auc_score
from torch import nn

FIELDS = ["user_id", "age", "gender", "city", "device", "item_id", "category", "subcategory", "advertiser",
          "format", "domain", "position", "hour"]
HISTORY = 30


def load(path, history):
    names = FIELDS + ["price", "item_age", "click", "true_click"] + (["history_items"] if history else [])
    table = pq.read_table(path, columns=names)
    ids = np.stack([table[name].to_numpy() for name in FIELDS], 1).astype(np.int64)
    numbers = np.log1p(np.stack([table[name].to_numpy() for name in ["price", "item_age"]], 1)).astype(np.float32)
    out = {"ids": ids, "numbers": numbers, "y": table["click"].to_numpy().astype(np.float32),
           "p": table["true_click"].to_numpy()}
    if history:
        column = table["history_items"].combine_chunks()
        offsets, values = column.offsets.to_numpy(), column.values.to_numpy()
        sequence = np.zeros((len(offsets) - 1, HISTORY), np.int32)
        for i in range(len(offsets) - 1):
            recent = values[max(offsets[i], offsets[i + 1] - HISTORY):offsets[i + 1]]
            if len(recent):
                sequence[i, HISTORY - len(recent):] = recent + 1
        out["sequence"] = sequence
    return out


class LR(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.weights = nn.ModuleList(nn.Embedding(size, 1) for size in sizes)
        for weight in self.weights:
            nn.init.zeros_(weight.weight)
        self.numbers = nn.Linear(2, 1)

    def forward(self, ids, numbers, sequence=None):
        return (sum(w(ids[:, f]) for f, w in enumerate(self.weights)) + self.numbers(numbers)).squeeze(1)


class DCNv2(nn.Module):
    def __init__(self, sizes, category_of=None, dim=16):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, dim) for size in sizes)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.05)
        self.category_of = category_of
        width = dim * len(sizes) + 2 + (2 * dim if category_of is not None else 0)
        if category_of is not None:
            self.attention = nn.Sequential(nn.Linear(8 * dim, 64), nn.ReLU(), nn.Linear(64, 1))
        self.cross = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.deep = nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.2),
                                  nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(width + 128, 1)

    def forward(self, ids, numbers, sequence=None):
        x = [table(ids[:, f]) for f, table in enumerate(self.tables)]
        if self.category_of is not None:
            items, categories = self.tables[FIELDS.index("item_id")], self.tables[FIELDS.index("category")]
            mask = sequence > 0
            past = (sequence - 1).clamp(min=0)
            keys = torch.cat([items(past), categories(self.category_of[past])], 2)
            query = torch.cat([x[FIELDS.index("item_id")], x[FIELDS.index("category")]], 1)[:, None].expand_as(keys)
            weight = self.attention(torch.cat([query, keys, query - keys, query * keys], 2)).squeeze(2)
            x.append((keys * (weight * mask)[:, :, None]).sum(1))
        x0 = torch.cat(x + [numbers], 1)
        crossed = x0
        for layer in self.cross:
            crossed = x0 * layer(crossed) + crossed
        return self.head(torch.cat([crossed, self.deep(x0)], 1)).squeeze(1)


def run(name, data, items, epochs, seed, rate, l2, dim):
    torch.manual_seed(seed)
    sizes = [int(max(d["ids"][:, f].max() for d in data.values())) + 1 for f in range(len(FIELDS))]
    history = name.endswith("history")
    model = LR(sizes) if name == "lr" else DCNv2(sizes, items if history else None, dim)
    tables = model.weights if name == "lr" else model.tables
    rest = [p for n, p in model.named_parameters() if not n.startswith(("weights", "tables"))]
    # Adam's weight decay is L2 on the whole table, as FuxiCTR's embedding_regularizer.
    optimizer = torch.optim.Adam([{"params": tables.parameters(), "weight_decay": 0 if name == "lr" else l2}, {"params": rest}],
                                 lr=rate * (10 if name == "lr" else 1))
    mean, sd = data["train"]["numbers"].mean(0), data["train"]["numbers"].std(0)

    def batch(split, rows):
        d = data[split]
        return (torch.from_numpy(d["ids"][rows]), torch.from_numpy((d["numbers"][rows] - mean) / sd),
                torch.from_numpy(d["sequence"][rows]).long() if history else None)

    def predict(split):
        model.eval()
        with torch.no_grad():
            rows = np.arange(len(data[split]["y"]))
            return torch.cat([model(*batch(split, part)).sigmoid() for part in np.array_split(rows, 40)]).numpy()

    start, best = time.time(), None
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        model.train()
        order = rng.permutation(len(data["train"]["y"]))
        for part in np.array_split(order, max(1, len(order) // 4096)):
            loss = nn.functional.binary_cross_entropy_with_logits(
                model(*batch("train", part)), torch.from_numpy(data["train"]["y"][part]))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        auc = roc_auc_score(data["valid"]["y"], predict("valid"))
        print(name, "epoch", epoch + 1, round(auc, 4), round(time.time() - start), file=sys.stderr, flush=True)
        if best is not None and auc <= best[0]:
            break
        p = predict("test")
        best = (auc, epoch + 1, roc_auc_score(data["test"]["y"], p), log_loss(data["test"]["y"], p))
    print(json.dumps({"model": name, "seed": seed, "epochs": best[1], "validAUC": round(best[0], 4),
                      "testAUC": round(best[2], 4), "testLogLoss": round(best[3], 4),
                      "seconds": round(time.time() - start)}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("world")
    parser.add_argument("--models", default="lr,dcnv2,dcnv2-history")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--l2", type=float, default=1e-4)
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    models = args.models.split(",")
    history = any(m.endswith("history") for m in models)
    data = {split: load(f"{args.world}/{split}.parquet", history) for split in ["train", "valid", "test"]}
    y, p = data["test"]["y"], data["test"]["p"]
    print(json.dumps({"model": "oracle", "testAUC": round(roc_auc_score(y, p), 4),
                      "testLogLoss": round(log_loss(y, p), 4), "calibration": round(float(p.sum() / y.sum()), 4)}))
    items = torch.from_numpy(pq.read_table(f"{args.world}/items.parquet")["category"].to_numpy().astype(np.int64))
    for name in models:
        run(name, data, items, args.epochs, args.seed, args.rate, args.l2, args.dim)


main()
