from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.imaging.views import Views
from hybridrad.imaging.views.patient_axes import central_voxel, in_patient_axes
from tests.imaging.views.made_up import (
    all_directions,
    box_of,
    boxed,
    ellipsoid,
    extent,
    noisy,
    plain_crop,
    roi_of,
)

WINDOW = (0.0, 1000.0)


def scaled(values):
    return np.clip((np.asarray(values, float) + 500) / 1000, 0, 1)


def test_the_three_planes_of_an_ellipsoid_have_its_shape_in_millimetres():
    roi = ellipsoid(radii_mm=(6, 9, 15), spacing_xyz=(0.5, 0.75, 2.5))
    pictures, regions = Views("orthogonal", margin_mm=4, window=(50, 100)).render_with_region(roi)
    assert pictures.shape[:2] == (3, 1)
    # Height and width in pixels of 0.5 mm: axial y by x, coronal z by x, sagittal z by y.
    for inside, (high, wide) in zip(regions, [(18, 12), (30, 12), (30, 18)], strict=True):
        assert extent(inside) == pytest.approx((high / 0.5, wide / 0.5), abs=5)
        area_mm2 = inside.sum() * 0.25
        assert area_mm2 == pytest.approx(np.pi * high * wide / 4, rel=0.06)
    for picture, inside in zip(pictures[:, 0], regions, strict=True):
        assert ((picture > 0.5) == inside).mean() > 0.99
    assert pictures.shape[-1] == round((30 + 2 * 4) / 0.5)


def test_isotropic_planes_are_the_stored_voxels_head_up():
    mask = boxed((13, 16, 18), slice(4, 9), slice(5, 10), slice(6, 11))
    roi = roi_of(noisy(mask.shape), mask)
    shown = Views("orthogonal", relative_margin=0.3, window=WINDOW).render(roi)
    side = shown.shape[-1]
    upright, held = roi.image_zyx[::-1], mask[::-1]
    z_box, y_box, x_box = box_of(held)
    for picture, plane, box in [
        (shown[0, 0], roi.image_zyx[6], (y_box, x_box)),
        (shown[1, 0], upright[:, 7], (z_box, x_box)),
        (shown[2, 0], upright[:, :, 8], (z_box, y_box)),
    ]:
        np.testing.assert_allclose(picture, scaled(plain_crop(plane, box, (side, side))), rtol=1e-6)


@pytest.mark.parametrize("direction", all_directions(), ids=str)
def test_patient_axes_are_those_of_itk_however_a_volume_is_stored(direction):
    mask = boxed((4, 5, 6), slice(1, 3), slice(2, 4), slice(0, 3))
    roi = roi_of(noisy(mask.shape), mask, spacing=(0.5, 0.8, 3.0), direction=direction)
    turned = in_patient_axes(roi)
    image, region = sitk.DICOMOrient(roi.image, "LPS"), sitk.DICOMOrient(roi.mask, "LPS")
    np.testing.assert_array_equal(turned.image_zyx, sitk.GetArrayFromImage(image))
    np.testing.assert_array_equal(turned.region_zyx, sitk.GetArrayFromImage(region))
    assert turned.spacing_zyx_mm == image.GetSpacing()[::-1]


def test_an_oblique_volume_takes_the_nearest_axes():
    rotation = np.array([[0.9, -0.436, 0], [0.436, 0.9, 0], [0, 0, 1.0]])
    rotation /= np.linalg.norm(rotation, axis=0)
    mask = boxed((4, 5, 6), slice(1, 3), slice(2, 4), slice(0, 3))
    roi = roi_of(noisy(mask.shape), mask, direction=rotation)
    np.testing.assert_array_equal(in_patient_axes(roi).image_zyx, roi.image_zyx)


@pytest.mark.parametrize("kind", ["orthogonal", "mip", "volume"])
def test_views_of_a_patient_do_not_depend_on_how_the_volume_is_stored(kind):
    mask = boxed((9, 13, 14), slice(3, 6), slice(3, 10), slice(5, 10))
    roi = roi_of(noisy(mask.shape), mask, spacing=(0.7, 0.7, 2.0))
    views = Views(kind, margin_mm=2, window=WINDOW, **({"mip_axis": "y"} if kind == "mip" else {}))
    reference = views.render_with_region(roi)
    for stored_as in ("RAS", "SAL", "PIR"):
        image, region = (sitk.DICOMOrient(one, stored_as) for one in (roi.image, roi.mask))
        other = roi_of(
            sitk.GetArrayFromImage(image),
            sitk.GetArrayFromImage(region),
            spacing=image.GetSpacing(),
            direction=image.GetDirection(),
        )
        found = views.render_with_region(other)
        np.testing.assert_allclose(found.pictures, reference.pictures, atol=2e-6)
        np.testing.assert_array_equal(found.regions, reference.regions)


