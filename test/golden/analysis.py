"""Fixture of the analyses, by numpy, scipy and scikit-learn. Run: python test/golden/analysis.py"""
import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import mutual_info_score

SEED = 11
rng = np.random.default_rng(SEED)


def listed(array):
    return np.asarray(array, dtype=np.float64).ravel().tolist()


def abundance(matrix):
    s = np.linalg.svd(matrix, compute_uv=False)
    return s.sum() / s.max()


def effective_rank(matrix):
    s = np.linalg.svd(matrix, compute_uv=False)
    p = s / s.sum()
    return np.exp(-(p * np.log(p)).sum())


matrix = rng.normal(size=(40, 6)) @ np.diag([5, 3, 1, 1, 0.3, 0.1]) @ rng.normal(size=(6, 6))
pca = PCA(2).fit(matrix)
left, right = rng.integers(0, 6, 30), rng.integers(0, 9, 30)

# Three fields of width 2; what field i shows field j is E_i times the block (i, j).
tables = [rng.normal(size=(rows, 2)) for rows in (7, 3, 12)]
weight = rng.normal(size=(6, 6))
blocks = [[abundance(tables[i] @ weight[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]) for j in range(3)] for i in range(3)]

# Histories of categories 1..4, at most 5 events, padding behind; one candidate in two has category 2.
rows, length = 400, 5
lengths = rng.integers(0, length + 1, rows)
events = rng.integers(1, 5, (rows, length)) * (np.arange(length)[None] < lengths[:, None])
candidates = rng.integers(1, 3, rows)
labels = rng.integers(0, 2, rows)
latest = np.array([events[r, lengths[r] - 1] if lengths[r] else 0 for r in range(rows)])
labels = np.where((latest == 3) & (candidates == 2), 1, labels)
truth = np.zeros((4, length))
chosen = candidates == 2
for b in range(1, 5):
    for p in range(1, length + 1):
        x = [int(lengths[r] >= p and events[r, lengths[r] - p] == b) for r in np.flatnonzero(chosen)]
        truth[b - 1, p - 1] = mutual_info_score(labels[chosen], x) / np.log(2)

# TIN's learned map: attention of z-scores times the norm of the product.
c, p = rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
target = c[1] + p[0]
e = c[:, None, :] + p[None, 1:, :]
score = e @ target
z = (score - score.mean()) / score.std()
a = np.exp(z) / np.exp(z).sum()
m = a * np.linalg.norm(e * target, axis=-1)
learned = (m - m.min()) / (m.max() - m.min())

pathlib.Path(__file__).with_name("analysis.json").write_text(
    json.dumps(
        {
            "generator": "test/golden/analysis.py",
            "seed": SEED,
            "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
            "matrix": {"rows": 40, "columns": 6, "data": listed(matrix)},
            "singularValues": listed(np.linalg.svd(matrix, compute_uv=False)),
            "informationAbundance": abundance(matrix),
            "effectiveRank": effective_rank(matrix),
            "principal": {
                "shares": listed(pca.explained_variance_ratio_),
                "coordinates": listed(pca.transform(matrix)),
            },
            "ranks": {"left": listed(left), "right": listed(right), "spearman": float(spearmanr(left, right)[0])},
            "subEmbeddings": {
                "tables": [{"rows": len(t), "data": listed(t)} for t in tables],
                "weight": listed(weight),
                "abundance": blocks,
            },
            "histories": {
                "length": length,
                "candidates": candidates.tolist(),
                "events": events.ravel().tolist(),
                "labels": labels.tolist(),
                "information": listed(truth),
            },
            "learned": {"categories": listed(c), "distances": listed(p), "values": listed(learned)},
        },
        separators=(",", ":"),
    )
    + "\n"
)
