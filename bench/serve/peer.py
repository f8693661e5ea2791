"""A straightforward ranking service: FastAPI, onnxruntime, numpy. Features are looked up as in Millrace's:
items and users are encoded once at start, a request gathers their rows. Run by uvicorn with two workers;
BENCH_SERVE is the folder with the tables, BENCH_RUN the run."""

import csv
import json
import os

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

folder, run = os.environ["BENCH_SERVE"], os.environ["BENCH_RUN"]
feature_map = json.load(open(os.path.join(run, "feature-map.json")))
vocabularies = {
    name: {value: k + 3 for k, value in enumerate(encoder["vocabulary"]["values"])}
    for name, encoder in feature_map["encoders"].items()
}


def read_table(path):
    """Encoded columns of a table, and the row of each id."""
    with open(path) as file:
        reader = csv.DictReader(file)
        key = reader.fieldnames[0]
        rows = list(reader)
    columns = {}
    for feature in feature_map["features"]:
        name = feature["name"]
        if feature["column"] not in rows[0]:
            continue
        raw = [row[feature["column"]] for row in rows]
        if feature["kind"] == "categorical":
            known = vocabularies[feature["encoder"]]
            columns[name] = np.array([known.get(value, 2) for value in raw], np.int32)
        elif feature["kind"] == "numeric":
            columns[name] = np.array(raw, np.float32)
            columns[name + ".missing"] = np.zeros(len(raw), np.float32)
        else:
            known, length = vocabularies[feature["encoder"]], feature["maxLength"]
            ids = np.zeros((len(raw), length), np.int32)
            for k, text in enumerate(raw):
                entries = [known.get(value, 2) for value in text.split(" ")][-length:]
                ids[k, : len(entries)] = entries
            columns[name] = ids
            columns[name + ".length"] = (ids != 0).sum(1).astype(np.int32)
    return columns, {int(row[key]): k for k, row in enumerate(rows)}


items, item_rows = read_table(os.path.join(folder, "items.csv"))
users, user_rows = read_table(os.path.join(folder, "users.csv"))
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.path.join(run, "whole.onnx"), options, providers=["CPUExecutionProvider"])
inputs = [value.name for value in session.get_inputs()]
app = FastAPI()


class Request(BaseModel):
    user: int
    candidates: list[int]
    limit: int = 10


@app.post("/rank")
def rank(request: Request):
    at = np.array([item_rows[item] for item in request.candidates])
    user = user_rows[request.user]
    feeds = {
        name: items[name][at] if name in items else np.repeat(users[name][user : user + 1], len(at), axis=0)
        for name in inputs
    }
    scores = session.run(None, feeds)[0]
    order = np.argsort(-scores, kind="stable")[: request.limit]
    return {"items": [{"id": request.candidates[k], "score": float(scores[k])} for k in order]}


@app.get("/ready")
def ready():
    return {"ready": True}
