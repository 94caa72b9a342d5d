"""How numbers, counts and lists are written in a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MINUS = "\u2212"
MISSING = "not available"

METRIC_NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
    "calibration_in_the_large": "Calibration in the large",
    "ici": "ICI (lowess)",
    "r2": "R²",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "spearman": "Spearman correlation",
    "linear_slope": "Calibration slope",
    "linear_intercept": "Calibration intercept",
    "concordance": "Concordance",
    "uno_auc": "Time-dependent AUC",
    "integrated_brier": "Integrated Brier score",
}
LOWER_IS_BETTER = ("brier", "log_loss", "mae", "rmse", "integrated_brier", "ici")
_DECIMALS = dict.fromkeys(
    (
        *("sensitivity", "specificity", "linear_slope", "linear_intercept"),
        *("calibration_slope", "calibration_intercept", "calibration_in_the_large"),
    ),
    2,
)


def metric_name(metric: str) -> str:
    """Return the name of a metric as it is printed.

    Examples
    --------
    >>> metric_name("roc_auc"), metric_name("my_own")
    ('ROC AUC', 'my own')
    """
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def metric_word(metric: str) -> str:
    """Return the name of a metric as it stands inside a sentence.

    Examples
    --------
    >>> metric_word("concordance"), metric_word("roc_auc"), metric_word("brier"), metric_word("r2")
    ('concordance', 'ROC AUC', 'Brier score', 'R²')
    """
    name = metric_name(metric)
    proper = name.startswith(("Brier", "Spearman")) or not name[1:2].islower()
    return name if proper else name[0].lower() + name[1:]


def decimals_of(metric: str) -> int:
    """Return how many decimals a metric is printed with."""
    return _DECIMALS.get(metric, 3)


def is_number(value: Any) -> bool:
    """Return whether ``value`` is a finite number (``bool`` is not one)."""
    if value is None or isinstance(value, str | bool):
        return False
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def number(value: Any, decimals: int = 3, *, signed: bool = False) -> str:
    """Return a number with a real minus sign; a rounded zero has no sign.

    Examples
    --------
    >>> number(0.84231), number(0.0123, signed=True), number(-0.0001), number(float("nan"))
    ('0.842', '+0.012', '0.000', 'not available')
    """
    if not is_number(value):
        return MISSING
    text = f"{float(value):+.{decimals}f}" if signed else f"{float(value):.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def interval(low: Any, high: Any, decimals: int = 3) -> str:
    """Return ``low to high``; "to" because a dash beside a minus sign cannot be read.

    Examples
    --------
    >>> interval(-0.02, 0.044)
    '−0.020 to 0.044'
    """
    if not (is_number(low) and is_number(high)):
        return "no interval"
    return f"{number(low, decimals)} to {number(high, decimals)}"


def estimate(value: Any, low: Any, high: Any, decimals: int = 3, *, signed: bool = False) -> str:
    """Return a value with its interval in brackets.

    Examples
    --------
    >>> estimate(0.012, -0.02, 0.044, signed=True)
    '+0.012 (−0.020 to 0.044)'
    """
    if not is_number(value):
        return MISSING
    return f"{number(value, decimals, signed=signed)} ({interval(low, high, decimals)})"


def p_value(value: Any) -> str:
    """Return a p-value as journals print it.

    Examples
    --------
    >>> p_value(0.00004), p_value(0.0412), p_value(None)
    ('< 0.001', '0.041', '')
    """
    if not is_number(value):
        return ""
    return "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}"


def count(n: Any, noun: str, plural: str = "") -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> count(1, "patient"), count(1127, "case"), count(2, "entry", "entries")
    ('1 patient', '1,127 cases', '2 entries')
    """
    if not is_number(n):
        return f"an unknown number of {plural or noun + 's'}"
    return f"{int(n):,} {noun if int(n) == 1 else plural or noun + 's'}"


def percent(fraction: float) -> str:
    """Return a fraction as whole per cent.

    Examples
    --------
    >>> percent(0.347)
    '35 %'
    """
    return f"{100 * fraction:.0f} %"


def listing(words: Sequence[str]) -> str:
    """Return words joined as in a sentence.

    Examples
    --------
    >>> listing(["size", "deep", "radiomics"])
    'size, deep and radiomics'
    """
    words = [str(w) for w in words]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def shorten(text: str, width: int) -> str:
    """Return ``text`` cut in its middle to at most ``width`` characters; both ends of a name tell it apart.

    Examples
    --------
    >>> shorten("wavelet-LLH_glszm_SmallAreaEmphasis", 20)
    'wavelet-LL…aEmphasis'
    """
    text = " ".join(str(text).split())
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[-(width - head - 1) :]}"
