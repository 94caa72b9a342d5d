"""Heimer 2018: a CT becomes one picture, a maximum intensity projection, and a network judges that.

The paper: "Classification based on the presence of skull fractures on curved maximum intensity skull projections by
means of deep learning", J Forensic Radiol Imaging 14:16-20, doi:10.1016/j.jofri.2018.08.001. The vault of the skull was
unrolled into a curved maximum intensity projection for 75 cases with and 75 without fractures from post-mortem CT; the
AUC was 0.895 on average over 100 trained networks, 0.965 for the best.

Kept: one maximum intensity projection of each case and a network that scores it. Different: the projection is a plain
one along an axis of the patient (``--mip-axis``), because curved projections, which need a model of the skull, are out
of scope here; the fractures are not marked for training; the network is a ResNet-50 with all layers trained, which is
our choice; and it stands next to radiomics of the region, in 3D, and to a hedge of both.

    python examples/systems/heimer_2018.py --cohort COHORT.csv --window bone --mip-axis y --out RUN
    python examples/systems/heimer_2018.py --weights SQUEEZENET.safetensors --fast --out RUN

Without a cohort the label belongs to synthetic lesions in CT-like volumes and hangs on the texture inside and on the
surroundings (``hr.make_cohort``, scenario "both"). --fast: 80 patients, SqueezeNet 1.1 at 80 pixels, 8 epochs at most,
5 folds once instead of 3 folds three times.
"""

from seed_system import NETWORK, Clock, Options, Row, arms, compare, extract, main, prepare, read, row_of

import hybridrad as hr

MORE = {"mip_axis": {"default": "z", "choices": ["z", "y", "x"], "help": "Axis of the projection."}}


def systems(options: Options, mip_axis: str = "z") -> list[Row]:
    clock = Clock()
    extracted = extract(read(options, patients=80), options, settings=hr.RadiomicsSettings())
    seen = hr.Views("mip", relative_margin=0.5, window=options.window or "lung", mip_axis=mip_axis)
    views = prepare(extracted, options, seen, f"heimer_2018/views_{mip_axis}", input_px=224)
    backbone = options.network("resnet50")
    network = hr.FineTunedCNN(
        backbone, options.weights, views_store=views, recipe=options.recipe("all"), augment=hr.Augmentation()
    )
    features = extracted.features.join(views.marker(NETWORK))
    study = compare(arms(network), features, extracted, options, name="heimer_2018", title="Heimer 2018")
    return [
        row_of(
            study,
            system="Heimer 2018",
            task=options.task,
            network=f"{backbone} ({options.weights_name}) on a projection, all layers",
            seconds=clock.seconds,
        )
    ]


if __name__ == "__main__":
    main(systems, __doc__, **MORE)
