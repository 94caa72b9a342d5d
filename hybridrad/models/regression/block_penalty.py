"""One ridge of a value over all blocks with a penalty of its own for each."""

from __future__ import annotations

from hybridrad.models.outcome_penalty import OutcomePenalty
from hybridrad.models.regression.regressors import CaseRegressor


class BlockPenaltyRegressor(CaseRegressor, OutcomePenalty):
    """Concatenate the blocks and fit one ridge regression whose penalty differs from block to block.

    Columns are prepared as in `BlockRegressor`. The penalty of a coefficient is ``m_b`` times one for all, with a
    factor ``m_b`` for its block; penalty and factors are chosen by the squared error of the patient-grouped inner
    folds. The search starts from equal factors, which is the plain ridge, and changes the factor of one block at a time
    to that which lowers the error most, until none does. For a case that lacks a block, training medians stand in for
    it, see ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    factors : sequence of float, or dict, default (1, 4, 16, 64)
        Factors to choose from, or block name -> its factor, which is then not searched. An infinite factor leaves the
        block out.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    factors_ : Series
        Index block.
    search_ : DataFrame
        One row per combination that was tried: a column per block, and ``inner_loss`` at its best penalty.
    fit_ : LinearFit
    oof_predictions_ : ndarray of shape (n_train,)
    expected_prediction_ : float

    Raises
    ------
    ValueError
        From ``fit``: a factor is not positive, or names no block of the table.

    References
    ----------
    Boulesteix et al., Computational and Mathematical Methods in Medicine 2017:7691937, doi:10.1155/2017/7691937
    (IPF-LASSO; here with ridge).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 42))
    >>> y = X[:, 0] + X[:, 1] + rng.normal(size=80)
    >>> model = BlockPenaltyRegressor({"small": [0, 1], "noise": slice(2, 42)}).fit(X, y)
    >>> bool(model.factors_["noise"] > model.factors_["small"])
    True
    """
