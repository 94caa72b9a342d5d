"""Does the audit catch procedures that leak, and does it leave honest ones alone?

    python benchmarks/audit_power.py --draws 40 --runs 20 --jobs 2

Each draw makes a new cohort and a new procedure (model, folds, whether it returns the folds) and audits it. A procedure
is caught or accused when at least one of the checks of leaks says fail; those of confounding (size, site) do not count.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import LeaveOneOut, StratifiedGroupKFold, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

import hybridrad as hr

LEAK_CHECKS = (
    *("A_PATIENT_FOLDS", "A_SAME_IMAGE", "A_NEAR_DUPLICATE", "A_TARGET_COLUMN"),
    *("A_NULL_LABELS", "A_NULL_FEATURES", "A_NULL_PATIENTS", "A_NULL_SITES"),
)


# ---- cohorts ----


@dataclass
class Data:
    """A made-up cohort."""

    X: Any
    y: np.ndarray
    groups: np.ndarray
    sites: np.ndarray | None = None


def cases(
    rng: np.random.Generator, *, n: int = 80, p: int = 200, prevalence: float = 0.5, signal: float | None = None
) -> Data:
    """One case a patient, correlated columns; nothing to find in a third of the draws."""
    y = rng.permutation((np.arange(n) < prevalence * n).astype(int))
    X = rng.normal(size=(n, 8)) @ rng.normal(size=(8, p)) + 2 * rng.normal(size=(n, p))
    strength = rng.choice([0.0, 1.0, 3.0]) if signal is None else signal
    X[:, :5] += strength * y[:, None]
    return Data(X, y, np.arange(n).astype(str))


def slices(rng: np.random.Generator, *, patients: int = 40, p: int = 60) -> Data:
    """Two to eight slices a patient that resemble each other; patients with more slices have label 1 more often."""
    counts = rng.integers(2, 9, patients)
    label = (rng.random(patients) < np.where(counts > 5, 0.6, 0.4)).astype(int)
    label[:12] = np.arange(12) % 2
    patient = np.repeat(np.arange(patients), counts)
    own = rng.normal(size=(patients, p)) + rng.choice([0.0, 0.8]) * label[:, None] * (np.arange(p) < 5)
    return Data(own[patient] + 0.5 * rng.normal(size=(len(patient), p)), label[patient], patient.astype(str))


def lesions(rng: np.random.Generator) -> Data:
    """Slices whose labels differ within a patient."""
    data = slices(rng)
    flip = rng.random(len(data.y)) < 0.3
    return Data(
        data.X + flip[:, None] * (np.arange(data.X.shape[1]) < 5), np.where(flip, 1 - data.y, data.y), data.groups
    )


def from_sites(rng: np.random.Generator, *, column: bool = False) -> Data:
    """Features shifted and scaled by site; the share of label 1 differs between sites in half of the draws."""
    n, p, k = int(rng.integers(80, 160)), int(rng.integers(30, 150)), int(rng.integers(2, 6))
    site = rng.permutation(np.arange(n) % k)
    share = np.where(np.arange(k) % 2, 0.5 + 0.3 * rng.integers(0, 2), 0.5)
    y = (rng.random(n) < share[site]).astype(int)
    X = rng.normal(size=(n, p)) * np.exp(0.3 * rng.normal(size=(k, p)))[site] + rng.normal(size=(k, p))[site]
    X[:, :5] += rng.choice([0.0, 0.7]) * y[:, None]
    names = np.array(list("abcdef"))[site]
    if column:
        table = pd.DataFrame(X, columns=[f"f{j}" for j in range(p)])
        table["site"] = names
        return Data(table, y, np.arange(n).astype(str), names)
    return Data(X, y, np.arange(n).astype(str), names)


# ---- procedures ----


def a_model(rng: np.random.Generator) -> Callable[[], Any]:
    """Return a way to make one of several models."""
    kind = rng.choice(["ridge", "logistic", "neighbours", "bayes", "forest"], p=[0.3, 0.3, 0.2, 0.15, 0.05])
    return {
        "ridge": lambda: make_pipeline(StandardScaler(), RidgeClassifier(alpha=30.0)),
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200)),
        "neighbours": lambda: make_pipeline(StandardScaler(), KNeighborsClassifier(3)),
        "bayes": lambda: GaussianNB(var_smoothing=1e-3),
        "forest": lambda: RandomForestClassifier(20, random_state=0),
    }[str(kind)]


def score(model: Any, X: np.ndarray) -> np.ndarray:
    """Return scores of the larger label."""
    return model.decision_function(X) if hasattr(model, "decision_function") else model.predict_proba(X)[:, 1]


@dataclass
class Procedure:
    """A cross-validation with hooks for what is done before the split and inside the fold."""

    model: Callable[[], Any]
    seed: int = 0
    grouped: bool = True
    folds: bool = True
    one_out: bool = False
    before: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    inside: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    oversample_before: bool = False
    oversample_inside: bool = False
    one_hot_site: bool = False

    def __call__(self, X: Any, y: np.ndarray, groups: np.ndarray) -> Any:
        if isinstance(X, pd.DataFrame):
            site = OneHotEncoder(sparse_output=False).fit_transform(X[["site"]])
            X = X.drop(columns="site").to_numpy()
            X = np.hstack([X, site]) if self.one_hot_site else X
        if self.before is not None:
            X = self.before(X, y)
        rows = with_copies(y, np.random.default_rng(self.seed)) if self.oversample_before else np.arange(len(y))
        sums, counts, fold = np.zeros(len(y)), np.zeros(len(y)), np.zeros(len(y), dtype=int)
        for number, (train, test) in enumerate(self.split(rows, y, groups)):
            if self.oversample_inside:
                train = train[with_copies(y[train], np.random.default_rng(self.seed))]
            columns = np.arange(X.shape[1]) if self.inside is None else self.inside(X[train], y[train])
            values = score(self.model().fit(X[train][:, columns], y[train]), X[test][:, columns])
            np.add.at(sums, test, values)
            np.add.at(counts, test, 1)
            fold[test] = number
        out = sums / np.maximum(counts, 1)
        return (out, fold) if self.folds and not self.one_out and not self.oversample_before else out

    def split(self, rows: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Any:
        """Yield positions of cases, with copies where rows were copied."""
        if self.one_out:
            splits = LeaveOneOut().split(rows)
        elif self.grouped and len(set(groups)) < len(groups):
            splits = StratifiedGroupKFold(5, shuffle=True, random_state=self.seed).split(rows, y[rows], groups[rows])
        else:
            splits = StratifiedKFold(5, shuffle=True, random_state=self.seed).split(rows, y[rows])
        for train, test in splits:
            yield rows[train], rows[test]


def with_copies(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return positions in which every class stands equally often."""
    counts = np.bincount(y)
    copies = [rng.choice(np.flatnonzero(y == k), counts.max() - n) for k, n in enumerate(counts) if n]
    return np.concatenate([np.arange(len(y)), *copies])


