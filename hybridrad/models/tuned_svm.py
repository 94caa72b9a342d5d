"""Support vector machine over a path of kernels and penalties, from one matrix of distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.svm import SVC, SVR

from hybridrad.models.case_classifier import Array, Cases, Training
from hybridrad.models.path_design import PathDesign, path_design
from hybridrad.models.settings_path import Setting, TunedClassifier

LINEAR = "linear"


class TunedSVM(TunedClassifier):
    """Support vector machine; kernel width and penalty chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockModel`. Products and distances are computed once per inner
    fold; every width is a function of them. Margins become logits by a free slope and intercept fitted to the inner
    out-of-fold margins of each setting, which are then compared by log loss.

    Parameters
    ----------
    C : tuple of float, default (0.1, 0.3, 1, 3, 10)
        Penalties of the radial kernels.
    gamma : tuple of float, default (0.1, 0.3, 1.0)
        Widths of the radial kernels, times the number of columns: scikit-learn's ``gamma`` is this number divided by
        the number of (prepared) columns, 1 is its ``"scale"``.
    linear_C : tuple of float, default (0.001, 0.003, 0.01, 0.03, 0.1)
        Penalties of the linear kernel; empty for none.
    tol : float, default 1e-3
        Of the solver, as scikit-learn's.
    n_columns : int or None, default 100
        Columns kept: those whose ranks separate the classes best. None keeps all.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with its inner log loss.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    classes_ : ndarray

    References
    ----------
    Platt, Advances in Large Margin Classifiers, 61-74, 1999.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["no", "yes"], 30)
    >>> X = rng.normal(size=(60, 4)) + 1.5 * (y == "yes")[:, None]
    >>> model = TunedSVM().fit(X, y)
    >>> sorted(model.setting_), bool(model.score(X, y) > 0.9)
    (['C', 'gamma', 'kernel'], True)
    """

    margins_ = True

    def __init__(
        self,
        *,
        C: Sequence[float] = (0.1, 0.3, 1.0, 3.0, 10.0),
        gamma: Sequence[float] = (0.1, 0.3, 1.0),
        linear_C: Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1),
        tol: float = 1e-3,
        n_columns: int | None = 100,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.linear_C = linear_C
        self.tol = tol
        self.n_columns = n_columns
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the linear kernels, then the radial ones from wide to narrow, each from strong to weak penalty."""
        return kernel_settings(self)

    def fit_settings(self, training: Training, settings: Sequence[Setting]) -> FittedMachines:
        """Fit one machine per setting on shared kernels."""
        design = path_design(training, n_columns=self.n_columns)
        kernels = Kernels(design.rows, design.rows)
        machines = [
            SVC(kernel="precomputed", C=setting["C"], tol=self.tol).fit(kernels.of(setting), training.y)
            for setting in settings
        ]
        return FittedMachines(design, list(settings), machines)


@dataclass(frozen=True)
class FittedMachines:
    """One support vector machine per setting, on the same design."""

    design: PathDesign
    settings: list[Setting]
    machines: list[SVC | SVR]

    def scores(self, cases: Cases) -> Array:
        """Return margins, or predicted values."""
        kernels = Kernels(self.design.of(cases), self.design.rows)
        return np.stack([_answer(m)(kernels.of(s)) for s, m in zip(self.settings, self.machines, strict=True)])

    @property
    def expected(self) -> Array:
        """There is none."""
        return np.array([np.nan])

    def contributions(self, cases: Cases) -> Array:
        """Refused: a kernel mixes the columns."""
        raise NotImplementedError("a support vector machine has no exact additive contributions.")


def kernel_settings(model: Any) -> list[Setting]:
    """Return the settings of a model that has the arguments of `TunedSVM`, linear and wide kernels first."""
    linear = [{"kernel": LINEAR, "gamma": np.nan, "C": float(c)} for c in sorted(model.linear_C)]
    radial = [{"kernel": "rbf", "gamma": float(g), "C": float(c)} for g in sorted(model.gamma) for c in sorted(model.C)]
    return linear + radial


def _answer(machine: SVC | SVR) -> Any:
    return machine.decision_function if isinstance(machine, SVC) else machine.predict


class Kernels:
    """Kernels between rows, every width from one matrix of squared distances."""

    def __init__(self, rows: Array, others: Array) -> None:
        self._products = rows @ others.T
        lengths, others_lengths = np.einsum("ij,ij->i", rows, rows), np.einsum("ij,ij->i", others, others)
        self._distances = np.maximum(lengths[:, None] + others_lengths[None, :] - 2.0 * self._products, 0.0)
        self._n_columns = max(rows.shape[1], 1)
        self._made: dict[float, Array] = {}

    def of(self, setting: Setting) -> Array:
        """Return the kernel of a setting."""
        if setting["kernel"] == LINEAR:
            return self._products
        gamma = setting["gamma"]
        if gamma not in self._made:
            self._made[gamma] = np.exp(-gamma / self._n_columns * self._distances)
        return self._made[gamma]
