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
