from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from hybridrad.errors import ImageError, MaskError
from hybridrad.imaging.perturb import Perturbation, grown, moved, noise_sd, noisy, perturbed, redrawn
from hybridrad.imaging.roi import read_roi

EVERYTHING = Perturbation(translation_voxels=0.5, rotation_deg=5, noise=1, growth_voxels=1, contour_voxels=0.7)


def made_roi(mask, *, spacing=None, dtype=np.int16, case_id="007", image=None, direction=None):
    mask = np.asarray(mask, np.uint8)
    if image is None:
        rng = np.random.default_rng(0)
        image = (
            ndimage.gaussian_filter(rng.normal(size=mask.shape), 2) * 800 + 100 * mask + rng.normal(0, 5, mask.shape)
        )
    image = sitk.GetImageFromArray(image.astype(dtype), isVector=image.ndim > mask.ndim)
    if spacing:
        image.SetSpacing(spacing)
    if direction:
        image.SetDirection(direction)
    drawn = sitk.GetImageFromArray(mask)
    drawn.CopyInformation(image)
    return read_roi(image, drawn, case_id=case_id)


def box(*sides, margin=4):
    return np.pad(np.ones(sides, np.uint8), margin)


def ball(radius, spacing_zyx=(1.0, 1.0, 1.0), size=33):
    axes = [(np.arange(size) - size // 2) * step for step in spacing_zyx]
    squared = sum(a**2 for a in np.meshgrid(*axes, indexing="ij"))
    return (squared <= radius**2).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
@pytest.mark.parametrize("sides", [(6, 8, 10), (12, 14)])
def test_the_identity_changes_nothing(dtype, sides):
    roi = made_roi(box(*sides), dtype=dtype)
    assert perturbed(roi, Perturbation()) is roi
    assert moved(roi, shift_voxels_xyz=[0] * roi.dimension) is roi
    assert np.array_equal(noisy(roi, times=0.0, rng=np.random.default_rng(0)).image_zyx, roi.image_zyx)
    assert grown(roi) is roi
    assert redrawn(roi, rng=np.random.default_rng(0)) is roi


@pytest.mark.parametrize("sides", [(6, 8, 10), (12, 14)])
def test_the_same_seed_gives_the_same_reading_and_others_give_others(sides):
    roi, other = made_roi(box(*sides)), made_roi(box(*sides), case_id="008")
    first, again = (perturbed(roi, EVERYTHING, random_state=1) for _ in range(2))
    assert np.array_equal(first.image_zyx, again.image_zyx)
    assert np.array_equal(first.mask_zyx, again.mask_zyx)
    for different in (
        perturbed(roi, EVERYTHING, random_state=2),
        perturbed(roi, EVERYTHING, random_state=1, repetition=2),
        perturbed(other, EVERYTHING, random_state=1),
    ):
        assert not np.array_equal(first.image_zyx, different.image_zyx)
    assert (first.image.GetPixelID(), first.image.GetSpacing()) == (roi.image.GetPixelID(), roi.image.GetSpacing())
    assert first.case_id == roi.case_id


def test_each_kind_is_drawn_from_a_stream_of_its_own():
    roi = made_roi(box(8, 8, 8))
    with_noise = perturbed(roi, Perturbation(noise=1, contour_voxels=1))
    without = perturbed(roi, Perturbation(contour_voxels=1))
    assert np.array_equal(with_noise.mask_zyx, without.mask_zyx)


def test_a_box_grows_and_shrinks_as_computed():
    roi = made_roi(box(6, 8, 10))
    faces = 2 * (6 * 8 + 8 * 10 + 6 * 10)
    assert grown(roi, voxels=1).n_voxels == 480 + faces
    assert grown(roi, voxels=-1).n_voxels == 4 * 6 * 8
    assert grown(roi, voxels=np.sqrt(2)).n_voxels == 480 + faces + 4 * (6 + 8 + 10)  # and along the edges
    flat = made_roi(box(12, 14))
    assert grown(flat, voxels=1).n_voxels == 12 * 14 + 2 * (12 + 14)


def test_a_ball_grows_by_millimetres_whatever_the_voxels():
    spacing_zyx = (0.8, 0.5, 0.5)
    roi = made_roi(ball(7.0, spacing_zyx, size=41), spacing=spacing_zyx[::-1])
    for change in (2.0, -2.0):
        expected = ((7.0 + change) / 7.0) ** 3
        assert grown(roi, mm=change).volume_ml / roi.volume_ml == pytest.approx(expected, rel=0.1)
    assert np.array_equal(grown(roi, mm=2.0).image_zyx, roi.image_zyx)


def test_growing_stops_at_the_border_and_shrinking_begins_there():
    roi = made_roi(np.ones((5, 6, 7), np.uint8))
    assert grown(roi, voxels=3).n_voxels == 5 * 6 * 7
    assert grown(roi, voxels=-1).n_voxels == 3 * 4 * 5


def test_a_region_that_vanishes_is_an_error_with_the_case():
    with pytest.raises(MaskError, match="nothing is left of its 64 voxels") as caught:
        grown(made_roi(box(4, 4, 4)), voxels=-2)
    assert (caught.value.code, caught.value.case_id) == ("E_MASK_EMPTY", "007")


def test_millimetres_need_a_spacing(tmp_path):
    for name, values in (("image.png", box(12, 14) * 100), ("mask.png", box(12, 14))):
        sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / name))
    roi = read_roi(tmp_path / "image.png", tmp_path / "mask.png")
    with pytest.raises(ImageError, match="a distance in mm needs a spacing"):
        grown(roi, mm=1.0)
    assert grown(roi, voxels=1).n_voxels > roi.n_voxels


