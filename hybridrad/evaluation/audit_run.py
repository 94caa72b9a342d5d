"""The contract of a procedure that is audited from outside: what it is given, and what it must give back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hybridrad.evaluation.audit_surrogates import Raw

Run = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold scores of every case, and the fold in which each was tested where the procedure says so."""

    scores: NDArray[np.float64]
    fold: NDArray[np.intp] | None


def out_of_fold(run: Run, X: Raw, y: NDArray[Any], groups: NDArray[Any]) -> OutOfFold:
    """Call a procedure on copies of the data and check what it returns.

    Parameters
    ----------
    run : callable
        ``run(X, y, groups)`` returns one score per case, in the order of the rows: shape (n_cases,) for two classes,
        larger for the larger label; (n_cases, n_classes) for more, columns in the order of the sorted labels. Or a pair
        ``(scores, fold)``, with the number or name of the fold in which each case was tested.

    Raises
    ------
    ValueError, TypeError
        It returns anything else. What the procedure raises itself passes through.

    Examples
    --------
    >>> X, y = np.array([[0.1], [0.9], [0.3], [0.8]]), np.array([0, 1, 0, 1])
    >>> out_of_fold(lambda X, y, groups: (X[:, 0], [0, 0, 1, 1]), X, y, np.arange(4)).fold.tolist()
    [0, 0, 1, 1]
    """
    returned = run(X.copy(), y.copy(), groups.copy())
    fold = None
    if isinstance(returned, tuple):
        if len(returned) != 2:
            raise TypeError(f"run returned a tuple of {len(returned)}; wanted scores, or the pair (scores, fold).")
        returned, fold = returned
    try:
        scores = np.asarray(returned, dtype=float)
    except (TypeError, ValueError) as err:
        raise TypeError(f"run returned {type(returned).__name__}, wanted an array of out-of-fold scores.") from err
    n_classes = len(np.unique(y))
    wanted = (len(y),) if n_classes == 2 else (len(y), n_classes)
    if scores.shape != wanted:
        raise ValueError(f"run returned scores of shape {scores.shape}, wanted {wanted}: one per case, out of fold.")
    if not np.isfinite(scores).all():
        bad = int((~np.isfinite(scores.reshape(len(y), -1)).all(axis=1)).sum())
        raise ValueError(f"run returned scores that are not finite for {bad} cases; every case needs one.")
    return OutOfFold(scores, None if fold is None else _folds(fold, len(y)))


def _folds(fold: Any, n_cases: int) -> NDArray[np.intp]:
    values = np.asarray(fold)
    if values.shape != (n_cases,) or pd.isna(values).any():
        raise ValueError(f"run returned folds of shape {values.shape}, wanted one fold per case: {(n_cases,)}.")
    return np.unique(values.astype(str), return_inverse=True)[1].astype(np.intp)


def cell_auc(
    y: NDArray[Any],
    out: OutOfFold,
    groups: NDArray[Any],
    *,
    by_patient: bool = False,
    stratum: NDArray[np.intp] | None = None,
) -> float:
    """Return the AUC over pairs that lie in the same fold and the same stratum.

    Only such pairs are exchangeable when labels were permuted: then the expectation is exactly one half for a procedure
    that has not seen the labels of the cases it scores.

    Parameters
    ----------
    y, groups : arrays of shape (n_cases,)
    out : OutOfFold
        Without folds all cases count as one fold.
    by_patient : bool
        Average the scores of a patient's cases in one fold first; needs one label per patient.
    stratum : int array of shape (n_cases,), optional
        Cases with -1 are left out.

    Returns
    -------
    float
        Mean of one-against-rest for more than two classes; NaN where no pair can be formed.

    Examples
    --------
    >>> y, fold = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    >>> cell_auc(y, OutOfFold(np.array([0.1, 0.2, 0.8, 0.9]), fold), np.arange(4))
    1.0
    """
    n_cases = len(y)
    key = pd.DataFrame({"fold": np.zeros(n_cases, int) if out.fold is None else out.fold})
    key["stratum"] = 0 if stratum is None else stratum
    labels, code = np.unique(y, return_inverse=True)
    table = out.scores.reshape(n_cases, -1)
    if by_patient:
        key["patient"], key["y"] = np.asarray(groups).astype(str), code
        frame = pd.concat([key, pd.DataFrame(table)], axis=1)
        means = frame.groupby(["fold", "stratum", "patient"], sort=True).mean()
        key, table = means.index.to_frame(index=False), means[list(range(table.shape[1]))].to_numpy()
        code = means["y"].to_numpy().astype(int)
    classes = [1] if len(labels) == 2 else list(range(len(labels)))
    used = (key["stratum"] >= 0).to_numpy()
    cells = list(key[used].groupby(["fold", "stratum"]).indices.values())
    values = []
    for column, k in enumerate(classes):
        above, pairs = 0.0, 0.0
        score, is_class = table[used, column], code[used] == k
        for cell in cells:
            inside, n_in = is_class[cell], int(is_class[cell].sum())
            n_out = len(cell) - n_in
            if n_in and n_out:
                above += float(stats.rankdata(score[cell])[inside].sum()) - n_in * (n_in + 1) / 2
                pairs += n_in * n_out
        values.append(above / pairs if pairs else np.nan)
    return float(np.mean(values))
