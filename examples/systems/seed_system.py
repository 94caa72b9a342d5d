"""What the scripts of this folder share: command line, cohort, features, views, the arms of a study, and the table.

Not a script. A system is a function that is given the options and returns the rows of the table:

    def systems(options: Options) -> list[Row]: ...

    if __name__ == "__main__":
        main(systems, __doc__)
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hybridrad as hr
from hybridrad.run_folder import save_study

TABLE = "systems.csv"
NETWORK, RADIOMICS, FUSED, SIZE = "network", "radiomics", "fused", "size"


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line; None leaves the choice to the system.

    Parameters
    ----------
    out : Path
        Folder of the run; the same call goes on there after an interruption.
    cohort : Path, optional
        Cohort table; without one, synthetic lesions in CT-like volumes.
    weights : str
        A name of torchvision, a local file, or ``untrained``.
    fast : bool
        Fewer patients, SqueezeNet at a small input size, few epochs: minutes on one core.
    backbone, patients, input_px, epochs, cv, params, window
        Replace what the system, or ``fast``, would choose.
    jobs : int
        Worker processes of the extraction, and of the folds.
    """

    out: Path = Path("systems_run")
    cohort: Path | None = None
    weights: str = "DEFAULT"
    fast: bool = False
    backbone: str | None = None
    patients: int | None = None
    input_px: int | None = None
    epochs: int | None = None
    cv: tuple[int, int] | None = None
    params: Path | None = None
    window: str | None = None
    jobs: int = 1

    def choose(self, name: str, *, full: Any, fast: Any) -> Any:
        """Return what was asked for, else what the fast or the full version takes."""
        asked = getattr(self, name)
        return asked if asked is not None else (fast if self.fast else full)

    def network(self, paper: str) -> str:
        """Return the architecture: that of the paper, or with ``--fast`` SqueezeNet 1.1."""
        return str(self.choose("backbone", full=paper, fast="squeezenet1_1"))

    def recipe(self, train: str, **settings: Any) -> hr.TrainingRecipe:
        """Return the training; few epochs with ``--fast``, where the head alone can afford more."""
        epochs = self.choose("epochs", full=30, fast=30 if train == "head" else 8)
        return hr.TrainingRecipe(train, epochs=epochs, **settings)

    def folds(self) -> hr.NestedCV:
        """Return the design: 3 x 3 folds, or 5 x 1 with ``--fast``, the same for all arms."""
        outer, repeats = self.choose("cv", full=(3, 3), fast=(5, 1))
        return hr.NestedCV(outer=outer, repeats=repeats, inner=3)

    @property
    def task(self) -> str:
        """What is predicted, as it is called in the table."""
        return "detection" if self.cohort is not None else "synthetic label"

    @property
    def weights_name(self) -> str:
        """The weights as they are called in the table."""
        return "local file" if Path(self.weights).suffix else self.weights


@dataclass(frozen=True)
class Row:
    """One row of the table: a system next to radiomics and to its fused version; AUCs with 95 % intervals."""

    system: str
    task: str
    network: str
    members: str
    n_patients: int
    n_cases: int
    design: str
    size_auc: float
    radiomics_auc: float
    radiomics_low: float
    radiomics_high: float
    network_auc: float
    network_low: float
    network_high: float
    fused_auc: float
    fused_low: float
    fused_high: float
    difference: float
    difference_low: float
    difference_high: float
    seconds: float


@dataclass(frozen=True)
class Extracted:
    """A cohort with what was extracted from each case: radiomics and size. Nothing in it was learned."""

    cohort: hr.Cohort
    run: Any

    @property
    def features(self) -> pd.DataFrame:
        """The feature table."""
        return self.run.features


# ---- cohort, features, views: one case at a time ----


def read(options: Options, *, patients: int | None, label: str = "label") -> hr.Cohort:
    """Return the cohort, or a synthetic one where none was given; with ``--fast`` that many patients of it."""
    wanted = options.choose("patients", full=None, fast=patients)
    if options.cohort is None:
        n = wanted or 120
        folder = options.out / f"synthetic_{n}"
        if not (folder / "cohort.csv").is_file():
            hr.make_cohort(folder, n_patients=n, scenario="both", random_state=0)
        return hr.read_cohort(folder / "cohort.csv", label=label)
    cohort = hr.read_cohort(options.cohort, label=label)
    return cohort if wanted is None else some_patients(cohort, wanted)


