"""Olczak 2017: several views of one patient are scored together by a VGG16.

The paper: "Artificial intelligence for analyzing orthopedic trauma radiographs", Acta Orthop 88:581-586,
doi:10.1080/17453674.2017.1344459. Openly available networks, VGG16 among them, were trained on 256,000 radiographs of
wrist, hand and ankle; an examination of a patient holds several of them.

Kept: VGG16 with ImageNet weights, one network for all views, one score for all views of a case. Different: the views
are joined at the level of features (their maximum), all layers are trained by the recipe of hybridrad, fracture is the
only outcome, and the system stands next to radiomics of the region and to a hedge of both.

Which views: radiographs in several projections are further columns of the cohort table, ``image:NAME`` with their masks
``mask:NAME``; name them:

    python examples/systems/olczak_2017.py --cohort COHORT.csv --images image image:lateral --out RUN
    python examples/systems/olczak_2017.py --cohort COHORT.csv --weights SQUEEZENET.safetensors --fast --out RUN

With one radiograph of each patient there are no two projections to join. The views are then a narrow and a wide frame
of the same place: the same machinery, but less to gain than from a second projection.

--fast: 80 patients, SqueezeNet 1.1 at 80 pixels, 8 epochs at most, 5 folds once instead of 3 folds three times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from seed_system import (
    NETWORK,
    Clock,
    Extracted,
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

import hybridrad as hr

FRAMES = {"narrow": 0.1, "wide": 1.0}
MORE = {"images": {"nargs": "+", "default": ["image"], "metavar": "COLUMN", "help": "Columns with the radiographs."}}


@dataclass(frozen=True)
class JoinedViews:
    """Several stores of views as one: each case has the views of all of them, in their order."""

    stores: tuple[hr.ViewStore, ...]
    shows_region: bool = False

    @property
    def input_px(self) -> int:
        return self.stores[0].input_px

    def has(self, case_ids: Iterable[str]) -> np.ndarray:
        return np.all([store.has(case_ids) for store in self.stores], axis=0)

    def pictures(self, case_ids: Iterable[str]) -> list[np.ndarray]:
        of_stores = [store.pictures(case_ids) for store in self.stores]
        return [np.concatenate(views) for views in zip(*of_stores, strict=True)]

    def marker(self, block: str) -> pd.DataFrame:
        ids = self.stores[0].index.index
        return self.stores[0].marker(block)[self.has(ids)]


def systems(options: Options, images: Sequence[str] = ("image",)) -> list[Row]:
    clock = Clock()
    extracted = extract(read(options, patients=80), options)
    views = joined(extracted, options, images)
    backbone = options.network("vgg16")
    network = hr.MultiViewCNN(
        backbone,
        options.weights,
        views_store=views,
        pool="max",
        recipe=options.recipe("all"),
        augment=hr.Augmentation(),
        missing="average",
    )
    features = extracted.features.join(views.marker(NETWORK))
    study = compare(arms(network), features, extracted, options, name="olczak_2017", title="Olczak 2017")
    seen = "two frames" if len(images) == 1 else f"{len(images)} images"
    return [
        row_of(
            study,
            system="Olczak 2017",
            task=options.task,
            network=f"{backbone} ({options.weights_name}) on {seen}, all layers",
            seconds=clock.seconds,
        )
    ]


def joined(extracted: Extracted, options: Options, images: Sequence[str]) -> JoinedViews:
    if len(images) == 1:
        wanted = [(name, images[0], hr.Views(relative_margin=margin)) for name, margin in FRAMES.items()]
    else:
        wanted = [(image.replace(":", "_"), image, hr.Views(relative_margin=0.5)) for image in images]
    stores = []
    for name, image, views in wanted:
        mask = image.replace("image", "mask", 1)
        folder = f"olczak_2017/views_{name}"
        stores.append(prepare(extracted, options, views, folder, input_px=224, image=image, mask=mask))
    return JoinedViews(tuple(stores))


if __name__ == "__main__":
    main(systems, __doc__, **MORE)
