from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.audit_columns import target_column_check

Y = np.arange(60) % 2


def noise(p=300):
    return pd.DataFrame(np.random.default_rng(0).normal(size=(60, p))).add_prefix("f")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_follows_the_label_either_way_fails(sign):
    check = target_column_check(noise().assign(stage=sign * (Y + 0.01 * np.arange(60))), Y)
    assert check.verdict == "fail"
    assert "stage" in check.message
    assert check.statistic > 0.99


def test_categories_that_name_the_label_fail():
    assert target_column_check(noise().assign(grade=np.array(["low", "high"])[Y]), Y).verdict == "fail"


def test_strong_but_honest_columns_and_noise_pass():
    strong = noise().assign(volume=Y + 0.5 * np.random.default_rng(1).normal(size=60))
    assert target_column_check(strong, Y).verdict == "pass"


def test_a_column_that_tells_one_of_three_classes_fails():
    y = np.arange(90) % 3
    table = pd.DataFrame({"a": np.random.default_rng(0).normal(size=90), "b": (y == 1) + np.arange(90) / 1000})
    assert target_column_check(table, y).verdict == "fail"


def test_few_cases_cannot_be_judged():
    y = np.arange(60) < 10
    assert target_column_check(noise(), y).verdict == "cannot be judged"
