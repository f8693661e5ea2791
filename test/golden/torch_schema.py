"""The schema that model fixtures use, with every kind of feature, and rows for it."""
import torch


def ids(size):
    return {"valueType": "int64", "trim": False, "size": size, "vocabulary": {"type": "list", "minCount": 1, "values": [str(i) for i in range(size - 3)]}}


def feature(name, kind, **rest):
    return {"name": name, "column": name, "kind": kind, **rest}


TRANSFORM = {"log": False, "mean": 0, "scale": 1, "fill": 0}
SCHEMA = {
    "version": 1,
    "features": [
        feature("user", "categorical", encoder="user"),
        feature("price", "numeric", transform=TRANSFORM),
        feature("item", "categorical", encoder="item"),
        feature("tags", "bag", encoder="tag", maxLength=3, pooling="mean"),
        feature("category", "categorical", encoder="category"),
        feature("hour", "bucket", boundaries=[6, 18], size=6),
        feature("history", "sequence", encoder="item", maxLength=4, target="item"),
        feature("historyCategory", "sequence", encoder="category", maxLength=4, target="category", alignedWith="history"),
        feature("liked", "bag", encoder="item", maxLength=2, pooling="sum"),
        feature("queries", "sequence", encoder="tag", maxLength=2),
        feature("age", "numeric", transform=TRANSFORM),
        feature("image", "dense", dim=3),
    ],
    "encoders": {"user": ids(7), "item": ids(8), "category": ids(6), "tag": ids(7)},
    "labels": [{"name": "click", "column": "click", "kind": "binary"}],
}


def numeral(name, bases, largest, combine):
    """A whole number as digits; see digit_ids."""
    places = [next(k for k in range(1, 64) if b**k > largest) for b in bases]
    scale = {"kind": "integer", "lowest": 0, "largest": largest}
    size = 3 + sum(b * k for b, k in zip(bases, places))
    return feature(name, "numeral", scale=scale, bases=bases, places=places, combine=combine, size=size)


def digit_ids(value, f):
    """Rows of a number's digits, base after base, least significant first; below 0 stands for a missing one."""
    ids, first = [], 3
    for base, places in zip(f["bases"], f["places"]):
        if value < 0:
            ids += [1] + [0] * (places - 1)
        else:
            ids += [first + base * k + value // base**k % base for k in range(places)]
        first += base * places
    return torch.tensor(ids)


def draw_batch(schema, rows):
    """Few ids and many rows: duplicates within features, between features and within lists."""
    batch = {}
    lengths = {}
    for f in schema["features"]:
        name, kind = f["name"], f["kind"]
        if kind in ("categorical", "bucket"):
            size = f["size"] if kind == "bucket" else schema["encoders"][f["encoder"]]["size"]
            batch[name] = torch.randint(1, size, (rows,))
        elif kind in ("bag", "sequence"):
            size, longest = schema["encoders"][f["encoder"]]["size"], f["maxLength"]
            length = lengths.get(f.get("alignedWith"))
            if length is None:
                length = torch.randint(0, longest + 1, (rows,))
                length[0], length[-1] = longest, 0
            lengths[name] = length
            entries = torch.randint(1, size, (rows, longest))
            batch[name] = entries * (torch.arange(longest)[None, :] < length[:, None])
            batch[name + ".length"] = length
            if f.get("timesColumn"):
                ages = torch.exp(torch.rand(rows, longest) * 18).floor().sort(dim=1, descending=True)[0]
                batch[name + ".age"] = ages * (batch[name] > 0)
        elif kind == "numeral":
            batch[name] = torch.stack([digit_ids(int(v), f) for v in torch.randint(-1, f["scale"]["largest"] + 1, (rows,))])
        elif kind == "numeric":
            batch[name] = torch.randn(rows, dtype=torch.float32).double()
            batch[name + ".missing"] = (torch.rand(rows) < 0.3).double()
        else:
            batch[name] = torch.randn(rows, f["dim"], dtype=torch.float32).double()
            batch[name + ".missing"] = torch.zeros(rows, dtype=torch.float64)
    batch["click"] = torch.randint(0, 2, (rows,)).double()
    batch["@weight"] = torch.randint(1, 5, (rows,)).double() / 2
    for label in schema["labels"][1:]:
        batch[label["name"]] = batch["click"] * torch.randint(0, 2, (rows,)).double()
    if "domain" in schema:
        # Every known domain more than once where the rows allow it.
        batch["@domain"] = 3 + torch.randperm(rows) % (schema["encoders"]["@domain"]["size"] - 3)
    return batch
