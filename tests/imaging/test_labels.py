from __future__ import annotations

import numpy as np
import pytest

from hybridrad.errors import MaskError
from hybridrad.imaging.labels import choose_label, label_counts


def test_counts_equal_counting_one_by_one():
    values = np.random.default_rng(0).integers(0, 6, size=(5, 6, 7)).astype(np.int16)
    slow = {label: int(sum(v == label for v in values.ravel())) for label in range(1, 6)}
    assert label_counts(values, case_id="007") == slow


def test_an_empty_mask_is_refused(code_of):
    assert code_of(label_counts, np.zeros((3, 3))) == "E_MASK_EMPTY"


def test_a_float_mask_of_whole_numbers_is_accepted():
    assert label_counts(np.array([0.0, 2.0, 2.0]), case_id="007") == {2: 2}


@pytest.mark.parametrize("values", [[0, 0.00392], [0, 0.7, 1.0], [0, 1, np.nan], [0, 1, np.inf], [0, 1, -1]])
def test_values_that_cannot_be_labels_are_refused(values, code_of):
    assert code_of(label_counts, np.array(values)) == "E_MASK_NOT_LABELS"


def test_a_probability_map_gets_the_hint_to_threshold_it():
    with pytest.raises(MaskError, match="Threshold"):
        label_counts(np.array([0.0, 0.25, 0.5]), case_id="007")


def test_thousands_of_values_are_refused_and_hundreds_are_not(code_of):
    assert code_of(label_counts, np.arange(1500)) == "E_MASK_NOT_LABELS"
    assert len(label_counts(np.arange(301), case_id="007")) == 300


@pytest.mark.parametrize(("label", "noted"), [(1, []), (255, ["N_MASK_VALUE"]), (7, ["N_MASK_VALUE"])])
def test_the_only_value_is_used(label, noted):
    chosen, findings = choose_label({label: 5}, mask_label=None, case_id="007")
    assert (chosen, [f.code for f in findings]) == (label, noted)


def test_one_is_taken_of_several_values():
    assert choose_label({1: 5, 2: 50, 3: 500}, mask_label=None, case_id="007") == (1, ())


def test_several_values_without_one_are_listed_with_their_counts():
    with pytest.raises(MaskError, match=r"E_MASK_LABEL_ABSENT.*2 \(50 voxels\), 3 \(500 voxels\)"):
        choose_label({2: 50, 3: 500}, mask_label=None, case_id="007")


def test_a_given_label_is_used_and_an_absent_one_refused(code_of):
    assert choose_label({2: 50, 3: 500}, mask_label=3, case_id="007") == (3, ())
    for absent in (0, 1, 4):
        assert code_of(choose_label, {2: 50, 3: 500}, mask_label=absent) == "E_MASK_LABEL_ABSENT"
    # A single other value is not taken for a label the user named.
    assert code_of(choose_label, {255: 50}, mask_label=1) == "E_MASK_LABEL_ABSENT"


def test_a_drawing_with_soft_edges_is_not_read_as_its_faintest_edge(code_of):
    soft = {255: 1000, **dict.fromkeys(range(1, 255, 10), 3)}
    assert code_of(choose_label, soft, mask_label=None) == "E_MASK_NOT_LABELS"
    assert choose_label(soft, mask_label=255, case_id="007") == (255, ())


def test_a_segmentation_of_many_organs_with_255_as_void_is_labels():
    organs = {**dict.fromkeys(range(1, 21), 100), 255: 300}
    assert choose_label(organs, mask_label=None, case_id="007") == (1, ())


def test_a_long_list_of_labels_is_shortened():
    with pytest.raises(MaskError, match="and 80 more"):
        choose_label(dict.fromkeys(range(2, 102), 1), mask_label=None, case_id="007")
