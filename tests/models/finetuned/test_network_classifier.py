from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import hybridrad as hr
from hybridrad.errors import RunError
from hybridrad.models.finetuned.recipe import class_weights
from hybridrad.models.ridge_logistic import log_loss
from tests.devices import DEVICES

QUICK = hr.TrainingRecipe("head", epochs=3)


def network(store, recipe=QUICK, **options) -> hr.FineTunedCNN:
    options = {"device": "cpu"} | options
    return hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe, **options)


@pytest.fixture(scope="module")
def fitted(blobs) -> hr.FineTunedCNN:
    return network(blobs).fit(blobs.X, blobs.y, groups=blobs.groups)


def held_out(store) -> tuple[np.ndarray, np.ndarray]:
    test = np.isin(store.groups, np.unique(store.groups)[:10])
    return np.flatnonzero(~test), np.flatnonzero(test)


@pytest.mark.parametrize("train", ["head", "last_blocks", "all"])
@pytest.mark.parametrize("device", DEVICES)
def test_what_the_pictures_show_is_learned(make_blobs, train, device):
    store = make_blobs(30)
    learn, test = held_out(store)
    recipe = hr.TrainingRecipe(train, epochs=8, trunk_lr=3e-4, patience=8)
    model = network(store, recipe, device=device)
    model.fit(store.X.iloc[learn], store.y[learn], groups=store.groups[learn])
    assert roc_auc_score(store.y[test], model.decision_function(store.X.iloc[test])) > 0.9
    assert roc_auc_score(store.y[learn], model.oof_logits_) > 0.9


def test_nothing_is_learned_from_shuffled_labels(make_blobs):
    aucs, oof = [], []
    for seed in range(4):
        store = make_blobs(36, seed=seed)
        rng = np.random.default_rng(seed)
        y = rng.permutation(np.tile([0, 1], 18))[np.unique(store.groups, return_inverse=True)[1]]
        learn, test = held_out(store)
        model = network(store, hr.TrainingRecipe("head", epochs=10, patience=10))
        model.fit(store.X.iloc[learn], y[learn], groups=store.groups[learn])
        aucs.append(roc_auc_score(y[test], model.decision_function(store.X.iloc[test])))
        oof.append(roc_auc_score(y[learn], model.oof_logits_))
    assert 0.3 < np.mean(aucs) < 0.7
    assert 0.3 < np.mean(oof) < 0.7


def test_the_same_seed_gives_the_same_network_and_another_seed_another(blobs, fitted):
    recipe = hr.TrainingRecipe("last_blocks", epochs=2, dropout=0.5)
    options = {"augment": hr.Augmentation(), "oof": False}
    first, second, other = (
        network(blobs, recipe, random_state=seed, **options).fit(blobs.X, blobs.y, groups=blobs.groups)
        for seed in (0, 0, 1)
    )
    assert first.n_epochs_ == second.n_epochs_
    assert np.array_equal(first.decision_function(blobs.X), second.decision_function(blobs.X))
    assert not np.array_equal(first.decision_function(blobs.X), other.decision_function(blobs.X))


def test_the_refit_does_not_hang_on_how_the_epochs_were_found(blobs):
    recipe = hr.TrainingRecipe("head", epochs=1)
    both = [network(blobs, recipe, oof=oof).fit(blobs.X, blobs.y, groups=blobs.groups) for oof in (True, False)]
    assert np.array_equal(*(model.decision_function(blobs.X) for model in both))
    assert [hasattr(model, "oof_logits_") for model in both] == [True, False]
    assert [hasattr(model, "oof_loss_") for model in both] == [True, False]
    assert both[0].oof_loss_ == pytest.approx(log_loss(both[0].oof_logits_, blobs.y))
    assert [model.gives_oof_logits for model in both] == [True, False]


def test_torchs_random_numbers_and_flags_stay_as_they_were(blobs):
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    network(blobs, hr.TrainingRecipe("head", epochs=1), augment=hr.Augmentation()).fit(blobs.X, blobs.y)
    assert torch.equal(torch.rand(1), wanted)
    assert torch.is_grad_enabled()


