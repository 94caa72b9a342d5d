from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

import hybridrad as hr

# Of the file in both formats, on the picture below, torch 2.14 on a CPU: some positions, and the mean of all.
POSITIONS = [28, 42, 56, 70, 98, 112, 126, 168]
IMAGENET = [1.9803, 0.43921, 1.7685, 1.259, 0.89534, 1.4281, 0.75903, 1.16]
IMAGENET_MEAN = 1.4067


@pytest.mark.shared_data
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_imagenet_squeezenet_gives_the_values_it_always_gave(shared_data, suffix):
    yy, xx = np.mgrid[:64, :64]
    image = (127 + 80 * np.sin(xx / 5.0) * np.cos(yy / 9.0) + 40 * ((yy - 30) ** 2 + (xx - 34) ** 2 < 200)).astype(
        np.uint8
    )
    mask = ((yy - 30) ** 2 + (xx - 34) ** 2 < 200).astype(np.uint8)
    weights = shared_data / f"weights/squeezenet1_1_imagenet_features{suffix}"
    extractor = hr.EmbeddingExtractor("squeezenet1_1", weights, device="cpu")
    row = extractor.extract_one(sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask))
    np.testing.assert_allclose(row.to_numpy()[POSITIONS], IMAGENET, rtol=1e-3)
    assert row.mean() == pytest.approx(IMAGENET_MEAN, rel=1e-3)
