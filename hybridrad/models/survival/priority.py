"""Priority by offsets for events in time: what does imaging add to the risk?"""

from __future__ import annotations

from hybridrad.models.outcome_priority import OutcomePriority
from hybridrad.models.survival.survival_models import BlockSurvival, CaseSurvival


class PrioritySurvival(CaseSurvival, OutcomePriority):
    """Fit the blocks one after the other, each on top of the risk of those before it: what does imaging add?

    The first block is a `BlockSurvival`. Every later one is the same ridge Cox regression with the out-of-fold risk of
    the blocks before it as a fixed offset in the partial likelihood, so that it explains only what they leave open. A
    block is kept if it raises the out-of-fold partial likelihood, by more than ``se_factor`` standard errors of the
    difference (over patients); otherwise it adds nothing and the next block is tried. ``steps_`` is the answer, step by
    step.

    Where a block is missing for a case (all its columns), its term is left out (of the first block the expected risk
    stays), see ``missing_blocks``.

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
        Index block, in order; columns ``loss_before`` and ``loss_after`` (minus the out-of-fold log partial likelihood
        per event; before the first block that of equal risks), ``gain``, ``se``, ``kept`` and ``penalty``. The first
        block is always kept.
    fits_ : dict
        Block name -> `BlockSurvival` for the first block, `LinearFit` of the further ones that were kept.
    oof_predictions_ : ndarray of shape (n_train,)
        Risks.
    baseline_ : Baseline
        Of the summed risk.
    expected_prediction_ : float
    findings_ : list of str
        The blocks that were left out, and whether the cohort was too small for nested offsets.

    Raises
    ------
    ValueError
        From ``fit``: ``se_factor`` is negative, ``offsets`` is unknown, or a block is not in the table.

    Notes
    -----
    The standard error is that of a difference between the partial likelihoods of two models that are given: each case
    counts with its event and with its place in the risk sets (Fine 2002).

    References
    ----------
    Klau et al., BMC Bioinformatics 19:322, 2018, doi:10.1186/s12859-018-2344-6 (priority-Lasso; here with ridge).

    Fine, Biometrika 89:635-643, 2002, doi:10.1093/biomet/89.3.635.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(120, 3)), columns=["clinical__age", "radiomics__a", "deep__0"])
    >>> risk = X["clinical__age"] + 1.5 * X["radiomics__a"]
    >>> y = survival_targets(rng.random(120) < 0.7, rng.exponential(size=120) / np.exp(risk))
    >>> PrioritySurvival(se_factor=1.0).fit(X, y).steps_["kept"].to_dict()
    {'clinical': True, 'radiomics': True, 'deep': False}
    """

    _member = BlockSurvival
