from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.models.finetuned import training
from hybridrad.reporting.report import write_report
from hybridrad.run_folder import save_study
from hybridrad.run_further import load_learning_curves, save_learning_curves
from hybridrad.study_curves import curves_of_study

SIZES = [16, 32]


@pytest.fixture(scope="module")
def parts(make_blobs):
    store = make_blobs(48)
    noise = np.random.default_rng(0).normal(size=(len(store.y), 3))
    features = pd.DataFrame(noise, index=store.X.index, columns=[f"radiomics__{c}" for c in "abc"])
    features["finetuned__has_pictures"] = 1.0
    recipe = hr.TrainingRecipe("head", epochs=8, patience=8)
    network = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe, device="cpu")
    models = {
        "radiomics": hr.BlockModel("radiomics"),
        "finetuned": hr.BlockModel("finetuned", estimator=network),
        "hedge": hr.HedgedFusion(["radiomics", "finetuned"], estimators={"finetuned": network}, n_bootstrap=0),
    }
    table = pd.DataFrame({"case_id": features.index, "patient_id": store.groups, "label": store.y})
    return models, features, cohort_from_frame(table, images=False)


@pytest.fixture(scope="module")
def study(parts):
    return hr.compare_models(*parts, cv=hr.NestedCV(outer=2, repeats=1, inner=2), baseline="radiomics")


def test_networks_and_hedges_with_them_have_curves_side_by_side(parts, monkeypatch):
    searches, find = [], training.find_epochs
    monkeypatch.setattr(training, "find_epochs", lambda *a, **k: searches.append(1) or find(*a, **k))
    said: list[str] = []
    curves = hr.learning_curves(*parts, sizes=SIZES, draws=2, inner=2, n_bootstrap=20, announce=said.append)
    assert curves.failures.empty
    assert len(searches) == 4  # a draw and a size each; the hedge shares the fit
    assert said[0].startswith("Arm finetuned trains")
    assert "no further training" in said[1]
    assert "each of 4 draws and sizes at most" in said[0]
    assert set(curves.points.index.unique("n_patients")) == set(SIZES)
    largest = curves.points.xs(32, level="n_patients")["value"]
    assert largest["finetuned"] > 0.8 > largest["radiomics"]
    assert largest["hedge"] > largest["radiomics"]


def test_curves_of_a_study_with_networks_lie_beside_it_and_stand_in_its_report(parts, study, tmp_path):
    models, features, cohort = parts
    options = {"sizes": SIZES, "draws": 2, "n_bootstrap": 20}
    assert set(curves_of_study(study, features, cohort, **options).settings["not_refitted"]) == {"finetuned", "hedge"}
    curves = curves_of_study(study, features, cohort, models=models, **options)
    assert curves.settings["not_refitted"] == []
    save_study(study, tmp_path)
    save_learning_curves(curves, tmp_path)
    again = load_learning_curves(tmp_path, study)
    page = write_report(study, tmp_path / "report.html", learning=again, figures=False).read_text(encoding="utf-8")
    assert 'id="figure-learning_curves"' in page
    assert "Learning curves of 3 models." in page
