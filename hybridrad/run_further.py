"""What may lie in a run folder beside the study: learning curves, a comparison with readers, an audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from hybridrad.exports import write_csv, write_parquet, write_text
from hybridrad.learning import LearningCurves
from hybridrad.run_folder import read_json, read_table
from hybridrad.study import Comparison
from hybridrad.study_readers import ReaderStudy
from hybridrad.study_tables import study_mark

# Table -> (file, names of its index). The settings are written last: they mark the tables as whole.
_CURVES = {
    "points": ("learning_points.csv", ["model", "n_patients"]),
    "fits": ("learning_fits.csv", ["model"]),
    "crossings": ("learning_crossings.csv", ["model", "other"]),
    "predictions": ("learning_predictions.parquet", []),
    "splits": ("learning_splits.parquet", []),
}
_CURVES_FAILURES, _CURVES_SETTINGS = "learning_failures.csv", "learning.json"
_READERS = {
    "comparisons": ("readers.csv", ["reader", "model", "metric"]),
    "points": ("reader_points.csv", ["reader", "model", "grade"]),
}
_READERS_SETTINGS = "readers.json"
_AUDIT, _AUDIT_SETTINGS = "audit.csv", "audit.json"


def save_learning_curves(curves: LearningCurves, folder: Path) -> None:
    """Write the tables of learning curves into a run folder."""
    (folder / _CURVES_SETTINGS).unlink(missing_ok=True)
    for name, (file, _) in _CURVES.items():
        table = getattr(curves, name)
        if file.endswith(".parquet"):
            write_parquet(table, folder / file)
        else:
            write_csv(table, folder / file)
    write_csv(curves.failures.set_index("model"), folder / _CURVES_FAILURES)
    write_text(json.dumps(curves.settings, indent=2, allow_nan=False) + "\n", folder / _CURVES_SETTINGS)


def load_learning_curves(folder: Path, study: Comparison) -> LearningCurves | None:
    """Read the learning curves of a study back; None where the folder holds none, or those of other data.

    Raises
    ------
    RunError
        A table of them is missing.
    """
    settings = _settings_of(folder / _CURVES_SETTINGS, study)
    if settings is None:
        return None
    tables = {name: read_table(folder / file, index) for name, (file, index) in _CURVES.items()}
    sizes = tables["points"].reset_index().astype({"n_patients": int})
    tables["points"] = sizes.set_index(_CURVES["points"][1])
    tables["failures"] = read_table(folder / _CURVES_FAILURES, ["model"]).reset_index()
    return LearningCurves(**tables, settings=settings)


def save_readers(readers: ReaderStudy, folder: Path) -> None:
    """Write a comparison with readers into a run folder."""
    (folder / _READERS_SETTINGS).unlink(missing_ok=True)
    for name, (file, _) in _READERS.items():
        write_csv(getattr(readers, name), folder / file)
    write_text(json.dumps(readers.settings, indent=2, allow_nan=False) + "\n", folder / _READERS_SETTINGS)


def load_readers(folder: Path, study: Comparison) -> ReaderStudy | None:
    """Read a study's comparison with readers back; None where the folder holds none, or that of other data.

    Raises
    ------
    RunError
        A table of it is missing.
    """
    settings = _settings_of(folder / _READERS_SETTINGS, study)
    if settings is None:
        return None
    tables = {name: read_table(folder / file, index) for name, (file, index) in _READERS.items()}
    return ReaderStudy(**tables, settings=settings)


def save_audit(audit: pd.DataFrame, study: Comparison, folder: Path, *, model: str | None = None) -> None:
    """Write the table of an audit into a run folder, and which study and which of its arms it is of."""
    (folder / _AUDIT_SETTINGS).unlink(missing_ok=True)
    write_csv(audit, folder / _AUDIT)
    settings = {"study": study_mark(study.settings), "model": model}
    write_text(json.dumps(settings, indent=2) + "\n", folder / _AUDIT_SETTINGS)


def load_audit(folder: Path, study: Comparison) -> pd.DataFrame | None:
    """Read the audit of a study back, its arm in ``attrs``; None where the folder holds none, or that of other data.

    Raises
    ------
    RunError
        The table of it is missing.
    """
    settings = _settings_of(folder / _AUDIT_SETTINGS, study)
    if settings is None:
        return None
    audit = read_table(folder / _AUDIT, ["code"])
    audit.attrs["model"] = settings.get("model")
    return audit


def _settings_of(path: Path, study: Comparison) -> dict[str, Any] | None:
    """Return the settings in a file if they belong to this study: a run folder may have been used again."""
    settings = read_json(path) if path.is_file() else None
    return settings if settings is not None and settings.get("study") == study_mark(study.settings) else None
