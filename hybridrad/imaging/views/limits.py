"""What a view may ask of a case: millimetres, three dimensions, one channel, a size that fits into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridrad.errors import ImageError

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi
    from hybridrad.imaging.views.settings import Views

MIN_SIDE_PX = 8
"""Smallest side of a crop, so that a region of one pixel is still seen with its surroundings."""
MAX_SIDE_PX = 16384
"""Largest side of a view; a longer one is a mistaken margin or spacing."""
MAX_VIEW_PIXELS = 2**27
"""Most pixels of several views of a case together, or voxels of a volume: 0.5 GB for each channel."""

VOLUME_KINDS = ("orthogonal", "mip", "volume")
"""Kinds that show a volume along the axes of the patient, not only its stored slices."""
_3D_KINDS = ("slices", "adjacent", *VOLUME_KINDS)


def check_case(views: Views, roi: Roi) -> None:
    """Refuse a case that a view cannot be made of.

    Raises
    ------
    ImageError
        E_IMAGE_DIM: a 2D image for a kind that needs a volume; E_IMAGE_COLOUR: colour where grey is needed;
        E_NO_SPACING: millimetres of an image without them.
    """
    if views.kind in _3D_KINDS and roi.dimension != 3:
        message = f"views of kind {views.kind!r} need a 3D image, this one is 2D."
        raise _refusal("E_IMAGE_DIM", roi, message, "Use the kind largest_slice (a crop) or image.")
    if roi.is_colour and (views.mask_channel or views.kind in ("adjacent", "mip")):
        what = "mask_channel" if views.mask_channel else f"the kind {views.kind!r}"
        raise _refusal(
            "E_IMAGE_COLOUR", roi, f"{what} needs one channel, the image is coloured.", "Save the image as grey."
        )
    asked = [name for name in ("margin_mm", "field_mm", "spacing_mm") if getattr(views, name) is not None]
    asked += ["slab_margin_mm"] if views.slab_margin_mm else []
    # Through the slices a length is known from the spacing alone.
    if views.kind == "orthogonal" or (views.kind == "mip" and views.mip_axis != "z"):
        asked.append(f"views of kind {views.kind!r}")
    if asked and not roi.has_spacing:
        message = f"millimetres are needed ({', '.join(asked)}) and the image states none."
        hint = "Use relative_margin (--relative-margin), or convert the image to a format with spacing."
        raise _refusal("E_NO_SPACING", roi, message, hint)


def check_side(side_px: float, roi: Roi) -> None:
    """Refuse a view whose side exceeds ``MAX_SIDE_PX``."""
    if side_px > MAX_SIDE_PX:
        _refuse_huge(f"a view of {side_px:.0f} pixels is asked; the limit is {MAX_SIDE_PX}.", roi)


def check_total(n_pixels: float, roi: Roi) -> None:
    """Refuse more than ``MAX_VIEW_PIXELS`` pixels for one case."""
    if n_pixels > MAX_VIEW_PIXELS:
        _refuse_huge(f"views of {n_pixels:.3g} pixels in all are asked; the limit is {MAX_VIEW_PIXELS}.", roi)


def _refuse_huge(message: str, roi: Roi) -> None:
    hint = "Check margin_mm, field_mm, relative_margin, spacing_mm and n_slices."
    raise _refusal("E_CONFIG", roi, message, hint)


def _refusal(code: str, roi: Roi, message: str, hint: str) -> ImageError:
    return ImageError(code, case_id=roi.case_id, stage="views", message=message, hint=hint)
