"""Regret: what a fused model loses against the single blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from hybridrad._checks import REGRET_COLUMNS, check_choice
from hybridrad.comparison.paired import PairedTest, corrected_paired_test, paired_test
from hybridrad.evaluation.intervals import design_of
from hybridrad.evaluation.metrics import METRICS

Paired = Callable[[str, str, str], tuple[PairedTest, str]]
# Stands for the arm that the inner folds picked, fold by fold, where predictions are compared.
SELECTED = "(selected)"
BIASED = "biased upwards: the best block was chosen afterwards"


def regret_table(
    fold_scores: pd.DataFrame,
    *,
    fused: Sequence[str],
    singles: Sequence[str],
    selected: pd.Series | None = None,
    unselected: str = "",
    metric: str = "roc_auc",
    paired: Paired | None = None,
) -> pd.DataFrame:
    """Return the regret of each fused model; positive is a loss.

    Reference ``best_in_hindsight``: the maximum over the single arms b of mean(AUC_b) - mean(AUC_fused), taken once
    over study-level means and never inside a fold or repeat, where noise would pick a winner each time. The interval is
    [max L_b, max U_b] of the paired 95 % intervals, and ``upper_one_sided`` the largest one-sided 95 % limit, so
    "regret at most delta" may be said where it is at most delta. Reference ``selected``: per fold the block that its
    inner folds would have picked, minus the fused model; an ordinary paired difference without that bias.

    Parameters
    ----------
    fold_scores : DataFrame
        From `hybridrad.evaluation.metrics.fold_scores`.
    fused : sequence of str
        Fused models.
    singles : sequence of str
        Single arms; with one that has no value in some fold the regret is not computed, for the maximum over the others
        would be too small.
    selected : Series, optional
        Index ``repeat, fold``: name of the single arm with the least inner out-of-fold loss there.
    unselected : str, optional
        Why ``selected`` cannot be had; the rows of that reference are then kept, empty, with this note.
    metric : str
        One with a better direction. Where lower is better, differences are turned, so that positive stays a loss.
    paired : callable, optional
        ``(model, baseline, metric) -> (PairedTest, words)``, for designs without a corrected t; default: `paired_test`
        of the fold scores. It must know the arm `SELECTED` if ``selected`` is given.

    Returns
    -------
    DataFrame
        Index ``model, reference, metric``; columns ``regret, low, high, upper_one_sided, note, method``.

    Raises
    ------
    ValueError
        No single arm, an arm or fold that was not scored, or a pick that is none of the single arms.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["hedge", "deep"], ["roc_auc"], [0], range(3)],
    ...                                    names=["model", "metric", "repeat", "fold"])
    >>> scores = pd.DataFrame({"value": [0.8, 0.9, 0.7, 0.7, 0.8, 0.63]}, index=index)
    >>> scores = scores.assign(n_train_patients=40, n_test_patients=20)
    >>> float(regret_table(scores, fused=["hedge"], singles=["deep"])["regret"].iloc[0].round(3))
    -0.09
    """
    directed = [name for name, known in METRICS.items() if known.higher_is_better is not None]
    check_choice(metric, directed, name="metric")
    if not singles:
        raise ValueError("regret needs at least one single arm.")
    compare = paired if paired is not None else partial(paired_test, fold_scores)
    rows = []
    for model in fused:
        rows.append((model, "best_in_hindsight", metric, *_best_in_hindsight(compare, model, singles, metric)))
        if selected is not None and paired is not None:
            test, words = _loss(paired, model, SELECTED, metric)
            losses = (test.difference, test.low, test.high, test.upper_one_sided)
            rows.append((model, "selected", metric, *losses, _note(selected), words))
        elif selected is not None:
            rows.append((model, "selected", metric, *_selected(fold_scores, model, singles, selected, metric)))
        elif unselected:
            nothing = (np.nan, np.nan, np.nan, np.nan, unselected, "not compared: no picks")
            rows.append((model, "selected", metric, *nothing))
    table = pd.DataFrame(rows, columns=["model", "reference", "metric", *REGRET_COLUMNS])
    return table.set_index(["model", "reference", "metric"])


def _loss(paired: Paired, model: str, single: str, metric: str) -> tuple[PairedTest, str]:
    # For scores single - fused is the loss; for losses such as brier it is fused - single.
    pair = (single, model) if METRICS[metric].higher_is_better else (model, single)
    return paired(*pair, metric)


def _best_in_hindsight(
    paired: Paired, model: str, singles: Sequence[str], metric: str
) -> tuple[float, float, float, float, str, str]:
    losses = {single: _loss(paired, model, single, metric) for single in singles if single != model}
    tests = {single: test for single, (test, _) in losses.items()}
    unknown = [words for _, words in losses.values() if words.startswith("not compared")]
    if unknown:
        return np.nan, np.nan, np.nan, np.nan, BIASED, "; ".join(dict.fromkeys(unknown))
    best = max(tests, key=lambda single: tests[single].difference)
    # Any arm without an interval leaves the limits unknown: np.max keeps the NaN.
    limits = [float(np.max([getattr(t, name) for t in tests.values()])) for name in ("low", "high", "upper_one_sided")]
    method = f"maximum over {', '.join(tests)}; {losses[best][1]}"
    return tests[best].difference, limits[0], limits[1], limits[2], f"{BIASED} ({best})", method


def _selected(
    fold_scores: pd.DataFrame, model: str, singles: Sequence[str], selected: pd.Series, metric: str
) -> tuple[float, float, float, float, str, str]:
    of_metric = fold_scores[fold_scores.index.get_level_values("metric") == metric].droplevel("metric")
    of_model = of_metric[of_metric.index.get_level_values("model") == model].droplevel("model").sort_index()
    picks = selected.reindex(of_model.index)
    if picks.isna().any():
        raise ValueError(f"selected has no pick for repeat and fold {picks.index[picks.isna()][0]}.")
    foreign = sorted(set(picks) - set(singles))
    if foreign:
        raise ValueError(f"selected holds {foreign[0]!r}, which is none of the single arms {list(singles)}.")
    keys = [(pick, repeat, fold) for pick, (repeat, fold) in zip(picks, picks.index, strict=True)]
    of_picks = of_metric["value"].reindex(pd.MultiIndex.from_tuples(keys)).to_numpy()
    loss = of_picks - of_model["value"].to_numpy()
    if not METRICS[metric].higher_is_better:
        loss = -loss
    n_folds, _, folds = design_of(of_model)
    test = corrected_paired_test(
        loss, n_train=of_model["n_train_patients"], n_test=of_model["n_test_patients"], n_folds=n_folds
    )
    note = _note(picks)
    if np.isnan(loss).any():
        method = f"not compared: no value in {int(np.isnan(loss).sum())} of {len(loss)} folds"
    elif np.isnan(test.p_value):
        method = f"{folds}; no interval, the difference is the same in all folds"
    else:
        method = f"corrected paired t over {folds}, {test.df} df"
    return test.difference, test.low, test.high, test.upper_one_sided, note, method


def _note(picks: pd.Series) -> str:
    share = picks.value_counts(normalize=True)
    return "picked by the inner folds: " + ", ".join(f"{name} in {100 * part:.0f} %" for name, part in share.items())
