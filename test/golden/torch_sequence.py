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
