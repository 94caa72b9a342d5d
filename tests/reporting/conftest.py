"""A small made-up study: the tables a comparison leaves behind, without running one."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hybridrad.study_claims import no_claims, no_net_benefit
from hybridrad.study_steps import no_steps
from hybridrad.study_tables import no_complementarity, no_sites

METRICS = [
    "roc_auc",
    "average_precision",
    "brier",
    "log_loss",
    "sensitivity",
    "specificity",
    "calibration_slope",
    "calibration_intercept",
]
ARMS = {
    "size": ("single", ["size"], 0.9),
    "clinical": ("single", ["clinical"], 0.5),
    "radiomics": ("single", ["radiomics"], 1.5),
    "deep": ("single", ["deep"], 1.1),
    "deep_size": ("fused", ["deep", "size"], 1.3),
    "concat": ("fused", ["radiomics", "deep"], 1.2),
    "early": ("fused", ["radiomics", "deep"], 1.4),
    "late": ("fused", ["radiomics", "deep"], 1.5),
    "hedge": ("fused", ["radiomics", "deep", "size"], 1.6),
    "hedge_clinical": ("fused", ["radiomics", "deep", "size", "clinical"], 1.6),
}
FEATURES = (
    ["size__volume_ml", "clinical__age", "clinical__sex"]
    + [f"radiomics__original_glcm_Feature{i}" for i in range(12)]
    + ["radiomics__wavelet-LLH_glszm_SmallAreaLowGrayLevelEmphasis"]
    + [f"deep__squeezenet1_1_{i:04d}" for i in range(16)]
)
METHOD = "mean of 5 x 3 folds; corrected t interval, 4 df"
TEST = "corrected paired t over 5 x 3 folds, 4 df"


def build_study(
    *,
    n_patients: int = 60,
    repeats: int = 3,
    n_folds: int = 5,
    classes: int = 2,
    seed: int = 0,
    arms: Any = tuple(ARMS),
) -> Any:
    """Return an object with the attributes of a Comparison."""
    study = _whole_study(n_patients, repeats, n_folds, classes, seed)
    for table in ("scores", "predictions", "importance", "importance_cases", "comparisons", "regret"):
        frame = getattr(study, table)
        kept = [frame.index.get_level_values(k).isin(arms) for k in ("model", "baseline") if k in frame.index.names]
        setattr(study, table, frame[np.logical_and.reduce(kept)])
    study.settings["arms"] = {a: d for a, d in study.settings["arms"].items() if a in arms}
    return study


def _whole_study(n_patients, repeats, n_folds, classes, seed):
    rng = np.random.default_rng(seed)
    cases = [f"c{i:03d}" for i in range(n_patients)]
    y = np.arange(n_patients) % classes
    predictions = pd.concat([_predictions(rng, arm, cases, y, repeats, n_folds, classes) for arm in ARMS])
    importance, per_case = _importance(rng, cases)
    return SimpleNamespace(
        sites=no_sites(),
        complementarity=no_complementarity(),
        steps=no_steps(),
        claims=no_claims(),
        net_benefit=no_net_benefit(),
        scores=_scores(rng, n_patients, classes),
        comparisons=_comparisons(rng),
        regret=_regret(),
        predictions=predictions,
        splits=_splits(cases, repeats, n_folds),
        importance=importance,
        importance_cases=per_case,
        findings=_findings(cases),
        failures=_failures(),
        settings=_settings(n_patients, repeats, n_folds, classes),
    )


def _predictions(rng, arm, cases, y, repeats, n_folds, classes):
    strength = ARMS[arm][2]
    frames = []
    for repeat in range(repeats):
        logits = rng.normal(size=(len(y), classes)) + strength * np.eye(classes)[y]
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        index = pd.MultiIndex.from_arrays(
            [[arm] * len(y), [repeat] * len(y), np.arange(len(y)) // classes % n_folds, cases],
            names=["model", "repeat", "fold", "case_id"],
        )
        columns = {"y_score": scores[:, 1], "threshold": 0.3} if classes == 2 else _per_class(scores)
        frames.append(pd.DataFrame({"patient_id": cases, "y_true": y, **columns}, index=index))
    return pd.concat(frames)


def _per_class(scores):
    return {f"y_score_{k}": scores[:, k] for k in range(scores.shape[1])}


def _scores(rng, n_patients, classes):
    metrics = METRICS if classes == 2 else METRICS[:4]
    rows = []
    for arm, (_, _, strength) in ARMS.items():
        for metric in metrics:
            value = {"roc_auc": 0.5 + strength / 5, "brier": 0.19, "calibration_intercept": -0.12}.get(metric, 0.7)
            value += rng.normal(0, 0.01)
            rows.append((arm, metric, value, value - 0.08, value + 0.07, n_patients - 4, n_patients, METHOD))
    columns = ["model", "metric", "value", "low", "high", "n_patients", "n_cases", "method"]
    return pd.DataFrame(rows, columns=columns).set_index(["model", "metric"])


def _comparisons(rng):
    rows = []
    singles = [a for a, (role, _, _) in ARMS.items() if role == "single"]
    fused = [a for a, (role, _, _) in ARMS.items() if role == "fused"]
    for model in fused:
        for baseline in singles:
            d = (ARMS[model][2] - ARMS[baseline][2]) / 5 + rng.normal(0, 0.005)
            p = 0.00002 if d > 0.15 else 0.3
            family = model == "hedge"
            verdict = "better" if d > 0.15 else ("non-inferior" if d > 0.05 else "inconclusive")
            method = f"{TEST}; Holm over {len(singles)} comparisons" if family else f"exploratory: {TEST}"
            limits = (d - 0.06, d + 0.06)
            rows.append((model, baseline, "roc_auc", d, *limits, p, p if family else np.nan, verdict, method))
            for metric in METRICS[1:4]:
                other = (0.004, -0.01, 0.02, 0.4, np.nan, "inconclusive", f"exploratory: {TEST}")
                rows.append((model, baseline, metric, *other))
    columns = ["model", "baseline", "metric", "difference", "low", "high", "p_value", "p_adjusted", "verdict", "method"]
    return pd.DataFrame(rows, columns=columns).set_index(["model", "baseline", "metric"]).sort_index()


def _regret():
    note = "biased upwards: the best block was chosen afterwards"
    rows = [
        ("hedge", "best_in_hindsight", "roc_auc", -0.004, -0.03, 0.03, 0.024, note, METHOD),
        ("hedge", "selected", "roc_auc", -0.01, -0.04, 0.02, 0.015, "", METHOD),
        ("concat", "best_in_hindsight", "roc_auc", 0.05, -0.01, 0.11, 0.09, note, METHOD),
    ]
    columns = ["model", "reference", "metric", "regret", "low", "high", "upper_one_sided", "note", "method"]
    return pd.DataFrame(rows, columns=columns).set_index(["model", "reference", "metric"])


def _splits(cases, repeats, n_folds):
    rows = [
        (r, f, case, "test" if i % n_folds == f else "train")
        for r in range(repeats)
        for f in range(n_folds)
        for i, case in enumerate(cases)
    ]
    return pd.DataFrame(rows, columns=["repeat", "fold", "case_id", "role"]).set_index(["repeat", "fold", "case_id"])


def _importance(rng, cases):
    tables, frames = [], []
    for arm, (_, blocks, _) in ARMS.items():
        used = [c for c in FEATURES if c.split("__")[0] in blocks]
        values = rng.normal(size=(len(cases), len(used))) * np.linspace(1.0, 0.1, len(used))
        index = pd.MultiIndex.from_arrays([[arm] * len(cases), cases], names=["model", "case_id"])
        frames.append(pd.DataFrame(values, index=index, columns=used))
        table = pd.DataFrame(
            {
                "model": arm,
                "feature": used,
                "block": [c.split("__")[0] for c in used],
                "mean_abs_shap": np.abs(values).mean(axis=0),
                "direction": ["+", "-"] * (len(used) // 2) + [""] * (len(used) % 2),
                "folds_selected": 15,
            }
        )
        tables.append(table)
    return pd.concat(tables).set_index(["model", "feature"]), pd.concat(frames)


def _findings(cases):
    rows = [(c, "W_ROI_SMALL", "warning", "mask", "41 voxels.", "Look at the mask.") for c in cases[:3]]
    rows += [(c, "N_MASK_VALUE", "note", "mask", "Value 255 is used.", "") for c in cases]
    columns = ["case_id", "code", "severity", "stage", "message", "hint"]
    return pd.DataFrame(rows, columns=columns).set_index(["case_id", "code"])


def _failures():
    rows = [
        ("x1", "mask", "E_MASK_EMPTY", "mask.nii.gz is zero everywhere.", "Draw the region.", 0.1),
        ("x2", "radiomics", "E_FEATURES_MISSING", "LoG needs 4 slices, got 2.", "Resample first.", 0.4),
    ]
    columns = ["case_id", "stage", "code", "message", "hint", "seconds"]
    return pd.DataFrame(rows, columns=columns).set_index(["case_id", "stage"])


def _settings(n_patients, repeats, n_folds, classes):
    labels = ["benign", "malignant"] if classes == 2 else [f"site {k}" for k in range(classes)]
    per_class = {c: {"cases": n_patients // classes, "patients": n_patients // classes - 1} for c in labels}
    arms = {
        arm: {
            "role": role,
            "blocks": blocks,
            "text": f"Ridge logistic model of {', '.join(blocks)}.",
            "n_features": 10,
            "seconds": 1.5,
            "is_default_fused": arm == "hedge",
        }
        for arm, (role, blocks, _) in ARMS.items()
    }
    return {
        "title": "Malignancy of lung nodules",
        "created": "2025-03-04T10:11:12",
        "hybridrad_version": "0.1.0",
        "versions": {"numpy": "2.4.0", "scikit-learn": "1.9.1"},
        "machine": {"python": "3.12.3", "platform": "Linux-x86_64", "cpu_count": 2},
        "command": "hybridrad compare cohort.csv --out RUN",
        "random_state": 0,
        "cv": {
            "outer": 5,
            "repeats": repeats,
            "inner": 4,
            "folds_used": n_folds,
            "reason": "",
            "splits_sha256": "ab" * 32,
        },
        "unit": "case",
        "aggregate": None,
        "positive": labels[-1],
        "classes": labels,
        "label": "malignancy",
        "primary_metric": "roc_auc",
        "margin": 0.05,
        "baseline": "deep",
        "threshold": {"rule": "sensitivity", "target_sensitivity": 0.9},
        "resolvable_difference": 0.17,
        "arms": arms,
        "flow": {
            "given": n_patients + 2,
            "failed": 2,
            "used": n_patients,
            "patients_given": n_patients - 3,
            "patients_used": n_patients - 4,
            "per_class": per_class,
            "failures_by_code": {"E_MASK_EMPTY": 1, "E_FEATURES_MISSING": 1},
        },
        "extractors": [
            {
                "name": "radiomics",
                "kind": "radiomics",
                "engine": "pyradiomics",
                "settings": {"bin_width": 25.0, "force_2d": False},
            },
            {
                "name": "deep",
                "kind": "embedding",
                "backbone": "squeezenet1_1",
                "weights": {"name": "squeezenet1_1_features.safetensors", "source": "file", "sha256": "cd" * 32},
                "views": {"kind": "largest_slice", "margin_mm": 10, "window": ["lung"]},
            },
        ],
        "size": {
            "column": "size__volume_ml",
            "views_keep_size": False,
            "n_radiomics": 13,
            "n_following_size": 4,
            "threshold_rho": 0.7,
        },
        "hedge": {"weights": {b: {"mean": m, "low": m - 0.1, "high": m + 0.1} for b, m in HEDGE_WEIGHTS.items()}},
        "grouped": True,
        "cohort": {"file": "cohort.csv", "sha256": "ef" * 32, "clinical": ["age", "sex"]},
    }


FEW = ("size", "radiomics", "deep", "concat", "hedge")
HEDGE_WEIGHTS = {"radiomics": 0.5, "deep": 0.3, "size": 0.2}


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Any]:
    """Factory of made-up studies."""
    return build_study


@pytest.fixture
def small_study() -> Any:
    """A made-up study of five arms and two repeats, quick to draw."""
    return build_study(repeats=2, arms=FEW)


@pytest.fixture
def study() -> Any:
    """A made-up study of two classes."""
    return build_study()
