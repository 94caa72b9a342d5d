"""The models of a value: a block, plain and balanced concatenation, the mean of the block models, and the hedge."""

from __future__ import annotations

from sklearn.base import RegressorMixin

from hybridrad.models.case_outcome import CaseOutcome
from hybridrad.models.outcome_fusions import OutcomeHedge, OutcomeLate
from hybridrad.models.outcome_models import OutcomeBlock, OutcomeConcat, OutcomeEarly
from hybridrad.models.regression.squared_error import SquaredError


class CaseRegressor(RegressorMixin, CaseOutcome):
    """Common ground of the regressors; not used by itself."""

    _outcome = SquaredError()


class BlockRegressor(CaseRegressor, OutcomeBlock):
    """Predict a value from one block of a feature table.

    The default: missing values imputed and text encoded, columns of a block named ``size`` by their logarithm, skewed
    columns through asinh, all scaled; then ridge regression whose penalty the patient-grouped inner folds choose by
    mean squared error. Everything is learned from the training rows, and again in every inner fold.

    Parameters
    ----------
    block : str or dict
        A block of the table by its prefix, or ``{name: columns, positions or slice}``.
    estimator : scikit-learn regressor, optional
        Another model of the block. It is given the block's columns as they are; its predictions get a slope between 0
        and 1 and an intercept, learned from its own inner out-of-fold predictions.
    inner : int, default 4
        Number of inner folds, balanced by the patients' mean values.
    random_state : int, default 0
        Of the inner folds.

    Attributes
    ----------
    oof_predictions_ : ndarray of shape (n_train,)
        Inner out-of-fold predictions of the training cases, in their order and in the unit of y.
    oof_loss_ : float
        Their mean squared error.
    fit_ : LinearFit, CalibratedPredictor or PathPredictor
        For the default: ``penalty`` (scikit-learn's ``alpha``), ``inner_losses``, ``coef``. For tuned models
        ``settings``, ``inner_losses``, ``chosen``.
    expected_prediction_ : float
    grouped_ : bool
        False if it was fitted without patients.
    blocks_ : dict
        Block name -> positions of its columns.
    findings_ : list of str

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> model = BlockRegressor({"deep": slice(None)}).fit(X, 3.0 * X[:, 0] + 10.0, groups=np.arange(60) // 2)
    >>> round(float(model.score(X, 3.0 * X[:, 0] + 10.0)), 2), model.grouped_
    (1.0, True)
    """


class ConcatRegressor(CaseRegressor, OutcomeConcat):
    """Put the columns of all blocks side by side, scale them, and fit one ridge regression: the named baseline.

    Median imputation, mean 0 and standard deviation 1 for every column, the penalty chosen by the patient-grouped inner
    folds. No skewness transform, no balance between blocks.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    fit_ : LinearFit
    oof_predictions_ : ndarray of shape (n_train,)
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = ConcatRegressor({"a": [0, 1], "b": [2, 3]}).fit(X, X.sum(axis=1))
    >>> round(float(model.score(X, X.sum(axis=1))), 2)
    1.0
    """


class EarlyRegressor(CaseRegressor, OutcomeEarly):
    """Concatenate blocks after each was given the same weight, whatever its number of columns; then ridge regression.

    As `EarlyFusion`.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    fit_ : LinearFit
    oof_predictions_ : ndarray of shape (n_train,)
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 22))
    >>> model = EarlyRegressor({"a": [0, 1], "b": slice(2, 22)}).fit(X, X[:, 0])
    >>> bool(np.corrcoef(model.predict(X), X[:, 0])[0, 1] > 0.9)
    True
    """


class LateRegressor(CaseRegressor, OutcomeLate):
    """Predict with the mean of the block models' values; it has no parameters beyond those of its members.

    The values are not standardised before the mean: a member that knows little says little, because its penalty holds
    it near the mean of the training cases. Where a block is missing for a case (all its columns), the mean is over the
    other members, see ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    estimators : dict, optional
        Block name -> regressor that replaces the default model of that block (it is calibrated, see `BlockRegressor`).
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    members_ : dict
        Block name -> fitted `BlockRegressor`.
    oof_predictions_ : ndarray of shape (n_train,)
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> model = LateRegressor({"a": [0, 1], "b": [2, 3]}).fit(X, X.sum(axis=1))
    >>> mean = sum(member.predict(X) for member in model.members_.values()) / 2
    >>> bool(np.allclose(model.predict(X), mean))
    True
    """

    _member = BlockRegressor


class HedgedRegressor(CaseRegressor, OutcomeHedge):
    """Predict with a weighted mean of the values of several members; the default fused model of a regression.

    Its members are a model of each block and, by the name ``joint``, one ridge of all blocks balanced
    (`EarlyRegressor`), which alone can use what blocks say only together. The weights are non-negative, sum to one and
    minimise the mean squared error of the members' patient-grouped inner out-of-fold predictions, as a share of the
    variance of y, plus ``shrinkage * |w - 1/M|^2``. So the unit of y does not matter, and the hedge lies between its
    members: near the best of them, whichever it is, if the members are well regularised. It promises nothing at a
    finite sample size.

    Where a block is missing for a case (all its columns), the members that do not read it answer with renormalised
    weights, see ``missing_blocks``; a member is fitted to, and asked about, the cases that have its block, and the
    weights are fitted to training cases that have every block. Where there are fewer than two of these, weights are
    equal, with a finding.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    estimators : dict, optional
        Block name -> regressor that replaces the default model of that block (it is calibrated, see `BlockRegressor`).
    joint : bool, default True
        Whether there is a joint member, if two blocks have their default model.
    inner : int, default 4
    shrinkage : "auto" or float, default "auto"
        ``"auto"`` is 0.5 / sqrt(number of training patients that have every block); without groups, of such cases.
    n_bootstrap : int, default 200
        Draws of patients behind ``weight_intervals_``; 0 leaves them out.
    random_state : int, default 0
        Of the inner folds and the bootstrap.

    Attributes
    ----------
    weights_ : Series
        Index member: the blocks, and ``joint`` last.
    weight_intervals_ : DataFrame
        Index member, columns ``low, high``: the 95 % percentile interval when patients are drawn with replacement and
        the weights fitted again to the same out-of-fold predictions (the members are not refitted).
    members_ : dict
        Block name -> fitted `BlockRegressor`; ``joint`` -> fitted `EarlyRegressor`.
    joint_blocks_ : list of str
        Blocks the joint member reads; empty without one.
    shrinkage_ : float
    kkt_residual_ : float
        How far the weights miss the conditions of optimality; below 1e-6. NaN where weights could not be fitted.
    slope_, intercept_ : float
        1 and 0, except where every member's out-of-fold error is larger than that of the mean of y: then a slope below
        1 and an intercept fitted to the fused out-of-fold predictions, and a finding.
    findings_ : list of str
        Departures from the plain procedure.
    oof_predictions_ : ndarray of shape (n_train,)
        Weighted out-of-fold predictions of the members. The weights saw them: the optimism of a few free numbers.
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 4))
    >>> model = HedgedRegressor({"radiomics": [0, 1], "deep": [2, 3]}).fit(X, X[:, 0] + rng.normal(size=80))
    >>> bool(model.weights_["radiomics"] > model.weights_["deep"]), round(float(model.weights_.sum()), 9)
    (True, 1.0)
    """

    _member = BlockRegressor
    _together = EarlyRegressor
