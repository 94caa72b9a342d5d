"""Members and the cases that have their block: they learn from these, and are asked about these alone.

A case without the block holds nothing to learn from, and a model of another maker may refuse it. So a member is fitted
to the cases that have its block. What stands in for its answer elsewhere hardly matters, because the fusion gives it no
weight unless every block is missing (see `absence.py`): that of the default models, which fill gaps by medians, and the
average answer of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad.errors import RunError
from hybridrad.models.case_model import Array, Cases
from hybridrad.models.members import own_estimators
from hybridrad.strata import strata_of

# Values and times are balanced by two halves of the patients at least, and a fold needs one of each half.
FEWEST = {"classification": 2, "regression": 4, "survival": 4}


def fit_members_where_present(
    model: type[Any],
    training: Any,
    y: ArrayLike,
    groups: ArrayLike | None,
    *,
    blocks: Mapping[str, NDArray[np.intp]],
    estimators: Mapping[str, Any] | None,
    inner: int,
    absent: NDArray[np.bool_],
    findings: list[str],
) -> dict[str, Any]:
    """Return block name -> model fitted to the training cases that have the block; who lacks it becomes a finding.

    Where these are too few for inner folds a member is fitted to all cases, which the default model can (it fills
    gaps).

    Parameters
    ----------
    model : type
        ``BlockModel`` or its sister for another task.
    training : Training or OutcomeTraining
    y : array-like of shape (n_cases,)
        As it was given to the fusion.
    groups : array-like of shape (n_cases,), optional
    blocks : dict
        Block name -> positions.
    estimators : dict, optional
        Replaces the default model of the blocks it names.
    inner : int
    absent : bool ndarray of shape (n_cases, n_blocks or more)
        Where which block is missing.
    findings : list of str
        Gets a sentence for each block that training cases lack, and what the members say of themselves.

    Raises
    ------
    ValueError
        ``estimators`` names an unknown block; or one of them refuses cases without its block, and the others are too
        few for it.
    """
    estimators = own_estimators(estimators, blocks)
    members: dict[str, Any] = {}
    for b, (name, positions) in enumerate(blocks.items()):
        wanted, estimator = {name: positions.tolist()}, estimators.get(name)
        member = model(wanted, estimator=estimator, inner=inner, random_state=training.seed)
        members[name] = _fit_member(member, name, training, y, groups, ~absent[:, b], findings)
        findings += members[name].findings_
    return members


def _fit_member(
    member: Any,
    name: str,
    training: Any,
    y: ArrayLike,
    groups: ArrayLike | None,
    there: NDArray[np.bool_],
    findings: list[str],
) -> Any:
    if there.all():
        return member.fit(training.cases.table, y, groups=groups)
    at = np.flatnonzero(there)
    count = f"({len(at)} of {len(there)})"
    if can_learn(training.y, training.groups, at):
        findings.append(f"Training cases lack block {name}; its member was fitted to those that have it {count}.")
        patients = None if groups is None else np.asarray(groups)[at]
        return member.fit(training.cases.rows(at).table, np.asarray(y)[at], groups=patients)
    findings.append(f"Too few training cases have block {name}; its member was fitted to all of them {count}.")
    try:
        return member.fit(training.cases.table, y, groups=groups)
    except ValueError as err:
        raise ValueError(
            f"block {name!r}: {len(at)} of {len(there)} training cases have it, too few to fit its estimator to them "
            f"alone, and it refused the others ({err}); leave the block out or give it the default model."
        ) from err


def out_of_fold_answers(members: Iterable[Any], absent: NDArray[np.bool_]) -> list[Array]:
    """Return each member's out-of-fold answers for all training cases; its average one where it was not fitted to them.

    Parameters
    ----------
    members : iterable of fitted models
    absent : bool ndarray of shape (n_cases, n_members)
    """
    answers = []
    for member, lacks in zip(members, absent.T, strict=True):
        known = _out_of_fold(member)
        if len(known) < len(lacks):
            every = _repeated(average_answer(member), len(lacks))
            every[~lacks] = known
            known = every
        answers.append(known)
    return answers


def answers_where_present(members: Iterable[Any], cases: Cases, absent: NDArray[np.bool_]) -> list[Array]:
    """Return each member's logits or predictions; a model of another maker is not asked where its block is missing.

    Parameters
    ----------
    members : iterable of fitted models
    cases : Cases
    absent : bool ndarray of shape (n_cases, n_members)
    """
    return [
        _where_present(member, own_answer(member), cases, lacks, average_answer(member))
        for member, lacks in zip(members, absent.T, strict=True)
    ]


def contributions_where_present(members: Iterable[Any], cases: Cases, absent: NDArray[np.bool_]) -> list[Array]:
    """Return each member's contributions (n_cases, n_columns, n_outputs) to `answers_where_present`.

    Parameters
    ----------
    members : iterable of fitted models
    cases : Cases
    absent : bool ndarray of shape (n_cases, n_members)
    """
    return [
        _where_present(
            member,
            member._contributions,
            cases,
            lacks,
            np.zeros((member.n_features_in_, np.size(average_answer(member)))),
        )
        for member, lacks in zip(members, absent.T, strict=True)
    ]


def average_answer(member: Any) -> Any:
    """Return the expected answer of a member; if it has none, the mean of its out-of-fold answers."""
    expected = member.expected_logit_ if hasattr(member, "expected_logit_") else member.expected_prediction_
    return expected if np.isfinite(expected).all() else _out_of_fold(member).mean(axis=0)


def _out_of_fold(member: Any) -> Array:
    known: Array = member.oof_logits_ if hasattr(member, "oof_logits_") else member.oof_predictions_
    return known


def own_answer(member: Any) -> Any:
    """Return the function of cases to the logits or predictions of a fitted block model."""
    return member._logits if hasattr(member, "_logits") else member._predict


def _where_present(member: Any, answer: Any, cases: Cases, lacks: NDArray[np.bool_], otherwise: Any) -> Array:
    # The default models fill gaps themselves; a model of another maker never sees the cases that lack its block.
    if not lacks.any() or getattr(member, "estimator", None) is None:
        return np.asarray(answer(cases))
    out = _repeated(otherwise, len(lacks))
    there = np.flatnonzero(~lacks)
    if len(there):
        out[there] = answer(cases.rows(there))
    return out


def _repeated(answer: Any, n_cases: int) -> Array:
    return np.array(np.broadcast_to(answer, (n_cases, *np.shape(answer))), dtype=float)


def can_learn(targets: NDArray[Any], patients: NDArray[np.intp], at: NDArray[np.intp]) -> bool:
    """Return whether the cases at these positions hold what inner folds need: every class, and enough patients."""
    if len(at) < min(FEWEST.values()):
        return False
    try:
        strata = strata_of(targets[at], patients[at], n_folds=2)
    except RunError:  # a single class, or no event
        return False
    every_class = strata.task != "classification" or len(np.unique(targets)) == len(np.unique(targets[at]))
    return every_class and strata.scarce >= FEWEST[strata.task]
