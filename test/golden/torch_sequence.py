"""Layers of sequence models in PyTorch, with our names (see torch_layers.py), written from their equations."""
import math

import torch
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, dim, heads=1, event_dim=None, head_dim=None, causal=False, bias=True):
        super().__init__()
        width = heads * (head_dim or dim // heads)
        self.query = nn.Linear(dim, width, bias=bias)
        self.key = nn.Linear(event_dim or dim, width, bias=bias)
        self.value = nn.Linear(event_dim or dim, width, bias=bias)
        self.output = nn.Linear(width, dim, bias=bias)
        self.heads, self.causal = heads, causal

    def forward(self, queries, events=None, mask=None):
        events = queries if events is None else events
        batch, length, _ = events.shape
        allowed = torch.ones(batch, queries.shape[1], length, dtype=torch.bool)
        if mask is not None:
            allowed = allowed & (mask[:, None, :] > 0)
        if self.causal:
            allowed = allowed.tril()
        q, k, v = self.query(queries), self.key(events), self.value(events)
        heads = []
        for i in range(self.heads):
            at = slice(i * q.shape[-1] // self.heads, (i + 1) * q.shape[-1] // self.heads)
            scores = q[..., at] @ k[..., at].transpose(1, 2) / math.sqrt(at.stop - at.start)
            scores = scores.masked_fill(~allowed, -1e30)
            heads.append(scores.softmax(dim=-1).masked_fill(~allowed, 0) @ v[..., at])
        return self.output(torch.cat(heads, dim=-1))


class TorchSelfAttention(MultiHeadAttention):
    """The same parameters through PyTorch's own function, to judge the class above."""

    def forward(self, x):
        layers = (self.query, self.key, self.value)
        length = x.shape[1]
        y, _ = nn.functional.multi_head_attention_forward(
            *[x.transpose(0, 1)] * 3,
            x.shape[-1],
            self.heads,
            torch.cat([layer.weight for layer in layers]),
            torch.cat([layer.bias for layer in layers]),
            None,
            None,
            False,
            0.0,
            self.output.weight,
            self.output.bias,
            attn_mask=~torch.ones(length, length, dtype=torch.bool).tril() if self.causal else None,
        )
        return y.transpose(0, 1)


class GRU(nn.Module):
    def __init__(self, inputs, width, kind="GRU", last=False):
        super().__init__()
        self.input = nn.Linear(inputs, 3 * width)
        self.recurrent = nn.Linear(width, 3 * width)
        self.width, self.kind, self.last = width, kind, last

    def forward(self, x, mask=None, scores=None):
        h, states = torch.zeros(len(x), self.width), []
        for t in range(x.shape[1]):
            s = None if scores is None else scores[:, t, None]
            xu, xr, xn = self.input(x[:, t] * s if self.kind == "AIGRU" else x[:, t]).chunk(3, dim=1)
            hu, hr, hn = self.recurrent(h).chunk(3, dim=1)
            u, r = torch.sigmoid(xu + hu), torch.sigmoid(xr + hr)
            n = torch.tanh(xn + r * hn)
            g = {"GRU": lambda: u, "AIGRU": lambda: u, "AUGRU": lambda: s * u, "AGRU": lambda: s}[self.kind]()
            stepped = h + g * (n - h)
            h = stepped if mask is None else torch.where(mask[:, t, None] > 0, stepped, h)
            states.append(h)
        return h if self.last else torch.stack(states, dim=1)


class TorchGRU(GRU):
    """The same parameters through torch.nn.functional's GRU, whose gates are r, 1 - u, n."""

    def forward(self, x):
        def turned(p):
            u, r, n = p.chunk(3)
            return torch.cat([r, -u, n])

        weights = [turned(p) for p in (self.input.weight, self.recurrent.weight, self.input.bias, self.recurrent.bias)]
        states, _ = torch._VF.gru(x, torch.zeros(1, len(x), self.width), weights, True, 1, 0.0, False, False, True)
        return states


class MultiHeadTargetAttention(nn.Module):
    """Every event is projected, as in FuxiCTR; `k` keeps each head's best."""

    def __init__(self, dim, width=64, heads=1, event_dim=None, value_dim=None):
        super().__init__()
        event_dim = event_dim or dim
        value_dim = value_dim or event_dim
        self.query = nn.Linear(dim, width, bias=False)
        self.key = nn.Linear(event_dim, width, bias=False)
        self.value = nn.Linear(value_dim, width, bias=False)
        self.output = nn.Linear(width, value_dim, bias=False)
        self.heads, self.head_dim = heads, width // heads

    def forward(self, target, events, mask, values=None, bias=None, k=None):
        def split(x):
            return x.unflatten(-1, (self.heads, self.head_dim)).transpose(-2, -3)

        values = events if values is None else values
        q = self.query(target).unflatten(-1, (self.heads, 1, self.head_dim))
        scores = (q * split(self.key(events))).sum(dim=-1) / math.sqrt(self.head_dim)
        if bias is not None:
            scores = scores + bias
        allowed = (mask[:, None, :] > 0).expand_as(scores)
        scores = scores.masked_fill(~allowed, -math.inf)
        if k is not None and k < scores.shape[-1]:
            dropped = torch.ones_like(allowed).scatter(-1, scores.topk(k, dim=-1)[1], False)
            scores, allowed = scores.masked_fill(dropped, -math.inf), allowed & ~dropped
        weights = scores.masked_fill(~allowed, -1e30).softmax(dim=-1) * allowed
        pooled = torch.einsum("bhl,bhld->bhd", weights, split(self.value(values)))
        return self.output(pooled.flatten(1))


class SetPooling(nn.Module):
    def __init__(self, dim, seeds=1, heads=1, attention_only=False):
        super().__init__()
        self.seeds = nn.Parameter(torch.zeros(seeds, dim))
        self.attention = MultiHeadAttention(dim, heads=heads)
        self.attention_only = attention_only
        if not attention_only:
            self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
            self.rowwise = nn.Linear(dim, dim)

    def forward(self, events, mask=None):
        seeds = self.seeds.expand(len(events), -1, -1)
        attended = self.attention(seeds, events, mask)
        if self.attention_only:
            return attended
        z = self.norms[0](seeds + attended)
        return self.norms[1](z + torch.relu(self.rowwise(z)))


class TransformerBlock(nn.Module):
    def __init__(self, dim, heads=1, hidden=None, causal=False):
        super().__init__()
        hidden = hidden or dim
        self.attention = MultiHeadAttention(dim, heads=heads, causal=causal)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.rowwise = nn.ModuleList([nn.Linear(dim, hidden), nn.Linear(hidden, dim)])

    def forward(self, x, mask=None):
        s = self.norms[0](x + self.attention(x, x, mask))
        return self.norms[1](s + self.rowwise[1](nn.functional.leaky_relu(self.rowwise[0](s), 0.01)))


class SimHash(nn.Module):
    def __init__(self, dim, bits):
        super().__init__()
        self.planes = nn.Parameter(torch.zeros(dim, bits), requires_grad=False)

    def codes(self, x):
        return torch.einsum("...d,db->...b", x, self.planes) > 0

    def distances(self, target, events):
        return (self.codes(target)[:, None, :] != self.codes(events)).sum(dim=-1)


class PositionalEmbedding(nn.Module):
    def __init__(self, max_length, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(max_length + 1, dim))

    def forward(self, mask):
        rows = []
        for row in mask:
            n = int(row.sum())
            rows.append(torch.stack([self.weight[max(n - t, 0)] for t in range(len(row))]))
        return torch.stack(rows)


class RelativeBias(nn.Module):
    """Entry by entry: row i is event i, or behind the last one the candidate."""

    def __init__(self, max_length, times):
        super().__init__()
        self.position = nn.Parameter(torch.zeros(max_length + 1))
        if times:
            self.time = nn.Parameter(torch.zeros(129))

    def forward(self, mask, ages=None):
        length = mask.shape[1]
        bias = []
        for b, row in enumerate(mask):
            n = int(row.sum())
            places = [*range(n), *[None] * (length - n), n]
            age = {t: 0.0 if ages is None or t == n else float(ages[b, t]) for t in range(n + 1)} | {n + 1: 0.0}
            for i in places:
                for j in places:
                    if i is None or j is None or j > i:
                        bias.append(torch.zeros(()))
                        continue
                    total = self.position[i - j]
                    if ages is not None:
                        apart = abs(age[i + 1] - age[j])
                        total = total + self.time[min(128, math.floor(math.log(max(1.0, apart)) / 0.301))]
                    bias.append(total)
        return torch.stack(bias).reshape(len(mask), length + 1, length + 1)


class HSTULayer(nn.Module):
    def __init__(self, dim, normalizer, heads=1, query_dim=None, value_dim=None):
        super().__init__()
        self.query_dim = query_dim or -(-dim // heads)
        self.value_dim = value_dim or self.query_dim
        self.input = nn.Linear(dim, 2 * heads * (self.query_dim + self.value_dim), bias=False)
        self.output = nn.Linear(heads * self.value_dim, dim)
        self.heads, self.normalizer = heads, normalizer

    def forward(self, x, allowed, bias=None):
        def norm(y):
            return nn.functional.layer_norm(y, y.shape[-1:], eps=1e-6)

        widths = [self.heads * d for d in (self.value_dim, self.value_dim, self.query_dim, self.query_dim)]
        u, v, q, k = nn.functional.silu(self.input(norm(x))).split(widths, dim=-1)
        heads = []
        for i in range(self.heads):
            at, of = (slice(i * d, (i + 1) * d) for d in (self.query_dim, self.value_dim))
            scores = q[..., at] @ k[..., at].transpose(1, 2)
            scores = scores if bias is None else scores + bias
            weights = (nn.functional.silu(scores) / self.normalizer).masked_fill(allowed == 0, 0)
            heads.append(weights @ v[..., of])
        return x + self.output(u * norm(torch.cat(heads, dim=-1)))
