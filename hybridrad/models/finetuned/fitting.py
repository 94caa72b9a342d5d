"""One fit of a network on the training cases of a fold: pictures, inner folds and refit, for one or several recipes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hybridrad.models.finetuned import inputs, training
from hybridrad.models.finetuned.recipe import TrainingRecipe, class_weights
from hybridrad.splits import Fold

if TYPE_CHECKING:
    from hybridrad.models.finetuned.architecture import CaseNetwork
    from hybridrad.models.finetuned.network_classifier import NetworkClassifier

Array = NDArray[np.float64]


class Fitting:
    """What all recipes of a fit share: pictures, the pretrained features of every case, folds, and the seed.

    Parameters
    ----------
    model : NetworkClassifier
        Its settings, with ``classes_`` known.
    ids : Index
        Training cases.
    y : ndarray of shape (n_cases,)
        Positions in ``classes_``.
    folds : list of Fold
        Inner folds that are validated on.
    seed : int
    device : str
    """

    def __init__(
        self,
        model: NetworkClassifier,
        ids: pd.Index,
        y: NDArray[np.intp],
        folds: Sequence[Fold],
        *,
        seed: int,
        device: str,
    ) -> None:
        self.model, self.ids, self.y, self.folds, self.seed, self.device = model, ids, y, folds, seed, device
        self.pictures = model.batches(ids, device)
        self._first = self._fresh(0, model.used_recipes[0])
        # The pretrained features of every case; their scale is learned from the training part of each fold alone.
        self._plain = inputs.features_of(self._first, self.pictures, range(len(ids)))
        self._frozen: inputs.FeatureBatches | None = None

    def search(self, recipe: TrainingRecipe, *, keep_networks: bool) -> training.EpochSearch:
        """Train a network per inner fold by a recipe and find its number of epochs."""
        return training.find_epochs(
            lambda number, train: self._made(1 + number, train, recipe),
            self._batches(recipe),
            self.y,
            self.folds,
            recipe=recipe,
            class_weights=self.weights_of(recipe),
            seed=self.seed,
            device=self.device,
            keep_networks=keep_networks,
        )

    def refit(self, recipe: TrainingRecipe, n_epochs: int) -> tuple[CaseNetwork, list[float]]:
        """Return the network trained on all cases for so many epochs, and its training losses."""
        everyone = np.arange(len(self.y))
        network = self._made(0, everyone, recipe)
        epochs = training.train_epochs(
            network,
            self._batches(recipe),
            self.y,
            everyone,
            recipe=recipe,
            class_weights=self.weights_of(recipe)(self.y),
            seed=(self.seed, 0),
            device=self.device,
        )
        return network, [loss for _, loss in zip(range(n_epochs), epochs, strict=False)]

    def weights_of(self, recipe: TrainingRecipe) -> Callable[[NDArray[np.intp]], Array]:
        """Return what gives the weights of the classes for the labels of a training part."""
        classes = self.model.classes_
        return lambda labels: class_weights(recipe.class_weight, labels, classes)

    def prevalence_loss(self, recipe: TrainingRecipe) -> float:
        """Return the mean validation log loss of the prevalence of each training part."""
        weights, losses = self.weights_of(recipe), []
        for train, test in self.folds:
            scores = np.log(np.bincount(self.y[train], minlength=len(self.model.classes_)) / len(train))
            told = np.tile(scores, (len(test), 1))
            losses.append(training.weighted_log_loss(told, self.y[test], weights(self.y[train])))
        return float(np.mean(losses))

    def out_of_fold_loss(self, search: training.EpochSearch) -> float:
        """Return the log loss of the out-of-fold scores, no class weighted, so that recipes can be compared."""
        known = np.isfinite(search.scores).all(axis=1)
        return training.weighted_log_loss(search.scores[known], self.y[known], np.ones(search.scores.shape[1]))

    def _batches(self, recipe: TrainingRecipe) -> inputs.Batches:
        if recipe.train != "head":
            return self.pictures
        if self._frozen is None:
            self._frozen = inputs.frozen_features(
                self._first, self.pictures, n_draws=inputs.FEATURE_DRAWS, seed=self.seed
            )
        return self._frozen

    def _made(self, number: int, train: NDArray[np.intp], recipe: TrainingRecipe) -> CaseNetwork:
        network = self._fresh(number, recipe)
        network.set_scale(torch.cat([self._plain[i] for i in train]))
        counts = np.bincount(self.y[train], minlength=len(self.model.classes_))
        weighted = counts * self.weights_of(recipe)(self.y[train])
        network.set_prevalence(weighted / weighted.sum())
        return network

    def _fresh(self, number: int, recipe: TrainingRecipe) -> CaseNetwork:
        # The same random start for every recipe.
        with inputs.seeded(self.seed, 0, number):
            network = self.model.build(self.ids, len(self.model.classes_), recipe=recipe)
        return network.to(self.device)
