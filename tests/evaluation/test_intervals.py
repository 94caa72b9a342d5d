from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.svm import SVC

from hybridrad.evaluation.intervals import corrected_interval, score_table
from hybridrad.evaluation.metrics import fold_scores
from tests.evaluation.made_up import study


@pytest.fixture(scope="module")
def moons():
    """Differences of AUC between two kernels over 10 x 10 folds, as in scikit-learn's example on comparing models."""
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    cv = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    search = GridSearchCV(SVC(random_state=0), [{"kernel": ["linear"]}, {"kernel": ["rbf"]}], scoring="roc_auc", cv=cv)
    search.fit(X, y)
    of_fold = [[search.cv_results_[f"split{i}_test_score"][k] for i in range(100)] for k in (0, 1)]
    return np.subtract(of_fold[1], of_fold[0])


def test_published_t_and_p_with_one_degree_of_freedom_per_resample(moons):
    result = corrected_interval(moons, n_train=90, n_test=10, n_folds=10, df="resamples")
    t = result.mean / result.se
    assert t == pytest.approx(0.7503126955, abs=1e-9)
    assert stats.t.sf(t, result.df) == pytest.approx(0.2274229710, abs=1e-9)
    assert moons.mean() / (moons.std(ddof=1) / 10) == pytest.approx(2.6111648, abs=1e-6)


def test_the_default_counts_folds_and_not_repeats(moons):
    ours = corrected_interval(moons, n_train=90, n_test=10, n_folds=10)
    published = corrected_interval(moons, n_train=90, n_test=10, n_folds=10, df="resamples")
    assert (ours.df, published.df) == (9, 99)
    assert ours.se == published.se
    assert ours.high - ours.low > published.high - published.low


def test_repeats_cannot_narrow_the_interval_below_the_correction():
    values = np.array([0.6, 0.7, 0.8, 0.75, 0.65])
    once = corrected_interval(values, n_train=80, n_test=20, n_folds=5)
    often = corrected_interval(np.tile(values, 1000), n_train=80, n_test=20, n_folds=5)
    assert often.high - often.low > 0.6 * (once.high - once.low)


def test_a_missing_value_is_not_skipped():
    assert np.isnan(corrected_interval([0.7, np.nan, 0.8], n_train=40, n_test=20, n_folds=3).mean)


@pytest.mark.parametrize(
    ("values", "n_folds", "level"), [([0.7], 5, 0.95), ([0.7, 0.8], 1, 0.95), ([0.7, 0.8], 2, 1.0)]
)
def test_too_little_for_an_interval_is_refused(values, n_folds, level):
    with pytest.raises(ValueError, match=r"at least"):
        corrected_interval(values, n_train=40, n_test=20, n_folds=n_folds, level=level)


def test_a_score_carries_interval_counts_and_method():
    predictions, splits = study()
    scores = fold_scores(predictions, splits).sort_index()
    row = score_table(scores, predictions).loc[("a", "roc_auc")]
    values = scores.loc[("a", "roc_auc"), "value"]
    half = stats.t.ppf(0.975, 3) * values.std() * np.sqrt(1 / 8 + 10 / 30)
    assert row["value"] == pytest.approx(values.mean())
    assert row["low"] == pytest.approx(values.mean() - half)
    assert row["high"] == pytest.approx(min(values.mean() + half, 1.0))
    assert (row["n_patients"], row["n_cases"]) == (40, 80)
    assert row["method"] == "mean of 4 x 2 folds; corrected t interval, 3 df"


def test_intervals_stay_within_the_range_of_the_metric():
    predictions, splits = study(n_patients=24, cases=1, repeats=1, seed=3)
    table = score_table(fold_scores(predictions, splits), predictions)
    bounded = table.drop(["calibration_slope", "calibration_intercept", "log_loss"], level="metric")
    assert bounded["low"].min() >= 0
    assert table.xs("roc_auc", level="metric")["high"].max() <= 1


def test_a_model_that_failed_in_a_fold_is_not_averaged_over_the_others():
    predictions, splits = study()
    keep = ~((predictions.index.get_level_values("model") == "a") & (predictions.index.get_level_values("fold") == 0))
    table = score_table(fold_scores(predictions[keep], splits), predictions[keep])
    assert table.loc["a", "value"].isna().all()
    assert table.loc[("a", "roc_auc"), "method"] == "not scored: no value in 2 of 8 folds"
    assert table.loc["b", "value"].notna().all()


def test_without_spread_between_folds_there_is_no_interval():
    predictions, splits = study()
    perfect = predictions.assign(y_score=predictions["y_true"] * 0.8 + 0.1)
    row = score_table(fold_scores(perfect, splits, metrics=["roc_auc"]), perfect).loc[("a", "roc_auc")]
    assert row["value"] == 1.0
    assert pd.isna(row["low"])
    assert "no interval" in row["method"]


def test_calibration_has_an_interval_over_patients():
    predictions, splits = study()
    row = score_table(fold_scores(predictions, splits), predictions).loc[("a", "calibration_slope")]
    assert row["low"] < row["value"] < row["high"]
    assert "2 repeats" in row["method"]


def test_the_interval_of_a_mean_covers_its_expectation():
    # A toy with the structure of cross-validation: fold values that share noise through their training parts.
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        shared, folds = rng.normal(0, np.sqrt(0.2)), rng.normal(0, np.sqrt(0.8), 5)
        result = corrected_interval(shared + folds, n_train=80, n_test=20, n_folds=5)
        covered += result.low < 0 < result.high
    assert 0.90 < covered / 300 < 1.0
