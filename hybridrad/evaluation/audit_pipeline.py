"""audit_pipeline(): does a procedure of the user's own flatter itself? Asked from outside, by calling it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import check_positive
from hybridrad.evaluation.audit_columns import target_column_check
from hybridrad.evaluation.audit_controls import size_only_check
from hybridrad.evaluation.audit_data import AuditData
from hybridrad.evaluation.audit_duplicates import near_duplicate_check
from hybridrad.evaluation.audit_null_tests import NullTests
from hybridrad.evaluation.audit_run import OutOfFold, Run, out_of_fold
from hybridrad.evaluation.audit_site import site_check
from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check, audit_table


def audit_pipeline(
    run: Run,
    X_raw: pd.DataFrame | NDArray[Any],
    y: ArrayLike,
    groups: ArrayLike,
    *,
    sites: str | ArrayLike | None = None,
    size: str | ArrayLike | None = None,
    n_runs: int = 20,
    permutations: int = 0,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Audit a cross-validated procedure by calling it on data in which there is nothing to find.

    ``run`` must hold the *whole* procedure, from ``X_raw`` on: whatever looked at labels before ``run`` is called
    (a selection of columns, say) cannot be seen from here.

    Parameters
    ----------
    run : callable
        ``run(X, y, groups)`` makes the splits, fits and predicts, and returns one **out-of-fold** score per case:
        shape (n_cases,), in the order of the rows, larger for the larger label; with more than two classes
        (n_cases, n_classes), columns in the order of the sorted labels. Better, it returns ``(scores, fold)`` with the
        fold in which each case was tested: the AUC is then computed per fold, and weaker leaks are seen. It gets
        copies: ``X`` of the type, shape, row order and column names given here, ``y`` and ``groups`` as arrays; about
        ``3 * n_runs`` times (``4 * n_runs`` with ``sites``; strong leaks need a quarter of that).
    X_raw : DataFrame or array of shape (n_cases, ...)
        What the procedure starts from.
    y : array-like of shape (n_cases,)
        Class labels; the larger is the positive one.
    groups : array-like of shape (n_cases,)
        Patient of each case.
    sites : str or array-like of shape (n_cases,), optional
        Column of ``X_raw``, or site of each case: needed to audit harmonisation.
    size : str or array-like of shape (n_cases,), optional
        Column of ``X_raw``, or volume or area of each case.
    n_runs : int, default 20
        Calls for each null test.
    permutations : int, default 0
        Also compute a permutation p-value of the score with so many calls (99 is usual); they replace the calls of
        ``A_NULL_LABELS``.
    random_state : int
    progress : callable, optional
        Gets the code of each check before it is made.

    Returns
    -------
    DataFrame
        Index ``code``; columns ``verdict`` (pass, fail, cannot be judged), ``statistic``, ``p_value``, ``message``,
        ``hint``. The statistic of the null tests is the mean AUC.

    Raises
    ------
    ValueError, TypeError
        Data that do not fit each other, or a procedure that does not keep the contract. What ``run`` raises on the data
        as they are passes through.

    References
    ----------
    Ojala & Garriga, J Mach Learn Res 11:1833-1863, 2010. Demircioglu, Insights Imaging 12:172, 2021,
    doi:10.1186/s13244-021-01115-1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.feature_selection import SelectKBest
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_predict
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 300)), np.arange(60) % 2
    >>> def leaky(X, y, groups):
    ...     selected = SelectKBest(k=10).fit_transform(X, y)
    ...     return cross_val_predict(LogisticRegression(), selected, y, method="decision_function")
    >>> table = audit_pipeline(leaky, X, y, np.arange(60), n_runs=8)
    >>> table.loc["A_NULL_LABELS", "verdict"]
    'fail'
    """
    data = AuditData.of(X_raw, y, groups, sites, size)
    check_positive(n_runs, name="n_runs")
    if n_runs < 4 or permutations < 0:
        raise ValueError(f"n_runs must be at least 4 and permutations at least 0, got {n_runs} and {permutations}.")
    say = progress or (lambda code: None)
    real = out_of_fold(run, data.X, data.y, data.groups)
    audit = NullTests(run, data, real, n_runs, random_state, say)
    checks = [
        _patients_across_folds(data, real),
        near_duplicate_check(data.numbers(), data.groups, fold=real.fold),
        target_column_check(data.table(), data.y),
        *audit.labels(permutations),
        audit.features(),
        audit.patients(),
        audit.sites(),
        size_only_check(data.y, data.groups, real, data.size),
        site_check(data.numbers(), data.y, data.groups, data.sites, random_state=random_state),
    ]
    return audit_table(checks)


def _patients_across_folds(data: AuditData, real: OutOfFold) -> Check:
    code = "A_PATIENT_FOLDS"
    if real.fold is None:
        hint = "Let run return (scores, fold)."
        return Check(code, UNJUDGED, "the procedure did not say which case was tested in which fold.", hint)
    n_folds = pd.Series(real.fold).groupby(data.groups).nunique()
    torn = n_folds.index[n_folds > 1]
    if len(torn):
        message = f"{len(torn)} of {len(n_folds)} patients are tested in several folds, first {torn[0]}."
        return Check(code, FAIL, message, "Split by patient, in inner folds too.", float(len(torn)))
    return Check(code, PASS, f"all cases of each of {len(n_folds)} patients share a fold.", statistic=0.0)
