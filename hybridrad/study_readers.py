"""compare_readers(): the arms of a finished study against readings of the same cases, from stored predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError
from hybridrad.study import Comparison
from hybridrad.study_steps import scores_by_design
from hybridrad.study_tables import study_mark

READER_COLUMNS = [
    "model_value",
    "reader_value",
    "difference",
    "low",
    "high",
    "p_value",
    "only_model",
    "only_reader",
    "n_patients",
    "n_cases",
    "method",
]


@dataclass(frozen=True)
class Readings:
    """Which column holds the readings, from which grade on a reading is a positive call, and their order.

    ``order`` is from the least to the most suspicious; numbers need none.
    """

    column: str
    threshold: str | None = None
    order: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> Readings:
        """Read ``COLUMN[:THRESHOLD[:LOWEST,...,HIGHEST]]``.

        Examples
        --------
        >>> Readings.parse("birads:4")
        Readings(column='birads', threshold='4', order=None)
        >>> Readings.parse("birads:4A:2,3,4A,4B,5").order
        ('2', '3', '4A', '4B', '5')
        """
        column, *rest = [part.strip() for part in text.split(":")]
        if not column or len(rest) > 2:
            raise ValueError(f"{text!r} is not COLUMN, COLUMN:THRESHOLD or COLUMN:THRESHOLD:LOWEST,...,HIGHEST.")
        order = tuple(part.strip() for part in rest[1].split(",")) if len(rest) == 2 else None
        return cls(column, rest[0] or None if rest else None, order)


@dataclass(frozen=True)
class ReaderStudy:
    """The tables of a comparison with readers.

    Attributes
    ----------
    comparisons : DataFrame
        Index ``reader, model, metric``; ``roc_auc`` and, with a threshold, ``sensitivity`` and ``specificity``: values
        of model and reader, their difference with interval and p-value, and the cases only one of them called right.
    points : DataFrame
        Index ``reader, model, grade``: model and reader at each operating point of the reader.
    settings : dict
        Columns, thresholds, orders, and which study it belongs to.
    """

    comparisons: pd.DataFrame
    points: pd.DataFrame = field(repr=False)
    settings: dict[str, Any] = field(repr=False)


def compare_readers(
    study: Comparison,
    table: pd.DataFrame,
    readers: Sequence[Readings],
    *,
    n_draws: int = 1000,
    random_state: int = 0,
) -> ReaderStudy:
    """Compare every arm of a study with readings of the same cases.

    The areas under the curve are compared by the paired test of the design, over all folds and repeats. With a
    threshold, the calls of reader and model are compared on the first repeat, where each case has one call: the model's
    by its threshold from the inner folds, chosen for a sensitivity and not to match the reader's. McNemar's test is
    clustered by patient where patients have several cases. At the operating points of the reader the default fused
    model and the baseline are read off their curves, pooled over the folds of the first repeat. All is exploratory.

    Parameters
    ----------
    study : Comparison
        Of two classes. Cases are compared, also where the study scores patients.
    table : DataFrame, index ``case_id``
        The cohort table, with the columns of the readings.
    readers : sequence of Readings
    n_draws : int, default 1000
        Bootstrap draws of patients, for differences in sensitivity and specificity.
    random_state : int, default 0

    Returns
    -------
    ReaderStudy

    Raises
    ------
    RunError
        A column is not there, a predicted case has no reading, or readings cannot be ordered.

    References
    ----------
    McNemar (1947), doi:10.1007/BF02295996. Yang, Sun & Hardin (2010), Biom J 52:638.

    Examples
    --------
    >>> import hybridrad as hr
    >>> from hybridrad.cohort import cohort_from_frame
    >>> rng, ids, y = np.random.default_rng(0), [f"c{i:02d}" for i in range(48)], np.arange(48) % 2
    >>> frame = pd.DataFrame({"case_id": ids, "label": y, "birads": 2 + y + rng.integers(0, 2, 48)})
    >>> cohort = cohort_from_frame(frame, images=False)
    >>> features = pd.DataFrame({"size__volume_ml": rng.normal(size=48) + y}, pd.Index(ids, name="case_id"))
    >>> cv = hr.NestedCV(outer=3, repeats=1, inner=3)
    >>> study = hr.compare_models({"size": hr.BlockModel("size")}, features, cohort, cv=cv)
    >>> result = compare_readers(study, cohort.table, [Readings("birads", "3")], n_draws=50)
    >>> result.comparisons.loc[("birads", "size")].index.tolist()
    ['roc_auc', 'sensitivity', 'specificity']
    """
    if len(study.settings.get("classes") or []) != 2:
        raise RunError("readings are compared with two-class predictions; this study has other outcomes.")
    parts = [_of_reader(study, table, reader, n_draws, random_state) for reader in readers]
    names = [reader.column for reader in readers]
    return ReaderStudy(
        comparisons=pd.concat({n: c for n, (c, _) in zip(names, parts, strict=True)}, names=["reader"]),
        points=pd.concat({n: p for n, (_, p) in zip(names, parts, strict=True)}, names=["reader"]),
        settings={
            "readers": [{"column": r.column, "threshold": r.threshold, "order": r.order} for r in readers],
            "n_draws": n_draws,
            "random_state": random_state,
            "study": study_mark(study.settings),
        },
    )


def _of_reader(
    study: Comparison, table: pd.DataFrame, reader: Readings, n_draws: int, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from hybridrad.comparison.readers import at_reader_points, graded

    if reader.column not in table.columns:
        hint = did_you_mean(reader.column, map(str, table.columns))
        raise RunError(f"the cohort table has no column {reader.column!r}.{hint}")
    cases = study.predictions.index.unique("case_id")
    absent = cases.difference(table.index)
    if len(absent):
        raise RunError(f"{len(absent)} predicted cases are not in the cohort table, first {absent[0]!r}.")
    readings = table.loc[cases, reader.column]
    grades = graded(readings, reader.order)
    areas = _areas(study, grades)
    first = study.predictions[study.predictions.index.get_level_values("repeat") == 0].droplevel(["repeat", "fold"])
    cut = None if reader.threshold is None else _cut(readings, grades, reader)
    rows = []
    for model in areas.index.unique("model"):
        rows.append(areas.loc[[model]])
        if cut is not None and model in first.index.unique("model"):
            rows.append(_calls(first.loc[model], grades >= cut, model, n_draws, random_state))
    shown = [n for n, arm in study.settings["arms"].items() if arm.get("is_default_fused")]
    shown += [n for n in [study.settings.get("baseline")] if n not in shown]
    points = {}
    for model in [n for n in shown if n in first.index.unique("model")]:
        part = first.loc[model]
        points[model] = at_reader_points(
            part["y_true"],
            part["y_score"],
            grades[part.index],
            part["patient_id"],
            n_draws=n_draws,
            random_state=random_state,
        )
        points[model].index = [_reading_of(readings, grades, grade) for grade in points[model].index]
    return pd.concat(rows), pd.concat(points, names=["model", "grade"])


def _areas(study: Comparison, grades: pd.Series) -> pd.DataFrame:
    """Return the comparison of the areas: index ``model, metric``."""
    from hybridrad.comparison.readers import reader_comparison, reader_predictions
    from hybridrad.evaluation.metrics import fold_scores

    name, splits = "(reader)", study.splits
    found = reader_comparison(study.predictions, splits, grades, name=name)
    both = reader_predictions(study.predictions, grades, name=name)
    scores, _ = scores_by_design(fold_scores(both, splits, metrics=["roc_auc"]), both, splits)
    reader = scores.loc[(name, "roc_auc"), "value"]
    rows = {}
    for model in study.predictions.index.unique("model"):
        test = found.loc[[(str(model), name, "roc_auc")]].iloc[0]
        score = scores.loc[[(str(model), "roc_auc")]].iloc[0]
        limits = (test["difference"], test["low"], test["high"], test["p_value"])
        people = (score["n_patients"], score["n_cases"])
        rows[model, "roc_auc"] = (score["value"], reader, *limits, np.nan, np.nan, *people, test["method"])
    return _table(rows)


def _calls(part: pd.DataFrame, called: pd.Series, model: str, n_draws: int, random_state: int) -> pd.DataFrame:
    """Return the comparison of the calls of one repeat: sensitivity on positive, specificity on negative cases."""
    from hybridrad.evaluation.mcnemar import mcnemar
    from hybridrad.evaluation.patient_bootstrap import bootstrap_interval

    part = part[part["threshold"].notna()]
    rows = {}
    for metric, positive in (("sensitivity", True), ("specificity", False)):
        of_class = part[(part["y_true"] == 1) == positive]
        nan = (np.nan,) * 7
        people = (of_class["patient_id"].nunique(), len(of_class))
        if of_class.empty:
            rows[model, metric] = (np.nan, *nan, *people, "not compared: the model has no threshold")
            continue
        right = ((of_class["y_score"] >= of_class["threshold"]) == positive).to_numpy()
        reader_right = (called[of_class.index] == positive).to_numpy()
        groups = of_class["patient_id"].to_numpy()
        clustered = len(np.unique(groups)) < len(groups)
        test = mcnemar(right, reader_right, groups=groups if clustered else None)
        surplus = right.astype(float) - reader_right
        limits = bootstrap_interval(
            lambda rows, d=surplus: float(d[rows].mean()),  # type: ignore[misc]
            groups,
            method="percentile",
            n_draws=n_draws,
            random_state=random_state,
        )
        exact = "McNemar, clustered by patient" if clustered else "exact McNemar"
        method = f"exploratory: {exact}, first repeat; interval: bootstrap of patients, seed {random_state}"
        rows[model, metric] = (
            float(right.mean()),
            float(reader_right.mean()),
            limits.value,
            limits.low,
            limits.high,
            test.p_value if clustered else test.p_exact,
            test.only_a,
            test.only_b,
            *people,
            method,
        )
    return _table(rows)


def _table(rows: dict[tuple[str, str], tuple[Any, ...]]) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(list(rows), names=["model", "metric"])
    return pd.DataFrame(list(rows.values()), index=index, columns=READER_COLUMNS)


def _cut(readings: pd.Series, grades: pd.Series, reader: Readings) -> int:
    """Return the lowest grade that is a positive call."""
    if reader.order is not None:
        if reader.threshold not in reader.order:
            raise RunError(f"the threshold {reader.threshold!r} is not among the readings {list(reader.order)}.")
        return reader.order.index(str(reader.threshold))
    try:
        threshold = float(str(reader.threshold))
    except ValueError as err:
        raise RunError(
            f"the threshold {reader.threshold!r} is no number, as the readings are.",
            hint="Give the order of readings in words: COLUMN:THRESHOLD:LOWEST,...,HIGHEST.",
        ) from err
    reached = grades[pd.to_numeric(readings) >= threshold]
    if reached.empty or len(reached) == len(grades):
        raise RunError(f"with threshold {reader.threshold} the reader calls all cases alike.")
    return int(reached.min())


def _reading_of(readings: pd.Series, grades: pd.Series, grade: int) -> str:
    return str(readings[grades == grade].iloc[0])
