"""The table of an audit: one row per check, with its verdict and the reason."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Verdict = Literal["pass", "fail", "cannot be judged"]
PASS: Verdict = "pass"
FAIL: Verdict = "fail"
UNJUDGED: Verdict = "cannot be judged"

AUDIT_COLUMNS = ["verdict", "statistic", "p_value", "message", "hint"]

# Code -> what is asked, in the order in which checks are listed.
CHECKS: dict[str, str] = {
    "A_PATIENT_FOLDS": "Is a patient in the training and in the test part of a fold?",
    "A_SAME_IMAGE": "Do several patients have the same image file, byte by byte?",
    "A_NEAR_DUPLICATE": "Do rows of different patients lie far closer together than their neighbours?",
    "A_TARGET_COLUMN": "Does one column alone tell the label (AUC above 0.99)?",
    "A_POISONED_TEST": "Does changing test rows change anything that is fitted?",
    "A_NULL_LABELS": "Does the score stay at chance when labels are permuted between patients?",
    "A_NULL_FEATURES": "Does the score stay at chance when every column is noise?",
    "A_NULL_PATIENTS": "Does the score stay at chance when only the patient's identity can be learned?",
    "A_NULL_SITES": "Does harmonisation between sites stay at chance when labels are permuted?",
    "A_LABEL_PERMUTATION": "Does the score exceed those of the whole procedure on permuted labels?",
    "A_SIZE_ONLY": "Does the score exceed that of the size of the region alone?",
    "A_SHUFFLED_VOXELS": "Does the score exceed that after shuffling the voxels of each region?",
    "A_BACKGROUND_ONLY": "Does the score exceed that after erasing each region?",
    "A_SITE": "Do the features know the site, and does the site know the label?",
}


@dataclass(frozen=True)
class Check:
    """What one check found; a row of the audit table.

    Examples
    --------
    >>> Check("A_SITE", UNJUDGED, "there is no column site.").verdict
    'cannot be judged'
    """

    code: str
    verdict: Verdict
    message: str
    hint: str = ""
    statistic: float = math.nan
    p_value: float = math.nan

    def __post_init__(self) -> None:
        if self.code not in CHECKS:
            raise ValueError(f"unknown check {self.code!r}; the catalogue is hybridrad.evaluation.audit_table.CHECKS.")
        if self.verdict not in (PASS, FAIL, UNJUDGED):
            raise ValueError(f"verdict={self.verdict!r} is not one of {PASS}, {FAIL}, {UNJUDGED}.")


def audit_table(checks: Iterable[Check]) -> pd.DataFrame:
    """Return checks as a table in the order of the catalogue.

    Returns
    -------
    DataFrame
        Index ``code``; columns ``verdict, statistic, p_value, message, hint``.

    Examples
    --------
    >>> audit_table([Check("A_SITE", PASS, "no."), Check("A_SAME_IMAGE", FAIL, "two.")])["verdict"].to_dict()
    {'A_SAME_IMAGE': 'fail', 'A_SITE': 'pass'}
    """
    order = list(CHECKS)
    rows = [(c.code, c.verdict, c.statistic, c.p_value, c.message, c.hint) for c in checks]
    rows.sort(key=lambda row: order.index(row[0]))
    table = pd.DataFrame(rows, columns=["code", *AUDIT_COLUMNS]).set_index("code")
    if not table.index.is_unique:
        raise ValueError(f"check {table.index[table.index.duplicated()][0]} was made twice.")
    return table.astype({"statistic": float, "p_value": float})
