"""Several images of a case: their columns, the cases that have them, and why others have not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from hybridrad._checks import FAILURE_COLUMNS
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError


def image_pairs(image: str | Sequence[str], mask: str | Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns of each image of a case and of its mask.

    Examples
    --------
    >>> image_pairs(["image:T1", "image:T2"], "mask")
    [('image:T1', 'mask'), ('image:T2', 'mask')]
    """
    images = [image] if isinstance(image, str) else list(image)
    masks = [mask] * len(images) if isinstance(mask, str) else list(mask)
    if not images or len(masks) != len(images):
        raise ValueError(f"image names {len(images)} columns and mask {len(masks)}; wanted one mask for each image.")
    pairs = list(zip(images, masks, strict=True))
    if len(set(pairs)) < len(pairs):
        raise ValueError(f"image and mask name the same two columns twice: {images}, {masks}.")
    return pairs


def part_names(pairs: list[tuple[str, str]]) -> list[str]:
    """Return the folder of each image inside that of the views; a single image needs none."""
    return [""] if len(pairs) == 1 else [f"image_{number}" for number in range(len(pairs))]


def cases_with_files(cohort: Cohort, image: str, mask: str) -> list[str]:
    """Return the cases that name a file in the two columns."""
    columns = [image, mask]
    missing = [column for column in columns if column not in cohort.table.columns]
    ids = [] if missing else list(cohort.table.index[cohort.table[columns].notna().all(axis=1)])
    if not ids:
        raise RunError(
            f"no case names a file in {' and '.join(missing or columns)}.",
            hint=f"Columns of the table: {', '.join(map(str, cohort.table.columns))}.",
        )
    return ids


def failures_of_parts(
    cohort: Cohort, named: Mapping[str, list[str]], failures: Sequence[tuple[str, pd.DataFrame]]
) -> pd.DataFrame:
    """Return one table of why images could not be rendered, and the cases that name no file for any of them."""
    tables = []
    for image, of_image in failures:
        table = of_image.reset_index()
        tables.append(table.assign(stage=[f"{stage} ({image})" for stage in table["stage"]]))
    nowhere = cohort.table.index.difference([case_id for ids in named.values() for case_id in ids], sort=False)
    row = {"code": "E_FILE_MISSING", "message": "no image of the case names a file and its mask.", "seconds": 0.0}
    lost = [{"case_id": case_id, "stage": "read", "hint": "Fill the cells of one image.", **row} for case_id in nowhere]
    tables.append(pd.DataFrame(lost, columns=["case_id", "stage", *FAILURE_COLUMNS]))
    return pd.concat([table for table in tables if len(table)] or tables[-1:]).set_index(["case_id", "stage"])
