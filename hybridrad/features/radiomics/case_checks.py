"""What every engine refuses and notices on the way through one case, in the same words and with the same codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import FeatureError, Finding
from hybridrad.features.radiomics.grey_levels import (
    FEW_LEVELS,
    MANY_LEVELS,
    MAX_LEVELS,
    count_grey_levels,
    suggest_bin_width,
)
from hybridrad.imaging.preprocess import pad_thin_axes

STAGE = "radiomics"
MIN_AXIS = 4
"""ITK's B-spline interpolation needs this many voxels along an axis."""


class CaseChecks:
    """Looks at one case between the steps of an engine and keeps what it notices.

    Parameters
    ----------
    case_id : str

    Attributes
    ----------
    findings : list of Finding
        Grows while the engine works.

    Examples
    --------
    >>> checks = CaseChecks("007")
    >>> checks.check_intensities(np.full(8, 3.0), "original", bin_width=1.0, bin_count=None, whole=np.arange(9.0))
    >>> [finding.code for finding in checks.findings]
    ['W_FLAT_ROI']
    """

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        self.findings: list[Finding] = []

    def refuse_constant(self, image: sitk.Image) -> None:
        """Raise ``FeatureError`` for an image that cannot be normalised because nothing in it varies."""
        values = sitk.GetArrayViewFromImage(image)
        if values.min() == values.max():
            raise self.error(
                "E_RADIOMICS",
                f"normalize divides by the standard deviation, and all intensities of the image are {values.min():g}.",
            )

    def pad_for_bspline(self, image: sitk.Image, mask: sitk.Image) -> sitk.Image:
        """Return the image with thin axes edge-padded, and note it; the mask only says where it lies.

        Only the image is padded: PyRadiomics lays its grid by the mask, so the grid and the region stay where they
        would be, and the padding is seen by the interpolation alone.
        """
        image, _, padded = pad_thin_axes(image, mask, minimum=MIN_AXIS)
        if padded:
            self.note(
                "W_THIN_AXIS",
                f"the image has {' x '.join(map(str, mask.GetSize()))} voxels; an axis of fewer than {MIN_AXIS} was "
                "edge-padded for B-spline resampling.",
            )
        return image

    def refuse_lost_region(self, before: sitk.Image, after: sitk.Image) -> None:
        """Raise ``FeatureError`` if nothing is left of a region after its mask was resampled."""
        if np.any(sitk.GetArrayViewFromImage(after) == 1):
            return
        n_before = int(np.count_nonzero(sitk.GetArrayViewFromImage(before) == 1))
        raise self.error(
            "E_ROI_LOST_IN_RESAMPLING",
            f"the region has {n_before} voxels of {_numbers(before.GetSpacing())} and none after resampling to "
            f"{_numbers(after.GetSpacing())}.",
            "Use a finer spacing.",
        )

    def check_intensities(
        self, values: NDArray[Any], name: str, *, bin_width: float, bin_count: int | None, whole: NDArray[Any]
    ) -> None:
        """Look at the intensities of a region that are about to be binned.

        Parameters
        ----------
        values : ndarray
            Intensities in the region.
        name : str
            Of the image they come from; few or many grey levels are noted for ``original`` only.
        bin_width : float
        bin_count : int or None
        whole : ndarray
            The image the region lies in, before any filter.

        Raises
        ------
        FeatureError
            Intensities are not finite, the grey levels are too many, or the width does not fit the image at all.
        """
        if n_bad := int(np.count_nonzero(~np.isfinite(values))):
            raise self.error(
                "E_NONFINITE_IN_ROI",
                f"{n_bad} of {values.size} voxels of the region are not finite in the image {name!r}.",
                "Look for NaN, infinite or all-zero intensities in the file.",
            )
        levels = count_grey_levels(values, bin_width=bin_width, bin_count=bin_count)
        how = f"{levels} grey levels in the image {name!r}: intensities {values.min():g} to {values.max():g}" + (
            f", bin width {bin_width:g}" if bin_count is None else ""
        )
        hint = f"A bin width of {suggest_bin_width(values)} would give about 32."
        if levels > MAX_LEVELS:
            raise self.error(
                "E_TOO_MANY_BINS",
                f"{how}; the limit is {MAX_LEVELS}.",
                hint if bin_count is None else "Use fewer bins.",
                details={"image": name, "grey_levels": levels},
            )
        # Bin widths are chosen for the original image; filtered ones have ranges of their own.
        if name != "original":
            return
        if values.min() == values.max():
            self.note("W_FLAT_ROI", f"all intensities are {values.min():g}; texture features hold fill values.")
        elif bin_count is None and levels < FEW_LEVELS:
            # A homogeneous region in an ordinary image is a finding (dropping such cases would bias a cohort); an image
            # that fits into a few levels as a whole, e.g. one scaled to 0..1, has a width that is wrong for the cohort.
            if levels == 1 and count_grey_levels(whole[np.isfinite(whole)], bin_width=bin_width) < FEW_LEVELS:
                raise self.error(
                    "E_ONE_BIN",
                    f"the bin width does not fit this image: {how}, and the whole image has fewer than {FEW_LEVELS}.",
                    hint,
                )
            self.note("W_BINS_FEW", f"only {how}.", hint)
        elif bin_count is None and levels > MANY_LEVELS:
            self.note("W_BINS_MANY", f"{how}.", hint)

    def error(self, code: str, message: str, hint: str = "", *, details: dict[str, Any] | None = None) -> FeatureError:
        """Return an error of this case."""
        return FeatureError(code, case_id=self.case_id, stage=STAGE, message=message, hint=hint, details=details or {})

    def note(self, code: str, message: str, hint: str = "") -> None:
        """Keep a finding."""
        self.findings.append(Finding(self.case_id, code, stage=STAGE, message=message, hint=hint))


def interpolates(image: sitk.Image, mask: sitk.Image, spacing: Sequence[float]) -> bool:
    """Return whether PyRadiomics would interpolate the image, or only crop it because it has that spacing already.

    Parameters
    ----------
    image, mask : SimpleITK.Image
        On the same grid; the region is 1.
    spacing : sequence of float
        x first, in mm; 0 keeps an axis, and so does a region of one voxel along it.
    """
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(mask)
    extent = np.array(statistics.GetBoundingBox(1))[mask.GetDimension() :]
    present, wanted = np.array(mask.GetSpacing()), np.array(spacing, dtype=float)
    target = np.where((wanted == 0) | (extent == 1), present, wanted)
    return not np.allclose(image.GetSpacing(), target)


def _numbers(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" for value in values)
