"""Share identical fits between models: block model, hedge and mean of logits fit a member once, not thrice."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from hybridrad.content_hash import content_hash


class SharedFits:
    """Fits by the content of everything that goes into them.

    Attributes
    ----------
    n_fitted, n_shared : int
        How many fits were done, and how many were taken from before.
    """

    def __init__(self) -> None:
        self.n_fitted = 0
        self.n_shared = 0
        self._fits: dict[str, Any] = {}

    def get(self, ingredients: Any, fit: Callable[[], Any]) -> Any:
        """Return the fit of these ingredients, doing it if it was not done before."""
        try:
            key = content_hash(ingredients)
        except (pickle.PicklingError, TypeError, AttributeError):  # no content hash: such a fit is not shared
            self.n_fitted += 1
            return fit()
        if key in self._fits:
            self.n_shared += 1
        else:
            self._fits[key] = fit()
            self.n_fitted += 1
        return self._fits[key]


_CURRENT: ContextVar[SharedFits | None] = ContextVar("hybridrad_shared_fits", default=None)


@contextmanager
def shared_fits() -> Iterator[SharedFits]:
    """Share identical member fits among all models fitted inside the ``with`` block; results do not change.

    The key is the content: estimator and its parameters, files it names (pictures, weights), training rows of the
    block, labels, patients, inner folds.
    Memory is given back at the end of the block. Nested blocks share with the outer one.

    Examples
    --------
    >>> import numpy as np
    >>> from hybridrad.models.block_model import BlockModel
    >>> X, y = np.random.default_rng(0).normal(size=(40, 3)), np.tile([0, 1], 20)
    >>> with shared_fits() as fits:
    ...     for _ in range(3):
    ...         _ = BlockModel({"a": slice(None)}).fit(X, y)
    >>> fits.n_fitted, fits.n_shared
    (1, 2)
    """
    current = _CURRENT.get()
    if current is not None:
        yield current
        return
    memo = SharedFits()
    token = _CURRENT.set(memo)
    try:
        yield memo
    finally:
        _CURRENT.reset(token)


def share(ingredients: Any, fit: Callable[[], Any]) -> Any:
    """Return ``fit()``, or inside ``shared_fits()`` the result of an identical earlier call."""
    current = _CURRENT.get()
    return fit() if current is None else current.get(ingredients, fit)
