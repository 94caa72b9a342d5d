"""Are sites and labels linked? If so, harmonising sites removes signal, and not harmonising them lends it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import check_positive


class SiteAssociation(NamedTuple):
    """Cramér's V between site and label, its permutation p-value, and the number of patients."""

    cramers_v: float
    p_value: float
    n_patients: int


def site_label_association(
    site: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_permutations: int = 999,
    random_state: int = 0,
) -> SiteAssociation:
    """Return how closely site and label go together, and how often chance alone does as much.

    V alone misleads in small cohorts: without any link it exceeds 0.3 in a sixth to a quarter of cohorts of 40 to 60
    patients. So the sites are permuted between patients.

    Parameters
    ----------
    site, y : array-like of shape (n_cases,)
    groups : array-like of shape (n_cases,), optional
        Patient of each case; a patient has one site. Without it every case is a patient.
    n_permutations : int, default 999
    random_state : int, default 0

    Returns
    -------
    SiteAssociation
        ``p_value`` is (1 + number of permutations with a V at least as large) / (n_permutations + 1).

    Raises
    ------
    ValueError
        One site or one label only, or a patient with several sites.

    References
    ----------
    Cramér, Mathematical Methods of Statistics, Princeton 1946, section 21.9.

    Examples
    --------
    >>> found = site_label_association(["a"] * 20 + ["b"] * 20, [0] * 18 + [1] * 20 + [0] * 2)
    >>> round(found.cramers_v, 2), found.p_value
    (0.8, 0.001)
    """
    check_positive(n_permutations, name="n_permutations")
    sites, labels = _codes(site, "site"), _codes(y, "y")
    patients = np.arange(len(sites)) if groups is None else _codes(groups, "groups", several=False)
    if not len(sites) == len(labels) == len(patients):
        raise ValueError(f"site, y and groups have {len(sites)}, {len(labels)} and {len(patients)} values.")
    site_of_patient = np.zeros(patients.max() + 1, dtype=np.intp)
    site_of_patient[patients] = sites
    if (site_of_patient[patients] != sites).any():
        raise ValueError("a patient has cases of several sites; sites cannot be permuted between patients.")
    observed = _cramers_v(sites, labels)
    rng = np.random.default_rng(random_state)
    as_large = 0
    for _ in range(n_permutations):
        drawn = rng.permutation(site_of_patient)[patients]
        as_large += _cramers_v(drawn, labels) >= observed - 1e-12
    return SiteAssociation(observed, (1 + as_large) / (n_permutations + 1), len(site_of_patient))


def _codes(values: Any, name: str, *, several: bool = True) -> NDArray[np.intp]:
    levels, codes = np.unique(np.asarray(values).astype(str), return_inverse=True)
    if several and len(levels) < 2:
        raise ValueError(f"{name} holds one value only, {levels.tolist()}; there is nothing to compare.")
    return codes.astype(np.intp)


def _cramers_v(sites: NDArray[np.intp], labels: NDArray[np.intp]) -> float:
    counts = np.zeros((sites.max() + 1, labels.max() + 1))
    np.add.at(counts, (sites, labels), 1.0)
    # With several cases per patient a permutation can empty a site of cases, never of patients.
    counts = counts[counts.sum(axis=1) > 0]
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi2 / counts.sum() / max(min(counts.shape) - 1, 1)))
