"""The PyTorch side of `npm run bench:sequence`, as plain eager code.

Reads jobs as JSON lines on stdin and answers each with one JSON line on stdout:

    {"kind": "search", "length": 10000, "attentionDim": 16, "candidates": 64, "k": 20, "repeats": 100, "warmup": 3}
    {"kind": "training", "model": "DARE" | "DIN", "items": …, "categories": …, "length": 200, "dim": 16,
     "batch": 512, "k": 20, "steps": 10, "warmup": 2}
    -> {"milliseconds": of one search or step}, or "error"

The search: candidates' queries from their tables, one product with a user's kept keys, a score for each place,
the k highest, and softmax over those. Training: SparseAdam on the tables and Adam on the rest, histories of the
full length. What was made for one job is kept for the next of the same kind.

Options: --threads N (default 2).
"""

import math
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))
from line_peer import serve  # noqa: E402

POOL = 8


def mlp(width, hidden, make):
    layers = []
    for size in hidden:
        layers += [nn.Linear(width, size), make(size)]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, 1))


class Tables(nn.Module):
    """Items and categories, and the vectors of places."""

    def __init__(self, job):
        super().__init__()
        dim = job["dim"]
        self.item = nn.Embedding(job["items"] + 3, dim, sparse=True)
        self.category = nn.Embedding(job["categories"] + 3, dim, sparse=True)
        self.places = nn.Parameter(torch.randn(job["length"] + 1, dim) * 0.01)
        for table in (self.item, self.category):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, items, categories):
        return self.item(items), self.category(categories)


class DARE(nn.Module):
    def __init__(self, job):
        super().__init__()
        self.attention, self.representation = Tables(job), Tables(job)
        width = 9 * job["dim"]
        self.norm = nn.BatchNorm1d(width)
        prelu = lambda _: nn.PReLU(1, init=0.1)
        self.deep, self.search = mlp(width, [200, 80], prelu), mlp(width, [200], prelu)
        self.k, self.length, self.dim = job["k"], job["length"], job["dim"]

    def loss(self, item, category, items, categories, label):
        (qi, qc), (ki, kc) = self.attention(item, category), self.attention(items, categories)
        places = self.attention.places
        by_place = (places[1:] @ places[0] / math.sqrt(self.dim)).flip(0)  # oldest first
        related = torch.bmm(ki, qi.unsqueeze(2)) + torch.bmm(kc, qc.unsqueeze(2))
        scores = related.squeeze(2) / math.sqrt(2 * self.dim) + by_place
        best, index = scores.topk(self.k, dim=1)
        chosen = torch.zeros_like(scores).scatter(1, index, best.softmax(dim=1))
        weights = torch.stack([chosen, scores.softmax(dim=1)], dim=1)
        ei, ec = self.representation(items, categories)
        places = self.representation.places
        pooled = torch.cat([weights @ ei, weights @ ec, weights @ places[1:].flip(0)], dim=2)
        vi, vc = self.representation(item, category)
        v = torch.cat([vi, vc, places[0].expand_as(vi)], dim=1)
        read = lambda p: torch.cat([v, p, p * v], dim=1)
        main = self.deep(self.norm(read(pooled[:, 0]))).squeeze(1)
        whole = self.search(read(pooled[:, 1])).squeeze(1)
        bce = F.binary_cross_entropy_with_logits
        return bce(main, label) + bce(whole, label)


class Dice(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm1d(width, eps=1e-9, momentum=0.01, affine=False)
        self.slope = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        p = torch.sigmoid(self.norm(x))
        return p * x + self.slope * (1 - p) * x


class DIN(nn.Module):
    def __init__(self, job):
        super().__init__()
        self.tables = Tables(job)
        del self.tables.places
        width = 2 * job["dim"]
        self.unit = mlp(4 * width, [64], Dice)
        self.deep = mlp(2 * width, [200, 80], lambda _: nn.ReLU())

    def loss(self, item, category, items, categories, label):
        a = torch.cat(self.tables(item, category), dim=1)
        h = torch.cat(self.tables(items, categories), dim=2)
        query = a.unsqueeze(1).expand_as(h)
        pairs = torch.cat([query, h, query - h, query * h], dim=2)
        weights = self.unit(pairs.flatten(0, 1)).view(h.shape[:2])
        pooled = torch.bmm(weights.unsqueeze(1), h).squeeze(1)
        logit = self.deep(torch.cat([a, pooled], dim=1)).squeeze(1)
        return F.binary_cross_entropy_with_logits(logit, label)


class Training:
    def __init__(self, job):
        torch.manual_seed(1)
        self.model = {"DARE": DARE, "DIN": DIN}[job["model"]](job)
        tables = [m.weight for m in self.model.modules() if isinstance(m, nn.Embedding)]
        rest = [p for p in self.model.parameters() if all(p is not table for table in tables)]
        self.optimizers = [torch.optim.SparseAdam(tables, lr=1e-3), torch.optim.Adam(rest, lr=1e-3)]
        draw = lambda known, *shape: 3 + (known * torch.rand(POOL, *shape) ** 3).long()
        batch, length = job["batch"], job["length"]
        self.batches = list(
            zip(
                draw(job["items"], batch),
                draw(job["categories"], batch),
                draw(job["items"], batch, length),
                draw(job["categories"], batch, length),
                (torch.rand(POOL, batch) < 0.3).float(),
            )
        )
        self.position = 0

    def once(self):
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.model.loss(*self.batches[self.position % POOL]).backward()
        self.position += 1
        for optimizer in self.optimizers:
            optimizer.step()


class Search:
    def __init__(self, job):
        torch.manual_seed(1)
        dim, n = job["attentionDim"], job["candidates"]
        self.item, self.category = nn.Embedding(100_003, dim), nn.Embedding(1003, dim)
        self.keys = torch.randn(job["length"], 2 * dim) * 0.1
        places = torch.randn(job["length"] + 1, dim) * 0.1
        self.by_place = (places[1:] @ places[0] / math.sqrt(dim)).flip(0)
        self.ids = torch.randint(3, 100_003, (n,)), torch.randint(3, 1003, (n,))
        self.k, self.scale = job["k"], 1 / math.sqrt(2 * dim)

    @torch.inference_mode()
    def once(self):
        query = torch.cat([self.item(self.ids[0]), self.category(self.ids[1])], dim=1) * self.scale
        scores = torch.addmm(self.by_place, query, self.keys.T)
        best, index = scores.topk(self.k, dim=1)
        return index, best.softmax(dim=1)


class Peer:
    def __init__(self):
        self.key = self.current = None

    def run(self, job):
        key = (job["kind"], job.get("model"), job["length"])
        if key != self.key:
            self.current = None
            self.current = (Search if job["kind"] == "search" else Training)(job)
            self.key = key
        for _ in range(job["warmup"]):
            self.current.once()
        repeats = job.get("repeats") or job["steps"]
        start = time.perf_counter()
        for _ in range(repeats):
            self.current.once()
        return {"milliseconds": 1000 * (time.perf_counter() - start) / repeats}


if __name__ == "__main__":
    serve(Peer)
