"""One column alone: does it tell the label outright?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hybridrad.cohort_checks import FEWEST_FOR_LEAK, LEAK_AUC, columns_like_the_label, first_of
from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check


def target_column_check(table: pd.DataFrame, y: ArrayLike) -> Check:
    """Return whether a column by itself separates one class from the rest with an AUC above 0.99.

    Parameters
    ----------
    table : DataFrame of shape (n_cases, n_columns)
        Numbers, or categories.
    y : array-like of shape (n_cases,)

    Examples
    --------
    >>> y = np.arange(40) % 2
    >>> X = pd.DataFrame({"age": np.arange(40.0), "stage": 10.0 * y + np.arange(40) / 40})
    >>> target_column_check(X, y).message
    '1 of 2 columns tell the label almost alone (AUC > 0.99): stage.'
    """
    code = "A_TARGET_COLUMN"
    labels = pd.Series(np.asarray(y), index=table.index, dtype=object)
    fewest = int(labels.value_counts().min())
    if fewest < FEWEST_FOR_LEAK:
        reason = f"the smallest class has {fewest} cases; one of many columns can tell them by chance."
        return Check(code, UNJUDGED, reason)
    found = columns_like_the_label(table, labels)
    if found:
        message = (
            f"{len(found)} of {table.shape[1]} columns tell the label almost alone (AUC > {LEAK_AUC}): "
            f"{first_of(map(str, found))}."
        )
        hint = "Make sure they were known before the outcome and were not derived from it."
        return Check(code, FAIL, message, hint, max(found.values()))
    return Check(code, PASS, f"none of {table.shape[1]} columns has an AUC above {LEAK_AUC}.", statistic=0.0)
