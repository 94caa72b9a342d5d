from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def r_numbers() -> dict:
    """What R computed of small tables; the script that made it lies beside it."""
    return json.loads((Path(__file__).parent / "oracles" / "oracles.json").read_text(encoding="utf-8"))
