"""Controls: the score of the study against the same procedure on less, on the same folds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad.evaluation.audit_run import OutOfFold, cell_auc
from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check
from hybridrad.evaluation.intervals import corrected_interval

_WORDS = {
    "A_SIZE_ONLY": ("size alone", "The score may be that of a measure of size."),
    "A_SHUFFLED_VOXELS": (
        "the region's voxels shuffled",
        "The score may come from size, shape and intensities, not from the arrangement of voxels.",
    ),
    "A_BACKGROUND_ONLY": (
        "the region erased",
        "The score may come from what surrounds the region, from its outline, or from the scanner.",
    ),
}


def control_check(
    code: str, score: ArrayLike, control: ArrayLike, *, n_train: ArrayLike, n_test: ArrayLike, n_folds: int
) -> Check:
    """Return whether a score exceeds that of a control, fold by fold.

    Pass: the 95 % interval of the difference (corrected for overlapping training parts) lies above 0. Fail: it
    does not, and the control itself is above 0.5. Otherwise neither was shown to carry anything.

    Parameters
    ----------
    code : {"A_SIZE_ONLY", "A_SHUFFLED_VOXELS", "A_BACKGROUND_ONLY"}
    score, control : arrays of shape (n_folds * n_repeats,)
        AUC of each fold.
    n_train, n_test : float or arrays
        Patients.
    n_folds : int

    References
    ----------
    Welch et al., Radiother Oncol 130:2-9, 2019, doi:10.1016/j.radonc.2018.10.027.

    Examples
    --------
    >>> size = [0.71, 0.68, 0.74, 0.70, 0.72]
    >>> control_check("A_SIZE_ONLY", [0.70, 0.72, 0.73, 0.69, 0.74], size, n_train=80, n_test=20, n_folds=5).verdict
    'fail'
    """
    values, controls = np.asarray(score, dtype=float), np.asarray(control, dtype=float)
    if not (np.isfinite(values).all() and np.isfinite(controls).all()) or len(values) < 2:
        return Check(code, UNJUDGED, "a fold has no AUC of the score or of the control.")
    difference, alone = (
        corrected_interval(v, n_train=n_train, n_test=n_test, n_folds=n_folds) for v in (values - controls, controls)
    )
    limits = (alone.mean, max(alone.low, 0.0), min(alone.high, 1.0))
    method = f"corrected t, {difference.df} df"
    return control_verdict(code, float(values.mean()), limits, difference[:3], method=method)


def control_verdict(
    code: str,
    score: float,
    control: tuple[float, float, float],
    difference: tuple[float, float, float],
    *,
    method: str,
) -> Check:
    """Return the verdict on a score, that of its control, and their difference.

    Parameters
    ----------
    code : {"A_SIZE_ONLY", "A_SHUFFLED_VOXELS", "A_BACKGROUND_ONLY"}
    score : float
    control, difference : tuple of (value, low, high)
        With 95 % limits, of the test that the design allows; where it gives none because nothing varies, the value
        speaks for itself.
    method : str
        How the difference was tested, or why it could not be.

    Examples
    --------
    >>> control_verdict("A_SIZE_ONLY", 0.8, (0.6, 0.5, 0.7), (0.2, 0.1, 0.3), method="DeLong's test").verdict
    'pass'
    """
    reduced, suspect = _WORDS[code]
    if not np.isfinite([score, control[0], difference[0]]).all():
        return Check(code, UNJUDGED, f"the score or its control has no AUC: {method}.")
    (alone, low, high), (gain, gain_low, gain_high) = (
        (v, *(v if np.isnan(limit) else limit for limit in limits)) for v, *limits in (control, difference)
    )
    message = (
        f"AUC {score:.3f}; with {reduced} {alone:.3f} ({low:.3f} to {high:.3f}); "
        f"difference {gain:.3f} ({gain_low:.3f} to {gain_high:.3f}; {method})."
    )
    if gain_low > 0:
        return Check(code, PASS, message, "", gain)
    if low > 0.5:
        return Check(code, FAIL, f"{message} {suspect}", "Report the control beside the score.", gain)
    return Check(code, UNJUDGED, f"{message} Neither difference nor control is clear.", "", gain)


def size_only_check(y: NDArray, groups: NDArray, out: OutOfFold, size: NDArray[np.float64] | None) -> Check:
    """Return whether the out-of-fold scores of a procedure exceed size, taken in the direction of the other folds.

    Examples
    --------
    >>> rng, y, fold = np.random.default_rng(0), np.arange(60) % 2, np.arange(60) // 2 % 5
    >>> scores = OutOfFold(y + 0.3 * rng.normal(size=60), fold)
    >>> size_only_check(y, np.arange(60), scores, rng.normal(size=60)).verdict
    'pass'
    """
    code = "A_SIZE_ONLY"
    if size is None:
        return Check(code, UNJUDGED, "no size was given.", "Give volume or area of each case as size.")
    if out.fold is None:
        return Check(code, UNJUDGED, "the procedure did not return folds.", "Let run return (scores, fold).")
    if len(np.unique(y)) > 2 or not np.isfinite(size).all():
        return Check(code, UNJUDGED, "it needs two classes and the size of every case.")
    score: list[float] = []
    control: list[float] = []
    n_test: list[int] = []
    for fold in np.unique(out.fold):
        inside = out.fold == fold
        for values, aucs in ((out.scores, score), (size, control)):
            aucs.append(_auc(y[inside], values[inside], groups[inside]))
        if _auc(y[~inside], size[~inside], groups[~inside]) < 0.5:
            control[-1] = 1 - control[-1]
        n_test.append(len(np.unique(groups[inside])))
    n_test_all = np.array(n_test)
    n_train = len(np.unique(groups)) - n_test_all
    return control_check(code, score, control, n_train=n_train, n_test=n_test_all, n_folds=len(n_test))


def _auc(y: NDArray, score: NDArray[np.float64], groups: NDArray) -> float:
    return cell_auc(y, OutOfFold(score, None), groups) if len(np.unique(y)) > 1 else np.nan
