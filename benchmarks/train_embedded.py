"""Train a small network on the regions of several cohorts; see what its embeddings are worth on others.

    python benchmarks/train_embedded.py prepare --data nodules=COHORT.csv ultrasound=COHORT.csv --out RUN
    python benchmarks/train_embedded.py train RUN --on nodules --steps 600 --name from_nodules
    python benchmarks/train_embedded.py transfer RUN --networks from_nodules --others IMAGENET.safetensors
    python benchmarks/train_embedded.py table RUN

``prepare`` renders what is trained on: the region with a margin of its own size, five slices of a volume, 128 pixels.

``train`` starts from random weights and never sees an outcome. Three tasks on augmented crops of 64 pixels: two crops
of a region find each other among all others; the outline of the region, from the last map; 17 descriptions of the
region (position, size, shape, grey values, gradients, how coarse the picture was made), from the mean of the last map,
which is the embedding. Half of the pictures are shown inverted, so that bright and dark regions are the same task. A
training that was stopped goes on from its last hundred steps.

``transfer`` embeds every cohort by `hybridrad.EmbeddingExtractor`, fits `hybridrad.BlockModel` on draws of patients and
scores it on all others; rerun to resume. Volumes are shown in the lung window, pictures between their percentiles. Each
fit has one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from resumable import add_rows, read_rows
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as nnf
from unseen import refuse_if_trained_on

import hybridrad as hr
from hybridrad.features.deep.backbones import build_network
from hybridrad.features.deep.checkpoints import write_weights
from hybridrad.features.deep.trained_on import image_digest
from hybridrad.features.deep.weights import Preprocessing, find_weights
from hybridrad.imaging.roi import read_roi
from hybridrad.models.memo import shared_fits
from hybridrad.record import versions

BACKBONE = "squeezenet1_1"
STORED_PX, INPUT_PX = 128, 64
MEAN, STD = 0.449, 0.226  # of all three channels: the pictures are grey
PAIRS, PEAK_LR, WARM_UP, WEIGHT_DECAY = 48, 7e-4, 50, 1e-2
WEIGHTS = {"agreement": 1.0, "outline": 5.0, "descriptions": 3.0}
AGREED, TEMPERATURE = 512, 0.2
N_DESCRIPTIONS = 17
COARSE_GROUPS, COARSE_SHARE, COARSEST = 6, 0.5, 6.0
OUTLINE_PX = 16
SAVED_EVERY = 100
KEY = ["cohort", "network", "n", "seed"]
COLUMNS = [*KEY, "auc", "n_test_patients"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare")
    prepare.add_argument("--data", nargs="+", metavar="NAME=COHORT.csv", required=True)
    prepare.add_argument("--out", type=Path, required=True)
    train = commands.add_parser("train")
    train.add_argument("run", type=Path)
    train.add_argument("--on", nargs="+", required=True, help="Names of cohorts.")
    train.add_argument("--name", required=True, help="Name of the network.")
    train.add_argument("--tasks", nargs="+", choices=list(WEIGHTS), default=list(WEIGHTS))
    train.add_argument("--steps", type=int, default=600)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--licence", default="not published")
    train.add_argument("--origin", default="trained by benchmarks/train_embedded.py")
    transfer = commands.add_parser("transfer")
    transfer.add_argument("run", type=Path)
    transfer.add_argument("--networks", nargs="*", default=[], help="Names of trained networks.")
    transfer.add_argument("--others", nargs="*", type=Path, default=[], help="Weights files, at their own input size.")
    transfer.add_argument("--untrained", type=int, default=3, help="Number of random networks.")
    transfer.add_argument("--on", nargs="+", help="Names of cohorts; default all.")
    transfer.add_argument("--patients", type=int, nargs="+", default=[80, 160, 320])
    transfer.add_argument("--draws", type=int, default=10)
    transfer.add_argument("--sizes", type=int, nargs="+", default=[INPUT_PX], help="Input sizes in pixels.")
    transfer.add_argument("--jobs", type=int, default=1)
    commands.add_parser("table").add_argument("run", type=Path)
    return parser.parse_args()


# -- what is trained on --


def is_volume(cohort: hr.Cohort) -> bool:
    return cohort.table["image"].astype(str).str.contains(r"\.(?:nii|nii\.gz|nrrd|mha)$").all()


def prepare(options: argparse.Namespace) -> None:
    sources = dict(item.split("=", 1) for item in options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "sources.json").write_text(json.dumps({k: str(Path(v).resolve()) for k, v in sources.items()}))
    for name, file in sources.items():
        cohort = hr.read_cohort(file)
        views = hr.Views("largest_slice", relative_margin=1.0)
        if is_volume(cohort):
            views = hr.Views("slices", n_slices=5, relative_margin=1.0, window="lung")
        print(name, hr.prepare_views(cohort, views, store=options.out / "views" / name, input_px=STORED_PX), flush=True)
        np.save(options.out / f"{name}_images.npy", digests(cohort))


def digests(cohort: hr.Cohort) -> np.ndarray:
    """Return the digests of the images, by which the library will know that the weights have seen them."""
    # One region of each image: several regions share it.
    cases = {case.path("image"): case for case in cohort.cases()}
    rois = (read_roi(file, case.path("mask"), case_id=case.case_id) for file, case in cases.items())
    return np.array([image_digest(roi.image_zyx) for roi in rois], dtype=np.uint64)


class Pictures:
    """Pictures and regions of a cohort, as bytes."""

    def __init__(self, folder: Path) -> None:
        store = hr.ViewStore.open(folder)
        ids = list(store.index.index)
        pictures = np.concatenate([views[:, 0] for views in store.pictures(ids)])
        self.pictures = torch.from_numpy(np.rint(pictures * 255).astype(np.uint8))
        self.regions = torch.from_numpy(np.rint(np.concatenate(store.regions(ids)) * 255).astype(np.uint8))

    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Return n of them, float, shape (n, 2, height, width)."""
        at = torch.randint(0, len(self.pictures), (n,), generator=generator)
        return torch.stack([self.pictures[at], self.regions[at]], 1).float() / 255


