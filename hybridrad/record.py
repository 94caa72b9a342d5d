"""What a study writes down about itself: versions, machine, flow of cases, size, and what the arms were."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hybridrad.cohort import Cohort
from hybridrad.features.blocks import block_of, find_blocks

FOLLOWS_SIZE_RHO = 0.7
_VERSIONED = (
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "xgboost",
    "shap",
    "SimpleITK",
    "pyradiomics",
    "PyWavelets",
    "torch",
    "torchvision",
    "timm",
)


def versions() -> dict[str, str]:
    """Return the versions of the packages that a number can depend on; those not installed are left out."""
    found = {}
    for package in _VERSIONED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Return Python, platform and number of cores; nothing that names a person or a host.

    Examples
    --------
    >>> sorted(machine())
    ['cpu_count', 'platform', 'python']
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
    }


def plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python one that JSON knows."""
    return value.item() if isinstance(value, np.generic) else value


def flow(
    cohort: Cohort, used: Cohort, failures: pd.DataFrame, *, groups: pd.Series | None, names: list[Any]
) -> dict[str, Any]:
    """Return how many cases and patients were given, failed and used; given = failed + used.

    ``groups`` is the class of each case (survival: ``event`` or ``censored``), None for values.
    """
    patients = used.patient_id
    return {
        "given": len(cohort.table),
        "failed": len(cohort.table) - len(used.table),
        "used": len(used.table),
        "patients_given": int(cohort.table["patient_id"].nunique()),
        "patients_used": int(patients.nunique()),
        "per_class": {
            str(c): {"cases": int((groups == c).sum()), "patients": int(patients[groups == c].nunique())}
            for c in names
            if groups is not None
        },
        "failures_by_code": {str(k): int(v) for k, v in failures["code"].value_counts().items()},
    }


def cohort_note(cohort: Cohort) -> dict[str, Any]:
    """Return the name and hash of the cohort table, without its folder, and the clinical columns used."""
    path = Path(cohort.source)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return {"file": path.name, "sha256": sha256, "clinical": list(cohort.clinical)}


def data_digest(X: pd.DataFrame, outcome: pd.DataFrame, patient_id: pd.Series) -> str:
    """Return a hash of what a study is fitted on: features, outcome and patients, with their ids and names."""
    digest = hashlib.sha256()
    for table in (X, outcome.astype(str).assign(patient=patient_id)):
        digest.update("\x1f".join(map(str, table.columns)).encode())
        digest.update(pd.util.hash_pandas_object(table, index=True).to_numpy().tobytes())
    return digest.hexdigest()


def networks_of(arm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the descriptions of the networks an arm trains: none, its ``network``, or several.

    Examples
    --------
    >>> networks_of({"network": {"backbone": "resnet18"}}), networks_of({"role": "single"})
    ([{'backbone': 'resnet18'}], [])
    """
    network = arm.get("network")
    return [network] if isinstance(network, dict) else list(network or [])


def size_note(features: pd.DataFrame, extractors: list[dict[str, Any]]) -> dict[str, Any]:
    """Return whether the views keep size, and how many radiomics features follow it.

    Parameters
    ----------
    features : DataFrame
        The feature table of the cases used.
    extractors : list of dict
        Descriptions of the extractors and of the networks that arms train; they say whether their views keep size.

    Returns
    -------
    dict
        ``block`` (the size column or None), ``views_keep_size`` (None without views, and where some do and some do not:
        ``views_that_keep_size`` and ``views_that_do_not`` name them then), ``n_radiomics``, ``n_following_size``
        (columns whose Spearman correlation with size exceeds 0.7 in absolute value) and ``threshold_rho``.

    Examples
    --------
    >>> table = pd.DataFrame({"size__volume_ml": [1.0, 2, 3], "radiomics__a": [1.0, 4, 9], "radiomics__b": [1.0, 2, 1]})
    >>> note = size_note(table, [])
    >>> note["n_radiomics"], note["n_following_size"]
    (2, 1)
    """
    keeps = {
        str(e.get("name")): bool(e["views"]["keeps_size"]) for e in extractors if isinstance(e.get("views"), Mapping)
    }
    mixed = len(set(keeps.values())) > 1
    sizes = [c for c in features.columns if block_of(c) == "size"]
    radiomics = [c for c in features.columns if block_of(c).startswith("radiomics")]
    following = 0
    if sizes and radiomics:
        ranks = features[radiomics].rank()
        rho = ranks.corrwith(features[sizes[0]].rank())  # a constant column has none: NaN, counted as not following
        following = int((rho.abs() > FOLLOWS_SIZE_RHO).sum())
    return {
        "block": sizes[0] if sizes else None,
        "views_keep_size": all(keeps.values()) if keeps and not mixed else None,
        **({"views_that_keep_size": [name for name, kept in keeps.items() if kept]} if mixed else {}),
        **({"views_that_do_not": [name for name, kept in keeps.items() if not kept]} if mixed else {}),
        "n_radiomics": len(radiomics),
        "n_following_size": following,
        "threshold_rho": FOLLOWS_SIZE_RHO,
    }


def hedge_weights(weights: list[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean and range of the weights of a stack over outer folds, by block.

    Examples
    --------
    >>> hedge_weights([{"radiomics": 0.6, "deep": 0.4}, {"radiomics": 0.8, "deep": 0.2}])["deep"]
    {'mean': 0.3, 'low': 0.205, 'high': 0.395}
    """
    table = pd.DataFrame(list(weights))
    return {
        str(block): {
            "mean": round(float(column.mean()), 12),
            "low": round(float(column.quantile(0.025)), 12),
            "high": round(float(column.quantile(0.975)), 12),
        }
        for block, column in table.items()
    }


def n_columns(blocks: list[str], columns: list[str]) -> int:
    """Return how many columns the named blocks have."""
    found = find_blocks(columns)
    return sum(len(found.get(block, [])) for block in blocks)
