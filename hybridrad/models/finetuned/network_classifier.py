"""What the fine-tuned networks share: pictures by case_id, labels, inner folds, refit, prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from hybridrad._checks import check_choice
from hybridrad.errors import RunError
from hybridrad.models.case_classifier import most_probable, probabilities
from hybridrad.models.finetuned.augmentation import Augmentation
from hybridrad.models.finetuned.recipe import TrainingRecipe
from hybridrad.models.ridge_logistic import log_loss
from hybridrad.splits import inner_splits

if TYPE_CHECKING:
    from hybridrad.models.finetuned.architecture import CaseNetwork, NetworkState
    from hybridrad.models.finetuned.fitting import Fitting
    from hybridrad.models.finetuned.inputs import PictureBatches
    from hybridrad.models.finetuned.pooling import PoolingPlan
    from hybridrad.models.finetuned.training import EpochSearch

Array = NDArray[np.float64]
MISSING = ("error", "average")
TEST_TIME = 2**31  # no number of a fold: the random changes of prediction are none of those of training


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """Common ground of the networks trained inside the fold; not used by itself.

    Subclasses set the parameters in ``__init__`` and give ``_pooling``.
    """

    __metadata_request__fit = {"groups": True}  # noqa: RUF012 - read by scikit-learn from the class, never changed

    backbone: str
    weights: Any
    views_store: Any
    recipe: TrainingRecipe | None
    recipes: Sequence[TrainingRecipe] | None
    augment: Augmentation | None
    test_time_augmentation: int
    oof: bool
    inner_folds: int
    missing: str
    preprocessing: Any
    random_state: Any
    device: str
    oof_logits_: Array
    recipe_: TrainingRecipe
    recipe_number_: int

    def _pooling(self, case_ids: pd.Index) -> PoolingPlan:
        raise NotImplementedError

    def _default_recipe(self) -> TrainingRecipe:
        return TrainingRecipe()

    @property
    def used_recipes(self) -> list[TrainingRecipe]:
        """The recipes that the inner folds choose among; a single one, given or the default, leaves no choice."""
        if self.recipes is None:
            return [self.recipe or self._default_recipe()]
        if self.recipe is not None:
            raise ValueError("recipe and recipes exclude each other; give one.")
        if not len(self.recipes) or not all(isinstance(recipe, TrainingRecipe) for recipe in self.recipes):
            raise ValueError(f"recipes must hold at least one TrainingRecipe and nothing else, got {self.recipes!r}.")
        return list(self.recipes)

    def build(self, case_ids: pd.Index, n_classes: int, *, recipe: TrainingRecipe | None = None) -> CaseNetwork:
        """Return the network before any training, on the CPU; the cases tell how many views there are."""
        from hybridrad.models.finetuned.architecture import build_case_network

        return build_case_network(
            self.backbone,
            self.weights,
            input_px=self.views_store.input_px,
            pooling=self._pooling(case_ids),
            n_classes=n_classes,
            dropout=(recipe or self.used_recipes[0]).dropout,
            preprocessing=self.preprocessing,
        )

    def batches(self, case_ids: pd.Index, device: str, *, pooling: PoolingPlan | None = None) -> PictureBatches:
        """Return the pictures of cases as the network is fed with them."""
        from hybridrad.models.finetuned.inputs import PictureBatches

        n_views = (pooling or self._pooling(case_ids)).n_views
        return PictureBatches(self.views_store, list(case_ids), self.augment, device, n_views=n_views)

    def content_digest(self) -> str:
        """Return a hash of what the parameters only name: the weights, and the device that is meant by "auto".

        Raises
        ------
        WeightsError
            The weights cannot be had.
        """
        from hybridrad.models.finetuned.description import as_digest

        return as_digest(self, pick_device(self.device))

    def describe(self) -> dict[str, Any]:
        """Return everything the training and its result depend on, as plain data.

        Raises
        ------
        WeightsError
            The weights cannot be had.
        """
        from hybridrad.models.finetuned.description import as_plain_data

        return as_plain_data(self, pick_device(self.device))

    def describe_arm(self) -> str:
        """Return one sentence on what is trained, for reports."""
        from hybridrad.models.finetuned.description import as_sentence

        return as_sentence(self)

    @property
    def gives_oof_logits(self) -> bool:
        """Whether `fit` leaves ``oof_logits_``, so that nobody needs to refit the network for them."""
        return bool(self.oof)

    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Find the number of epochs on inner folds by patient, then train on all cases for that many.

        Parameters
        ----------
        X : DataFrame of shape (n_cases, any number of columns)
            Its index (``case_id``) finds the pictures; its columns are not looked at.
        y : array-like of shape (n_cases,)
        groups : array-like of shape (n_cases,), optional
            Patient of each case; inner folds keep patients whole.

        Raises
        ------
        ValueError, TypeError
            X has no index of case ids, or a setting is out of range.
        RunError
            A case has no pictures and ``missing`` is "error".
        WeightsError
            The weights cannot be had, or their file lists its training images in a way that cannot be read.
        """
        from hybridrad.features.deep.batching import exact_arithmetic
        from hybridrad.models.finetuned.seen_images import say_images_trained_on

        if self.test_time_augmentation and self.augment is None:
            raise ValueError("test_time_augmentation needs an augmentation; augment is None.")
        ids, labels = self._case_ids(X), np.asarray(column_or_1d(y, warn=True))
        check_consistent_length(ids, labels)
        if pd.isna(labels).any():
            raise ValueError("y: a case has no label.")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, got one class: {self.classes_[0]!r}.")
        self.grouped_ = groups is not None
        patients = np.arange(len(codes)) if groups is None else np.asarray(column_or_1d(groups))
        check_consistent_length(codes, patients)
        self.n_features_in_ = X.shape[1]
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        self.findings_: list[str] = []
        there = self.with_pictures(ids)
        if not there.all():
            self.findings_.append(
                f"Training cases have no pictures and were left out ({int((~there).sum())} of {len(there)})."
            )
        self.findings_ += say_images_trained_on(self, ids[there])
        device = pick_device(self.device)
        self.seed_ = int(seed)
        with exact_arithmetic(device):
            self._fit(ids[there], codes[there].astype(np.intp), patients[there], self.seed_, device)
        if self.oof:
            self.oof_logits_ = self._filled(self.oof_logits_, there)
            self.oof_loss_ = log_loss(self.oof_logits_, codes)
        return self

    def _fit(self, ids: pd.Index, y: NDArray[np.intp], patients: NDArray[Any], seed: int, device: str) -> None:
        from hybridrad.models.finetuned import architecture
        from hybridrad.models.finetuned.fitting import Fitting

        if len(np.unique(y)) < len(self.classes_):
            raise RunError("a class has no training case with pictures.", code="E_ONE_CLASS")
        share = np.bincount(y) / len(y)
        self.prevalence_logits_ = to_logits(np.log(share)[None])[0]
        self.pooling_: PoolingPlan = self._pooling(ids)
        folds = inner_splits(y, patients, n_folds=self.inner_folds, random_state=seed)
        fitting = Fitting(self, ids, y, folds if self.oof else folds[:1], seed=seed, device=device)
        search = self._chosen(fitting)
        self.n_epochs_ = search.n_epochs
        if self.oof:
            self.oof_logits_ = to_logits(search.scores)
            for (_, test), network in zip(folds, search.networks, strict=False):
                # Thresholds, slopes and weights of a stack must see the score that predictions will have.
                plain = self.oof_logits_[test]
                self.oof_logits_[test] = self._varied_logits(network, fitting.pictures, test.tolist(), plain)
        refitted, losses = fitting.refit(self.recipe_, search.n_epochs)
        self.history_ = _history(search, losses)
        self.findings_ += fitting.pictures.at_once.findings
        self._note_departures(fitting, search)
        self.network_state_: NetworkState = architecture.state_of(refitted)

    def _chosen(self, fitting: Fitting) -> EpochSearch:
        """Run every recipe through the inner folds and keep the one with the least out-of-fold log loss."""
        keep_networks = bool(self.oof and self.test_time_augmentation)
        best, losses = None, []
        for number, recipe in enumerate(self.used_recipes, start=1):
            search = fitting.search(recipe, keep_networks=keep_networks)
            losses.append(fitting.out_of_fold_loss(search))
            if best is None or losses[-1] < losses[self.recipe_number_ - 1]:
                best, self.recipe_, self.recipe_number_ = search, recipe, number
        self.recipe_losses_ = np.array(losses)
        if len(losses) > 1:
            told = ", ".join(f"{loss:.3f}" for loss in losses)
            self.findings_.append(
                f"Of {len(losses)} recipes the inner folds chose number {self.recipe_number_} "
                f"(out-of-fold log loss of each: {told})."
            )
        assert best is not None  # there is at least one recipe
        return best

    def _note_departures(self, fitting: Fitting, search: EpochSearch) -> None:
        from hybridrad.models.finetuned.training import precision_in_use

        if self.recipe_.precision == "bfloat16" and precision_in_use(self.recipe_, fitting.device) != "bfloat16":
            self.findings_.append('precision="bfloat16" is for a GPU; the network was trained in float32.')
        best, prevalence = float(search.losses.mean(axis=0).min()), fitting.prevalence_loss(self.recipe_)
        if best > prevalence:
            self.findings_.append(
                "No number of epochs gave a validation log loss below that of the prevalence "
                f"({best:.3f}, {prevalence:.3f})."
            )

    def _filled(self, logits: Array, there: NDArray[np.bool_]) -> Array:
        # A case without pictures is answered as the average one, as block models do with a missing block.
        out = np.empty((len(there), *logits.shape[1:]))
        out[there], out[~there] = logits, self.prevalence_logits_
        return out

    def trained_network(self, device: str) -> CaseNetwork:
        """Return the fitted network in eval mode on a device; no weights file is needed."""
        from hybridrad.models.finetuned.architecture import network_of

        check_is_fitted(self, "network_state_")
        return network_of(
            self.network_state_,
            self.backbone,
            input_px=self.views_store.input_px,
            pooling=self.pooling_,
            n_classes=len(self.classes_),
        ).to(device)

    def decision_function(self, X: pd.DataFrame) -> Array:
        """Return logits: (n_cases,) of the second class for two classes, else (n_cases, n_classes).

        With more than two classes they are log-probabilities up to a constant per case.
        """
        from hybridrad.features.deep.batching import exact_arithmetic
        from hybridrad.models.finetuned import training

        check_is_fitted(self, "network_state_")
        ids = self._case_ids(X)
        there = self.with_pictures(ids)
        n_classes = len(self.classes_)
        empty = np.empty((0,) if n_classes == 2 else (0, n_classes))
        if not there.any():
            return self._filled(empty, there)
        device = pick_device(self.device)
        network = self.trained_network(device)
        batches = self.batches(ids[there], device, pooling=self.pooling_)
        positions = list(range(int(there.sum())))
        with exact_arithmetic(device):
            plain = to_logits(training.class_scores(network, batches, positions))
            found = self._varied_logits(network, batches, positions, plain)
        return self._filled(found, there)

    def _varied_logits(
        self, network: CaseNetwork, batches: PictureBatches, positions: list[int], plain: Array
    ) -> Array:
        """Return the mean of the logits of cases as they are and of their randomly changed versions."""
        from hybridrad.models.finetuned import inputs, training

        found = [plain]
        for draw in range(self.test_time_augmentation):
            # One seed for each case: what a case is told must not hang on its company.
            varied = []
            for i in positions:
                with inputs.seeded(self.seed_, TEST_TIME, draw):
                    varied.append(training.class_scores(network, batches, [i], varied=True))
            found.append(to_logits(np.concatenate(varied)))
        return np.asarray(np.mean(found, axis=0))

    def predict_proba(self, X: pd.DataFrame) -> Array:
        """Return probabilities, shape (n_cases, n_classes), in the order of ``classes_``."""
        return probabilities(self.decision_function(X))

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Return the most probable class of each case."""
        return most_probable(self.decision_function(X), self.classes_)

    def _case_ids(self, X: Any) -> pd.Index:
        if not isinstance(X, pd.DataFrame):
            raise TypeError(
                f"{type(self).__name__} finds pictures by case_id, the index of a table, and got "
                f"{type(X).__name__}; pass the feature table (a step before it in a Pipeline must keep it)."
            )
        if isinstance(X.index, pd.RangeIndex) or not all(isinstance(i, str) for i in X.index):
            raise ValueError(
                f"{type(self).__name__} finds pictures by case_id; the index of the table holds "
                f"{X.index[0] if len(X) else 'nothing'!r}, wanted text such as 'case_0001'."
            )
        return X.index

    def with_pictures(self, ids: pd.Index) -> NDArray[np.bool_]:
        """Return which cases take part: with ``missing="average"`` those with pictures, else all."""
        check_choice(self.missing, MISSING, name="missing")
        if self.missing == "error" or not hasattr(self.views_store, "has"):
            return np.ones(len(ids), dtype=bool)  # the store says which case it lacks
        return np.asarray(self.views_store.has(ids))


def to_logits(scores: Array) -> Array:
    """Return class scores (n, n_classes) as logits: (n,) for two classes, else centred log-probabilities.

    Examples
    --------
    >>> to_logits(np.array([[1.0, 3.0]])).tolist(), to_logits(np.array([[1.0, 2.0, 6.0]])).tolist()
    ([2.0], [[-2.0, -1.0, 3.0]])
    """
    if scores.shape[1] == 2:
        return np.asarray(scores[:, 1] - scores[:, 0])
    return np.asarray(scores - scores.mean(axis=1, keepdims=True))


def _history(search: Any, refit_losses: list[float]) -> pd.DataFrame:
    rows = [
        ("inner", fold, epoch + 1, train, valid)
        for fold, (train_losses, losses) in enumerate(zip(search.train_losses, search.losses, strict=True))
        for epoch, (train, valid) in enumerate(zip(train_losses, losses, strict=True))
    ]
    rows += [("refit", -1, epoch + 1, loss, np.nan) for epoch, loss in enumerate(refit_losses)]
    columns = ["stage", "fold", "epoch", "train_loss", "valid_log_loss"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:3])


def pick_device(wanted: str) -> str:
    """Return the device that ``"auto"`` means here, or the one that was asked for."""
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted != "cpu" and not torch.cuda.is_available():
        raise RunError(f"device={wanted!r} was asked for and torch sees no CUDA GPU.", hint="Use device='cpu'.")
    return wanted
