"""One of several variants of a block (bin widths, backbones, views) for values."""

from __future__ import annotations

from hybridrad.models.outcome_choice import OutcomeChoice
from hybridrad.models.regression.regressors import BlockRegressor, CaseRegressor


class BlockChoiceRegressor(CaseRegressor, OutcomeChoice):
    """Fit a `BlockRegressor` for every variant of a block and keep the one with the least inner squared error.

    The extraction policy becomes a choice made inside each outer fold, over stored features, at no new extraction: the
    variants are blocks of the table, such as ``radiomics_bw10`` and ``radiomics_bw25``. As a member of a fusion, give
    the variants' columns as one block and this model as its estimator; the choice is then made in the inner folds too.

    Parameters
    ----------
    blocks : None, list of str, or dict
        The variants. ``None`` takes every block found by column prefix.
    estimator : scikit-learn regressor, optional
        Replaces the default model of every variant, see `BlockRegressor`.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    chosen_ : str
        The variant in use; the first of those whose losses are equal.
    losses_ : Series
        Index block: inner out-of-fold mean squared error of each variant.
    model_ : BlockRegressor
        Of the chosen variant.
    oof_predictions_ : ndarray of shape (n_train,)
        Of the chosen variant. The choice saw them, so their error is a little optimistic; the outer folds are not.
    oof_loss_ : float
    expected_prediction_ : float
    findings_ : list of str

    Raises
    ------
    ValueError
        From ``fit``: a block is not in the table.

    References
    ----------
    Varma & Simon, BMC Bioinformatics 7:91, 2006, doi:10.1186/1471-2105-7-91 (why a choice belongs inside the fold).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"radiomics_bw10__a": rng.normal(size=60), "radiomics_bw25__a": rng.normal(size=60)})
    >>> y = 5.0 * X["radiomics_bw25__a"] + rng.normal(size=60)
    >>> BlockChoiceRegressor(["radiomics_bw10", "radiomics_bw25"]).fit(X, y).chosen_
    'radiomics_bw25'
    """

    _member = BlockRegressor
