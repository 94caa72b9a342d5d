"""Elastic-net Cox regression over a path of penalties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybridrad.models.case_model import Array
from hybridrad.models.outcome import Target
from hybridrad.models.outcome_elastic_net import OutcomeElasticNet
from hybridrad.models.survival.cox_elastic_net import elastic_net_cox_path
from hybridrad.models.survival.survival_models import CaseSurvival


class TunedElasticNetSurvival(CaseSurvival, OutcomeElasticNet):
    """Cox regression with a mixed absolute and squared penalty; strength and mixture chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockSurvival`; ties are Efron's. Every fit is converged.

    Parameters
    ----------
    strength : tuple of float, default ten values from 0.9 to 0.01
        Penalties, as shares of the least that leaves all coefficients at zero.
    l1_ratio : tuple of float, default (0.2, 0.8)
        Shares of the absolute penalty, above 0 and at most 1.
    n_columns : int or None, default 100
        Columns kept: those whose ranks follow the martingale residuals of a model without columns most closely. None
        keeps all.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with minus its inner log partial likelihood per event, all folds pooled.
    oof_predictions_ : ndarray of shape (n_train,)
        Risks.
    baseline_ : Baseline
    expected_prediction_ : float

    Raises
    ------
    ValueError
        From ``fit``: there are no settings, or an ``l1_ratio`` is not above 0 and at most 1.

    References
    ----------
    Simon, Friedman, Hastie & Tibshirani, J Stat Softw 39(5), 2011, doi:10.18637/jss.v039.i05.

    Examples
    --------
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 4))
    >>> y = survival_targets(rng.random(80) < 0.7, rng.exponential(size=80) * np.exp(-1.5 * X[:, 0]))
    >>> model = TunedElasticNetSurvival(strength=(0.5, 0.05)).fit(X, y)
    >>> len(model.losses_), bool(np.corrcoef(model.predict(X), X[:, 0])[0, 1] > 0.9)
    (4, True)
    """

    def _pull(self, y: Target) -> Array:
        return self._outcome.signal(y)

    def _path(self, design: Array, y: Target, penalties: Sequence[float], l1_ratio: float) -> tuple[Array, Array]:
        coefs = elastic_net_cox_path(design, y["event"], y["time"], penalties=penalties, l1_ratio=l1_ratio)
        return coefs, np.zeros(len(penalties))
