from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from hybridrad.errors import RunError
from hybridrad.evaluation.metrics import fold_scores
from hybridrad.evaluation.nested import NestedCV, evaluate
from tests.evaluation.arms import Dying, Failing, Grouped, Plain, Threads, Undefined, Warning_, what_was_seen


def cohort(n_patients=36, *, cases=2, classes=2, seed=0, signal=0.0, n_features=3):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_patients) % classes, cases)
    groups = np.repeat([f"p{i:02d}" for i in range(n_patients)], cases)
    ids = pd.Index([f"c{i:03d}" for i in range(len(y))], name="case_id")
    X = pd.DataFrame(rng.normal(size=(len(y), n_features)), index=ids, columns=[f"x__{j}" for j in range(n_features)])
    return X + signal * y[:, None], y, groups


def run(models, data=None, *, cv=None, seed=0, **options):
    X, y, groups = data or cohort()
    splits = (cv or NestedCV(outer=3, repeats=1)).splits(y, groups, X.index, seed)
    return evaluate(models, X, y, groups, splits, **options), splits


# ---- the protocol ----


def test_the_protocol_is_read_from_its_usual_form():
    assert NestedCV.parse("5x10") == NestedCV(outer=5, repeats=10, inner=4)
    assert NestedCV.parse("5x1", inner=3) == NestedCV(outer=5, repeats=1, inner=3)


@pytest.mark.parametrize("text", ["5", "5x", "x10", "5x10x2", "five x ten", "1x10", "5x0"])
def test_other_forms_are_refused(text):
    with pytest.raises(ValueError, match=r"5x10|at least"):
        NestedCV.parse(text)


