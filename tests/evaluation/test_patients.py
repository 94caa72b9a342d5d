from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.errors import RunError
from hybridrad.evaluation.metrics import aggregate_to_patients
from hybridrad.evaluation.patients import patient_scores

CASES, PATIENTS = list("vwxyz"), ["p", "p", "q", "q", "q"]


def predictions(y=(1, 1, 0, 0, 0), score=(0.2, 0.6, 0.1, 0.5, 0.3)):
    index = pd.MultiIndex.from_product([["a"], [0], [0], CASES], names=["model", "repeat", "fold", "case_id"])
    return pd.DataFrame({"patient_id": PATIENTS, "y_true": y, "y_score": score, "threshold": 0.4}, index=index)


@pytest.mark.parametrize(("rule", "wanted"), [("mean", [0.4, 0.3]), ("max", [0.6, 0.5]), ("largest", [0.2, 0.5])])
def test_each_rule_gives_the_score_it_names(rule, wanted):
    size = pd.Series([9.0, 2.0, 1.0, 3.0, 2.0], index=CASES)
    table = aggregate_to_patients(predictions(), rule, size=size)
    assert table["y_score"].tolist() == pytest.approx(wanted)
    assert table["y_true"].tolist() == [1, 0]
    assert table["n_cases"].tolist() == [2, 3]
    assert table.index.names == ["model", "repeat", "fold", "case_id"]


def test_different_labels_within_a_patient_are_refused():
    with pytest.raises(RunError, match="different labels, first p"):
        aggregate_to_patients(predictions(y=(1, 0, 0, 0, 0)), "mean")


def test_the_first_of_equally_large_cases_is_taken():
    _, scores = patient_scores([0.1, 0.9, 0.5], ["p", "p", "p"], rule="largest", size=[2.0, 2.0, 1.0])
    assert scores.tolist() == [0.1]


def test_the_largest_case_cannot_be_found_without_sizes():
    with pytest.raises(ValueError, match="size"):
        patient_scores([0.1], ["p"], rule="largest")
    with pytest.raises(ValueError, match="finite size"):
        patient_scores([0.1], ["p"], rule="largest", size=[np.nan])


def test_mean_class_probabilities_still_sum_to_one():
    _, scores = patient_scores([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]], ["p", "p"], rule="mean")
    assert scores.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="two classes"):
        patient_scores(scores, ["p"], rule="max")
