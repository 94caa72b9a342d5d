from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.bench import speed_table


def test_the_engines_are_measured_side_by_side_on_the_same_files(tmp_path):
    values = np.random.default_rng(0).integers(0, 400, (12, 12, 12)).astype(np.int16)
    inside = np.zeros((12, 12, 12), np.uint8)
    inside[3:9, 3:9, 3:9] = 1
    files = tmp_path / "small_image.nrrd", tmp_path / "small_mask.nrrd"
    for array, file in zip((values, inside), files, strict=True):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(file))
    table = speed_table(sizes=(), cases=[files], images=["original"], repeats=1, pyradiomics_repeats=0)
    assert list(table.index.get_level_values("engine"))[:2] == ["native", "pyradiomics"]
    assert (table["n_features"] == 107).all()
    assert (table[["cpu_s", "wall_s", "first_s", "peak_mb"]] > 0).all(axis=None)
    assert table["times_native"].iloc[0] == pytest.approx(1)