def test_no_patient_is_in_the_training_and_validation_part_of_an_inner_fold(blobs, monkeypatch):
    from hybridrad.models.finetuned import training

    seen = []
    monkeypatch.setattr(training, "find_epochs", lambda make, b, y, folds, **rest: seen.extend(folds) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        network(blobs).fit(blobs.X, blobs.y, groups=blobs.groups)
    assert len(seen) == 3
    for train, test in seen:
        assert not set(blobs.groups[train]) & set(blobs.groups[test])


def test_predictions_hang_on_neither_company_nor_order(blobs, fitted):
    together = fitted.decision_function(blobs.X)
    backwards = fitted.decision_function(blobs.X.iloc[::-1])[::-1]
    alone = [fitted.decision_function(blobs.X.iloc[[i]])[0] for i in (0, 7)]
    assert np.allclose(together, backwards, atol=1e-5)
    assert np.allclose(together[[0, 7]], alone, atol=1e-5)


def test_it_comes_back_from_a_pickle_with_the_same_answers(blobs, fitted):
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - written a line before
    assert np.array_equal(again.decision_function(blobs.X), fitted.decision_function(blobs.X))
    assert all(isinstance(values, np.ndarray) for values in fitted.network_state_.values())


def test_a_copy_has_the_same_settings_and_nothing_learned(blobs, fitted):
    copy = clone(fitted)
    assert copy.get_params()["recipe"] == QUICK
    assert not hasattr(copy, "network_state_")
    assert copy.set_params(random_state=4).random_state == 4


def test_probabilities_logits_and_classes_agree(blobs, fitted):
    names = np.array(["benign", "malignant"])
    model = network(blobs).fit(blobs.X, names[blobs.y], groups=blobs.groups)
    p = model.predict_proba(blobs.X)
    assert np.allclose(np.log(p[:, 1] / p[:, 0]), model.decision_function(blobs.X))
    assert np.array_equal(model.predict(blobs.X), names[p.argmax(axis=1)])
    assert np.array_equal(model.decision_function(blobs.X), fitted.decision_function(blobs.X))


def test_more_than_two_classes(make_blobs):
    store = make_blobs(36, n_classes=3)
    recipe = hr.TrainingRecipe("head", epochs=12, patience=12)
    model = network(store, recipe, augment=hr.Augmentation()).fit(store.X, store.y, groups=store.groups)
    assert model.decision_function(store.X).shape == (len(store.y), 3)
    assert model.oof_logits_.shape == (len(store.y), 3)
    assert np.allclose(model.predict_proba(store.X).sum(axis=1), 1.0)
    assert (model.predict(store.X) == store.y).mean() > 0.6


def test_the_history_tells_every_epoch_of_every_fold_and_of_the_refit(fitted):
    inner, refit = fitted.history_.loc["inner"], fitted.history_.loc["refit"]
    assert inner.index.get_level_values("fold").nunique() == 3
    mean = inner["valid_log_loss"].groupby("epoch").mean()
    assert fitted.n_epochs_ == mean.idxmin() == len(refit)
    assert refit["valid_log_loss"].isna().all()


def test_class_weights_shift_the_answers_towards_the_rare_class(make_blobs):
    store = make_blobs(36)
    rare = np.flatnonzero((store.y == 0) | (np.arange(len(store.y)) % 3 == 0))
    X, y, groups = store.X.iloc[rare], store.y[rare], store.groups[rare]
    plain, heavy = (
        network(store, hr.TrainingRecipe("head", epochs=3, class_weight=weight)).fit(X, y, groups=groups)
        for weight in (None, {0: 0.2, 1: 5.0})
    )
    assert heavy.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.02


def test_balanced_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    y = np.array([0, 0, 0, 1, 2, 2])
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=y)
    assert np.allclose(class_weights("balanced", y, np.arange(3)), wanted)
    with pytest.raises(ValueError, match="class_weight"):
        class_weights({0: 1.0}, y, np.arange(3))


def test_test_time_augmentation_averages_over_changed_versions_of_the_case(blobs):
    model = network(blobs, augment=hr.Augmentation(intensity=0.5), test_time_augmentation=2)
    model.fit(blobs.X, blobs.y, groups=blobs.groups)
    both = model.decision_function(blobs.X)
    alone = model.decision_function(blobs.X.iloc[[3]])
    assert both[3] == pytest.approx(alone[0], abs=1e-5)
    plain = model.set_params(test_time_augmentation=0).decision_function(blobs.X)
    assert not np.allclose(both, plain, atol=1e-3)
    with pytest.raises(ValueError, match="augment is None"):
        network(blobs, test_time_augmentation=1).fit(blobs.X, blobs.y)


