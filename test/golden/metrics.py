"""Writes metrics.json: what scikit-learn says about small fixed inputs. Run: python test/golden/metrics.py"""
import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    ndcg_score,
    roc_auc_score,
)

SEED = 20240501
random = np.random.default_rng(SEED)


def rows(name, predictions, labels, weights=None):
    p, y = np.asarray(predictions, float), np.asarray(labels, float)
    w = None if weights is None else np.asarray(weights, float)
    one_class = len(set(y[w > 0] if w is not None else y)) < 2
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    mean = np.average(y, weights=w)
    loss = log_loss(y, clipped, sample_weight=w, labels=[0, 1])
    return {
        "name": name,
        "predictions": p.tolist(),
        "labels": y.tolist(),
        "weights": None if w is None else w.tolist(),
        "auc": None if one_class else roc_auc_score(y, p, sample_weight=w),
        "average_precision": None if y.sum() == 0 else average_precision_score(y, p, sample_weight=w),
        "log_loss": loss,
        "ne": None if one_class else loss / -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean)),
        "accuracy": accuracy_score(y, p >= 0.5, sample_weight=w),
        "rmse": float(np.sqrt(mean_squared_error(y, p, sample_weight=w))),
        "mae": mean_absolute_error(y, p, sample_weight=w),
    }


def binary_cases():
    n = 200
    p = random.random(n)
    y = (random.random(n) < p).astype(int)
    tied = np.round(p, 1)
    w = random.integers(0, 5, n) * 0.5
    extreme = np.array([0, 1, 0, 1, 1e-9, 1 - 1e-9])
    return [
        rows("distinct scores", p, y),
        rows("distinct scores, weights (some zero)", p, y, w),
        rows("ties", tied, y),
        rows("ties and weights", tied, y, w),
        rows("one score for all", np.full(n, 0.25), y),
        rows("float32 scores", p.astype(np.float32), y),
        rows("perfect", y * 0.8 + 0.1, y),
        rows("inverted", 0.9 - y * 0.8, y),
        rows("probabilities of 0 and 1", extreme, [0, 1, 1, 0, 1, 0]),
        rows("only negatives", p[:20], np.zeros(20)),
        rows("only positives", p[:20], np.ones(20)),
        rows("a single row", [0.3], [1]),
    ]


def ndcg_cases():
    cases = []
    for graded in (False, True):
        for k in (1, 3, 10, 50):
            scores = random.permutation(30) / 7
            relevance = random.integers(0, 4, 30) if graded else (random.random(30) < 0.2).astype(int)
            # scikit-learn's gain is linear: the exponential gain goes in from outside.
            value = ndcg_score([2.0**relevance - 1], [scores], k=k)
            cases.append({"k": k, "scores": scores.tolist(), "relevance": relevance.tolist(), "ndcg": value})
    return cases


def calibration_case():
    p = random.random(600)
    y = (random.random(600) < p**1.5).astype(int)
    observed, predicted = calibration_curve(y, p, n_bins=15, strategy="quantile")
    error = float(np.abs(observed - predicted).mean())  # bins of equal mass: the plain mean
    return {
        "predictions": p.tolist(),
        "labels": y.tolist(),
        "meanLabels": observed.tolist(),
        "meanPredictions": predicted.tolist(),
        "ece": error,
    }


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    golden = {
        "generator": "test/golden/metrics.py",
        "seed": SEED,
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "binary": binary_cases(),
        "ndcg": ndcg_cases(),
        "calibration": calibration_case(),
    }
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
