from __future__ import annotations

import time

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import hybridrad as hr
from hybridrad.errors import RunError
from hybridrad.models.finetuned.timing import networks_in, training_announcements, training_time
from hybridrad.splits import make_splits


def network(store, train: str = "last_blocks", **options) -> hr.FineTunedCNN:
    recipe = hr.TrainingRecipe(train, epochs=4, patience=4)
    return hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe, device="cpu", **options)


@pytest.mark.parametrize("train", ["head", "last_blocks"])
def test_a_fit_takes_about_as_long_as_was_said(blobs, train):
    model = network(blobs, train)
    said = training_time(model, blobs.X, blobs.y)
    start = time.perf_counter()
    model.fit(blobs.X, blobs.y, groups=blobs.groups)
    taken = time.perf_counter() - start
    # Wide, because other work may slow either of the two.
    assert 0.1 * taken < said.seconds_per_fit + 0.5 < 10 * taken + 1.0
    assert said.cases_per_step == 16
    assert said.seconds_per_epoch == pytest.approx(2 * said.seconds_per_step)


def test_more_training_cases_and_more_fits_take_longer(blobs):
    model = network(blobs)
    few, many = (training_time(model, blobs.X, blobs.y, n_train=n).seconds_per_fit for n in (16, 1600))
    assert many > 10 * few


def test_cases_without_pictures_are_passed_over_where_the_network_passes_them_over(make_blobs):
    store = make_blobs(20)
    lost = store.X.rename({case_id: f"lost {case_id}" for case_id in store.X.index[::2]})
    said = training_time(network(store, "head", missing="average"), lost, store.y, n_train=20)
    assert 0 < said.cases_per_step <= len(lost) // 2
    with pytest.raises(RunError, match="none of the 14 cases"):
        training_time(network(store, missing="average"), lost.iloc[::2].rename("x{}".format), store.y[::2])
    with pytest.raises(RunError, match="has no pictures"):
        training_time(network(store), lost, store.y)


def test_networks_are_found_wherever_an_arm_holds_them(blobs):
    net = network(blobs)
    assert networks_in(net) == [net]
    assert networks_in(hr.BlockModel("finetuned", estimator=net)) == [net]
    assert networks_in(hr.HedgedFusion(estimators={"finetuned": net, "deep": LogisticRegression()})) == [net]
    assert networks_in(make_pipeline(FunctionTransformer(), net)) == [net]
    assert networks_in(hr.BlockModel("deep")) == []


def test_each_arm_with_a_network_is_announced_with_its_folds(blobs):
    table = make_splits(blobs.y, blobs.groups, n_folds=3, repeats=2, random_state=0, case_id=list(blobs.X.index))
    models = {"deep": hr.BlockModel("deep"), "finetuned": network(blobs)}
    (said,) = training_announcements(models, blobs.X, pd.Series(blobs.y), blobs.groups, table, inner=4)
    assert said.startswith("Arm finetuned trains squeezenet1_1 on cpu: a step of 16 cases takes")
    assert "each of 6 folds" in said


def test_a_network_that_arms_share_is_announced_once(blobs):
    table = make_splits(blobs.y, blobs.groups, n_folds=3, repeats=1, random_state=0, case_id=list(blobs.X.index))
    net = network(blobs, "head")
    models = {
        "finetuned": hr.BlockModel("finetuned", estimator=net),
        "hedge_finetuned": hr.HedgedFusion(["radiomics", "finetuned"], estimators={"finetuned": net}),
        "alone": net,
    }
    said = list(training_announcements(models, blobs.X, pd.Series(blobs.y), blobs.groups, table, inner=4))
    assert [("trains" in one, "no further training" in one) for one in said[:2]] == [(True, False), (True, True)]
    assert said[2].startswith("Arm alone trains")
