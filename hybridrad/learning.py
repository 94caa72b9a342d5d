"""learning_curves(): how every arm gains with the number of patients, and where one overtakes another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hybridrad.cohort import Cohort
from hybridrad.study_cases import cases_used
from hybridrad.study_outcome import TaskChoice, outcome_of, task_asked


@dataclass(frozen=True)
class LearningCurves:
    """The tables of learning curves.

    Attributes
    ----------
    points : DataFrame
        Index ``model, n_patients``; columns ``value, low, high, sd_draws, n_draws, n_test_patients, method``: the mean
        over draws of the primary metric (AUC; R2 of values; concordance of survival) with its bootstrap interval, and
        the deviation between draws.
    fits : DataFrame
        Index ``model``; columns ``a, b, c, r2`` of score(n) = a - b n^-c, ``flat_from, flat_low, flat_high``: patients
        from which 50 more bring less than 0.005, and ``text``.
    crossings : DataFrame
        Index ``model, other``; columns ``n_patients, low, high, share, text``.
    predictions, splits : DataFrame
        ``repeat`` is the draw, ``fold`` the position of the size.
    failures : DataFrame
        Arms that failed, with draw and size.
    settings : dict
    """

    points: pd.DataFrame
    fits: pd.DataFrame
    crossings: pd.DataFrame
    predictions: pd.DataFrame = field(repr=False)
    splits: pd.DataFrame = field(repr=False)
    failures: pd.DataFrame = field(repr=False)
    settings: dict[str, Any] = field(repr=False)

    def differences(self, baseline: str) -> pd.DataFrame:
        """Return what every other arm gains over one of them at every size.

        Parameters
        ----------
        baseline : str
            An arm.

        Returns
        -------
        DataFrame
            Index ``model, n_patients``; columns ``difference, low, high``: mean score over draws minus that of the
            baseline, with the interval of the bootstrap behind ``points``, whose replicates all arms share. NaN where
            an arm failed in some draw.

        Raises
        ------
        ValueError
            The curves have no such arm.
        """
        from hybridrad._checks import check_choice
        from hybridrad.evaluation.curve_bootstrap import curve_replicates

        sizes = self.settings["sizes"]
        names = list(self.points.index.unique("model"))
        check_choice(baseline, names, name="baseline")
        replicates = curve_replicates(
            self.predictions,
            n_sizes=len(sizes),
            metric=self.settings.get("metric", "roc_auc"),
            n_replicates=self.settings["n_bootstrap"],
            random_state=self.settings["random_state"],
        )
        missing = np.full((1 + self.settings["n_bootstrap"], len(sizes)), np.nan)
        rows = []
        for name in names:
            gain = replicates.get(name, missing) - replicates.get(baseline, missing)
            for n, (here, *others) in zip(sizes, gain.T, strict=True):
                low, high = (np.nan, np.nan) if np.isnan(here) else np.nanquantile(others, [0.025, 0.975])
                if name != baseline:
                    rows.append((name, n, here, low, high))
        columns = ["model", "n_patients", "difference", "low", "high"]
        return pd.DataFrame(rows, columns=columns).set_index(["model", "n_patients"])


def learning_curves(
    models: Mapping[str, Any],
    features: pd.DataFrame,
    cohort: Cohort,
    *,
    task: TaskChoice = "auto",
    sizes: Sequence[int] | None = None,
    draws: int = 20,
    test_share: float = 0.3,
    inner: int = 4,
    n_bootstrap: int = 500,
    n_jobs: int = 1,
    random_state: int = 0,
    announce: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    store: Path | str | None = None,
) -> LearningCurves:
    """Refit every arm on growing sets of patients and test it on patients never used.

    Everything that learns is refitted at every size: transforms, selection, tuning in inner folds, fusion weights.
    Within a draw the training sets are nested and the test patients the same, so steps and arms are paired.

    Parameters
    ----------
    models : dict of name -> estimator
    features : DataFrame of shape (n_cases, n_features), index ``case_id``
    cohort : Cohort
    task : {"auto", "classification", "regression", "survival"}
        What the outcome is, as for `hybridrad.compare_models`.
    sizes : sequence of int, optional
        Training patients; default five sizes in equal ratios. A curve is fitted to four or more.
    draws : int, default 20
    test_share : float, default 0.3
        Share of the patients that is tested on in each draw.
    inner : int, default 4
        Inner folds, by patient.
    n_bootstrap : int, default 500
        Replicates, over draws and tested patients.
    n_jobs : int, default 1
        Processes over draws and sizes.
    random_state : int, default 0
    announce : callable, optional
        Gets one sentence for each arm that trains a network, before the first fit: how long that will take. A network
        is trained again at every size of every draw, once for its own arm and all fusions that it is a member of.
    progress : callable, optional
        Gets (done, total).
    store : Path, optional
        Folder in which every finished draw and size is kept (``folds.sqlite``): the same call goes on there after an
        interruption. The file can be deleted at any time.

    Returns
    -------
    LearningCurves

    Raises
    ------
    RunError
        Too few patients for the sizes asked for.

    References
    ----------
    Figueroa et al. (2012), doi:10.1186/1472-6947-12-8.

    Examples
    --------
    >>> import hybridrad as hr
    >>> from hybridrad.cohort import cohort_from_frame
    >>> rng = np.random.default_rng(0)
    >>> ids, y = [f"c{i:02d}" for i in range(60)], np.arange(60) % 2
    >>> cohort = cohort_from_frame(pd.DataFrame({"case_id": ids, "label": y}), images=False)
    >>> features = pd.DataFrame({"size__volume_ml": rng.normal(size=60) + y, "radiomics__a": rng.normal(size=60)})
    >>> features.index = pd.Index(ids, name="case_id")
    >>> models = {"size": hr.BlockModel("size"), "radiomics": hr.BlockModel("radiomics")}
    >>> curves = learning_curves(models, features, cohort, sizes=[14, 40], draws=2, inner=2, n_bootstrap=20)
    >>> curves.points.loc["size"].index.tolist(), curves.crossings["text"].tolist()
    ([14, 40], ['not identified: fewer than four sizes'])
    """
    from hybridrad.evaluation.curve_bootstrap import curve_replicates, scores_of_draws
    from hybridrad.evaluation.nested import evaluate
    from hybridrad.evaluation.nested_subsets import nested_subsets
    from hybridrad.models.finetuned.timing import training_announcements
    from hybridrad.models.memo import shared_fits
    from hybridrad.splits import splits_hash

    if not models:
        raise ValueError("models is empty; give at least one arm.")
    chosen = task_asked(task, cohort)
    used, X = cases_used(features, cohort)
    outcome, groups = outcome_of(used, chosen), used.patient_id.to_numpy()
    metric = outcome.primary_metric
    splits = nested_subsets(
        outcome.y, groups, case_id=X.index, sizes=sizes, draws=draws, test_share=test_share, random_state=random_state
    )
    if announce is not None:
        for sentence in training_announcements(models, X, outcome.y, groups, splits, inner=inner):
            announce(sentence.replace(" folds ", " draws and sizes "))
    result = evaluate(
        dict(models),
        X,
        outcome.y,
        groups,
        splits,
        inner=inner,
        n_jobs=n_jobs,
        random_state=random_state,
        threshold=None,
        fold_context=shared_fits,
        progress=progress,
        store=None if store is None else Path(store),
    )
    n = splits.attrs["sizes"]
    replicates = curve_replicates(
        result.predictions, n_sizes=len(n), metric=metric, n_replicates=n_bootstrap, random_state=random_state
    )
    return LearningCurves(
        points=_points(n, replicates, scores_of_draws(result.predictions, metric=metric), result.predictions, models),
        fits=_fits(n, replicates, models),
        crossings=_crossings(n, replicates, models),
        predictions=result.predictions,
        splits=splits,
        failures=result.failures,
        settings={
            "task": chosen,
            "metric": metric,
            "sizes": n,
            "draws": draws,
            "test_share": test_share,
            "inner": inner,
            "n_bootstrap": n_bootstrap,
            "random_state": random_state,
            "splits_sha256": splits_hash(splits),
        },
    )


def _points(
    sizes: list[int],
    replicates: Mapping[str, np.ndarray],
    of_draws: pd.Series,
    predictions: pd.DataFrame,
    models: Mapping[str, Any],
) -> pd.DataFrame:
    tested = predictions.groupby(level="repeat")["patient_id"].nunique()
    n_draws = len(tested)
    rows = []
    for name in models:
        curve = replicates.get(name)
        for position, n in enumerate(sizes):
            if curve is None or np.isnan(curve[0, position]):
                method = "not scored: the arm failed in some draws"
                rows.append((name, n, np.nan, np.nan, np.nan, np.nan, n_draws, int(tested.median()), method))
                continue
            low, high = np.nanquantile(curve[1:, position], [0.025, 0.975])
            of_size = of_draws.loc[name].xs(position, level="fold")
            method = f"mean of {n_draws} draws; bootstrap over draws and tested patients"
            rows.append(
                (name, n, curve[0, position], low, high, of_size.std(ddof=1), n_draws, int(tested.median()), method)
            )
    columns = ["value", "low", "high", "sd_draws", "n_draws", "n_test_patients", "method"]
    return pd.DataFrame(rows, columns=["model", "n_patients", *columns]).set_index(["model", "n_patients"])


def _fits(sizes: list[int], replicates: Mapping[str, np.ndarray], models: Mapping[str, Any]) -> pd.DataFrame:
    from hybridrad.evaluation.learning_fit import LEAST_R2, fit_curve, flat_from

    rows = {}
    nan = float("nan")
    for name in models:
        curve = fit_curve(sizes, replicates[name][0]) if name in replicates else None
        if curve is None or not curve.accepted:
            r2 = nan if curve is None else curve.r2
            text = f"no curve: fewer than four sizes, or R2 below {LEAST_R2}"
            rows[name] = (nan, nan, nan, r2, nan, nan, nan, text)
            continue
        here, *others = flat_from(sizes, replicates[name])
        flat = np.array(others)
        # Where more than 2.5 % of the replicates are not flat within the sizes, there is no upper limit.
        known = flat[np.isfinite(flat)]
        limits = (nan, nan)
        if np.isfinite(here) and len(known) >= 0.975 * len(flat):
            limits = (float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975)))
        text = "still rising at the largest size" if np.isnan(here) else "flat from here on: 50 more bring under 0.005"
        rows[name] = (*curve, float(here), *limits, text)
    columns = ["a", "b", "c", "r2", "flat_from", "flat_low", "flat_high", "text"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("model")


def _crossings(sizes: list[int], replicates: Mapping[str, np.ndarray], models: Mapping[str, Any]) -> pd.DataFrame:
    from hybridrad.evaluation.learning_fit import Crossing, crossing

    names, rows = list(models), {}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if first in replicates and second in replicates:
                rows[first, second] = crossing(sizes, replicates[first], replicates[second])
            else:
                nan = float("nan")
                rows[first, second] = Crossing(nan, nan, nan, nan, "not identified: an arm failed")
    index = pd.MultiIndex.from_tuples(list(rows), names=["model", "other"]) if rows else None
    if index is None:
        index = pd.MultiIndex.from_arrays([[], []], names=["model", "other"])
    return pd.DataFrame(list(rows.values()), columns=list(Crossing._fields), index=index)
