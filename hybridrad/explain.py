"""What a prediction is made of: exact additive contributions to the logit, out of fold, by feature and by block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_regressor

from hybridrad._checks import IMPORTANCE_COLUMNS, check_table
from hybridrad.features.blocks import block_of

# Contributions below this are rounding, not use of the feature.
UNUSED = 1e-9
Array = NDArray[np.float64]


def fold_contributions(name: str, fitted: Any, X_test: pd.DataFrame) -> NDArray[np.float32] | None:
    """Return the contributions of every column for the test cases of a fold, or None where the model gives none.

    Can be handed to ``evaluate`` as ``after_fit``. Stored in single precision, because there is one array per arm and
    fold.

    Parameters
    ----------
    name : str
        Arm; not used, part of the signature that ``after_fit`` has.
    fitted : fitted classifier
    X_test : DataFrame of shape (n_cases, n_features)

    Returns
    -------
    ndarray of shape (n_cases, n_features) or (n_cases, n_features, n_classes), or None

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"size__volume_ml": [1.0, 2.0, 3.0, 4.0]})
    >>> fold_contributions("size", LogisticRegression().fit(X, [0, 0, 1, 1]), X).shape
    (4, 1)
    """
    try:
        return contributions(fitted, X_test).astype(np.float32)
    except NotImplementedError:
        return None


def contributions(fitted: Any, X: pd.DataFrame) -> Array:
    """Return contributions that add up, over columns, to the logit (the value, the risk) minus a constant.

    Own ``shap_values`` of the model where it has them; XGBoost's exact tree contributions (also inside a
    ``BlockModel``); for linear models coefficient times distance from a reference: the training mean where a
    ``StandardScaler`` comes before, else the mean of the cases in ``X``. Pipelines and searches are opened; columns
    that are dropped on the way contribute 0.

    Parameters
    ----------
    fitted : fitted classifier
    X : DataFrame of shape (n_cases, n_features)

    Returns
    -------
    ndarray of shape (n_cases, n_features), or (n_cases, n_features, n_classes) with more than two classes

    Raises
    ------
    NotImplementedError
        The model has no such decomposition, or a step mixes columns (for example PCA); the message says which.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = pd.DataFrame({"size__volume_ml": [1.0, 2.0, 3.0, 4.0]})
    >>> model = LogisticRegression().fit(X, [0, 0, 1, 1])
    >>> found = contributions(model, X)[:, 0]
    >>> bool(np.ptp(model.decision_function(X) - found) < 1e-12)
    True
    """
    found = _open(fitted, X, centred=False)
    wanted = (len(X), X.shape[1])
    if found.shape[:2] != wanted or not np.isfinite(found).all():
        raise NotImplementedError(
            f"{type(fitted).__name__} gave contributions of shape {found.shape} (wanted {wanted}) or not finite ones."
        )
    return found


def importance_table(
    extras: Mapping[tuple[str, int, int], NDArray | None], X: pd.DataFrame, splits: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the importance table and the contributions of each case, averaged over repeats.

    Parameters
    ----------
    extras : dict of (model, repeat, fold) -> array or None
        From `fold_contributions`, one row per test case in the order of ``X``. Models without any array were not
        explained and are absent from the tables.
    X : DataFrame of shape (n_cases, n_features), index ``case_id``
    splits : DataFrame
        The splits table.

    Returns
    -------
    importance : DataFrame
        Index ``model, feature``; columns ``block``; ``mean_abs_shap``: mean over cases (and classes) of the absolute
        contribution after averaging over repeats; ``direction``: "+" where larger values of the feature raise the
        logit, "-" where they lower it (sign of the rank correlation), "" for text, for constants and with more than two
        classes; ``folds_selected``: in how many folds the feature contributed at all. Blocks that a model does not use
        are left out.
    cases : DataFrame
        Index ``model, case_id`` (with more than two classes ``model, case_id, class``); one column per feature of
        ``X``.

    Examples
    --------
    >>> X = pd.DataFrame({"size__volume_ml": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="case_id"))
    >>> index = pd.MultiIndex.from_tuples([(0, 0, "a"), (0, 1, "b")], names=["repeat", "fold", "case_id"])
    >>> extras = {("size", 0, 0): np.array([[-0.5]]), ("size", 0, 1): np.array([[0.5]])}
    >>> importance, _ = importance_table(extras, X, pd.DataFrame({"role": "test"}, index=index))
    >>> print(*importance.loc[("size", "size__volume_ml")])
    size 0.5 + 2
    """
    check_table(X, index=["case_id"], columns=[], name="X")
    check_table(splits, index=["repeat", "fold", "case_id"], columns=["role"], name="splits")
    tested = splits[splits["role"] == "test"]
    rows = {
        (int(str(key[0])), int(str(key[1]))): np.sort(X.index.get_indexer(part.index.get_level_values("case_id")))
        for key, part in tested.groupby(level=["repeat", "fold"])
    }
    ranks = _numeric(X).rank().to_numpy(dtype=float)
    blocks = np.array([block_of(c) for c in X.columns])
    importance, cases = [], []
    for model in dict.fromkeys(key[0] for key in extras):
        of_model = {key[1:]: value for key, value in extras.items() if key[0] == model and value is not None}
        if not of_model:
            continue
        mean, seen, used_in = _over_repeats(of_model, rows, X.shape)
        used_blocks = set(blocks[used_in > 0])
        keep = np.isin(blocks, list(used_blocks))
        binary = mean.shape[2] == 1
        direction = _direction(ranks[seen], mean[seen, :, 0]) if binary else np.full(X.shape[1], "", dtype=object)
        columns = [blocks, np.abs(mean[seen]).mean(axis=(0, 2)), direction, used_in]
        table = pd.DataFrame(dict(zip(IMPORTANCE_COLUMNS, columns, strict=True)), index=X.columns.rename("feature"))
        importance.append(pd.concat({model: table[keep]}, names=["model"]))
        cases.append(_case_table(str(model), mean[seen], X.index[seen], X.columns))
    if not importance:
        empty = pd.MultiIndex.from_arrays([[], []], names=["model", "feature"])
        no_cases = pd.MultiIndex.from_arrays([[], []], names=["model", "case_id"])
        return pd.DataFrame(columns=IMPORTANCE_COLUMNS, index=empty), pd.DataFrame(columns=X.columns, index=no_cases)
    return pd.concat(importance), pd.concat(cases)


