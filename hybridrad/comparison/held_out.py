"""Paired comparisons without a corrected t: on one test set, and over sites that were each left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from hybridrad.comparison.paired import PairedTest
from hybridrad.evaluation.one_set import NO_VARIANCE, set_difference, set_score
from hybridrad.evaluation.random_effects import half_width
from hybridrad.evaluation.site_scores import moved_off_the_border, summarised

Paired = Callable[[str, str, str], tuple[PairedTest, str]]


def paired_on_test_set(predictions: pd.DataFrame) -> Paired:
    """Return the function that compares two models on one test set.

    Two-class AUC: DeLong, clustered by patient. Other metrics: a jackknife over patients. Both take the fitted models
    as given; training again on other patients is not in the interval.

    Parameters
    ----------
    predictions : DataFrame
        Of cases or patients, one fold and repeat.

    Returns
    -------
    callable
        ``(model, baseline, metric) -> (PairedTest, words)``, as `hybridrad.comparison.paired.paired_test`.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a", "b"], [0], [0], list("uvwxyz")],
    ...                                    names=["model", "repeat", "fold", "case_id"])
    >>> table = pd.DataFrame({"patient_id": list("uvwxyz") * 2, "y_true": [0, 1, 0, 1, 0, 1] * 2}, index=index)
    >>> table["y_score"] = [0.3, 0.4, 0.6, 0.6, 0.2, 0.8, 0.6, 0.5, 0.3, 0.4, 0.2, 0.8]
    >>> test, words = paired_on_test_set(table)("a", "b", "roc_auc")
    >>> round(test.difference, 3), words
    (0.056, "DeLong's test")
    """
    parts = {str(name): part for name, part in predictions.groupby(level="model", sort=False)}

    def paired(model: str, baseline: str, metric: str) -> tuple[PairedTest, str]:
        absent = [name for name in (model, baseline) if name not in parts]
        if absent:
            return _no_test(np.nan), f"not compared: {', '.join(absent)} has no predictions"
        found = set_difference(parts[model], parts[baseline], metric)
        if np.isnan(found.difference):
            return _no_test(np.nan), "not compared: the metric is not defined here"
        if not found.variance > NO_VARIANCE:
            return _no_test(found.difference), "no test, the two models rank all cases alike"
        return _tested(found.difference, float(np.sqrt(found.variance)), found.df), found.method

    return paired


def paired_over_sites(predictions: pd.DataFrame, sites: Mapping[int, str]) -> Paired:
    """Return the function that compares two models over sites: random effects of the differences at each site.

    Differences are summarised on the scale of the metric. A site where the two models rank all cases alike gives a
    difference of zero and no variance; the variance of one of them stands in, so that the site counts little.

    Parameters
    ----------
    predictions : DataFrame
        Of cases or patients; ``fold`` is the site that was tested.
    sites : mapping of fold to name

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> keys = [(m, 0, i // 20, f"c{i}") for m in "ab" for i in range(60)]
    >>> index = pd.MultiIndex.from_tuples(keys, names=["model", "repeat", "fold", "case_id"])
    >>> table = pd.DataFrame({"patient_id": index.get_level_values("case_id"), "y_true": [0, 1] * 60}, index=index)
    >>> table["y_score"] = rng.uniform(0.1, 0.6, 120) + 0.2 * table["y_true"]
    >>> test, words = paired_over_sites(table, {0: "A", 1: "B", 2: "C"})("a", "b", "roc_auc")
    >>> test.df, words.startswith("random effects over 3 sites")
    (2, True)
    """
    parts = {(str(m), f): part for (m, f), part in predictions.groupby(level=["model", "fold"], sort=False)}

    def paired(model: str, baseline: str, metric: str) -> tuple[PairedTest, str]:
        for name in (model, baseline):
            missing = sum((name, fold) not in parts for fold in sites)
            if missing:
                return _no_test(np.nan), f"not compared: {name} has no predictions at {missing} of {len(sites)} sites"
        values, variances = [], []
        for fold in sites:
            a, b = parts[model, fold], parts[baseline, fold]
            found = set_difference(a, b, metric)
            variance = found.variance
            if not variance > NO_VARIANCE:
                # The difference may well not be zero in other patients of the site.
                variance = moved_off_the_border(set_score(b, metric), b, metric)[1]
            values.append(found.difference)
            variances.append(variance)
        if np.ptp(values) < NO_VARIANCE and abs(values[0]) < NO_VARIANCE:
            return _no_test(values[0]), "no test, the difference is the same at all sites"
        s = summarised(values, variances)
        if np.isnan(s.low):
            return _no_test(s.value), s.method.replace("not scored", "not compared")
        spread = "" if np.isnan(s.tau) else f"; tau {s.tau:.3f}"
        return _tested(s.value, s.se, s.df, se_normal=s.se_normal), f"{s.method}{spread}"

    return paired


def _tested(difference: float, se: float, df: float, *, se_normal: float = 0.0) -> PairedTest:
    wide, one_sided = (half_width(se, df, se_normal, level=level) for level in (0.95, 0.90))
    t = difference / se if se > 0 else float(np.sign(difference) * np.inf)
    # The wider interval goes with the larger p-value.
    p_value = 2.0 * stats.t.sf(abs(t), df)
    if se_normal > 0:
        p_value = max(p_value, 2.0 * stats.norm.sf(abs(difference) / se_normal))
    return PairedTest(
        difference=difference,
        low=difference - wide,
        high=difference + wide,
        p_value=float(p_value),
        t=t,
        df=df,
        low_90=difference - one_sided,
        high_90=difference + one_sided,
        upper_one_sided=difference + one_sided,
    )


def _no_test(difference: float) -> PairedTest:
    nan = float("nan")
    return PairedTest(difference, nan, nan, nan, nan, nan, nan, nan, nan)
