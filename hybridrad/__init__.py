"""Radiomics and deep features for small imaging cohorts: extract both, fuse with a hedge, compare honestly."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> the module it lives in. Imported when first asked for, so that `import hybridrad` stays light.
_HOMES = {
    "Cohort": "hybridrad.cohort",
    "read_cohort": "hybridrad.cohort",
    "CaseError": "hybridrad.errors",
    "RunError": "hybridrad.errors",
    "Views": "hybridrad.imaging.views",
    "make_cohort": "hybridrad.datasets",
    "make_table": "hybridrad.datasets",
    "RadiomicsSettings": "hybridrad.features.radiomics.settings",
    "RadiomicsExtractor": "hybridrad.features.radiomics.extractor",
    "EmbeddingExtractor": "hybridrad.features.deep.embeddings",
    "extract_features": "hybridrad.features.runner",
    "extract_control": "hybridrad.features.control",
    "Perturbation": "hybridrad.imaging.perturb",
    "extract_repeats": "hybridrad.features.repeats",
    "BlockModel": "hybridrad.models.block_model",
    "EarlyFusion": "hybridrad.models.early",
    "LateFusion": "hybridrad.models.late",
    "ConcatFusion": "hybridrad.models.concat",
    "HedgedFusion": "hybridrad.models.hedge",
    "PriorityFusion": "hybridrad.models.priority",
    "BlockPenaltyFusion": "hybridrad.models.block_penalty",
    "BlockChoice": "hybridrad.models.block_choice",
    "BlockChoiceRegressor": "hybridrad.models.regression.block_choice",
    "BlockChoiceSurvival": "hybridrad.models.survival.block_choice",
    "BlockPenaltyRegressor": "hybridrad.models.regression.block_penalty",
    "BlockPenaltySurvival": "hybridrad.models.survival.block_penalty",
    "PriorityRegressor": "hybridrad.models.regression.priority",
    "PrioritySurvival": "hybridrad.models.survival.priority",
    "BlockRegressor": "hybridrad.models.regression.regressors",
    "ConcatRegressor": "hybridrad.models.regression.regressors",
    "EarlyRegressor": "hybridrad.models.regression.regressors",
    "LateRegressor": "hybridrad.models.regression.regressors",
    "HedgedRegressor": "hybridrad.models.regression.regressors",
    "BoostedRegressor": "hybridrad.models.regression.boosted",
    "BlockSurvival": "hybridrad.models.survival.survival_models",
    "ConcatSurvival": "hybridrad.models.survival.survival_models",
    "EarlySurvival": "hybridrad.models.survival.survival_models",
    "LateSurvival": "hybridrad.models.survival.survival_models",
    "HedgedSurvival": "hybridrad.models.survival.survival_models",
    "BoostedSurvival": "hybridrad.models.survival.boosted",
    "survival_targets": "hybridrad.models.survival.targets",
    "TunedModel": "hybridrad.models.tuned_model",
    "TunedSVM": "hybridrad.models.tuned_svm",
    "TunedForest": "hybridrad.models.tuned_forest",
    "TunedBoostedTrees": "hybridrad.models.tuned_boosted",
    "TunedElasticNet": "hybridrad.models.tuned_elastic_net",
    "TunedSVMRegressor": "hybridrad.models.regression.tuned_svm",
    "TunedForestRegressor": "hybridrad.models.regression.tuned_forest",
    "TunedBoostedRegressor": "hybridrad.models.regression.tuned_boosted",
    "TunedElasticNetRegressor": "hybridrad.models.regression.tuned_elastic_net",
    "TunedBoostedSurvival": "hybridrad.models.survival.tuned_boosted",
    "TunedElasticNetSurvival": "hybridrad.models.survival.tuned_elastic_net",
    "RedundancyFilter": "hybridrad.models.redundancy",
    "RelevanceFilter": "hybridrad.models.relevance",
    "MRMRFilter": "hybridrad.models.mrmr",
    "ICCFilter": "hybridrad.models.icc_filter",
    "ComBat": "hybridrad.models.combat",
    "SizeDecorrelation": "hybridrad.models.size_decorrelation",
    "SkewnessTransform": "hybridrad.models.skewness",
    "VarianceFilter": "hybridrad.models.variance",
    "ViewStore": "hybridrad.features.deep.view_store",
    "prepare_views": "hybridrad.features.deep.prepare_views",
    "FineTunedCNN": "hybridrad.models.finetuned.cnn",
    "MultiViewCNN": "hybridrad.models.finetuned.multi_view",
    "SliceSequence": "hybridrad.models.finetuned.slice_sequence",
    "TrainingRecipe": "hybridrad.models.finetuned.recipe",
    "Augmentation": "hybridrad.models.finetuned.augmentation",
    "standard_models": "hybridrad.models.standard",
    "NestedCV": "hybridrad.evaluation.nested",
    "LeaveOneSiteOut": "hybridrad.evaluation.designs",
    "FixedSplit": "hybridrad.evaluation.designs",
    "OwnFolds": "hybridrad.evaluation.designs",
    "audit_pipeline": "hybridrad.evaluation.audit_pipeline",
    "audit": "hybridrad.study_audit",
    "compare_models": "hybridrad.study",
    "heat_maps": "hybridrad.heat",
    "learning_curves": "hybridrad.learning",
    "Comparison": "hybridrad.study",
    "write_report": "hybridrad.reporting.report",
    "draw_views": "hybridrad.reporting.view_sheet",
    "draw_heat_maps": "hybridrad.reporting.heat_panels",
}

__all__ = ["__version__", *sorted(_HOMES)]

if TYPE_CHECKING:
    from hybridrad.cohort import Cohort, read_cohort
    from hybridrad.datasets import make_cohort, make_table
    from hybridrad.errors import CaseError, RunError
    from hybridrad.evaluation.audit_pipeline import audit_pipeline
    from hybridrad.evaluation.designs import FixedSplit, LeaveOneSiteOut, OwnFolds
    from hybridrad.evaluation.nested import NestedCV
    from hybridrad.features.control import extract_control
    from hybridrad.features.deep.embeddings import EmbeddingExtractor
    from hybridrad.features.deep.prepare_views import prepare_views
    from hybridrad.features.deep.view_store import ViewStore
    from hybridrad.features.radiomics.extractor import RadiomicsExtractor
    from hybridrad.features.radiomics.settings import RadiomicsSettings
    from hybridrad.features.repeats import extract_repeats
    from hybridrad.features.runner import extract_features
    from hybridrad.heat import heat_maps
    from hybridrad.imaging.perturb import Perturbation
    from hybridrad.imaging.views import Views
    from hybridrad.learning import learning_curves
    from hybridrad.models.block_choice import BlockChoice
    from hybridrad.models.block_model import BlockModel
    from hybridrad.models.block_penalty import BlockPenaltyFusion
    from hybridrad.models.combat import ComBat
    from hybridrad.models.concat import ConcatFusion
    from hybridrad.models.early import EarlyFusion
    from hybridrad.models.finetuned.augmentation import Augmentation
    from hybridrad.models.finetuned.cnn import FineTunedCNN
    from hybridrad.models.finetuned.multi_view import MultiViewCNN
    from hybridrad.models.finetuned.recipe import TrainingRecipe
    from hybridrad.models.finetuned.slice_sequence import SliceSequence
    from hybridrad.models.hedge import HedgedFusion
    from hybridrad.models.icc_filter import ICCFilter
    from hybridrad.models.late import LateFusion
    from hybridrad.models.mrmr import MRMRFilter
    from hybridrad.models.priority import PriorityFusion
    from hybridrad.models.redundancy import RedundancyFilter
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
    from hybridrad.models.relevance import RelevanceFilter
    from hybridrad.models.size_decorrelation import SizeDecorrelation
    from hybridrad.models.skewness import SkewnessTransform
    from hybridrad.models.standard import standard_models
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
    from hybridrad.models.survival.targets import survival_targets
    from hybridrad.models.survival.tuned_boosted import TunedBoostedSurvival
    from hybridrad.models.survival.tuned_elastic_net import TunedElasticNetSurvival
    from hybridrad.models.tuned_boosted import TunedBoostedTrees
    from hybridrad.models.tuned_elastic_net import TunedElasticNet
    from hybridrad.models.tuned_forest import TunedForest
    from hybridrad.models.tuned_model import TunedModel
    from hybridrad.models.tuned_svm import TunedSVM
    from hybridrad.models.variance import VarianceFilter
    from hybridrad.reporting.heat_panels import draw_heat_maps
    from hybridrad.reporting.report import write_report
    from hybridrad.reporting.view_sheet import draw_views
    from hybridrad.study import Comparison, compare_models
    from hybridrad.study_audit import audit


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hybridrad' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
