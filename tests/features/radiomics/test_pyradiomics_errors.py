from __future__ import annotations

import math

import pytest

from hybridrad.features.radiomics.pyradiomics_errors import features_missing, in_our_words


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("mask only contains 1 segmented voxel! Cannot extract features for a single voxel.", "E_ROI_TOO_SMALL"),
        ("Bounding box of ROI is larger than image space:\n\tROI bounds", "E_ROI_OUTSIDE"),
        ("Label (1) not present in mask", "E_ROI_LOST_IN_RESAMPLING"),
        ("Maximum allowed size exceeded", "E_INTENSITY_RANGE"),
        ("something new", "E_RADIOMICS"),
    ],
)
def test_known_messages_get_their_code(said, code):
    err = in_our_words(ValueError(said), case_id="007")
    assert (err.code, err.case_id, err.stage) == (code, "007", "radiomics")
    assert said.split("\n")[0].rstrip(".") in err.message


def test_a_long_list_of_missing_features_is_shortened_and_the_log_gives_the_reason():
    promised = [f"f{i}" for i in range(12)]
    err = features_missing(
        {"f0": 1.0, "f1": math.nan, "g": 2.0}, promised, heard=["too thin", "too thin"], case_id="007"
    )
    assert "10 of 12 promised features are missing: f2, f3, f4, f5, f6 and 5 more" in err.message
    assert "1 of 12 promised features are not finite: f1" in err.message
    assert "1 features came that nobody promised: g" in err.message
    assert err.message.endswith("PyRadiomics said: too thin")
    assert err.details["missing"] == promised[2:]
