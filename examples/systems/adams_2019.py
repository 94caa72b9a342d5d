"""Adams 2019: how much does a network gain from more patients, and does radiomics help it most when they are few?

The paper: "Computer vs human: Deep learning versus perceptual training for the detection of neck of femur fractures", J
Med Imaging Radiat Oncol 63:27-32, doi:10.1111/1754-9485.12828. AlexNet and GoogLeNet were trained on 200, 320 and 640
radiographs of hips and tested on 160 others; their accuracy rose from 82 and 88 % to 89 and 94 %.

Kept: AlexNet and GoogLeNet with ImageNet weights, all layers trained, growing sets of training patients, the same test
patients for all sizes. Different: the sizes are those of the cohort at hand, with several draws and intervals; no
readers; and beside each network runs its hedge with radiomics, so that one sees where the fused arm is ahead. The row
of the table is that of the largest size.

    python examples/systems/adams_2019.py --cohort COHORT.csv --out RUN
    python examples/systems/adams_2019.py --cohort COHORT.csv --weights SQUEEZENET.safetensors --fast --out RUN

--fast: 100 patients, SqueezeNet 1.1 at 80 pixels in place of both networks, the head alone trained, three sizes, 4
draws instead of 20.
"""

import pandas as pd
from seed_system import (
    FUSED,
    NETWORK,
    RADIOMICS,
    SIZE,
    Clock,
    Extracted,
    Options,
    Row,
    arms,
    extract,
    main,
    prepare,
    read,
)

import hybridrad as hr
from hybridrad.learning import LearningCurves

MORE = {"draws": {"type": int, "metavar": "N", "help": "Draws of patients."}}


def systems(options: Options, draws: int | None = None) -> list[Row]:
    draws = draws or (4 if options.fast else 20)
    extracted = extract(read(options, patients=100), options)
    backbones = sorted({options.network(paper) for paper in ("alexnet", "googlenet")})
    return [curves_of(extracted, options, backbone, draws) for backbone in backbones]


def curves_of(extracted: Extracted, options: Options, backbone: str, draws: int) -> Row:
    clock = Clock()
    folder = options.out / "adams_2019"
    views = prepare(extracted, options, hr.Views(relative_margin=0.5), "adams_2019/views", input_px=224)
    trained = "head" if options.fast else "all"
    network = hr.FineTunedCNN(
        backbone, options.weights, views_store=views, recipe=options.recipe(trained), augment=hr.Augmentation()
    )
    curves = hr.learning_curves(
        arms(network),
        extracted.features.join(views.marker(NETWORK)),
        extracted.cohort,
        sizes=sizes_of(extracted) if options.fast else None,
        draws=draws,
        inner=3,
        n_jobs=options.jobs,
    )
    gains = curves.differences(NETWORK)
    print(curves.points[["value", "low", "high", "sd_draws"]].round(3).to_string())
    print(gains.loc[[FUSED]].round(3).to_string())
    curves.points.to_csv(folder / f"points_{backbone}.csv")
    gains.to_csv(folder / f"differences_{backbone}.csv")
    return row_of_curves(curves, gains, extracted, f"{backbone} ({options.weights_name}), {trained}", options, clock)


def sizes_of(extracted: Extracted) -> list[int]:
    """Return a quarter, half and all of the 70 % of the patients that are not tested on, but no fewer than 12."""
    most = int(0.7 * extracted.cohort.patient_id.nunique())
    return sorted({max(12, most // 4), max(12, most // 2), most})


def row_of_curves(
    curves: LearningCurves, gains: pd.DataFrame, extracted: Extracted, network: str, options: Options, clock: Clock
) -> Row:
    largest = max(curves.settings["sizes"])
    at = curves.points.xs(largest, level="n_patients")
    gain = gains.loc[(FUSED, largest)]
    values = {"size_auc": at.loc[SIZE, "value"]}
    for part in (RADIOMICS, NETWORK, FUSED):
        values |= {f"{part}_auc": at.loc[part, "value"], f"{part}_low": at.loc[part, "low"]}
        values |= {f"{part}_high": at.loc[part, "high"]}
    values |= {"difference": gain["difference"], "difference_low": gain["low"], "difference_high": gain["high"]}
    used = extracted.cohort.subset(extracted.features.index)
    return Row(
        system="Adams 2019",
        task=options.task,
        network=network,
        members="radiomics, network, size",
        n_patients=int(used.patient_id.nunique()),
        n_cases=len(used),
        design=f"{largest} training patients, {curves.settings['draws']} draws",
        seconds=clock.seconds,
        **{key: float(value) for key, value in values.items()},
    )


if __name__ == "__main__":
    main(systems, __doc__, **MORE)
