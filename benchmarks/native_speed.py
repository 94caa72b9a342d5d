"""How fast is the library's own radiomics engine? From file to row, one core, against PyRadiomics in the same run.

    python benchmarks/native_speed.py [--sizes 5000 50000 500000] [--case IMAGE MASK ...] [--images 17 original]
        [--repeats 5] [--pyradiomics-repeats 1] [--out TABLE.md]

The measuring is `hybridrad.bench`, which `hybridrad bench` runs in a short version.
"""

from __future__ import annotations

import argparse
import platform
from datetime import date
from pathlib import Path

import hybridrad as hr
from hybridrad.bench import IMAGES, speed_table
from hybridrad.record import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[5_000, 50_000])
    parser.add_argument("--case", type=Path, nargs=2, action="append", default=[], metavar=("IMAGE", "MASK"))
    parser.add_argument("--images", choices=IMAGES, nargs="+", default=list(IMAGES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pyradiomics-repeats", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    table = speed_table(
        sizes=given.sizes,
        cases=[(image, mask) for image, mask in given.case],
        images=given.images,
        repeats=given.repeats,
        pyradiomics_repeats=given.pyradiomics_repeats,
        note=lambda line: print(line, flush=True),
    )
    lines = [
        f"{date.today()}, hybridrad {hr.__version__}, {platform.machine()}, one thread; "
        + ", ".join(f"{k} {v}" for k, v in versions().items()),
        "",
        "| case | images | engine | features | CPU s | wall s | first s | peak MB | times native (CPU) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (case, images, engine), row in table.iterrows():
        times = " | ".join(f"{row[name]:.3f}" for name in ("cpu_s", "wall_s", "first_s"))
        lines.append(
            f"| {case} | {images} | {engine} | {row['n_features']:.0f} | {times} | {row['peak_mb']:.0f} | "
            f"{row['times_native']:.1f}x |"
        )
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
