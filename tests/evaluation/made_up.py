"""Predictions of made-up models, for tests of everything that reads predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hybridrad.evaluation.nested import NestedCV


def study(n_patients=40, *, cases=2, repeats=2, seed=0, models=("a", "b")):
    """Predictions of made-up models, with splits by patient and one threshold."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_patients) % 2, cases)
    patient = np.repeat([f"p{i:02d}" for i in range(n_patients)], cases)
    ids = [f"c{i:03d}" for i in range(len(y))]
    splits = NestedCV(outer=4, repeats=repeats).splits(y, patient, ids, random_state=seed)
    test = splits[splits["role"] == "test"].drop(columns="role")
    tables = []
    for model in models:
        table = pd.concat({model: test}, names=["model"])
        row = pd.Index(ids).get_indexer(table.index.get_level_values("case_id"))
        table["patient_id"], table["y_true"] = patient[row], y[row]
        table["y_score"] = np.clip(0.5 + 0.15 * (2 * y[row] - 1) + rng.normal(0, 0.2, len(row)), 0.01, 0.99)
        tables.append(table.assign(threshold=0.45))
    return pd.concat(tables), splits
