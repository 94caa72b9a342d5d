"""What can go wrong with a case or a run, with a code, what came, what was wanted and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Code:
    """An entry of the catalogue: how grave a code is and what it means."""

    severity: Severity
    meaning: str


CATALOGUE: dict[str, Code] = {
    # files
    "E_FILE_MISSING": Code("error", "A file named in the cohort table does not exist."),
    "E_FILE_UNREADABLE": Code("error", "A file exists but cannot be opened or is not what its name says."),
    "E_PATH_OUTSIDE_ROOT": Code("error", "A path leads outside the folder of the cohort table."),
    "E_IMAGE_TRUNCATED": Code("error", "A file holds fewer bytes than its header promises."),
    "E_AMBIGUOUS_PAIR": Code("error", "x.nii and x.nii.gz lie side by side; readers take one for the other."),
    "E_NIFTI_QS_CONFLICT": Code("error", "The two geometries of a NIfTI header (qform, sform) contradict each other."),
    "E_IMAGE_DIM": Code("error", "The image is not one plain 2D or 3D image (4D, complex, several channels)."),
    "E_IMAGE_COLOUR": Code("error", "A colour image reached a step that needs one channel."),
    "E_IMAGE_TOO_LARGE": Code("error", "The header promises more voxels than the limit."),
    "E_NONFINITE_IN_ROI": Code("error", "NaN or infinite intensities inside the region."),
    "E_INTENSITY_RANGE": Code("error", "Intensities inside the region are too large to be binned."),
    # geometry and mask
    "E_GEOMETRY": Code("error", "Image and mask do not lie on the same grid."),
    "E_ORIENTATION": Code("error", "The direction matrix is not orthonormal."),
    "E_ROI_OUTSIDE": Code("error", "The region lies outside the image."),
    "E_MASK_EMPTY": Code("error", "The mask holds no non-zero voxel."),
    "E_MASK_LABEL_ABSENT": Code("error", "The wanted label is not in the mask, or several are and none was chosen."),
    "E_MASK_NOT_LABELS": Code("error", "The mask holds intensities or probabilities, not labels."),
    "E_MASK_VECTOR": Code("error", "The mask has several channels and none was chosen."),
    "E_NO_SPACING": Code("error", "A length in millimetres was asked of a file that has no spacing."),
    "E_ROI_LOST_IN_RESAMPLING": Code("error", "The region vanishes when it is resampled."),
    "E_ROI_TOO_SMALL": Code("error", "The region has fewer voxels or dimensions than the features need."),
    # features
    "E_CONFIG": Code("error", "A setting is unknown, out of range or contradicts another."),
    "E_ONE_BIN": Code("error", "The bin width is wider than the intensities: everything falls into one grey level."),
    "E_TOO_MANY_BINS": Code("error", "The bin width gives more grey levels than the limit."),
    "E_FEATURES_MISSING": Code("error", "The engine did not give every promised feature."),
    "E_RADIOMICS": Code("error", "The radiomics engine failed."),
    "E_EMBEDDING": Code("error", "The network failed or gave values that are not finite."),
    "E_WEIGHTS": Code("error", "The weights of the network cannot be had or do not fit."),
    "E_MISSING_DEPENDENCY": Code("error", "An optional package is needed and not installed."),
    # running
    "E_TIMEOUT": Code("error", "The case took longer than the limit and was stopped."),
    "E_CRASH": Code("error", "The worker process died (signal or exit code in the message)."),
    "E_MEMORY": Code("error", "The case needed more memory than the limit."),
    "E_UNEXPECTED": Code("error", "An error nobody foresaw; the message names its type and place."),
    "E_COHORT_DIM_MIX": Code("error", "2D and 3D cases in one table: their feature names differ."),
    # the cohort table
    "E_DUPLICATE_ID": Code("error", "The same case_id stands in two rows."),
    "E_ONE_CLASS": Code("error", "Only one class of the label is present."),
    "E_FEW_PATIENTS": Code("error", "Fewer patients of a class, or with an event, than cross-validation needs."),
    "E_LABEL_MISSING": Code("error", "A case has no label."),
    "E_OUTCOME": Code("error", "The time, the event or the value of a case is missing or cannot be used."),
    "E_UNSEEN_SITE": Code("error", "A case comes from a site that harmonisation did not see in training."),
    "E_PATIENT_MISSING": Code("error", "A case has no patient_id, so splits by patient are impossible."),
    # warnings
    "W_ID_ALIKE": Code("warning", "Ids differ only in case, white space, leading zeros or unicode form."),
    "W_LABEL_ALIKE": Code("warning", "Labels differ only in case, white space, leading zeros or unicode form."),
    "W_IMAGE_SHARED": Code("warning", "Several patients share an image file: splits by patient would leak."),
    "W_COLUMN_CONSTANT": Code("warning", "A column holds the same value for every case."),
    "W_COLUMN_TWIN": Code("warning", "A column repeats another one exactly."),
    "W_POSSIBLE_LEAK": Code("warning", "A column tells the label almost alone; it may be derived from it."),
    "W_ROI_SMALL": Code("warning", "Fewer than 64 voxels: texture is hardly defined."),
    "W_ROI_AT_BORDER": Code("warning", "The region touches the border of the image; filters see padding."),
    "W_THIN_AXIS": Code(
        "warning", "The image has fewer than 4 voxels along an axis; it is edge-padded before B-spline resampling."
    ),
    "W_NO_SPACING": Code("warning", "The file has no pixel spacing; sizes are in pixels."),
    "W_MULTI_COMPONENT": Code("warning", "The region has several components; all are used."),
    "W_NONFINITE_OUTSIDE": Code("warning", "NaN or infinite intensities outside the region; filters near it may fail."),
    "W_BINS_FEW": Code("warning", "Very few grey levels: the bin width is too wide for these intensities."),
    "W_BINS_MANY": Code("warning", "Very many grey levels: the bin width is too narrow for these intensities."),
    "W_FLAT_ROI": Code("warning", "All intensities in the region are equal; texture holds fill values."),
    "W_CONSTANT_EMBEDDING": Code("warning", "The view is constant; the embedding says nothing."),
    "W_TRAINED_ON": Code("warning", "The weights were trained on this very image: its results are no evidence."),
    "E_ARM_FAILED": Code("error", "An arm could not be fitted or asked in a fold; it is not scored."),
    "W_FIT_WARNING": Code("warning", "An arm's code warned while it was fitted."),
    "W_LABELS_SEEN": Code("warning", "A step before a model saw the labels by which its inner choices were made."),
    # notes
    "N_FIT_DEPARTURE": Code("note", "A fitted model departed from its plain procedure; the message says how."),
    "N_MASK_VALUE": Code("note", "The mask has one non-zero value other than 1; it is used."),
    "N_GEOMETRY_SNAPPED": Code(
        "note", "Image and mask differ by less than a thousandth of a voxel; the image's grid is used."
    ),
    "N_GREY_FROM_COLOUR": Code("note", "Three channels equal up to compression are read as grey."),
    "N_PATIENT_TWO_LABELS": Code("note", "Cases of one patient carry different labels; patient scoring is impossible."),
    "N_ID_STRIPPED": Code("note", "White space around ids was removed."),
    "N_VALUE_MISSING": Code("note", "Cells of a table for the models are empty; they are imputed in the fold."),
    "N_PATIENT_ASSUMED": Code("note", "No patient_id column: every case is taken as a patient of its own."),
    "N_COLUMNS_NAMED": Code("note", "Feature columns without a block are taken as one."),
    "N_COLUMN_LEFT_OUT": Code("note", "Columns of a feature table are no features and are left out."),
    "N_SIZE_DERIVED": Code("note", "The block size is taken from a volume or an area among the shape features."),
    "N_SINGLE_SLICE": Code("note", "The region of a 3D image lies in a single slice."),
    "N_FILTER_WHOLE_IMAGE": Code(
        "note", "A filter uses scalars of the whole image: features depend on the field of view."
    ),
}


class HybridradError(Exception):
    """Root of the library's own errors."""


