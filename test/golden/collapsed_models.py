"""Fixtures of TIN, GwPFM, HMoE-ME, AME and STEM-AL. Run: python test/golden/collapsed_models.py"""
from model_golden import ROUNDED, golden
from torch_collapsed import AME, RICH, STEMAL, TIMED, TIN, GwPFM, HMoEME
from torch_multi_task import TASKS

LOW = {"maxGradientNorm": 0.1}
DEEP = {"embeddingDim": 2, "hiddenUnits": [4]}
golden("TIN", TIN, DEEP, runs=[ROUNDED | LOW])
golden("TIN-both", TIN, DEEP | {"temporalEncoding": "both"}, runs=[], schema=TIMED)
golden("TIN-plain", TIN, DEEP | {"temporalEncoding": "none", "valueProduct": False}, runs=[])

GROUPS = [["item", "category", "price"], ["history", "historyCategory", "liked"]]
golden("GwPFM", GwPFM, {"embeddingDim": 2, "groups": GROUPS}, runs=[LOW])
golden("GwPFM-deep", GwPFM, {"embeddingDim": 3, "groups": [["user"]], "hiddenUnits": [3]}, runs=[])

SMALL = {"expertHiddenUnits": [4, 3], "gateHiddenUnits": [], "towerHiddenUnits": [2]}
PAIRS = [["item", "floor", "rooms"], ["user", "price", "tags", "history"]]
EXPERTS = SMALL | {"experts": ["gwpfm", "cross", "products", "none"], "groups": PAIRS}
golden("HMoE-ME", HMoEME, EXPERTS | {"embeddingDims": [4, 2, 2, 3]}, runs=[ROUNDED], schema=RICH, model_name="HMoE-ME")
golden(
    "HMoE-ME-weights",
    HMoEME,
    EXPERTS | {"embeddingDims": [2, 2, 2, 2], "aggregation": "weights", "historyPooling": "mean", "interactionLayers": 1},
    runs=[],
    schema=RICH,
    model_name="HMoE-ME",
)
GATED = SMALL | {"gateHiddenUnits": [3]}
golden("AME", AME, GATED | {"embeddingDims": [1, 2, 3], "expertsPerSet": 2}, runs=[ROUNDED | LOW], schema=TASKS)
golden("STEM-AL", STEMAL, GATED | {"embeddingDim": 2}, runs=[ROUNDED | LOW], schema=TASKS, model_name="STEM-AL")
golden(
    "STEM-AL-trained",
    STEMAL,
    GATED | {"embeddingDim": 2, "auxiliaryExperts": "trained"},
    runs=[],
    schema=TASKS,
    model_name="STEM-AL",
)
