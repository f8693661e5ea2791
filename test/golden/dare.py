"""Fixtures of DARE and its baselines. Run: python test/golden/dare.py"""
from model_golden import ROUNDED, golden
from torch_dare import DARE

SMALL = {"embeddingDim": 2, "hiddenUnits": [4], "searchHiddenUnits": [3], "k": 2}

golden("DARE", DARE, SMALL | {"attentionDim": 3}, runs=[ROUNDED | {"maxGradientNorm": 0.1}])
golden("DARE-shared", DARE, SMALL | {"tables": "shared", "searchLossWeight": 0.5}, runs=[])
golden("DARE-projected", DARE, SMALL | {"tables": "projected"}, runs=[])
golden("DARE-four", DARE, SMALL | {"tables": "four", "attentionDim": 1, "targetAware": False, "k": 1}, runs=[])
golden("DARE-whole", DARE, SMALL | {"k": 9, "searchLossWeight": 0, "inputNorm": False}, runs=[])
