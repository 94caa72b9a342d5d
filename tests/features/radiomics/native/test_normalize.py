from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.features.radiomics.native.normalize import normalized

CASES = [(1.0, None), (100.0, None), (1.0, 1.5), (7.5, 2.0)]


@pytest.mark.parametrize(("scale", "outliers"), CASES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_intensities_are_multiples_of_the_deviation(dtype, scale, outliers):
    values = np.random.default_rng(0).normal(100, 30, size=(9, 10, 11)).clip(0, 255).astype(dtype)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 2.0, 3.0))
    plain = (values.astype(float) - values.mean(dtype=float)) / values.std(dtype=float, ddof=1)
    if outliers is not None:
        plain = plain.clip(-outliers, outliers)
    found = normalized(image, scale=scale, remove_outliers=outliers)
    assert found.GetSpacing() == (1.0, 2.0, 3.0)
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), plain * scale, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("scale", "outliers"), CASES)
def test_the_bits_are_those_of_pyradiomics(scale, outliers):
    operations = pytest.importorskip("radiomics.imageoperations")
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(100, 30, size=(9, 10, 11)).astype(np.float32))
    expected = operations.normalizeImage(image, normalizeScale=scale, removeOutliers=outliers)
    found = normalized(image, scale=scale, remove_outliers=outliers)
    np.testing.assert_array_equal(*map(sitk.GetArrayFromImage, (found, expected)))
