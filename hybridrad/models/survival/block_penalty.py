"""One ridge Cox regression over all blocks with a penalty of its own for each."""

from __future__ import annotations

from hybridrad.models.outcome_penalty import OutcomePenalty
from hybridrad.models.survival.survival_models import CaseSurvival


class BlockPenaltySurvival(CaseSurvival, OutcomePenalty):
    """Concatenate the blocks and fit one ridge Cox regression whose penalty differs from block to block.

    Columns are prepared as in `BlockSurvival`. The penalty of a coefficient is ``m_b`` times one for all, with a factor
    ``m_b`` for its block; penalty and factors are chosen by the cross-validated partial likelihood of the
    patient-grouped inner folds. The search starts from equal factors, which is the plain ridge, and changes the factor
    of one block at a time to that which lowers the loss most, until none does. For a case that lacks a block, training
    medians stand in for it, see ``missing_blocks``.

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
        Risks.
    baseline_ : Baseline
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
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 42))
    >>> y = survival_targets(np.ones(80), rng.exponential(size=80) / np.exp(X[:, 0] + X[:, 1]))
    >>> model = BlockPenaltySurvival({"small": [0, 1], "noise": slice(2, 42)}).fit(X, y)
    >>> bool(model.factors_["noise"] > model.factors_["small"])
    True
    """
