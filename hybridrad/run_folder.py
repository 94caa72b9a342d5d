"""The run folder: which settings it belongs to, and the tables of a study in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from hybridrad.cohort import Cohort, read_cohort
from hybridrad.errors import RunError
from hybridrad.exports import write_atomically, write_csv, write_parquet, write_text
from hybridrad.features.control import CONTROL_NAMES
from hybridrad.features.table_file import read_feature_table
from hybridrad.heat import HeatMaps
from hybridrad.study import Comparison
from hybridrad.study_cases import splits_attrs

RECIPE_FILE = "run.json"
STUDY_FILE = "study.json"

# Table -> (file, names of its index). Parquet where there is a row per case, CSV where a person will look.
_FILES = {
    "splits": ("splits.parquet", ["repeat", "fold", "case_id"]),
    "predictions": ("predictions.parquet", ["model", "repeat", "fold", "case_id"]),
    "cases": ("cases.parquet", ["case_id"]),
    "importance_cases": ("importance_cases.parquet", ["model", "case_id"]),
    "scores": ("scores.csv", ["model", "metric"]),
    "comparisons": ("comparisons.csv", ["model", "baseline", "metric"]),
    "regret": ("regret.csv", ["model", "reference", "metric"]),
    "importance": ("importance.csv", ["model", "feature"]),
    "findings": ("findings.csv", ["case_id", "code"]),
    "failures": ("failures.csv", ["case_id", "stage"]),
    "sites": ("sites.csv", ["model", "metric", "site"]),
    "horizons": ("horizons.csv", ["model", "metric", "horizon"]),
    "complementarity": ("complementarity.csv", ["model", "other"]),
    "steps": ("steps.csv", ["model", "block"]),
    "claims": ("claims.csv", ["model", "quantity"]),
    "net_benefit": ("net_benefit.csv", ["model", "threshold"]),
}
_ONLY_WHERE_MADE = ("cases", "sites", "horizons", "complementarity", "steps", "claims", "net_benefit")
# What was measured of heat maps, and their pictures: arrays named <kind>_<place among the cases shown>.
_HEAT_TABLE, _HEAT_PICTURES = "heat_maps.csv", "heat_maps.npz"


def claim_folder(folder: Path, recipe: Mapping[str, Any]) -> None:
    """Make ``folder`` the run folder of ``recipe``, or refuse when it belongs to another.

    A folder in which nothing was computed yet takes the new recipe: what failed at once is corrected and called again.

    Parameters
    ----------
    folder : Path
    recipe : dict
        Plain JSON data: every option that changes a number.

    Raises
    ------
    RunError
        The folder holds a run with other settings, or files that are no run at all.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> claim_folder(folder, {"seed": 0})
    >>> claim_folder(folder, {"seed": 0})
    >>> _ = (folder / "features.parquet").write_text("")
    >>> claim_folder(folder, {"seed": 1})
    Traceback (most recent call last):
    ...
    hybridrad.errors.RunError: ... holds a run with other settings: seed: 0 there, 1 now. ...
    """
    path = folder / RECIPE_FILE
    recipe = json.loads(json.dumps(recipe))
    if path.exists():
        known = read_json(path)
        changed = [
            f"{key}: {known.get(key)!r} there, {recipe.get(key)!r} now"
            for key in sorted(set(known) | set(recipe))
            if known.get(key) != recipe.get(key)
        ]
        if changed and any(inside != path for inside in folder.iterdir()):
            raise RunError(
                f"{folder} holds a run with other settings: {'; '.join(changed)}.",
                hint="Choose another --out, or call with the settings of that run to resume it.",
            )
        if not changed:
            return
    if folder.is_file():
        raise RunError(f"{folder} is a file; --out names a folder.")
    write_text(json.dumps(recipe, indent=2) + "\n", path)


def read_recipe(folder: Path) -> dict[str, Any]:
    """Return the recipe of a run folder; empty where it has none."""
    path = folder / RECIPE_FILE
    return read_json(path) if path.is_file() else {}


def find_controls(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the control features in a run folder: ``controls/<control>/features.parquet``, by control."""
    found = {name: folder / "controls" / name / "features.parquet" for name in CONTROL_NAMES}
    return {name: read_feature_table(path) for name, path in found.items() if path.is_file()}


def find_data(
    folder: Path, study: Comparison, *, cohort_file: Path | None = None, features: Path | None = None
) -> tuple[pd.DataFrame | None, Cohort | None]:
    """Return the feature table of a study, given or in its run folder, and its cohort where its table is given."""
    path = features or folder / "features.parquet"
    table = None
    if features or path.is_file():
        known = [study.settings["label"], *study.settings["cohort"]["clinical"]]
        table = read_feature_table(path, block=read_recipe(folder).get("block"), not_features=known)
    if cohort_file is None:
        return table, None
    survival = study.settings.get("task") == "survival"
    cohort = read_cohort(
        cohort_file,
        clinical=study.settings["cohort"]["clinical"],
        images=False,
        label=None if survival else study.settings["label"],
        positive=read_recipe(folder).get("positive"),
    )
    return table, cohort


