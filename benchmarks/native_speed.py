"""How fast is the library's own radiomics engine? From file to row, one core, against PyRadiomics in the same run.

    python benchmarks/native_speed.py [--sizes 5000 50000] [--case IMAGE MASK ...] [--images 17 original]
        [--repeats 5] [--pyradiomics-repeats 1] [--out TABLE.md]

Each measurement runs in a process of its own: imports, one first extraction, then the repeats; medians of CPU and wall
time, peak memory of the process. The synthetic volumes have 256 x 256 x 128 voxels (int16, gzipped NRRD) and a ball of
so many voxels. PyRadiomics runs as its users run it, from the paths of the files, with its diagnostics and without; its
times are without imports and without making the extractor, and come from the first extraction where it is not repeated.
``--mode`` is how the script calls itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

SEVENTEEN = {
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
MODES = ("native", "pyradiomics", "pyradiomics without diagnostics")
SHAPE = (128, 256, 256)


def synthetic(folder: Path, n_voxels: int) -> tuple[Path, Path]:
    """Write a smooth volume with a ball of about that many voxels and return the files."""
    import numpy as np
    import SimpleITK as sitk

    rng = np.random.default_rng(0)
    noise = sitk.DiscreteGaussian(sitk.GetImageFromArray(rng.normal(0, 1, SHAPE).astype(np.float32)), 2.0)
    values = sitk.GetArrayFromImage(noise)
    volume = sitk.GetImageFromArray((values / values.std() * 100 + 300).round().astype(np.int16))
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    # A ball that a volume of this height cannot hold becomes a spheroid.
    radius = (3 * n_voxels / (4 * np.pi)) ** (1 / 3)
    height = min(radius, 55.0)
    width = radius * (radius / height) ** 0.5
    inside = ((z - 64) / height) ** 2 + ((y - 128) ** 2 + (x - 128) ** 2) / width**2 <= 1
    files = folder / f"{n_voxels}_image.nrrd", folder / f"{n_voxels}_mask.nrrd"
    for array, file in zip((volume, sitk.GetImageFromArray(inside.astype(np.uint8))), files, strict=True):
        sitk.WriteImage(array, str(file), useCompression=True)
    return files


def native(image: str, mask: str, image_types: dict[str, Any]) -> Callable[[], int]:
    """Return a call that reads the files and measures them with the library's own engine."""
    from hybridrad.features.radiomics import engine_native  # noqa: F401 - imported before the clock starts
    from hybridrad.features.radiomics.extractor import RadiomicsExtractor
    from hybridrad.imaging.roi import read_roi

    extractor = RadiomicsExtractor({"imageType": image_types})
    return lambda: len(extractor.extract(read_roi(image, mask)).values)


def pyradiomics(image: str, mask: str, image_types: dict[str, Any], *, diagnostics: bool) -> Callable[[], int]:
    """Return a call of PyRadiomics on the same files, as its users make it."""
    import logging

    warnings.simplefilter("ignore")
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    settings = {"additionalInfo": diagnostics, "binWidth": 25.0}
    extractor = RadiomicsFeatureExtractor({"imageType": image_types, "setting": settings})
    return lambda: len(extractor.execute(image, mask))


def peak_megabytes() -> float:
    """Return the peak memory of this process; on Linux without what the process was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def measure(mode: str, image: str, mask: str, images: str, repeats: int) -> dict[str, float]:
    """Measure in this process."""
    start = time.perf_counter()
    if mode == "native":
        call = native(image, mask, IMAGES[images])
    else:
        call = pyradiomics(image, mask, IMAGES[images], diagnostics=mode == "pyradiomics")
    imports = time.perf_counter() - start
    cpu, wall = [], []
    for _ in range(repeats + 1):
        start_cpu, start = time.process_time(), time.perf_counter()
        n_features = call()
        cpu.append(time.process_time() - start_cpu)
        wall.append(time.perf_counter() - start)
    used = slice(1, None) if repeats else slice(None)
    return {
        "features": n_features,
        "imports": imports,
        "first": wall[0],
        "cpu": statistics.median(cpu[used]),
        "wall": statistics.median(wall[used]),
        "megabytes": peak_megabytes(),
    }


def in_a_process(mode: str, files: tuple[Path, Path], images: str, repeats: int) -> dict[str, float]:
    """Measure in a process of its own, with one thread in each library."""
    command = [sys.executable, __file__, "--mode", mode, "--case", *map(str, files)]
    command += ["--images", images, "--repeats", str(repeats)]
    one = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env={**os.environ, **one}, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[5_000, 50_000])
    parser.add_argument("--case", type=Path, nargs=2, action="append", default=[], metavar=("IMAGE", "MASK"))
    parser.add_argument("--images", choices=IMAGES, nargs="+", default=list(IMAGES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pyradiomics-repeats", type=int, default=1)
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.mode:
        image, mask = map(str, given.case[0])
        print(json.dumps(measure(given.mode, image, mask, given.images[0], given.repeats)))
        return
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "SimpleITK", "PyWavelets"))
    lines = [
        f"Python {platform.python_version()}, {packages}, {platform.machine()}, one thread.",
        "",
        "| case | images | engine | features | CPU s | wall s | first s | peak MB | native is faster by (CPU) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        cases = {image.name.split("_image")[0]: (image, mask) for image, mask in given.case}
        cases |= {f"{n // 1000}k voxels": synthetic(Path(folder), n) for n in given.sizes}
        for name, files in cases.items():
            for images in given.images:
                ours = in_a_process("native", files, images, given.repeats)
                for mode in MODES:
                    repeats = given.pyradiomics_repeats
                    found = ours if mode == "native" else in_a_process(mode, files, images, repeats)
                    ratio = "" if mode == "native" else f"{found['cpu'] / ours['cpu']:.1f}x"
                    times = " | ".join(f"{found[key]:.3f}" for key in ("cpu", "wall", "first"))
                    lines.append(
                        f"| {name} | {images} | {mode} | {found['features']} | {times} | {found['megabytes']:.0f} | "
                        f"{ratio} |"
                    )
                    print(lines[-1], flush=True)
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