def block_shares(cases: pd.DataFrame) -> pd.DataFrame:
    """Return how much of each model's logit comes from each block.

    Parameters
    ----------
    cases : DataFrame
        Contributions of each case, from `importance_table`.

    Returns
    -------
    DataFrame
        Index ``model, block``; columns ``mean_abs_shap``, the mean over cases of the absolute sum of the block's
        contributions (features of a block that cancel each other count for nothing), and ``share`` of it among the
        model's blocks.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("early", "a"), ("early", "b")], names=["model", "case_id"])
    >>> cases = pd.DataFrame({"deep__0": [0.9, -0.9], "deep__1": [-0.6, 0.6], "size__ml": [0.1, 0.1]}, index=index)
    >>> block_shares(cases)["share"].round(2).tolist()
    [0.75, 0.25]
    """
    of_column = np.array([block_of(c) for c in cases.columns])
    sums = pd.DataFrame({name: cases.loc[:, of_column == name].sum(axis=1) for name in dict.fromkeys(of_column)})
    strength = sums.abs().groupby(level="model", sort=False).mean()
    index = pd.MultiIndex.from_product([strength.index, strength.columns], names=["model", "block"])
    long = pd.DataFrame({"mean_abs_shap": strength.to_numpy().ravel()}, index=index)
    long = long[long["mean_abs_shap"] > UNUSED]
    long["share"] = long["mean_abs_shap"] / long.groupby(level="model")["mean_abs_shap"].transform("sum")
    return long


