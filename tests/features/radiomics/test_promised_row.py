from __future__ import annotations

import math

from hybridrad.features.radiomics.promised_row import features_missing


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
