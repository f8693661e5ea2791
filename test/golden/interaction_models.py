"""Fixtures of models of feature interactions. Run: python test/golden/interaction_models.py"""
from model_golden import ROUNDED, golden
from torch_interaction_models import AFM, DCN, FFM, NFM, PNN, DCNMix, FmFM, FwFM, WideDeep, XDeepFM

SMALL = {"embeddingDim": 2}
golden("FFM", FFM, {"embeddingDim": 1}, runs=[{}])
golden("FwFM", FwFM, SMALL, runs=[{}])
golden("FwFM-values", FwFM, SMALL | {"linearType": "FeLV"}, runs=[])
golden("FwFM-weights", FwFM, SMALL | {"linearType": "LW"}, runs=[])
golden("FmFM", FmFM, SMALL, runs=[{}])
golden("FmFM-vector", FmFM, SMALL | {"fieldInteraction": "vector"}, runs=[])
golden("NFM", NFM, SMALL | {"hiddenUnits": [4, 3], "batchNorm": True}, runs=[ROUNDED])
golden("AFM", AFM, SMALL | {"attentionDim": 3}, runs=[ROUNDED])
golden("WideDeep", WideDeep, SMALL | {"hiddenUnits": [4]}, runs=[{"maxGradientNorm": 0.1}])
golden("PNN", PNN, SMALL | {"hiddenUnits": [3]}, runs=[{"maxGradientNorm": 0.1}])
golden("PNN-both", PNN, SMALL | {"hiddenUnits": [3], "product": "both"}, runs=[])
golden("DCN", DCN, SMALL | {"crossLayers": 3, "hiddenUnits": [3]}, runs=[{}])
golden("DCNMix", DCNMix, SMALL | {"crossLayers": 2, "experts": 2, "rank": 2, "hiddenUnits": [3]}, runs=[{}])
golden("xDeepFM", XDeepFM, SMALL | {"cinUnits": [3, 2, 2], "hiddenUnits": [3]}, runs=[{}])
