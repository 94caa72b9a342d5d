"""The arms of a study of values or of times to an event: the sisters of the arms of classes, with the same names."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from sklearn.base import clone

from hybridrad.models.block_choice import BlockChoice
from hybridrad.models.block_model import BlockModel
from hybridrad.models.block_penalty import BlockPenaltyFusion
from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.concat import ConcatFusion
from hybridrad.models.early import EarlyFusion
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.late import LateFusion
from hybridrad.models.priority import PriorityFusion
from hybridrad.models.regression.block_choice import BlockChoiceRegressor
from hybridrad.models.regression.block_penalty import BlockPenaltyRegressor
from hybridrad.models.regression.boosted import BoostedRegressor
from hybridrad.models.regression.priority import PriorityRegressor
from hybridrad.models.regression.regressors import (
    BlockRegressor,
    ConcatRegressor,
    EarlyRegressor,
    HedgedRegressor,
    LateRegressor,
)
from hybridrad.models.regression.tuned_boosted import TunedBoostedRegressor
from hybridrad.models.regression.tuned_elastic_net import TunedElasticNetRegressor
from hybridrad.models.regression.tuned_forest import TunedForestRegressor
from hybridrad.models.regression.tuned_svm import TunedSVMRegressor
from hybridrad.models.survival.block_choice import BlockChoiceSurvival
from hybridrad.models.survival.block_penalty import BlockPenaltySurvival
from hybridrad.models.survival.boosted import BoostedSurvival
from hybridrad.models.survival.priority import PrioritySurvival
from hybridrad.models.survival.survival_models import (
    BlockSurvival,
    ConcatSurvival,
    EarlySurvival,
    HedgedSurvival,
    LateSurvival,
)
from hybridrad.models.survival.tuned_boosted import TunedBoostedSurvival
from hybridrad.models.survival.tuned_elastic_net import TunedElasticNetSurvival
from hybridrad.models.tuned_boosted import TunedBoostedTrees
from hybridrad.models.tuned_elastic_net import TunedElasticNet
from hybridrad.models.tuned_forest import TunedForest
from hybridrad.models.tuned_svm import TunedSVM

XGB, AFT = "_xgb", "_aft"  # endings of the names of arms
_SISTERS: dict[str, dict[type, type]] = {
    "regression": {
        BlockModel: BlockRegressor,
        ConcatFusion: ConcatRegressor,
        EarlyFusion: EarlyRegressor,
        LateFusion: LateRegressor,
        HedgedFusion: HedgedRegressor,
        PriorityFusion: PriorityRegressor,
        BlockPenaltyFusion: BlockPenaltyRegressor,
        BlockChoice: BlockChoiceRegressor,
        BoostedTrees: BoostedRegressor,
        TunedSVM: TunedSVMRegressor,
        TunedForest: TunedForestRegressor,
        TunedElasticNet: TunedElasticNetRegressor,
        TunedBoostedTrees: TunedBoostedRegressor,
    },
    "survival": {
        BlockModel: BlockSurvival,
        ConcatFusion: ConcatSurvival,
        EarlyFusion: EarlySurvival,
        LateFusion: LateSurvival,
        HedgedFusion: HedgedSurvival,
        PriorityFusion: PrioritySurvival,
        BlockPenaltyFusion: BlockPenaltySurvival,
        BlockChoice: BlockChoiceSurvival,
        BoostedTrees: BoostedSurvival,
        TunedElasticNet: TunedElasticNetSurvival,
        TunedBoostedTrees: TunedBoostedSurvival,
    },
}


def arms_of_task(arms: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Return the arms of another task; those that are not made for it are left out.

    For events in time the boosted trees of Cox's likelihood (``_xgb``) have a second of accelerated failure time
    (``_aft``).

    Examples
    --------
    >>> type(arms_of_task({"deep": BlockModel("deep")}, "survival")["deep"]).__name__
    'BlockSurvival'
    """
    found = {name: _sister(arm, _SISTERS[task]) for name, arm in arms.items()}
    kept = {name: arm for name, arm in found.items() if arm is not None}
    return kept | {
        name.removesuffix(XGB) + AFT: clone(arm).set_params(estimator__objective="aft")
        for name, arm in kept.items()
        if name.endswith(XGB) and isinstance(arm, BlockSurvival) and isinstance(arm.estimator, BoostedSurvival)
    }


def counterpart(estimator: Any) -> type:
    """Return the class among those of classes that does the same; the estimator's own class where there is none.

    Examples
    --------
    >>> counterpart(HedgedSurvival()).__name__
    'HedgedFusion'
    """
    for sisters in _SISTERS.values():
        for ours, theirs in sisters.items():
            if isinstance(estimator, theirs):
                return ours
    return type(estimator)


def _sister(arm: Any, sisters: Mapping[type, type]) -> Any | None:
    """Return the sister with what was changed in the arm; None where it, or the estimator of its block, has none.

    Defaults are the sister's own: a leaf of so many rows is another thing under another loss.
    """
    if type(arm) not in sisters:
        return None
    defaults = {name: word.default for name, word in signature(type(arm)).parameters.items()}
    words = {name: word for name, word in arm.get_params(deep=False).items() if word is not defaults[name]}
    if words.get("estimator") is not None:
        words["estimator"] = _sister(words["estimator"], sisters)
        if words["estimator"] is None:
            return None
    if words.get("estimators"):
        words["estimators"] = {name: _sister(model, sisters) for name, model in words["estimators"].items()}
        if None in words["estimators"].values():
            return None
    return sisters[type(arm)](**words)
