"""PyTorch modules with our names: what a parameter is called here, it is called in our models, so that
fixtures carry arrays by path. Only `exported` knows what differs: torch keeps a linear map as [out, in]."""
import torch
from torch import nn
from torch.nn import functional as F


class MLP(nn.Module):
    def __init__(self, inputs, hidden, activation="relu", batch_norm=False, output=None):
        super().__init__()
        widths = [inputs, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in hidden) if batch_norm else []
        self.activations = nn.ModuleList(make_activation(activation, w) for w in hidden)
        self.head = None if output is None else nn.Linear(widths[-1], output)
        self.width = widths[-1] if output is None else output

    def forward(self, x):
        for k, layer in enumerate(self.layers):
            x = layer(x)
            if len(self.norms):
                x = self.norms[k](x)
            x = self.activations[k](x)
        return x if self.head is None else self.head(x)


class Dice(nn.Module):
    """DIN, arXiv:1706.06978, section 4.3, with FuxiCTR's constants."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm1d(width, eps=1e-9, momentum=0.01, affine=False)
        self.slope = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        p = torch.sigmoid(self.norm(x))
        return x * (p + self.slope * (1 - p))


class PReLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([0.25]))

    def forward(self, x):
        return F.prelu(x, self.slope)


def make_activation(name, width):
    plain = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}
    if name in plain:
        return plain[name]()
    return Dice(width) if name == "dice" else PReLU()


class CrossNetwork(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

    def forward(self, x0):
        x = x0
        for layer in self.layers:
            x = x + x0 * layer(x)
        return x


class TargetAttention(nn.Module):
    def __init__(self, dim, hidden, activation="dice", softmax=False):
        super().__init__()
        self.unit = MLP(4 * dim, hidden, activation=activation, output=1)
        self.softmax = softmax

    def forward(self, target, history, mask):
        batch, length, dim = history.shape
        query = target[:, None, :].expand(batch, length, dim)
        pairs = torch.cat([query, history, query - history, query * history], dim=-1)
        scores = self.unit(pairs.reshape(batch * length, 4 * dim)).reshape(batch, length)
        if self.softmax:
            # An empty history has no attention at all; -inf alone would make it NaN.
            scores = scores.masked_fill(mask == 0, -1e30).softmax(dim=1) * mask
        else:
            scores = scores.masked_fill(mask == 0, 0.0)
        return torch.einsum("bl,bld->bd", scores, history)


class BilinearFusion(nn.Module):
    def __init__(self, left_width, right_width, heads):
        super().__init__()
        self.left = nn.Linear(left_width, 1)
        self.right = nn.Linear(right_width, 1, bias=False)
        self.weight = nn.Parameter(torch.zeros(heads, left_width // heads, right_width // heads))

    def forward(self, x, y):
        heads = self.weight.shape[0]
        bilinear = sum(
            torch.einsum("bi,ij,bj->b", a, w, b)
            for a, w, b in zip(x.chunk(heads, dim=1), self.weight, y.chunk(heads, dim=1))
        )
        return self.left(x)[:, 0] + self.right(y)[:, 0] + bilinear


def id_features(schema):
    return [f for f in schema["features"] if f["kind"] not in ("numeric", "dense")]


def key_of(feature):
    return feature["name"] if feature["kind"] == "bucket" else feature["encoder"]


def rows_of(schema, feature):
    return feature["size"] if feature["kind"] == "bucket" else schema["encoders"][feature["encoder"]]["size"]


class FieldEmbedding(nn.Module):
    def __init__(self, schema, dim, include=None, exclude=(), sparse=False):
        super().__init__()
        features = [
            f
            for f in schema["features"]
            if (include is None or f["name"] in include) and f["name"] not in exclude
        ]
        of = lambda *kinds: [f for f in features if f["kind"] in kinds]
        self.scalars, self.lists = of("categorical", "bucket"), of("bag", "sequence")
        self.numbers, self.vectors = of("numeric"), of("dense")
        self.tables = nn.ModuleDict()
        for f in self.scalars + self.lists:
            if key_of(f) not in self.tables:
                table = nn.Embedding(rows_of(schema, f), dim, padding_idx=0, sparse=sparse)
                self.tables[key_of(f)] = table
        if self.numbers:
            self.numeric = nn.Parameter(torch.zeros(len(self.numbers), dim))
            self.numericMissing = nn.Parameter(torch.zeros(len(self.numbers), dim))
        self.dense = nn.ParameterDict({f["name"]: torch.zeros(f["dim"], dim) for f in self.vectors})
        self.fields = len(features)
        self.width = self.fields * dim

    def look_up(self, feature, batch):
        return self.tables[key_of(feature)](batch[feature["name"]])

    def forward(self, batch):
        fields = [self.look_up(f, batch) for f in self.scalars]
        for f in self.lists:
            entries, length = self.look_up(f, batch), batch[f["name"] + ".length"]
            total = torch.stack([e[:n].sum(dim=0) for e, n in zip(entries, length)])
            if f["kind"] == "sequence" or f["pooling"] == "mean":
                total = total / length.clamp(min=1)[:, None]
            fields.append(total)
        for k, f in enumerate(self.numbers):
            value, missing = batch[f["name"]][:, None], batch[f["name"] + ".missing"][:, None]
            fields.append(value * self.numeric[k] + missing * self.numericMissing[k])
        for f in self.vectors:
            fields.append(batch[f["name"]] @ self.dense[f["name"]])
        return torch.stack(fields, dim=1)


class LinearLogit(nn.Module):
    def __init__(self, schema, sparse=False):
        super().__init__()
        self.weights = FieldEmbedding(schema, 1, sparse=sparse)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, batch):
        return self.weights(batch).sum(dim=(1, 2)) + self.bias


RENAMED = {
    nn.BatchNorm1d: {
        "weight": "scale",
        "bias": "shift",
        "running_mean": "runningMean",
        "running_var": "runningVariance",
    },
    nn.LayerNorm: {"weight": "scale", "bias": "shift"},
}


def named_arrays(model, include_states=True):
    """Yields (our path, tensor, transposed) for parameters and running states."""
    for prefix, module in model.named_modules():
        own = list(module.named_parameters(recurse=False))
        if include_states:
            own += [(n, b) for n, b in module.named_buffers(recurse=False) if n != "num_batches_tracked"]
        for name, tensor in own:
            if isinstance(module, nn.Embedding):
                path = prefix
            else:
                name = RENAMED.get(type(module), {}).get(name, name)
                path = f"{prefix}.{name}" if prefix else name
            yield path, tensor, isinstance(module, nn.Linear) and name == "weight"


def array(tensor, transposed=False):
    """As JSON, nine digits: float32 comes back exactly."""
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    tensor = (tensor.T if transposed else tensor).detach()
    data = tensor.double().reshape(-1).tolist()
    return {"shape": list(tensor.shape), "data": [float(f"{x:.9g}") for x in data]}


def exported(model, include_states=True):
    return {path: array(t, turned) for path, t, turned in named_arrays(model, include_states)}


def gradients(model):
    return {
        path: array(torch.zeros_like(p) if p.grad is None else p.grad, turned)
        for path, p, turned in named_arrays(model, include_states=False)
    }


@torch.no_grad()
def randomize(model, std=0.4):
    """Float32 numbers everywhere, also where training starts from zeros; padding rows stay zero."""
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            values = torch.randn(p.shape, dtype=torch.float32) * std
            if isinstance(module, (nn.BatchNorm1d, nn.LayerNorm)) and name == "weight":
                values += 1
            p.copy_(values)
        if isinstance(module, nn.Embedding):
            module.weight[0] = 0
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.copy_(torch.randn(module.running_mean.shape, dtype=torch.float32) * 0.2)
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, dtype=torch.float32))


def versions():
    import platform

    return {"torch": torch.__version__.split("+")[0], "python": platform.python_version()}
