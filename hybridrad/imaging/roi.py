"""One region of one image: read once, checked once, the same for radiomics and for the network."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from os import PathLike
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import Finding, ImageError, MaskError
from hybridrad.imaging import channels, labels, roi_checks
from hybridrad.imaging.geometry import match_geometry
from hybridrad.imaging.read import LoadedImage, check_plain_image, read_image, read_mask


@dataclass(frozen=True, eq=False)
class Roi:
    """An image and the region in it, on one grid; made by ``read_roi``.

    Nothing here is resampled, windowed or cast: ``image`` has the stored voxels in the stored pixel type.

    Parameters
    ----------
    case_id : str
    image : SimpleITK.Image
        2D or 3D; one channel, or three where the file holds real colour.
    mask : SimpleITK.Image
        UInt8, 1 inside the region, 0 elsewhere, on exactly the grid of ``image``.
    label : int
        The value of the region in the mask file.
    has_spacing : bool
        Whether the image file states millimetres.
    findings : tuple of Finding
        What was noticed while reading; at most one of a code.
    """

    case_id: str
    image: sitk.Image
    mask: sitk.Image
    label: int
    has_spacing: bool
    findings: tuple[Finding, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        # The cached arrays are made again where they are needed.
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.image.GetDimension())

    @property
    def is_colour(self) -> bool:
        """Whether the image has red, green and blue."""
        return bool(self.image.GetNumberOfComponentsPerPixel() > 1)

    @property
    def spacing_xyz_mm(self) -> tuple[float, ...]:
        """Distance of voxel centres, x first, in mm; all 1.0 where ``has_spacing`` is False."""
        return tuple(float(s) for s in self.image.GetSpacing())

    @cached_property
    def image_zyx(self) -> NDArray[Any]:
        """Read-only voxels, z first (y first in 2D), channels last where there are several."""
        return _read_only(self.image)

    @cached_property
    def mask_zyx(self) -> NDArray[np.uint8]:
        """Read-only region, z first (y first in 2D), 1 inside."""
        return _read_only(self.mask)

    @cached_property
    def n_voxels(self) -> int:
        """Number of voxels (pixels in 2D) of the region."""
        return int(np.count_nonzero(self.mask_zyx))

    @property
    def volume_ml(self) -> float:
        """Volume of a 3D region in millilitres: voxel count times voxel volume.

        Raises
        ------
        ImageError
            E_IMAGE_DIM for a 2D image, E_NO_SPACING without spacing.
        """
        if self.dimension != 3:
            raise self._error("E_IMAGE_DIM", "a 2D region has an area, no volume.", "")
        return self.n_voxels * float(np.prod(self._spacing("a volume"))) / 1000.0

    @property
    def area_mm2(self) -> float:
        """Area of a 2D region in square millimetres.

        Raises
        ------
        ImageError
            E_IMAGE_DIM for a 3D image, E_NO_SPACING without spacing.
        """
        if self.dimension != 2:
            raise self._error("E_IMAGE_DIM", "a 3D region has a volume, no area.", "")
        return self.n_voxels * float(np.prod(self._spacing("an area in mm2")))

    @property
    def area_px(self) -> float:
        """Area of a 2D region in pixels.

        Raises
        ------
        ImageError
            E_IMAGE_DIM for a 3D image.
        """
        if self.dimension != 2:
            raise self._error("E_IMAGE_DIM", "a 3D region has a volume, no area.", "")
        return float(self.n_voxels)

    def size_features(self) -> dict[str, float]:
        """Return the size of the region as a feature: volume in 3D, area in 2D (in pixels without spacing).

        Raises
        ------
        ImageError
            E_NO_SPACING for a 3D image without spacing.

        Examples
        --------
        >>> mask = sitk.GetImageFromArray(np.ones((10, 10, 10), np.uint8))
        >>> read_roi(sitk.Cast(mask, sitk.sitkInt16), mask).size_features()
        {'size__volume_ml': 1.0}
        """
        if self.dimension == 3:
            return {"size__volume_ml": self.volume_ml}
        if self.has_spacing:
            return {"size__area_mm2": self.area_mm2}
        return {"size__area_px": self.area_px}

    def grey(self, *, channel: int | Literal["luminance"] | None = None) -> sitk.Image:
        """Return the image with one channel.

        Parameters
        ----------
        channel : int or "luminance", optional
            Of a colour image: 0 red, 1 green, 2 blue (stored pixel type), or ``"luminance"``: 0.299 red + 0.587 green
            + 0.114 blue (ITU-R BT.601), not rounded, as 32-bit float. A grey image is returned as it is, whatever is
            asked.

        Raises
        ------
        ImageError
            E_IMAGE_COLOUR: the image is coloured and no channel is named.
        ValueError
            An unknown channel.

        References
        ----------
        Recommendation ITU-R BT.601-7 (2011), section 2.5.1.
        """
        if channel not in (None, 0, 1, 2, "luminance") or isinstance(channel, bool):
            raise ValueError(f"channel={channel!r} is not one of 0, 1, 2, 'luminance'.")
        if not self.is_colour:
            return self.image
        if channel is None:
            raise self._error("E_IMAGE_COLOUR", "the image is coloured.", "Name a channel (0, 1, 2) or luminance.")
        if channel != "luminance":
            return sitk.VectorIndexSelectionCast(self.image, int(channel))
        grey = sitk.GetImageFromArray(channels.luminance(self.image_zyx).astype(np.float32))
        grey.CopyInformation(self.image)
        return grey

    def _spacing(self, what: str) -> tuple[float, ...]:
        if not self.has_spacing:
            raise self._error(
                "E_NO_SPACING", f"{what} needs a spacing and the file states none.", "Write the spacing into the file."
            )
        return self.spacing_xyz_mm

    def _error(self, code: str, message: str, hint: str) -> ImageError:
        return ImageError(code, case_id=self.case_id, stage="read", message=message, hint=hint)


def read_roi(
    image: str | PathLike[str] | sitk.Image | LoadedImage,
    mask: str | PathLike[str] | sitk.Image,
    *,
    case_id: str = "case",
    mask_label: int | None = None,
) -> Roi:
    """Read one region of one image and check it.

    Parameters
    ----------
    image, mask : path-like or SimpleITK.Image
        2D or 3D. An image in memory counts as having a spacing, since it cannot tell otherwise. The image may also be
        what ``read_image`` returned: several regions of one image then share its reading.
    case_id : str
        Named in errors and findings.
    mask_label : int, optional
        Value of the region in the mask. Without it: the only non-zero value, or 1 of several.

    Returns
    -------
    Roi
        Its findings name what is unusual but usable: a small region, one at the border, several components, a thin
        axis, no spacing, values that are not finite outside the region.

    Raises
    ------
    ImageError, GeometryError, MaskError
        The case cannot be used; the code says why (``hybridrad.errors.CATALOGUE``).

    Examples
    --------
    >>> image = sitk.Image([12, 12, 12], sitk.sitkInt16)
    >>> mask = sitk.Image([12, 12, 12], sitk.sitkUInt8)
    >>> mask[4:8, 4:8, 4:8] = 255
    >>> roi = read_roi(image, mask, case_id="007")
    >>> roi.label, roi.n_voxels, [f.code for f in roi.findings]
    (255, 64, ['N_MASK_VALUE'])
    """
    loaded = _load_image(image, case_id)
    drawn = _load_mask(mask, case_id)
    on_grid, snapped = match_geometry(loaded.image, drawn.image, case_id=case_id)
    values = sitk.GetArrayViewFromImage(on_grid)
    counts = labels.label_counts(values, case_id=case_id)
    label, chosen = labels.choose_label(counts, mask_label=mask_label, case_id=case_id)
    region = sitk.GetImageFromArray((values == label).astype(np.uint8))
    region.CopyInformation(loaded.image)
    noticed = roi_checks.check_region(loaded.image, region, case_id=case_id)
    findings = _one_of_each((*loaded.findings, *drawn.findings, *snapped, *chosen, *noticed))
    return Roi(case_id, loaded.image, region, label, loaded.has_spacing, findings)


def _read_only(image: sitk.Image) -> NDArray[Any]:
    # A copy: SimpleITK's own views do not keep the image alive, and would show freed memory once the region is gone.
    array = sitk.GetArrayFromImage(image)
    array.setflags(write=False)
    return array


def _load_image(image: str | PathLike[str] | sitk.Image | LoadedImage, case_id: str) -> LoadedImage:
    if isinstance(image, LoadedImage):
        return replace(image, findings=tuple(replace(f, case_id=case_id) for f in image.findings))
    if not isinstance(image, sitk.Image):
        return read_image(image, case_id=case_id)
    check_plain_image(image, what="the image", case_id=case_id)
    plain, findings = channels.single_channel_if_grey(image, what="the image", case_id=case_id)
    return LoadedImage(plain, True, findings)


def _load_mask(mask: str | PathLike[str] | sitk.Image, case_id: str) -> LoadedImage:
    if not isinstance(mask, sitk.Image):
        return read_mask(mask, case_id=case_id)
    check_plain_image(mask, what="the mask", case_id=case_id)
    if mask.GetNumberOfComponentsPerPixel() > 1:
        raise MaskError(
            "E_MASK_VECTOR",
            case_id=case_id,
            stage="mask",
            message=f"the mask has {mask.GetNumberOfComponentsPerPixel()} channels; a mask has one.",
            hint="Take the channel of the wanted segment.",
        )
    return LoadedImage(mask, True)


def _one_of_each(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    # The findings table is keyed by case and code.
    merged: dict[str, Finding] = {}
    for finding in findings:
        earlier = merged.get(finding.code)
        if earlier is not None and finding.message not in earlier.message:
            finding = Finding(
                finding.case_id,
                finding.code,
                stage=earlier.stage,
                message=f"{earlier.message} {finding.message}",
                hint=earlier.hint or finding.hint,
            )
        merged[finding.code] = finding
    return tuple(merged.values())
