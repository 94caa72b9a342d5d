from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.fold_bytes import from_bytes, to_bytes

OUTCOME = {
    "repeat": 0,
    "probabilities": {"size": np.array([[0.1, 0.9]]), "déep": np.zeros((0, 3))},
    "extras": {"size": {"shap": np.float32([[1e-30, -0.0]]), "loss": np.float64(0.1), "weights": {"a": 1 / 3}}},
    "failures": [{"model": "x", "message": "a \x1e b"}],
    "shape": (1, (2, None), [True, float("inf"), float("nan")]),
    "names": np.array(["a", "bc"]),
    "twenty": {(0, 1): 5},
}


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


def test_values_and_types_come_back_to_the_last_bit():
    back = from_bytes(to_bytes(OUTCOME))
    assert same(OUTCOME, back)
    assert type(back["extras"]["size"]["loss"]) is np.float64
    assert type(back["shape"]) is tuple


@pytest.mark.parametrize("foreign", [pd.Series([1.0]), {1, 2}, np.array([None]), object()])
def test_what_is_no_plain_data_is_refused_with_its_place(foreign):
    with pytest.raises(TypeError, match=r"value\['extras'\]\[1\]"):
        to_bytes({"extras": [0, foreign]})


def test_damage_does_not_go_unseen():
    stored = bytearray(to_bytes(OUTCOME))
    stored[len(stored) // 2] ^= 0xFF
    with pytest.raises((ValueError, zlib.error)):
        from_bytes(bytes(stored))
