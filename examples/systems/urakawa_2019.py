"""Urakawa 2019: all layers of a VGG16 are trained to see hip fractures.

The paper: "Detecting intertrochanteric hip fractures with orthopedist-level accuracy using a deep convolutional neural
network", Skeletal Radiol 48:239-244, doi:10.1007/s00256-018-3016-3. A VGG16 was trained on cropped radiographs of hips
and compared with orthopaedic surgeons.

Kept: VGG16 with ImageNet weights, all layers trained, a crop of the place in question. Different: the training is the
modern recipe of hybridrad (AdamW, lower learning rates towards the first layer, epochs found on inner folds), no
readers, and the network stands next to radiomics of the region and to a hedge of both.

    python examples/systems/urakawa_2019.py --cohort COHORT.csv --out RUN
    python examples/systems/urakawa_2019.py --cohort COHORT.csv --weights SQUEEZENET.safetensors --fast --out RUN

--fast: 80 patients, SqueezeNet 1.1 at 80 pixels, 8 epochs at most, 5 folds once instead of 3 folds three times.
"""

from seed_system import NETWORK, Clock, Options, Row, arms, compare, extract, main, prepare, read, row_of

import hybridrad as hr


def systems(options: Options) -> list[Row]:
    clock = Clock()
    extracted = extract(read(options, patients=80), options)
    views = prepare(extracted, options, hr.Views(relative_margin=0.5), "urakawa_2019/views", input_px=224)
    backbone = options.network("vgg16")
    network = hr.FineTunedCNN(
        backbone, options.weights, views_store=views, recipe=options.recipe("all"), augment=hr.Augmentation()
    )
    features = extracted.features.join(views.marker(NETWORK))
    study = compare(arms(network), features, extracted, options, name="urakawa_2019", title="Urakawa 2019")
    return [
        row_of(
            study,
            system="Urakawa 2019",
            task=options.task,
            network=f"{backbone} ({options.weights_name}), all layers",
            seconds=clock.seconds,
        )
    ]


if __name__ == "__main__":
    main(systems, __doc__)
