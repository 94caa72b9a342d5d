"""Data in which there is nothing to find: permuted labels and noise that keeps what a procedure could trip over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# A table of cases: a DataFrame, or an array whose first axis are the cases.
Raw = pd.DataFrame | NDArray[Any]
LOUD = 30.0  # standard deviation of the noise in loud sites; 1 in quiet ones
_OFFSET = 300.0  # keeps the noise positive: a procedure may take logarithms
_JITTER = 1e-3


def permuted_labels(
    y: NDArray[Any], groups: NDArray[Any], rng: np.random.Generator, *, strata: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return labels moved between whole patients, and the stratum within which each case was exchanged.

    Where every patient has one label, patients swap labels whatever their number of cases. Otherwise the labels of a
    patient's cases move together, in random order, to a patient with as many cases; then only cases of one stratum
    (patients with equally many cases) are exchangeable, because the number of cases may itself go with the label.

    Parameters
    ----------
    y, groups : arrays of shape (n_cases,)
    rng : numpy Generator
    strata : array of shape (n_cases,), optional
        Exchange only within these, for example within sites; one stratum per patient.

    Returns
    -------
    labels : array of shape (n_cases,)
    stratum : int array of shape (n_cases,)
        -1 where a patient had nobody to exchange labels with.

    Examples
    --------
    >>> y, groups = np.array([0, 0, 1, 1]), np.array(["a", "a", "b", "c"])
    >>> labels, stratum = permuted_labels(y, groups, np.random.default_rng(0))
    >>> bool(labels[0] == labels[1]), stratum.tolist()
    (True, [0, 0, 0, 0])
    """
    _, patient = np.unique(groups, return_inverse=True)
    cases_of = [np.flatnonzero(patient == p) for p in range(int(patient.max()) + 1)]
    layer = np.zeros(len(y), dtype=np.intp) if strata is None else np.unique(strata, return_inverse=True)[1]
    torn = [groups[cases[0]] for cases in cases_of if len(set(layer[cases])) > 1]
    if torn:
        raise ValueError(f"patient {torn[0]} has cases in several strata.")
    alike = one_label_each(y, groups)
    most = max(map(len, cases_of))
    exchange = np.array([layer[cases[0]] * (most + 1) + (0 if alike else len(cases)) for cases in cases_of])
    labels, stratum = y.copy(), np.full(len(y), -1, dtype=np.intp)
    for number in np.unique(exchange):
        members = np.flatnonzero(exchange == number)
        for taker, giver in zip(members, rng.permutation(members), strict=True):
            given = y[cases_of[giver]]
            labels[cases_of[taker]] = given[0] if alike else rng.permutation(given)
            if len(members) > 1:
                stratum[cases_of[taker]] = number
    return labels, stratum


def one_label_each(y: NDArray[Any], groups: NDArray[Any]) -> bool:
    """Return whether all cases of every patient carry the same label.

    Examples
    --------
    >>> one_label_each(np.array([0, 1]), np.array(["a", "a"]))
    False
    """
    labels_of = pd.Series(y).groupby(np.asarray(groups)).nunique()
    return int(labels_of.max()) == 1


def noise_like(X: Raw, rng: np.random.Generator, *, keep: Sequence[Any] = ()) -> Raw:
    """Return a table with every column permuted on its own, equal rows kept equal.

    Values, missing ones and types of each column stay; what columns knew of each other, of the label and of the patient
    is gone. Rows that were exact copies stay copies, so that a procedure that duplicated cases beforehand still
    shows it.

    Parameters
    ----------
    X : DataFrame or array of shape (n_cases, ...)
    rng : numpy Generator
    keep : sequence
        Columns of a DataFrame that stay as they are.

    Examples
    --------
    >>> X = np.array([[1.0, 10.0], [1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    >>> noise = noise_like(X, np.random.default_rng(0))
    >>> bool((noise[0] == noise[1]).all()), sorted(set(noise[:, 1].tolist()))
    (True, [10.0, 20.0, 30.0])
    """
    code, first = distinct_rows(X)

    def draw(n_columns: int) -> NDArray[np.intp]:
        return np.asarray(rng.permuted(np.tile(first[:, None], (1, n_columns)), axis=0)[code])

    return _taken(X, draw, keep=keep)


