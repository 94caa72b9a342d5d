"""How long the training of networks will take, from one timed step, said before it begins."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from hybridrad.errors import RunError
from hybridrad.features.progress import duration_text
from hybridrad.models.finetuned.arm_networks import networks_in
from hybridrad.models.finetuned.network_classifier import NetworkClassifier, pick_device
from hybridrad.models.finetuned.recipe import TrainingRecipe


@dataclass(frozen=True)
class TrainingTime:
    """What was timed, and what follows from it if no training stops early.

    Attributes
    ----------
    seconds_per_step : float
        One step of training with ``cases_per_step`` cases, pictures read and varied.
    cases_per_step : int
    seconds_per_epoch : float
        Of the final training on all training cases of a fold.
    seconds_per_fit : float
        Inner folds of every recipe and final training, at most.
    device : str
    n_recipes : int
        Recipes the inner folds choose among; the first three values are those of the slowest.
    """

    seconds_per_step: float
    cases_per_step: int
    seconds_per_epoch: float
    seconds_per_fit: float
    device: str
    n_recipes: int = 1


def training_time(
    model: NetworkClassifier, X: pd.DataFrame, y: ArrayLike, *, n_train: int | None = None
) -> TrainingTime:
    """Time one step of training and one pass without training, and say what a fit will take at most.

    Parameters
    ----------
    model : NetworkClassifier
        Not fitted, and not changed.
    X : DataFrame
        Its index finds the pictures of the step. With ``missing="average"`` cases without pictures are passed over.
    y : array-like of shape (n_cases,)
    n_train : int, optional
        Training cases of a fit; default all.

    Returns
    -------
    TrainingTime

    Raises
    ------
    RunError
        No case has pictures.
    """
    from hybridrad.features.deep.batching import exact_arithmetic
    from hybridrad.models.finetuned import inputs

    device = pick_device(model.device)
    labels = np.unique(np.asarray(y), return_inverse=True)[1].astype(np.intp)
    there = np.flatnonzero(model.with_pictures(X.index))
    if not len(there):
        raise RunError(
            f"none of the {len(X)} cases of the table (first: {X.index[0]!r}) has pictures in {model.views_store!r}.",
            hint="Make them by prepare_views() of the same cohort.",
        )
    n = max(1, round((len(X) if n_train is None else n_train) * len(there) / len(X)))
    n_fits = model.inner_folds if model.oof else 1
    share = 1.0 - 1.0 / model.inner_folds
    searches, passes = 0.0, 0.0
    refits = []
    for recipe in model.used_recipes:
        n_cases = min(recipe.batch_size, len(there))
        # Every class is there, spread over the table.
        chosen = there[np.linspace(0, len(there) - 1, n_cases).astype(int)]
        with exact_arithmetic(device), threadpool_limits(limits=1):
            step, forward = _time(model, recipe, X.index[chosen], labels[chosen], int(labels.max()) + 1, device)
        epoch = -(-n // recipe.batch_size) * step
        once = n * forward / n_cases
        if recipe.train == "head":
            # The trunk sees every picture once for each random version of it, whatever the number of epochs.
            passes = max(passes, once * (2.0 + (inputs.FEATURE_DRAWS if model.augment is not None else 0)))
            validation = 0.0
        else:
            passes, validation = max(passes, once), n_fits * (1.0 - share) * once
        searches += recipe.epochs * (epoch * n_fits * share + validation)
        refits.append((recipe.epochs * epoch, step, n_cases, epoch))
    refit, step, n_cases, epoch = max(refits)
    return TrainingTime(step, n_cases, epoch, passes + searches + refit, device, len(refits))


def training_announcements(
    models: Mapping[str, Any],
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike,
    splits: pd.DataFrame,
    *,
    inner: int,
) -> Iterator[str]:
    """Yield one sentence for each arm of a study that trains networks: how long it will take at most.

    The same network inside several arms is trained once and shared; one that is an arm itself is trained for itself.

    Parameters
    ----------
    models : dict of name -> estimator
    X : DataFrame of shape (n_cases, n_features)
    y, groups : array-like of shape (n_cases,)
    splits : DataFrame
        The splits table of the study.
    inner : int
        Inner folds of the study: a network without ``oof`` is trained in each of them once more.
    """
    n_folds = len(splits.reset_index()[["repeat", "fold"]].drop_duplicates())
    n_train = int((splits["role"] == "train").sum() / n_folds)
    shared: dict[str, str] = {}
    for name, model in models.items():
        for network in networks_in(model):
            if model is not network:
                first = shared.setdefault(str(joblib.hash(network)), name)
                if first != name:
                    yield f"Arm {name} shares the {network.backbone} that arm {first} trains: no further training."
                    continue
            timed = training_time(network, X, y, n_train=n_train)
            times = 1 if network.oof else 1 + inner
            choice = f" by {timed.n_recipes} recipes" if timed.n_recipes > 1 else ""
            yield (
                f"Arm {name} trains {network.backbone} on {timed.device}{choice}: a step of {timed.cases_per_step} "
                f"cases takes {timed.seconds_per_step:.2f} s, an epoch {duration_text(timed.seconds_per_epoch)}, each "
                f"of {n_folds} folds at most {duration_text(times * timed.seconds_per_fit)}, all of them at most "
                f"{duration_text(n_folds * times * timed.seconds_per_fit)} in one process."
            )


def _time(
    model: NetworkClassifier, recipe: TrainingRecipe, case_ids: pd.Index, y: np.ndarray, n_classes: int, device: str
) -> tuple[float, float]:
    """Return the seconds of a training step and of a pass without training over the given cases, after a warm-up."""
    import torch

    from hybridrad.models.finetuned import inputs, training

    with inputs.seeded(0):
        network = model.build(case_ids, n_classes, recipe=recipe).to(device)
    pictures = model.batches(case_ids, device)
    batches: inputs.Batches = pictures
    if recipe.train == "head":
        batches = inputs.FeatureBatches([inputs.features_of(network, pictures, range(len(y)))], device)
    steps = training.train_epochs(
        network,
        batches,
        y,
        np.arange(len(y)),
        recipe=recipe,
        class_weights=np.ones(n_classes),
        seed=(0,),
        device=device,
    )
    seconds = []
    for _ in range(2 if recipe.epochs > 1 else 1):
        start = time.perf_counter()
        next(steps)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    inputs.features_of(network, pictures, range(len(y)), varied=recipe.train == "head")
    if device != "cpu":
        torch.cuda.synchronize()
    return seconds[-1], time.perf_counter() - start
