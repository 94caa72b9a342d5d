from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from hybridrad.evaluation.refits import auc_632plus, optimism, point632plus
from hybridrad.models.block_model import BlockModel
from tests.evaluation.arms import Grouped


def made_up(n=40, *, p=3, signal=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = pd.DataFrame(rng.normal(size=(n, p)), columns=[f"radiomics__{i}" for i in range(p)])
    X["radiomics__0"] += signal * y
    return X, y, np.arange(n)


def test_optimism_agrees_with_rms(r_numbers):
    table = r_numbers["made_up"]
    X, y = pd.DataFrame({f"radiomics__{k}": table[k] for k in ("x1", "x2", "x3")}), np.array(table["y"])
    result = optimism(LogisticRegression(C=np.inf), X, y, np.arange(120), n_draws=300)
    rms = pd.DataFrame(table["validate"]).set_index("names")
    assert result.loc["roc_auc", "apparent"] == pytest.approx((rms.loc["Dxy", "apparent"] + 1) / 2, abs=1e-4)
    assert result.loc["brier", "apparent"] == pytest.approx(rms.loc["B", "apparent"], abs=1e-4)
    corrected = result["corrected"]
    assert corrected["roc_auc"] == pytest.approx((rms.loc["Dxy", "corrected"] + 1) / 2, abs=0.01)
    assert corrected["brier"] == pytest.approx(rms.loc["B", "corrected"], abs=0.003)
    assert corrected["calibration_slope"] == pytest.approx(rms.loc["Slope", "corrected"], abs=0.03)
    assert result.loc["roc_auc", "n_skipped"] == 0


@pytest.mark.parametrize(
    ("apparent", "outside", "wanted"),
    [(0.9, 0.5, (0.5, 1.0, 1.0)), (0.9, 0.3, (0.5, 1.0, 1.0)), (0.8, 0.8, (0.8, 0.0, 0.632)), (0.4, 0.45, None)],
)
def test_the_weight_goes_from_632_to_one_as_overfitting_grows(apparent, outside, wanted):
    auc, rate, weight = point632plus(apparent, outside)
    if wanted is None:
        assert (rate, weight) == (0.0, 0.632)
    else:
        assert (auc, rate, weight) == pytest.approx(wanted)


def test_without_signal_the_estimate_is_near_a_half_though_the_fit_is_perfect():
    results = [
        auc_632plus(LogisticRegression(C=100.0, max_iter=1000), *made_up(p=60, signal=0.0, seed=s), n_draws=10)
        for s in range(5)
    ]
    assert min(r.apparent for r in results) > 0.99
    assert 0.45 < np.mean([r.auc for r in results]) < 0.6


def test_copies_of_a_patient_keep_their_patient_in_the_inner_folds():
    X, y, groups = made_up(20)
    seen = []

    class Recording(Grouped):
        def fit(self, X, y, groups=None):
            seen.append((len(X), len(set(groups)), X.index.is_unique))
            return super().fit(X, y, groups)

    auc_632plus(Recording(), X, y, groups, n_draws=3)
    assert seen[0] == (20, 20, True)
    assert all(n == 20 and patients < 20 and unique for n, patients, unique in seen[1:])


def test_arms_of_the_library_are_refitted_whole():
    result = auc_632plus(BlockModel("radiomics"), *made_up(30), n_draws=3, inner=2)
    assert 0.5 < result.out_of_bag <= 1


def test_draws_without_both_classes_are_counted():
    X, _, groups = made_up(12)
    y = np.r_[np.zeros(9, int), np.ones(3, int)]
    result = auc_632plus(LogisticRegression(), X, y, groups, n_draws=40)
    assert 0 < result.n_skipped < 40
