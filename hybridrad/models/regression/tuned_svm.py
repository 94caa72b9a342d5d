"""Support vector regression over a path of kernels and penalties, from one matrix of distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.svm import SVR

from hybridrad._checks import check_positive
from hybridrad.models.case_outcome import OutcomeTraining
from hybridrad.models.outcome_path import TunedOutcome
from hybridrad.models.path_design import path_design
from hybridrad.models.regression.regressors import CaseRegressor
from hybridrad.models.regression.rescaled import Rescaled, level_and_scale
from hybridrad.models.settings_path import Setting
from hybridrad.models.tuned_svm import FittedMachines, Kernels, kernel_settings


class TunedSVMRegressor(CaseRegressor, TunedOutcome):
    """Support vector regression; kernel width and penalty chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockRegressor`. Products and distances are computed once per
    inner fold; every width is a function of them. Machines are fitted to y in standard deviations from its mean, so
    that its unit does not matter. Predictions get a slope between 0 and 1 and an intercept fitted to the inner
    out-of-fold predictions of each setting, which are then compared by squared error.

    Parameters
    ----------
    C : tuple of float, default (0.1, 0.3, 1, 3, 10)
        Penalties of the radial kernels.
    gamma : tuple of float, default (0.1, 0.3, 1.0)
        Widths of the radial kernels, times the number of columns: scikit-learn's ``gamma`` is this number divided by
        the number of (prepared) columns, 1 is its ``"scale"``.
    linear_C : tuple of float, default (0.001, 0.003, 0.01, 0.03, 0.1)
        Penalties of the linear kernel; empty for none.
    epsilon : float, default 0.1
        Errors up to this many standard deviations of y count as none.
    tol : float, default 1e-3
        Of the solver, as scikit-learn's.
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

    Raises
    ------
    ValueError
        From ``fit``: there are no settings, or ``epsilon`` is not positive.

    References
    ----------
    Smola & Schölkopf, Statistics and Computing 14:199-222, 2004, doi:10.1023/B:STCO.0000035301.49549.88.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> y = X[:, 0] + X[:, 1] ** 2
    >>> model = TunedSVMRegressor().fit(X, y)
    >>> sorted(model.setting_), bool(model.score(X, y) > 0.7)
    (['C', 'gamma', 'kernel'], True)
    """

    def __init__(
        self,
        *,
        C: Sequence[float] = (0.1, 0.3, 1.0, 3.0, 10.0),
        gamma: Sequence[float] = (0.1, 0.3, 1.0),
        linear_C: Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1),
        epsilon: float = 0.1,
        tol: float = 1e-3,
        n_columns: int | None = 100,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.linear_C = linear_C
        self.epsilon = epsilon
        self.tol = tol
        self.n_columns = n_columns
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the linear kernels, then the radial ones from wide to narrow, each from strong to weak penalty."""
        return kernel_settings(self)

    def fit_settings(self, training: OutcomeTraining, settings: Sequence[Setting]) -> Rescaled:
        """Fit one machine per setting on shared kernels."""
        check_positive(self.epsilon, name="epsilon")
        design = path_design(training, n_columns=self.n_columns, outcome=self._outcome)
        kernels, (level, scale) = Kernels(design.rows, design.rows), level_and_scale(training.y)
        machines = [
            SVR(kernel="precomputed", C=setting["C"], epsilon=self.epsilon, tol=self.tol).fit(
                kernels.of(setting), (training.y - level) / scale
            )
            for setting in settings
        ]
        return Rescaled(FittedMachines(design, list(settings), machines), level, scale)
