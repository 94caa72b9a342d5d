"""Tiny images written to a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.errors import CaseError


@pytest.fixture
def voxels() -> np.ndarray:
    """Noise of shape (6, 7, 8), z first, int16."""
    return np.random.default_rng(0).integers(-1000, 1000, size=(6, 7, 8)).astype(np.int16)


@pytest.fixture
def pixels() -> np.ndarray:
    """Noise of shape (40, 32), y first, uint8."""
    return np.random.default_rng(1).integers(0, 256, size=(40, 32)).astype(np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as an image file and return its path."""

    def _save(
        name: str, array: np.ndarray, *, spacing: Any = None, vector: bool = False, compress: bool = False
    ) -> Path:
        image = as_image(array, spacing=spacing, vector=vector)
        sitk.WriteImage(image, str(tmp_path / name), compress)
        return tmp_path / name

    return _save


@pytest.fixture
def code_of() -> Callable[..., str]:
    """Call a function and return the code of the case error it raises, with its text checked for the case."""

    def _code_of(function: Callable[..., Any], *args: Any, **options: Any) -> str:
        with pytest.raises(CaseError) as caught:
            function(*args, case_id="007", **options)
        assert str(caught.value).startswith("007: ")
        assert "/" not in caught.value.message.replace("voxels/", "")
        return caught.value.code

    return _code_of


@pytest.fixture
def make_image() -> Callable[..., sitk.Image]:
    return as_image


def as_image(array: np.ndarray, *, spacing: Any = None, origin: Any = None, vector: bool = False) -> sitk.Image:
    image = sitk.GetImageFromArray(array, isVector=vector)
    if spacing is not None:
        image.SetSpacing(spacing)
    if origin is not None:
        image.SetOrigin(origin)
    return image
