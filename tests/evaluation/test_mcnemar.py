from __future__ import annotations

import numpy as np
import pytest

from hybridrad.evaluation.mcnemar import mcnemar


def calls(both, only_a, only_b, neither):
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    return a, np.repeat([True, False, True, False], [both, only_a, only_b, neither])


def test_values_agree_with_r(r_numbers):
    wanted = r_numbers["mcnemar"]
    # The presidential ratings of Agresti's book, as in R's manual, with other counts in the off-diagonal.
    result = mcnemar(*calls(794, 150, 86, 570))
    assert (result.only_a, result.only_b) == (150, 86)
    assert result.statistic == pytest.approx(wanted["statistic"])
    assert result.p_value == pytest.approx(wanted["p"])
    assert result.p_exact == pytest.approx(wanted["exact"])


def test_patients_with_one_case_change_nothing():
    a, b = calls(10, 9, 3, 4)
    assert mcnemar(a, b, groups=np.arange(26))[:4] == mcnemar(a, b)[:4]


def test_every_case_twice_as_a_patient_brings_no_information():
    a, b = calls(10, 9, 3, 4)
    patient = np.tile(np.arange(26), 2)
    doubled = mcnemar(np.tile(a, 2), np.tile(b, 2), groups=patient)
    assert doubled.statistic == pytest.approx(mcnemar(a, b).statistic)
    assert np.isnan(doubled.p_exact)


def test_two_that_never_differ_do_not_differ():
    a, _ = calls(5, 0, 0, 5)
    assert mcnemar(a, a)[2:] == (0.0, 1.0, 1.0)


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="one value per case"):
        mcnemar([True], [True, False])
