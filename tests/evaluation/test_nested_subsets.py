from __future__ import annotations

import numpy as np
import pytest

from hybridrad.errors import RunError
from hybridrad.evaluation.nested_subsets import nested_subsets


@pytest.fixture(scope="module")
def data():
    groups = np.repeat([f"p{i:03d}" for i in range(90)], np.arange(90) % 3 + 1)
    y = np.array([int(g[1:]) % 3 == 0 for g in groups], dtype=int)
    return y, groups, [f"c{i:03d}" for i in range(len(y))]


def of(splits, draw, fold, role):
    part = splits.loc[(draw, fold)]
    return set(part.index[part["role"] == role])


def test_training_sets_are_nested_and_test_patients_the_same(data):
    y, groups, ids = data
    splits = nested_subsets(y, groups, case_id=ids, draws=3)
    n_sizes = len(splits.attrs["sizes"])
    for draw in range(3):
        for fold in range(n_sizes - 1):
            assert of(splits, draw, fold, "train") < of(splits, draw, fold + 1, "train")
            assert of(splits, draw, fold, "test") == of(splits, draw, fold + 1, "test")


def test_sizes_count_patients_and_no_patient_is_on_both_sides(data):
    y, groups, ids = data
    patient = dict(zip(ids, groups, strict=True))
    splits = nested_subsets(y, groups, case_id=ids, sizes=[30, 50], draws=2)
    for draw in range(2):
        for fold, size in enumerate([30, 50]):
            trained, tested = ({patient[c] for c in of(splits, draw, fold, role)} for role in ("train", "test"))
            assert len(trained) == size
            assert len(tested) == 27
            assert not trained & tested


def test_every_training_set_holds_the_classes_in_proportion(data):
    y, groups, ids = data
    splits = nested_subsets(y, groups, case_id=ids, draws=8)
    label, patient = dict(zip(ids, y, strict=True)), dict(zip(ids, groups, strict=True))
    for draw in range(8):
        for fold, size in enumerate(splits.attrs["sizes"]):
            by_patient = {patient[c]: label[c] for c in of(splits, draw, fold, "train")}
            assert abs(sum(by_patient.values()) - size / 3) <= 1


def test_draws_differ_and_can_be_repeated(data):
    y, groups, ids = data
    one, two = (nested_subsets(y, groups, case_id=ids, draws=2, random_state=4) for _ in range(2))
    assert one.equals(two)
    assert of(one, 0, 0, "test") != of(one, 1, 0, "test")


def test_training_sets_hold_values_and_events_in_proportion(data):
    _, groups, ids = data
    patient = np.array([int(g[1:]) for g in groups])
    y = np.array([(p % 3 == 0, 1.0 + p) for p in patient], dtype=[("event", bool), ("time", float)])
    for outcome, share in ((y, y["event"]), (patient.astype(float), patient < 36)):  # two fifths
        splits = nested_subsets(outcome, groups, case_id=ids, sizes=[30, 50], draws=3)
        here, of = dict(zip(ids, share, strict=True)), dict(zip(ids, groups, strict=True))
        for (_, fold), part in splits[splits["role"] == "train"].groupby(level=["repeat", "fold"]):
            by_patient = {of[c]: here[c] for c in part.index.get_level_values("case_id")}
            wanted = (30, 50)[fold] * np.mean(list({of[c]: here[c] for c in ids}.values()))
            assert abs(sum(by_patient.values()) - wanted) <= 2


def test_few_events_and_few_patients_with_a_value_are_refused(data):
    _, groups, ids = data
    patient = np.array([int(g[1:]) for g in groups])
    y = np.array([(p % 9 == 0, 1.0 + p) for p in patient], dtype=[("event", bool), ("time", float)])
    with pytest.raises(RunError, match="27 test patients hold 3 patients with an event; 5 are needed"):
        nested_subsets(y, groups, case_id=ids)
    with pytest.raises(RunError, match="10 training patients hold 10 patients; 12 are needed"):
        nested_subsets(patient.astype(float), groups, case_id=ids, sizes=[10, 50])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sizes": [10, 60]}, "10 training patients hold"),
        ({"sizes": [30, 80]}, "63 are not tested"),
        ({"test_share": 0.1}, "5 are needed"),
        ({"test_share": 0.7}, "too few for a learning curve"),
    ],
)
def test_cohorts_that_are_too_small_for_it_are_refused(data, options, match):
    y, groups, ids = data
    with pytest.raises(RunError, match=match):
        nested_subsets(y, groups, case_id=ids, **options)


def test_one_size_is_no_curve(data):
    y, groups, ids = data
    with pytest.raises(ValueError, match="two different"):
        nested_subsets(y, groups, case_id=ids, sizes=[30, 30])
