"""How long do tuned models and the default comparison take, against the plain way of scikit-learn?

    python benchmarks/comparison_speed.py [--folds 3] [--arms ridge elastic_net svm forest xgb] [--no-comparison]

The plain way is ``GridSearchCV`` over ``Pipeline(VarianceThreshold, StandardScaler, SelectKBest(100), model)``; the
ridge keeps all columns in both. Both get the same rows, the same inner folds, 20 settings of the same values, one
process and one thread, and take turns, outer fold by outer fold, so that a busy machine slows both. Counted is
everything from the raw columns of an outer fold to the scores of its test cases.

Then the default comparison (5 x 10 outer folds, 5 inner) through `compare_models` on two processes.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

import hybridrad as hr
from hybridrad.cohort import Cohort, cohort_from_frame
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.ridge_path import fit_ridge
from hybridrad.models.settings_path import TunedClassifier
from hybridrad.record import versions
from hybridrad.splits import inner_splits

N_PATIENTS, N_RADIOMICS, N_DEEP, N_SIZE, INNER, SEED = 200, 1100, 512, 5, 5, 0
RIDGE_C = np.geomspace(1e-5, 3.0, 20)
TUNED: dict[str, TunedClassifier] = {
    "elastic_net": hr.TunedElasticNet(),
    "svm": hr.TunedSVM(),
    "forest": hr.TunedForest(),
    "xgb": hr.TunedBoostedTrees(),
}
GOALS = {"ridge": 20, "elastic_net": 20, "svm": 4, "forest": 2, "xgb": 2}
Method = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def made_up() -> tuple[pd.DataFrame, Cohort]:
    """Return features and cohort: correlated blocks with a weak signal, a third of the columns skewed."""
    rng = np.random.default_rng(SEED)
    y = np.arange(N_PATIENTS) % 2

    def block(n_columns: int, rank: int, signal: float) -> np.ndarray:
        hidden = rng.normal(size=(N_PATIENTS, rank))
        hidden[:, :3] += signal * y[:, None]
        columns = hidden @ rng.normal(size=(rank, n_columns)) / np.sqrt(rank)
        columns += 0.5 * rng.normal(size=columns.shape)
        columns[:, ::3] = np.exp(columns[:, ::3])
        return columns

    size = np.exp(rng.normal(size=(N_PATIENTS, N_SIZE)) + 0.4 * y[:, None])
    values = np.hstack([block(N_RADIOMICS, 25, 0.5), block(N_DEEP, 40, 0.4), size])
    names = [f"radiomics__{i:04d}" for i in range(N_RADIOMICS)]
    names += [f"deep__{i:04d}" for i in range(N_DEEP)] + [f"size__{i}" for i in range(N_SIZE)]
    ids = pd.Index([f"p{i:03d}" for i in range(N_PATIENTS)], name="case_id")
    table = pd.DataFrame({"case_id": ids, "patient_id": ids, "label": y})
    return pd.DataFrame(values, columns=names, index=ids), cohort_from_frame(table, images=False)


def plain(name: str) -> Method:
    """Return the plain way: every setting a Pipeline, fitted from scratch in every inner fold."""
    if name == "ridge":
        model, settings = LogisticRegression(max_iter=1000), [{"C": c} for c in RIDGE_C]
        steps = [VarianceThreshold(), StandardScaler()]
    else:
        model, settings = _plain_model(name)
        steps = [VarianceThreshold(), StandardScaler(), SelectKBest(k=100)]
    pipeline = make_pipeline(*steps, model)
    last = pipeline.steps[-1][0]
    grid = [{f"{last}__{k}": [v] for k, v in setting.items()} for setting in settings]
    assert len(grid) == 20

    def run(X_train: np.ndarray, y_train: np.ndarray, X_test: np.ndarray) -> np.ndarray:
        folds = inner_splits(y_train, None, n_folds=INNER, random_state=SEED)
        search = GridSearchCV(pipeline, grid, cv=folds, scoring="roc_auc").fit(X_train, y_train)
        best = search.best_estimator_
        return best.decision_function(X_test) if name in ("svm", "ridge") else best.predict_proba(X_test)[:, 1]

    return run


def _plain_model(name: str) -> tuple[object, list[dict[str, object]]]:
    settings = TUNED[name].settings()
    if name == "elastic_net":
        return LogisticRegression(solver="saga", max_iter=1000, random_state=SEED), settings
    if name == "svm":
        return SVC(), [
            {"kernel": s["kernel"], "C": s["C"]} | ({} if s["kernel"] == "linear" else {"gamma": s["gamma"] / 100})
            for s in settings
        ]
    if name == "forest":
        return RandomForestClassifier(random_state=SEED, n_jobs=1), settings
    fixed = {"subsample": 0.7, "colsample_bytree": 0.5, "min_child_weight": 3.0, "reg_lambda": 5.0, "max_bin": 32}
    return XGBClassifier(tree_method="hist", random_state=SEED, n_jobs=1, **fixed), settings


def ours(name: str) -> Method:
    """Return this library's way."""

    def run(X_train: np.ndarray, y_train: np.ndarray, X_test: np.ndarray) -> np.ndarray:
        if name == "ridge":
            folds = inner_splits(y_train, None, n_folds=INNER, random_state=SEED)
            numbers = np.zeros(X_train.shape[1], dtype=bool)
            patients = np.arange(len(y_train))
            fit = fit_ridge(
                X_train, y_train, patients, n_classes=2, folds=folds,
                preparation=ColumnPreparation(categorical=numbers, log=numbers), penalties=RIDGE_C,
            )  # fmt: skip
            return fit.logits(X_test)
        model = hr.BlockModel({"all": slice(None)}, estimator=TUNED[name], inner=INNER, random_state=SEED)
        return model.fit(X_train, y_train).decision_function(X_test)

    return run


