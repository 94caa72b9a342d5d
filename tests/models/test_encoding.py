from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.models.encoding import code_table, find_levels


def test_text_has_levels_and_numbers_have_none():
    X = pd.DataFrame(
        {
            "clinical__n": [1, 2],
            "clinical__b": [True, False],
            "clinical__o": np.array([1.5, None], dtype=object),
            "clinical__t": ["007", "7"],
            "clinical__c": pd.Categorical(["b", "a"]),
        }
    )
    assert find_levels(X) == {3: ["007", "7"], 4: ["a", "b"]}
    coded = code_table(X, find_levels(X))
    np.testing.assert_array_equal(coded, [[1, 1, 1.5, 0, 1], [2, 0, np.nan, 1, 0]])


def test_text_where_numbers_were_is_an_error_that_names_the_column():
    with pytest.raises(ValueError, match="clinical__age"):
        code_table(pd.DataFrame({"clinical__age": ["old"]}), {})


def test_a_table_of_every_type_is_coded_as_value_by_value():
    values = [1.0, "1", True, None, "b", np.nan, "1.0"]
    X = pd.DataFrame(
        {"o": np.array(values, dtype=object), "f": np.arange(7.0), "i": pd.array([1, 2, 3, 4, 5, 6, None])}
    )
    X["s"] = pd.array(["x", "y", None, "x", "z", "y", "x"], dtype="string")
    levels = {0: ["1", "1.0", "True"], 3: ["x", "y"]}
    expected = [0.0 if v == "1" else {"1.0": 1.0, "True": 2.0, "b": -1.0}.get(str(v), np.nan) for v in values]
    coded = code_table(X, levels)
    np.testing.assert_array_equal(coded[:, 0], expected)
    np.testing.assert_array_equal(coded[:, 2], [1, 2, 3, 4, 5, 6, np.nan])
    np.testing.assert_array_equal(coded[:, 3], [0, 1, np.nan, 0, -1, 1, 0])
