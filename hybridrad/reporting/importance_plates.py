"""Figures of what the models use with their captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hybridrad.reporting import importance as use
from hybridrad.reporting.arms import Arm, by_role, default_fused
from hybridrad.reporting.figures import DotRow, Guide, dots_and_intervals
from hybridrad.reporting.outcome_plates import task_of_study
from hybridrad.reporting.plates import Draft
from hybridrad.reporting.style import block_colours
from hybridrad.reporting.text import estimate, listing

if TYPE_CHECKING:
    from hybridrad.study import Comparison


def shares_plate(study: Comparison, arms: Sequence[Arm]) -> Draft | None:
    """Return the share of each block in the fused arms, or in all others with several blocks."""
    names = [a.name for a in arms if a.role != "single"]
    shares = use.share_table(study.importance_cases, names)
    if shares.empty:
        return None
    caption = (
        "Share of each block in the models with several blocks: mean over cases of the absolute sum of the block's "
        "SHAP values, as a part of the total; computed out of fold."
    )
    return Draft(
        lambda: use.shares_figure(shares, scale=scale_of(study)), caption, "Stacked bars of the share of each block."
    )


def scale_of(study: Comparison) -> str:
    """Return what SHAP values of a study add up to."""
    return {"regression": "predicted value", "survival": "log risk"}.get(task_of_study(study), "logit")


def _predicted(study: Comparison) -> str:
    return {"regression": "predicted value", "survival": "predicted risk"}.get(
        task_of_study(study), "predicted probability"
    )


def features_plate(study: Comparison, arms: Sequence[Arm], whole: set[str]) -> Draft | None:
    """Return the leading features of the radiomics arm and of the default fused arm."""
    explained = set(study.importance.index.get_level_values("model"))
    hedge = default_fused(list(arms))
    singles = [a.name for a in by_role(list(arms), "single") if a.blocks and not set(a.blocks) & whole]
    leading = [n for n in singles if n.startswith("radiomics")][:1]
    names = [n for n in [*leading, hedge.name if hedge else ""] if n in explained]
    bars = {n: use.top_features(study.importance, study.importance_cases, n, whole=whole) for n in names}
    if not any(bars.values()):
        return None
    directed = any(bar.note for bars_of_one in bars.values() for bar in bars_of_one)
    direction = f" Raises, lowers: what a high value does to the {_predicted(study)}." if directed else ""
    caption = (
        f"The leading features of {listing(names)}: mean absolute SHAP value, out of fold. An embedding is one bar, "
        f"because its single dimensions mean nothing to a reader.{direction}"
    )
    return Draft(
        lambda: use.features_figure(bars, scale=scale_of(study)),
        caption,
        f"Bars of the leading features of {listing(names)}.",
    )


def weights_plate(weights: dict[str, dict[str, Any]]) -> Draft:
    """Return the weights of the hedge."""
    colours = block_colours(list(weights))
    rows = [
        DotRow(
            block,
            w.get("mean", float("nan")),
            w.get("low", float("nan")),
            w.get("high", float("nan")),
            (estimate(w.get("mean"), w.get("low"), w.get("high"), 2),),
            colour=colours[block],
        )
        for block, w in weights.items()
    ]
    heads = ["Weight (95 % of folds)"]
    equal = Guide(1 / max(len(rows), 1), word="equal")
    caption = (
        "Weights of the members of the hedge: mean over the outer folds, and the range that holds 95 % of them, "
        "which is no confidence interval; the dashed line marks equal weights."
    )
    return Draft(
        lambda: dots_and_intervals(rows, xlabel="Weight", guides=[equal], column_heads=heads, limits=(-0.02, 1.02)),
        caption,
        f"Dot and interval of the weight of {listing(list(weights))}.",
    )