def some_patients(cohort: hr.Cohort, n: int) -> hr.Cohort:
    """Return all cases of n patients, drawn by a fixed seed."""
    ids = np.sort(cohort.patient_id.unique())
    drawn = np.random.default_rng(0).permutation(ids)[:n]
    return cohort.subset(cohort.table.index[cohort.patient_id.isin(drawn)])


def extract(cohort: hr.Cohort, options: Options, *, settings: hr.RadiomicsSettings | None = None) -> Extracted:
    """Return radiomics of all cases; systems that ask for the same ones on the same table find them in ``--out``.

    Pictures of 8 bits get 32 grey levels: the default bin width of 25 was made for CT and leaves them two or three.
    """
    if options.params is not None:
        settings = hr.RadiomicsSettings.from_yaml(options.params)
    levels = settings or hr.RadiomicsSettings(bin_count=32)
    source = "synthetic" if options.cohort is None else options.cohort.stem
    folder = options.out / f"radiomics_{source}_{levels.bin_count or f'width{levels.bin_width:g}'}"
    run = hr.extract_features(
        cohort, [hr.RadiomicsExtractor(levels)], store=folder, n_jobs=options.jobs, progress=False
    )
    if len(run.failures):
        print(f"{len(run.failures)} cases failed and are left out; see {folder / 'failures.csv'}.")
    return Extracted(cohort, run)


def prepare(
    extracted: Extracted, options: Options, views: hr.Views, name: str, *, input_px: int, **columns: str
) -> hr.ViewStore:
    """Render what the network sees once, at the input size of the paper's network or, with ``--fast``, 80 pixels."""
    return hr.prepare_views(
        extracted.cohort.subset(extracted.features.index),
        views,
        store=options.out / name,
        input_px=options.choose("input_px", full=input_px, fast=80),
        n_jobs=options.jobs,
        progress=False,
        **columns,
    )


# ---- the arms, and what came of them ----


def arms(network: Any, *, members: Sequence[str] = (RADIOMICS, NETWORK, SIZE), **others: Any) -> dict[str, Any]:
    """Return the arms of a study: size, radiomics and the network alone, and all of them in one hedge.

    ``others`` are estimators of further blocks; those that are named in ``members`` join the hedge.
    """
    own = {NETWORK: network, **others}
    return {
        SIZE: hr.BlockModel(SIZE),
        RADIOMICS: hr.BlockModel(RADIOMICS),
        **{block: hr.BlockModel(block, estimator=estimator) for block, estimator in own.items()},
        FUSED: hr.HedgedFusion(list(members), estimators={b: e for b, e in own.items() if b in members}),
    }


def compare(
    models: Mapping[str, Any], features: pd.DataFrame, extracted: Extracted, options: Options, *, name: str, title: str
) -> hr.Comparison:
    """Compare all arms on the same folds by patient; ``hybridrad report`` makes a report of the tables it leaves."""
    folder = options.out / name
    folder.mkdir(parents=True, exist_ok=True)
    study = hr.compare_models(
        models,
        features,
        extracted.cohort,
        cv=options.folds(),
        baseline=NETWORK,
        explain=False,
        run=extracted.run,
        n_jobs=options.jobs,
        title=title,
        announce=print,
        store=folder / "folds",
    )
    save_study(study, folder)
    print(f"For the report of this study: hybridrad report {folder}")
    return study


def row_of(
    study: hr.Comparison, *, system: str, task: str, network: str, seconds: float, fused: str = FUSED, members: str = ""
) -> Row:
    """Return the row of a finished study."""
    auc = study.scores.xs("roc_auc", level="metric")
    gain = study.comparisons.loc[(fused, NETWORK, "roc_auc")]
    values: dict[str, float] = {"size_auc": auc.loc[SIZE, "value"]}
    for part, arm in ((RADIOMICS, RADIOMICS), (NETWORK, NETWORK), ("fused", fused)):
        values |= {f"{part}_auc": auc.loc[arm, "value"]}
        values |= {f"{part}_{limit}": auc.loc[arm, limit] for limit in ("low", "high")}
    values |= {"difference": gain["difference"]}
    values |= {f"difference_{limit}": gain[limit] for limit in ("low", "high")}
    design = study.settings["cv"]
    return Row(
        system=system,
        task=task,
        network=network,
        members=members or "radiomics, network, size",
        n_patients=int(auc.loc[NETWORK, "n_patients"]),
        n_cases=int(auc.loc[NETWORK, "n_cases"]),
        design=f"{design['folds_used']} x {design['repeats']} folds",
        seconds=seconds,
        **{key: float(value) for key, value in values.items()},
    )


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return time.perf_counter() - self.start