def save_study(study: Comparison, folder: Path) -> None:
    """Write the tables of a study into a folder, ``study.json`` last: it marks the study as whole."""
    (folder / STUDY_FILE).unlink(missing_ok=True)
    for name, (file, _) in _FILES.items():
        write = write_parquet if file.endswith(".parquet") else write_csv
        if name in _ONLY_WHERE_MADE and getattr(study, name).empty:
            (folder / file).unlink(missing_ok=True)
            continue
        write(getattr(study, name), folder / file)
    _save_heat_maps(study.heat_maps, folder)
    text = json.dumps(study.settings, indent=2, allow_nan=False)
    write_text(text + "\n", folder / STUDY_FILE)


def load_study(folder: Path) -> Comparison:
    """Read a study back from its folder.

    Raises
    ------
    RunError
        The folder holds no finished study, or a file of it is missing.
    """
    if not (folder / STUDY_FILE).is_file():
        raise RunError(
            f"{folder} holds no finished study ({STUDY_FILE} is missing).",
            code="E_FILE_MISSING",
            hint="Run `hybridrad compare ... --out` with this folder first.",
        )
    tables = {
        name: read_table(folder / file, index)
        for name, (file, index) in _FILES.items()
        if name not in _ONLY_WHERE_MADE or (folder / file).is_file()
    }
    if "net_benefit" in tables:
        curves = tables["net_benefit"].reset_index().astype({"threshold": float})
        tables["net_benefit"] = curves.set_index(_FILES["net_benefit"][1])
    settings = read_json(folder / STUDY_FILE)
    # Which design the folds are of decides how they are tested; in the file itself their numbers have become text.
    tables["splits"].attrs.update(splits_attrs(settings.get("cv") or {}))
    return Comparison(settings=settings, heat_maps=_load_heat_maps(folder), **tables)


def _save_heat_maps(maps: HeatMaps | None, folder: Path) -> None:
    for file in (_HEAT_TABLE, _HEAT_PICTURES):
        (folder / file).unlink(missing_ok=True)
    if maps is None:
        return
    kinds: dict[str, list[Any]] = {"picture": maps.pictures, "region": maps.regions, "heat": maps.heats}
    arrays = {f"{kind}_{i}": array for kind, found in kinds.items() for i, array in enumerate(found)}
    write_atomically(folder / _HEAT_PICTURES, lambda path: np.savez_compressed(path, **arrays))
    write_csv(maps.table, folder / _HEAT_TABLE)


def _load_heat_maps(folder: Path) -> HeatMaps | None:
    if not (folder / _HEAT_TABLE).is_file():
        return None
    table = read_table(folder / _HEAT_TABLE, ["model", "case_id"])
    path, n_shown = folder / _HEAT_PICTURES, int(table["shown"].sum())
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = [[stored[f"{kind}_{i}"] for i in range(n_shown)] for kind in ("picture", "region", "heat")]
    except (OSError, ValueError, KeyError, BadZipFile) as err:
        raise RunError(f"{path} cannot be read: {err}.", code="E_FILE_UNREADABLE") from err
    return HeatMaps(table, *found)


def read_table(path: Path, index: list[str]) -> pd.DataFrame:
    """Read a table of a run folder back, as `hybridrad.exports` wrote it; Parquet keeps its own index."""
    if not path.is_file():
        raise RunError(f"{path} is missing; the study in {path.parent} is not whole.", code="E_FILE_MISSING")
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    # Ids and names stay text ("007", "NA"); only an empty cell is a missing value.
    table = pd.read_csv(path, dtype=dict.fromkeys(index, "str"), keep_default_na=False, na_values=[""])
    text = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    table[text] = table[text].astype(object)
    for column in text:
        fill = None if column in index else ""
        table[column] = [fill if pd.isna(v) else _undefuse(v) for v in table[column]]
    return table.set_index(index)


def _undefuse(text: Any) -> Any:
    """Undo what ``exports.defuse`` does to a cell that would be a formula."""
    if isinstance(text, str) and len(text) > 1 and text[0] == "'" and text[1] in "=+-@\t\r":
        return text[1:]
    return text


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, or raise ``RunError``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise RunError(f"{path} cannot be read: {err}.", code="E_FILE_UNREADABLE") from err
    if not isinstance(content, dict):
        raise RunError(f"{path} is not a JSON object.", code="E_FILE_UNREADABLE")
    return content
