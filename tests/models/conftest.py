"""Small made-up tables with a known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


def _make_table(n_patients: int = 45, *, seed: int = 0, n_classes: int = 2, signal: float = 1.5) -> tuple:
    """Return X, y (codes), groups: up to three cases per patient; radiomics skewed, deep wide, size one volume."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_patients), rng.integers(1, 4, n_patients))
    y = (np.arange(n_patients) % n_classes)[groups]
    n = len(y)
    radiomics = rng.normal(size=(n, 8))
    radiomics[:, :2] += signal * y[:, None]
    radiomics[:, 4:] = np.exp(radiomics[:, 4:])
    deep = rng.normal(size=(n, 5)) @ rng.normal(size=(5, 30)) + rng.normal(size=(n, 30))
    deep[:, :3] += 0.7 * signal * y[:, None]
    columns = [
        "size__volume_ml",
        *(f"radiomics__r{i}" for i in range(8)),
        *(f"deep__d{i:03d}" for i in range(30)),
    ]
    values = np.column_stack([np.exp(rng.normal(size=n) + 0.5 * y), radiomics, deep])
    index = pd.Index([f"{i:03d}" for i in range(n)], name="case_id")
    return pd.DataFrame(values, columns=columns, index=index), y, groups.astype(str)


@pytest.fixture(scope="session")
def make_table():
    return _make_table


@pytest.fixture(scope="session")
def table() -> tuple:
    return _make_table()


@pytest.fixture(scope="session")
def three_classes() -> tuple:
    return _make_table(n_classes=3, seed=1)


@pytest.fixture
def clinical_table(table) -> pd.DataFrame:
    X, y, _ = table
    rng = np.random.default_rng(5)
    out = X.copy()
    out["clinical__age"] = np.where(rng.random(len(y)) < 0.2, np.nan, 50 + 10 * y + rng.normal(size=len(y)))
    sex = rng.choice(["f", "m"], len(y)).astype(object)
    sex[rng.random(len(y)) < 0.15] = None
    out["clinical__sex"] = sex
    return out
