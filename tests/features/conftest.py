from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from hybridrad.cohort import Cohort, read_cohort


@pytest.fixture
def small_cohort(tmp_path: Path) -> Callable[..., Cohort]:
    """Return a maker of cohorts of tiny NIfTI cases named c0, c1, ...; named ones get an empty mask."""

    def make(n: int = 5, *, empty: tuple[str, ...] = (), folder: str = "data", first: int = 0) -> Cohort:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        rows = []
        for i in range(first, first + n):
            rng = np.random.default_rng(i)
            image = sitk.GetImageFromArray(rng.integers(0, 100, (6, 7, 8)).astype(np.int16))
            inside = np.zeros((6, 7, 8), np.uint8)
            inside[1:5, 1:6, 1:7] = 0 if f"c{i}" in empty else 1
            mask = sitk.GetImageFromArray(inside)
            sitk.WriteImage(image, str(root / f"c{i}.nii.gz"))
            sitk.WriteImage(mask, str(root / f"m{i}.nii.gz"))
            files = {"image": f"c{i}.nii.gz", "mask": f"m{i}.nii.gz"}
            rows.append({"case_id": f"c{i}", "patient_id": f"p{i}", **files, "label": i % 2})
        pd.DataFrame(rows).to_csv(root / "cohort.csv", index=False)
        return read_cohort(root / "cohort.csv")

    return make