@pytest.mark.parametrize(("kind", "options"), [("slices", {}), ("slices", {"n_slices": 2}), ("adjacent", {})])
@pytest.mark.parametrize("stored_as", ["LPI", "RAI"])
def test_slices_run_from_feet_to_head_whichever_way_the_file_runs(kind, options, stored_as):
    # Four slices, so that the largest of equal ones and the middle of each run are ties; a crop of 13 around 7 pixels.
    mask = boxed((9, 13, 14), slice(3, 7), slice(3, 10), slice(4, 11))
    views = Views(kind, relative_margin=3 / 7, **options)
    roi = roi_of(noisy(mask.shape), mask, spacing=(0.7, 0.7, 2.0))
    turned, region = (sitk.DICOMOrient(one, stored_as) for one in (roi.image, roi.mask))
    other = roi_of(
        sitk.GetArrayFromImage(turned),
        sitk.GetArrayFromImage(region),
        spacing=turned.GetSpacing(),
        direction=turned.GetDirection(),
    )
    wanted, found = views.render_with_region(roi), views.render_with_region(other)
    # Rows and columns stay as stored.
    as_stored = slice(None, None, -1 if stored_as == "RAI" else 1)
    np.testing.assert_array_equal(found.pictures, wanted.pictures[..., as_stored, as_stored])
    np.testing.assert_array_equal(found.regions, wanted.regions[..., as_stored, as_stored])


def test_sagittal_slices_run_from_right_to_left():
    mask = boxed((9, 13, 14), slice(3, 6), slice(3, 10), slice(5, 10))
    roi = roi_of(noisy(mask.shape), mask)
    both = []
    for stored_as in ("PSL", "PSR"):  # the third axis points to the left, or to the right
        turned, region = (sitk.DICOMOrient(one, stored_as) for one in (roi.image, roi.mask))
        arrays = (sitk.GetArrayFromImage(turned), sitk.GetArrayFromImage(region))
        both.append(Views("slices").render(roi_of(*arrays, direction=turned.GetDirection())))
    np.testing.assert_array_equal(*both)


def test_the_central_voxel_of_a_hollow_region_is_one_of_the_region():
    ring = boxed((5, 9, 9), 2, slice(1, 8), slice(1, 8)).astype(bool)
    ring[2, 2:7, 2:7] = False
    assert ring[central_voxel(ring, (3.0, 1.0, 1.0))]
    assert Views("orthogonal").render_with_region(roi_of(noisy(ring.shape), ring)).regions.any(axis=(1, 2)).all()


def test_the_central_voxel_is_nearest_in_millimetres():
    # Centre of mass at z = 1.67, x = 3.89.
    region = np.zeros((4, 1, 9), bool)
    region[:, 0, 0] = region[:, 0, 8] = True
    region[3, 0, 3] = True
    assert central_voxel(region, (2.0, 1.0, 1.0)) == (3, 0, 3)
    assert central_voxel(region, (30.0, 1.0, 1.0)) == (2, 0, 0)


@pytest.mark.parametrize("axis", ["z", "y", "x"])
def test_a_projection_is_the_largest_value_along_its_axis(axis):
    mask = boxed((12, 13, 14), slice(3, 8), slice(4, 9), slice(5, 11))
    roi = roi_of(noisy(mask.shape), mask)
    pictures, regions = Views("mip", mip_axis=axis, window=WINDOW, relative_margin=0.2).render_with_region(roi)
    number = "zyx".index(axis)
    upright, held = roi.image_zyx[::-1], mask[::-1]
    first, last = box_of(held)[number]
    projected = np.take(upright, range(first, last + 1), axis=number).max(axis=number)
    box = [b for i, b in enumerate(box_of(held)) if i != number]
    side = pictures.shape[-1]
    np.testing.assert_allclose(pictures[0, 0], scaled(plain_crop(projected, box, (side, side))), rtol=1e-6)
    np.testing.assert_array_equal(regions[0], plain_crop(held.any(axis=number), box, (side, side), fill=0).astype(bool))


def test_the_slab_of_a_projection_reaches_beyond_the_region_and_not_beyond_the_image():
    mask = boxed((12, 20, 20), slice(3, 8), slice(5, 15), slice(5, 15))
    image = np.zeros(mask.shape, np.int16)
    image[1, 6, 6], image[0, 7, 7], image[9, 8, 8], image[5, 9, 9] = 1000, 2000, 3000, 500
    roi = roi_of(image, mask, spacing=(1.0, 1.0, 2.0))
    lit = {
        slab: set(np.rint(np.unique(Views("mip", slab_margin_mm=slab, window=(2000, 4000)).render(roi)) * 4000))
        for slab in (0, 4, 100)
    }
    assert lit == {0: {0, 500}, 4: {0, 500, 1000, 3000}, 100: {0, 500, 1000, 2000, 3000}}


@pytest.mark.parametrize(("background", "factor"), [("masked", 0.0), ("dimmed", 0.25)])
def test_in_front_of_a_masked_region_nothing_is_projected(background, factor):
    image = noisy((8, 16, 16))
    mask = boxed(image.shape, slice(2, 6), slice(4, 12), slice(4, 12))
    mask[2, 4:8] = 0
    roi = roi_of(image, mask)
    shown, (inside,) = Views(
        "mip", background=background, window=WINDOW, slab_margin_mm=2, relative_margin=0.25
    ).render_with_region(roi)
    for y, x in np.ndindex(*inside.shape):
        column = image[:, y + 2, x + 2].astype(float)
        held = mask[:, y + 2, x + 2].astype(bool)
        assert inside[y, x] == held.any()
        expected = scaled(column[held].max()) if held.any() else factor * scaled(column.max())
        assert shown[0, 0, y, x] == pytest.approx(expected, rel=1e-5)
