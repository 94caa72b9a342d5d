"""Several views of one patient or region scored together by one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hybridrad._checks import check_choice
from hybridrad.models.finetuned.augmentation import Augmentation
from hybridrad.models.finetuned.network_classifier import NetworkClassifier
from hybridrad.models.finetuned.recipe import TrainingRecipe

if TYPE_CHECKING:
    import pandas as pd

    from hybridrad.models.finetuned.pooling import PoolingPlan

POOLS = ("mean", "max", "concat")


class MultiViewCNN(NetworkClassifier):
    """Predict from several views of a case, all seen by one network, their features pooled before the head.

    For example orthogonal planes, or radiographs in several projections, each a file of its own:
    ``prepare_views(cohort, image=["image:front", "image:side"], mask=["mask:front", "mask:side"], ...)``. Training is
    that of `FineTunedCNN`.

    Parameters
    ----------
    backbone : str
        Classification network of torchvision.
    weights : str or path
        As for `EmbeddingExtractor`: a name of torchvision, a local file, or ``"untrained"``.
    views_store : ViewStore
        From `prepare_views`; finds the pictures of a case by ``case_id``.
    pool : {"mean", "max", "concat"}, default "max"
        How the features of the views become one row; ``"concat"`` keeps them apart, in their order, and needs as many
        views of every case, so that no projection may lack.
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
    Olczak et al., Acta Orthop 88:581-586, 2017, doi:10.1080/17453674.2017.1344459. Pooling of views by their maximum:
    Su et al., ICCV 2015, doi:10.1109/ICCV.2015.114.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=12, random_state=0)
    >>> store = hr.prepare_views(cohort, hr.Views(), store=folder + "/views", input_px=32, progress=False)
    >>> X = store.marker()
    >>> model = MultiViewCNN("squeezenet1_1", "untrained", views_store=store, recipe=TrainingRecipe(epochs=1))
    >>> model.fit(X, cohort.y[X.index], groups=cohort.patient_id[X.index]).predict_proba(X).shape
    (12, 2)
    """

    def __init__(
        self,
        backbone: str = "resnet18",
        weights: Any = "DEFAULT",
        *,
        views_store: Any = None,
        pool: str = "max",
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
        self.pool = pool
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

        check_choice(self.pool, POOLS, name="pool")
        n_views = len(self.views_store.pictures(case_ids[:1])[0]) if self.pool == "concat" else None
        return PoolingPlan(self.pool, n_views=n_views)
