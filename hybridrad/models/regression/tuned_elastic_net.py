"""Elastic-net regression of values over a path of penalties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybridrad.models.case_model import Array
from hybridrad.models.outcome import Target
from hybridrad.models.outcome_elastic_net import OutcomeElasticNet
from hybridrad.models.regression.elastic_net import elastic_net_value_path
from hybridrad.models.regression.regressors import CaseRegressor
from hybridrad.models.regression.rescaled import level_and_scale


class TunedElasticNetRegressor(CaseRegressor, OutcomeElasticNet):
    """Linear regression with a mixed absolute and squared penalty; strength and mixture chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockRegressor`; y is taken in standard deviations from its mean,
    so that its unit does not matter. Every fit is converged.

    Parameters
    ----------
    strength : tuple of float, default ten values from 0.9 to 0.01
        Penalties, as shares of the least that leaves all coefficients at zero.
    l1_ratio : tuple of float, default (0.2, 0.8)
        Shares of the absolute penalty, above 0 and at most 1.
    n_columns : int or None, default 100
        Columns kept: those whose ranks follow the ranks of y most closely. None keeps all.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with its inner mean squared error.
    oof_predictions_ : ndarray of shape (n_train,)
    expected_prediction_ : float

    Raises
    ------
    ValueError
        From ``fit``: there are no settings, or an ``l1_ratio`` is not above 0 and at most 1.

    References
    ----------
    Zou & Hastie, J R Stat Soc B 67:301-320, 2005, doi:10.1111/j.1467-9868.2005.00503.x.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = TunedElasticNetRegressor(strength=(0.5, 0.01)).fit(X, X[:, 0] + X[:, 1])
    >>> len(model.losses_), bool(model.score(X, X[:, 0] + X[:, 1]) > 0.9)
    (4, True)
    """

    def _pull(self, y: Target) -> Array:
        level, scale = level_and_scale(y)
        return np.asarray((y - level) / scale)

    def _path(self, design: Array, y: Target, penalties: Sequence[float], l1_ratio: float) -> tuple[Array, Array]:
        level, scale = level_and_scale(y)
        # The absolute penalty depends on the unit of y, the squared one does not: together they need one unit.
        coefs, intercepts = elastic_net_value_path(design, (y - level) / scale, penalties=penalties, l1_ratio=l1_ratio)
        return scale * coefs, level + scale * intercepts
