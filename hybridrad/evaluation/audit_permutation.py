"""Whole-pipeline label permutation: how often does chance reach the score?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hybridrad.evaluation.audit_null import NullRuns
from hybridrad.evaluation.audit_table import PASS, UNJUDGED, Check


def permutation_p_value(observed: float, permuted: np.ndarray) -> float:
    """Return (1 + number of permutations that reach the score) / (number of permutations + 1).

    The observed labelling is one of the equally likely ones, so p is never 0, and at B = 99 exact at 0.01, 0.02, ...

    References
    ----------
    Phipson & Smyth, Stat Appl Genet Mol Biol 9:39, 2010, doi:10.2202/1544-6115.1585.

    Examples
    --------
    >>> permutation_p_value(0.8, np.linspace(0.4, 0.6, 99))
    0.01
    """
    return (1 + int(np.sum(np.asarray(permuted) >= observed))) / (len(permuted) + 1)


def permutation_check(observed: float, runs: NullRuns, permuted: ArrayLike | None = None) -> Check:
    """Return the row of the permutation test of the score itself.

    A score that chance reaches is no fault of the procedure, so the verdict is then "cannot be judged".

    Parameters
    ----------
    observed : float
    runs : NullRuns
        On permuted labels: whether the procedure leaks.
    permuted : array of shape (n_permutations,), optional
        The score under each permutation, where it is another statistic than the AUC of the null runs.

    Examples
    --------
    >>> check = permutation_check(0.8, NullRuns(np.linspace(0.4, 0.6, 99)))
    >>> check.verdict, check.p_value
    ('pass', 0.01)
    """
    code = "A_LABEL_PERMUTATION"
    if runs.error:
        return Check(code, UNJUDGED, f"the procedure did not run on permuted labels: {runs.error}.")
    scores = runs.aucs if permuted is None else np.asarray(permuted, dtype=float)
    if not np.isfinite([observed, *scores]).all():
        return Check(code, UNJUDGED, "the score is not defined for the labels as they are, or for some permutation.")
    p_value = permutation_p_value(observed, scores)
    found = f"AUC {observed:.3f}; {len(scores)} permutations gave {scores.mean():.3f} on average, p = {p_value:.3f}."
    if runs.leaks:
        hint = "Mend A_NULL_LABELS first: a leak lifts the score and the permutations alike."
        return Check(code, UNJUDGED, f"{found} The permutations themselves lie above 0.5.", hint, observed, p_value)
    if p_value > 0.05:
        hint = "These cases do not show that there is anything to find; more patients might."
        return Check(code, UNJUDGED, f"{found} The score cannot be told from chance.", hint, observed, p_value)
    return Check(code, PASS, found, "", observed, p_value)
