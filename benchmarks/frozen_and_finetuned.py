"""How good can the deep arm be on breast ultrasound (BUS-BRA): frozen in several ways, trained further, fused?

    python benchmarks/frozen_and_finetuned.py prepare COHORT.csv WEIGHTS --out RUN
    python benchmarks/frozen_and_finetuned.py draws RUN --patients 80 160 320 --draws 5
    python benchmarks/frozen_and_finetuned.py folds RUN

``prepare`` extracts radiomics and SqueezeNet 1.1 embeddings read in several ways, and renders the views that are
trained on. ``draws`` trains on n patients and tests on all others; rerun to resume. ``folds`` is a study on the
official folds of the cohort table (column ``official_fold5``). Each fit has one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from resumable import add_rows, read_rows
from sklearn.metrics import roc_auc_score
from unseen import refuse_if_trained_on

import hybridrad as hr
from hybridrad.models.memo import shared_fits
from hybridrad.record import versions

BACKBONE = "squeezenet1_1"
TWO, THREE = ("features.7", "last_map"), ("features.4", "features.7", "last_map")
# name -> views, reading. The first is what one gets without saying anything.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "deep": ({}, {}),
    "deep_sqrt": ({}, {"sqrt": True}),
    "deep_narrow": ({"relative_margin": 0.1}, {"sqrt": True}),
    "deep_wide": ({"relative_margin": 1.0}, {"sqrt": True}),
    "deep_two": ({}, {"layers": TWO, "sqrt": True}),
    "deep_three": ({}, {"layers": THREE, "sqrt": True}),
    "deep_gem": ({}, {"pooling": "gem"}),
    "deep_mean_max": ({}, {"pooling": "mean_max"}),
    "deep_region": ({}, {"pooling": "masked_mean", "sqrt": True}),
    "deep_dimmed": ({"background": "dimmed"}, {"sqrt": True}),
    "deep_masked": ({"background": "masked"}, {"sqrt": True}),
    "deep_outlined": ({"mask_channel": True}, {"sqrt": True}),
    "deep_outlined_narrow": ({"mask_channel": True, "relative_margin": 0.1}, {"sqrt": True}),
    "deep_outlined_two": ({"mask_channel": True}, {"layers": TWO, "sqrt": True}),
}
STORES: dict[str, dict[str, Any]] = {"views": {}, "views_outlined": {"mask_channel": True}}
# name -> store of its views, recipe.
NETWORKS = {
    "finetuned_all": ("views", hr.TrainingRecipe()),
    "finetuned_last": ("views", hr.TrainingRecipe("last_blocks", trunk_lr=3e-4)),
    "finetuned_all_outlined": ("views_outlined", hr.TrainingRecipe()),
    "finetuned_last_outlined": ("views_outlined", hr.TrainingRecipe("last_blocks", trunk_lr=3e-4)),
}
INPUT_PX = 112
KEY = ["n", "seed"]
COLUMNS = [*KEY, "arm", "auc", "seconds", "n_test_patients", "chosen"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare")
    prepare.add_argument("cohort", type=Path)
    prepare.add_argument("weights", type=Path)
    prepare.add_argument("--out", type=Path, required=True)
    for name in ("draws", "folds"):
        of_run = commands.add_parser(name)
        of_run.add_argument("run", type=Path)
        of_run.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
        if name == "draws":
            of_run.add_argument("--patients", type=int, nargs="+", default=[80, 160, 320])
            of_run.add_argument("--draws", type=int, default=5)
            of_run.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def prepare(options: argparse.Namespace) -> None:
    cohort = hr.read_cohort(options.cohort)
    extractors: list[Any] = [hr.RadiomicsExtractor()]
    for name, (views, reading) in VARIANTS.items():
        seen = hr.Views(**{"relative_margin": 0.5} | views)
        extractors.append(hr.EmbeddingExtractor(BACKBONE, options.weights, seen, name=name, device="cpu", **reading))
    run = hr.extract_features(cohort, extractors, store=options.out / "features", n_jobs=1)
    refuse_if_trained_on(run)
    print(run)
    for name, views in STORES.items():
        seen = hr.Views(**{"relative_margin": 0.5} | views)
        hr.prepare_views(cohort, seen, store=options.out / name, input_px=INPUT_PX)
    (options.out / "sources.txt").write_text(f"{options.cohort.resolve()}\n{options.weights.resolve()}\n")


class Prepared:
    """What ``prepare`` left: the feature table with a marker block for each recipe, the cohort, the networks."""

    def __init__(self, folder: Path, *, networks: Sequence[str]) -> None:
        cohort, weights = (Path(line) for line in (folder / "sources.txt").read_text().split("\n")[:2])
        self.networks: dict[str, Any] = {}
        self.features = pd.read_parquet(folder / "features" / "features.parquet")
        for name in networks:
            views, recipe = NETWORKS[name]
            store = hr.ViewStore.open(folder / views)
            self.networks[name] = hr.FineTunedCNN(
                BACKBONE, weights, views_store=store, recipe=recipe, augment=hr.Augmentation(), device="cpu"
            )
            self.features = self.features.join(store.marker(name))
        self.cohort = hr.read_cohort(cohort).subset(self.features.index)

    def arms(self) -> dict[str, Any]:
        """Return all arms; those that read several variants declare them, the inner folds weigh or choose."""
        variants = list(VARIANTS)
        members = ["radiomics", "deep_sqrt", "size"]
        arms: dict[str, Any] = {name: hr.BlockModel(name) for name in ("size", "radiomics", *variants)}
        arms |= {
            "deep_chosen": hr.BlockChoice(variants),
            "deep_late": hr.LateFusion(variants),
            "deep_early": hr.EarlyFusion(variants),
            "early": hr.EarlyFusion(["radiomics", "deep_sqrt"]),
            "late": hr.LateFusion(["radiomics", "deep_sqrt"]),
            "hedge": hr.HedgedFusion(members),
        }
        # The variants are columns of one block then, whose model chooses among them or takes them together.
        own = {name: [c for c in self.features if c.startswith(f"{name}__")] for name in ("radiomics", "size")}
        blocks = own | {"deep": [c for name in variants for c in self.features if c.startswith(f"{name}__")]}
        for how, model in (("chosen", hr.BlockChoice(variants)), ("early", hr.EarlyFusion(variants))):
            arms[f"hedge_{how}"] = hr.HedgedFusion(blocks, estimators={"deep": model})
        for name, network in self.networks.items():
            arms[name] = hr.BlockModel(name, estimator=network)
            arms[f"hedge_{name}"] = hr.HedgedFusion([*members, name], estimators={name: network})
        return arms


def one_draw(folder: Path, n: int, seed: int, known: set[str], *, networks: Sequence[str]) -> list[dict[str, Any]]:
    """Train every arm not yet known on n patients, test it on all others."""
    torch.set_num_threads(1)
    data = Prepared(folder, networks=networks)
    X, y, patient = data.features, data.cohort.y.to_numpy(), data.cohort.patient_id.to_numpy()
    ids = pd.unique(patient)
    train = np.isin(patient, np.random.default_rng([n, seed]).permutation(ids)[:n])
    rows = []
    with shared_fits():
        for name, arm in data.arms().items():
            if name in known:
                continue
            start = time.perf_counter()
            arm.fit(X[train], y[train], groups=patient[train])
            seconds = time.perf_counter() - start
            auc = roc_auc_score(y[~train], arm.predict_proba(X[~train])[:, 1])
            row = (n, seed, name, auc, seconds, len(ids) - n, getattr(arm, "chosen_", ""))
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def draws(options: argparse.Namespace) -> None:
    out = options.run / "draws.csv"
    done = read_rows(out, COLUMNS, text=["arm", "chosen"])
    tasks = [
        (options.run, n, seed, set(done.loc[(done["n"] == n) & (done["seed"] == seed), "arm"]))
        for seed in range(options.draws)
        for n in options.patients
    ]
    add_rows(out, COLUMNS, partial(one_draw, networks=options.networks), tasks, options.jobs)
    print(draws_table(read_rows(out, COLUMNS, text=["arm", "chosen"])))


def draws_table(rows: pd.DataFrame) -> str:
    """Return mean and draw-to-draw deviation of the AUC of each arm."""
    order = list(dict.fromkeys(rows["arm"]))
    sizes = sorted(rows["n"].unique())
    lines = [f"| arm | {' | '.join(f'n = {n}' for n in sizes)} |", "|---" * (len(sizes) + 1) + "|"]
    for arm in order:
        cells = []
        for n in sizes:
            auc = rows.loc[(rows["arm"] == arm) & (rows["n"] == n), "auc"]
            cells.append(f"{auc.mean():.3f} ({auc.std():.3f})" if len(auc) else "-")
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def folds(options: argparse.Namespace) -> None:
    data = Prepared(options.run, networks=options.networks)
    start = time.perf_counter()
    study = hr.compare_models(
        data.arms(),
        data.features,
        data.cohort,
        cv=hr.OwnFolds("official_fold5", inner=4),
        baseline="deep",
        store=options.run / "folds",
        announce=print,
    )
    print(f"{time.perf_counter() - start:.0f} s")
    auc = study.scores.xs("roc_auc", level="metric")
    print("| arm | AUC | 95 % interval |\n|---|---|---|")
    for arm, row in auc.iterrows():
        print(f"| {arm} | {row['value']:.3f} | {row['low']:.3f} to {row['high']:.3f} |")
    print(study.comparisons.round(3).to_string())
    print(study.regret.round(3).to_string())


def main() -> None:
    torch.set_num_threads(1)
    options = arguments()
    print(f"{date.today()}, hybridrad {hr.__version__}; " + ", ".join(f"{k} {v}" for k, v in versions().items()))
    {"prepare": prepare, "draws": draws, "folds": folds}[options.command](options)


if __name__ == "__main__":
    main()
