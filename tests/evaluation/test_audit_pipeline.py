from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import hybridrad as hr
from benchmarks import audit_power
from benchmarks.audit_power import HONEST, LEAKY, audited
from hybridrad.evaluation.audit_table import CHECKS


def ridge(X, y, groups):
    """An honest cross-validation by case, with its folds."""
    n_classes = len(np.unique(y))
    scores, fold = np.zeros(len(y) if n_classes == 2 else (len(y), n_classes)), np.zeros(len(y), int)
    values = np.asarray(X, dtype=float).reshape(len(y), -1)
    for k, (train, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(values, y)):
        model = RidgeClassifier(alpha=10.0).fit(values[train], y[train])
        scores[test], fold[test] = model.decision_function(values[test]), k
    return scores, fold


def noise(n=60, p=10, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)), np.arange(n) % 2, np.arange(n)


@pytest.fixture
def quick(monkeypatch):
    """Draws with a fast model."""
    monkeypatch.setattr(audit_power, "a_model", lambda rng: lambda: RidgeClassifier(alpha=30.0))


# ---- leaks are caught, honesty is left alone (the benchmark does this forty times, with several models) ----


@pytest.mark.parametrize("draw", range(3))
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("selection", "A_NULL_LABELS"),
        ("split_by_slice", "A_NULL_PATIENTS"),
        ("oversampling", "A_NULL_LABELS"),
        ("combat_with_outcome", "A_NULL_SITES"),
    ],
)
def test_a_procedure_that_leaks_is_caught(name, code, draw, quick):
    assert code in audited(name, draw, n_runs=12)[1]


@pytest.mark.parametrize("draw", range(2))
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_procedure_is_not_accused(name, draw, quick):
    assert audited(name, draw, n_runs=12)[1] == []


def test_every_leak_and_its_honest_twin_are_tested():
    assert len(LEAKY) == 4
    assert len(HONEST) >= 4


def test_copies_made_before_the_procedure_is_called_are_found():
    X, y, _ = noise(60)
    rare = np.flatnonzero(y == 1)[:10]
    kept = np.concatenate([np.flatnonzero(y == 0), np.tile(rare, 3)])

    def nearest(X, y, groups):
        from sklearn.neighbors import KNeighborsClassifier

        return cross_val_predict(KNeighborsClassifier(1), X, y, method="predict_proba", cv=5)[:, 1]

    table = hr.audit_pipeline(nearest, X[kept], y[kept], np.arange(len(kept)), n_runs=8)
    assert table.loc[["A_NULL_FEATURES", "A_NEAR_DUPLICATE"], "verdict"].tolist() == ["fail", "fail"]
    assert table.loc["A_NULL_LABELS", "verdict"] == "pass"


def test_a_procedure_that_looks_beside_the_table_is_found():
    X, y, groups = noise()
    table = hr.audit_pipeline(lambda X, labels, groups: y + 0.1 * np.asarray(X)[:, 0], X, y, groups, n_runs=8)
    assert table.loc["A_NULL_FEATURES", "verdict"] == "fail"
    assert "elsewhere than X" in table.loc["A_NULL_FEATURES", "message"]


def test_folds_that_tear_a_patient_are_named():
    X, y, _ = noise()
    table = hr.audit_pipeline(ridge, X, np.repeat(y[:20], 3), np.repeat([f"p{i}" for i in range(20)], 3), n_runs=4)
    assert table.loc["A_PATIENT_FOLDS", "verdict"] == "fail"
    assert "first p0" in table.loc["A_PATIENT_FOLDS", "message"]


# ---- the table ----


def test_every_row_gives_its_verdict_and_a_failure_what_to_do():
    X, y, groups = noise()
    frame = pd.DataFrame(X).add_prefix("f").assign(stage=y + X[:, 0] / 100)
    table = hr.audit_pipeline(ridge, frame, y, groups, n_runs=4)
    assert set(table["verdict"]) == {"pass", "fail", "cannot be judged"}
    assert (table["message"].str.len() > 10).all()
    assert (table.loc[table["verdict"] == "fail", "hint"] != "").all()
    assert table.loc["A_TARGET_COLUMN", "verdict"] == "fail"
    assert set(table.index) <= set(CHECKS)


