"""Synthetic tables with a value or the time to an event, and plain models that stand in for the library's own."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from hybridrad.evaluation.kaplan_meier import kaplan_meier


def features_and_truth(n_patients: int, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return features, ids (case_id, patient_id) and a score that radiomics and, less, deep features tell."""
    rng = np.random.default_rng(seed)
    cases = np.repeat(np.arange(n_patients), rng.integers(1, 3, n_patients))
    truth = rng.normal(size=n_patients)[cases]
    ids = pd.DataFrame(
        {"case_id": [f"c{i:03d}" for i in range(len(cases))], "patient_id": [f"p{i:03d}" for i in cases]}
    )
    columns = {"size__volume_ml": rng.lognormal(1.0, 0.5, len(cases))}
    columns |= {f"radiomics__f{j}": truth + rng.normal(0, 0.8, len(cases)) for j in range(4)}
    columns |= {f"deep__net_{j:04d}": 0.5 * truth + rng.normal(0, 1.0, len(cases)) for j in range(6)}
    return pd.DataFrame(columns, pd.Index(ids["case_id"], name="case_id")), ids, truth


def survival_table(n_patients: int = 60, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return features and a cohort table with time and event: Weibull times, uniform censoring, alike in a patient."""
    features, ids, truth = features_and_truth(n_patients, seed=seed)
    rng = np.random.default_rng(seed + 1)
    patient = ids["patient_id"].factorize()[0]
    true_time = 12.0 * (rng.exponential(size=n_patients)[patient] / np.exp(truth)) ** (1 / 1.3)
    censored = rng.uniform(2.0, 40.0, n_patients)[patient]
    event = true_time <= censored
    return features, ids.assign(time=np.minimum(true_time, censored).round(3), event=event.astype(int))


def regression_table(n_patients: int = 60, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return features and a cohort table whose label is a value around 50."""
    features, ids, truth = features_and_truth(n_patients, seed=seed)
    noise = np.random.default_rng(seed + 1).normal(0, 4, len(ids))
    return features, ids.assign(label=(50 + 8 * truth + noise).round(2))


class _OfBlock(BaseEstimator):
    """A ridge regression of the columns of some blocks."""

    def __init__(self, blocks: tuple[str, ...] = ("radiomics",)) -> None:
        self.blocks = blocks

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        return X[[c for c in X.columns if c.split("__")[0] in self.blocks]]

    def _fit(self, X: pd.DataFrame, target: np.ndarray) -> Self:
        self.scaler_ = StandardScaler().fit(self._table(X))
        self.ridge_ = Ridge(alpha=10.0).fit(self.scaler_.transform(self._table(X)), target)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.ridge_.predict(self.scaler_.transform(self._table(X)))

    def shap_values(self, X: pd.DataFrame) -> np.ndarray:
        out = np.zeros(X.shape)
        used = X.columns.get_indexer(self._table(X).columns)
        out[:, used] = self.scaler_.transform(self._table(X)) * self.ridge_.coef_
        return out


class StandInRegressor(RegressorMixin, _OfBlock):
    """A value."""

    def fit(self, X: pd.DataFrame, y: Any, groups: Any = None) -> Self:
        return self._fit(X, np.asarray(y))


class StandInSurvival(_OfBlock):
    """A risk: minus the expected logarithm of time; survival is the Kaplan-Meier curve to the power of exp(risk)."""

    def fit(self, X: pd.DataFrame, y: Any, groups: Any = None) -> Self:
        self.curve_ = kaplan_meier(y["event"], y["time"])
        return self._fit(X, -np.log(y["time"]) + np.log(y["time"]).mean() - 0.5 * ~y["event"])

    def predict_survival(self, X: pd.DataFrame, times: Any) -> np.ndarray:
        risk = self.predict(X)
        return self.curve_.at(times)[None, :] ** np.exp(risk - risk.mean())[:, None]


def stand_in_arms(task: str) -> dict[str, Any]:
    """Return arms with the names of the standard ones."""
    kind = StandInSurvival if task == "survival" else StandInRegressor
    blocks = {"size": ("size",), "radiomics": ("radiomics",), "deep": ("deep",), "hedge": ("radiomics", "deep", "size")}
    return {name: kind(of) for name, of in blocks.items()}


def stand_in_roles(estimator: Any) -> dict[str, Any]:
    """Return role, blocks and text of a stand-in, as ``describe_arm`` does for the library's own models."""
    role = "single" if len(estimator.blocks) == 1 else "fused"
    return {"role": role, "blocks": list(estimator.blocks), "text": f"Ridge on {', '.join(estimator.blocks)}."}