def keep(rows: Sequence[Row], out: Path) -> pd.DataFrame:
    """Put rows into the table in ``--out``, where they replace older ones of their systems, and return it whole."""
    new = pd.DataFrame([asdict(row) for row in rows], columns=[f.name for f in fields(Row)])
    path = out / TABLE
    if path.is_file():
        old = pd.read_csv(path)
        new = pd.concat([old[~old["system"].isin(new["system"])], new], ignore_index=True)
    new.to_csv(path, index=False)
    return new


def as_markdown(table: pd.DataFrame) -> str:
    """Return the table for reading."""
    head = "| system | task | network | patients, cases | design | size | radiomics | network alone | fused |"
    lines = [f"{head} hedge of | fused - network | s |", "|---" * 12 + "|"]
    for row in table.to_dict("records"):
        radiomics, network, fused = (
            f"{row[f'{arm}_auc']:.3f} ({row[f'{arm}_low']:.3f} to {row[f'{arm}_high']:.3f})"
            for arm in (RADIOMICS, NETWORK, FUSED)
        )
        gain = f"{row['difference']:+.3f} ({row['difference_low']:+.3f} to {row['difference_high']:+.3f})"
        cells = [row["system"], row["task"], row["network"], f"{row['n_patients']}, {row['n_cases']}", row["design"]]
        cells += [f"{row['size_auc']:.3f}", radiomics, network, fused, row["members"], gain, f"{row['seconds']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


# ---- the command line ----


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return the options that all systems have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cohort", type=Path, metavar="COHORT.csv", help="Cohort table; without one, synthetic CT-like volumes."
    )
    parser.add_argument(
        "--weights",
        default="DEFAULT",
        metavar="NAME_OR_PATH",
        help="Of torchvision by name (default DEFAULT), a local file for --backbone, or untrained.",
    )
    parser.add_argument("--fast", action="store_true", help="Minutes on one core; see above for what it changes.")
    parser.add_argument("--out", type=Path, default=Path("systems_run"), metavar="RUN", help="Folder of the run.")
    parser.add_argument("--backbone", metavar="NAME", help="Another network of torchvision.")
    parser.add_argument("--patients", type=int, metavar="N", help="So many patients of the cohort.")
    parser.add_argument("--input-px", type=int, metavar="PX", help="Side of the network's input, in pixels.")
    parser.add_argument("--epochs", type=int, metavar="N", help="Epochs of training, at most.")
    parser.add_argument("--cv", type=_folds, metavar="KxR", help="Outer folds x repeats.")
    parser.add_argument("--params", type=Path, metavar="PYRADIOMICS.yaml", help="Radiomics: a parameter file.")
    parser.add_argument("--window", metavar="NAME", help="CT window of the views, e.g. bone or lung.")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="Worker processes.")
    return parser


def main(
    systems: Callable[..., list[Row]], doc: str | None, arguments: Sequence[str] | None = None, **more: dict[str, Any]
) -> None:
    """Run one system from the command line, print its rows, and keep them in ``--out``.

    ``more`` are options of the system's own, as ``add_argument`` takes them; it gets them by name.
    """
    parser = parser_of(doc)
    for name, settings in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **settings)
    typed = vars(parser.parse_args(arguments))
    own = {name: typed.pop(name) for name in more}
    options = Options(**typed)
    options.out.mkdir(parents=True, exist_ok=True)
    say_what_stands_in(options)
    rows = systems(options, **own)
    keep(rows, options.out)
    print(as_markdown(pd.DataFrame([asdict(row) for row in rows])))
    print(f"The table of all systems so far: {options.out / TABLE}")


def say_what_stands_in(options: Options) -> None:
    """Print what is not the paper's own, so that nobody takes a fast run for a result."""
    if Path(options.weights).suffix:
        print(f"Weights: {Path(options.weights).name}.")
    if options.weights == "untrained":
        print("Weights: untrained. The network starts from random numbers; its AUC says nothing about the system.")
    if options.fast:
        print("--fast: fewer patients, a small network and input, few epochs. For the real thing, leave it out.")
    if options.cohort is None:
        print("No cohort was given: synthetic lesions in CT-like volumes (hr.make_cohort), no fractures.")


def _folds(text: str) -> tuple[int, int]:
    outer, _, repeats = text.partition("x")
    if not (outer.isdigit() and repeats.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not folds x repeats such as 5x2.")
    return int(outer), int(repeats)
