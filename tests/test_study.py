from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hybridrad as hr
from hybridrad._checks import COMPARISON_COLUMNS, IMPORTANCE_COLUMNS, REGRET_COLUMNS, SCORE_COLUMNS
from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.run_folder import load_study, save_study
from hybridrad.study import _read_off_without_shap


def made_up(n_patients=60, *, classes=("benign", "malignant"), seed=0, cases_per_patient=1):
    """Return features and cohort: signal in radiomics, a little in deep, none in size."""
    rng = np.random.default_rng(seed)
    patients = np.repeat([f"{i:03d}" for i in range(n_patients)], cases_per_patient)
    y = np.repeat(np.arange(n_patients) % len(classes), cases_per_patient)
    ids = [f"{p}-{i}" for i, p in enumerate(patients)]
    columns = {"size__volume_ml": rng.lognormal(size=len(y))}
    columns |= {f"radiomics__f{j}": rng.normal(size=len(y)) + 0.9 * y * (j < 2) for j in range(6)}
    columns |= {f"deep__n_{j:04d}": rng.normal(size=len(y)) + 0.3 * y for j in range(10)}
    features = pd.DataFrame(columns, index=pd.Index(ids, name="case_id"))
    table = pd.DataFrame({"case_id": ids, "patient_id": patients, "label": np.array(classes)[y]})
    table["age"] = rng.normal(60, 8, len(y))
    return features, cohort_from_frame(table, images=False, clinical=["age"])


@pytest.fixture(scope="module")
def study():
    features, cohort = made_up()
    models = hr.standard_models(features, clinical=list(cohort.clinical_table().columns))
    return hr.compare_models(models, features, cohort, cv=hr.NestedCV(5, 2, 3), baseline="deep")


def test_the_tables_have_the_columns_that_were_promised(study):
    assert list(study.scores.columns) == SCORE_COLUMNS
    assert list(study.comparisons.columns) == COMPARISON_COLUMNS
    assert list(study.regret.columns) == REGRET_COLUMNS
    assert list(study.importance.columns) == IMPORTANCE_COLUMNS
    assert study.predictions.index.names == ["model", "repeat", "fold", "case_id"]
    assert {"patient_id", "y_true", "y_score"} <= set(study.predictions.columns)


def test_a_study_introduces_itself_in_a_line(study):
    auc = study.scores.loc[("hedge", "roc_auc"), "value"]
    assert f"hedge {auc:.3f}" in repr(study)
    assert "\n" not in repr(study)


def test_every_arm_predicts_every_case_once_per_repeat(study):
    counts = study.predictions.groupby(level=["model", "repeat"]).size()
    assert (counts == 60).all()
    assert set(study.predictions.index.unique("model")) == {
        *("size", "clinical", "radiomics", "deep", "deep_size"),
        *("concat", "early", "late", "hedge", "hedge_clinical"),
    }


def test_the_holm_family_is_the_hedge_against_each_single_arm_on_auc(study):
    adjusted = study.comparisons[study.comparisons["p_adjusted"].notna()]
    singles = {"size", "clinical", "radiomics", "deep"}
    assert set(adjusted.index) >= {("hedge", s, "roc_auc") for s in singles}
    assert set(adjusted.index.unique("model")) == {"hedge"}
    assert set(adjusted.index.unique("metric")) == {"roc_auc"}


def test_regret_is_given_against_the_best_and_against_the_picked_arm(study):
    assert set(study.regret.loc["hedge"].index.unique("reference")) == {"best_in_hindsight", "selected"}
    best = study.scores.xs("roc_auc", level="metric")["value"][["size", "clinical", "radiomics", "deep"]].max()
    hedge = study.scores.loc[("hedge", "roc_auc"), "value"]
    assert study.regret.loc[("hedge", "best_in_hindsight", "roc_auc"), "regret"] == pytest.approx(best - hedge)


def test_signal_is_found_where_it_is_and_named_by_importance(study):
    auc = study.scores.xs("roc_auc", level="metric")["value"]
    assert auc["radiomics"] > 0.75
    assert 0.3 < auc["size"] < 0.7
    ranked = study.importance.loc["radiomics", "mean_abs_shap"].sort_values(ascending=False)
    assert set(ranked.index[:2]) == {"radiomics__f0", "radiomics__f1"}


def test_the_settings_are_plain_json_and_count_every_case(study):
    settings = json.loads(json.dumps(study.settings, allow_nan=False))
    assert settings["flow"]["given"] == settings["flow"]["failed"] + settings["flow"]["used"] == 60
    assert settings["arms"]["hedge"]["is_default_fused"]
    assert settings["grouped"]
    assert settings["positive"] == "malignant"
    assert settings["cv"]["folds_used"] == 5
    assert sum(w["mean"] for w in settings["hedge"]["weights"].values()) == pytest.approx(1)


def test_a_saved_study_comes_back_as_it_was(study, tmp_path):
    save_study(study, tmp_path)
    back = load_study(tmp_path)
    assert back.settings == json.loads(json.dumps(study.settings))
    names = ("scores", "comparisons", "regret", "predictions", "splits", "importance", "importance_cases")
    for name in (*names, "claims", "net_benefit"):
        assert_frame_equal(getattr(back, name), getattr(study, name), check_dtype=False, check_exact=False, rtol=1e-12)


