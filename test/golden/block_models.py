"""Writes model-<name>.json for the models of torch_block_models.py. Run: python test/golden/block_models.py"""
from model_golden import ROUNDED, golden
from torch_block_models import DLRM, EDCN, GDCN, AutoInt, FiBiNET, FinalNet, MaskNet, Wukong
from torch_schema import SCHEMA

# One feature of each kind: matrices here grow with the square of the width.
FEW = ("user", "price", "item", "tags", "hour", "image")
SMALL = SCHEMA | {"features": [f for f in SCHEMA["features"] if f["name"] in FEW]}
IDS_ONLY = SMALL | {"features": [f for f in SMALL["features"] if f["kind"] != "numeric"]}

STEPS = [ROUNDED | {"maxGradientNorm": 0.1}]

attention = {"embeddingDim": 2, "attentionLayers": 2, "heads": 2}
golden("AutoInt", AutoInt, attention | {"attentionDim": 4, "hiddenUnits": []}, STEPS)
golden(
    "AutoInt-plus",
    AutoInt,
    attention | {"attentionDim": 2, "hiddenUnits": [4], "attentionScale": True, "attentionLayerNorm": True, "wide": True},
    [],
)
golden("DLRM", DLRM, {"embeddingDim": 2, "bottomHiddenUnits": [4], "topHiddenUnits": [5], "batchNorm": True}, STEPS)
golden(
    "DLRM-concat",
    DLRM,
    {"embeddingDim": 2, "bottomHiddenUnits": [], "topHiddenUnits": [5], "interaction": "concat"},
    [],
    schema=IDS_ONLY,
)
bilinear = {"embeddingDim": 2, "hiddenUnits": [3]}
golden("FiBiNET", FiBiNET, bilinear | {"batchNorm": True}, STEPS, schema=SMALL)
golden("FiBiNET-all", FiBiNET, bilinear | {"bilinearType": "field_all", "reductionRatio": 2}, [], schema=SMALL)
golden(
    "FiBiNET-each",
    FiBiNET,
    bilinear | {"bilinearType": "field_each", "excitationActivation": "sigmoid"},
    [],
    schema=SMALL,
)
# Layer norm of two numbers gives signs, whose gradients are rounding; three give something to learn from.
golden(
    "MaskNet",
    MaskNet,
    {"embeddingDim": 3, "hiddenUnits": [5, 4], "arrangement": "serial", "reductionRatio": 0.5},
    STEPS,
    schema=SMALL,
)
golden(
    "MaskNet-parallel",
    MaskNet,
    {
        "embeddingDim": 2,
        "hiddenUnits": [4],
        "arrangement": "parallel",
        "parallelBlocks": 2,
        "parallelBlockDim": 3,
        "embeddingLayerNorm": False,
        "blockLayerNorm": False,
    },
    [],
    schema=SMALL,
)
gated = {"embeddingDim": 2, "crossLayers": 2, "hiddenUnits": [4]}
golden("GDCN", GDCN, gated | {"structure": "parallel"}, STEPS, schema=SMALL)
golden("GDCN-stacked", GDCN, gated | {"structure": "stacked"}, [], schema=SMALL)
sharing = {"embeddingDim": 2, "crossLayers": 2}
golden("EDCN", EDCN, sharing | {"temperature": 2, "batchNorm": False}, STEPS, schema=SMALL)
golden("EDCN-concat", EDCN, sharing | {"bridge": "concat", "batchNorm": True}, [], schema=SMALL)
golden(
    "FinalNet",
    FinalNet,
    {"embeddingDim": 2, "blocks": 2, "block1HiddenUnits": [6, 4], "block2HiddenUnits": [4]},
    STEPS,
    schema=SMALL,
)
golden(
    "FinalNet-one",
    FinalNet,
    {
        "embeddingDim": 2,
        "blocks": 1,
        "block1HiddenUnits": [5, 3],
        "batchNorm": False,
        "residual": "sum",
        "fieldGate": False,
    },
    [],
    schema=SMALL,
)
stack = {"embeddingDim": 3, "interactionHiddenUnits": [4], "hiddenUnits": [4]}
golden(
    "Wukong",
    Wukong,
    stack | {"wukongLayers": 2, "interactedVectors": 3, "compressedVectors": 2, "rank": 2, "batchNorm": True},
    STEPS,
    schema=SMALL,
)
golden(
    "Wukong-allpairs",
    Wukong,
    stack | {"wukongLayers": 1, "interactedVectors": 2, "compressedVectors": 4, "rank": 0},
    [],
    schema=SMALL,
)
