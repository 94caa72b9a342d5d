from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.heat import network_in
from hybridrad.heat_shares import choose, measure, spread_matrix
from hybridrad.reporting.report import write_report
from hybridrad.run_folder import load_study, save_study
from tests.models.finetuned.lit_squares import LitSquares

CV = hr.NestedCV(outer=3, repeats=2, inner=2)
QUICK_CV = hr.NestedCV(outer=2, repeats=1, inner=2)


@pytest.fixture(scope="module")
def squares():
    return LitSquares(30, side=128)


@pytest.fixture(scope="module")
def parts(squares):
    features = squares.X.assign(radiomics__a=np.random.default_rng(0).normal(size=len(squares.y)))
    table = pd.DataFrame({"case_id": features.index, "patient_id": squares.groups, "label": squares.y})
    recipe = hr.TrainingRecipe("head", epochs=8, patience=8)
    network = hr.FineTunedCNN("resnet18", "untrained", views_store=squares, recipe=recipe, device="cpu")
    models = {
        "radiomics": hr.BlockModel("radiomics"),
        "finetuned": hr.BlockModel("finetuned", estimator=network),
        "hedge": hr.HedgedFusion(["radiomics", "finetuned"], estimators={"finetuned": network}, n_bootstrap=0),
    }
    return models, features, cohort_from_frame(table, images=False)


@pytest.fixture(scope="module")
def study(parts):
    models, features, cohort = parts
    return hr.compare_models(models, features, cohort, cv=CV, heat_maps=6)


def test_spreading_is_torchs_bilinear_interpolation():
    heat = np.random.default_rng(0).random((5, 5))
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(heat)[None, None], size=(96, 96), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    assert np.allclose(spread_matrix(96, 5) @ heat @ spread_matrix(96, 5).T, wanted, atol=1e-12)


def test_shares_are_those_of_the_spread_heat():
    rng = np.random.default_rng(1)
    heat, region = rng.random((2, 4, 4)), (rng.random((2, 30, 30)) > 0.8).astype(float)
    spread = np.stack([spread_matrix(30, 4) @ one @ spread_matrix(30, 4).T for one in heat])
    found = measure(heat, region)
    assert found["heat_in_region"] == pytest.approx((spread * region).sum() / spread.sum())
    assert found["view"] == spread.sum(axis=(1, 2)).argmax()
    assert found["heat_in_region"] <= found["most_possible"]


def test_without_heat_there_is_no_share():
    found = measure(np.zeros((1, 3, 3)), np.ones((1, 9, 9)))
    assert np.isnan(found["heat_in_region"])
    assert found["region_area"] == 1.0


def test_a_network_that_learned_the_square_looks_into_it(study):
    table = study.heat_maps.table
    assert study.scores.loc[("finetuned", "roc_auc"), "value"] > 0.9
    called = table.groupby("called")[["heat_in_region", "region_area"]].median()
    assert (called["heat_in_region"] > 1.3 * called["region_area"]).all()


def test_maps_are_of_every_case_once_and_out_of_fold(study, parts, squares):
    models, features, _ = parts
    table = study.heat_maps.table.loc["finetuned"]
    assert sorted(table.index) == sorted(features.index)
    assert (table["repeat"] == 0).all()
    fold = study.splits.loc[(0, 1)]["role"]
    learned, tested = (features.loc[fold.index[fold == role]] for role in ("train", "test"))
    y = pd.Series(squares.y, index=features.index)
    groups = pd.Series(squares.groups, index=features.index)
    # The order in which a fold has its cases is that of the table.
    learned, tested = (part.loc[[i for i in features.index if i in part.index]] for part in (learned, tested))
    arm = hr.BlockModel("finetuned", estimator=models["finetuned"].estimator, inner=2)
    fitted = arm.fit(learned, y[learned.index].to_numpy(), groups=groups[learned.index].to_numpy())
    alone = hr.heat_maps(fitted, tested, y[tested.index]).table.loc["network"]
    for column in ("heat_in_region", "y_score", "called", "y_true"):
        assert np.allclose(alone[column], table.loc[alone.index, column], atol=1e-6, equal_nan=True), column


