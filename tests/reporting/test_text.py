from __future__ import annotations

import subprocess
import sys

import pytest

from hybridrad.reporting.text import count, estimate, number, p_value, shorten


def test_a_negative_number_has_a_real_minus_and_a_rounded_zero_has_no_sign():
    assert (number(-0.12, 2), number(-0.0004, signed=True), number(0.0, signed=True)) == (
        "\u22120.12",
        "0.000",
        "0.000",
    )


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "", True])
def test_what_is_no_finite_number_is_not_printed_as_one(value):
    assert number(value) == "not available"
    assert p_value(value) == ""


def test_an_estimate_without_interval_says_so():
    assert estimate(0.5, float("nan"), float("nan")) == "0.500 (no interval)"


def test_unknown_counts_are_said_in_words():
    assert count(None, "patient") == "an unknown number of patients"


def test_a_shortened_name_keeps_both_ends():
    short = shorten("a" * 30 + "b" * 30, 20)
    assert len(short) == 20
    assert (short[0], short[-1]) == ("a", "b")


def test_importing_the_report_loads_neither_matplotlib_nor_networks():
    code = (
        "import sys, hybridrad.reporting.report\n"
        "heavy = {'matplotlib', 'torch', 'torchvision', 'xgboost', 'shap', 'SimpleITK', 'radiomics'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
