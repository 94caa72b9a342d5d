from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.comparison.complementarity import complementarity_table
from hybridrad.evaluation.calibration import logit
from tests.evaluation.made_up import study


def test_values_agree_with_counting_case_by_case():
    predictions, _ = study(cases=1, repeats=2)
    row = complementarity_table(predictions).loc[("a", "b")]
    double, overlap, correlations = [], [], []
    for repeat in range(2):
        a, b = (predictions.loc[(m, repeat)] for m in "ab")
        wrong = [[(s >= t) != bool(y) for s, t, y in p[["y_score", "threshold", "y_true"]].to_numpy()] for p in (a, b)]
        both = sum(i and j for i, j in zip(*wrong, strict=True))
        either = sum(i or j for i, j in zip(*wrong, strict=True))
        double.append(both / len(a))
        overlap.append(both / either)
        for fold in range(4):
            x, z = (p.loc[fold, "y_score"].to_numpy() for p in (a, b))
            correlations.append(np.corrcoef(logit(x), logit(z))[0, 1])
    assert row["double_fault"] == pytest.approx(np.mean(double))
    assert row["error_overlap"] == pytest.approx(np.mean(overlap))
    assert row["logit_correlation"] == pytest.approx(np.mean(correlations))
    assert row["n_cases"] == 40


def test_an_arm_and_its_copy_err_on_the_same_cases():
    predictions, _ = study()
    copy = predictions.loc[["a"]].rename(index={"a": "copy"}, level="model")
    row = complementarity_table(pd.concat([predictions, copy]), models=["a", "copy"]).loc[("a", "copy")]
    assert row["double_fault"] == row["error"] == row["error_other"]
    assert row[["error_overlap", "logit_correlation", "logit_correlation_within_class"]].tolist() == pytest.approx(
        [1] * 3
    )


def test_arms_that_know_only_the_class_are_independent_within_it():
    predictions, _ = study(n_patients=400, cases=1, repeats=1)
    row = complementarity_table(predictions).loc[("a", "b")]
    assert row["logit_correlation"] > 0.15
    assert abs(row["logit_correlation_within_class"]) < 0.1
    assert row["double_fault"] == pytest.approx(row["double_fault_by_chance"], abs=0.02)


def test_without_errors_there_is_no_overlap_and_constant_scores_do_not_correlate():
    predictions, _ = study()
    perfect = predictions.assign(y_score=0.2 + 0.6 * predictions["y_true"])
    row = complementarity_table(perfect).loc[("a", "b")]
    assert np.isnan(row["error_overlap"])
    assert np.isnan(row["logit_correlation_within_class"])


def test_several_classes_are_called_by_the_most_probable():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([["a", "b"], [0], [0], range(30)], names=["model", "repeat", "fold", "case_id"])
    scores = rng.dirichlet([1, 1, 1], 60)
    table = pd.DataFrame(scores, columns=[f"y_score_{k}" for k in range(3)], index=index)
    table["y_true"] = np.tile(np.arange(30) % 3, 2)
    row = complementarity_table(table).loc[("a", "b")]
    assert row["error"] == pytest.approx((scores[:30].argmax(axis=1) != np.arange(30) % 3).mean())


def test_one_arm_is_no_pair():
    predictions, _ = study(models=("a",))
    with pytest.raises(ValueError, match="two arms"):
        complementarity_table(predictions)
