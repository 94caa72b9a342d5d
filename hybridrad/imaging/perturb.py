"""Perturbed readings of one region: what another scan, another hand or another grid might have given.

Each function takes one region and gives one; nothing is learned from other cases. Features that do not come out alike
say more about the drawing of the region than about the patient (`hybridrad.ICCFilter`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from hybridrad._checks import check_choice
from hybridrad.errors import ImageError, MaskError
from hybridrad.imaging.roi import Roi
from hybridrad.imaging.roi_checks import THIN_AXIS_VOXELS, bounding_box, check_region

STAGE = "perturbation"
# Second differences along both axes of a slice: blind to flat and slanted surfaces, six times the noise.
_NOISE_KERNEL = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])
_NOISE_GAIN = 6.0
_MEDIAN_OF_ABSOLUTE_NORMAL = 0.6744897501960817
_CONTOUR_SMOOTHNESS_VOXELS = 2.0


@dataclass(frozen=True)
class Perturbation:
    """How much a region may be perturbed; everything is drawn anew for each case and repetition. The default: nothing.

    Parameters
    ----------
    translation_voxels : float
        Largest shift of image and region along each axis, in voxels; uniform between minus and plus that.
    rotation_deg : float
        Largest rotation of image and region in the slice plane, about the middle of the region, in degrees; uniform.
    noise : float
        Normal noise added to the image, as a multiple of the noise that is estimated in it (see `noise_sd`).
    growth_voxels, growth_mm : float
        The region is grown or shrunk by so much, by the toss of a coin; at most one of them.
    contour_voxels, contour_mm : float
        Standard deviation of a smooth random displacement of the outline; at most one of them.

    References
    ----------
    Zwanenburg et al., Sci Rep 9:614, 2019, doi:10.1038/s41598-018-36938-4.

    Examples
    --------
    >>> Perturbation(translation_voxels=0.5, rotation_deg=5, noise=1).is_identity, Perturbation().is_identity
    (False, True)
    """

    translation_voxels: float = 0.0
    rotation_deg: float = 0.0
    noise: float = 0.0
    growth_voxels: float = 0.0
    growth_mm: float = 0.0
    contour_voxels: float = 0.0
    contour_mm: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
                raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
        for what in ("growth", "contour"):
            if getattr(self, f"{what}_voxels") and getattr(self, f"{what}_mm"):
                raise ValueError(f"give {what}_voxels or {what}_mm, not both.")

    @property
    def is_identity(self) -> bool:
        """Whether nothing is perturbed."""
        return not any(vars(self).values())


def perturbed(roi: Roi, perturbation: Perturbation, *, random_state: int = 0, repetition: int = 1) -> Roi:
    """Return one perturbed reading of a region: moved, noise added, grown or shrunk, outline redrawn, in this order.

    Parameters
    ----------
    roi : Roi
    perturbation : Perturbation
    random_state, repetition : int
        What is drawn hangs on both and on the name of the case, and for each kind of perturbation on nothing else.

    Raises
    ------
    MaskError
        ``E_MASK_EMPTY``: nothing is left of the region.
    ImageError
        ``E_NO_SPACING`` for millimetres in an image without spacing; ``E_NONFINITE_IN_ROI``: the region now holds
        values that are none.

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> mask = sitk.GetImageFromArray(np.pad(np.ones((6, 6, 6), np.uint8), 4))
    >>> roi = read_roi(sitk.Cast(mask, sitk.sitkInt16), mask)
    >>> again = [perturbed(roi, Perturbation(growth_voxels=1), repetition=r).n_voxels for r in range(4)]
    >>> sorted(set(again))
    [64, 432]
    """
    of_move, of_noise, of_growth, of_contour = (
        np.random.default_rng(stream)
        for stream in np.random.SeedSequence([random_state, repetition, *roi.case_id.encode()]).spawn(4)
    )
    p, changed = perturbation, roi
    shift = p.translation_voxels * of_move.uniform(-1, 1, roi.dimension)
    turn = p.rotation_deg * float(of_move.uniform(-1, 1))
    if p.translation_voxels or p.rotation_deg:
        changed = moved(changed, shift_voxels_xyz=shift.tolist(), rotation_deg=turn)
    if p.noise:
        changed = noisy(changed, times=p.noise, rng=of_noise)
    if p.growth_voxels or p.growth_mm:
        sign = float(of_growth.choice([-1.0, 1.0]))
        changed = grown(changed, voxels=sign * p.growth_voxels, mm=sign * p.growth_mm)
    if p.contour_voxels or p.contour_mm:
        changed = redrawn(changed, voxels=p.contour_voxels, mm=p.contour_mm, rng=of_contour)
    if changed is not roi:
        check_region(changed.image, changed.mask, case_id=roi.case_id)  # what a shift or growth brought in
    return changed


def moved(
    roi: Roi,
    *,
    shift_voxels_xyz: Sequence[float],
    rotation_deg: float = 0.0,
    order: Literal["bspline", "linear"] = "bspline",
) -> Roi:
    """Return image and region shifted and turned on the same grid.

    Whole numbers are rounded, the pixel type stays; the region is where it covers at least half of a voxel. Beyond the
    edge of the image its nearest value holds.

    Parameters
    ----------
    roi : Roi
    shift_voxels_xyz : sequence of float
        Along each axis of the grid, x first; 0.5 is half a voxel.
    rotation_deg : float
        In the plane of x and y of the grid, about the middle of the region.
    order : {"bspline", "linear"}
        Interpolation of the image. Linear interpolation blurs: half a voxel takes half of the variance of noise.
        Colours, images with values that are not finite and axes of fewer than four voxels are always linear.

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> mask = sitk.GetImageFromArray(np.pad(np.ones((4, 4), np.uint8), 4))
    >>> roi = read_roi(sitk.Cast(mask, sitk.sitkInt16), mask)
    >>> np.flatnonzero(moved(roi, shift_voxels_xyz=(2, 0)).mask_zyx.any(axis=0)).tolist()
    [6, 7, 8, 9]
    """
    if len(shift_voxels_xyz) != roi.dimension:
        raise ValueError(f"shift_voxels_xyz has {len(shift_voxels_xyz)} values, the image {roi.dimension} axes.")
    check_choice(order, ["bspline", "linear"], name="order")
    if not any(shift_voxels_xyz) and not rotation_deg:
        return roi
    direction = np.reshape(roi.image.GetDirection(), (roi.dimension, roi.dimension))
    turn = np.eye(roi.dimension)
    angle = np.deg2rad(rotation_deg)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    middle = [(first + last) / 2 for first, last in reversed(bounding_box(roi.mask_zyx.astype(bool)))]
    transform = sitk.AffineTransform(roi.dimension)
    transform.SetCenter(roi.image.TransformContinuousIndexToPhysicalPoint(middle))
    transform.SetMatrix((direction @ turn @ direction.T).ravel().tolist())
    transform.SetTranslation((direction @ (np.array(roi.image.GetSpacing()) * shift_voxels_xyz)).tolist())
    # A resampler asks for each voxel of the result where it comes from.
    back = transform.GetInverse()
    kind = sitk.sitkVectorFloat64 if roi.is_colour else sitk.sitkFloat64
    smooth = not roi.is_colour and min(roi.image.GetSize()) >= THIN_AXIS_VOXELS and np.isfinite(roi.image_zyx).all()
    image = _resampled(sitk.Cast(roi.image, kind), back, spline=order == "bspline" and bool(smooth))
    inside = sitk.GetArrayFromImage(_resampled(sitk.Cast(roi.mask, sitk.sitkFloat64), back)) >= 0.5
    return _changed(roi, image=sitk.GetArrayFromImage(image), inside=inside)


def noisy(roi: Roi, *, times: float, rng: np.random.Generator) -> Roi:
    """Return the region with normal noise added to its image: ``times`` the noise that is estimated in it.

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> values = np.random.default_rng(0).normal(0, 20, (40, 40)).astype(np.float32)
    >>> roi = read_roi(sitk.GetImageFromArray(values), sitk.GetImageFromArray(np.pad(np.ones((20, 20), np.uint8), 10)))
    >>> added = noisy(roi, times=2.0, rng=np.random.default_rng(1)).image_zyx - roi.image_zyx
    >>> bool(35 < added.std() < 45)
    True
    """
    image = roi.image_zyx.astype(np.float64)
    sd = noise_sd(roi)
    return _changed(roi, image=image + times * sd * rng.standard_normal(image.shape))


def noise_sd(roi: Roi) -> NDArray[np.float64]:
    """Return the noise of an image near its region: one standard deviation for each channel.

    From second differences within slices, which flat and slanted surfaces do not move, by their median: in the bounding
    box of the region, enlarged by half of its side. Texture that differs from voxel to voxel counts as noise. 0 where a
    slice has fewer than three voxels along an axis.

    References
    ----------
    Immerkaer, Comput Vis Image Underst 64:300-302, 1996, doi:10.1006/cviu.1996.0060.

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> values = np.random.default_rng(0).normal(0, 20, (40, 40)) + np.arange(40)
    >>> roi = read_roi(sitk.GetImageFromArray(values), sitk.GetImageFromArray(np.pad(np.ones((20, 20), np.uint8), 10)))
    >>> bool(18 < noise_sd(roi)[0] < 22)
    True
    """
    box = []
    for (first, last), length in zip(bounding_box(roi.mask_zyx.astype(bool)), roi.mask_zyx.shape, strict=True):
        more = max(2, (last - first + 1) // 2)
        box.append(slice(max(0, first - more), min(length, last + more + 1)))
    near = roi.image_zyx[tuple(box)].astype(np.float64)
    near = near if roi.is_colour else near[..., None]
    found = np.zeros(near.shape[-1])
    if min(near.shape[-3:-1]) < 3:
        return found
    for channel in range(near.shape[-1]):
        slices = near[..., channel].reshape(-1, *near.shape[-3:-1])
        rough = np.stack([ndimage.convolve(one, _NOISE_KERNEL)[1:-1, 1:-1] for one in slices])
        known = np.abs(rough[np.isfinite(rough)])
        found[channel] = np.median(known) / (_NOISE_GAIN * _MEDIAN_OF_ABSOLUTE_NORMAL) if known.size else 0.0
    return found


def grown(roi: Roi, *, voxels: float = 0.0, mm: float = 0.0) -> Roi:
    """Return the region grown (negative: shrunk) by a distance; the image stays.

    Growing takes in every voxel whose centre lies within the distance of the centre of one of the region's; shrinking
    takes out every voxel whose centre lies within it of one outside.

    Parameters
    ----------
    roi : Roi
    voxels, mm : float
        One of them. In voxels all axes count alike; millimetres need a spacing.

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> mask = sitk.GetImageFromArray(np.pad(np.ones((6, 6, 6), np.uint8), 4))
    >>> roi = read_roi(sitk.Cast(mask, sitk.sitkInt16), mask)
    >>> grown(roi, voxels=1).n_voxels, grown(roi, mm=-1.0).n_voxels
    (432, 64)
    """
    distance, sampling = _distance(roi, voxels, mm)
    inside = roi.mask_zyx.astype(bool)
    if distance == 0:
        return roi
    if distance > 0:
        return _changed(roi, inside=ndimage.distance_transform_edt(~inside, sampling=sampling) <= distance)
    return _changed(roi, inside=_depth(inside, sampling) > -distance)


def redrawn(roi: Roi, *, voxels: float = 0.0, mm: float = 0.0, rng: np.random.Generator) -> Roi:
    """Return the region with a smooth random displacement of its outline; the image stays.

    Parameters
    ----------
    roi : Roi
    voxels, mm : float
        Standard deviation of the displacement, one of them. Neighbouring places move alike (Gaussian field with a
        standard deviation of two voxels).
    rng : Generator

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> mask = sitk.GetImageFromArray(np.pad(np.ones((9, 9, 9), np.uint8), 6))
    >>> roi = read_roi(sitk.Cast(mask, sitk.sitkInt16), mask)
    >>> other = redrawn(roi, voxels=1.0, rng=np.random.default_rng(0))
    >>> bool(0 < (other.mask_zyx != roi.mask_zyx).sum() < roi.n_voxels)
    True
    """
    distance, sampling = _distance(roi, voxels, mm)
    if distance == 0:
        return roi
    inside = roi.mask_zyx.astype(bool)
    field = ndimage.gaussian_filter(rng.standard_normal(inside.shape), _CONTOUR_SMOOTHNESS_VOXELS, mode="nearest")
    field *= distance / field.std()
    # The outline lies half a voxel beyond the last centre.
    half = min(sampling) / 2
    from_outline = np.where(inside, half - _depth(inside, sampling), _reach(inside, sampling) - half)
    return _changed(roi, inside=from_outline <= field)


def _reach(inside: NDArray[np.bool_], sampling: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(~inside, sampling=sampling), dtype=float)


def _depth(inside: NDArray[np.bool_], sampling: Sequence[float]) -> NDArray[np.float64]:
    """Return how far each voxel of the region lies from the nearest outside; the world beyond the image is outside."""
    padded = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=sampling)
    return np.asarray(padded, dtype=float)[tuple(slice(1, -1) for _ in inside.shape)]


def _distance(roi: Roi, voxels: float, mm: float) -> tuple[float, list[float]]:
    """Return a distance and the length of a voxel along each axis, z first, in the same unit."""
    if voxels and mm:
        raise ValueError("give voxels or mm, not both.")
    if not mm:
        return float(voxels), [1.0] * roi.dimension
    if not roi.has_spacing:
        raise ImageError(
            "E_NO_SPACING",
            case_id=roi.case_id,
            stage=STAGE,
            message="a distance in mm needs a spacing and the file states none.",
            hint="Give it in voxels.",
        )
    return float(mm), list(reversed(roi.spacing_xyz_mm))


def _resampled(image: sitk.Image, back: sitk.Transform, *, spline: bool = False) -> sitk.Image:
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(image)
    resampler.SetTransform(back)
    resampler.SetInterpolator(sitk.sitkBSpline if spline else sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    return resampler.Execute(image)


def _changed(roi: Roi, *, image: NDArray[Any] | None = None, inside: NDArray[np.bool_] | None = None) -> Roi:
    changed = roi
    if image is not None:
        stored = roi.image_zyx.dtype
        if np.issubdtype(stored, np.integer):
            limits = np.iinfo(stored)
            image = np.clip(np.rint(image), limits.min, limits.max)
        drawn = sitk.GetImageFromArray(image.astype(stored), isVector=roi.is_colour)
        drawn.CopyInformation(roi.image)
        changed = replace(changed, image=drawn)
    if inside is not None:
        if not inside.any():
            raise MaskError(
                "E_MASK_EMPTY",
                case_id=roi.case_id,
                stage=STAGE,
                message=f"nothing is left of its {roi.n_voxels} voxels.",
                hint="Perturb less, or leave small regions out.",
            )
        mask = sitk.GetImageFromArray(inside.astype(np.uint8))
        mask.CopyInformation(roi.mask)
        changed = replace(changed, mask=mask)
    return changed
