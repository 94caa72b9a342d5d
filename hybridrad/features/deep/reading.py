"""What is read from a network: which layers, how their maps are pooled, how the views of a case become one row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad._checks import check_choice

PENULTIMATE = "penultimate"
LAST_MAP = "last_map"
POOLINGS = ("mean", "max", "gem", "mean_max", "masked_mean")
VIEW_POOLINGS = ("mean", "max", "mean_max", "statistics")
GEM_POWER = 3.0
_VIEW_PARTS = {
    "mean": ("",),
    "max": ("viewmax",),
    "mean_max": ("viewmean", "viewmax"),
    "statistics": ("viewmean", "viewsd", "viewmax"),
}
_SENTENCES = {
    "mean": "mean of their embeddings",
    "max": "largest value of each embedding dimension",
    "mean_max": "mean and largest value of each embedding dimension",
    "statistics": "mean, standard deviation (of the views at hand) and largest value of each embedding dimension",
}


@dataclass(frozen=True)
class Reading:
    """What is read from a network and how it becomes one row.

    Parameters
    ----------
    layers : tuple of str
        ``"penultimate"`` (what the classifier is given), ``"last_map"`` (the last map with a grid), or names of modules
        of the network, e.g. ``"layer3"``.
    pooling : {"mean", "max", "gem", "mean_max", "masked_mean"}
        How a map becomes values, one or two per channel.
    sqrt : bool
        Whether the signed square root of the pooled values is taken, per view.
    view_pooling : {"mean", "max", "mean_max", "statistics"}
        How the views of a case become one row.

    Examples
    --------
    >>> Reading().is_default
    True
    >>> Reading.of(layers="layer3", pooling="mean_max").prefixes("layer3")
    ['layer3_mean', 'layer3_max']
    """

    layers: tuple[str, ...] = (PENULTIMATE,)
    pooling: str = "mean"
    sqrt: bool = False
    view_pooling: str = "mean"

    @classmethod
    def of(
        cls,
        *,
        layers: str | Iterable[str] | None = None,
        pooling: str | None = None,
        sqrt: bool = False,
        view_pooling: str = "mean",
    ) -> Reading:
        """Check a user's words and return what they mean: a pooling without layers is that of the last map.

        Raises
        ------
        ValueError
            An unknown pooling, no layer, or one that stands twice.
        """
        if pooling is not None:
            check_choice(pooling, POOLINGS, name="pooling")
        check_choice(view_pooling, VIEW_POOLINGS, name="view_pooling")
        if not isinstance(sqrt, bool):
            raise ValueError(f"sqrt={sqrt!r} is neither True nor False.")
        if layers is None:
            names: tuple[str, ...] = (PENULTIMATE,) if pooling is None else (LAST_MAP,)
        else:
            names = (layers,) if isinstance(layers, str) else tuple(layers)
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"layers={layers!r} are no names of layers.")
        if len({_as_column(name) for name in names}) < len(names):
            raise ValueError(f"layers={layers!r} name a layer twice.")
        if pooling is not None and names == (PENULTIMATE,):
            raise ValueError(
                f"pooling={pooling!r} needs a map; the penultimate layer is a vector. Try layers='last_map'."
            )
        return cls(names, pooling or "mean", sqrt, view_pooling)

    @property
    def is_default(self) -> bool:
        """Whether the network is read as its own classifier reads it."""
        return self == Reading()

    @property
    def wants_region(self) -> bool:
        """Whether pooling needs to know where the region is."""
        return self.pooling == "masked_mean"

    def describe(self) -> dict[str, Any]:
        """Return what differs from the default, as plain data: defaults keep the description they always had."""
        plain: dict[str, Any] = {}
        if self.layers != (PENULTIMATE,):
            plain["layers"] = list(self.layers)
            plain["pooling"] = {
                "gem": f"generalised mean, power {GEM_POWER:g}",
                "masked_mean": "mean over the region, cells weighted by the share it covers",
            }.get(self.pooling, self.pooling)
        if self.sqrt:
            plain["sqrt"] = "signed square root of the pooled values of each view"
        return plain

    def view_sentence(self) -> str:
        """Return how the views of a case become one row."""
        return _SENTENCES[self.view_pooling]

    def prefixes(self, layer: str) -> list[str]:
        """Return how the columns of a layer begin, after block and network, in the order of the values."""
        if layer == PENULTIMATE:
            return [] if self.layers == (PENULTIMATE,) else [PENULTIMATE]
        parts = ("mean", "max") if self.pooling == "mean_max" else (self.pooling,)
        return [f"{_as_column(layer)}_{part}" for part in parts]

    def column_stems(self, backbone: str, widths: dict[str, int]) -> list[tuple[str, int]]:
        """Return the stems of the columns and how many follow each.

        Parameters
        ----------
        backbone : str
        widths : dict of str to int
            Layer -> channels.

        Examples
        --------
        >>> Reading().column_stems("timm:xception", {"penultimate": 2048})
        [('timm_xception', 2048)]
        """
        network = _as_column(backbone)
        stems = []
        for layer in self.layers:
            for prefix in self.prefixes(layer) or [""]:
                parts = [network, prefix, "sqrt" if self.sqrt else ""]
                stems.append(("_".join(part for part in parts if part), widths[layer]))
        return [
            (f"{stem}_{part}" if part else stem, width)
            for part in _VIEW_PARTS[self.view_pooling]
            for stem, width in stems
        ]

    def row_of_case(self, of_views: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return one row from the values of the views of a case.

        Parameters
        ----------
        of_views : float64 ndarray of shape (n_views, n_values)

        Returns
        -------
        float64 ndarray, of n_values, or two or three times as many

        Examples
        --------
        >>> Reading(view_pooling="mean_max").row_of_case(np.array([[1.0, 4.0], [3.0, 0.0]])).tolist()
        [2.0, 2.0, 3.0, 4.0]
        """
        if self.sqrt:
            of_views = np.sign(of_views) * np.sqrt(np.abs(of_views))
        by_part: dict[str, Any] = {
            "": of_views.mean,
            "viewmean": of_views.mean,
            "viewsd": of_views.std,
            "viewmax": of_views.max,
        }
        return np.concatenate([by_part[part](axis=0) for part in _VIEW_PARTS[self.view_pooling]])


def _as_column(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
