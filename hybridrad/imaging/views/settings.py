"""What a network sees of a case: square pictures in 0..1, at the resolution of the image."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad._checks import check_choice, check_positive
from hybridrad.errors import ImageError
from hybridrad.imaging import preprocess
from hybridrad.imaging.roi import Roi
from hybridrad.imaging.roi_checks import bounding_box
from hybridrad.imaging.views.slices import viewed_slice
from hybridrad.imaging.views.square import cut_square

KINDS = ("largest_slice", "image")
PADDINGS = ("edge", "constant")

MIN_SIDE_PX = 8
"""Smallest side of a crop, so that a region of one pixel is still seen with its surroundings."""
MAX_SIDE_PX = 16384
"""Largest side of a view; a longer one is a mistaken margin or spacing."""

_DEFAULT_RELATIVE_MARGIN = 0.5
_SQUARE_PIXEL_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Views:
    """How pictures of a case are made for a network.

    In 3D the slice (along the third stored axis, z) with most pixels of the region is shown, the middle one of several
    equal ones. Then, in this order: intensities that are not finite become the smallest finite one; pixels that are not
    square in millimetres are resampled to the finer of the two spacings, or all to ``spacing_mm`` (linear); the window
    or the percentiles map intensities to 0..1; a square around the centre of the region's bounding box is cut out.
    Percentiles are those of the whole stored slice or image, not of the crop, so that the brightness of a region does
    not depend on its size. A square that leaves the image is filled by ``padding``. Radiomics never sees any of this.

    Parameters
    ----------
    kind : {"largest_slice", "image"}
        A square crop around the region, or the whole slice (3D) or image (2D) filled up to a square.
    margin_mm : float, optional
        Side of the crop: the longer side of the bounding box and this on both sides.
    field_mm : float, optional
        Side of the crop in mm, the same for all cases, rounded to whole pixels; a larger region is cut.
    relative_margin : float, optional
        Side of the crop: ``1 + 2 * relative_margin`` times the longer side of the bounding box. The only one of the
        three without spacing; 0.5 if none is given.
    spacing_mm : float, optional
        Pixel size of the view; the stored one if not given.
    window : str or (level, width), optional
        CT window, a name of ``hybridrad.imaging.preprocess.WINDOWS`` or two numbers in HU. It replaces the percentiles.
    percentiles : (float, float)
        Shown as 0 and 1 where there is no window.
    padding : {"edge", "constant"}
        Beyond the image: the nearest pixel, or 0.

    Raises
    ------
    ValueError
        Arguments out of range or contradicting each other.

    Examples
    --------
    >>> Views("largest_slice", margin_mm=10, window="lung").describe()["window"]
    'lung'
    >>> Views(relative_margin=0.25).keeps_size, Views(field_mm=60).keeps_size
    (False, True)
    """

    kind: str = "largest_slice"
    _: KW_ONLY
    margin_mm: float | None = None
    field_mm: float | None = None
    relative_margin: float | None = None
    spacing_mm: float | None = None
    window: str | tuple[float, float] | None = None
    percentiles: tuple[float, float] = (1.0, 99.0)
    padding: str = "edge"

    def __post_init__(self) -> None:
        check_choice(self.kind, KINDS, name="kind")
        check_choice(self.padding, PADDINGS, name="padding")
        given = [name for name in ("margin_mm", "field_mm", "relative_margin") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; give one.")
        if self.kind == "image" and given:
            raise ValueError(f'kind="image" shows the whole image; {given[0]} has no meaning there.')
        for name in ("margin_mm", "relative_margin"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value >= 0):
                raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
        for name in ("field_mm", "spacing_mm"):
            value = getattr(self, name)
            if value is not None:
                check_positive(value, name=name)
                if not _is_number(value):
                    raise ValueError(f"{name} must be finite, got {value!r}.")
        if self.window is not None:
            level_width = preprocess.window_level_width(self.window)
            if not isinstance(self.window, str):
                # A list from a settings file would make the object unhashable.
                object.__setattr__(self, "window", level_width)
        object.__setattr__(self, "percentiles", _checked_percentiles(self.percentiles))

    @property
    def keeps_size(self) -> bool:
        """Whether a network can tell the size of a region from its view.

        It can with a fixed field, with a margin in millimetres (a large region fills more of its crop) and from the
        whole image; only a relative margin shows all regions equally large.
        """
        return self.kind == "image" or self._relative_margin is None

    def describe(self) -> dict[str, Any]:
        """Return everything that changes the pictures, as plain values."""
        level_width = None if self.window is None else list(preprocess.window_level_width(self.window))
        return {
            "kind": self.kind,
            "margin_mm": _float_or_none(self.margin_mm),
            "field_mm": _float_or_none(self.field_mm),
            "relative_margin": _float_or_none(self._relative_margin),
            "spacing_mm": _float_or_none(self.spacing_mm),
            "window": self.window if isinstance(self.window, str) else level_width,
            "window_level_width_hu": level_width,
            "percentiles": None if self.window is not None else list(self.percentiles),
            "padding": self.padding,
            "min_side_px": MIN_SIDE_PX if self.kind == "largest_slice" else None,
            "keeps_size": self.keeps_size,
        }

    def render(self, roi: Roi) -> NDArray[np.float32]:
        """Make the pictures of one case.

        Parameters
        ----------
        roi : Roi

        Returns
        -------
        float32 ndarray of shape (n_views, channels, height, width)
            Values 0..1, height equal to width; one view, one channel for grey and three for colour.

        Raises
        ------
        ImageError
            E_NO_SPACING: millimetres are asked of an image without them; E_CONFIG: the view would be larger than
            ``MAX_SIDE_PX``.

        Examples
        --------
        >>> from hybridrad.imaging.roi import read_roi
        >>> image, mask = sitk.Image([64, 48], sitk.sitkUInt8), sitk.Image([64, 48], sitk.sitkUInt8)
        >>> mask[20:40, 10:20] = 1
        >>> Views(relative_margin=0.5).render(read_roi(image, mask)).shape
        (1, 1, 40, 40)
        """
        self._refuse_mm_without_spacing(roi)
        slice_yx, region_yx, pixel_yx_mm = viewed_slice(roi)
        lowest, highest = self._limits(slice_yx)
        shown, box, pixel_mm = self._on_square_pixels(slice_yx, bounding_box(region_yx), pixel_yx_mm, roi)
        if self.kind == "image":
            box, side = ((0, shown.shape[0] - 1), (0, shown.shape[1] - 1)), max(shown.shape[:2])
        else:
            side = self._side_px(box, pixel_mm)
        self._refuse_huge(side, roi)
        cut, beyond = cut_square(shown, box, side)
        square = preprocess.scale_between(cut, lowest, highest)
        if self.padding == "constant":
            square[beyond] = 0.0
        channels_first = square[np.newaxis] if square.ndim == 2 else np.moveaxis(square, -1, 0)
        return np.ascontiguousarray(channels_first[np.newaxis], dtype=np.float32)

    @property
    def _relative_margin(self) -> float | None:
        if self.kind == "image" or self.margin_mm is not None or self.field_mm is not None:
            return None
        return _DEFAULT_RELATIVE_MARGIN if self.relative_margin is None else self.relative_margin

    def _limits(self, slice_yx: NDArray[Any]) -> tuple[float, float]:
        if self.window is not None:
            level, width = preprocess.window_level_width(self.window)
            return level - width / 2, level + width / 2
        return preprocess.percentile_limits(slice_yx, *self.percentiles)

    def _side_px(self, box: tuple[tuple[int, int], ...], pixel_mm: float) -> int:
        longer = max(last - first + 1 for first, last in box)
        if self.field_mm is not None:
            wanted = self.field_mm / pixel_mm
        elif self.margin_mm is not None:
            wanted = longer + 2 * self.margin_mm / pixel_mm
        else:
            wanted = longer * (1 + 2 * (self._relative_margin or 0.0))
        # A half rounds up, not to even: two equal regions must not differ by the parity of their side.
        return max(MIN_SIDE_PX, math.floor(wanted + 0.5))

    def _on_square_pixels(
        self, slice_yx: NDArray[Any], box: tuple[tuple[int, int], ...], pixel_yx_mm: tuple[float, float], roi: Roi
    ) -> tuple[NDArray[Any], tuple[tuple[int, int], ...], float]:
        finest = min(pixel_yx_mm)
        is_square = max(pixel_yx_mm) <= finest * (1 + _SQUARE_PIXEL_TOLERANCE)
        target = finest if self.spacing_mm is None else float(self.spacing_mm)
        if is_square and math.isclose(target, finest, rel_tol=_SQUARE_PIXEL_TOLERANCE):
            return slice_yx, box, finest
        self._refuse_huge(max(n * mm / target for n, mm in zip(slice_yx.shape, pixel_yx_mm, strict=False)), roi)
        flat = sitk.GetImageFromArray(slice_yx.astype(np.float32), isVector=slice_yx.ndim == 3)
        flat.SetSpacing(pixel_yx_mm[::-1])
        resampled = sitk.GetArrayFromImage(preprocess.resample(flat, spacing_mm=(target, target)))
        # The box goes over by its faces, not by a resampled mask, in which a small region could vanish.
        moved = tuple(
            (
                min(math.floor(first * mm / target + 1e-6), n - 1),
                min(max(math.ceil((last + 1) * mm / target - 1e-6) - 1, 0), n - 1),
            )
            for (first, last), mm, n in zip(box, pixel_yx_mm, resampled.shape, strict=False)
        )
        return resampled, moved, target

    def _refuse_mm_without_spacing(self, roi: Roi) -> None:
        asked = [name for name in ("margin_mm", "field_mm", "spacing_mm") if getattr(self, name) is not None]
        if asked and not roi.has_spacing:
            raise ImageError(
                "E_NO_SPACING",
                case_id=roi.case_id,
                stage="views",
                message=f"{' and '.join(asked)} need millimetres and the image states none.",
                hint="Use relative_margin, or convert the image to a format with spacing.",
            )

    def _refuse_huge(self, side_px: float, roi: Roi) -> None:
        if side_px > MAX_SIDE_PX:
            raise ImageError(
                "E_CONFIG",
                case_id=roi.case_id,
                stage="views",
                message=f"a view of {side_px:.0f} pixels is asked; the limit is {MAX_SIDE_PX}.",
                hint="Check margin_mm, field_mm, relative_margin and spacing_mm.",
            )


def _checked_percentiles(percentiles: Any) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in percentiles)
    except (TypeError, ValueError) as err:
        raise ValueError(f"percentiles={percentiles!r} are not two numbers.") from err
    if not 0 <= low < high <= 100:
        raise ValueError(f"percentiles must be 0 <= low < high <= 100, got {percentiles!r}.")
    return low, high


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _float_or_none(value: float | None) -> float | None:
    return None if value is None else float(value)