def patient_noise(X: Raw, groups: NDArray[Any], rng: np.random.Generator, *, keep: Sequence[Any] = ()) -> Raw:
    """Return a table in which the cases of a patient are alike and patients differ by chance alone.

    Each column takes, for a whole patient, the value of one case drawn at random; floating-point columns get a jitter
    of a thousandth of their standard deviation, so that cases are alike and not equal.

    Examples
    --------
    >>> X = np.arange(8.0).reshape(4, 2)
    >>> alike = patient_noise(X, np.array(["a", "a", "b", "b"]), np.random.default_rng(0))
    >>> bool(np.abs(alike[0] - alike[1]).max() < 0.1)
    True
    """
    _, patient = np.unique(groups, return_inverse=True)

    def draw(n_columns: int) -> NDArray[np.intp]:
        rows = np.tile(np.arange(len(patient))[:, None], (1, n_columns))
        return np.asarray(rng.permuted(rows, axis=0)[: int(patient.max()) + 1][patient])

    def jitter(column: NDArray[Any]) -> NDArray[Any]:
        spread = np.nanstd(column) if np.isfinite(column).any() else 0.0
        return np.asarray(column + _JITTER * spread * rng.standard_normal(len(column)))

    return _changed(_taken(X, draw, keep=keep), jitter, keep=keep, only_floats=True)


def site_scaled_noise(
    X: Raw, sites: NDArray[Any], rng: np.random.Generator, *, keep: Sequence[Any] = ()
) -> tuple[Raw, NDArray[np.bool_]]:
    """Return positive Gaussian noise that is 30 times louder in half of the sites, and which cases are in quiet ones.

    Harmonisation that knows the outcome gives back the outcome's part of each value, divided by the scale of the site:
    in quiet sites nearly nothing else is left. Harmonisation that does not know the outcome leaves noise.

    Parameters
    ----------
    X : DataFrame or array of shape (n_cases, ...)
        Gives shape and names; columns that are no numbers are permuted.
    sites : array of shape (n_cases,)
    keep : sequence
        Columns of a DataFrame that stay as they are: those that name the site.

    Examples
    --------
    >>> X, quiet = site_scaled_noise(np.zeros((40, 3)), np.repeat(["a", "b"], 20), np.random.default_rng(0))
    >>> int(quiet.sum()), bool(X[quiet].std() < X[~quiet].std() / 10)
    (20, True)
    """
    names, site = np.unique(np.asarray(sites).astype(str), return_inverse=True)
    is_quiet = np.zeros(len(names), dtype=bool)
    # Every second one by size, so that either half holds enough cases.
    is_quiet[np.argsort(-np.bincount(site), kind="stable")[::2]] = True
    quiet = is_quiet[site]
    scale = np.where(quiet, 1.0, LOUD)

    def noise(column: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(_OFFSET + scale * rng.standard_normal(len(column)))

    return _changed(noise_like(X, rng, keep=keep), noise, keep=keep), quiet


def distinct_rows(X: Raw) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for each row the number of its content, and for each content its first row.

    Examples
    --------
    >>> code, first = distinct_rows(np.array([[2.0, 1.0], [3.0, 1.0], [2.0, 1.0]]))
    >>> bool(code[0] == code[2] != code[1]), sorted(first.tolist())
    (True, [0, 1])
    """
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X).reshape(len(X), -1))
    digest = pd.util.hash_pandas_object(table, index=False).to_numpy()
    _, first, code = np.unique(digest, return_index=True, return_inverse=True)
    return code.astype(np.intp), first.astype(np.intp)


def _taken(X: Raw, draw: Callable[[int], NDArray[np.intp]], *, keep: Sequence[Any]) -> Raw:
    """Return ``X`` with each column taken at its own rows, shape (n_cases, n_columns) of ``draw``."""
    if not isinstance(X, pd.DataFrame):
        flat = X.reshape(len(X), -1)
        return np.take_along_axis(flat, draw(flat.shape[1]), axis=0).reshape(X.shape)
    rows = draw(X.shape[1])
    columns = {
        j: X.iloc[:, j].array if name in keep else X.iloc[:, j].array.take(rows[:, j])
        for j, name in enumerate(X.columns)
    }
    return pd.DataFrame(columns, index=X.index).set_axis(X.columns, axis=1)


def _changed(
    X: Raw, change: Callable[[NDArray[Any]], NDArray[Any]], *, keep: Sequence[Any], only_floats: bool = False
) -> Raw:
    """Return ``X`` with ``change`` applied to each column of numbers."""
    if not isinstance(X, pd.DataFrame):
        kinds = "f" if only_floats else "fiu"
        if X.dtype.kind not in kinds:
            return X
        flat = X.reshape(len(X), -1).astype(float)
        return np.stack([change(column) for column in flat.T], axis=1).reshape(X.shape)
    is_number = pd.api.types.is_float_dtype if only_floats else pd.api.types.is_numeric_dtype
    columns = {}
    for j, name in enumerate(X.columns):
        column = X.iloc[:, j]
        if name in keep or not is_number(column) or pd.api.types.is_bool_dtype(column):
            columns[j] = column.array
        else:
            columns[j] = change(column.to_numpy(dtype=float, na_value=np.nan))
    return pd.DataFrame(columns, index=X.index).set_axis(X.columns, axis=1)
