"""Sites: do the features know where a case comes from, and does that place know the label?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from hybridrad.evaluation.audit_permutation import permutation_p_value
from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check

PERMUTATIONS = 99
_FOLDS = 5
_FEWEST_PATIENTS = 5  # of a site; smaller ones are joined


def site_check(
    features: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike,
    sites: ArrayLike | None,
    *,
    permutations: int = PERMUTATIONS,
    random_state: int = 0,
) -> Check:
    """Return whether the site can be predicted from the features and goes with the label: then scores are confounded.

    Predictability: AUC (mean of one site against the rest) of ridge regression in 5 folds by patient. Association:
    Cramer's V of site and label. Each has a permutation p-value: sites are permuted between whole patients, since in
    small cohorts Cramer's V exceeds 0.3 by chance. Fail: both at most 0.05.

    Parameters
    ----------
    features : DataFrame of numbers, shape (n_cases, n_features)
    y, groups, sites : array-likes of shape (n_cases,)

    Examples
    --------
    >>> rng, site = np.random.default_rng(0), np.repeat(["north", "south"], 30)
    >>> X = pd.DataFrame(rng.normal(size=(60, 4)) + 2.0 * (site == "north")[:, None])
    >>> y = (rng.random(60) < np.where(site == "north", 0.8, 0.2)).astype(int)
    >>> site_check(X, y, np.arange(60), site).verdict
    'fail'
    """
    code = "A_SITE"
    if sites is None:
        hint = (
            "Give the site (scanner, hospital) of each case: a column site of the cohort table (--cohort COHORT.csv)."
        )
        return Check(code, UNJUDGED, "no sites were given.", hint)
    groups, y = np.asarray(groups).astype(str), np.asarray(y)
    site = _joined(np.asarray(sites), groups)
    if site is None:
        return Check(code, UNJUDGED, f"there are no two sites with {_FEWEST_PATIENTS} patients each.")
    numbers = features.to_numpy(dtype=float, na_value=np.nan)
    numbers = numbers[:, [len(np.unique(c[np.isfinite(c)])) > 1 for c in numbers.T]]
    if not numbers.shape[1]:
        return Check(code, UNJUDGED, "there is no column of different numbers.")
    rng = np.random.default_rng([random_state, 11])
    drawn = np.stack([site, *(_between_patients(site, groups, rng) for _ in range(permutations))])
    auc, *chance = predictability(numbers, drawn, groups, random_state=random_state)
    v = cramers_v(site, y)
    p_features = permutation_p_value(auc, np.array(chance))
    p_label = permutation_p_value(v, np.array([cramers_v(s, y) for s in drawn[1:]]))
    message = (
        f"{len(np.unique(site))} sites: AUC of telling them apart {auc:.2f} (p = {p_features:.3f}); "
        f"Cramer's V with the label {v:.2f} (p = {p_label:.3f})."
    )
    worst = max(p_features, p_label)
    if worst <= 0.05:
        hint = "Leave one site out, or harmonise in the fold and never with the outcome."
        return Check(code, FAIL, f"{message} A model can score by telling sites apart.", hint, auc, worst)
    return Check(code, PASS, message, "", auc, worst)


def predictability(
    values: NDArray[np.float64], sites: NDArray[Any], groups: NDArray[Any], *, random_state: int = 0
) -> NDArray[np.float64]:
    """Return the cross-validated AUC of telling sites apart, for several assignments of sites at once.

    Folds hold whole patients and do not depend on the sites, so that one decomposition serves all assignments. The
    penalty is the number of columns, missing values are the training mean.

    Parameters
    ----------
    values : array of shape (n_cases, n_columns)
    sites : array of shape (n_assignments, n_cases)
    groups : array of shape (n_cases,)

    Returns
    -------
    array of shape (n_assignments,)

    Examples
    --------
    >>> site = np.repeat(["a", "b"], 20)
    >>> predictability((site == "a").astype(float)[:, None], np.stack([site]), np.arange(40)).tolist()
    [1.0]
    """
    names = np.unique(sites)
    targets = (sites[:, :, None] == names).transpose(1, 0, 2).reshape(len(values), -1).astype(float)
    _, patient = np.unique(groups, return_inverse=True)
    shuffled = np.random.default_rng([random_state, 12]).permutation(int(patient.max()) + 1)
    fold = (shuffled % _FOLDS)[patient]
    scores = np.zeros_like(targets)
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        known = np.where(np.isfinite(values), values, np.nan)
        mean, sd = _moments(known[train])
        scaled = np.nan_to_num((known - mean) / sd)
        kernel = scaled[train] @ scaled[train].T + values.shape[1] * np.eye(int(train.sum()))
        centre = targets[train].mean(axis=0)
        scores[test] = centre + scaled[test] @ scaled[train].T @ np.linalg.solve(kernel, targets[train] - centre)
    inside = targets.sum(axis=0)
    ranks = (rankdata(scores, axis=0) * targets).sum(axis=0) - inside * (inside + 1) / 2
    with np.errstate(invalid="ignore"):
        aucs = ranks / (inside * (len(values) - inside))
    return np.asarray(np.nanmean(aucs.reshape(len(sites), -1), axis=1))


def cramers_v(a: ArrayLike, b: ArrayLike) -> float:
    """Return Cramer's V of two classifications: 0 independent, 1 one tells the other.

    Examples
    --------
    >>> cramers_v(["x", "x", "y", "y"], [0, 0, 1, 1])
    1.0
    """
    (rows, row), (columns, column) = (np.unique(np.asarray(v), return_inverse=True) for v in (a, b))
    shape = (len(rows), len(columns))
    table = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    least = min(table.shape) - 1
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / table.sum() / least)) if least else 0.0


def _joined(sites: NDArray[Any], groups: NDArray[Any]) -> NDArray[Any] | None:
    """Return sites as text with small ones joined; None where fewer than two are left."""
    site = pd.Series(sites).astype(object).where(pd.notna(sites), "unknown").astype(str)
    patients = pd.Series(groups).groupby(site.to_numpy()).nunique()
    small = patients.index[patients < _FEWEST_PATIENTS]
    joined = site.where(~site.isin(small), "small sites").to_numpy()
    patients = pd.Series(groups).groupby(joined).nunique()
    return joined if (patients >= _FEWEST_PATIENTS).sum() > 1 and (patients >= 2).all() else None


def _between_patients(site: NDArray[Any], groups: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return sites permuted between whole patients (the site of a patient's first case stands for all)."""
    _, first, patient = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(rng.permutation(site[first])[patient])


def _moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of the known values of each column; 0 and 1 where there are none."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    sd = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(sd > 1e-12 * np.maximum(np.abs(mean), 1e-300), sd, 1.0)