@pytest.mark.parametrize("direction", [None, (0, 1, 0, -1, 0, 0, 0, 0, 1)])
def test_whole_voxels_are_moved_without_a_loss_also_on_turned_grids(direction):
    roi = made_roi(box(6, 6, 6), spacing=(0.5, 0.7, 2.0), direction=direction)
    there = moved(roi, shift_voxels_xyz=(2, -1, 1))
    assert np.array_equal(there.mask_zyx, np.roll(roi.mask_zyx, (1, -1, 2), axis=(0, 1, 2)))
    assert np.array_equal(
        there.image_zyx[2:-2, 2:-2, 3:], np.roll(roi.image_zyx, (1, -1, 2), (0, 1, 2))[2:-2, 2:-2, 3:]
    )


def test_half_a_voxel_is_the_mean_of_two():
    roi = made_roi(box(8, 8), dtype=np.float64)
    there = moved(roi, shift_voxels_xyz=(0.5, 0), order="linear")
    assert there.image_zyx[:, 1:] == pytest.approx((roi.image_zyx[:, 1:] + roi.image_zyx[:, :-1]) / 2)


def test_a_spline_keeps_the_variance_of_noise_that_linear_interpolation_takes():
    mask = box(10, 20, 20)
    roi = made_roi(mask, image=np.random.default_rng(0).normal(0, 50, mask.shape), dtype=np.float32)
    linear, spline = (
        moved(roi, shift_voxels_xyz=(0.5, 0, 0), order=order).image_zyx.var() / roi.image_zyx.var()
        for order in ("linear", "bspline")
    )
    assert linear == pytest.approx(0.5, abs=0.05)
    assert spline > 0.7


@pytest.mark.parametrize("case", ["thin", "colour", "holes"])
def test_where_no_spline_can_be_had_the_image_is_interpolated_linearly(case):
    mask = box(12, 14)
    image = np.random.default_rng(0).normal(100, 10, mask.shape)
    if case == "thin":
        mask, image = np.stack([mask] * 3), np.stack([image] * 3)
    elif case == "colour":
        image = np.stack([image, image / 2, image / 3], axis=-1)
    else:
        image[0, 0] = np.nan
    roi = made_roi(mask, image=image, dtype=np.uint8 if case == "colour" else np.float32)
    shift = [0.5, 0.25, 0.0][: roi.dimension]
    either = [moved(roi, shift_voxels_xyz=shift, order=order).image_zyx for order in ("linear", "bspline")]
    np.testing.assert_array_equal(*either)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 1.0)])
