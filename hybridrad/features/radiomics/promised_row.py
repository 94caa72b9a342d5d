"""The promised features as a row: every one of them, finite, in order, or an error that names what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import FeatureError

STAGE = "radiomics"
N_SHOWN = 5


def promised_row(
    found: Mapping[str, float], promised: Sequence[str], *, heard: Sequence[str] = (), case_id: str
) -> NDArray[np.float64]:
    """Return the values of the promised features in order.

    Raises
    ------
    FeatureError
        ``E_FEATURES_MISSING``: one is missing or not finite, or one came that nobody promised.

    Examples
    --------
    >>> promised_row({"b": 2.0, "a": 1.0}, ["a", "b"], case_id="007").tolist()
    [1.0, 2.0]
    """
    if set(found) != set(promised) or not np.isfinite(list(found.values())).all():
        raise features_missing(found, promised, heard=heard, case_id=case_id)
    return np.array([found[name] for name in promised], dtype=np.float64)


def features_missing(
    found: Mapping[str, float], promised: Sequence[str], *, heard: Sequence[str] = (), case_id: str
) -> FeatureError:
    """Return the error for a row that lacks promised features or has some that are not finite.

    A feature that could not be computed comes back as NaN. It is an error here, because a NaN in a table would be
    filled in later as if the region had been measured.

    Parameters
    ----------
    found : mapping
        Feature -> value.
    promised : sequence of str
    heard : sequence of str
        What PyRadiomics logged; nothing for the library's own engine.
    case_id : str
    """
    missing = [name for name in promised if name not in found]
    broken = [name for name in promised if name in found and not np.isfinite(found[name])]
    extra = [name for name in found if name not in promised]
    told = [
        f"{len(names)} of {len(promised)} promised features {what}: {shortened(names)}"
        for names, what in ((missing, "are missing"), (broken, "are not finite"))
        if names
    ]
    if extra:
        told.append(f"{len(extra)} features came that nobody promised: {shortened(extra)}")
    reasons = list(dict.fromkeys(heard))
    said = f" PyRadiomics said: {' '.join(reasons[:N_SHOWN])}" if reasons else ""
    return FeatureError(
        "E_FEATURES_MISSING",
        case_id=case_id,
        stage=STAGE,
        message=f"{'; '.join(told)}.{said}",
        hint="The region may be too small or too scattered for these features; leave them out or leave the case out.",
        details={"missing": missing, "not_finite": broken, "extra": extra},
    )


def shortened(names: Sequence[str]) -> str:
    """Return a list of names, cut after the first few.

    Examples
    --------
    >>> shortened(["a", "b"])
    'a, b'
    """
    rest = len(names) - N_SHOWN
    return ", ".join(names[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
