"""PyRadiomics' exceptions, told as errors of a case."""

from __future__ import annotations

from hybridrad.errors import FeatureError

STAGE = "radiomics"

# Part of PyRadiomics' message -> code, and what to do.
_KNOWN = (
    ("only contains 1 segmented voxel", "E_ROI_TOO_SMALL", "Leave the case out or redraw it."),
    ("too few dimensions", "E_ROI_TOO_SMALL", "Redraw the region, or lower minimumROIDimensions."),
    ("Size of the ROI is too small", "E_ROI_TOO_SMALL", "Redraw the region, or lower minimumROISize."),
    ("Resegmentation excluded too many", "E_ROI_TOO_SMALL", "Widen resegmentRange."),
    ("larger than image space", "E_ROI_OUTSIDE", "Check image and mask against each other."),
    ("not present in mask", "E_ROI_LOST_IN_RESAMPLING", "Use a finer spacing."),
    ("Maximum allowed size exceeded", "E_INTENSITY_RANGE", "Look for fill values or overflow in the image."),
    (
        "cannot compute 2D shape",
        "E_CONFIG",
        "shape2D with force2D is for regions of a single slice; leave shape2D out for the others.",
    ),
)


def in_our_words(err: Exception, *, case_id: str) -> FeatureError:
    """Return the error of a case that stands for an exception of PyRadiomics.

    Examples
    --------
    >>> in_our_words(ValueError("mask has too few dimensions (1, 2)"), case_id="007").code
    'E_ROI_TOO_SMALL'
    """
    said = " ".join(str(err).split())
    for part, code, hint in _KNOWN:
        if part in said:
            return FeatureError(code, case_id=case_id, stage=STAGE, message=f"PyRadiomics: {said}.", hint=hint)
    message = f"PyRadiomics failed with {type(err).__name__}: {said}"
    return FeatureError("E_RADIOMICS", case_id=case_id, stage=STAGE, message=message)