def augmented(both: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Crop, turn, flip and rescale pictures with their regions; change the grey values and the resolution of pictures.

    Returns the pictures, the regions and the logarithm of how coarse each picture was made.
    """
    n = len(both)

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    def sometimes(p: float, values: Tensor) -> Tensor:
        return torch.where(torch.rand(n, generator=generator) < p, values, torch.zeros(n))

    def wide(values: Tensor) -> Tensor:
        return values.view(n, 1, 1, 1)

    zoom, stretch, angle = between(math.log(0.45), 0.0).exp(), between(-0.15, 0.15).exp(), between(-0.35, 0.35)
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    sx, sy, cos, sin = zoom * stretch, zoom / stretch, angle.cos(), angle.sin()
    tx, ty = (between(-0.5, 0.5) * (1 - zoom) for _ in range(2))
    theta = torch.stack([flip * sx * cos, -sy * sin, tx, flip * sx * sin, sy * cos, ty], 1).view(n, 2, 3)
    grid = nnf.affine_grid(theta, [n, 1, INPUT_PX, INPUT_PX], align_corners=False)
    seen = nnf.grid_sample(both, grid, padding_mode="border", align_corners=False)
    x, region = seen[:, :1].clamp(0, 1), seen[:, 1:]
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    blurred = nnf.conv2d(nnf.pad(x, (2, 2, 2, 2), mode="replicate"), torch.outer(taps, taps)[None, None])
    x = torch.lerp(x, blurred, wide(sometimes(0.1, between(0, 1))))
    x = x ** wide(between(-0.4, 0.4).exp())
    mean = x.mean((2, 3), keepdim=True)
    x = (x - mean) * wide(between(0.6, 1.4)) + mean + wide(between(-0.15, 0.15))
    x = x + wide(sometimes(0.3, between(0, 0.06))) * torch.randn(x.shape, generator=generator)
    inverted = wide(torch.rand(n, generator=generator) < 0.5)
    x, coarseness = coarsened(torch.where(inverted, 1 - x, x).clamp(0, 1), generator)
    return x, region, coarseness


def coarsened(x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Show some pictures as if their region had fewer pixels, up to sixfold; two crops of a region alike."""
    x, coarseness = x.clone(), torch.zeros(len(x))
    for first in range(COARSE_GROUPS):
        strength, used = torch.rand(2, generator=generator).tolist()
        if used > COARSE_SHARE:
            continue
        rows = torch.arange(first, len(x), COARSE_GROUPS)
        px = max(round(INPUT_PX / COARSEST**strength), 1)
        small = nnf.interpolate(x[rows], size=(px, px), mode="bilinear", antialias=True)
        x[rows] = nnf.interpolate(small, size=x.shape[-2:], mode="bilinear")
        coarseness[rows] = math.log(INPUT_PX / px)
    return x, coarseness


def descriptions(x: Tensor, region: Tensor, coarseness: Tensor) -> Tensor:
    """Return 17 numbers of each picture and its region, shape (n, 17)."""
    n, _, height, width = x.shape
    tiny = 1e-4

    def total(values: Tensor) -> Tensor:
        return values.sum((1, 2, 3))

    def wide(values: Tensor) -> Tensor:
        return values.view(n, 1, 1, 1)

    def weighted(weights: Tensor, values: Tensor) -> Tensor:
        return total(weights * values) / (total(weights) + tiny)

    def slope(values: Tensor) -> Tensor:
        down = values[..., 1:, :-1] - values[..., :-1, :-1]
        right = values[..., :-1, 1:] - values[..., :-1, :-1]
        return nnf.pad((down**2 + right**2 + 1e-8).sqrt(), (0, 1, 0, 1))

    yy, xx = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    cx, cy = weighted(region, xx), weighted(region, yy)
    dx, dy = xx - wide(cx), yy - wide(cy)
    vx, vy, vxy = weighted(region, dx**2), weighted(region, dy**2), weighted(region, dx * dy)
    spread, edge = vx + vy + tiny, slope(region)
    area = total(region) + tiny
    ring = (nnf.max_pool2d(region, 9, 1, 4) - region).clamp(min=0)
    inside, around = weighted(region, x), weighted(ring, x)
    sd_inside = (weighted(region, (x - wide(inside)) ** 2) + 1e-6).sqrt()
    sd_around = (weighted(ring, (x - wide(around)) ** 2) + 1e-6).sqrt()
    skewness = weighted(region, (x - wide(inside)) ** 3) / (sd_inside**3 + tiny)
    of_shape = [
        area.log(), cx, cy, (vx - vy) / spread, 2 * vxy / spread, ((vx - vy) ** 2 + 4 * vxy**2).sqrt() / spread,
        (total(edge) ** 2 / area).log(), (area / (height * width) / spread + tiny).log(),
    ]  # fmt: skip
    of_grey = [inside, around, inside - around, sd_inside, sd_around, skewness.clamp(-3, 3)]
    of_slope = [(weighted(region, slope(x)) + tiny).log(), (weighted(edge, slope(x)) + tiny).log()]
    return torch.stack([*of_shape, *of_grey, *of_slope, coarseness], 1)


class Tasks(nn.Module):
    """The trunk; an outline from its last map; from the mean of the map descriptions and what two crops agree on."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = untrained_trunk()
        channels, cells = 512, self.trunk(torch.zeros(1, 3, INPUT_PX, INPUT_PX)).shape[-1]
        self.fine = -(-OUTLINE_PX // cells)
        self.outline = nn.Conv2d(channels, self.fine**2, 1)
        self.descriptions = nn.Linear(channels, N_DESCRIPTIONS)
        self.agreed = nn.Sequential(
            nn.Linear(channels, AGREED), nn.BatchNorm1d(AGREED), nn.ReLU(), nn.Linear(AGREED, AGREED)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.trunk(((x - MEAN) / STD).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last))
        mean = found.mean((2, 3))
        return nnf.pixel_shuffle(self.outline(found), self.fine), self.descriptions(mean), self.agreed(mean)


def disagreement(agreed: Tensor) -> Tensor:
    """Return how badly the first half of the rows picks its counterpart in the second half, and the other way round.

    The normalised temperature-scaled cross entropy (Chen et al., ICML 2020).
    """
    n = len(agreed) // 2
    unit = nnf.normalize(agreed)
    alike = (unit @ unit.T / TEMPERATURE).fill_diagonal_(-1e9)
    return nnf.cross_entropy(alike, (torch.arange(2 * n) + n) % (2 * n))


def untrained_trunk() -> nn.Module:
    """Return the convolutions with random weights that suit a training."""
    trunk = build_network(BACKBONE).features
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return trunk.to(memory_format=torch.channels_last)


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cohorts = [Pictures(options.run / "views" / name) for name in options.on]
    torch.manual_seed(options.seed)
    chance = torch.Generator().manual_seed(options.seed)
    tasks = Tasks().train()
    weight = {name: WEIGHTS[name] if name in options.tasks else 0.0 for name in WEIGHTS}
    optimiser = torch.optim.AdamW(tasks.parameters(), lr=PEAK_LR, weight_decay=WEIGHT_DECAY)
    centre, width, first = torch.zeros(N_DESCRIPTIONS), torch.ones(N_DESCRIPTIONS), 0
    state_file = options.run / f"{options.name}.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        tasks.load_state_dict(state["tasks"])
        optimiser.load_state_dict(state["optimiser"])
        chance.set_state(state["chance"])
        centre, width, first = state["centre"], state["width"], state["step"]
    losses = []
    for step in range(first, options.steps):
        for group in optimiser.param_groups:
            group["lr"] = PEAK_LR * min(1.0, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / options.steps)) / 2
        shares = [PAIRS * (i + 1) // len(cohorts) - PAIRS * i // len(cohorts) for i in range(len(cohorts))]
        drawn = torch.cat([cohort.drawn(n, chance) for cohort, n in zip(cohorts, shares, strict=True)])
        x, region, coarseness = augmented(torch.cat([drawn, drawn]), chance)
        wanted = descriptions(x, region, coarseness)
        keep = 0.95 if step else 0.0
        centre, width = torch.lerp(wanted.mean(0), centre, keep), torch.lerp(wanted.std(0) + 1e-6, width, keep)
        outline, told, agreed = tasks(x)
        share = nnf.interpolate(region, size=outline.shape[-2:], mode="bilinear", antialias=True).clamp(0, 1)
        loss = {
            "agreement": disagreement(agreed),
            "outline": nnf.binary_cross_entropy_with_logits(outline, share),
            "descriptions": nnf.smooth_l1_loss(told, ((wanted - centre) / width).clamp(-4, 4)),
        }
        optimiser.zero_grad()
        sum(weight[name] * loss[name] for name in WEIGHTS).backward()
        nn.utils.clip_grad_norm_(tasks.parameters(), 5.0)
        optimiser.step()
        losses.append([loss[name].item() for name in WEIGHTS])
        if (step + 1) % SAVED_EVERY == 0 or step + 1 == options.steps:
            print(step + 1, *WEIGHTS, np.mean(losses[-SAVED_EVERY:], axis=0).round(3), flush=True)
            state = {"tasks": tasks.state_dict(), "optimiser": optimiser.state_dict(), "chance": chance.get_state()}
            torch.save({**state, "centre": centre, "width": width, "step": step + 1}, state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
    write_network(tasks.trunk, options.run / f"{options.name}.safetensors", INPUT_PX, options)


def write_network(trunk: nn.Module, target: Path, input_px: int, options: argparse.Namespace | None = None) -> None:
    """Write a trunk under torchvision's names, with what it expects of an image."""
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.pth"
        torch.save({f"features.{k}": v.contiguous() for k, v in trunk.state_dict().items()}, plain)
        write_weights(
            plain,
            target,
            backbone=BACKBONE,
            preprocessing={
                "input_size": input_px,
                "mean": [MEAN] * 3,
                "std": [STD] * 3,
                "interpolation": "bilinear",
            },
            licence=options.licence if options else "none",
            origin=options.origin if options else "random",
            trained_on={name: np.load(options.run / f"{name}_images.npy").tolist() for name in options.on}
            if options
            else None,
        )


# -- what it is worth elsewhere --


def extractors(options: argparse.Namespace, cohort: str, views: hr.Views) -> list[hr.EmbeddingExtractor]:
    """Return networks trained elsewhere and untrained ones at every input size, and others at their own."""
    found = []

    def add(name: str, weights: Path | str, **how: Any) -> None:
        found.append(hr.EmbeddingExtractor(BACKBONE, weights, views, name=name, device="cpu", **how))

    for px in options.sizes:
        seen = Preprocessing(px, (MEAN,) * 3, (STD,) * 3, "bilinear")
        for name in options.networks:
            file = options.run / f"{name}.safetensors"
            if cohort not in find_weights(BACKBONE, file).trained_on:
                add(f"{name}_{px}", file, preprocessing=seen)
        for seed in range(options.untrained):
            file = options.run / f"untrained_{seed}.safetensors"
            if not file.exists():
                torch.manual_seed(seed)
                write_network(build_network(BACKBONE).features, file, INPUT_PX)
            add(f"untrained_{seed}_{px}", file, preprocessing=seen)
    for file in options.others:
        add(file.stem, file)
    if options.untrained:
        add("untrained_default", "untrained")
    return found


def one_draw(features: Path, cohort_file: str, name: str, network: str, n: int, seed: int) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    X = pd.read_parquet(features)
    cohort = hr.read_cohort(cohort_file).subset(X.index)
    y, patient = cohort.y.to_numpy(), cohort.patient_id.to_numpy()
    ids = pd.unique(patient)
    train = np.isin(patient, np.random.default_rng([n, seed]).permutation(ids)[:n])
    with shared_fits():
        model = hr.BlockModel(network).fit(X[train], y[train], groups=patient[train])
        auc = roc_auc_score(y[~train], model.predict_proba(X[~train])[:, 1])
    return [dict(zip(COLUMNS, (name, network, n, seed, auc, len(ids) - n), strict=True))]


def transfer(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    out = options.run / "transfer.csv"
    done = {tuple(key) for key in read_rows(out, COLUMNS, text=["cohort", "network"])[KEY].itertuples(index=False)}
    tasks = []
    for name, file in json.loads((options.run / "sources.json").read_text()).items():
        if options.on and name not in options.on:
            continue
        cohort = hr.read_cohort(file)
        views = hr.Views("largest_slice", relative_margin=0.5, window="lung" if is_volume(cohort) else None)
        networks = extractors(options, name, views)
        run = hr.extract_features(cohort, networks, store=options.run / "features" / name)
        refuse_if_trained_on(run)
        print(name, run, flush=True)
        table = options.run / "features" / name / "features.parquet"
        tasks += [
            (table, file, name, network.name, n, seed)
            for network in networks
            for n in options.patients
            for seed in range(options.draws)
            if (name, network.name, n, seed) not in done and n < cohort.table["patient_id"].nunique()
        ]
    add_rows(out, COLUMNS, one_draw, tasks, options.jobs)
    table_of(options)


def table_of(options: argparse.Namespace) -> None:
    rows = read_rows(options.run / "transfer.csv", COLUMNS, text=["cohort", "network"])
    for cohort, part in rows.groupby("cohort", sort=False):
        sizes = sorted(part["n"].unique())
        print(f"\n**{cohort}**\n\n| network | {' | '.join(f'n = {n}' for n in sizes)} |\n{'|---' * (len(sizes) + 1)}|")
        for network, of_network in part.groupby("network", sort=False):
            of_n = of_network.groupby("n")["auc"]
            cells = [f"{of_n.mean().get(n, np.nan):.3f} ({of_n.std().get(n, np.nan):.3f})" for n in sizes]
            print(f"| {network} | {' | '.join(cells)} |")


def main() -> None:
    options = arguments()
    print(f"{date.today()}, hybridrad {hr.__version__}; " + ", ".join(f"{k} {v}" for k, v in versions().items()))
    {"prepare": prepare, "train": train, "transfer": transfer, "table": table_of}[options.command](options)


if __name__ == "__main__":
    main()