def best_columns(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the ten columns that tell the classes best."""
    return np.argsort(-np.nan_to_num(f_classif(X, y)[0]))[:10]


def combat(X: np.ndarray, site: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """Harmonise all cases by ComBat with empirical Bayes, keeping ``y`` if given (Johnson et al. 2007)."""
    names = np.unique(site)
    batch = (site[:, None] == names).astype(float)
    design = batch if y is None else np.column_stack([batch, y - y.mean()])
    coefficients = np.linalg.lstsq(design, X, rcond=None)[0]
    mean = (batch.mean(axis=0) @ coefficients[: len(names)])[None, :]
    if y is not None:
        mean = mean + (y - y.mean())[:, None] * coefficients[len(names) :]
    sd = np.sqrt(((X - design @ coefficients) ** 2).mean(axis=0)) + 1e-12
    Z = (X - mean) / sd
    out = np.empty_like(Z)
    for name in names:
        own = Z[site == name]
        n, gamma_hat, delta_hat = len(own), own.mean(axis=0), own.var(axis=0, ddof=1)
        prior, spread = gamma_hat.mean(), gamma_hat.var(ddof=1)
        m, v = delta_hat.mean(), delta_hat.var(ddof=1)
        a, b = (2 * v + m**2) / v, (m * v + m**3) / v
        gamma, delta = gamma_hat, delta_hat
        for _ in range(20):
            gamma = (spread * n * gamma_hat + delta * prior) / (spread * n + delta)
            delta = (0.5 * ((own - gamma) ** 2).sum(axis=0) + b) / (n / 2 + a - 1)
        out[site == name] = (own - gamma) / np.sqrt(delta)
    return out * sd + mean


# ---- what is audited: name -> (leaks, cohort and procedure of a draw) ----


def selection(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return cases(rng, p=500), Procedure(a_model(rng), before=lambda X, y: X[:, best_columns(X, y)])


def split_by_slice(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return slices(rng), Procedure(a_model(rng), grouped=False)


def oversampling(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return cases(rng, n=120, p=40, prevalence=rng.uniform(0.1, 0.3)), Procedure(a_model(rng), oversample_before=True)


def combat_with_outcome(rng: np.random.Generator) -> tuple[Data, Procedure]:
    data = from_sites(rng)
    return data, Procedure(a_model(rng), before=lambda X, y: combat(X, data.sites, y))


def honest_selection(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return cases(rng, p=500), Procedure(a_model(rng), inside=best_columns)


def honest_slices(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return slices(rng), Procedure(a_model(rng))


def honest_lesions(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return lesions(rng), Procedure(a_model(rng))


def honest_oversampling(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return cases(rng, n=120, p=40, prevalence=rng.uniform(0.1, 0.3)), Procedure(a_model(rng), oversample_inside=True)


def honest_combat(rng: np.random.Generator) -> tuple[Data, Procedure]:
    data = from_sites(rng)
    return data, Procedure(a_model(rng), before=lambda X, y: combat(X, data.sites))


def honest_site_as_predictor(rng: np.random.Generator) -> tuple[Data, Procedure]:
    return from_sites(rng, column=True), Procedure(a_model(rng), one_hot_site=True)


def honest_leave_one_out(rng: np.random.Generator) -> tuple[Data, Procedure]:
    model = lambda: make_pipeline(StandardScaler(), RidgeClassifier(alpha=30.0))  # noqa: E731  one line, used once
    return cases(rng, n=36, p=30), Procedure(model, one_out=True)


LEAKY = {f.__name__: f for f in (selection, split_by_slice, oversampling, combat_with_outcome)}
HONEST = {
    f.__name__: f
    for f in (
        *(honest_selection, honest_slices, honest_lesions, honest_oversampling),
        *(honest_combat, honest_site_as_predictor, honest_leave_one_out),
    )
}


def audited(name: str, draw: int, *, n_runs: int) -> tuple[str, list[str], float]:
    """Audit one draw; return its name, the checks of leaks that fail, and the seconds it took."""
    rng = np.random.default_rng([draw, *name.encode()])
    data, procedure = (LEAKY | HONEST)[name](rng)
    procedure.seed, procedure.folds = draw, bool(rng.integers(2))
    start = time.perf_counter()
    with threadpool_limits(limits=1):
        table = hr.audit_pipeline(
            procedure, data.X, data.y, data.groups, sites=data.sites, n_runs=n_runs, random_state=draw
        )
    failed = [code for code in table.index[table["verdict"] == "fail"] if code in LEAK_CHECKS]
    return name, failed, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=[*LEAKY, *HONEST])
    options = parser.parse_args()
    names = options.only or [*LEAKY, *HONEST]
    print(f"{date.today()}, hybridrad {hr.__version__}: {options.draws} draws each, n_runs={options.runs}, seeds 0 ..")
    for name in names:
        results = joblib.Parallel(n_jobs=options.jobs)(
            joblib.delayed(audited)(name, draw, n_runs=options.runs) for draw in range(options.draws)
        )
        caught = sum(bool(failed) for _, failed, _ in results)
        codes = Counter(code for _, failed, _ in results for code in failed)
        seconds = np.mean([s for _, _, s in results])
        word = "caught" if name in LEAKY else "accused"
        listed = ", ".join(f"{code} {n}" for code, n in codes.most_common())
        share = f"{word} {caught:2d}/{options.draws} ({caught / options.draws:.0%})"
        print(f"{name:26s} {share:22s} {seconds:5.1f} s each  {listed}", flush=True)


if __name__ == "__main__":
    main()
