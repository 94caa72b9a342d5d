"""The words of a comparison."""

from __future__ import annotations

from typing import Literal

import numpy as np

Verdict = Literal["better", "worse", "equivalent", "non-inferior", "inconclusive"]


def verdict(
    gain: float,
    *,
    p_value: float,
    low: float,
    low_90: float,
    high_90: float,
    margin: float | None = None,
    alpha: float = 0.05,
) -> Verdict:
    """Return the word for a comparison; the first rule that holds decides.

    1. ``better`` or ``worse``, by the sign of the gain: p below ``alpha``. This goes first, so that a loss that was
    shown is
       never called equivalent because it is small.
    2. ``equivalent``: the 90 % interval lies within -margin .. +margin (two one-sided tests at 5 %).
    3. ``non-inferior``: the lower 95 % limit lies above -margin.
    4. ``inconclusive``.

    Parameters
    ----------
    gain : float
        Model minus baseline, turned so that positive is better.
    p_value : float
        Adjusted for the family, or raw where the comparison is exploratory. NaN: there was no test, which is
        inconclusive.
    low : float
        Lower limit of the two-sided 95 % interval of the gain.
    low_90, high_90 : float
        Two-sided 90 % interval of the gain.
    margin : float, optional
        Declared before the run; None where no margin was declared for the metric, and rules 2 and 3 then do not apply.
    alpha : float

    Examples
    --------
    >>> verdict(0.01, p_value=0.6, low=-0.03, low_90=-0.02, high_90=0.04, margin=0.05)
    'equivalent'
    >>> verdict(0.03, p_value=0.2, low=-0.03, low_90=-0.02, high_90=0.08, margin=0.05)
    'non-inferior'
    """
    if not np.isfinite([gain, p_value, low, low_90, high_90]).all():
        return "inconclusive"
    if p_value < alpha and gain != 0:
        return "better" if gain > 0 else "worse"
    if margin is not None and -margin < low_90 and high_90 < margin:
        return "equivalent"
    if margin is not None and low > -margin:
        return "non-inferior"
    return "inconclusive"
