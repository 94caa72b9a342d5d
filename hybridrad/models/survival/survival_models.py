"""The models of events in time: a block, plain and balanced concatenation, the mean of the block models, the hedge."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from hybridrad.models.case_model import Array
from hybridrad.models.case_outcome import CaseOutcome, OutcomeTraining
from hybridrad.models.outcome_fusions import OutcomeHedge, OutcomeLate
from hybridrad.models.outcome_models import OutcomeBlock, OutcomeConcat, OutcomeEarly
from hybridrad.models.survival.baseline import Baseline, breslow_baseline
from hybridrad.models.survival.cox_loss import CoxLoss


class CaseSurvival(CaseOutcome):
    """Common ground of the survival models; not used by itself."""

    _outcome = CoxLoss()
    oof_predictions_: Array

    def _finish(self, training: OutcomeTraining) -> None:
        # Out-of-fold risks spread as those of new cases do; the fitted ones of the training cases spread more, and a
        # baseline from them would promise too much.
        y = training.y
        self.baseline_: Baseline = breslow_baseline(y["event"], y["time"], self.oof_predictions_)

    def predict_survival(self, X: Any, times: ArrayLike) -> Array:
        """Return the probability of no event up to each time.

        Breslow's baseline hazard of the training cases under their out-of-fold risks, scaled by each case's hazard.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        times : array-like of shape (n_times,)
            In the unit of the training times, not after the last follow-up among the training cases.

        Returns
        -------
        ndarray of shape (n_cases, n_times)
        """
        check_is_fitted(self)
        return self.baseline_.survival(self.predict(X), times)


class BlockSurvival(CaseSurvival, OutcomeBlock):
    """Predict the risk of an event from one block of a feature table.

    The default: missing values imputed and text encoded, columns of a block named ``size`` by their logarithm, skewed
    columns through asinh, all scaled; then ridge penalised Cox regression with Efron's ties, whose penalty the
    patient-grouped inner folds choose by cross-validated partial likelihood. Everything is learned from the training
    rows, and again in every inner fold.

    ``fit`` takes y as a structured array with the fields ``event`` (bool) and ``time``, see
    `hybridrad.models.survival.targets.survival_targets`; ``predict`` gives the log relative hazard (higher: earlier
    event), ``predict_survival`` probabilities.

    Parameters
    ----------
    block : str or dict
        A block of the table by its prefix, or ``{name: columns, positions or slice}``.
    estimator : survival estimator, optional
        Another model of the block, fitted with the structured y, whose ``predict`` gives a risk of any scale (higher:
        earlier event). It is given the block's columns as they are; its risk gets a positive slope that maximises the
        partial likelihood of its own inner out-of-fold risks.
    inner : int, default 4
        Number of inner folds, balanced by events; fewer where fewer patients have one.
    random_state : int, default 0
        Of the inner folds.

    Attributes
    ----------
    oof_predictions_ : ndarray of shape (n_train,)
        Inner out-of-fold risks of the training cases, in their order.
    oof_loss_ : float
        Minus their log partial likelihood per event, all folds pooled.
    baseline_ : Baseline
        Breslow's cumulative hazard at risk 0.
    fit_ : LinearFit, CalibratedPredictor or PathPredictor
        For the default: ``penalty``, ``inner_losses``, ``coef``. For tuned models ``settings``, ``inner_losses``,
        ``chosen``.
    expected_prediction_ : float
    grouped_ : bool
        False if it was fitted without patients.
    blocks_ : dict
        Block name -> positions of its columns.
    findings_ : list of str

    References
    ----------
    Verweij & van Houwelingen 1993, doi:10.1002/sim.4780122407, and 1994, doi:10.1002/sim.4780132307.

    Examples
    --------
    >>> import numpy as np
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = survival_targets(np.tile([1, 1, 0], 20), np.exp(2.0 - X[:, 0]))
    >>> model = BlockSurvival({"deep": slice(None)}).fit(X, y)
    >>> early, late = model.predict_survival([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]], times=[5.0])[:, 0]
    >>> bool(early < late)
    True
    """


class ConcatSurvival(CaseSurvival, OutcomeConcat):
    """Put the columns of all blocks side by side, scale them, and fit one ridge Cox regression: the named baseline.

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
    baseline_ : Baseline
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> y = survival_targets(np.tile([1, 1, 0], 20), np.exp(-X.sum(axis=1)))
    >>> model = ConcatSurvival({"a": [0, 1], "b": [2, 3]}).fit(X, y)
    >>> bool(np.corrcoef(model.predict(X), X.sum(axis=1))[0, 1] > 0.95)
    True
    """


class EarlySurvival(CaseSurvival, OutcomeEarly):
    """Concatenate blocks after each was given the same weight, whatever its number of columns; then ridge Cox.

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
    baseline_ : Baseline
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> X = np.random.default_rng(0).normal(size=(60, 22))
    >>> y = survival_targets(np.tile([1, 1, 0], 20), np.exp(-X[:, 0]))
    >>> model = EarlySurvival({"a": [0, 1], "b": slice(2, 22)}).fit(X, y)
    >>> bool(np.corrcoef(model.predict(X), X[:, 0])[0, 1] > 0.9)
    True
    """


class LateSurvival(CaseSurvival, OutcomeLate):
    """Predict with the mean of the block models' risks; it has no parameters beyond those of its members.

    Risks are log relative hazards, one unit for all members, and are not standardised before the mean: a member that
    knows little says little, because its penalty holds its risks together. Where a block is missing for a case (all its
    columns), the mean is over the other members, see ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    estimators : dict, optional
        Block name -> survival estimator that replaces the default model of that block (it is calibrated, see
        `BlockSurvival`).
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    members_ : dict
        Block name -> fitted `BlockSurvival`.
    oof_predictions_ : ndarray of shape (n_train,)
    baseline_ : Baseline
        Of the mean risk.
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> y = survival_targets(np.tile([1, 1, 0], 20), np.exp(-X.sum(axis=1)))
    >>> model = LateSurvival({"a": [0, 1], "b": [2, 3]}).fit(X, y)
    >>> mean = sum(member.predict(X) for member in model.members_.values()) / 2
    >>> bool(np.allclose(model.predict(X), mean))
    True
    """

    _member = BlockSurvival


class HedgedSurvival(CaseSurvival, OutcomeHedge):
    """Predict with a weighted mean of the risks of several members; the default fused model of events in time.

    Its members are a model of each block and, by the name ``joint``, one ridge of all blocks balanced
    (`EarlySurvival`), which alone can use what blocks say only together. The weights are non-negative, sum to one and
    minimise minus the log partial likelihood per event of the members' pooled, patient-grouped inner out-of-fold risks
    plus ``shrinkage * |w - 1/M|^2``; both are convex in the weights. So the hedge lies between its members: near the
    best of them, whichever it is, if they are well regularised. It promises nothing at a finite sample size.

    Where a block is missing for a case (all its columns), the members that do not read it answer with renormalised
    weights, see ``missing_blocks``; a member is fitted to, and asked about, the cases that have its block, and the
    weights are fitted to training cases that have every block. Where there are fewer than two of these (survival: with
    an event), weights are equal, with a finding.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    estimators : dict, optional
        Block name -> survival estimator that replaces the default model of that block (it is calibrated, see
        `BlockSurvival`).
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
        the weights fitted again to the same out-of-fold risks (the members are not refitted).
    members_ : dict
        Block name -> fitted `BlockSurvival`; ``joint`` -> fitted `EarlySurvival`.
    joint_blocks_ : list of str
        Blocks the joint member reads; empty without one.
    shrinkage_ : float
    kkt_residual_ : float
        How far the weights miss the conditions of optimality; below 1e-6. NaN where weights could not be fitted.
    slope_, intercept_ : float
        1 and 0, except where every member's out-of-fold loss is worse than that of equal risks: then a slope below 1
        (and the intercept that makes the mean out-of-fold risk 0), and a finding. The ranking of cases stays.
    findings_ : list of str
        Departures from the plain procedure.
    oof_predictions_ : ndarray of shape (n_train,)
        Weighted out-of-fold risks of the members. The weights saw them: the optimism of a few free numbers.
    baseline_ : Baseline
        Of the pooled risk.
    expected_prediction_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 4))
    >>> y = survival_targets(rng.random(80) < 0.7, rng.exponential(size=80) * np.exp(-1.5 * X[:, 0]))
    >>> model = HedgedSurvival({"radiomics": [0, 1], "deep": [2, 3]}).fit(X, y)
    >>> bool(model.weights_["radiomics"] > model.weights_["deep"]), round(float(model.weights_.sum()), 9)
    (True, 1.0)
    """

    _member = BlockSurvival
    _together = EarlySurvival
