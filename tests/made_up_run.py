"""A small study with two arms, readings and several cases per patient, for tests of what lies beside a study."""

from __future__ import annotations

import numpy as np
import pandas as pd

import hybridrad as hr
from hybridrad.cohort import Cohort, cohort_from_frame


def tables(n_patients: int = 70, *, cases: int = 1, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cohort table (readings 2 to 5, and in words) and the feature table."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), cases)
    y = patient % 2
    ids = [f"c{p:03d}-{i}" for p, i in zip(patient, np.arange(len(patient)) % cases, strict=True)]
    birads = np.clip(np.round(3 + y + rng.normal(0, 0.9, len(y))), 2, 5).astype(int)
    cohort = pd.DataFrame({"case_id": ids, "patient_id": [f"p{p}" for p in patient], "label": y, "birads": birads})
    cohort["words"] = np.array(["2", "3", "4A", "4B"])[birads - 2]
    cohort["age"] = rng.normal(60, 8, len(y)).round()
    cohort["site"] = np.array(["A", "B", "C"])[patient // 2 % 3]
    features = {"size__volume_ml": rng.normal(size=len(y)) + 0.8 * y}
    features |= {f"radiomics__{j}": rng.normal(size=len(y)) + 0.8 * y * (j < 2) for j in range(6)}
    return cohort, pd.DataFrame(features, index=pd.Index(ids, name="case_id"))


def study_and_data(*, cv=None, clinical=(), **options) -> tuple[hr.Comparison, pd.DataFrame, Cohort]:
    """Return a study of size, radiomics (and clinical) with its features and cohort."""
    frame, features = tables(**options)
    cohort = cohort_from_frame(frame, images=False, clinical=clinical)
    names = ["size", "radiomics", *(["clinical"] if clinical else [])]
    models = hr.standard_models(features, clinical=list(clinical), names=names)
    cv = cv or hr.NestedCV(outer=3, repeats=2, inner=3)
    return hr.compare_models(models, features, cohort, cv=cv, explain=False, baseline="size"), features, cohort
