"""Refit a whole pipeline on bootstrap samples of patients: Harrell's optimism, and the .632+ estimate of the AUC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.evaluation.calibration import calibration
from hybridrad.evaluation.metrics import brier, roc_auc
from hybridrad.evaluation.patient_bootstrap import patient_draws
from hybridrad.evaluation.routing import class_probabilities, fit_by_patient, prepared


class Point632Plus(NamedTuple):
    """The .632+ estimate with its parts; ``n_skipped`` draws had one class in the sample or outside of it."""

    auc: float
    apparent: float
    out_of_bag: float
    overfitting_rate: float
    weight: float
    n_draws: int
    n_skipped: int


def point632plus(apparent: float, out_of_bag: float) -> tuple[float, float, float]:
    """Return the .632+ combination of two AUCs, the relative overfitting rate and the weight of the second.

    References
    ----------
    Efron & Tibshirani (1997), doi:10.1080/01621459.1997.10474007, with 0.5 as the AUC without information.

    Examples
    --------
    >>> [round(x, 4) for x in point632plus(0.9, 0.7)]
    [0.7451, 0.5, 0.7745]
    >>> point632plus(0.8, 0.8)[2]
    0.632
    """
    outside = max(0.5, out_of_bag)
    rate = 0.0
    if apparent > 0.5 and outside < apparent:
        rate = float(np.clip((apparent - outside) / (apparent - 0.5), 0.0, 1.0))
    weight = 0.632 / (1.0 - 0.368 * rate)
    return (1.0 - weight) * apparent + weight * outside, rate, weight


def auc_632plus(
    estimator: Any,
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike,
    *,
    n_draws: int = 100,
    inner: int = 4,
    random_state: int = 0,
) -> Point632Plus:
    """Estimate the AUC of a procedure by refitting it whole on bootstrap samples of patients.

    To be read beside nested cross-validation, never instead: every bootstrap correction is biased at small n, in a
    direction that depends on the model.

    Parameters
    ----------
    estimator : scikit-learn classifier
        The whole pipeline; cloned and refitted in each draw. Copies of a patient stay together in its inner folds.
    X : DataFrame of shape (n_cases, n_features)
    y : array of shape (n_cases,)
        0 and 1.
    groups : array of shape (n_cases,)
        Patient of each case.
    n_draws : int, default 100
    inner : int, default 4
        Inner folds of estimators that have them.
    random_state : int, default 0

    References
    ----------
    Iba, Shinozaki, Maruo & Noma (2021), doi:10.1186/s12874-020-01201-w.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = pd.DataFrame(rng.normal(size=(40, 9)) + 0.3 * y[:, None]).add_prefix("radiomics__")
    >>> result = auc_632plus(LogisticRegression(), X, y, np.arange(40), n_draws=20)
    >>> result.out_of_bag <= result.auc <= result.apparent
    True
    """
    data = _Data(estimator, X, np.asarray(y), np.asarray(groups).astype(str), inner, random_state)
    apparent = roc_auc(data.y, data.fitted_on(data.every)(data.every))
    outside, skipped = [], 0
    for rows, rest in data.draws(n_draws):
        if rows is None:
            skipped += 1
            continue
        outside.append(roc_auc(data.y[rest], data.fitted_on(rows)(rest)))
    if not outside:
        raise ValueError("no draw of patients had both classes inside and outside of the sample.")
    out_of_bag = float(np.mean(outside))
    auc, rate, weight = point632plus(apparent, out_of_bag)
    return Point632Plus(auc, apparent, out_of_bag, rate, weight, n_draws, skipped)


def optimism(
    estimator: Any,
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike,
    *,
    n_draws: int = 100,
    inner: int = 4,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return apparent, optimism and corrected performance after Harrell: the whole pipeline refitted in each draw.

    Optimism is the mean over draws of the score on the sample minus the score on the original cases. With many more
    features than patients it corrects too little; read it beside nested cross-validation, never instead.

    Parameters
    ----------
    estimator, X, y, groups, n_draws, inner, random_state
        As for `auc_632plus`.

    Returns
    -------
    DataFrame
        Index ``roc_auc, brier, calibration_slope, calibration_intercept``; columns ``apparent, optimism, corrected,
        n_draws, n_skipped``: draws with one class, or in which the score is not defined.

    References
    ----------
    Harrell, Lee & Mark (1996), doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = pd.DataFrame({"radiomics__a": rng.normal(size=40) + y, "radiomics__b": rng.normal(size=40)})
    >>> table = optimism(LogisticRegression(), X, y, np.arange(40), n_draws=20)
    >>> bool(table.loc["roc_auc", "corrected"] < table.loc["roc_auc", "apparent"])
    True
    """
    data = _Data(estimator, X, np.asarray(y), np.asarray(groups).astype(str), inner, random_state)
    apparent = _scores(data.y, data.fitted_on(data.every)(data.every))
    gains = []
    for rows, _ in data.draws(n_draws, outside=False):
        if rows is None:
            gains.append(pd.Series(np.nan, index=apparent.index))
            continue
        predict = data.fitted_on(rows)
        gains.append(_scores(data.y[rows], predict(rows)) - _scores(data.y, predict(data.every)))
    table = pd.DataFrame(gains)
    too_high = table.mean()
    columns = {"apparent": apparent, "optimism": too_high, "corrected": apparent - too_high}
    return pd.DataFrame(columns).assign(n_draws=n_draws, n_skipped=table.isna().sum()).rename_axis("metric")


def _scores(y: NDArray, probability: NDArray[np.float64]) -> pd.Series:
    fitted = calibration(y, probability)
    return pd.Series(
        {
            "roc_auc": roc_auc(y, probability),
            "brier": brier(y, probability),
            "calibration_slope": fitted.slope,
            "calibration_intercept": fitted.intercept,
        }
    )


class _Data(NamedTuple):
    estimator: Any
    X: pd.DataFrame
    y: NDArray
    groups: NDArray
    inner: int
    random_state: int

    @property
    def every(self) -> NDArray[np.intp]:
        return np.arange(len(self.y))

    def fitted_on(self, rows: NDArray[np.intp]) -> Any:
        """Return the function that gives the probabilities of rows, fitted on a sample (rows may repeat)."""
        # Drawn twice, a case is two rows of one patient: an id of its own each, and inner folds keep them together.
        sample = self.X.iloc[rows].set_axis(pd.Index([f"{i}" for i in range(len(rows))], name="case_id"))
        arm = prepared(self.estimator, inner=self.inner, random_state=self.random_state)
        fitted = fit_by_patient(arm, sample, self.y[rows], self.groups[rows])
        return lambda wanted: class_probabilities(fitted, self.X.iloc[wanted], 2)[:, 1]

    def draws(
        self, n_draws: int, *, outside: bool = True
    ) -> Iterator[tuple[NDArray[np.intp] | None, NDArray[np.intp]]]:
        """Yield samples and what is outside; None for a sample without both classes (inside, and outside if wanted)."""
        if not np.isin(self.y, [0, 1]).all():
            raise ValueError("y must hold 0 and 1 only.")
        for rows in patient_draws(self.groups, n_draws=n_draws, random_state=self.random_state):
            rest = np.setdiff1d(self.every, rows)
            parts = (rows, rest) if outside else (rows,)
            # Inner folds need two patients of each class.
            enough = all(len(np.unique(self.groups[rows][self.y[rows] == k])) >= 2 for k in (0, 1))
            usable = enough and all(len(np.unique(self.y[part])) == 2 for part in parts)
            yield (rows if usable else None), rest
