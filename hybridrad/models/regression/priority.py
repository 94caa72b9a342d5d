"""Priority by offsets for values: what does imaging add to the prediction of a number?"""

from __future__ import annotations

from hybridrad.models.outcome_priority import OutcomePriority
from hybridrad.models.regression.regressors import BlockRegressor, CaseRegressor


class PriorityRegressor(CaseRegressor, OutcomePriority):
    """Fit the blocks one after the other, each on what those before it leave over: what does imaging add?

    The first block is a `BlockRegressor`. Every later one is the same ridge regression of the values minus the
    out-of-fold predictions of the blocks before it, so that it explains only what they leave open; the first block has
    set the level, and what a later one adds has the mean 0. A block is kept if it lowers the out-of-fold squared error,
    by more than ``se_factor`` standard errors of the difference (over patients); otherwise it adds nothing and the next
    block is tried. ``steps_`` is the answer, step by step.

    Where a block is missing for a case (all its columns), its term is left out (of the first block the expected
    prediction stays), see ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        In order of priority. ``None`` takes every block found by column prefix: clinical, size, radiomics, deep, then
        the others as they come.
    se_factor : float, default 0.0
        0 or more. 1 asks for a clearer gain and gives smaller models.
    offsets : {"stacked", "nested"}, default "stacked"
        How offsets are made, see the Notes of `PriorityFusion`.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    steps_ : DataFrame
        Index block, in order; columns ``loss_before`` and ``loss_after`` (out-of-fold mean squared error; before the
        first block that of the mean of y), ``gain``, ``se``, ``kept`` and ``penalty``. The first block is always kept.
    fits_ : dict
        Block name -> `BlockRegressor` for the first block, `LinearFit` of the further ones that were kept.
    oof_predictions_ : ndarray of shape (n_train,)
    expected_prediction_ : float
    findings_ : list of str
        The blocks that were left out, and whether the cohort was too small for nested offsets.

    Raises
    ------
    ValueError
        From ``fit``: ``se_factor`` is negative, ``offsets`` is unknown, or a block is not in the table.

    References
    ----------
    Klau et al., BMC Bioinformatics 19:322, 2018, doi:10.1186/s12859-018-2344-6 (priority-Lasso; here with ridge).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(120, 3)), columns=["clinical__age", "radiomics__a", "deep__0"])
    >>> y = 50.0 + 3.0 * X["clinical__age"] + 5.0 * X["radiomics__a"] + rng.normal(size=120)
    >>> PriorityRegressor(se_factor=1.0).fit(X, y).steps_["kept"].to_dict()
    {'clinical': True, 'radiomics': True, 'deep': False}
    """

    _member = BlockRegressor
