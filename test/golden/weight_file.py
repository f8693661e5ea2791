"""Writes weight_file.json: a file made by the reference implementation. Run: python test/golden/weight_file.py"""
import base64
import json
import pathlib

import numpy as np
import safetensors
from safetensors.numpy import save

SEED = 7
random = np.random.default_rng(SEED)
tensors = {
    "table.user": random.standard_normal((5, 3)).astype(np.float32),
    "table.item": random.standard_normal((2, 3)).astype(np.float32),
    "steps": np.array(2**53 + 2, dtype=np.int64),
    "exact": random.standard_normal(2),
    "codes": np.arange(7, dtype=np.uint8),
    "signed": np.arange(-2, 1, dtype=np.int8),
    "half": np.array([0.5, -2.0, 65504.0], dtype=np.float16),
    "flags": np.array([True, False, True]),
    "words": np.array([0, 2**32 - 1], dtype=np.uint32),
    "ids": np.array([[-1, 3]], dtype=np.int32),
    "empty": np.zeros((0, 4), dtype=np.float32),
    "name with \"quotes\" and ü": np.array([1.5], dtype=np.float32),
}


def described(value):
    """Exact values as text; halves as their 16-bit words."""
    if value.dtype == np.float16:
        value = value.view(np.uint16)
    if value.dtype == bool:
        value = value.astype(np.uint8)
    return {"shape": list(value.shape), "values": [str(entry) for entry in value.ravel().tolist()]}


golden = {
    "generator": "test/golden/weight_file.py",
    "seed": SEED,
    "versions": {"safetensors": safetensors.__version__, "numpy": np.__version__},
    "file": base64.b64encode(save(tensors, metadata={"format": "millrace"})).decode(),
    "tensors": {name: described(value) for name, value in tensors.items()},
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")