def test_what_was_not_given_cannot_be_judged_and_says_so():
    X, y, groups = noise()
    table = hr.audit_pipeline(lambda *data: ridge(*data)[0], X, y, groups, n_runs=4)
    unjudged = table[table["verdict"] == "cannot be judged"]
    assert set(unjudged.index) == {"A_PATIENT_FOLDS", "A_NULL_PATIENTS", "A_NULL_SITES", "A_SIZE_ONLY", "A_SITE"}
    assert "return (scores, fold)" in table.loc["A_NULL_LABELS", "message"]


def test_sites_and_size_are_found_by_the_name_of_their_column():
    X, y, groups = noise(80)
    frame = pd.DataFrame(X).add_prefix("f").assign(site=np.array(["a", "b"])[np.arange(80) % 4 // 2])

    def without_site(X, y, groups):
        return ridge(X.drop(columns="site"), y, groups)

    table = hr.audit_pipeline(without_site, frame, y, groups, sites="site", size="f0", n_runs=4)
    assert table.loc[["A_NULL_SITES", "A_SITE"], "verdict"].tolist() == ["pass", "pass"]
    assert "with size alone" in table.loc["A_SIZE_ONLY", "message"]


def test_permutations_add_a_p_value_of_the_score():
    X, y, groups = noise()
    table = hr.audit_pipeline(ridge, X + 1.5 * y[:, None], y, groups, n_runs=4, permutations=19)
    assert table.loc["A_LABEL_PERMUTATION", ["verdict", "p_value"]].tolist() == ["pass", 0.05]
    assert "19 runs" in table.loc["A_NULL_LABELS", "message"]


def test_three_classes_and_text_labels_are_audited():
    X, _, groups = noise(90)
    y = np.array(["a", "b", "c"])[np.arange(90) % 3]
    honest = hr.audit_pipeline(ridge, X, y, groups, n_runs=6)
    assert (honest.filter(like="A_NULL", axis=0)["verdict"] != "fail").all()
    leaky = hr.audit_pipeline(lambda X, y, groups: (y[:, None] == np.unique(y)) + 0.0, X, y, groups, n_runs=6)
    assert leaky.loc["A_NULL_LABELS", "verdict"] == "fail"


def test_stacks_of_images_are_audited():
    images = np.random.default_rng(0).normal(size=(40, 3, 4))
    table = hr.audit_pipeline(ridge, images, np.arange(40) % 2, np.arange(40), n_runs=4)
    assert table.loc[["A_NULL_LABELS", "A_NULL_FEATURES"], "verdict"].tolist() == ["pass", "pass"]


def test_the_same_seed_gives_the_same_table():
    one, again = (hr.audit_pipeline(ridge, *noise(), n_runs=4, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)


def test_checks_that_take_time_are_announced():
    heard = []
    hr.audit_pipeline(ridge, *noise(), n_runs=4, progress=heard.append)
    assert heard == ["A_NULL_LABELS", "A_NULL_FEATURES", "A_NULL_PATIENTS"]


def test_patients_who_cannot_exchange_labels_leave_permutations_unjudged():
    X, y, _ = noise(45)
    groups = np.repeat([f"p{i}" for i in range(9)], np.arange(1, 10))
    table = hr.audit_pipeline(ridge, X, y, groups, n_runs=4, permutations=9)
    assert set(table.loc[["A_NULL_LABELS", "A_LABEL_PERMUTATION"], "verdict"]) == {"cannot be judged"}


# ---- the contract ----


def test_what_the_procedure_raises_on_the_real_data_passes_through():
    def broken(X, y, groups):
        raise KeyError("no such column")

    with pytest.raises(KeyError, match="no such column"):
        hr.audit_pipeline(broken, *noise())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(60)}, "one class only"),
        ({"y": np.arange(59) % 2}, "one row per case"),
        ({"groups": np.array([None, *range(59)], dtype=object)}, "no label or no patient"),
        ({"sites": "site"}, "is not a column"),
        ({"size": np.zeros(3)}, "one value per case"),
        ({"n_runs": 3}, "at least 4"),
    ],
)
def test_data_that_do_not_fit_are_refused(change, message):
    X, y, groups = noise()
    with pytest.raises(ValueError, match=message):
        hr.audit_pipeline(ridge, **({"X_raw": X, "y": y, "groups": groups} | change))


def test_a_column_that_stands_twice_is_refused():
    X, y, groups = noise()
    with pytest.raises(ValueError, match="stands twice"):
        hr.audit_pipeline(ridge, pd.DataFrame(X, columns=["a"] * 10), y, groups)
