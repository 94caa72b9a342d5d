"""What this machine has, and what is missing for which part of the work."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from hybridrad.errors import MissingDependencyError
from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.pyradiomics_import import HOW_TO_INSTALL

_NEEDED = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "joblib",
    "threadpoolctl",
    "SimpleITK",
    "pydicom",
    "torch",
    "torchvision",
    "xgboost",
    "shap",
    "safetensors",
    "skops",
    "pebble",
    "PyWavelets",
    "PyYAML",
    "pydantic",
    "typer",
    "rich",
    "jinja2",
    "matplotlib",
)
_MODULE = {"scikit-learn": "sklearn", "PyWavelets": "pywt", "PyYAML": "yaml"}


@dataclass(frozen=True)
class Examined:
    """One thing looked at."""

    state: Literal["ok", "note", "missing"]
    what: str
    found: str
    hint: str = ""


def examine() -> list[Examined]:
    """Look at Python, packages, the radiomics engine, the accelerator, stored weights, cores and the disk.

    Returns
    -------
    list of Examined
        ``missing`` entries keep the main job from running; ``note`` entries limit a part of it.

    Examples
    --------
    >>> examine()[0].what
    'Python'
    """
    return [_python(), *(_package(name) for name in _NEEDED), *_radiomics(), *_torch(), _cores(), _disk()]


def _python() -> Examined:
    good = sys.version_info >= (3, 11)
    hint = "" if good else "Python 3.11 or newer is needed."
    return Examined("ok" if good else "missing", "Python", f"{platform.python_version()} on {platform.system()}", hint)


def _package(name: str) -> Examined:
    try:
        importlib.import_module(_MODULE.get(name, name))
        return Examined("ok", name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Examined("ok", name, "importable, version unknown")
    except (ImportError, OSError, RuntimeError) as err:  # a torchvision that does not match torch raises RuntimeError
        return Examined("missing", name, f"cannot be imported: {err}", f"pip install {name}")


def _radiomics() -> list[Examined]:
    found = []
    try:
        load_kernels()
        found.append(Examined("ok", "radiomics engine", "compiled kernels"))
    except MissingDependencyError as err:
        found.append(Examined("missing", "radiomics engine", err.message, err.hint))
    try:
        version = metadata.version("pyradiomics")
        importlib.import_module("radiomics.featureextractor")
        found.append(Examined("ok", "PyRadiomics", version))
    except (metadata.PackageNotFoundError, ImportError) as err:
        found.append(Examined("note", "PyRadiomics", f"for --engine pyradiomics only: {err}", HOW_TO_INSTALL))
    for images, package in (("LBP2D images", "skimage"), ("LBP3D images", "trimesh")):
        there = importlib.util.find_spec(package) is not None
        hint = "" if there else "pip install scikit-image trimesh"
        found.append(Examined("ok" if there else "note", images, "available" if there else "not available", hint))
    return found


def _torch() -> list[Examined]:
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError):
        return []  # said above, among the packages
    gpu = torch.cuda.is_available()
    found = [
        Examined(
            "ok" if gpu else "note",
            "GPU",
            torch.cuda.get_device_name(0) if gpu else "none",
            "" if gpu else "Embeddings run on the CPU: slower, the same to 1e-4.",
        )
    ]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = sorted(p.name for p in folder.glob("*.pth")) if folder.is_dir() else []
    hint = "" if files else "The first use of a torchvision name downloads it; offline, pass a local file."
    found.append(Examined("ok" if files else "note", "stored CNN weights", ", ".join(files) or "none", hint))
    return found


def _cores() -> Examined:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Examined("ok", "CPU cores", str(usable), f"--jobs {usable} uses them all")


def _disk() -> Examined:
    try:
        with tempfile.NamedTemporaryFile(dir=".") as file:
            file.write(b"hybridrad")
    except OSError as err:
        return Examined("note", "this folder", f"cannot be written: {err.strerror}", "Choose another --out.")
    free_gb = shutil.disk_usage(".").free / 2**30
    return Examined("ok" if free_gb > 1 else "note", "free disk here", f"{free_gb:.1f} GiB")