class RunError(HybridradError):
    """The run or the call as a whole cannot go on."""

    def __init__(self, message: str, *, code: str = "E_CONFIG", hint: str = "") -> None:
        if code not in CATALOGUE:
            raise ValueError(f"unknown error code {code!r}; the catalogue is hybridrad.errors.CATALOGUE.")
        super().__init__(message, code, hint)
        self.message, self.code, self.hint = message, code, hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_run_error, (type(self), self.message, self.code, self.hint)


class MissingDependencyError(RunError, ImportError):
    """An optional package is needed and not installed."""


class CaseError(HybridradError):
    """One case failed; the cohort goes on and the failure becomes a row.

    Parameters
    ----------
    code : str
        A key of ``CATALOGUE``.
    case_id : str
    stage : str
        Where it happened: ``cohort``, ``read``, ``geometry``, ``mask``, ``views``, a block's name, or ``run``.
    message : str
        What came and what was wanted.
    hint : str, optional
        What to do.
    details : dict, optional
        Plain values (numbers, strings, lists) behind the message.

    Examples
    --------
    >>> err = CaseError("E_MASK_EMPTY", case_id="007", stage="mask", message="mask.nii.gz is zero everywhere.")
    >>> str(err)
    '007: E_MASK_EMPTY: mask.nii.gz is zero everywhere.'
    """

    def __init__(
        self,
        code: str,
        *,
        case_id: str,
        stage: str,
        message: str,
        hint: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        if code not in CATALOGUE:
            raise ValueError(f"unknown error code {code!r}; the catalogue is hybridrad.errors.CATALOGUE.")
        super().__init__(code, case_id, stage, message, hint)
        self.code, self.case_id, self.stage = code, case_id, stage
        self.message, self.hint, self.details = message, hint, dict(details or {})

    def __str__(self) -> str:
        return f"{self.case_id}: {self.code}: {self.message} {self.hint}".strip()

    def as_finding(self) -> Finding:
        """Return the error as a row of the findings table."""
        return Finding(self.case_id, self.code, self.stage, self.message, self.hint)

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments do not survive the default pickling, and errors cross process borders here.
        state = {name: getattr(self, name) for name in ("case_id", "stage", "message", "hint", "details")}
        return _rebuild_case_error, (type(self), self.code, state)


class ImageError(CaseError):
    """The image file cannot be used."""


class GeometryError(CaseError):
    """Image and mask do not fit each other."""


class MaskError(CaseError):
    """The mask or its label cannot be used."""


class FeatureError(CaseError):
    """Features of a case cannot be computed as promised."""


class WeightsError(RunError):
    """Weights of a network cannot be had or do not fit the architecture."""

    def __init__(self, message: str, *, code: str = "E_WEIGHTS", hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)


@dataclass(frozen=True)
class Finding:
    """Something noticed about a case or a cohort; a row of the findings table.

    Examples
    --------
    >>> Finding("007", "W_ROI_SMALL", stage="mask", message="12 voxels.").severity
    'warning'
    """

    case_id: str
    code: str
    stage: str
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise ValueError(f"unknown finding code {self.code!r}; the catalogue is hybridrad.errors.CATALOGUE.")

    @property
    def severity(self) -> Severity:
        """How grave the code is, from the catalogue."""
        return CATALOGUE[self.code].severity

    def as_row(self) -> dict[str, str]:
        """Return the finding as a row of the findings table."""
        return {
            "case_id": self.case_id,
            "code": self.code,
            "severity": self.severity,
            "stage": self.stage,
            "message": self.message,
            "hint": self.hint,
        }


def _rebuild_case_error(cls: type[CaseError], code: str, state: dict[str, Any]) -> CaseError:
    return cls(code, **state)


def _rebuild_run_error(cls: type[RunError], message: str, code: str, hint: str) -> RunError:
    return cls(message, code=code, hint=hint)
