from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybridrad.features.radiomics.extractor import RadiomicsExtractor
from tests.features.radiomics.native.oracles.lbp3d import SETTINGS, volume

ORACLE = Path(__file__).parent / "native" / "oracles" / "lbp3d.json"


def test_lbp3d_has_the_values_pyradiomics_gave_with_the_last_scipy_it_works_with():
    pytest.importorskip("trimesh")
    expected = json.loads(ORACLE.read_text())["features"]
    row = RadiomicsExtractor(SETTINGS, engine="native").extract_one(*volume())
    found = {name.removeprefix("radiomics__"): value for name, value in row.items()}
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-10)