@pytest.mark.parametrize("wrong", [{"outer": 1}, {"repeats": 0}, {"inner": 1}, {"outer": 2.5}, {"repeats": True}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="integer of at least"):
        NestedCV(**wrong)


def test_fewer_folds_are_noted_with_the_reason():
    _, y, groups = cohort(n_patients=20)
    table = NestedCV(outer=5, repeats=2).splits(y, groups, [f"c{i}" for i in range(40)], 0)
    assert (table.attrs["n_folds"], table.attrs["n_folds_wanted"]) == (3, 5)
    assert "10 patients of the smaller class" in table.attrs["reason"]
    assert table.index.unique("repeat").tolist() == [0, 1]


# ---- predictions ----


def test_every_case_is_predicted_once_per_repeat_by_every_arm():
    result, splits = run({"a": Plain(), "b": Plain()}, cv=NestedCV(outer=3, repeats=2))
    counts = result.predictions.groupby(level=["model", "repeat", "case_id"]).size()
    assert len(counts) == 2 * 2 * 72
    assert (counts == 1).all()
    tested = splits[splits["role"] == "test"].index
    assert set(result.predictions.loc["a"].index) == set(tested)
    assert result.failures.empty


def test_predictions_are_the_arms_own_for_the_right_case():
    data = cohort()
    result, _ = run({"a": Plain()}, data)
    X, y, groups = data
    row = X.index.get_indexer(result.predictions.index.get_level_values("case_id"))
    assert np.allclose(result.predictions["y_score"], 1 / (1 + np.exp(-X.iloc[row, 0])))
    assert (result.predictions["y_true"].to_numpy() == y[row]).all()
    assert (result.predictions["patient_id"].to_numpy() == groups[row]).all()


def test_three_classes_get_a_column_each():
    result, _ = run({"lr": LogisticRegression()}, cohort(classes=3))
    assert [c for c in result.predictions if c.startswith("y_score")] == ["y_score_0", "y_score_1", "y_score_2"]
    assert np.allclose(result.predictions.filter(like="y_score").sum(axis=1), 1.0)
    assert "threshold" not in result.predictions


@pytest.mark.parametrize("n_jobs", [2])
def test_results_do_not_depend_on_the_number_of_jobs(n_jobs):
    failing = Failing(value=cohort()[0].iloc[0, 0])
    models = {"lr": make_pipeline(StandardScaler(), LogisticRegression()), "fails": failing}
    (one, _), (two, _) = (run(models, n_jobs=n, after_fit=what_was_seen) for n in (1, n_jobs))
    assert_frame_equal(one.predictions, two.predictions, check_exact=True)
    assert_frame_equal(one.failures, two.failures)
    assert list(one.extras) == list(two.extras)


def test_the_caller_hears_of_the_start_and_of_each_fold_that_is_done():
    heard = []
    run({"a": Plain()}, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_one_thread_is_used_inside_a_fold():
    result, _ = run({"a": Threads()}, threshold=None)
    assert (result.predictions["y_score"] == 0.5).all()


# ---- settings and what goes along ----


def test_inner_folds_and_seed_are_set_on_arms_and_on_steps():
    models = {"bare": Plain(inner=9), "step": make_pipeline(StandardScaler(), Plain(inner=9))}
    result, _ = run(models, inner=3, random_state=7, after_fit=what_was_seen)
    assert {(extra["inner"], extra["seed"]) for extra in result.extras.values()} == {(3, 7)}
    assert models["bare"].inner == 9


def test_the_context_is_entered_once_around_all_arms_of_a_fold():
    entered = []

    @contextmanager
    def context():
        entered.append("in")
        yield
        entered.append("out")

    run({"a": Plain(), "b": Plain()}, fold_context=context)
    assert entered == ["in", "out"] * 3


def test_warnings_of_an_arm_are_collected():
    result, _ = run({"a": Warning_()}, threshold=None)
    assert result.warnings["message"].tolist() == ["did not converge"] * 3
    assert result.warnings["type"].unique().tolist() == ["RuntimeWarning"]


# ---- failures ----


def test_a_failing_arm_is_recorded_and_its_other_folds_go_on():
    data = cohort()
    result, splits = run({"a": Failing(value=data[0].iloc[0, 0]), "b": Plain()}, data, threshold=None)
    assert result.failures[["model", "stage", "type", "message"]].drop_duplicates().to_numpy().tolist() == [
        ["a", "fit", "ArithmeticError", "that case again"]
    ]
    assert len(result.failures) == 2
    assert result.predictions.loc["a"].index.unique("fold").size == 1
    scores = fold_scores(result.predictions, splits, metrics=["roc_auc"]).sort_index()
    assert scores.loc[("a", "roc_auc"), "value"].isna().sum() == 2
    assert scores.loc[("b", "roc_auc"), "value"].notna().all()


def test_probabilities_that_are_not_numbers_are_a_failure():
    result, _ = run({"a": Undefined(), "b": Plain()})
    assert set(result.failures["stage"]) == {"predict"}
    assert result.predictions.index.unique("model").tolist() == ["b"]


def test_a_failure_after_the_fit_keeps_the_predictions():
    def explode(name, fitted, X_test):
        raise KeyError("no such thing")

    result, _ = run({"a": Plain()}, after_fit=explode)
    assert result.failures["stage"].unique().tolist() == ["after_fit"]
    assert len(result.predictions) == 72


def test_if_nothing_worked_the_first_cause_is_told():
    with pytest.raises(RunError, match="every arm failed in every fold; first a"):
        run({"a": Undefined()})


def test_a_worker_that_dies_is_an_error_and_no_hang():
    with pytest.raises(RunError, match="worker process died"):
        run({"a": Dying()}, n_jobs=2)


def test_an_arm_without_probabilities_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match=r"svm: LinearSVC has no predict_proba.*CalibratedClassifierCV"):
        run({"svm": LinearSVC()})


def test_a_patient_on_both_sides_of_a_fold_is_refused():
    X, y, groups = cohort()
    splits = NestedCV(outer=3, repeats=1).splits(y, X.index, X.index, 0)
    with pytest.raises(RunError, match="in the training and the test part"):
        evaluate({"a": Plain()}, X, y, groups, splits)


@pytest.mark.parametrize("y", [np.zeros(72, int), np.tile([0, 2], 36), np.zeros(5, int)])
def test_labels_that_are_not_all_of_0_to_k_are_refused(y):
    X, good, groups = cohort()
    splits = NestedCV(outer=3, repeats=1).splits(good, groups, X.index, 0)
    with pytest.raises(ValueError, match=r"classes 0|y shape"):
        evaluate({"a": Plain()}, X, y, groups, splits)


# ---- thresholds ----


def test_the_threshold_comes_from_out_of_fold_logits_of_training_cases():
    data = cohort(signal=1.0)
    result, _ = run({"a": Grouped()}, data, after_fit=what_was_seen, target_sensitivity=0.8)
    for (_, repeat, fold), extra in result.extras.items():
        positives = np.sort(extra["seen"][extra["labels"] == 1, 0])[::-1]
        logit = positives[int(np.ceil(0.8 * len(positives))) - 1]
        of_fold = result.predictions.loc[("a", repeat, fold), "threshold"]
        assert of_fold.unique().tolist() == [pytest.approx(1 / (1 + np.exp(-logit)))]


def test_an_arm_without_such_logits_is_fitted_on_inner_folds():
    result, splits = run({"lr": LogisticRegression()}, cohort(signal=1.0, n_patients=60))
    sensitivity = fold_scores(result.predictions, splits, metrics=["sensitivity"])["value"].mean()
    assert 0.75 < sensitivity <= 1.0
    assert result.predictions["threshold"].between(0, 1).all()


def test_the_threshold_does_not_see_the_test_fold():
    X, y, groups = cohort(signal=1.0)
    splits = NestedCV(outer=3, repeats=1).splits(y, groups, X.index, 0)
    test = splits.loc[(0, 0)].query("role == 'test'").index
    poisoned = X.copy()
    poisoned.loc[test] = 1e6
    for threshold in ("sensitivity", "youden"):
        arms = {"lr": LogisticRegression()}
        both = [evaluate(arms, table, y, groups, splits, threshold=threshold) for table in (X, poisoned)]
        of_fold = [b.predictions.loc[("lr", 0, 0), "threshold"].iloc[0] for b in both]
        assert of_fold[0] == of_fold[1]


def test_patient_scoring_gets_a_threshold_for_patient_scores():
    data = cohort(signal=1.0)
    by_case, _ = run({"a": Grouped()}, data)
    by_patient, _ = run({"a": Grouped()}, data, patient_rule="max")
    # The larger of two cases reaches higher, so the same sensitivity needs a higher threshold.
    assert (by_patient.predictions["threshold"] > by_case.predictions["threshold"]).all()


# ---- canaries ----


def test_poisoned_test_rows_change_nothing_that_is_learned():
    X, y, groups = cohort()
    splits = NestedCV(outer=3, repeats=1).splits(y, groups, X.index, 0)
    test = X.index.isin(splits.loc[(0, 1)].query("role == 'test'").index)
    poisoned, flipped = X.copy(), np.where(test, 1 - y, y)
    poisoned[test] = 1e6
    arms = {"spy": Grouped(), "step": make_pipeline(StandardScaler(), Plain())}
    clean = evaluate(arms, X, y, groups, splits, after_fit=what_was_seen)
    dirty = evaluate(arms, poisoned, flipped, groups, splits, after_fit=what_was_seen)
    for name in arms:
        for what in ("seen", "labels", "groups"):
            assert np.array_equal(clean.extras[name, 0, 1][what], dirty.extras[name, 0, 1][what])


def test_no_patient_is_trained_and_tested_in_the_same_fold():
    X, _, groups = data = cohort()
    result, _ = run({"spy": Grouped()}, data, after_fit=what_was_seen)
    patient_of = dict(zip(X.index, groups, strict=True))
    for extra in result.extras.values():
        assert not set(extra["groups"]) & {patient_of[case] for case in extra["test"]}


def test_on_pure_noise_the_nested_auc_stays_near_one_half():
    arm = {"lr": make_pipeline(StandardScaler(), SelectKBest(k=5), LogisticRegression(C=0.1))}
    means = []
    for seed in range(12):
        data = cohort(n_patients=48, cases=1, n_features=60, seed=seed)
        result, splits = run(arm, data, seed=seed, threshold=None)
        means.append(fold_scores(result.predictions, splits, metrics=["roc_auc"])["value"].mean())
    assert 0.45 < np.mean(means) < 0.55


def test_the_canary_sings_when_features_are_selected_before_the_folds():
    X, y, groups = cohort(n_patients=48, cases=1, n_features=300, seed=1)
    leaky = X[X.columns[SelectKBest(k=5).fit(X, y).get_support()]]
    result, splits = run({"lr": LogisticRegression()}, (leaky, y, groups), threshold=None)
    assert fold_scores(result.predictions, splits, metrics=["roc_auc"])["value"].mean() > 0.65
