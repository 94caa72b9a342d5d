"""Fixtures that more than one room needs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the measurement data kept beside the project, or a skip that says so."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"measurement data not found at {folder.parent.name}/{folder.name} beside the project")
    return folder


@pytest.fixture(scope="session")
def oracles() -> Path:
    """Folder with results computed in R, or a skip that says so."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "oracles"
    if not folder.is_dir():
        pytest.skip(f"R oracles not found at {folder.parent.name}/{folder.name} beside the project")
    return folder
