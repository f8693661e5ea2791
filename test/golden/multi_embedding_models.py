"""Fixtures of hosts with several embedding sets. Run: python test/golden/multi_embedding_models.py"""
from model_golden import ROUNDED, golden
from torch_multi_embedding import (
    DCNv2Crosses,
    DCNv2Sets,
    DCNv2Stacked,
    DCNv2StackedParallel,
    FinalMLPSets,
    XDeepFMSets,
)

STACKED = {"embeddingDim": 2, "crossLayers": 2, "hiddenUnits": [5, 4], "structure": "stacked"}
golden("DCNv2-stacked", DCNv2Stacked, STACKED, runs=[])
golden("DCNv2-both", DCNv2StackedParallel, STACKED | {"structure": "stacked_parallel"}, runs=[])
CROSSES = {"embeddingDim": 2, "crossLayers": 2, "structure": "crossnet_only"}
golden("DCNv2-crosses", DCNv2Crosses, CROSSES, runs=[])
golden("DCNv2-sets", DCNv2Sets, STACKED | {"embeddingSets": 3, "batchNorm": True}, runs=[ROUNDED])
golden("DCNv2-sets-lazy", DCNv2Sets, STACKED | {"embeddingSets": 2}, runs=[{"embeddingUpdate": "lazy", "maxGradientNorm": 0.1}])
golden(
    "FinalMLP-sets",
    FinalMLPSets,
    {
        "embeddingDim": 2,
        "embeddingSets": 2,
        "mlp1HiddenUnits": [4],
        "mlp2HiddenUnits": [4],
        "gateHiddenUnits": [3],
        "gate1Context": ["user", "price"],
        "heads": 2,
    },
    runs=[{}],
)
golden(
    "xDeepFM-sets",
    XDeepFMSets,
    {"embeddingDim": 2, "embeddingSets": 2, "cinUnits": [3, 2], "hiddenUnits": [4, 3]},
    runs=[{}],
)
