"""Blocks are found by prefix or said outright, and never guessed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.features.blocks import block_of, find_blocks, resolve_blocks


@pytest.fixture
def table():
    return pd.DataFrame(np.zeros((2, 4)), columns=["deep__0", "size__volume_ml", "deep__1", "radiomics_adc__a__b"])


def plain(found):
    return {name: positions.tolist() for name, positions in found.items()}


def test_a_block_ends_at_the_first_double_underscore():
    assert block_of("radiomics_adc__a__b") == "radiomics_adc"


@pytest.mark.parametrize("column", ["volume", "__volume", "size__", "size_volume", 3])
def test_a_column_without_block_and_feature_is_refused(column):
    with pytest.raises(ValueError, match="<block>__<feature>"):
        block_of(column)


def test_blocks_come_in_order_of_appearance(table):
    assert list(find_blocks(table.columns)) == ["deep", "size", "radiomics_adc"]
    assert plain(resolve_blocks(table, None)) == {"deep": [0, 2], "size": [1], "radiomics_adc": [3]}


def test_named_blocks_come_in_the_order_asked_for(table):
    assert list(resolve_blocks(table, ["size", "deep"])) == ["size", "deep"]
    assert plain(resolve_blocks(table, "size")) == {"size": [1]}


@pytest.mark.parametrize(
    ("spec", "positions"),
    [
        ({"x": slice(None)}, [0, 1, 2, 3]),
        ({"x": slice(1, 3)}, [1, 2]),
        ({"x": [0, -1]}, [0, 3]),
        ({"x": np.array([2, 1])}, [2, 1]),
        ({"x": [False, True, False, True]}, [1, 3]),
        ({"x": ["deep__1", "deep__0"]}, [2, 0]),
        ({"x": "size__volume_ml"}, [1]),
    ],
)
def test_a_block_can_be_said_by_names_positions_mask_or_slice(table, spec, positions):
    assert plain(resolve_blocks(table, spec)) == {"x": positions}


def test_positions_work_without_column_names(table):
    assert plain(resolve_blocks(table.to_numpy(), {"all": slice(None)})) == {"all": [0, 1, 2, 3]}


@pytest.mark.parametrize("spec", [None, ["deep"], {"x": ["deep__0"]}])
def test_names_are_not_found_in_a_table_without_any(table, spec):
    with pytest.raises(ValueError, match="none"):
        resolve_blocks(table.to_numpy(), spec)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        (["depe"], "Did you mean deep"),
        (["deep", "deep"], "named twice"),
        ([], "no block"),
        ({}, "no block"),
        ({"x": []}, "has no columns"),
        ({"x": slice(0, 0)}, "has no columns"),
        ({"x": ["deep__7"]}, "not in the table"),
        ({"x": [0, 4]}, "no position 4"),
        ({"x": [-5]}, "no position -5"),
        ({"x": [0.5]}, "0.5 is no column position"),
        ({"x": [0, "1"]}, "no column position"),
        ({"x": [True, False]}, "2 entries"),
        ({"x": [0, 0]}, "named twice"),
        ({"x": [0, -4]}, "named twice"),
    ],
)
def test_what_is_no_block_of_the_table_is_refused(table, spec, match):
    with pytest.raises(ValueError, match=match):
        resolve_blocks(table, spec)


def test_a_table_with_a_name_twice_is_refused(table):
    with pytest.raises(ValueError, match="'deep__0' stands twice"):
        resolve_blocks(table.set_axis(["deep__0", "deep__0", "a__b", "a__c"], axis=1), ["deep"])


def test_a_single_row_is_no_table():
    with pytest.raises(ValueError, match="n_cases, n_features"):
        resolve_blocks(np.zeros(3), {"all": slice(None)})
