"""How a network is trained: one frozen object with every setting, so that it can be declared and reported."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad._checks import check_choice, check_positive

TRAINED = ("head", "last_blocks", "all")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class TrainingRecipe:
    """Settings of the training of a network.

    AdamW; learning rates rise linearly over the warm-up and then fall along a cosine to 0. Batch normalisation keeps
    the statistics it came with: batches of a small cohort are too small to replace them.

    Parameters
    ----------
    train : {"head", "last_blocks", "all"}
        What is trained: a linear layer on the embedding (with the pooling of views, where that learns), the last stage
        of the network with it (`hybridrad.models.finetuned.last_blocks`), or all.
    epochs : int
        At most; early stopping finds how many.
    lr : float
        Highest learning rate of the head.
    trunk_lr : float
        Highest learning rate of the last layer below the head.
    trunk_lr_fall : float
        The first layer's learning rate as a share of ``trunk_lr``; those between fall geometrically.
    weight_decay : float
        Decoupled, for weights; biases and normalisation layers have none.
    warm_up : float
        Share of the epochs.
    patience : int
        Epochs without a lower validation loss after which the search for the number of epochs ends.
    batch_size : int
        Cases in a step. Of many pictures a part at a time is in the network, as many as memory suffices for; the step
        is the same.
    dropout : float
        Before the head.
    label_smoothing : float
    class_weight : None, "balanced" or dict
        ``None`` keeps probabilities that follow the prevalence; a dict gives a weight for each class.
    precision : {"auto", "float32", "bfloat16"}
        ``"auto"``: mixed precision (bfloat16) on a GPU that has it, float32 elsewhere. ``"bfloat16"`` on a CPU trains
        in float32 as well, which is a finding of the study.

    Raises
    ------
    ValueError
        A setting is out of range.

    Examples
    --------
    >>> TrainingRecipe("head", epochs=20).train
    'head'
    """

    train: str = "all"
    _: KW_ONLY
    epochs: int = 30
    lr: float = 1e-2
    trunk_lr: float = 3e-5
    trunk_lr_fall: float = 0.1
    weight_decay: float = 0.05
    warm_up: float = 0.1
    patience: int = 8
    batch_size: int = 16
    dropout: float = 0.0
    label_smoothing: float = 0.0
    class_weight: str | Mapping[Any, float] | None = None
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_choice(self.train, TRAINED, name="train")
        check_choice(self.precision, PRECISIONS, name="precision")
        for name in ("epochs", "patience", "batch_size"):
            value = check_positive(getattr(self, name), name=name)
            if int(value) != value:
                raise ValueError(f"{name} must be a whole number, got {value!r}.")
        for name in ("lr", "trunk_lr", "trunk_lr_fall"):
            check_positive(getattr(self, name), name=name)
        for name, highest in (("weight_decay", math.inf), ("warm_up", 1.0), ("dropout", 1.0), ("label_smoothing", 1.0)):
            value = getattr(self, name)
            if not 0 <= value < highest:
                raise ValueError(f"{name} must be at least 0 and below {highest}, got {value!r}.")
        if isinstance(self.class_weight, str):
            check_choice(self.class_weight, ("balanced",), name="class_weight")

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        plain = asdict(self)
        if isinstance(self.class_weight, Mapping):
            plain["class_weight"] = {str(name): float(weight) for name, weight in self.class_weight.items()}
        return plain

    def rate_at(self, progress: float) -> float:
        """Return the share of the highest learning rate at a point of the planned training (0..1).

        Examples
        --------
        >>> [round(TrainingRecipe(warm_up=0.1).rate_at(p), 3) for p in (0.05, 0.1, 0.55, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
        """
        if progress < self.warm_up:
            return progress / self.warm_up
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warm_up) / (1.0 - self.warm_up)))

    def rate_of_step(self, step: int, n_steps: int) -> float:
        """Return the share of the highest learning rate at a step of so many, the first being number 1.

        A training of a single step has the highest rate: its schedule would begin at its end, where the rate is 0.

        Examples
        --------
        >>> [round(TrainingRecipe(warm_up=0.25).rate_of_step(step, 4), 3) for step in (1, 2, 3, 4)]
        [1.0, 0.75, 0.25, 0.0]
        >>> TrainingRecipe().rate_of_step(1, 1)
        1.0
        """
        return 1.0 if n_steps == 1 else self.rate_at(step / n_steps)


def class_weights(
    rule: str | Mapping[Any, float] | None, y: NDArray[np.intp], classes: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the weight of each class in the loss.

    Examples
    --------
    >>> class_weights("balanced", np.array([0, 0, 0, 1]), np.array(["a", "b"])).round(2).tolist()
    [0.67, 2.0]
    """
    if rule is None:
        return np.ones(len(classes))
    if isinstance(rule, str):
        return np.asarray(len(y) / (len(classes) * np.bincount(y, minlength=len(classes))))
    if set(rule) != set(classes.tolist()):
        raise ValueError(f"class_weight names {list(rule)}, the classes are {classes.tolist()}.")
    return np.array([float(rule[c]) for c in classes.tolist()])
