"""The designs besides nested cross-validation, through the one call that compares models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.evaluation.delong import delong_variance
from hybridrad.run_folder import load_study, save_study
from hybridrad.splits import splits_hash

NAMES = ["size", "radiomics", "hedge"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    ids = [f"c{i:02d}" for i in range(72)]
    y = np.arange(72) % 2
    columns = {"size__volume_ml": rng.lognormal(size=72) + 0.8 * y}
    columns |= {f"radiomics__f{j}": rng.normal(size=72) + 0.9 * y for j in range(3)}
    features = pd.DataFrame(columns, index=pd.Index(ids, name="case_id"))
    table = pd.DataFrame({"case_id": ids, "label": y, "site": np.repeat(["A", "B", "C"], 24)})
    table["split"], table["fold"] = np.repeat(["train", "test"], [48, 24]), np.arange(72) // 2 % 3
    return features, cohort_from_frame(table, images=False)


def compared(data, cv, **options):
    features, cohort = data
    models = hr.standard_models(features, names=NAMES)
    return hr.compare_models(models, features, cohort, cv=cv, baseline="size", **options)


@pytest.fixture(scope="module")
def of_sites(data):
    return compared(data, hr.LeaveOneSiteOut(inner=3))


def test_sites_are_estimated_one_by_one_and_summarised(of_sites):
    rows = of_sites.sites.xs("hedge", level="model").xs("roc_auc", level="metric")
    assert rows.index.tolist() == ["A", "B", "C", "(all sites)", "(new site)"]
    assert of_sites.scores.loc[("hedge", "roc_auc"), "value"] == rows.loc["(all sites)", "value"]
    assert "Hartung-Knapp" in of_sites.scores.loc[("hedge", "roc_auc"), "method"]
    assert of_sites.settings["cv"]["names"] == {"0": "A", "1": "B", "2": "C"}


def test_no_corrected_t_is_used_over_sites(of_sites):
    methods = [*of_sites.scores["method"], *of_sites.comparisons["method"], *of_sites.regret["method"]]
    assert not [m for m in methods if "corrected" in m]
    family = of_sites.comparisons[of_sites.comparisons["p_adjusted"].notna()]
    assert set(family.index) == {("hedge", s, "roc_auc") for s in ("size", "radiomics")}
    assert set(of_sites.regret.loc["hedge"].index.unique("reference")) == {"best_in_hindsight", "selected"}


def test_the_site_table_is_stored_with_the_study(of_sites, tmp_path):
    save_study(of_sites, tmp_path)
    back = load_study(tmp_path)
    assert_frame_equal(back.sites, of_sites.sites, check_dtype=False)
    assert hr.write_report(of_sites, tmp_path / "report.html", figures=False).is_file()
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Hartung" in text
    assert "3 sites" in text
    assert "K = 3 folds" not in text
    assert "ROC AUC of every model at every site" in text
    assert "(new site)" in text


def test_a_test_split_is_judged_by_delong(data, tmp_path):
    said = []
    study = compared(data, hr.FixedSplit(inner=3), announce=said.append)
    row = study.scores.loc[("radiomics", "roc_auc")]
    part = study.predictions.loc["radiomics"]
    auc, variance = delong_variance(part["y_true"], part["y_score"])
    assert (row["value"], row["n_patients"]) == (pytest.approx(auc), 24)
    assert row["value"] - row["low"] == pytest.approx(1.959964 * variance**0.5)
    assert study.comparisons.loc[("hedge", "size", "roc_auc"), "method"].startswith("DeLong's test")
    assert study.sites.empty
    assert "tested once on test" in said[0]
    save_study(study, tmp_path)
    assert load_study(tmp_path).sites.empty
    hr.write_report(study, tmp_path / "report.html", figures=False)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "DeLong" in text
    assert "Nadeau" not in text.split("References")[0]


def test_own_folds_are_the_folds_that_are_used(data):
    study = compared(data, hr.OwnFolds("fold", inner=3))
    tested = study.splits[study.splits["role"] == "test"].xs(1, level="fold").index.get_level_values("case_id")
    assert set(tested) == {f"c{i:02d}" for i in range(72) if i // 2 % 3 == 1}
    assert study.scores.loc[("hedge", "roc_auc"), "method"] == "mean of 3 x 1 folds; corrected t interval, 2 df"
    assert study.settings["cv"]["splits_sha256"] == splits_hash(study.splits)
