"""What made-up radiomics and deep columns look like: latent factors in, one block of columns out.

The shapes follow tables of real cohorts (breast ultrasound, lung nodules, fracture regions). Radiomics: three quarters
of the columns correlate above 0.9 with another, two components for half of the variance and a dozen for nine tenths,
half of the columns skewed. Deep: non-negative, a quarter of zeros, skewness around 3, some twenty components for half
of the variance and two hundred for nine tenths.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]

N_GROUPS = 12
N_DEEP_FACTORS = 60
# Share of the columns in each group; the first two follow size.
_GROUP_SHARES = np.array([16, 14, 14, 11, 9, 8, 7, 6, 5, 4, 3, 3]) / 100


class RadiomicsLike:
    """Columns in correlated groups, one latent factor each, many skewed; the first two groups follow size.

    Parameters
    ----------
    rng : Generator
        Of the population: loadings and shapes of the columns.
    n_columns : int
    """

    def __init__(self, rng: Generator, n_columns: int) -> None:
        last = np.minimum(np.round(np.cumsum(_GROUP_SHARES) * n_columns), n_columns).astype(int)
        self.group = np.searchsorted(last, np.arange(n_columns), side="right").clip(max=N_GROUPS - 1)
        columns = np.arange(n_columns)
        sign = rng.choice([-1.0, 1.0], n_columns)
        loadings = 0.05 * rng.standard_normal((N_GROUPS, n_columns))
        loadings[self.group, columns] = sign * rng.uniform(0.6, 0.9, n_columns)
        # The third factor, say contrast, is seen by all the other groups, too.
        loadings[2] += np.where(self.group > 2, 0.5 * sign, 0.0)
        follows_size = self.group < 2
        loadings[:, follows_size] *= 0.4
        self.loadings = loadings
        self.size_loadings = sign * np.where(follows_size, 1.0, rng.uniform(0.1, 0.5, n_columns))
        self.noise = rng.uniform(0.1, 0.35, n_columns)
        # Half of the columns as they are, the others log-normal.
        self.skewed = rng.random(n_columns) < 0.5
        self.spread = rng.uniform(0.5, 1.3, n_columns)
        # The signal lies on the smaller groups, not on the components with the most variance.
        self.direction = _unit(rng, N_GROUPS, first=4, last=10)
        self.strong_direction = _unit(rng, N_GROUPS, first=2, last=3)

    @property
    def names(self) -> list[str]:
        """Column names that tell the group."""
        numbers = np.concatenate([np.arange(count) for count in np.bincount(self.group, minlength=N_GROUPS)])
        return [f"group{group:02d}_{number:02d}" for group, number in zip(self.group, numbers, strict=True)]

    def columns(self, rng: Generator, factors: Array, size: Array, shift: Array) -> Array:
        """Return values of shape (n_cases, n_columns).

        Parameters
        ----------
        rng : Generator
            Of the sample: measurement noise.
        factors : ndarray of shape (n_cases, N_GROUPS)
        size : ndarray of shape (n_cases,)
        shift : ndarray of shape (n_cases, n_columns)
            Added before the columns are skewed.
        """
        z = factors @ self.loadings + size[:, None] * self.size_loadings + shift
        z += self.noise * rng.standard_normal(z.shape)
        return np.asarray(np.where(self.skewed, np.exp(self.spread * z), z))


class DeepLike:
    """Non-negative, skewed columns of many latent factors, a quarter of the values 0; every column sees a bit of all.

    Parameters
    ----------
    rng : Generator
        Of the population.
    n_columns : int
    """

    def __init__(self, rng: Generator, n_columns: int) -> None:
        decay = (1.0 + np.arange(N_DEEP_FACTORS)) ** -0.5
        loadings = decay[:, None] * rng.standard_normal((N_DEEP_FACTORS, n_columns))
        self.loadings = loadings / np.sqrt((loadings**2).sum(axis=0))
        self.size_loadings = 0.3 * rng.standard_normal(n_columns)
        self.spread = rng.uniform(0.5, 0.9, n_columns)
        self.scale = np.exp(rng.normal(-1.0, 0.7, n_columns))
        self.direction = _unit(rng, N_DEEP_FACTORS, first=2, last=10)
        # Something that fills the whole image, as an acquisition does: the components with the most variance.
        self.strong_direction = _unit(rng, N_DEEP_FACTORS, first=0, last=2)

    @property
    def names(self) -> list[str]:
        """Column names, numbered."""
        return [f"unit_{number:04d}" for number in range(self.loadings.shape[1])]

    def columns(self, rng: Generator, factors: Array, size: Array, shift: Array) -> Array:
        """Return values of shape (n_cases, n_columns), see `RadiomicsLike.columns`."""
        z = factors @ self.loadings + size[:, None] * self.size_loadings + shift
        z += 0.6 * rng.standard_normal(z.shape)
        return np.asarray(self.scale * np.maximum(np.exp(self.spread * z) - np.exp(-0.8 * self.spread), 0.0))


def _unit(rng: Generator, length: int, *, first: int, last: int) -> Array:
    """Return a unit vector that uses the positions first .. last - 1, all of them to a similar degree."""
    vector = np.zeros(length)
    vector[first:last] = rng.uniform(0.5, 1.5, last - first) * rng.choice([-1.0, 1.0], last - first)
    return np.asarray(vector / np.linalg.norm(vector))


def with_trait(factors: Array, direction: Array, trait: Array) -> Array:
    """Return the factors with their projection on ``direction`` replaced by ``trait``.

    Examples
    --------
    >>> with_trait(np.array([[3.0, 4.0]]), np.array([1.0, 0.0]), np.array([7.0])).tolist()
    [[7.0, 4.0]]
    """
    return np.asarray(factors + np.outer(trait - factors @ direction, direction))
