from __future__ import annotations

import warnings

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.features.radiomics.native.lbp import lbp_2d, lbp_3d

BOX = (slice(1, 6), slice(3, 9), slice(2, 4))


def volume(dtype):
    # Few intensities, so that neighbours are often equal and the last bit of an interpolation decides.
    return np.random.default_rng(0).integers(0, 6, size=(8, 12, 11)).astype(dtype)


@pytest.mark.parametrize("method", ["default", "ror", "uniform", "var"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_slices_are_those_of_the_whole_image(dtype, axis, method):
    operations = pytest.importorskip("radiomics.imageoperations")
    pytest.importorskip("skimage")
    image = volume(dtype)
    how = {"lbp2DRadius": 1.5, "lbp2DSamples": 9, "lbp2DMethod": method, "force2D": True, "force2Ddimension": axis}
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [(expected, _, _)] = operations.getLBP2DImage(sitk.GetImageFromArray(image), None, **how)
    image.setflags(write=False)
    found = lbp_2d(image, BOX, radius=1.5, samples=9, method=method, axis=axis)
    whole = sitk.GetArrayFromImage(expected)
    assert found.dtype == whole.dtype == dtype
    np.testing.assert_array_equal(found, whole[BOX])


def test_a_plane_gives_floats():
    pytest.importorskip("skimage")
    found = lbp_2d(volume(np.uint8)[0], BOX[1:], radius=1, samples=8, method="uniform")
    assert found.dtype == np.float64
    assert found.shape == (6, 2)


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_patterns_in_3d_are_those_of_the_whole_image(dtype, levels, monkeypatch):
    operations = pytest.importorskip("radiomics.imageoperations")
    pytest.importorskip("trimesh")
    _bring_back_what_pyradiomics_imports(monkeypatch)
    image = (np.random.default_rng(0).normal(size=(10, 12, 11)) * 50).astype(dtype)
    inside = np.zeros(image.shape, bool)
    inside[BOX] = np.random.default_rng(1).random((5, 6, 2)) < 0.8
    pair = sitk.GetImageFromArray(image), sitk.GetImageFromArray(inside.astype(np.uint8))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            name: sitk.GetArrayFromImage(each)
            for each, name, _ in operations.getLBP3DImage(*pair, lbp3DLevels=levels, lbp3DIcosphereRadius=1.2)
        }
    found = lbp_3d(image, inside[BOX], BOX, levels=levels, radius=1.2, subdivision=1)
    assert list(found) == list(expected)
    for name, values in found.items():
        np.testing.assert_array_equal(values[inside[BOX]], expected[name][inside], err_msg=name)


def test_patterns_in_3d_do_not_depend_on_how_many_voxels_are_worked_on_at_a_time(monkeypatch):
    pytest.importorskip("trimesh")
    _bring_back_what_pyradiomics_imports(monkeypatch)
    image, inside = np.random.default_rng(0).normal(size=(8, 9, 10)), np.ones((8, 9, 10), bool)
    box = (slice(0, 8), slice(0, 9), slice(0, 10))
    at_once = lbp_3d(image, inside, box, levels=2, radius=1.0, subdivision=1)
    monkeypatch.setattr("hybridrad.features.radiomics.native.lbp._CHUNK", 7)
    for name, values in lbp_3d(image, inside, box, levels=2, radius=1.0, subdivision=1).items():
        np.testing.assert_array_equal(values, at_once[name])


def _bring_back_what_pyradiomics_imports(monkeypatch):
    """SciPy 1.17 has spherical harmonics under another name only."""
    import scipy.special

    if not hasattr(scipy.special, "sph_harm"):

        def sph_harm(order, degree, azimuth, polar):
            return scipy.special.sph_harm_y(degree, order, polar, azimuth)

        monkeypatch.setattr(scipy.special, "sph_harm", sph_harm, raising=False)
