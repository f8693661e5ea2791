"""Fixtures of LR, FM, DeepFM, DCNv2, FinalMLP and DIN. Run: python test/golden/models.py"""
from model_golden import ROUNDED, golden
from torch_models import DCNv2, DIN, FM, LR, DeepFM, FinalMLP

golden("LR", LR, {}, runs=[{"maxGradientNorm": 0.1}])
golden("FM", FM, {"embeddingDim": 3}, runs=[{"weighted": True}])
golden("DeepFM", DeepFM, {"embeddingDim": 2, "hiddenUnits": [5, 4]}, runs=[{"beta1": 0.8, "beta2": 0.99}])
golden(
    "DeepFM-optimizers",
    DeepFM,
    {"embeddingDim": 2, "hiddenUnits": [4], "hiddenActivation": "prelu"},
    runs=[
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "adagrad"},
        {"optimizer": "adam", "embeddingUpdate": "lazy"},
        {"optimizer": "adagrad", "embeddingUpdate": "lazy"},
        {"optimizer": "adam", "embeddingOptimizer": "rowwise-adagrad", "embeddingUpdate": "lazy"},
        {"optimizer": "adam", "embeddingOptimizer": "sgd", "embeddingRegularizer": 0, "maxGradientNorm": 1000},
    ],
)
golden(
    "DCNv2",
    DCNv2,
    {"embeddingDim": 2, "crossLayers": 2, "hiddenUnits": [5, 4], "batchNorm": True},
    runs=[ROUNDED],
)
golden(
    "FinalMLP",
    FinalMLP,
    {
        "embeddingDim": 2,
        "mlp1HiddenUnits": [5, 4],
        "mlp2HiddenUnits": [6],
        "mlp2BatchNorm": True,
        "gateHiddenUnits": [3],
        "gate1Context": ["user", "price"],
        "heads": 2,
    },
    runs=[ROUNDED],
)
golden(
    "DIN",
    DIN,
    {"embeddingDim": 2, "hiddenUnits": [5], "hiddenActivation": "dice", "attentionHiddenUnits": [4]},
    runs=[ROUNDED | {"maxGradientNorm": 0.1}],
)
golden(
    "DIN-softmax",
    DIN,
    {"embeddingDim": 2, "hiddenUnits": [4], "attentionHiddenUnits": [3], "attentionSoftmax": True},
    runs=[ROUNDED | {"maxGradientNorm": 0.1}],
)
