"""Reading a PyRadiomics parameter file, with limits, into a plain dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 100_000
SECTIONS = ("setting", "imageType", "featureClass", "voxelSetting")


def read_parameter_file(path: str | Path) -> dict[str, Any]:
    """Return the content of a parameter file (YAML or JSON), nothing in it executed.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict

    Raises
    ------
    RunError
        The file is missing, larger than 1 MB, nested too deeply, not YAML, or not a mapping.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "params.yaml"
    ...     _ = file.write_text("setting: {binWidth: 10}")
    ...     read_parameter_file(file)
    {'setting': {'binWidth': 10}}
    """
    file = Path(path)
    if not file.is_file():
        raise RunError(f"The parameter file {file.name} does not exist.", code="E_FILE_MISSING")
    if (size := file.stat().st_size) > MAX_BYTES:
        raise RunError(f"{file.name} has {size} bytes; a parameter file has at most {MAX_BYTES}.")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as err:
        raise RunError(f"{file.name} is not a YAML file: {err}") from err
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise RunError(f"{file.name} holds a {type(content).__name__}; wanted sections such as setting and imageType.")
    _check_size(content, name=file.name)
    return content


def split_sections(given: Mapping[Any, Any]) -> tuple[dict[Any, Any], Any, Any]:
    """Return settings, image types and feature classes of a dictionary, with or without PyRadiomics' sections.

    Raises
    ------
    RunError
        A section is unknown or not a mapping, a setting stands twice, or the file asks for feature maps.

    Examples
    --------
    >>> split_sections({"setting": {"binWidth": 10}, "imageType": {"Original": {}}})
    ({'binWidth': 10}, {'Original': {}}, None)
    >>> split_sections({"bin_width": 10})
    ({'bin_width': 10}, None, None)
    """
    rest = dict(given)
    settings = dict(_section(rest, "setting"))
    if rest.pop("voxelSetting", None):
        raise RunError(
            "voxelSetting asks for PyRadiomics' feature maps, voxel by voxel; here a region gives one row of features.",
            hint="Remove the section.",
        )
    image_types = _either(rest, "imageType", "image_types")
    classes = _either(rest, "featureClass", "feature_classes")
    for key, value in rest.items():
        if isinstance(value, Mapping):
            raise RunError(f"unknown section {key!r}.{did_you_mean(str(key), SECTIONS)}")
        if key in settings:
            raise RunError(f"{key} stands twice, in the section setting and beside it.")
        settings[key] = value
    return settings, image_types, classes


def _section(rest: dict[Any, Any], name: str) -> Mapping[Any, Any]:
    section = rest.pop(name, None)
    # "setting:" with nothing below it reads as None in YAML and means no settings.
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise RunError(f"the section {name} holds {section!r}; wanted names and values.")
    return section


def _either(rest: dict[Any, Any], camel: str, snake: str) -> Any:
    if camel in rest and snake in rest:
        raise RunError(f"{camel} stands twice, as {camel} and {snake}.")
    return rest.pop(camel, rest.pop(snake, None))


def _check_size(content: Any, *, name: str) -> None:
    # Walks aliases as often as they are used, so that a small file cannot stand for a huge one.
    stack, n_nodes = [(content, 1)], 0
    while stack:
        node, depth = stack.pop()
        n_nodes += 1
        if depth > MAX_DEPTH or n_nodes > MAX_NODES:
            raise RunError(f"{name} is nested too deeply or refers to itself; at most {MAX_DEPTH} levels are read.")
        if isinstance(node, dict):
            stack += [(value, depth + 1) for value in node.values()]
        elif isinstance(node, list):
            stack += [(value, depth + 1) for value in node]
