from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from hybridrad.errors import RunError
from hybridrad.models.finetuned import inputs, training
from hybridrad.models.finetuned.architecture import CaseNetwork
from hybridrad.models.finetuned.pooling import PoolingPlan
from hybridrad.models.finetuned.recipe import TrainingRecipe

Y = np.tile([0, 1], 10)
FEATURES = torch.randn((20, 5), generator=torch.Generator().manual_seed(0)) + 0.3 * torch.tensor(Y)[:, None]
BATCHES = inputs.FeatureBatches([[row[None] for row in FEATURES]], "cpu")


def head() -> CaseNetwork:
    return CaseNetwork(torch.nn.Identity(), 5, PoolingPlan("mean"), 2, 0.0)


def trained(network: CaseNetwork, n_epochs: int, **settings) -> list[float]:
    recipe = TrainingRecipe("head", **{"epochs": 10, "batch_size": 20, "weight_decay": 0.0, **settings})
    epochs = training.train_epochs(
        network, BATCHES, Y, np.arange(20), recipe=recipe, class_weights=np.ones(2), seed=(0,), device="cpu"
    )
    return [loss for _, loss in zip(range(n_epochs), epochs, strict=False)]


def test_one_epoch_in_one_batch_is_torchs_adamw_written_out():
    network, recipe = head(), TrainingRecipe("head", epochs=1, warm_up=0.0, lr=0.1)
    weight, bias = torch.zeros((2, 5), requires_grad=True), torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.AdamW([weight, bias], lr=0.1 * recipe.rate_at(0.5), weight_decay=0.0)
    trained(network, 1, epochs=2, warm_up=0.0, lr=0.1)
    scores = FEATURES / np.sqrt(5) @ weight.T + bias
    torch.nn.functional.cross_entropy(scores, torch.tensor(Y)).backward()
    optimiser.step()
    assert torch.allclose(network.head.weight, weight, atol=1e-5)
    assert torch.allclose(network.head.bias, bias, atol=1e-5)


def test_one_epoch_of_one_step_trains():
    network = head()
    before = network.head.weight.detach().clone()
    trained(network, 1, epochs=1)
    assert float((network.head.weight.detach() - before).abs().max()) > 1e-3


def test_trained_long_enough_the_head_is_scikit_learns_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    network = head()
    trained(network, 300, epochs=300, lr=0.3)
    # The classes overlap, so the optimum without a penalty is finite.
    wanted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(FEATURES.numpy(), Y)
    found = training.class_scores(network, BATCHES, range(20))
    logits = wanted.decision_function(FEATURES.numpy())
    assert np.corrcoef(found[:, 1] - found[:, 0], logits)[0, 1] > 0.9999


def test_a_training_that_ends_early_went_the_same_way_up_to_there():
    long, short = head(), head()
    assert trained(long, 6)[:3] == trained(short, 3)


def test_it_leaves_the_callers_random_numbers_alone():
    network = head()
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    trained(network, 2)
    assert torch.equal(torch.rand(1), wanted)


def test_a_loss_that_is_not_finite_stops_the_training_and_says_what_to_lower():
    network = head()
    with torch.no_grad():
        network.head.bias.fill_(torch.inf)
    with pytest.raises(RunError, match="epoch 1"):
        trained(network, 1)


def test_the_loss_of_cases_weighted_by_class_is_scikit_learns():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=(20, 2)), np.array([0.5, 2.0])
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    wanted = log_loss(Y, p, sample_weight=weights[Y])
    assert training.weighted_log_loss(scores, Y, weights) == pytest.approx(wanted, abs=1e-12)


def test_the_number_of_epochs_is_that_of_the_least_mean_loss_and_its_scores_are_out_of_fold():
    folds = [(np.arange(10, 20), np.arange(10)), (np.arange(10), np.arange(10, 20))]
    made = []

    def make_network(number: int, train: np.ndarray) -> CaseNetwork:
        made.append((number, train.tolist()))
        return head()

    recipe = TrainingRecipe("head", epochs=30, lr=0.5, patience=4, warm_up=0.0)
    found = training.find_epochs(
        make_network,
        BATCHES,
        Y,
        folds,
        recipe=recipe,
        class_weights=lambda y: np.ones(2),
        seed=0,
        device="cpu",
    )
    mean = found.losses.mean(axis=0)
    assert found.n_epochs == mean.argmin() + 1
    assert len(mean) == min(30, found.n_epochs + 4)
    assert made == [(0, list(range(10, 20))), (1, list(range(10)))]
    for k, (_, test) in enumerate(folds):
        loss = training.weighted_log_loss(found.scores[test], Y[test], np.ones(2))
        assert loss == pytest.approx(found.losses[k, found.n_epochs - 1])
