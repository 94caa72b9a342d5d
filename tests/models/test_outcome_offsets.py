from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hybridrad as hr
from hybridrad.models.block_model import block_preparation
from hybridrad.models.outcome_offsets import after_block, can_be_nested, nested_offsets, stacked_offsets
from tests.models.test_outcome_models import TASKS, model_of, outcome_table


def offsets_of(task, y, kind):
    """Return the training part, and the offsets after the first block and after a second one."""
    X, _, patient = outcome_table(task)
    model = model_of("Priority", task)(["deep", "radiomics"])
    # Folds of the first targets, so that changed ones change nothing but what is learned.
    training = replace(model._start(X, outcome_table(task)[1], patient, blocks=["deep", "radiomics"]), y=y)
    base = model_of("Block", task)("deep")
    fitted = base.fit(X, y, groups=patient)
    values = {name: X.filter(regex=f"^{name}__").to_numpy() for name in ("deep", "radiomics")}
    common = {"outcome": model._outcome, "penalties": model._outcome.penalties}
    prepared = {name: block_preparation(training, name, model.blocks_[name]) for name in values}
    if kind == "stacked":
        first = stacked_offsets(fitted.oof_predictions_, len(training.folds))
    else:
        first = nested_offsets(
            values["deep"],
            training,
            preparation=prepared["deep"],
            oof_predictions=fitted.oof_predictions_,
            inner=3,
            **common,
        )
    added = fitted.oof_predictions_ / 2.0
    later = after_block(values["radiomics"], training, first, preparation=prepared["radiomics"], added=added, **common)
    return training, fitted, first, later


def changed(task, y, at):
    """Return other targets for some cases, of the same strata."""
    out = y.copy()
    if task == "regression":
        out[at] = out[at] + 0.01 * np.arange(len(at))
    else:
        out["time"][at] = out["time"][at] * 1.5
    return out


@pytest.mark.parametrize("task", TASKS)
def test_targets_of_the_rows_that_are_judged_change_no_nested_offset_of_the_training_rows(task):
    _, y, _ = outcome_table(task)
    training, *_ = offsets_of(task, y, "stacked")
    train, test = training.folds[0]
    for kind, same in (("nested", True), ("stacked", False)):
        one, other = (offsets_of(task, t, kind) for t in (y, changed(task, y, test)))
        for before, after in zip(one[2:], other[2:], strict=True):
            assert np.array_equal(before.known[0, train], after.known[0, train]) == same


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", ["stacked", "nested"])
def test_offsets_of_the_test_rows_are_what_the_folds_gave_them(task, kind):
    _, y, _ = outcome_table(task)
    training, fitted, first, later = offsets_of(task, y, kind)
    for k, (_, test) in enumerate(training.folds):
        np.testing.assert_array_equal(first.known[k, test], fitted.oof_predictions_[test])
        np.testing.assert_allclose(later.known[k, test], 1.5 * fitted.oof_predictions_[test])


def few_cases(task):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 2))
    if task == "regression":
        return X[:5], rng.normal(size=5)
    return X, hr.survival_targets([1, 1, 1, 0, 0, 0, 0, 0], rng.exponential(size=8))


@pytest.mark.parametrize("task", TASKS)
def test_a_cohort_too_small_for_nested_offsets_says_so(task):
    X, y = few_cases(task)
    blocks = {"a": [0], "b": [1]}
    model = model_of("Priority", task)(blocks, offsets="nested", inner=2).fit(X, y)
    assert not can_be_nested(model._start(X, y, None, blocks=blocks))
    assert model.findings_[0].startswith("Offsets are stacked, not nested")
    stacked = model_of("Priority", task)(blocks, inner=2).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), stacked.predict(X))
