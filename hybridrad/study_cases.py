"""Which cases and arms a study has, and what can be said before anything is fitted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hybridrad._checks import check_features, did_you_mean
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError

if TYPE_CHECKING:
    from hybridrad.evaluation.designs import Design
    from hybridrad.study_resolution import Resolution

DEFAULT_FUSED = "hedge"


@dataclass(frozen=True)
class Roles:
    """Which arm is what."""

    baseline: str
    singles: list[str]
    fused: list[str]
    fused_default: str | None
    described: dict[str, dict[str, Any]]


def find_roles(models: Mapping[str, Any], baseline: str | None) -> Roles:
    """Return what each arm is; the baseline is ``deep`` or the first single arm unless it is named."""
    from hybridrad.models.standard import describe_arm

    described = {name: describe_arm(estimator) for name, estimator in models.items()}
    singles = [name for name, d in described.items() if d["role"] == "single"]
    fused = [name for name, d in described.items() if d["role"] == "fused"]
    if baseline is None:
        baseline = "deep" if "deep" in models else (singles or list(models))[0]
    check_baseline(baseline, models)
    default = DEFAULT_FUSED if DEFAULT_FUSED in fused else (fused[0] if fused else None)
    return Roles(baseline, singles, fused, default, described)


def check_baseline(baseline: str, names: Iterable[str]) -> None:
    """Refuse a baseline that is none of the arms.

    Examples
    --------
    >>> check_baseline("dep", ["size", "deep"])
    Traceback (most recent call last):
    ...
    ValueError: baseline 'dep' is not an arm; arms: size, deep. Did you mean deep?
    """
    arms = list(names)
    if baseline not in arms:
        raise ValueError(f"baseline {baseline!r} is not an arm; arms: {', '.join(arms)}.{did_you_mean(baseline, arms)}")


def cases_used(features: pd.DataFrame, cohort: Cohort) -> tuple[Cohort, pd.DataFrame]:
    """Return the cohort of the cases that have features, and their table with the clinical columns."""
    check_features(features)
    ids = [case_id for case_id in cohort.table.index if case_id in features.index]
    if not ids:
        raise RunError(
            f"no case of the cohort (first: {cohort.table.index[0]!r}) is in the features (first: "
            f"{features.index[0] if len(features) else 'none'!r}).",
            hint="Both tables need the same case_id, as text.",
        )
    used = cohort.subset(ids)
    X = features.loc[ids].join(used.clinical_table())
    X.index.name = "case_id"
    numbers = X.select_dtypes("number")
    infinite = np.isinf(numbers.to_numpy(dtype=float))
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise RunError(f"feature {numbers.columns[column]!r} of case {ids[row]!r} is infinite.", code="E_CONFIG")
    return used, X


def size_of(X: pd.DataFrame) -> pd.Series:
    """Return the size column of a feature table, for scoring a patient by the largest case."""
    sizes = [c for c in X.columns if c.startswith("size__")]
    if not sizes:
        raise RunError('aggregate="largest" needs a size column (size__volume_ml, size__area_mm2 or size__area_px).')
    return X[sizes[0]]


def announcement(used: Cohort, splits: pd.DataFrame, resolvable: Resolution) -> str:
    """Return what is said before the first fit: the design, and what it can resolve."""
    n_folds, repeats, reason = (splits.attrs[k] for k in ("n_folds", "repeats", "reason"))
    if splits.attrs["kind"] != "folds":
        text = reason
    else:
        text = (
            f"Comparing on {n_folds} folds x {repeats} repeats, split by patient "
            f"({used.patient_id.nunique()} patients)."
        )
        if n_folds != splits.attrs["n_folds_wanted"]:
            text += f" {reason}"
    return f"{text} {resolvable.sentence}"


def design(cv: Design, splits: pd.DataFrame) -> dict[str, Any]:
    """Return the design as it was asked for and as it was carried out."""
    from hybridrad.splits import splits_hash

    return {
        "design": type(cv).__name__,
        "kind": splits.attrs["kind"],
        "outer": splits.attrs["n_folds_wanted"],
        "repeats": splits.attrs["repeats"],
        "inner": cv.inner,
        "folds_used": splits.attrs["n_folds"],
        "reason": splits.attrs["reason"],
        "names": {str(fold): name for fold, name in splits.attrs["names"].items()},
        "splits_sha256": splits_hash(splits),
    }


def splits_attrs(carried_out: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a splits table from what `design` wrote down of it.

    Examples
    --------
    >>> splits_attrs({"kind": "site", "folds_used": 2, "names": {"0": "A", "1": "B"}})["names"]
    {0: 'A', 1: 'B'}
    """
    return {
        "kind": carried_out.get("kind", "folds"),
        "n_folds": carried_out.get("folds_used"),
        "n_folds_wanted": carried_out.get("outer"),
        "repeats": carried_out.get("repeats"),
        "reason": carried_out.get("reason", ""),
        "names": {int(fold): name for fold, name in (carried_out.get("names") or {}).items()},
    }