def test_out_of_fold_logits_are_the_score_that_predictions_have_with_test_time_augmentation(blobs):
    recipe, options = hr.TrainingRecipe("head", epochs=2), {"augment": hr.Augmentation(intensity=0.5)}
    plain, varied = (
        network(blobs, recipe, test_time_augmentation=n, **options).fit(blobs.X, blobs.y, groups=blobs.groups)
        for n in (0, 2)
    )
    assert np.array_equal(
        plain.set_params(test_time_augmentation=2).decision_function(blobs.X), varied.decision_function(blobs.X)
    )
    assert not np.allclose(plain.oof_logits_, varied.oof_logits_, atol=1e-3)
    # Cases without change of theirs, so that the two must agree: the mean of equal logits.
    still = hr.Augmentation("none", rotation_deg=0, scale=0, shift=0, intensity=0, noise_sd=0)
    still_plain, still_varied = (
        network(blobs, recipe, test_time_augmentation=n, augment=still).fit(blobs.X, blobs.y, groups=blobs.groups)
        for n in (0, 2)
    )
    assert np.allclose(still_plain.oof_logits_, still_varied.oof_logits_, atol=1e-5)


def test_the_changes_at_test_time_follow_the_seed(blobs):
    recipe, options = hr.TrainingRecipe("head", epochs=1), {"augment": hr.Augmentation(), "oof": False}
    model = network(blobs, recipe, test_time_augmentation=1, **options).fit(blobs.X, blobs.y, groups=blobs.groups)
    before = model.decision_function(blobs.X.iloc[:3])
    assert np.array_equal(before, model.decision_function(blobs.X.iloc[:3]))
    model.seed_ = 1
    assert not np.allclose(before, model.decision_function(blobs.X.iloc[:3]), atol=1e-4)


def test_a_table_without_case_ids_is_refused_with_what_is_wanted(blobs):
    with pytest.raises(TypeError, match="case_id"):
        network(blobs).fit(blobs.X.to_numpy(), blobs.y)
    with pytest.raises(ValueError, match="case_0001"):
        network(blobs).fit(blobs.X.reset_index(drop=True), blobs.y)
    lost = make_pipeline(FunctionTransformer(lambda X: X.to_numpy()), network(blobs))
    with pytest.raises(TypeError, match="Pipeline"):
        lost.fit(blobs.X, blobs.y)


def test_a_case_without_pictures_is_an_error_or_answered_as_the_average_case(blobs, fitted):
    X = pd.concat([blobs.X, blobs.X.iloc[[0]].rename({"c000": "lost"})])
    y, groups = np.append(blobs.y, 0), np.append(blobs.groups, "lost")
    with pytest.raises(RunError, match="'lost' has no pictures"):
        network(blobs).fit(X, y, groups=groups)
    model = network(blobs, missing="average").fit(X, y, groups=groups)
    assert model.findings_ == [f"Training cases have no pictures and were left out (1 of {len(X)})."]
    assert np.array_equal(model.decision_function(X)[:-1], fitted.decision_function(blobs.X))
    prevalence = np.log(blobs.y.mean() / (1 - blobs.y.mean()))
    assert model.decision_function(X)[-1] == pytest.approx(prevalence)
    assert model.oof_logits_[-1] == pytest.approx(prevalence)
    assert model.decision_function(X.iloc[[-1]])[0] == pytest.approx(prevalence)


def test_an_inner_fold_no_better_than_the_prevalence_is_a_finding(make_blobs):
    store = make_blobs(20)
    y = np.random.default_rng(1).permutation(store.y)
    recipe = hr.TrainingRecipe("head", epochs=4, lr=3.0, warm_up=0.0)
    model = network(store, recipe).fit(store.X, y)
    assert model.findings_[0].startswith("No number of epochs gave a validation log loss below")
    assert not model.grouped_


@pytest.mark.parametrize(
    ("y", "message"), [(np.zeros(27), "two classes"), ([None] + [0, 1] * 13, "no label"), ([0, 1], "inconsistent")]
)
def test_labels_that_cannot_be_learned_are_refused(blobs, y, message):
    with pytest.raises(ValueError, match=message):
        network(blobs).fit(blobs.X, y)
