"""Which value of a mask is the region, and whether its values are labels at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import Finding, MaskError

MAX_LABELS = 1000
"""More different values than this are intensities, not labels."""

_SOFT_EDGE_VALUES = 8


def label_counts(values: NDArray[np.generic], *, case_id: str) -> dict[int, int]:
    """Return the non-zero labels of a mask with their voxel counts, by label.

    Parameters
    ----------
    values : ndarray
        The mask, any shape; integers, or floats that are whole numbers.
    case_id : str

    Raises
    ------
    MaskError
        E_MASK_EMPTY: no non-zero voxel; E_MASK_NOT_LABELS: fractions, NaN, negative values, or more than ``MAX_LABELS``
        different values.

    Examples
    --------
    >>> label_counts(np.array([[0, 2, 2], [7, 0, 0]]), case_id="007")
    {2: 2, 7: 1}
    """
    non_zero = values[values != 0]
    if non_zero.size == 0:
        raise MaskError(
            "E_MASK_EMPTY",
            case_id=case_id,
            stage="mask",
            message="the mask is zero everywhere.",
            hint="Draw the region, or leave the case out.",
        )
    labels, counts = np.unique(non_zero, return_counts=True)
    if not np.issubdtype(labels.dtype, np.integer) and not (np.isfinite(labels) & (labels == np.rint(labels))).all():
        raise _not_labels(
            labels,
            case_id,
            "which are not whole numbers",
            "A probability map or a rescaled mask? Threshold it (for instance at 0.5) and save whole numbers.",
        )
    if labels[0] < 0:
        raise _not_labels(labels, case_id, "some below zero", "Was the image given as its own mask?")
    if len(labels) > MAX_LABELS:
        raise _not_labels(
            labels,
            case_id,
            "more than labels can be",
            "Is it an intensity image (brain extraction writes such ones)? Threshold it and save whole numbers.",
        )
    return {int(label): int(n) for label, n in zip(labels, counts, strict=True)}


def choose_label(counts: dict[int, int], *, mask_label: int | None, case_id: str) -> tuple[int, tuple[Finding, ...]]:
    """Return the value that marks the region, by the rule of the cohort table.

    A given ``mask_label`` must be there. Without one, a mask with exactly one non-zero value uses it (a note where it
    is not 1); of several values 1 is taken; else the choice is left to the user.

    Parameters
    ----------
    counts : dict
        Voxel counts by non-zero label.
    mask_label : int or None
    case_id : str

    Raises
    ------
    MaskError
        E_MASK_LABEL_ABSENT with the labels and their counts; E_MASK_NOT_LABELS where most of the region has the value
        255 and its edge many values below, as an antialiased drawing has.

    Examples
    --------
    >>> choose_label({255: 40}, mask_label=None, case_id="007")[0]
    255
    >>> choose_label({1: 12, 2: 40}, mask_label=None, case_id="007")
    (1, ())
    """
    if mask_label is not None:
        if mask_label not in counts:
            raise _absent(f"label {mask_label} is not in the mask", counts, case_id)
        return int(mask_label), ()
    if len(counts) == 1:
        label = next(iter(counts))
        if label == 1:
            return 1, ()
        note = Finding(case_id, "N_MASK_VALUE", stage="mask", message=f"the region has the value {label} in the mask.")
        return label, (note,)
    largest = max(counts)
    if largest == 255 and len(counts) > _SOFT_EDGE_VALUES and 2 * counts[largest] > sum(counts.values()):
        raise _not_labels(
            np.array(sorted(counts)),
            case_id,
            "most of them 255 and the rest below, as in a drawing with soft edges",
            "Save the mask without antialiasing or compression, or give mask_label=255 to use its full voxels alone.",
        )
    if 1 in counts:
        return 1, ()
    raise _absent("the mask has several labels, 1 is none of them and mask_label is not given", counts, case_id)


def _absent(what: str, counts: dict[int, int], case_id: str) -> MaskError:
    shown = ", ".join(f"{label} ({n} voxels)" for label, n in sorted(counts.items())[:20])
    more = f" and {len(counts) - 20} more" if len(counts) > 20 else ""
    return MaskError(
        "E_MASK_LABEL_ABSENT",
        case_id=case_id,
        stage="mask",
        message=f"{what}; it holds {shown}{more}.",
        hint="Set mask_label to one of them.",
        details={"labels": dict(sorted(counts.items()))},
    )


def _not_labels(labels: NDArray[np.generic], case_id: str, why: str, hint: str) -> MaskError:
    return MaskError(
        "E_MASK_NOT_LABELS",
        case_id=case_id,
        stage="mask",
        message=f"the mask holds {len(labels)} non-zero values from {labels.min():g} to {labels.max():g}, {why}.",
        hint=hint,
        details={"n_values": len(labels), "min": float(labels.min()), "max": float(labels.max())},
    )
