"""Deep features: what a pretrained network says about the views of a case, before its classifier."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad._checks import check_choice, check_positive
from hybridrad.errors import FeatureError, Finding, RunError, WeightsError
from hybridrad.features.deep import backbones, batching, network, timm_models
from hybridrad.features.deep import weights as weights_module
from hybridrad.features.deep.reading import PENULTIMATE, Reading
from hybridrad.features.deep.trained_on import finding_if_trained_on
from hybridrad.features.deep.weights import Preprocessing, Weights
from hybridrad.features.rows import Prepared
from hybridrad.imaging.roi import Roi, read_roi
from hybridrad.imaging.views import Views

if TYPE_CHECKING:
    import SimpleITK as sitk
    from torch import nn

_log = logging.getLogger(__name__)
AUTO = "auto"
_FIRST_TRY = 256  # images on a GPU
# Enough cases that a GPU has full batches to do; few enough that little is lost when a run is stopped.
_CASES_FOR_CPU, _CASES_FOR_GPU = 16, 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


class EmbeddingExtractor:
    """Turn a case into the activations of a classification network before its classifier.

    The views are resized to the network's input size, made three-channelled and normalised as the weights expect;
    several views of a case are averaged. Nothing is learned: the network runs in eval mode without gradients.

    Parameters
    ----------
    backbone : str
        Any classification network of torchvision, e.g. ``"resnet50"``, ``"squeezenet1_1"``, ``"vit_b_16"``; one of its
        video networks for ``Views("volume")``, e.g. ``"r3d_18"``, ``"swin3d_t"``, whose clips are the slices; or
        ``"timm:NAME"``, e.g. ``"timm:xception"``.
    weights : str or path
        A name of torchvision (``"DEFAULT"``, ``"IMAGENET1K_V1"``) or tag of timm (``"a1_in1k"``), a ``.safetensors`` or
        ``.pth`` file (the classifier may lack), or ``"untrained"``: seeded random weights for tests and trials,
        recorded as such.
    views : Views, optional
        What the network sees; default the largest slice with a margin of half the region's size.
    name : str
        Block name and column prefix.
    image, mask : str
        Columns of the cohort table.
    device : str
        ``"auto"`` (a CUDA GPU if there is one, else the CPU), ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    batch_size : int or "auto"
        Images per batch on a GPU; ``"auto"`` begins with 256. Where the memory does not suffice it is halved, which the
        run records. The CPU has a fixed size of its own, so that no embedding depends on its neighbours.
    preprocessing : Preprocessing or str, optional
        Replaces what the weights bring along; a string names a torchvision entry of the network. A local file that does
        not say otherwise is taken to expect what the network's default weights expect.
    layers : str or sequence of str, optional
        Which layers are read: names of modules (``"layer3"``, ``"features.6"``), ``"last_map"`` (the last map with a
        grid) or ``"penultimate"`` (what the classifier is given; the default without ``pooling``). For AlexNet and VGG
        the penultimate layer are the 4,096 values before the last of their three; for vision transformers the class
        token.
    pooling : {"mean", "max", "gem", "mean_max", "masked_mean"}, optional
        How maps become one value per channel (two for ``mean_max``); without ``layers`` that of the last map. ``gem``
        is the generalised mean with power 3 [1]_; ``masked_mean`` is the mean over the region, each cell of the map
        weighted by the share of it that the region covers. Class tokens are left out.
    sqrt : bool
        Take the signed square root of the pooled values of each view, which tames long tails.
    view_pooling : {"mean", "max", "mean_max", "statistics"}
        How several views of a case become one row; ``statistics`` are mean, standard deviation and largest value.
    precision : {"fp32", "bf16"}
        ``bf16`` halves the memory and is faster on recent GPUs; embeddings then differ from plain ones in the second or
        third digit, so it is never the default.

    Attributes
    ----------
    departures : list of str
        Sentences on what had to be done otherwise than declared, e.g. a GPU whose memory did not suffice.

    References
    ----------
    .. [1] Radenovic F, Tolias G, Chum O. Fine-tuning CNN image retrieval with no human annotation. IEEE TPAMI 2019.
       doi:10.1109/TPAMI.2018.2846566

    Examples
    --------
    >>> extractor = EmbeddingExtractor("squeezenet1_1", weights="untrained")
    >>> extractor.columns(3)[-1]
    'deep__squeezenet1_1_0511'
    >>> EmbeddingExtractor("squeezenet1_1", "untrained", layers="features.6", pooling="mean").columns(3)[7]
    'deep__squeezenet1_1_features_6_mean_0007'
    """

    batched = True

    def __init__(
        self,
        backbone: str = "resnet50",
        weights: str | os.PathLike[str] = "DEFAULT",
        views: Views | None = None,
        *,
        name: str = "deep",
        image: str = "image",
        mask: str = "mask",
        device: str = "auto",
        batch_size: int | str = "auto",
        preprocessing: Preprocessing | str | None = None,
        layers: str | Sequence[str] | None = None,
        pooling: str | None = None,
        sqrt: bool = False,
        view_pooling: str = "mean",
        precision: str = "fp32",
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"name={name!r} is no block name: letters, digits and single underscores, a letter first.")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
            raise ValueError(f"device={device!r} is not one of auto, cpu, cuda, cuda:0, cuda:1, ...")
        if batch_size != AUTO and int(check_positive(batch_size, name="batch_size")) != batch_size:
            raise ValueError(f"batch_size must be a whole number or 'auto', got {batch_size!r}.")
        self.backbone = backbone
        self.weights = weights_module.check_weights_argument(weights)
        self.views = Views("largest_slice") if views is None else views
        self.name, self.image, self.mask = name, image, mask
        self.device, self.preprocessing = device, preprocessing
        self._batch_size = batch_size
        self._images_at_once = _FIRST_TRY if batch_size == AUTO else int(batch_size)
        self.precision = str(check_choice(precision, batching.PRECISIONS, name="precision"))
        self.reading = Reading.of(layers=layers, pooling=pooling, sqrt=sqrt, view_pooling=view_pooling)
        self.departures: list[str] = []
        self._stems: list[tuple[str, int]] | None = None
        self._described_sha256: str | None = None
        self._model: nn.Module | None = None

    @property
    def batch_size(self) -> int:
        """How many cases a run hands over at once."""
        if self._batch_size != AUTO:
            return int(self._batch_size)
        return _CASES_FOR_CPU if self._device() == "cpu" else _CASES_FOR_GPU

    def __repr__(self) -> str:
        return (
            f"EmbeddingExtractor({self.backbone!r}, weights={str(self.weights)!r}, views={self.views!r}, "
            f"name={self.name!r}, device={self.device!r})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}

    def columns(self, dimension: int = 3) -> list[str]:
        """Return the promised columns; the same for 2D and 3D cases, and known without the weights."""
        # Kept, and pickled: worker processes name columns, too, and must not load torch for it.
        if self._stems is None:
            self._stems = self.reading.column_stems(self.backbone, self._widths())
        return [f"{self.name}__{stem}_{i:04d}" for stem, width in self._stems for i in range(width)]

    def describe(self) -> dict[str, Any]:
        """Return everything that changes values, as plain data.

        Finds the weights, so that missing ones stop a run before its first case. The kind of device is part of it
        because embeddings of a GPU and of a CPU differ, by up to 1e-4; the batch size is not.

        Raises
        ------
        WeightsError
            The weights cannot be had.
        """
        import torch
        import torchvision

        self._refuse_views_of_other_dimension()
        found = self._find_weights()
        self._described_sha256 = found.sha256
        versions = {"torch": str(torch.__version__), "torchvision": str(torchvision.__version__)}
        if timm_models.is_timm(self.backbone):
            versions |= timm_models.versions()
        return {
            "kind": "embedding",
            "name": self.name,
            "image": self.image,
            "mask": self.mask,
            "backbone": self.backbone,
            "n_columns": len(self.columns()),
            "weights": found.describe(),
            "preprocessing": found.preprocessing.describe(),
            "views": self.views.describe(),
            "views_of_a_case": self.reading.view_sentence(),
            **self.reading.describe(),
            "device": self._device().partition(":")[0],
            **({"precision": self.precision} if self.precision != "fp32" else {}),
            "versions": versions,
        }

    def prepare(self, roi: Roi) -> Prepared:
        """Render the views of one case; runs in a worker process and loads no network.

        Returns
        -------
        Prepared
            ``payload`` of shape (n_views, channels, height, width), with depth before height for a volume; float32,
            values 0..1. Where pooling wants the region, it is the last channel.

        Raises
        ------
        FeatureError
            The views hold values that are not finite, or pooling wants the region and a view does not show it.
        """
        payload, regions = self._render(roi)
        if not np.isfinite(payload).all():
            raise FeatureError(
                "E_EMBEDDING", case_id=roi.case_id, stage="views", message="the views hold values that are not finite."
            )
        n_constant = sum(bool(np.ptp(view) == 0) for view in payload)
        if regions is not None:
            payload = np.concatenate([payload, regions], axis=1)
        findings = self._trained_on(roi)
        if not n_constant:
            return Prepared(payload, findings)
        finding = Finding(
            roi.case_id,
            "W_CONSTANT_EMBEDDING",
            stage="views",
            message=f"{n_constant} of {len(payload)} views for {self.name} have one value everywhere.",
            hint="Look at the image there; a wider margin or another window may show something.",
        )
        return Prepared(payload, (*findings, finding))

    def finish(
        self, payloads: Sequence[NDArray[np.float32]], *, case_ids: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Return the embeddings of prepared cases.

        Parameters
        ----------
        payloads : sequence of arrays of shape (n_views, channels, height, width) or (1, channels, depth, height, width)
            Sizes and numbers of views may differ between cases.
        case_ids : sequence of str, optional
            For messages.

        Returns
        -------
        float64 ndarray of shape (n_cases, n_columns)

        Raises
        ------
        WeightsError
            The weights cannot be had or do not fit.
        FeatureError
            An embedding is not finite. ``details["positions"]`` lists the cases of the batch it happened to; the others
            can be finished without them.
        """
        if not len(payloads):
            return np.empty((0, len(self.columns())))
        views = [view for payload in payloads for view in payload]
        owner = np.repeat(np.arange(len(payloads)), [len(payload) for payload in payloads])
        model = self._network()
        found = batching.embed(
            model,
            views,
            self._find_weights().preprocessing,
            device=str(next(model.parameters()).device),
            batch_size=self._images_at_once,
            on_departure=self._depart,
            on_batch_size=self._remember,
            with_region=self.reading.wants_region,
            precision=self.precision,
        ).astype(np.float64)
        rows = np.stack([self.reading.row_of_case(found[owner == case]) for case in range(len(payloads))])
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist()
        if bad:
            raise FeatureError(
                "E_EMBEDDING",
                case_id=case_ids[bad[0]] if case_ids is not None else f"case {bad[0]} of the batch",
                stage="embedding",
                message=f"{self.backbone} gave values that are not finite.",
                details={"positions": bad},
            )
        return rows

    def extract_one(
        self,
        image: str | os.PathLike[str] | sitk.Image,
        mask: str | os.PathLike[str] | sitk.Image,
        *,
        case_id: str = "case",
        mask_label: int | None = None,
    ) -> pd.Series:
        """Return the embedding of one case, without a cohort.

        Parameters
        ----------
        image, mask : path or SimpleITK image
        case_id : str
            Name of the result.
        mask_label : int, optional
            Value of the region in the mask.

        Returns
        -------
        Series of float64, indexed by column name

        Raises
        ------
        CaseError
            The files or the region cannot be used.
        WeightsError
            The weights cannot be had or do not fit.
        """
        roi = read_roi(image, mask, case_id=case_id, mask_label=mask_label)
        values = self.finish([self.prepare(roi).payload], case_ids=[case_id])[0]
        return pd.Series(values, index=self.columns(roi.dimension), name=case_id)

    def _widths(self) -> dict[str, int]:
        if self.reading.layers == (PENULTIMATE,):
            return {PENULTIMATE: backbones.embedding_width(self.backbone)}
        from hybridrad.features.deep.readout import find_layers

        expected = weights_module.expected_preprocessing(self.backbone, self.weights, preprocessing=self.preprocessing)
        size, depth = expected.input_size, expected.depth
        layers = find_layers(self.backbone, self.reading.layers, self.reading.pooling, input_size=size, depth=depth)
        return {layer.name: layer.channels for layer in layers}

    def _trained_on(self, roi: Roi) -> tuple[Finding, ...]:
        if not weights_module.is_file_name(self.weights):
            return ()
        return finding_if_trained_on(roi.case_id, roi.image_zyx, weights=Path(self.weights).expanduser())

    def _render(self, roi: Roi) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        if not self.reading.wants_region:
            return np.ascontiguousarray(self.views.render(roi), dtype=np.float32), None
        shown = self.views.render_with_region(roi)
        pictures = np.ascontiguousarray(shown.pictures, dtype=np.float32)
        regions = np.asarray(shown.regions, dtype=np.float32).reshape(len(pictures), 1, *pictures.shape[2:])
        hidden = [i for i, region in enumerate(regions) if not region.any()]
        if hidden:
            raise FeatureError(
                "E_EMBEDDING",
                case_id=roi.case_id,
                stage="views",
                message=f"{len(hidden)} of {len(regions)} views do not show the region that pooling is to average.",
                hint="Use views through the region, or another pooling than masked_mean.",
            )
        return pictures, regions

    def _refuse_views_of_other_dimension(self) -> None:
        takes, shown = backbones.dimension_of(self.backbone), self.views.dimension
        if takes != shown:
            hint = "Views('volume') makes volumes." if takes == 3 else "Networks for volumes are r3d_18, swin3d_t, ..."
            raise RunError(
                f"{self.backbone} takes {'volumes' if takes == 3 else 'pictures'} and the views are "
                f"{'volumes' if shown == 3 else 'pictures'}.",
                hint=hint,
            )

    def _find_weights(self) -> Weights:
        return weights_module.find_weights(self.backbone, self.weights, preprocessing=self.preprocessing)

    def _network(self) -> nn.Module:
        """Return the network without its classifier, loaded once per process."""
        if self._model is None:
            found = self._find_weights()
            if self._described_sha256 not in (None, found.sha256):
                raise WeightsError(
                    f"the weights {found.name} changed after the run had recorded them.", hint="Start the run again."
                )
            self._model = network.load_network(self.backbone, found, device=self._device(), reading=self.reading)
        return self._model

    def _device(self) -> str:
        import torch

        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if self.device != "cpu" and not torch.cuda.is_available():
            raise RunError(
                f"device={self.device!r} was asked for and torch sees no CUDA GPU.", hint="Use device='cpu'."
            )
        return self.device

    def _remember(self, batch_size: int) -> None:
        # The next cases begin with what the memory sufficed for.
        self._images_at_once = batch_size

    def _depart(self, sentence: str) -> None:
        _log.warning("%s: %s", self.name, sentence)
        self.departures.append(sentence)
