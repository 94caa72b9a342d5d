from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.redundancy import effective_rank, represented_by


def made_up():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    columns = {"d": x[:, 0], "a": np.exp(x[:, 0]), "b": -x[:, 0] + 0.05 * x[:, 1], "c": x[:, 2], "e": np.ones(50)}
    return pd.DataFrame(columns)


def test_monotone_copies_are_represented_by_the_first_name():
    assert represented_by(made_up()).to_dict() == {"d": "a", "a": "a", "b": "a", "c": "c", "e": "e"}


def test_the_order_of_the_columns_changes_nothing():
    table = made_up()
    turned = represented_by(table[table.columns[::-1]])
    assert turned[table.columns].equals(represented_by(table))


def test_kept_columns_correlate_less_than_the_threshold_and_dropped_ones_more():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(40, 5)) @ rng.normal(size=(5, 30))).rename(columns=lambda i: f"f{i:02d}")
    stands, rho = represented_by(table, threshold=0.7), table.corr(method="spearman").abs()
    kept = stands.index[stands == stands.index]
    assert (rho.loc[kept, kept].to_numpy()[~np.eye(len(kept), dtype=bool)] <= 0.7 + 1e-9).all()
    assert all(rho.loc[c, stands[c]] > 0.7 for c in stands.index.difference(kept))


def test_gaps_are_refused():
    with pytest.raises(ValueError, match="missing values"):
        represented_by(pd.DataFrame({"a": [1.0, np.nan]}))


def test_effective_rank_counts_independent_directions():
    hadamard = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
    assert effective_rank(hadamard) == pytest.approx(3)
    assert effective_rank(np.column_stack([hadamard, hadamard, np.full(4, 7.0)])) == pytest.approx(3)
    x = np.random.default_rng(0).normal(size=(30, 6)) * [1, 1, 1, 5, 9, 1]
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(x.T)) / 6
    assert effective_rank(x) == pytest.approx(np.exp(-(eigenvalues * np.log(eigenvalues)).sum()))


def test_a_table_without_variation_has_no_rank():
    with pytest.raises(ValueError, match="no column varies"):
        effective_rank(np.ones((5, 2)))
