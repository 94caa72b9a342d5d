"""Draws of training patients: fit arms on them, score them on other patients, keep every number in one CSV.

Used by simulation.py. A draw is done once: what stands in the CSV is read, not computed again, and further arms are
added to the draws that lack them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from resumable import add_rows, read_rows
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

import hybridrad as hr
from hybridrad.datasets import oracle_auc
from hybridrad.models.memo import shared_fits

KEY = ["data", "variant", "n", "seed"]
COLUMNS = [*KEY, "arm", "auc", "log_loss", "seconds", "n_test", "oracle_auc"]
SINGLES = ("size", "clinical", "radiomics", "deep")
N_TEST = 3000


@dataclass(frozen=True)
class Draw:
    """One training sample. ``data``: a scenario, or the path of a feature table; ``variant``: see the readers below."""

    data: str
    variant: str
    n: int
    seed: int
    cohort: str = ""


@dataclass(frozen=True)
class Sample:
    """Training and test part of a draw."""

    X: pd.DataFrame
    y: np.ndarray
    patient: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray
    oracle: float


def simulated(draw: Draw) -> Sample:
    """Another truth for every seed (``population``); variants ``3 cases per patient`` and ``prevalence 0.2``."""
    options: dict[str, Any] = {"scenario": draw.data, "population": draw.seed}
    cases = 3 if draw.variant == "3 cases per patient" else 1
    options |= {"cases_per_patient": cases, "prevalence": 0.2 if draw.variant == "prevalence 0.2" else 0.5}
    X, cohort = hr.make_table(draw.n, random_state=draw.seed, **options)
    X_test, test = hr.make_table(N_TEST // cases, random_state=1_000_000 + draw.seed, **options)
    return Sample(
        X.join(cohort.clinical_table()),
        cohort.y.to_numpy(),
        cohort.patient_id.to_numpy(),
        X_test.join(test.clinical_table()),
        test.y.to_numpy(),
        oracle_auc(test),
    )


@lru_cache(maxsize=2)
def _real(features: str, cohort: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    X = pd.read_parquet(features)
    rows = hr.read_cohort(cohort).subset(X.index)
    return X, rows.y.to_numpy(), rows.patient_id.to_numpy()


def real(draw: Draw) -> Sample:
    """Patients drawn without replacement, tested on all others; variant ``first order``: a weaker radiomics block."""
    X, y, patient = _real(draw.data, draw.cohort)
    if draw.variant == "first order":
        radiomics = X.columns[X.columns.str.startswith("radiomics__")]
        first_order = radiomics[radiomics.str.contains("_firstorder_") & ~radiomics.str.endswith("Energy")]
        X = X.drop(columns=radiomics.difference(first_order))
    ids = pd.unique(patient)
    if draw.n >= len(ids):
        raise SystemExit(f"{draw.data}: {draw.n} training patients wanted, there are {len(ids)}.")
    train = np.isin(patient, np.random.default_rng([draw.n, draw.seed]).permutation(ids)[: draw.n])
    return Sample(X[train], y[train], patient[train], X[~train], y[~train], np.nan)


class MeanOfRawLogits:
    """The mean of logits without any calibration of its members: what overconfidence does when nobody looks."""

    def __init__(self, members: dict[str, Any]) -> None:
        self.members = members

    def fit(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> MeanOfRawLogits:
        for block, member in self.members.items():
            member.fit(X.filter(regex=f"^{block}__"), y)
        return self

    def decision_function(self, X: pd.DataFrame) -> np.ndarray:
        p = [m.predict_proba(X.filter(regex=f"^{block}__"))[:, 1] for block, m in self.members.items()]
        p = np.clip(p, 1e-4, 1 - 1e-4)
        return np.mean(np.log(p / (1 - p)), axis=0)


def overfitted() -> DecisionTreeClassifier:
    """A tree grown until every training case is right: all its probabilities are 0 or 1."""
    return DecisionTreeClassifier(random_state=0)


def arms_of(draw: Draw, X: pd.DataFrame, names: Iterable[str]) -> dict[str, Any]:
    """Return the arms wanted that this table can have.

    ``late_all``: mean of the logits of the block models of ``hedge``, size included. ``late_raw``: the same without
    calibration, where a member overfits. ``hedge_first``: the first version of the hedge, block models alone and
    weights drawn four times as strongly towards equal.
    """
    names = list(names)
    known = hr.standard_models(X)
    arms = {}
    for name in names:
        if name in SINGLES and name not in known:
            continue  # no such block in this table
        if name == "late_all":
            arms[name] = hr.LateFusion(list(known["hedge"].blocks))
        elif name == "hedge_first":
            blocks = list(known["hedge"].blocks)
            arms[name] = hr.HedgedFusion(blocks, joint=False, shrinkage=2.0 / np.sqrt(draw.n), n_bootstrap=0)
        elif name == "late_raw":
            if draw.data == "overconfident":
                members = {b: hr.BlockModel(b) for b in known["hedge"].blocks}
                arms[name] = MeanOfRawLogits(members | {"deep": overfitted()})
        elif name != "hedge_clinical" or name in known:
            arms |= hr.standard_models(X, names=[name])
    for name, arm in arms.items():
        options = {} if name in ("late_raw",) else arm.get_params(deep=False)
        if "n_bootstrap" in options:
            arm.set_params(n_bootstrap=0)
        if draw.data == "overconfident" and name == "deep":
            arm.set_params(estimator=overfitted())
        elif draw.data == "overconfident" and "estimators" in options:
            arm.set_params(estimators={**(options["estimators"] or {}), "deep": overfitted()})
    return arms


def read_by(arm: Any, X: pd.DataFrame) -> pd.Index:
    """Return the columns to give to an arm: the clinical ones only if it reads them, for text makes all arms slow."""
    named = [getattr(arm, "block", None), *(getattr(arm, "blocks", None) or [])]
    return X.columns if "clinical" in named else X.columns[~X.columns.str.startswith("clinical__")]


def run(draw: Draw, names: list[str], missing: float = 0.0) -> list[dict[str, Any]]:
    """Fit and score the arms of one draw: a row each.

    Seconds are those of an arm when what it shares with the arms before it is already there. With ``missing``, rows for
    ``late`` and ``hedge`` are added: that share of the test cases has no deep block, and the models answer without it
    or read training medians in its place.
    """
    s = simulated(draw) if not draw.cohort else real(draw)
    rows = []

    def scored(name: str, arm: Any, X_test: pd.DataFrame, seconds: float) -> None:
        logit = arm.decision_function(X_test)
        auc, loss = roc_auc_score(s.y_test, logit), log_loss(s.y_test, np.clip(expit(logit), 1e-15, 1 - 1e-15))
        row = {k: v for k, v in asdict(draw).items() if k in KEY} | {"arm": name, "auc": auc, "log_loss": loss}
        rows.append(row | {"seconds": seconds, "n_test": len(s.y_test), "oracle_auc": s.oracle})

    with shared_fits():
        for name, arm in arms_of(draw, s.X, names).items():
            columns = read_by(arm, s.X)
            start = time.perf_counter()
            arm.fit(s.X[columns], s.y, groups=s.patient)
            scored(name, arm, s.X_test[columns], time.perf_counter() - start)
            if missing and name in ("late", "hedge"):
                gone = np.random.default_rng(len(s.y_test)).random(len(s.y_test)) < missing
                deep = s.X.columns[s.X.columns.str.startswith("deep__")]
                for rule, value in (("without", np.nan), ("medians", s.X[deep].median().to_numpy())):
                    holes = s.X_test[columns].copy()
                    holes.loc[gone, deep] = value
                    scored(f"{name}, deep missing, {rule}", arm, holes, np.nan)
    return rows


def run_all(draws: list[Draw], names: list[str], out: Path, *, n_jobs: int, missing: float = 0.0) -> pd.DataFrame:
    """Run what is not yet in ``out``, draw by draw in ``n_jobs`` processes of one thread; return all of it."""
    known = read(out)
    have = {key: set(part["arm"]) for key, part in known.groupby(KEY)} if len(known) else {}
    todo = []
    for draw in draws:
        done = have.get((draw.data, draw.variant, draw.n, draw.seed), set())
        # An arm that a table cannot have is not in the file; without any new name there is nothing to do.
        wanted = [name for name in names if name not in done]
        if not done or set(wanted) - _impossible(draw):
            todo.append((draw, wanted))
    print(f"{len(draws)} draws, {len(draws) - len(todo)} of them in {out}", flush=True)
    add_rows(out, COLUMNS, run, [(draw, wanted, missing) for draw, wanted in todo], n_jobs)
    return of_draws(read(out), draws)


def read(out: Path) -> pd.DataFrame:
    """Return the rows of the file."""
    return read_rows(out, COLUMNS, text=["data", "variant"])


def of_draws(rows: pd.DataFrame, draws: list[Draw]) -> pd.DataFrame:
    """Return the rows of these draws."""
    wanted = {(d.data, d.variant, d.n, d.seed) for d in draws}
    return rows[[tuple(key) in wanted for key in rows[KEY].itertuples(index=False)]]


def _impossible(draw: Draw) -> set[str]:
    """Return arms that this draw's table cannot have, so that their absence is no reason to run it again."""
    without = set() if draw.data == "overconfident" else {"late_raw"}
    return without | ({"clinical", "hedge_clinical"} if draw.cohort else set())
