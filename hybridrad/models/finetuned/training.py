"""The one training loop, and the search for the number of epochs on inner folds that it is refitted with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor, nn

from hybridrad.errors import RunError
from hybridrad.models.finetuned.architecture import CaseNetwork, parameter_groups, state_of
from hybridrad.models.finetuned.inputs import CASES_AT_ONCE, Batches, Loaded, chunks, seeded
from hybridrad.models.finetuned.loading import loading
from hybridrad.models.finetuned.recipe import TrainingRecipe
from hybridrad.splits import Fold

Array = NDArray[np.float64]
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class EpochSearch:
    """How many epochs the inner folds want, and what they said.

    Attributes
    ----------
    n_epochs : int
    scores : ndarray of shape (n_cases, n_classes)
        Out-of-fold class scores after that many epochs; NaN for cases that were in no validation part.
    losses : ndarray of shape (n_folds, n_epochs_tried)
        Validation log loss.
    train_losses : ndarray of the same shape
    networks : list of CaseNetwork
        Those of the inner folds after that many epochs, where they were to be kept.
    """

    n_epochs: int
    scores: Array
    losses: Array
    train_losses: Array
    networks: list[CaseNetwork]


def train_epochs(
    network: CaseNetwork,
    batches: Batches,
    y: NDArray[np.intp],
    positions: NDArray[np.intp],
    *,
    recipe: TrainingRecipe,
    class_weights: Array,
    seed: tuple[int, ...],
    device: str,
) -> Iterator[float]:
    """Train on the cases at ``positions``, one epoch for each time it is asked; yield the mean training loss.

    The schedule of learning rates is that of ``recipe.epochs`` epochs, so a training that ends earlier went the same
    way as a longer one up to there. Random numbers hang on ``seed`` and the epoch alone.

    Raises
    ------
    RunError
        The loss is not finite any more.
    """
    groups = parameter_groups(network, recipe)
    optimiser = torch.optim.AdamW(groups)
    parameters = [p for group in groups for p in group["params"]]
    weight = torch.as_tensor(class_weights, dtype=torch.float32, device=device)
    loss_of = nn.CrossEntropyLoss(weight=weight, label_smoothing=recipe.label_smoothing)
    labels = torch.as_tensor(y, device=device)
    n_steps = -(-len(positions) // recipe.batch_size)
    for epoch in range(recipe.epochs):
        total = 0.0
        with seeded(*seed, epoch), ExitStack() as stack:
            network.train_parts(trunk=recipe.train != "head")
            order = positions[torch.randperm(len(positions)).numpy()]
            pieces = chunks(order.tolist(), recipe.batch_size)
            # Loaded once, so that a step that is tried again for want of memory sees the same random changes.
            loads = stack.enter_context(loading(batches, pieces, varied=True))
            for step, (chosen, loaded) in enumerate(zip(pieces, loads, strict=True)):
                rate = recipe.rate_of_step(epoch * n_steps + step + 1, recipe.epochs * n_steps)
                for group in optimiser.param_groups:
                    group["lr"] = group["highest"] * rate

                def loss_with_gradients(loaded: Loaded = loaded, wanted: Tensor = labels[chosen]) -> Tensor:
                    optimiser.zero_grad(set_to_none=True)
                    with mixed_precision(recipe, device):
                        scores = batches.scores(network, loaded)
                        loss: Tensor = loss_of(scores.float(), wanted)
                    if torch.isfinite(loss):
                        loss.backward()
                    return loss.detach()

                loss = float(batches.at_once.attempt(loss_with_gradients))
                if not np.isfinite(loss):
                    raise RunError(
                        f"the training loss is {loss} in epoch {epoch + 1}.",
                        hint="Lower lr and trunk_lr of the recipe.",
                    )
                nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
                optimiser.step()
                total += loss * len(chosen)
        network.eval()
        yield total / len(positions)


def class_scores(network: CaseNetwork, batches: Batches, positions: Sequence[int], *, varied: bool = False) -> Array:
    """Return class scores (n_cases, n_classes) in full precision, without gradients."""
    network.eval()
    parts = []
    with torch.no_grad(), loading(batches, chunks(positions, CASES_AT_ONCE), varied=varied) as loads:
        for loaded in loads:
            scores = batches.at_once.attempt(partial(batches.scores, network, loaded))
            parts.append(scores.double().cpu().numpy())
    return np.concatenate(parts)


def find_epochs(
    make_network: Callable[[int, NDArray[np.intp]], CaseNetwork],
    batches: Batches,
    y: NDArray[np.intp],
    folds: Sequence[Fold],
    *,
    recipe: TrainingRecipe,
    class_weights: Callable[[NDArray[np.intp]], Array],
    seed: int,
    device: str,
    keep_networks: bool = False,
) -> EpochSearch:
    """Train one network per inner fold, in step, until their mean validation loss has not fallen for a while.

    Parameters
    ----------
    make_network : callable
        Gives a fresh network for a fold's number and its training positions.
    class_weights : callable
        Gives the weights of the classes for the labels of a training part.
    keep_networks : bool
        Whether the networks are given back, too, as they were after the best number of epochs.
    """
    networks = [make_network(k, train) for k, (train, _) in enumerate(folds)]
    trainings = [
        train_epochs(
            network,
            batches,
            y,
            train,
            recipe=recipe,
            class_weights=class_weights(y[train]),
            seed=(seed, 1 + k),
            device=device,
        )
        for k, (network, (train, _)) in enumerate(zip(networks, folds, strict=True))
    ]
    losses: list[list[float]] = []
    train_losses: list[list[float]] = []
    best, best_loss = np.full((len(y), len(class_weights(y))), np.nan), np.inf
    n_epochs, states = 0, []
    for epoch in range(recipe.epochs):
        train_losses.append([next(training) for training in trainings])
        now, of_fold = np.full_like(best, np.nan), []
        for network, (train, test) in zip(networks, folds, strict=True):
            now[test] = class_scores(network, batches, test.tolist())
            of_fold.append(weighted_log_loss(now[test], y[test], class_weights(y[train])))
        losses.append(of_fold)
        if np.mean(of_fold) < best_loss:
            best, best_loss, n_epochs = now, float(np.mean(of_fold)), epoch + 1
            states = [state_of(network) for network in networks] if keep_networks else []
        if epoch + 1 - n_epochs >= recipe.patience:
            break
    for network, state in zip(networks, states, strict=False):
        network.load_state_dict({name: torch.from_numpy(values) for name, values in state.items()})
    kept = networks if keep_networks else []
    return EpochSearch(n_epochs, best, np.array(losses).T, np.array(train_losses).T, kept)


def weighted_log_loss(scores: Array, y: NDArray[np.intp], class_weights: Array) -> float:
    """Return the mean log loss of class scores, cases weighted by their class.

    Examples
    --------
    >>> round(weighted_log_loss(np.zeros((2, 2)), np.array([0, 1]), np.ones(2)), 3)
    0.693
    """
    each = logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]
    return float(np.average(each, weights=class_weights[y]))


def mixed_precision(recipe: TrainingRecipe, device: str) -> AbstractContextManager[object]:
    """Return the context of a forward pass in training: bfloat16 where it is wanted and there is a GPU for it."""
    mixed = precision_in_use(recipe, device) == "bfloat16"
    return torch.autocast("cuda", dtype=torch.bfloat16) if mixed else nullcontext()


def precision_in_use(recipe: TrainingRecipe, device: str) -> str:
    """Return the precision of training on a device: ``"bfloat16"`` (mixed) or ``"float32"``."""
    on_gpu = device != "cpu"
    wanted = recipe.precision == "bfloat16" or (
        recipe.precision == "auto" and on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    return "bfloat16" if on_gpu and wanted else "float32"
