"""PyRadiomics' exceptions and silences, told as errors of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hybridrad.errors import FeatureError

STAGE = "radiomics"
N_SHOWN = 5

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


def features_missing(
    found: Mapping[str, float], promised: Sequence[str], *, heard: Sequence[str], case_id: str
) -> FeatureError:
    """Return the error for a row that lacks promised features or has some that are not finite.

    A feature that PyRadiomics could not compute comes back as NaN. It is an error here, because a NaN in a table would
    be filled in later as if the region had been measured.

    Parameters
    ----------
    found : mapping
        Feature -> value.
    promised : sequence of str
    heard : sequence of str
        What PyRadiomics logged.
    case_id : str
    """
    missing = [name for name in promised if name not in found]
    broken = [name for name in promised if name in found and not np.isfinite(found[name])]
    extra = [name for name in found if name not in promised]
    told = [
        f"{len(names)} of {len(promised)} promised features {what}: {shortened(names)}"
        for names, what in ((missing, "are missing"), (broken, "are not finite"))
        if names
    ]
    if extra:
        told.append(f"{len(extra)} features came that nobody promised: {shortened(extra)}")
    reasons = list(dict.fromkeys(heard))
    said = f" PyRadiomics said: {' '.join(reasons[:N_SHOWN])}" if reasons else ""
    return FeatureError(
        "E_FEATURES_MISSING",
        case_id=case_id,
        stage=STAGE,
        message=f"{'; '.join(told)}.{said}",
        hint="The region may be too small or too scattered for these features; leave them out or leave the case out.",
        details={"missing": missing, "not_finite": broken, "extra": extra},
    )


def shortened(names: Sequence[str]) -> str:
    """Return a list of names, cut after the first few.

    Examples
    --------
    >>> shortened(["a", "b"])
    'a, b'
    """
    rest = len(names) - N_SHOWN
    return ", ".join(names[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