def _open(fitted: Any, X: Any, *, centred: bool) -> Array:
    """Return contributions of the columns of X, whatever the model is wrapped in."""
    if hasattr(fitted, "best_estimator_"):
        return _open(fitted.best_estimator_, X, centred=centred)
    if hasattr(fitted, "steps"):
        return _through_pipeline(fitted, X)
    if hasattr(fitted, "shap_values"):
        try:
            return np.asarray(fitted.shap_values(X), dtype=float)
        except NotImplementedError:
            return _inside_block_model(fitted, X)
    if hasattr(fitted, "get_booster"):
        return _of_xgboost(fitted, X)
    if hasattr(fitted, "coef_") and (hasattr(fitted, "decision_function") or is_regressor(fitted)):
        return _of_linear(fitted, X, centred=centred)
    raise NotImplementedError(f"{type(fitted).__name__} has no exact additive contributions to its logit.")


def _through_pipeline(fitted: Any, X: pd.DataFrame) -> Array:
    steps = [step for _, step in fitted.steps[:-1] if step is not None and step != "passthrough"]
    if not steps:
        return _open(fitted.steps[-1][1], X, centred=False)
    before = fitted[:-1]
    try:
        names = list(before.get_feature_names_out(list(X.columns)))
    except (AttributeError, ValueError) as err:
        raise NotImplementedError(f"a step before the model does not name its columns: {err}") from err
    if len(set(names)) != len(names) or not set(names) <= set(X.columns):
        raise NotImplementedError("a step before the model makes new columns, so contributions have no place to go.")
    centred = type(steps[-1]).__name__ == "StandardScaler" and bool(steps[-1].with_mean)
    inner = _open(fitted.steps[-1][1], before.transform(X), centred=centred)
    out = np.zeros((len(X), X.shape[1], *inner.shape[2:]))
    out[:, X.columns.get_indexer(pd.Index(names))] = inner
    return out


def _inside_block_model(fitted: Any, X: Any) -> Array:
    """Return slope x contributions of the estimator of another maker that a BlockModel holds."""
    from hybridrad.models.block_model import BlockModel, CalibratedFit

    if not isinstance(fitted, BlockModel) or not isinstance(fitted.fit_, CalibratedFit):
        raise NotImplementedError(f"{type(fitted).__name__} has no exact additive contributions to its logit.")
    (positions,) = fitted.blocks_.values()
    columns = X.iloc[:, positions] if isinstance(X, pd.DataFrame) else np.asarray(X)[:, positions]
    inner = fitted.fit_.slope * _open(fitted.fit_.estimator, columns, centred=False)
    out = np.zeros((len(columns), np.shape(X)[1], *inner.shape[2:]))
    out[:, positions] = inner
    return out


def _of_xgboost(fitted: Any, X: Any) -> Array:
    import xgboost

    booster = fitted.get_booster()
    try:
        values = np.asarray(X, dtype=np.float32)
    except (TypeError, ValueError) as err:
        raise NotImplementedError(f"contributions of XGBoost need numeric columns: {err}") from err
    matrix = xgboost.DMatrix(values, feature_names=booster.feature_names, missing=fitted.missing, nthread=1)
    # As predict does after early stopping: later trees are not part of the model.
    last = getattr(fitted, "best_iteration", None) if fitted.early_stopping_rounds is not None else None
    found = booster.predict(matrix, pred_contribs=True, iteration_range=(0, 0 if last is None else last + 1))
    if found.ndim == 2:
        return np.asarray(found[:, :-1], dtype=float)
    by_class = np.asarray(found[:, :, :-1], dtype=float).transpose(0, 2, 1)
    # Margins of a softmax are defined up to a constant per case; centred they are comparable between models.
    return by_class - by_class.mean(axis=2, keepdims=True)


