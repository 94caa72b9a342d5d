"""Pranata 2019: keypoints beside a residual network, here as a third block in a bag of words.

The paper: "Deep learning and SURF for automated classification and detection of calcaneus fractures in CT images",
Comput Methods Programs Biomed 171:27-37, 2019 (PubMed 30902248). ResNet and VGG networks told CT images of the heel
bone with a fracture from those without (accuracy 98 %); speeded-up robust features (SURF) then found where it was.

Kept: a residual network with all layers trained, and keypoints with descriptors. Different: the keypoints predict
instead of locating. SURF is not in scikit-image, so the descriptors are those of SIFT, which SURF approximates. The
descriptors of a case are extraction, one case at a time; the words are learned from many cases, so they are an
estimator (``VisualWords``) that is fitted again in every fold. Histograms of words, radiomics and network are three
blocks; the table has the hedge without keypoints and the one with them.

    pip install scikit-image
    python examples/systems/pranata_2019.py --cohort COHORT.csv --out RUN
    python examples/systems/pranata_2019.py --cohort COHORT.csv --weights SQUEEZENET.safetensors --fast --out RUN

--fast: 80 patients, SqueezeNet 1.1 at 80 pixels, 8 epochs at most, 5 folds once instead of 3 folds three times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from seed_system import (
    FUSED,
    NETWORK,
    Clock,
    Options,
    Row,
    arms,
    compare,
    extract,
    main,
    prepare,
    read,
    row_of,
)
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

import hybridrad as hr

KEYPOINTS = "keypoints"
LENGTH = 128  # of a SIFT descriptor


class VisualWords(TransformerMixin, BaseEstimator):
    """Turn the descriptors of a case into a histogram of words that were learned from the training cases.

    Parameters
    ----------
    n_words : int, default 32
        Clusters of descriptors; fewer where the training cases have fewer descriptors.
    length : int, default 128
        Of a descriptor: a row of the table is that many columns after another, missing ones at the end.
    max_descriptors : int, default 5000
        As many descriptors, drawn from all training cases, are clustered at most.
    random_state : int, default 0
    """

    def __init__(
        self, n_words: int = 32, *, length: int = LENGTH, max_descriptors: int = 5000, random_state: int = 0
    ) -> None:
        self.n_words = n_words
        self.length = length
        self.max_descriptors = max_descriptors
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Sequence[object] | None = None) -> VisualWords:
        found = np.concatenate(self._of_cases(X))
        if not len(found):
            raise ValueError("no training case has a keypoint.")
        rng = np.random.default_rng(self.random_state)
        drawn = rng.permutation(len(found))[: self.max_descriptors]
        n_words = min(self.n_words, len(np.unique(found[drawn], axis=0)))
        self.words_ = KMeans(n_words, n_init=1, max_iter=50, random_state=self.random_state).fit(found[drawn])
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        check_is_fitted(self, "words_")
        rows = np.zeros((len(X), self.words_.n_clusters))
        for row, descriptors in zip(rows, self._of_cases(X), strict=True):
            if len(descriptors):
                counts = np.bincount(self.words_.predict(descriptors), minlength=len(row))
                row[:] = np.sqrt(counts / len(descriptors))
        return rows

    def _of_cases(self, X: pd.DataFrame) -> list[np.ndarray]:
        values = np.asarray(X, dtype=np.float64).reshape(len(X), -1, self.length)
        return [case[~np.isnan(case).any(axis=1)] for case in values]


def keypoint_block(store: hr.ViewStore, *, per_picture: int = 30) -> pd.DataFrame:
    """Return the descriptors of each case, one after another: a block of ``per_picture * 128`` columns.

    Those nearest to the middle of the frame, where the region is; fewer leave the last columns empty.
    """
    try:
        from skimage.feature import SIFT
    except ModuleNotFoundError as err:
        raise SystemExit("The keypoints need scikit-image. Install it with: pip install scikit-image") from err
    table = np.full((len(store.index), per_picture * LENGTH), np.nan)
    for row, case_id in zip(table, store.index.index, strict=True):
        picture = store.pictures([case_id])[0][0, 0].astype(np.float64)
        sift = SIFT(upsampling=2)
        try:
            sift.detect_and_extract(picture)
        except RuntimeError:  # it found none, and says so in this way
            continue
        from_middle = np.linalg.norm(sift.positions - (np.asarray(picture.shape) - 1) / 2, axis=1)
        nearest = np.argsort(from_middle, kind="stable")[:per_picture]
        # SIFT's bytes, as unit vectors of non-negative entries whose roots are compared.
        descriptors = sift.descriptors[nearest].astype(np.float64)
        descriptors = np.sqrt(descriptors / descriptors.sum(axis=1, keepdims=True).clip(1.0))
        row[: descriptors.size] = descriptors.ravel()
    columns = [f"{KEYPOINTS}__sift_{i:02d}_{j:03d}" for i in range(per_picture) for j in range(LENGTH)]
    return pd.DataFrame(table, index=store.index.index, columns=columns)


def systems(options: Options) -> list[Row]:
    clock = Clock()
    extracted = extract(read(options, patients=80), options)
    views = prepare(extracted, options, hr.Views(relative_margin=0.5), "pranata_2019/views", input_px=224)
    backbone = options.network("resnet50")
    network = hr.FineTunedCNN(
        backbone, options.weights, views_store=views, recipe=options.recipe("all"), augment=hr.Augmentation()
    )
    words = make_pipeline(VisualWords(), hr.BlockModel({"words": slice(None)}))
    features = extracted.features.join(views.marker(NETWORK)).join(keypoint_block(views))
    models = arms(network, **{KEYPOINTS: words})
    with_keypoints = arms(network, members=("radiomics", NETWORK, KEYPOINTS, "size"), **{KEYPOINTS: words})
    models["fused_keypoints"] = with_keypoints[FUSED]
    study = compare(models, features, extracted, options, name="pranata_2019", title="Pranata 2019")
    alone = study.scores.loc[(KEYPOINTS, "roc_auc")]
    print(f"Keypoints alone: AUC {alone['value']:.3f} ({alone['low']:.3f} to {alone['high']:.3f}).")
    row = row_of(
        study,
        system="Pranata 2019",
        task=options.task,
        network=f"{backbone} ({options.weights_name}), all layers",
        seconds=clock.seconds,
    )
    third = row_of(
        study,
        system=row.system,
        task=row.task,
        network=row.network,
        seconds=row.seconds,
        fused="fused_keypoints",
        members="radiomics, network, keypoints, size",
    )
    return [row, third]


if __name__ == "__main__":
    main(systems, __doc__)
