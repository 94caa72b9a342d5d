from __future__ import annotations

import pytest

from hybridrad.features.radiomics.pyradiomics_errors import in_our_words


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