def test_jobs_do_not_change_a_digit():
    features, cohort = made_up(40)
    models = hr.standard_models(features, names=["radiomics", "deep", "hedge"])
    one, two = (hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3), n_jobs=n) for n in (1, 2))
    assert_frame_equal(one.predictions, two.predictions, check_exact=True)
    assert_frame_equal(one.scores, two.scores, check_exact=True)


def test_three_classes_are_compared_with_one_score_a_class():
    features, cohort = made_up(60, classes=("a", "b", "c"))
    models = hr.standard_models(features, names=["size", "radiomics", "hedge"])
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3))
    assert {"y_score_0", "y_score_1", "y_score_2"} <= set(study.predictions.columns)
    assert study.scores.loc[("radiomics", "roc_auc"), "value"] > 0.6
    assert study.settings["positive"] is None


def test_an_estimator_of_the_user_joins_on_the_same_splits():
    features, cohort = made_up(40)
    own = make_pipeline(StandardScaler(), LogisticRegression())
    models = {"deep": hr.BlockModel("deep"), "own": own}
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3))
    tested = study.predictions.reset_index().groupby("model")["case_id"].agg(list)
    assert tested["deep"] == tested["own"]
    assert study.settings["arms"]["own"]["role"] == "other"


def test_patients_are_scored_by_the_named_rule():
    features, cohort = made_up(40, cases_per_patient=2)
    models = hr.standard_models(features, names=["radiomics"])
    by_patient = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3), unit="patient", aggregate="max")
    assert by_patient.scores.loc[("radiomics", "roc_auc"), "n_patients"] == 40
    assert by_patient.settings["aggregate"] == "max"


def test_patient_scoring_is_refused_when_a_patient_has_two_labels():
    features, cohort = made_up(40, cases_per_patient=2)
    table = cohort.table.reset_index()
    table.loc[0, "label"] = "malignant" if table.loc[0, "label"] == "benign" else "benign"
    torn = cohort_from_frame(table, images=False)
    with pytest.raises(RunError, match="1 patient has cases with different labels"):
        hr.compare_models({"deep": hr.BlockModel("deep")}, features, torn, unit="patient")


def test_cases_without_features_are_counted_and_listed():
    features, cohort = made_up(40)
    study = hr.compare_models({"deep": hr.BlockModel("deep")}, features.iloc[2:], cohort, cv=hr.NestedCV(3, 1, 3))
    assert study.settings["flow"]["failed"] == 2
    assert study.failures["code"].tolist() == ["E_FEATURES_MISSING"] * 2


def test_tables_that_do_not_belong_together_are_refused():
    features, cohort = made_up(40)
    features.index = pd.Index([f"other{i}" for i in range(40)], name="case_id")
    with pytest.raises(RunError, match="no case of the cohort"):
        hr.compare_models({"deep": hr.BlockModel("deep")}, features, cohort)


def test_an_unknown_baseline_is_refused_with_a_guess():
    features, cohort = made_up(40)
    with pytest.raises(ValueError, match="Did you mean deep"):
        hr.compare_models({"deep": hr.BlockModel("deep")}, features, cohort, baseline="depe")


def test_what_a_fusion_says_of_test_cases_without_a_block_is_read_off():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 2)), columns=["radiomics__a", "deep__0"])
    fitted = hr.LateFusion().fit(X, np.tile([0, 1], 20))
    X.loc[:2, "deep__0"] = np.nan
    (said,) = _read_off_without_shap("late", fitted, X)["findings"]
    assert said.endswith("(3 of 40 cases).")


def test_what_can_be_resolved_is_said_before_the_first_fit():
    features, cohort = made_up(60)
    said = []
    hr.compare_models({"size": hr.BlockModel("size")}, features, cohort, cv=hr.NestedCV(5, 1, 3), announce=said.append)
    assert "be expected to resolve: about 0.2" in said[0]


def test_a_pipeline_before_a_block_model_is_a_single_arm_of_the_family_and_the_regret():
    features, cohort = made_up(40)
    beyond = make_pipeline(hr.SizeDecorrelation().set_output(transform="pandas"), hr.BlockModel("radiomics"))
    models = hr.standard_models(features, names=["deep", "hedge"]) | {"beyond_size": beyond}
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3))
    assert study.settings["arms"]["beyond_size"]["role"] == "single"
    assert np.isfinite(study.comparisons.loc[("hedge", "beyond_size", "roc_auc"), "p_adjusted"])
    assert "beyond_size" in study.regret.loc[("hedge", "best_in_hindsight", "roc_auc"), "method"]
    assert "beyond_size in " in study.regret.loc[("hedge", "selected", "roc_auc"), "note"]


