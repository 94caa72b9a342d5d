"""One of several variants of a block (bin widths, backbones, views) for events in time."""

from __future__ import annotations

from hybridrad.models.outcome_choice import OutcomeChoice
from hybridrad.models.survival.survival_models import BlockSurvival, CaseSurvival


class BlockChoiceSurvival(CaseSurvival, OutcomeChoice):
    """Fit a `BlockSurvival` for every variant of a block and keep the one with the highest inner partial likelihood.

    The extraction policy becomes a choice made inside each outer fold, over stored features, at no new extraction: the
    variants are blocks of the table, such as ``radiomics_bw10`` and ``radiomics_bw25``. As a member of a fusion, give
    the variants' columns as one block and this model as its estimator; the choice is then made in the inner folds too.

    Parameters
    ----------
    blocks : None, list of str, or dict
        The variants. ``None`` takes every block found by column prefix.
    estimator : survival estimator, optional
        Replaces the default model of every variant, see `BlockSurvival`.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    chosen_ : str
        The variant in use; the first of those whose losses are equal.
    losses_ : Series
        Index block: minus the inner out-of-fold log partial likelihood of each variant, per event.
    model_ : BlockSurvival
        Of the chosen variant.
    oof_predictions_ : ndarray of shape (n_train,)
        Risks of the chosen variant. The choice saw them, so their loss is a little optimistic; the outer folds are not.
    oof_loss_ : float
    baseline_ : Baseline
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
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"radiomics_bw10__a": rng.normal(size=60), "radiomics_bw25__a": rng.normal(size=60)})
    >>> y = survival_targets(np.tile([1, 1, 0], 20), rng.exponential(size=60) / np.exp(2 * X["radiomics_bw25__a"]))
    >>> BlockChoiceSurvival(["radiomics_bw10", "radiomics_bw25"]).fit(X, y).chosen_
    'radiomics_bw25'
    """

    _member = BlockSurvival
