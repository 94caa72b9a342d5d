from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.features.radiomics.native.gradient import gradient_magnitude


@pytest.mark.parametrize("use_spacing", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize(
    "box", [(slice(2, 4), slice(3, 9), slice(1, 5)), (slice(0, 7), slice(0, 1), slice(9, 10))], ids=["inner", "border"]
)
def test_a_box_has_the_bits_of_the_whole_image(box, dtype, use_spacing):
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 250, size=(7, 11, 10)).astype(dtype))
    image.SetSpacing((0.7, 0.8, 2.5))
    whole = sitk.GetArrayFromImage(sitk.GradientMagnitude(image, useImageSpacing=use_spacing))
    values = sitk.GetArrayViewFromImage(image)
    found = gradient_magnitude(values, box, spacing=(2.5, 0.8, 0.7), use_spacing=use_spacing)
    assert found.dtype == whole.dtype
    np.testing.assert_array_equal(found, whole[box])
