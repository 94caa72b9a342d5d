"""Plain nested data as bytes and back: numbers, text, lists, dicts and arrays, without pickle."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

import numpy as np

_PLAIN_KINDS = "biufUS"  # arrays of these hold values alone; object arrays would need pickle


def to_bytes(value: Any) -> bytes:
    """Return nested plain data as bytes; every number and every type comes back the same.

    Parameters
    ----------
    value : None, bool, int, float, str, NumPy scalar or array, or list, tuple or dict of these

    Raises
    ------
    TypeError
        Something else is in it; the message says where.

    Examples
    --------
    >>> from_bytes(to_bytes({"shap": np.zeros((1, 2), np.float32), "loss": float("nan"), "findings": []}))
    {'shap': array([[0., 0.]], dtype=float32), 'loss': nan, 'findings': []}
    """
    arrays: list[np.ndarray] = []
    tree = json.dumps(_tree(value, arrays, "value")).encode()
    body = io.BytesIO()
    for array in arrays:
        np.lib.format.write_array(body, array, allow_pickle=False)
    # Contributions are mostly zeros: each arm uses the columns of its own blocks.
    return zlib.compress(struct.pack("<Q", len(tree)) + tree + body.getvalue(), level=1)


def from_bytes(stored: bytes) -> Any:
    """Return what `to_bytes` was given.

    Raises
    ------
    ValueError, zlib.error
        The bytes are damaged.
    """
    content = zlib.decompress(stored)
    (length,) = struct.unpack_from("<Q", content)
    tree = json.loads(content[8 : 8 + length])
    body = io.BytesIO(content[8 + length :])
    arrays: list[np.ndarray] = []
    while body.tell() < len(content) - 8 - length:
        arrays.append(np.lib.format.read_array(body, allow_pickle=False))
    return _value(tree, arrays)


def _tree(value: Any, arrays: list[np.ndarray], where: str) -> Any:
    """Return JSON data: scalars as they are, everything else as [kind, content]."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind not in _PLAIN_KINDS:
            raise TypeError(f"{where} is an array of {array.dtype}; only numbers, truth values and text can be kept.")
        arrays.append(array)
        return ["array" if isinstance(value, np.ndarray) else "scalar", len(arrays) - 1]
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return [type(value).__name__, [_tree(v, arrays, f"{where}[{i}]") for i, v in enumerate(value)]]
    if type(value) is dict:
        return [
            "dict",
            [[_tree(k, arrays, f"key of {where}"), _tree(v, arrays, f"{where}[{k!r}]")] for k, v in value.items()],
        ]
    raise TypeError(f"{where} is a {type(value).__name__}; only plain data and arrays can be kept.")


def _value(tree: Any, arrays: list[np.ndarray]) -> Any:
    if not isinstance(tree, list):
        return tree
    kind, content = tree
    if kind == "array":
        return arrays[content]
    if kind == "scalar":
        return arrays[content][()]
    if kind == "dict":
        return {_value(k, arrays): _value(v, arrays) for k, v in content}
    parts = [_value(part, arrays) for part in content]
    return tuple(parts) if kind == "tuple" else parts