def test_shown_cases_are_balanced_and_have_their_pictures(study, squares):
    shown = study.heat_maps.shown
    assert len(shown) == len(study.heat_maps.pictures) == 6
    assert sorted(shown["y_true"]) == [0, 0, 0, 1, 1, 1]
    first = shown.index.get_level_values("case_id")[0]
    wanted = np.round(squares.pictures([first])[0][0, 0] * 255).astype(np.uint8)
    assert np.array_equal(study.heat_maps.pictures[0], wanted)
    assert np.array_equal(study.heat_maps.regions[0] > 0, squares.regions([first])[0][0] > 0)


def test_heat_maps_change_nothing_else_and_outlive_an_interruption(tmp_path):
    store = LitSquares(24, side=64)
    table = pd.DataFrame({"case_id": store.X.index, "patient_id": store.groups, "label": store.y})
    cohort = cohort_from_frame(table, images=False)
    recipe = hr.TrainingRecipe("head", epochs=2)
    network = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe, oof=False, device="cpu")
    data = ({"finetuned": network}, store.X, cohort)
    plain = hr.compare_models(*data, cv=QUICK_CV)
    first, again = (hr.compare_models(*data, cv=QUICK_CV, heat_maps=3, store=tmp_path) for _ in range(2))
    assert plain.heat_maps is None
    pd.testing.assert_frame_equal(plain.predictions, first.predictions)
    pd.testing.assert_frame_equal(first.heat_maps.table, again.heat_maps.table)
    assert all(np.array_equal(a, b) for a, b in zip(first.heat_maps.heats, again.heat_maps.heats, strict=True))


def test_the_report_is_made_again_from_the_stored_files(study, tmp_path):
    save_study(study, tmp_path)
    page = write_report(study, tmp_path / "report.html", figures=False).read_text(encoding="utf-8")
    assert "Where the networks look" in page
    assert 'id="figure-heat_maps"' in page
    assert "img-src data:" in page
    assert 'id="figure-heat_in_region"' in page
    again = write_report(load_study(tmp_path), tmp_path / "again.html", figures=False)
    assert again.read_text(encoding="utf-8") == page


def test_a_study_without_heat_maps_leaves_none_of_an_earlier_one_behind(study, parts, tmp_path):
    models, features, cohort = parts
    save_study(study, tmp_path)
    plain = hr.compare_models({"radiomics": models["radiomics"]}, features, cohort, cv=QUICK_CV)
    save_study(plain, tmp_path)
    assert load_study(tmp_path).heat_maps is None
    page = write_report(plain, tmp_path / "report.html", figures=False).read_text(encoding="utf-8")
    assert "Where the networks look" not in page
    assert "img-src" not in page


def test_what_has_no_network_is_refused_with_the_way_out(parts):
    models, features, cohort = parts
    fused = {"radiomics": models["radiomics"], "hedge": models["hedge"]}
    with pytest.raises(ValueError, match=r"needs an arm of its own.*BlockModel"):
        hr.compare_models(fused, features, cohort, cv=CV, heat_maps=4)
    with pytest.raises(ValueError, match="whole number"):
        hr.compare_models(models, features, cohort, cv=CV, heat_maps=-1)
    with pytest.raises(TypeError, match="holds no network"):
        hr.heat_maps(models["radiomics"], features)
    assert network_in(models["finetuned"]) is models["finetuned"].estimator


def test_one_network_is_drawn_from_a_script(tmp_path):
    store = LitSquares(12, n_views=2)
    recipe = hr.TrainingRecipe("head", epochs=1)
    model = hr.SliceSequence("squeezenet1_1", "untrained", views_store=store, recipe=recipe, oof=False, device="cpu")
    labels = np.where(store.y, "malignant", "benign")
    model.fit(store.X, labels, groups=store.groups)
    maps = hr.heat_maps(model, store.X, labels, n_cases=4)
    assert set(maps.table["n_views"]) == {2}
    sheet = hr.draw_heat_maps(maps)
    assert sheet.save(tmp_path / "maps.png").stat().st_size > 1000
    assert len(sheet.case_ids) == 4
    with pytest.raises(ValueError, match="no heat map of other"):
        hr.draw_heat_maps(maps, model="other")


def test_with_one_case_of_each_class_wrong_calls_are_shown_too():
    y = pd.Series(np.repeat(list("abcd"), 10))
    right = pd.Series(np.tile([True, False], 20))
    shown = choose(y, right, 4, random_state=0)
    assert y[shown].tolist() == list("abcd")
    assert right[shown].tolist() == [True, False, True, False]
