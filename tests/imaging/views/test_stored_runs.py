"""Pictures and descriptions that runs on disk were made with: they may not change unnoticed.

The digests were taken from the first implementation of these two kinds, before others were added. A change here makes
every stored embedding of these views wrong: a run that resumes would mix two sorts of pictures.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.imaging.roi import Roi, read_roi
from hybridrad.imaging.views import Views

VIEWS = {
    "plain": Views(),
    "margin": Views(margin_mm=4),
    "field": Views(field_mm=30, window="lung", padding="constant"),
    "image": Views("image"),
    "image_constant": Views("image", padding="constant", percentiles=(5, 95)),
}
DESCRIBED = {
    "plain": "13be8006f51d6032",
    "margin": "69df5cd70d249be3",
    "field": "5990d00a7ae36a8a",
    "image": "da55c86b0345de40",
    "image_constant": "a8b5c124f20d22ad",
}
RENDERED = {
    ("plain", "flat"): "785bf465a744c640",
    ("plain", "solid"): "1dc62ee6a248dfdb",
    ("plain", "colour"): "3a5ab0924173954e",
    ("margin", "flat"): "9f3e8757c2e91ef3",
    ("margin", "solid"): "751fb3f773ea948d",
    ("margin", "colour"): "e4418d6597dbda86",
    ("field", "flat"): "23f39026a1263828",
    ("field", "solid"): "a05df1054844afc1",
    ("field", "colour"): "9a2d86efc7689907",
    ("image", "flat"): "fe8d7bee407acb90",
    ("image", "solid"): "3ee06e171d175428",
    ("image", "colour"): "9a2416df2d057cac",
    ("image_constant", "flat"): "339c0ba9fc4a888d",
    ("image_constant", "solid"): "1eabe1cbf6af5389",
    ("image_constant", "colour"): "0ac5b8429bb4f47a",
}


def made_up(*, depth: int = 0, spacing: tuple[float, ...] | None = None, colour: bool = False) -> Roi:
    """Return a case made by whole-number arithmetic alone, so that it is the same on every machine."""
    grids = np.indices((depth, 37, 41) if depth else (37, 41))
    y, x = grids[-2], grids[-1]
    z = grids[0] if depth else np.zeros_like(y)
    values = ((7 * y * y + 13 * x * y + 29 * x + 101 * z * y) % 1009 - 300).astype(np.int16)
    if colour:
        values = np.stack([(values % m).astype(np.uint8) for m in (251, 241, 199)], axis=-1)
    mask = ((y - 20) ** 2 + (x - 30) ** 2 + 3 * (z - depth // 2) ** 2 <= 64).astype(np.uint8)
    image, region = sitk.GetImageFromArray(values, isVector=colour), sitk.GetImageFromArray(mask)
    for one in (image, region):
        one.SetSpacing(spacing or (1.0,) * one.GetDimension())
    return read_roi(image, region, case_id="007")


CASES = {
    "flat": made_up(),
    "solid": made_up(depth=9, spacing=(0.7, 0.7, 2.5)),
    "colour": made_up(colour=True),
}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@pytest.mark.parametrize("name", DESCRIBED)
def test_views_that_runs_were_made_with_are_described_as_before(name):
    assert digest(json.dumps(VIEWS[name].describe(), sort_keys=True).encode()) == DESCRIBED[name]


@pytest.mark.parametrize(("name", "case"), RENDERED)
def test_views_that_runs_were_made_with_look_as_before(name, case):
    assert digest(VIEWS[name].render(CASES[case]).tobytes()) == RENDERED[name, case]


def test_resampled_views_that_runs_were_made_with_look_as_before():
    roi = made_up(depth=9, spacing=(0.5, 1.0, 2.5))
    shown = Views(relative_margin=0.3).render(roi)
    assert shown.shape == (1, 1, 54, 54)
    np.testing.assert_allclose(
        shown[0, 0, 14, ::7],
        [0.646748, 0.330774, 0.782419, 0.210572, 0.662217, 0.090370, 0.301104, 0.301104],
        atol=2e-6,
    )
    whole = Views("image", spacing_mm=2.0).render(roi)
    assert whole.shape == (1, 1, 18, 18)
    np.testing.assert_allclose(whole[0, 0, ::6, 0], [0.252161, 0.629757, 0.493579], atol=2e-6)
