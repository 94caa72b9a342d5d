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
    "RadiomicsSettings": "hybridrad.features.radiomics.settings",
    "RadiomicsExtractor": "hybridrad.features.radiomics.extractor",
    "EmbeddingExtractor": "hybridrad.features.deep.embeddings",
    "extract_features": "hybridrad.features.runner",
    "extract_control": "hybridrad.features.control",
    "BlockModel": "hybridrad.models.block_model",
    "EarlyFusion": "hybridrad.models.early",
    "LateFusion": "hybridrad.models.late",
    "ConcatFusion": "hybridrad.models.concat",
    "HedgedFusion": "hybridrad.models.hedge",
    "standard_models": "hybridrad.models.standard",
    "NestedCV": "hybridrad.evaluation.nested",
    "audit_pipeline": "hybridrad.evaluation.audit_pipeline",
    "audit": "hybridrad.study_audit",
    "compare_models": "hybridrad.study",
    "Comparison": "hybridrad.study",
    "write_report": "hybridrad.reporting.report",
}

__all__ = ["__version__", *sorted(_HOMES)]

if TYPE_CHECKING:
    from hybridrad.cohort import Cohort, read_cohort
    from hybridrad.datasets import make_cohort
    from hybridrad.errors import CaseError, RunError
    from hybridrad.evaluation.audit_pipeline import audit_pipeline
    from hybridrad.evaluation.nested import NestedCV
    from hybridrad.features.control import extract_control
    from hybridrad.features.deep.embeddings import EmbeddingExtractor
    from hybridrad.features.radiomics.extractor import RadiomicsExtractor
    from hybridrad.features.radiomics.settings import RadiomicsSettings
    from hybridrad.features.runner import extract_features
    from hybridrad.imaging.views import Views
    from hybridrad.models.block_model import BlockModel
    from hybridrad.models.concat import ConcatFusion
    from hybridrad.models.early import EarlyFusion
    from hybridrad.models.hedge import HedgedFusion
    from hybridrad.models.late import LateFusion
    from hybridrad.models.standard import standard_models
    from hybridrad.reporting.report import write_report
    from hybridrad.study import Comparison, compare_models
    from hybridrad.study_audit import audit


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hybridrad' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
