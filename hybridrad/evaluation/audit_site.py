"""Sites: do the features know where a case comes from, and does that place know the label?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad.errors import RunError
from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check
from hybridrad.splits import inner_splits

PERMUTATIONS = 99
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

    Predictability: balanced accuracy of a ridge classifier in 5 folds by patient. Association: Cramer's V of
    site and label. Each has a permutation p-value (sites permuted between whole patients; with small cohorts Cramer's V
    exceeds 0.3 by chance). Fail: both at most 0.05.

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
        return Check(code, UNJUDGED, "no sites were given.", "Give the site (scanner, hospital) of each case.")
    groups, y = np.asarray(groups).astype(str), np.asarray(y)
    site = _joined(np.asarray(sites), groups)
    if site is None:
        return Check(code, UNJUDGED, f"there are no two sites with {_FEWEST_PATIENTS} patients each.")
    numbers = features.to_numpy(dtype=float, na_value=np.nan)
    numbers = numbers[:, [len(np.unique(c[np.isfinite(c)])) > 1 for c in numbers.T]]
    if not numbers.shape[1]:
        return Check(code, UNJUDGED, "there is no column of different numbers.")
    rng = np.random.default_rng([random_state, 11])
    shuffled = [_between_patients(site, groups, rng) for _ in range(permutations)]
    try:
        accuracy = predictability(numbers, site, groups, random_state=random_state)
        chance = [predictability(numbers, s, groups, random_state=random_state) for s in shuffled]
    except RunError as err:
        return Check(code, UNJUDGED, f"sites cannot be dealt to folds by patient: {err.message}")
    v = cramers_v(site, y)
    p_features = _p_value(accuracy, chance)
    p_label = _p_value(v, [cramers_v(s, y) for s in shuffled])
    message = (
        f"{len(np.unique(site))} sites: balanced accuracy of predicting them {accuracy:.2f} (p = {p_features:.3f}); "
        f"Cramer's V with the label {v:.2f} (p = {p_label:.3f})."
    )
    worst = max(p_features, p_label)
    if worst <= 0.05:
        hint = "Leave one site out, or harmonise in the fold and never with the outcome."
        return Check(code, FAIL, f"{message} A model can score by telling sites apart.", hint, accuracy, worst)
    return Check(code, PASS, message, "", accuracy, worst)


def predictability(
    values: NDArray[np.float64], site: NDArray[Any], groups: NDArray[Any], *, random_state: int = 0
) -> float:
    """Return the cross-validated balanced accuracy of telling sites apart.

    Examples
    --------
    >>> site = np.repeat(["a", "b"], 20)
    >>> predictability((site == "a").astype(float)[:, None], site, np.arange(40))
    1.0
    """
    predicted = np.empty(len(site), dtype=object)
    for train, test in inner_splits(site, groups, n_folds=5, random_state=random_state):
        model = make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True),
            StandardScaler(),
            RidgeClassifier(alpha=float(values.shape[1]), class_weight="balanced"),
        )
        predicted[test] = model.fit(values[train], site[train]).predict(values[test])
    hit = predicted == site
    return float(np.mean([hit[site == s].mean() for s in np.unique(site)]))


def cramers_v(a: ArrayLike, b: ArrayLike) -> float:
    """Return Cramer's V of two classifications: 0 independent, 1 one tells the other.

    Examples
    --------
    >>> cramers_v(["x", "x", "y", "y"], [0, 0, 1, 1])
    1.0
    """
    table = pd.crosstab(np.asarray(a), np.asarray(b)).to_numpy(dtype=float)
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


def _p_value(observed: float, chance: list[float]) -> float:
    return (1 + int(np.sum(np.asarray(chance) >= observed))) / (len(chance) + 1)
