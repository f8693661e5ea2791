"""Fixtures of multi-task and multi-domain models. Run: python test/golden/multi_task_models.py"""
from model_golden import ROUNDED, golden as fixture
from torch_multi_task import (
    AITM, ESMM, PLE, STAR, STEM, TASKS, AdaSparse, Crocodile, CrossStitch, HiNet, MMoE, PEPNet, SharedBottom,
)

SMALL = {"embeddingDim": 2}
LOW = {"maxGradientNorm": 0.1}
GATED = SMALL | {"expertHiddenUnits": [4, 3], "gateHiddenUnits": [3], "towerHiddenUnits": [2]}


def golden(name, model, options, runs=({},)):
    fixture(name, model, SMALL | options, runs=list(runs), schema=TASKS)


BOTTOM = {"bottomHiddenUnits": [4, 3], "towerHiddenUnits": [2]}
golden("SharedBottom", SharedBottom, BOTTOM | {"interaction": "cross"})
golden("SharedBottom-domain", SharedBottom, BOTTOM | {"branches": "domain", "interaction": "products"}, runs=[])
golden("SharedBottom-single", SharedBottom, BOTTOM | {"tasks": ["buy"]}, runs=[])
golden("MMoE", MMoE, GATED | {"experts": 3}, runs=[ROUNDED | LOW])
golden("MMoE-domain", MMoE, GATED | {"experts": 2, "branches": "domain"}, runs=[])
EXPERTS = GATED | {"specificExperts": 1, "sharedExperts": 2}
golden("PLE", PLE, EXPERTS | {"levels": 2}, runs=[ROUNDED])
golden("PLE-shared", PLE, EXPERTS | {"levels": 2, "sharedGate": "shared"}, runs=[])
golden("ESMM", ESMM, {"hiddenUnits": [4, 3]}, runs=[LOW])
golden("CrossStitch", CrossStitch, BOTTOM, runs=[ROUNDED])
golden("CrossStitch-domain", CrossStitch, BOTTOM | {"branches": "domain"}, runs=[])
golden("AITM", AITM, BOTTOM | {"calibration": 3}, runs=[ROUNDED])
golden("STAR", STAR, {"hiddenUnits": [4, 3], "auxiliaryHiddenUnits": [2]}, runs=[ROUNDED])
PRIOR = {"priorFeatures": ["user", "tags"]}
golden("PEPNet", PEPNet, PRIOR | {"hiddenUnits": [4, 3], "gateWidth": 2, "domainFeatures": ["item"]}, runs=[ROUNDED])
HIERARCHY = {"subExperts": 2, "attentionHiddenUnits": [3], "expertHiddenUnits": [6, 5], "taskExpertHiddenUnits": [6]}
golden("HiNet", HiNet, GATED | HIERARCHY | {"specificExperts": 1, "sharedExperts": 1, "towerHiddenUnits": [5]}, runs=[ROUNDED | LOW])
SPARSE = {"hiddenUnits": [8, 6], "sparsityWeight": 0.5}
STEEP = {"steepness": 3, "steepnessGrowth": 0.5, "threshold": 0.85, "sparsity": [0.31, 0.41]}
golden("AdaSparse", AdaSparse, SPARSE | STEEP | {"domainFeatures": ["item"]}, runs=[ROUNDED])
golden("AdaSparse-scaling", AdaSparse, SPARSE | {"steepness": 1, "factor": "scaling"}, runs=[])
golden("AdaSparse-binary", AdaSparse, SPARSE | {"steepness": 4, "factor": "binary", "threshold": 0.45}, runs=[])
golden("STEM", STEM, EXPERTS | {"levels": 1}, runs=[ROUNDED])
golden("STEM-levels", STEM, EXPERTS | {"levels": 2, "gateInput": "own", "interaction": "cross"}, runs=[])
golden("STEM-trained", STEM, EXPERTS | {"levels": 1, "otherExperts": "trained"}, runs=[])
golden("STEM-domain", STEM, EXPERTS | {"levels": 1, "sharedExperts": 1, "branches": "domain"}, runs=[])
SETS = PRIOR | {"embeddingSets": 3, "expertHiddenUnits": [4, 3], "priorDim": 2, "towerHiddenUnits": [2]}
golden("Crocodile", Crocodile, SETS | {"covarianceWeight": 0.5}, runs=[ROUNDED | LOW])
ONE = {"covarianceWeight": 0.1, "covarianceNormalization": "paper"}
golden("Crocodile-scalar", Crocodile, SETS | ONE | {"gate": "scalar", "branches": "task", "covarianceRows": 4}, runs=[])
golden("Crocodile-domain", Crocodile, SETS | ONE | {"perDomainGate": True}, runs=[])
