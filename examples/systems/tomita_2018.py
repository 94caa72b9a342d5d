"""Tomita 2018: a network reads each slice of a CT, an LSTM reads the sequence, and the patient gets one score.

The paper: "Deep neural networks for automatic detection of osteoporotic vertebral fractures on CT scans", Comput Biol
Med 98:8-15, doi:10.1016/j.compbiomed.2018.05.011. Features of a residual network, slice by slice, are read by an LSTM
that says whether there is a vertebral fracture in the scan.

Kept: a residual network (ResNet-34, as it came from ImageNet) that is read slice by slice, a trained LSTM, one label
per case. Different: the slices are those of the segmented region, in a frame around it; the LSTM reads in both
directions; and the system stands next to radiomics of the region and to a hedge of both.

    python examples/systems/tomita_2018.py --cohort COHORT.csv --window bone --out RUN
    python examples/systems/tomita_2018.py --weights SQUEEZENET.safetensors --fast --out RUN

Without a cohort the label belongs to synthetic lesions in CT-like volumes and hangs on the texture inside and on the
surroundings (``hr.make_cohort``, scenario "both"). --fast: 80 patients, SqueezeNet 1.1 at 80 pixels, eight slices of
each region instead of all, 5 folds once instead of 3 folds three times.
"""

from seed_system import NETWORK, Clock, Options, Row, arms, compare, extract, main, prepare, read, row_of

import hybridrad as hr


def systems(options: Options) -> list[Row]:
    clock = Clock()
    extracted = extract(read(options, patients=80), options, settings=hr.RadiomicsSettings())
    seen = hr.Views(
        "slices", relative_margin=0.5, window=options.window or "lung", n_slices=8 if options.fast else None
    )
    views = prepare(extracted, options, seen, "tomita_2018/views", input_px=224)
    backbone = options.network("resnet34")
    network = hr.SliceSequence(
        backbone, options.weights, views_store=views, pool="lstm", recipe=options.recipe("head"), augment=None
    )
    features = extracted.features.join(views.marker(NETWORK))
    study = compare(arms(network), features, extracted, options, name="tomita_2018", title="Tomita 2018")
    return [
        row_of(
            study,
            system="Tomita 2018",
            task=options.task,
            network=f"{backbone} ({options.weights_name}) per slice, LSTM",
            seconds=clock.seconds,
        )
    ]


if __name__ == "__main__":
    main(systems, __doc__)
