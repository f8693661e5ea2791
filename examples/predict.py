"""An exported model in Python. Encodes what this model's features need: categories, histories, numbers."""

import json
import math
import unicodedata

import numpy as np
import onnxruntime

MISSING, UNKNOWN, FIRST = 1, 2, 3

feature_map = json.load(open("runs/first/feature-map.json"))
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
vocabularies = {
    name: {value: FIRST + k for k, value in enumerate(encoder["vocabulary"]["values"])}
    for name, encoder in feature_map["encoders"].items()
}


def identifier(encoder, value):
    if value is None or value == "":
        return MISSING
    return vocabularies[encoder].get(unicodedata.normalize("NFC", str(value)), UNKNOWN)


def encode(rows):
    columns = {}
    for feature in feature_map["features"]:
        name, kind = feature["name"], feature["kind"]
        values = [row.get(feature["column"]) for row in rows]
        if kind == "categorical":
            columns[name] = np.array([identifier(feature["encoder"], value) for value in values], np.int32)
        elif kind == "sequence":
            longest = feature["maxLength"]
            columns[name] = np.zeros((len(rows), longest), np.int32)
            columns[f"{name}.length"] = np.zeros(len(rows), np.int32)
            for k, value in enumerate(values):
                entries = value.split(feature["separator"])[-longest:] if value else []
                columns[name][k, : len(entries)] = [identifier(feature["encoder"], entry) for entry in entries]
                columns[f"{name}.length"][k] = len(entries)
        elif kind == "numeric":
            columns[name] = np.array([number(value, feature["transform"]) for value in values], np.float32)
            columns[f"{name}.missing"] = np.array([value is None for value in values], np.float32)
        else:
            raise ValueError(f"this example does not encode {kind} features such as {name}")
    return columns


def number(value, transform):
    if value is None:
        return transform["fill"]
    if transform.get("clip"):
        value = min(max(value, transform["clip"][0]), transform["clip"][1])
    if transform["log"]:
        value = math.copysign(math.log1p(abs(value)), value)
    return (value - transform["mean"]) * transform["scale"]


def probabilities(rows):
    columns = encode(rows)
    (result,) = session.run(["probability"], {i.name: columns[i.name] for i in session.get_inputs()})
    return result.tolist()


print(
    probabilities(
        [
            dict(user="u047", device="tv", page="search", position=1, item="i096", category="c17", price=5.47),
            dict(user="u047", device="tv", page="search", position=2, item="never seen", history="i068|i015"),
        ]
    )
)
