"""Synthetic cohorts with a known truth: images with masks (`make_cohort`) and feature tables (`make_table`)."""

from hybridrad.datasets.lesions import SCENARIOS, make_cohort, render_lesion
from hybridrad.datasets.tables import TABLE_SCENARIOS, make_table, oracle_auc

__all__ = ["SCENARIOS", "TABLE_SCENARIOS", "make_cohort", "make_table", "oracle_auc", "render_lesion"]
