"""Undecimated wavelet bands of a box in an image, as the transform of the whole image would give them.

The transform runs along one axis after the other and takes the image for periodic. A band in the box depends on the
voxels the filter reaches from there, so a crop with that margin gives the same bits, as long as the margin lies inside
the image; an axis along which it does not is transformed over its whole length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.boxes import Box


def wavelet_bands(
    values: NDArray[Any], box: Box, *, wavelet: str, level: int, start_level: int, axes: Sequence[int]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the names and the bands of a box, level by level, the approximation of the last level at the end.

    Parameters
    ----------
    values : ndarray
        The whole image; only the box and what the filters reach from it are read.
    box : Box
    wavelet : str
        As PyWavelets names it.
    level, start_level : int
        How many levels to give, and how many to go through before.
    axes : sequence of int
        In the order they are transformed and the letters of the names are written; PyRadiomics takes the last first.

    Yields
    ------
    name : str
        As in PyRadiomics, e.g. ``wavelet-LLH``, ``wavelet2-HHL``.
    band : float64 ndarray, float32 for float32 images
        Of the shape of the box.

    Examples
    --------
    >>> ramp = np.arange(8.0)
    >>> bands = dict(wavelet_bands(ramp, (slice(2, 4),), wavelet="haar", level=1, start_level=0, axes=(0,)))
    >>> {name: band.round(6).tolist() for name, band in bands.items()}
    {'wavelet-H': [-0.707107, -0.707107], 'wavelet-L': [3.535534, 4.949747]}
    """
    n_taps = pywt.Wavelet(wavelet).dec_len
    reach = (n_taps - 1 - n_taps // 2, n_taps // 2)
    lines = [_Line(n, one, reach) for n, one in zip(values.shape, box, strict=True)]
    n_steps = start_level + level
    data = values[tuple(one.needed(n_steps if axis in axes else 0) for axis, one in enumerate(lines))]
    for axis in axes:
        if lines[axis].whole(n_steps) and lines[axis].size % 2:
            # PyRadiomics makes axes even by repeating their first voxel at the end.
            data = np.concatenate([data, data.take([0], axis=axis)], axis=axis)
    low, prefix = "L" * len(axes), "wavelet"
    for step in range(n_steps):
        if step > start_level:
            prefix = f"wavelet{step - start_level + 1}"
        keep = [lines[axis].kept(n_steps, step) for axis in axes]
        wanted = tuple(one.inner(n_steps, step) if axis in axes else slice(None) for axis, one in enumerate(lines))
        # Before the levels that are wanted only the approximation goes on.
        bands = _bands([data], wavelet, axes, keep, only_low=step < start_level)
        _, data = next(bands)
        for letters, band in bands:
            yield f"{prefix}-{letters}", band[wanted]
    yield f"{prefix}-{low}", data[wanted]


class _Line:
    """Which part of an axis is needed, before and after each of the steps."""

    def __init__(self, size: int, wanted: slice, reach: tuple[int, int]) -> None:
        self.size, self.wanted, self.reach = size, wanted, reach

    def whole(self, n_steps: int) -> bool:
        before, after = (n_steps * by for by in self.reach)
        # Sums near the border are added in another order, so an axis is cropped only if its border is out of reach.
        return self.wanted.start < before or self.wanted.stop + after > self.size

    def needed(self, n_steps: int) -> slice:
        if n_steps == 0:
            return self.wanted
        if self.whole(n_steps):
            return slice(0, self.size)
        before, after = (n_steps * by for by in self.reach)
        return slice(self.wanted.start - before, self.wanted.stop + after)

    def kept(self, n_steps: int, step: int) -> slice:
        """Return what stays of the axis after a step: what the steps that follow will reach."""
        if self.whole(n_steps):
            return self.wanted if step == n_steps - 1 else slice(None)
        left = n_steps - 1 - step
        before, after = self.reach
        return slice(before, before + (self.wanted.stop - self.wanted.start) + left * (before + after))

    def inner(self, n_steps: int, step: int) -> slice:
        """Return the wanted part of what is kept after a step."""
        if step == n_steps - 1:
            return slice(None)
        if self.whole(n_steps):
            return self.wanted
        start = (n_steps - 1 - step) * self.reach[0]
        return slice(start, start + self.wanted.stop - self.wanted.start)


def _bands(
    parent: list[NDArray[Any]], wavelet: str, axes: Sequence[int], keep: Sequence[slice], *, only_low: bool
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the bands of an array that comes in a list and is taken out of it, the approximation first.

    One branch is followed to its end before the next, and what has been split is let go: eight bands of a large region
    at once would be most of the memory of a case.
    """
    if not axes:
        yield "", parent.pop()
        return
    halves = _split(parent.pop(), wavelet, axes[0], keep[0], only_low=only_low)
    for letter in "L" if only_low else "LH":
        for rest, band in _bands([halves.pop(0)], wavelet, axes[1:], keep[1:], only_low=only_low):
            yield letter + rest, band


def _split(data: NDArray[Any], wavelet: str, axis: int, keep: slice, *, only_low: bool) -> list[NDArray[Any]]:
    if data.shape[axis] % 2:
        # The transform wants an even length; none of the kept voxels reaches the one that is added.
        data = np.concatenate([data, data.take([-1], axis=axis)], axis=axis)
    [(low, high)] = pywt.swt(data, wavelet, level=1, start_level=0, axis=axis)
    where = (slice(None),) * axis + (keep,)
    return [low[where]] if only_low else [low[where], high[where]]
