from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from hybridrad.evaluation.audit_table import AUDIT_COLUMNS, CHECKS, FAIL, PASS, Check, audit_table

DOCS = Path(__file__).resolve().parents[2] / "docs" / "audit.md"


def test_rows_stand_in_the_order_of_the_catalogue_whatever_the_order_of_the_checks():
    table = audit_table(Check(code, PASS, "fine.") for code in reversed(CHECKS))
    assert table.index.tolist() == list(CHECKS)
    assert table.columns.tolist() == AUDIT_COLUMNS
    assert table["statistic"].dtype == np.float64


def test_a_check_that_was_made_twice_is_an_error():
    with pytest.raises(ValueError, match="A_SITE was made twice"):
        audit_table([Check("A_SITE", PASS, "a."), Check("A_SITE", FAIL, "b.")])


@pytest.mark.parametrize(("code", "verdict"), [("A_NOTHING", PASS), ("A_SITE", "perhaps")])
def test_unknown_codes_and_verdicts_are_refused(code, verdict):
    with pytest.raises(ValueError, match=code if verdict == PASS else "perhaps"):
        Check(code, verdict, "text.")


def test_every_check_has_a_section_of_the_documentation():
    assert re.findall(r"^### (A_\w+)", DOCS.read_text(encoding="utf-8"), re.M) == list(CHECKS)
