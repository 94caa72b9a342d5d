"""How fast is the radiomics engine on this machine? From file to row, one core, against PyRadiomics in the same run."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

SEVENTEEN: dict[str, Any] = {
    "Original": {},
    "LoG": {"sigma": [1.0, 2.0, 3.0]},
    "Wavelet": {},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
}
IMAGES: dict[str, dict[str, Any]] = {"17": SEVENTEEN, "original": {"Original": {}}}
NATIVE = "native"
MODES = (NATIVE, "pyradiomics", "pyradiomics without diagnostics")
_SHAPE = (128, 256, 256)


def speed_table(
    *,
    sizes: Sequence[int] = (5_000,),
    cases: Sequence[tuple[Path, Path]] = (),
    images: Sequence[str] = ("17", "original"),
    repeats: int = 3,
    pyradiomics_repeats: int = 1,
    note: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Measure the engines on synthetic volumes and given cases, each measurement in a process of its own.

    Parameters
    ----------
    sizes : sequence of int
        Voxels of the region in a synthetic volume of 256 x 256 x 128 voxels (int16, gzipped NRRD).
    cases : sequence of (image, mask)
        Files to measure as well.
    images : sequence of {"17", "original"}
        17 images (original, 3 LoG, 8 wavelet bands, 5 others) or the original alone.
    repeats, pyradiomics_repeats : int
        Extractions after a first one, of which the medians are given; 0 takes the first.
    note : callable, optional
        Gets one line per measurement.

    Returns
    -------
    DataFrame
        Index ``case, images, engine``; columns ``n_features, cpu_s, wall_s, first_s, peak_mb, times_native``: medians
        of CPU and wall time, wall time of the first extraction after imports, peak memory of the process, and how
        many times the native engine's CPU time. PyRadiomics is left out where it is not installed; it runs as its
        users run it, from the paths of the files, with its diagnostics and without.
    """
    modes = MODES if importlib.util.find_spec("radiomics") is not None else (NATIVE,)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = {image.name.split("_image")[0]: (image, mask) for image, mask in cases}
        files |= {f"{n // 1000}k voxels": _synthetic(Path(folder), n) for n in sizes}
        for name, pair in files.items():
            for wanted in images:
                ours = 0.0
                for mode in modes:
                    found = _in_a_process(mode, pair, wanted, repeats if mode == NATIVE else pyradiomics_repeats)
                    ours = found["cpu_s"] if mode == NATIVE else ours
                    rows.append({"case": name, "images": wanted, "engine": mode, **found})
                    rows[-1]["times_native"] = found["cpu_s"] / ours
                    if note is not None:
                        note(f"{name}, {wanted} images, {mode}: {found['cpu_s']:.3f} s")
    return pd.DataFrame(rows).set_index(["case", "images", "engine"])


def _synthetic(folder: Path, n_voxels: int) -> tuple[Path, Path]:
    """Write a smooth volume with a ball of about that many voxels and return the files."""
    import numpy as np
    import SimpleITK as sitk

    rng = np.random.default_rng(0)
    noise = sitk.DiscreteGaussian(sitk.GetImageFromArray(rng.normal(0, 1, _SHAPE).astype(np.float32)), 2.0)
    values = sitk.GetArrayFromImage(noise)
    volume = sitk.GetImageFromArray((values / values.std() * 100 + 300).round().astype(np.int16))
    z, y, x = np.ogrid[tuple(slice(0, n) for n in _SHAPE)]
    # A ball that a volume of this height cannot hold becomes a spheroid.
    radius = (3 * n_voxels / (4 * np.pi)) ** (1 / 3)
    height = min(radius, 55.0)
    width = radius * (radius / height) ** 0.5
    inside = ((z - 64) / height) ** 2 + ((y - 128) ** 2 + (x - 128) ** 2) / width**2 <= 1
    files = folder / f"{n_voxels}_image.nrrd", folder / f"{n_voxels}_mask.nrrd"
    for array, file in zip((volume, sitk.GetImageFromArray(inside.astype(np.uint8))), files, strict=True):
        sitk.WriteImage(array, str(file), useCompression=True)
    return files


def _in_a_process(mode: str, files: tuple[Path, Path], images: str, repeats: int) -> dict[str, float]:
    """Measure in a process of its own, with one thread in each library."""
    command = [sys.executable, "-m", "hybridrad.bench", mode, *map(str, files), images, str(repeats)]
    one = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env={**os.environ, **one}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{mode} failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(mode: str, image: str, mask: str, images: str, repeats: int) -> dict[str, float]:
    """Measure in this process; the imports are done before the clock starts."""
    call = _native_call if mode == NATIVE else _pyradiomics_call
    once = call(image, mask, IMAGES[images], diagnostics=mode == MODES[1])
    cpu, wall = [], []
    for _ in range(repeats + 1):
        start_cpu, start = time.process_time(), time.perf_counter()
        n_features = once()
        cpu.append(time.process_time() - start_cpu)
        wall.append(time.perf_counter() - start)
    used = slice(1, None) if repeats else slice(None)
    return {
        "n_features": n_features,
        "cpu_s": statistics.median(cpu[used]),
        "wall_s": statistics.median(wall[used]),
        "first_s": wall[0],
        "peak_mb": _peak_megabytes(),
    }


def _native_call(image: str, mask: str, image_types: dict[str, Any], *, diagnostics: bool) -> Callable[[], int]:
    from hybridrad.features.radiomics import engine_native  # noqa: F401  imported before the clock starts
    from hybridrad.features.radiomics.extractor import RadiomicsExtractor
    from hybridrad.imaging.roi import read_roi

    extractor = RadiomicsExtractor({"imageType": image_types})
    return lambda: len(extractor.extract(read_roi(image, mask)).values)


def _pyradiomics_call(image: str, mask: str, image_types: dict[str, Any], *, diagnostics: bool) -> Callable[[], int]:
    import logging

    warnings.simplefilter("ignore")
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    # A float width: an integer one overflows in 8-bit images.
    settings = {"additionalInfo": diagnostics, "binWidth": 25.0}
    extractor = RadiomicsFeatureExtractor({"imageType": image_types, "setting": settings})
    return lambda: sum(not name.startswith("diagnostics") for name in extractor.execute(image, mask))


def _peak_megabytes() -> float:
    """Return the peak memory of this process, NaN where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux without what the process was forked from
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    if importlib.util.find_spec("resource") is None:
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    given_mode, given_image, given_mask, given_images, given_repeats = sys.argv[1:]
    result = _measure(given_mode, given_image, given_mask, given_images, int(given_repeats))
    sys.stdout.write(json.dumps(result) + "\n")