def test_a_filter_with_labels_before_a_block_model_is_never_picked_by_its_inner_loss():
    features, cohort = made_up(40)
    best = make_pipeline(hr.RelevanceFilter(n_columns=3).set_output(transform="pandas"), hr.BlockModel("radiomics"))
    models = hr.standard_models(features, names=["radiomics", "hedge"]) | {"best": best}
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3))
    note = study.regret.loc[("hedge", "selected", "roc_auc"), "note"]
    assert note.startswith("no arm could be picked: a step before best saw the labels")


def test_every_arm_that_reads_a_missing_block_has_a_finding():
    features, cohort = made_up(40)
    features.iloc[:6, [c.startswith("deep__") for c in features.columns]] = np.nan
    models = hr.standard_models(
        features, names=["radiomics", "deep", "concat", "early", "priority", "block_penalty", "late"]
    )
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3), baseline="radiomics")
    said = study.findings[study.findings["message"].str.contains("Block deep is missing for some cases")]
    assert set(said["stage"]) == {"deep", "concat", "early", "priority", "block_penalty", "late"}


def test_what_a_fusion_in_a_pipeline_says_of_itself_is_read_too():
    features, cohort = made_up(40)
    y, gone = cohort.label_values.to_numpy(), features.copy()
    gone.iloc[:5, [c.startswith("deep__") for c in gone.columns]] = np.nan
    hedge = make_pipeline(hr.SizeDecorrelation().set_output(transform="pandas"), hr.HedgedFusion(["radiomics", "deep"]))
    found = _read_off_without_shap("hedge", hedge.fit(features, y), gone)
    assert set(found["weights"]) == {"radiomics", "deep", "joint"}
    assert "Block deep is missing" in found["findings"][0]


class Stubborn(LogisticRegression):
    """Cannot be fitted, as the code of users sometimes cannot."""

    def fit(self, X, y):
        raise RuntimeError("no way")


class Counted(LogisticRegression):
    """Brings its out-of-fold logits, as networks do, and counts its fits by seed."""

    gives_oof_logits = True
    fits: ClassVar[list[int]] = []

    def fit(self, X, y):
        self.fits.append(self.random_state)
        super().fit(X, y)
        self.oof_logits_ = self.decision_function(X)
        return self


def test_an_estimator_is_fitted_once_per_fold_for_all_arms_with_the_seed_of_the_study(monkeypatch):
    monkeypatch.setattr(Counted, "fits", [])
    features, cohort = made_up(40)
    models = {
        "deep": hr.BlockModel("deep", estimator=Counted()),
        "late": hr.LateFusion(["radiomics", "deep"], estimators={"deep": Counted()}),
        "hedge": hr.HedgedFusion(["radiomics", "deep"], estimators={"deep": Counted()}, n_bootstrap=0),
    }
    hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3), random_state=7)
    assert Counted.fits == [7, 7, 7]


class Forgetful(hr.BlockModel):
    """A block model without an inner loss where the first case is in training."""

    def fit(self, X, y, groups=None):
        super().fit(X, y, groups=groups)
        if "000-0" in X.index:
            del self.oof_loss_
        return self


def test_an_arm_without_inner_losses_leaves_an_empty_regret_that_names_it():
    features, cohort = made_up(40)
    models = hr.standard_models(features, names=["radiomics", "hedge"]) | {"odd": Forgetful("deep")}
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3))
    regret = study.regret.loc[("hedge", "selected", "roc_auc")]
    assert np.isnan(regret["regret"])
    assert regret["note"] == "no arm could be picked: odd gave no inner loss in 2 of 3 folds"
    assert np.isfinite(study.regret.loc[("hedge", "best_in_hindsight", "roc_auc"), "regret"])


def test_an_arm_that_fails_is_a_finding_and_has_no_score_but_the_others_do():
    features, cohort = made_up(40)
    models = {"deep": hr.BlockModel("deep"), "own": Stubborn()}
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3))
    assert np.isnan(study.scores.loc[("own", "roc_auc"), "value"])
    assert study.scores.loc[("deep", "roc_auc"), "value"] > 0.5
    assert "no way" in study.findings.loc[("(study)", "E_ARM_FAILED"), "message"]
    assert study.comparisons.loc[("own", "deep", "roc_auc"), "verdict"] == "inconclusive"


def test_a_study_that_goes_on_from_stored_folds_writes_the_same_bytes(tmp_path):
    features, cohort = made_up()
    models = hr.standard_models(features, names=["size", "radiomics", "hedge"])
    options = {"cv": hr.NestedCV(5, 1, 3), "baseline": "size"}
    save_study(hr.compare_models(models, features, cohort, **options), tmp_path / "undisturbed")

    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hr.compare_models(models, features, cohort, store=tmp_path / "run", progress=interrupt, **options)
    seen = []
    study = hr.compare_models(
        models, features, cohort, store=tmp_path / "run", progress=lambda *at: seen.append(at), **options
    )
    assert seen == [(3, 5), (4, 5), (5, 5)]
    save_study(study, tmp_path / "resumed")
    for file in sorted((tmp_path / "undisturbed").iterdir()):
        if file.name != "study.json":  # it says how many seconds the arms took
            assert (tmp_path / "resumed" / file.name).read_bytes() == file.read_bytes()
