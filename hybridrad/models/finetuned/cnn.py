"""A pretrained network trained further on the cohort: its head alone, its last layers, or all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hybridrad.models.finetuned.augmentation import Augmentation
from hybridrad.models.finetuned.network_classifier import NetworkClassifier
from hybridrad.models.finetuned.recipe import TrainingRecipe

if TYPE_CHECKING:
    import pandas as pd

    from hybridrad.models.finetuned.pooling import PoolingPlan


class FineTunedCNN(NetworkClassifier):
    """Predict with a network whose head, last layers or whole is trained on the training cases of the fold.

    Inner folds by patient find the number of epochs with the least validation log loss; then the network starts again
    from the pretrained weights and is trained on all training cases for that number. Several views of a case are
    averaged as features. Columns of the table are not looked at, only its index.

    Parameters
    ----------
    backbone : str
        Classification network of torchvision.
    weights : str or path
        As for `EmbeddingExtractor`: a name of torchvision, a local file, or ``"untrained"``.
    views_store : ViewStore
        From `prepare_views`; finds the pictures of a case by ``case_id``.
    recipe : TrainingRecipe, optional
        How it is trained; default all layers, with the defaults of `TrainingRecipe`.
    recipes : sequence of TrainingRecipe, optional
        Instead of one: each is run through the same inner folds, and the one with the least out-of-fold log loss is
        refitted. The time grows with their number.
    augment : Augmentation, optional
        Random changes of the training pictures; ``None`` for none.
    test_time_augmentation : int, default 0
        Randomly changed versions of a case whose logits are averaged with those of the case as it is.
    oof : bool, default True
        Whether every inner fold is the validation part once, which leaves ``oof_logits_``: decision thresholds and
        fusions then need no further training. Otherwise one inner fold validates, which is quicker by itself.
    inner_folds : int, default 3
        Folds by patient that find the number of epochs. It is not called ``inner``, so that a study, which sets that,
        leaves it alone: networks are dear.
    missing : {"error", "average"}
        A case without pictures is an error, or is left out of training and answered as the average case. The second is
        for members of a fusion, where the other members answer for such a case.
    preprocessing : Preprocessing or str, optional
        Normalisation, where it is not that of the weights.
    random_state : int, default 0
    device : str, default "auto"
        A GPU if there is one, else the CPU.

    Attributes
    ----------
    classes_ : ndarray
    n_epochs_ : int
        Epochs of the final training, found on the inner folds.
    recipe_ : TrainingRecipe
        The recipe of the final training.
    recipe_number_ : int
        Its place among ``recipes``, from 1.
    recipe_losses_ : ndarray of shape (n_recipes,)
        Out-of-fold log loss of each recipe at its best number of epochs.
    history_ : DataFrame
        Index ``stage, fold, epoch`` (``inner`` by fold, ``refit`` with fold -1), columns ``train_loss,
        valid_log_loss``.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
        With ``oof=True``: logits of the training cases by the networks of the inner folds at ``n_epochs_``. The number
        of epochs (and the choice of a recipe) saw them: the optimism of one free number (or two).
    oof_loss_ : float
        With ``oof=True``: their log loss, by which one would pick the best arm.
    network_state_ : dict of str -> ndarray
        Everything learned, as plain arrays.
    grouped_ : bool
        False if it was fitted without patients.
    findings_ : list of str

    References
    ----------
    Head alone: Kim & MacKinnon, Clin Radiol 73:439-445, 2018, doi:10.1016/j.crad.2017.11.015. All layers: Chung et al.,
    Acta Orthop 89:468-473, 2018, doi:10.1080/17453674.2018.1453714; Urakawa et al., Skeletal Radiol 48:239-244, 2019,
    doi:10.1007/s00256-018-3016-3.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=12, random_state=0)
    >>> store = hr.prepare_views(cohort, hr.Views(), store=folder + "/views", input_px=32, progress=False)
    >>> X = store.marker()
    >>> model = FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=TrainingRecipe(epochs=1))
    >>> model.fit(X, cohort.y[X.index], groups=cohort.patient_id[X.index]).predict_proba(X).shape
    (12, 2)
    """

    def __init__(
        self,
        backbone: str = "resnet18",
        weights: Any = "DEFAULT",
        *,
        views_store: Any = None,
        recipe: TrainingRecipe | None = None,
        recipes: Sequence[TrainingRecipe] | None = None,
        augment: Augmentation | None = None,
        test_time_augmentation: int = 0,
        oof: bool = True,
        inner_folds: int = 3,
        missing: str = "error",
        preprocessing: Any = None,
        random_state: Any = 0,
        device: str = "auto",
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.views_store = views_store
        self.recipe = recipe
        self.recipes = recipes
        self.augment = augment
        self.test_time_augmentation = test_time_augmentation
        self.oof = oof
        self.inner_folds = inner_folds
        self.missing = missing
        self.preprocessing = preprocessing
        self.random_state = random_state
        self.device = device

    def _pooling(self, case_ids: pd.Index) -> PoolingPlan:
        from hybridrad.models.finetuned.pooling import PoolingPlan

        return PoolingPlan("mean")