def time_arms(arms: list[str], n_folds: int) -> None:
    X, cohort = made_up()
    values, y = X.to_numpy(), cohort.y.to_numpy()
    splits = hr.NestedCV(outer=5, repeats=2).splits(y, X.index, X.index, SEED)
    test_rows = [
        np.sort(X.index.get_indexer(part.index.get_level_values("case_id")[part["role"] == "test"]))
        for _, part in splits.groupby(level=["repeat", "fold"])
    ]
    print(
        "| arm | plain, s per outer fold | here | ratio (lowest, highest) | goal | AUC plain | AUC here |", flush=True
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    for arm in arms:
        methods = {"plain": plain(arm), "here": ours(arm)}
        seconds: dict[str, list[float]] = {"plain": [], "here": []}
        auc: dict[str, list[float]] = {"plain": [], "here": []}
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            methods["here"](values[:60], y[:60], values[:10])  # first calls load libraries
            for test in test_rows[:n_folds]:
                train = np.setdiff1d(np.arange(len(y)), test)
                for who, method in methods.items():
                    start = time.perf_counter()
                    scores = method(values[train], y[train], values[test])
                    seconds[who].append(time.perf_counter() - start)
                    auc[who].append(float(roc_auc_score(y[test], scores)))
        ratios = np.divide(seconds["plain"], seconds["here"])
        spread = f"{np.median(ratios):.1f} ({ratios.min():.1f}, {ratios.max():.1f})"
        times = f"{np.median(seconds['plain']):.2f} | {np.median(seconds['here']):.3f}"
        print(
            f"| {arm} | {times} | {spread} | {GOALS[arm]} | {np.mean(auc['plain']):.3f} | {np.mean(auc['here']):.3f} |",
            flush=True,
        )


def time_comparison() -> None:
    X, cohort = made_up()
    models = hr.standard_models(X, inner=INNER)
    start = time.perf_counter()
    study = hr.compare_models(models, X, cohort, cv=hr.NestedCV(outer=5, repeats=10, inner=INNER), n_jobs=2)
    seconds = time.perf_counter() - start
    print(f"\nDefault comparison ({', '.join(models)}), 5 x 10 outer folds, 5 inner, two processes: {seconds:.0f} s.")
    print(f"Failures: {len(study.failures)}. AUC of the hedge {study.scores.loc[('hedge', 'roc_auc'), 'value']:.3f}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=3, help="outer folds timed per arm")
    parser.add_argument("--arms", nargs="*", choices=list(GOALS), default=list(GOALS))
    parser.add_argument("--no-comparison", action="store_true")
    given = parser.parse_args()
    print(f"{date.today()}, hybridrad {hr.__version__}, {os.cpu_count()} cores, seed {SEED}; ", end="")
    print(", ".join(f"{k} {v}" for k, v in versions().items()))
    if given.arms:
        time_arms(given.arms, given.folds)
    if not given.no_comparison:
        time_comparison()


if __name__ == "__main__":
    main()
