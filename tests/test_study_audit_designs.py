"""The audit and the learning curves of a stored study, over all designs: what is never tested is known all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression

import hybridrad as hr
from hybridrad import study_audit_refits as refits
from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.run_folder import load_study, save_study
from hybridrad.study_audit_data import AuditedStudy
from hybridrad.study_curves import curves_of_study
from hybridrad.study_tables import no_cases


class FailsWithoutC00(LogisticRegression):
    """Cannot be fitted where the case c00 is tested."""

    def fit(self, X: pd.DataFrame, y: Any) -> FailsWithoutC00:
        if "c00" not in X.index:
            raise ValueError("c00 is gone")
        return super().fit(X, y)


ARMS = {"size": hr.BlockModel("size"), "radiomics": hr.BlockModel("radiomics")}
FEW = {"sizes": [16, 30], "draws": 2, "n_bootstrap": 10}


@pytest.fixture(scope="module")
def data():
    """Return 66 cases: three sites with both classes, a fourth with one, and folds that leave some cases out."""
    rng, n = np.random.default_rng(0), 66
    ids, y = [f"c{i:02d}" for i in range(n)], np.arange(n) % 2
    columns = {"size__volume_ml": rng.lognormal(size=n) + 0.3 * y}
    columns |= {f"radiomics__f{j}": rng.normal(size=n) + 1.5 * y * (j < 2) for j in range(5)}
    features = pd.DataFrame(columns, pd.Index(ids, name="case_id"))
    site = np.where(np.arange(n) < 64, np.array(["A", "B", "C"])[np.arange(n) // 2 % 3], "tiny")
    table = pd.DataFrame({"case_id": ids, "label": np.where(y == 1, "ill", "healthy"), "site": site})
    table["split"] = np.where(np.arange(n) < 40, "train", "test")
    return features, cohort_from_frame(table, images=False, positive="ill")


def folds_of_some(cases):
    """Return three folds in which the first ten cases are trained on and never tested."""
    fold = np.arange(len(cases)) // 2 % 3
    parts = [pd.DataFrame({"role": np.where((fold == f) & (cases > "c09"), "test", "train")}, cases) for f in range(3)]
    return pd.concat({(0, f): part for f, part in enumerate(parts)}, names=["repeat", "fold", "case_id"])


DESIGNS = {
    "dealt": lambda cases: hr.NestedCV(3, 1, 2),
    "sites": lambda cases: hr.LeaveOneSiteOut(inner=2),
    "split": lambda cases: hr.FixedSplit(inner=2),
    "own": lambda cases: hr.OwnFolds(folds_of_some(cases), inner=2),
}


@pytest.fixture(scope="module", params=list(DESIGNS))
def study(request, data):
    features, cohort = data
    cv = DESIGNS[request.param](features.index)
    return hr.compare_models(ARMS, features, cohort, cv=cv, baseline="size", explain=False)


def by_each_test(message):
    return [words for words in ("corrected", "random effects", "DeLong") if words in message]


def test_every_design_is_audited_with_and_without_its_cohort_and_from_its_folder(study, data, tmp_path):
    table = hr.audit(study, *data, model="radiomics")
    assert table.loc[["A_PATIENT_FOLDS", "A_NEAR_DUPLICATE", "A_POISONED_TEST"], "verdict"].tolist() == ["pass"] * 3
    save_study(study, tmp_path)
    rows = table.index.drop("A_SITE")  # the one that asks the cohort
    assert_frame_equal(hr.audit(load_study(tmp_path), data[0], model="radiomics").loc[rows], table.loc[rows])


def test_size_is_held_against_the_score_by_the_test_of_the_design(study, data):
    message = hr.audit(study, model="radiomics").loc["A_SIZE_ONLY", "message"]
    wanted = {"site": "random effects", "split": "DeLong", "folds": "corrected"}[study.settings["cv"]["kind"]]
    assert by_each_test(message) == [wanted]
    assert f"AUC {study.scores.loc[('radiomics', 'roc_auc'), 'value']:.3f}; with size alone" in message
    difference = study.comparisons.loc[("radiomics", "size", "roc_auc"), "difference"]
    assert f"difference {difference:.3f}" in message


def test_labels_are_permuted_in_the_design_of_the_study(study, data):
    table = hr.audit(study, data[0], model="radiomics", permutations=4)
    found = table.loc["A_LABEL_PERMUTATION"]
    assert found["statistic"] == pytest.approx(study.scores.loc[("radiomics", "roc_auc"), "value"])
    assert found["p_value"] == 0.2
    assert table.loc["A_NULL_LABELS", "verdict"] == "pass"


def test_curves_of_every_design_are_those_of_all_its_cases(study, data):
    features, cohort = data
    found = curves_of_study(study, features, models=["size"], **FEW)
    wanted = hr.learning_curves({"size": ARMS["size"]}, features, cohort, inner=2, **FEW)
    assert_frame_equal(found.points, wanted.points)


def test_a_study_stored_before_it_held_its_cases_takes_them_from_the_cohort(study, data):
    older = replace(study, cases=no_cases())
    seen = AuditedStudy.of(older, *data, model=None, models=None)
    assert np.array_equal(seen.y, AuditedStudy.of(study, *data, model=None, models=None).y)
    if study.settings["cv"]["kind"] != "folds" or study.settings["cv"]["design"] == "OwnFolds":
        with pytest.raises(RunError, match=r"cases that it never tests.*Give its cohort"):
            hr.audit(older, data[0])


def test_a_cohort_with_another_positive_class_does_not_turn_the_labels_of_such_a_study(data):
    features, cohort = data
    study = hr.compare_models(ARMS, features, cohort, cv=hr.FixedSplit(inner=2), explain=False)
    turned = cohort_from_frame(cohort.table.reset_index(), images=False, positive="healthy")
    with pytest.raises(RunError, match="the cohort has the classes"):
        hr.audit(replace(study, cases=no_cases()), features, turned)


def test_a_first_arm_that_failed_in_a_fold_costs_no_case(data):
    features, cohort = data
    arms = {"frail": FailsWithoutC00(), "radiomics": ARMS["radiomics"]}
    study = hr.compare_models(arms, features, cohort, cv=hr.NestedCV(3, 1, 2), explain=False)
    assert study.predictions.loc["frail"].index.nunique() < len(features)
    table = hr.audit(study, features, cohort, model="radiomics")
    assert table.loc[["A_PATIENT_FOLDS", "A_POISONED_TEST"], "verdict"].tolist() == ["pass", "pass"]
    assert "has no value" in hr.audit(study, features, cohort, model="frail").loc["A_SIZE_ONLY", "message"]


def test_labels_stay_within_their_site_and_those_never_tested_among_themselves(data, monkeypatch):
    features, cohort = data
    study = hr.compare_models(ARMS, features, cohort, cv=hr.LeaveOneSiteOut(inner=2), explain=False)
    fitted, real = [], refits.evaluate
    monkeypatch.setattr(
        refits, "evaluate", lambda arms, X, y, *rest, **how: fitted.append(y) or real(arms, X, y, *rest, **how)
    )
    hr.audit(study, features, cohort, model="radiomics", permutations=4)
    site, y = cohort.table["site"].to_numpy(), cohort.y.to_numpy()
    for permuted in fitted[1:]:
        assert not np.array_equal(permuted, y)
        for name in ("A", "B", "C", "tiny"):
            assert permuted[site == name].sum() == y[site == name].sum()


def test_sites_left_out_are_known_to_the_audit_without_the_cohort(data):
    features, cohort = data
    study = hr.compare_models(ARMS, features, cohort, cv=hr.LeaveOneSiteOut(inner=2), explain=False)
    assert hr.audit(study, features).loc["A_SITE", "message"].startswith("4 sites")
