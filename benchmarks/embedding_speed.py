"""Images per second of the embedding path against the bare forward pass of the same network on the same device.

    python benchmarks/embedding_speed.py --out speed.csv
    python benchmarks/embedding_speed.py --out speed.csv --backbones resnet18 --images 512 --batch-size 64 --device cuda
    python benchmarks/embedding_speed.py --out compiled.csv --backbones resnet18 --ways bare compiled

Three ways take turns on the same number of pictures: the bare network on ready batches (the quicker of batches of
``--batch-size`` and of 4, each with all threads), prepared views through the extractor, and files through
`extract_features` in ``--jobs`` worker processes, counted from the start of the workers to the written table. On
request ``compiled``: the bare network after `torch.compile`, and how long its first call takes.
Weights are random: they do not change the time.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import hybridrad as hr
from hybridrad.features.deep.batching import exact_arithmetic
from hybridrad.features.deep.network import load_network
from hybridrad.features.deep.weights import find_weights
from hybridrad.record import versions

BACKBONES = ("resnet18", "resnet50", "resnet152", "densenet121", "inception_v3")
WAYS = ("bare", "prepared", "files")
ON_REQUEST = ("compiled",)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="CSV of every turn")
    parser.add_argument("--backbones", nargs="+", default=list(BACKBONES))
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--jobs", type=int, default=2, help="worker processes that read files and render views")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=[*WAYS, *ON_REQUEST])
    return parser.parse_args()


def bare(
    extractor: hr.EmbeddingExtractor, n_images: int, batch_size: int, device: str, *, compiled: bool = False
) -> Callable[[], None]:
    """Return a run of the network without its classifier over ready inputs."""
    weights = find_weights(extractor.backbone, "untrained")
    model = load_network(extractor.backbone, weights, device=device)
    model = torch.compile(model) if compiled else model
    side = weights.preprocessing.input_size
    batch = torch.rand(batch_size, 3, side, side).to(device).contiguous(memory_format=torch.channels_last)
    dtype = torch.bfloat16 if extractor.precision == "bf16" else torch.float32

    def run() -> None:
        # The arithmetic the extractor is held to, and its autocast; nothing of its batching.
        with exact_arithmetic(device, extractor.precision), torch.inference_mode():
            for _ in range(-(-n_images // batch_size)):
                model(batch).to(dtype)
        if device != "cpu":
            torch.cuda.synchronize()

    return run


def ways_of(
    extractor: hr.EmbeddingExtractor, cohort: hr.Cohort, folder: Path, options: argparse.Namespace
) -> dict[str, Callable[[], object]]:
    """Return the ways to be timed, each on all cases of the cohort."""
    n, device = len(cohort.table), extractor._device()
    rng = np.random.default_rng(0)
    payloads = [rng.random((1, 1, 160, 180), dtype=np.float32) for _ in range(n)]
    numbered = iter(range(10_000))

    def files() -> object:
        store = folder / f"{extractor.backbone}-{next(numbered)}"
        return hr.extract_features(cohort, [extractor], store=store, n_jobs=options.jobs, progress=False)

    def prepared() -> object:
        # As a run does it: so many cases at a time.
        step = extractor.batch_size
        return [extractor.finish(payloads[i : i + step]) for i in range(0, n, step)]

    ways: dict[str, Callable[[], object]] = {}
    if "bare" in options.ways:
        ways[f"bare, batch {options.batch_size}"] = bare(extractor, n, options.batch_size, device)
        if device == "cpu":
            ways["bare, batch 4"] = bare(extractor, n, 4, device)
    if "compiled" in options.ways:
        ways["compiled"] = bare(extractor, n, options.batch_size, device, compiled=True)
    if "prepared" in options.ways:
        ways["prepared"] = prepared
    if "files" in options.ways:
        ways["files"] = files
    return ways


def table(rows: pd.DataFrame, n_images: int) -> str:
    """Return images per second by the median of the turns, and what share of the bare network's that is."""
    median = rows.pivot_table(index="backbone", columns="way", values="seconds", aggfunc="median", sort=False)
    bare_ways = [way for way in median.columns if way.startswith("bare")]
    others = [way for way in (*WAYS[1:], *ON_REQUEST) if way in median.columns]
    lines = ["| network | bare, images/s |" + "".join(f" {way}, images/s | share |" for way in others)]
    lines.append("|---" * (2 + 2 * len(others)) + "|")
    for backbone, seconds in median.iterrows():
        quickest = seconds[bare_ways].min()
        cells = [f"{n_images / quickest:.1f}"]
        for way in others:
            cells += [f"{n_images / seconds[way]:.1f}", f"{quickest / seconds[way]:.0%}"]
        lines.append(f"| {backbone} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    options = arguments()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohort = hr.make_cohort(folder / "cohort", n_patients=options.images, random_state=0)
        for backbone in options.backbones:
            extractor = hr.EmbeddingExtractor(
                backbone,
                weights="untrained",
                device=options.device,
                batch_size=options.batch_size,
                precision=options.precision,
            )
            ways = ways_of(extractor, cohort, folder, options)
            for way, run in ways.items():  # loads the network, reads the files into the page cache
                start = time.perf_counter()
                run()
                if way == "compiled":
                    print(f"{backbone}: {time.perf_counter() - start:.1f} s for the first call, compilation included")
            for turn in range(options.turns):
                for way, run in ways.items():
                    start = time.perf_counter()
                    run()
                    rows.append((backbone, way, turn, time.perf_counter() - start))
            print(f"{backbone}: {statistics.median(r[3] for r in rows if r[0] == backbone):.1f} s", flush=True)
            pd.DataFrame(rows, columns=["backbone", "way", "turn", "seconds"]).to_csv(options.out, index=False)
    found = pd.DataFrame(rows, columns=["backbone", "way", "turn", "seconds"])
    device = torch.cuda.get_device_name() if torch.cuda.is_available() and options.device != "cpu" else "CPU"
    print(
        f"{date.today()}, hybridrad {hr.__version__}, {platform.machine()}, {device}, {torch.get_num_threads()} threads"
    )
    print(", ".join(f"{k} {v}" for k, v in versions().items()))
    print(table(found, len(cohort.table)))


if __name__ == "__main__":
    main()
