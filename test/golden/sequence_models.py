"""Fixtures of DIEN, BST, SIM, ETA, SDIM, TWIN and HSTU. Run: python test/golden/sequence_models.py"""
import copy

from model_golden import ROUNDED, golden
from torch_schema import SCHEMA, feature
from torch_sequence_models import BST, DIEN, ETA, HSTU, SDIM, SIM, TWIN

SMALL = {"embeddingDim": 2, "hiddenUnits": [4]}
LONG = SMALL | {"attentionWidth": 4, "attentionHeads": 2, "shortLength": 2}
STEPS = [ROUNDED | {"maxGradientNorm": 0.1}]

golden("DIEN", DIEN, SMALL, runs=STEPS)
golden("DIEN-agru", DIEN, SMALL | {"gruType": "AGRU", "attentionType": "dot"}, runs=[])
golden("DIEN-mlp", DIEN, SMALL | {"gruType": "AIGRU", "attentionType": "mlp", "attentionHiddenUnits": [3]}, runs=[])
golden("DIEN-auxiliary", DIEN, SMALL | {"gruType": "GRU", "auxiliaryWeight": 0.5, "auxiliaryHiddenUnits": [3]}, runs=[])
golden("BST", BST, SMALL | {"attentionHeads": 2}, runs=STEPS)
golden("BST-candidate", BST, SMALL | {"attentionHeads": 1, "transformerLayers": 2, "historyPooling": "candidate"}, runs=[])
golden("SIM", SIM, LONG | {"k": 2, "searchLossWeight": 0.5}, runs=STEPS)
golden("SIM-hard", SIM, LONG | {"k": 1, "search": "hard"}, runs=[])
golden("ETA", ETA, LONG | {"k": 2, "hashBits": 8}, runs=STEPS)
golden("SDIM", SDIM, LONG | {"hashes": 3, "hashBits": 2}, runs=STEPS)
golden("SDIM-sums", SDIM, LONG | {"hashes": 2, "hashBits": 1, "normalize": False}, runs=[])
golden("TWIN", TWIN, LONG | {"k": 2}, runs=STEPS)

traits = copy.deepcopy(SCHEMA)
traits["features"].append(feature("place", "sequence", encoder="tag", maxLength=4, alignedWith="history"))
golden("TWIN-traits", TWIN, LONG | {"k": 2}, runs=[], schema=traits)

golden("HSTU", HSTU, SMALL | {"attentionHeads": 2}, runs=STEPS)
times = copy.deepcopy(SCHEMA)
next(f for f in times["features"] if f["name"] == "history")["timesColumn"] = "historyTimes"
golden("HSTU-times", HSTU, SMALL | {"attentionHeads": 1, "queryDim": 3, "valueDim": 2, "normalizer": 9}, runs=[], schema=times)
