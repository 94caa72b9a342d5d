from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hybridrad.models.nested_offsets import after_block, can_be_nested, first_offsets, fit_on_offsets, known_logits
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.ridge_path import fit_ridge
from hybridrad.splits import inner_splits


def preparation(n_columns: int) -> ColumnPreparation:
    return ColumnPreparation(categorical=np.zeros(n_columns, bool), log=np.zeros(n_columns, bool))


@pytest.fixture(name="data")
def made_up():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 2)
    y = (groups % 2).astype(np.intp)
    first, second = rng.normal(size=(80, 3)) + y[:, None], rng.normal(size=(80, 4)) + 0.5 * y[:, None]
    return first, second, y, groups, inner_splits(y, groups, n_folds=3, random_state=0)


def offsets_of(first, y, groups, folds):
    base = fit_ridge(first, y, groups, n_classes=2, folds=folds, preparation=preparation(3))
    common = {"n_classes": 2, "folds": folds, "preparation": preparation(3), "inner": 3, "seed": 0}
    return base, first_offsets(first, y, groups, oof_logits=base.oof_logits, **common)


def test_offsets_of_the_test_rows_are_the_out_of_fold_logits_of_the_first_block(data):
    first, _, y, groups, folds = data
    base, offsets = offsets_of(first, y, groups, folds)
    np.testing.assert_array_equal(known_logits(offsets, len(y)), base.oof_logits)


def test_labels_of_the_rows_that_are_judged_change_no_offset_of_the_training_rows(data):
    first, second, y, groups, folds = data
    train, test = folds[0]
    flipped = y.copy()
    flipped[test] = 1 - flipped[test]
    of_train = []
    for labels in (y, flipped):
        base, offsets = offsets_of(first, labels, groups, folds)
        fit = fit_on_offsets(second, labels, groups, n_classes=2, offsets=offsets, preparation=preparation(4))
        options = {"n_classes": 2, "offsets": offsets, "preparation": preparation(4)}
        later = after_block(second, labels, groups, oof_logits=fit.oof_logits, **options)
        of_train.append((offsets[0].of_train, later[0].of_train, base.oof_logits[train]))
    np.testing.assert_array_equal(of_train[0][0], of_train[1][0])
    np.testing.assert_array_equal(of_train[0][1], of_train[1][1])
    # The offsets of stacking do change: this is what nesting is for.
    assert not np.allclose(of_train[0][2], of_train[1][2])


def test_without_anything_known_before_it_is_the_plain_ridge(data):
    _, second, y, groups, folds = data
    offsets = offsets_of(np.zeros((80, 3)), y, groups, folds)[1]
    silent = [replace(o, of_train=np.zeros(len(o.train)), of_test=np.zeros(len(o.test))) for o in offsets]
    ours = fit_on_offsets(second, y, groups, n_classes=2, offsets=silent, preparation=preparation(4))
    nothing = np.zeros(80)
    plain = fit_ridge(second, y, groups, n_classes=2, folds=folds, preparation=preparation(4), offset=nothing)
    np.testing.assert_allclose(ours.coef, plain.coef, atol=1e-8)
    np.testing.assert_allclose(ours.oof_logits, plain.oof_logits, atol=1e-8)
    assert ours.penalty == plain.penalty


def test_one_patient_of_a_class_cannot_be_split_further():
    y, groups = np.array([0, 0, 1, 1, 0, 1]), np.arange(6)
    folds = [(np.array([0, 1, 2, 3]), np.array([4, 5])), (np.array([0, 2, 4, 5]), np.array([1, 3]))]
    assert can_be_nested(y, groups, folds)
    assert not can_be_nested(y, np.array([0, 1, 2, 2, 4, 2]), folds)