def _of_linear(fitted: Any, X: Any, *, centred: bool) -> Array:
    try:
        values = np.asarray(X, dtype=float)
    except (TypeError, ValueError) as err:
        raise NotImplementedError(f"contributions of a linear model need numeric columns: {err}") from err
    coef = np.atleast_2d(np.asarray(fitted.coef_, dtype=float))
    if coef.shape[1] != values.shape[1]:
        raise NotImplementedError(f"{type(fitted).__name__}: coef_ has another number of columns than the table.")
    distance = values if centred else values - values.mean(axis=0)
    found = distance[:, :, None] * coef.T[None, :, :]
    decide = fitted.decision_function if hasattr(fitted, "decision_function") else fitted.predict
    decision = np.asarray(decide(X), dtype=float).reshape(len(values), -1)
    # Guards against models whose coef_ is not what the decision is made of.
    if decision.shape[1] != found.shape[2] or np.ptp(decision - found.sum(axis=1), axis=0).max() > 1e-6:
        raise NotImplementedError(f"{type(fitted).__name__}: the decision is not the sum of coefficient times value.")
    return found[:, :, 0] if found.shape[2] == 1 else found - found.mean(axis=2, keepdims=True)


def _over_repeats(
    of_model: Mapping[tuple[int, int], NDArray],
    rows: Mapping[tuple[int, int], NDArray[np.intp]],
    shape: tuple[int, int],
) -> tuple[Array, NDArray[np.bool_], NDArray[np.intp]]:
    """Return contributions (n_cases, n_features, n_outputs), who has any, and folds each feature is used in."""
    first = next(iter(of_model.values()))
    total = np.zeros((*shape, 1 if first.ndim == 2 else first.shape[2]))
    times = np.zeros(shape[0])
    used_in = np.zeros(shape[1], dtype=np.intp)
    for key, value in of_model.items():
        table = np.asarray(value, dtype=float)
        table = table[:, :, None] if table.ndim == 2 else table
        if table.shape != (len(rows[key]), *total.shape[1:]):
            raise ValueError(f"contributions of repeat {key[0]}, fold {key[1]} have shape {np.shape(value)}.")
        total[rows[key]] += table
        times[rows[key]] += 1
        used_in += (np.abs(table) > UNUSED).any(axis=(0, 2))
    return total / np.maximum(times, 1)[:, None, None], times > 0, used_in


def _numeric(X: pd.DataFrame) -> pd.DataFrame:
    """Return X with text columns as NaN: they have no order, so no direction."""
    return X.apply(lambda c: c if pd.api.types.is_numeric_dtype(c) else pd.Series(np.nan, index=c.index))


def _direction(ranks: Array, contribution: Array) -> NDArray[np.object_]:
    known = np.isfinite(ranks)
    n = np.maximum(known.sum(axis=0), 1)
    a = np.where(known, ranks, 0.0)
    a = np.where(known, a - a.sum(axis=0) / n, 0.0)
    b = pd.DataFrame(contribution).round(12).rank().to_numpy()
    b = np.where(known, b - np.where(known, b, 0.0).sum(axis=0) / n, 0.0)
    covariance = (a * b).sum(axis=0)
    return np.select([covariance > UNUSED, covariance < -UNUSED], ["+", "-"], default="").astype(object)


def _case_table(model: str, mean: Array, cases: pd.Index, columns: pd.Index) -> pd.DataFrame:
    if mean.shape[2] == 1:
        index = pd.MultiIndex.from_product([[model], cases], names=["model", "case_id"])
        return pd.DataFrame(mean[:, :, 0], index=index, columns=columns)
    index = pd.MultiIndex.from_product([[model], cases, range(mean.shape[2])], names=["model", "case_id", "class"])
    return pd.DataFrame(mean.transpose(0, 2, 1).reshape(-1, len(columns)), index=index, columns=columns)
