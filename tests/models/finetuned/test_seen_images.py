from __future__ import annotations

import numpy as np
import pytest
import torch

import hybridrad as hr
from hybridrad.features.deep.backbones import build_network
from hybridrad.features.deep.checkpoints import write_weights
from hybridrad.features.deep.picture_file import IMAGES_NAME
from hybridrad.features.deep.trained_on import image_digest
from hybridrad.imaging.roi import read_roi
from hybridrad.models.finetuned.seen_images import images_trained_on

SEEN = ["case_0002", "case_0005"]
RECIPE = hr.TrainingRecipe("head", epochs=1)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return hr.make_cohort(tmp_path_factory.mktemp("cohort"), n_patients=16, random_state=0)


@pytest.fixture(scope="module")
def store(cohort, tmp_path_factory):
    return hr.prepare_views(cohort, hr.Views(), store=tmp_path_factory.mktemp("views"), input_px=32, progress=False)


@pytest.fixture(scope="module")
def weights(cohort, tmp_path_factory):
    """A file whose weights were trained on the images of two cases, it says."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.save(build_network("squeezenet1_1").state_dict(), folder / "plain.pth")
    cases = [case for case in cohort.cases() if case.case_id in SEEN]
    digests = [image_digest(read_roi(case.paths["image"], case.paths["mask"]).image_zyx) for case in cases]
    expected = {"input_size": 32, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear"}
    told = {"backbone": "squeezenet1_1", "preprocessing": expected, "licence": "none", "origin": "here"}
    return write_weights(folder / "plain.pth", folder / "own.safetensors", **told, trained_on={"our nodules": digests})


def network(weights, store, kind=hr.FineTunedCNN):
    return kind("squeezenet1_1", weights, views_store=store, recipe=RECIPE, oof=False, device="cpu")


@pytest.mark.parametrize("kind", [hr.FineTunedCNN, hr.MultiViewCNN, hr.SliceSequence])
def test_every_kind_of_network_says_at_its_fit_that_training_images_were_seen_before(cohort, store, weights, kind):
    X = store.marker()
    fitted = network(weights, store, kind).fit(X, cohort.y[X.index])
    (said,) = [text for text in fitted.findings_ if "very images" in text]
    assert "(2 of 16 cases; own.safetensors)" in said
    others = X.drop(index=SEEN)
    assert not any(
        "very images" in text for text in network(weights, store, kind).fit(others, cohort.y[others.index]).findings_
    )


def test_a_study_warns_of_each_case_once_whatever_the_number_of_arms(cohort, store, weights):
    arms = {
        "finetuned": network(weights, store),
        "calibrated": hr.BlockModel("finetuned", estimator=network(weights, store)),
    }
    study = hr.compare_models(arms, store.marker(), cohort, cv=hr.NestedCV(outer=2, repeats=1, inner=2), explain=False)
    warned = study.findings.xs("W_TRAINED_ON", level="code")
    assert warned.index.tolist() == SEEN
    assert (warned["severity"] == "warning").all()
    assert warned["message"].str.contains("own.safetensors was trained on this very image").all()
    departures = study.findings.xs("N_FIT_DEPARTURE", level="code")["message"]
    assert departures.str.match(r"finetuned, in \d folds: The weights were trained on the very images").any()


def test_what_the_extraction_said_of_the_same_weights_is_not_said_twice(cohort, store, weights, tmp_path):
    extractor = hr.EmbeddingExtractor("squeezenet1_1", weights, device="cpu")
    run = hr.extract_features(cohort, [extractor], store=tmp_path, progress=False)
    features = run.features.join(store.marker())
    arms = {"deep": hr.BlockModel("deep"), "finetuned": network(weights, store)}
    cv = hr.NestedCV(outer=2, repeats=1, inner=2)
    study = hr.compare_models(arms, features, cohort, cv=cv, run=run, explain=False)
    assert study.findings.xs("W_TRAINED_ON", level="code").index.tolist() == SEEN


def test_views_that_do_not_record_their_images_are_said_to_leave_it_open(cohort, store, weights, tmp_path):
    import shutil

    shutil.copytree(store.folder, tmp_path / "old")
    (tmp_path / "old" / IMAGES_NAME).unlink()
    old = hr.ViewStore.open(tmp_path / "old")
    assert images_trained_on({"finetuned": network(weights, old)}, old.index.index) == []
    X = old.marker()
    (said,) = [text for text in network(weights, old).fit(X, cohort.y[X.index]).findings_ if "cannot be told" in text]
    assert "(16 of 16 cases; own.safetensors)" in said


def test_weights_that_list_no_images_and_pictures_of_ones_own_say_nothing(blobs):
    model = network("untrained", blobs)
    assert images_trained_on({"finetuned": model}, blobs.X.index) == []
    assert not any("image" in text for text in model.fit(blobs.X, np.asarray(blobs.y)).findings_)