def test_a_quarter_turn_is_that_of_the_plane_in_millimetres(spacing):
    mask = np.zeros((31, 31), np.uint8)
    mask[14:17, 10:21] = 1  # longer along x
    turned = moved(made_roi(mask, spacing=spacing), shift_voxels_xyz=(0, 0), rotation_deg=90).mask_zyx
    rows, columns = np.nonzero(turned)
    height, width = ((v.max() - v.min() + 1) * step for v, step in zip((rows, columns), spacing[::-1], strict=True))
    assert (height, width) == pytest.approx((11 * spacing[0], 3 * spacing[1]), abs=1.0)
    assert np.array_equal(np.round([rows.mean(), columns.mean()]), [15, 15])


def test_a_rotation_leaves_the_third_axis_alone():
    roi = made_roi(box(6, 8, 10))
    turned = moved(roi, shift_voxels_xyz=(0, 0, 0), rotation_deg=5)
    assert np.array_equal(turned.mask_zyx.any(axis=(1, 2)), roi.mask_zyx.any(axis=(1, 2)))
    assert turned.n_voxels == pytest.approx(roi.n_voxels, rel=0.1)


@pytest.mark.parametrize("sd", [5.0, 40.0])
def test_noise_is_estimated_beside_slopes_and_edges(sd):
    rng, mask = np.random.default_rng(0), box(10, 20, 20, margin=8)
    slope = np.arange(mask.shape[2]) * 10.0 + 500.0 * mask
    roi = made_roi(mask, image=slope + rng.normal(0, sd, mask.shape), dtype=np.float32)
    assert noise_sd(roi)[0] == pytest.approx(sd, rel=0.08)
    added = noisy(roi, times=1.0, rng=rng).image_zyx - roi.image_zyx
    assert added.std() == pytest.approx(sd, rel=0.08)
    assert abs(added.mean()) < sd / 20


def test_whole_numbers_stay_so_and_within_the_pixel_type():
    mask = box(12, 14)
    roi = made_roi(mask, image=np.where(mask, 255, 0) - (np.arange(mask.size).reshape(mask.shape) % 7), dtype=np.uint8)
    there = noisy(roi, times=50.0, rng=np.random.default_rng(0))
    assert there.image_zyx.dtype == np.uint8
    assert there.image_zyx.min() == 0
    assert there.image_zyx.max() == 255


def test_colour_is_perturbed_channel_by_channel():
    mask = box(12, 14)
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(100, sd, mask.shape) for sd in (2, 8, 16)], axis=-1)
    roi = made_roi(mask, image=values, dtype=np.uint8)
    assert noise_sd(roi) == pytest.approx([2, 8, 16], rel=0.25)
    there = perturbed(roi, EVERYTHING)
    assert there.is_colour
    assert there.image_zyx.shape == roi.image_zyx.shape


def test_a_redrawn_outline_stays_near_the_old_one_and_keeps_about_its_size():
    roi = made_roi(ball(9.0))
    changes = []
    for seed in range(8):
        there = redrawn(roi, voxels=1.0, rng=np.random.default_rng(seed))
        changed = there.mask_zyx != roi.mask_zyx
        inside = roi.mask_zyx == 1
        distance = ndimage.distance_transform_edt(inside) + ndimage.distance_transform_edt(~inside)
        assert distance[changed].max() < 6
        assert np.array_equal(there.image_zyx, roi.image_zyx)
        changes.append(there.n_voxels / roi.n_voxels)
    assert np.mean(changes) == pytest.approx(1.0, abs=0.1)
    assert np.std(changes) > 0.01


def test_values_that_are_none_are_not_grown_into():
    image = np.where(box(6, 6, 6) == 1, 100.0, np.nan)
    roi = made_roi(box(6, 6, 6), image=image, dtype=np.float32)
    failed = 0
    for repetition in range(8):  # some of them grow, the others shrink
        try:
            perturbed(roi, Perturbation(growth_voxels=1), repetition=repetition)
        except ImageError as err:
            failed += err.code == "E_NONFINITE_IN_ROI"
    assert 0 < failed < 8


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"noise": -1.0}, "noise must be a number of at least 0"),
        ({"rotation_deg": float("nan")}, "rotation_deg"),
        ({"growth_mm": 1.0, "growth_voxels": 1.0}, "not both"),
        ({"contour_mm": 1.0, "contour_voxels": 1.0}, "not both"),
    ],
)
def test_impossible_perturbations_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        Perturbation(**options)
