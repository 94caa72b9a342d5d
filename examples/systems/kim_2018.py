"""Kim & MacKinnon 2018: the last layer of an Inception V3 is trained to see fractures.

The paper: "Artificial intelligence in fracture detection: transfer learning from deep convolutional neural networks",
Clin Radiol 73:439-445, doi:10.1016/j.crad.2017.11.015. The top layer of Inception V3, trained on everyday photographs,
was trained again on 1,389 lateral radiographs of the wrist (eight versions of each, 11,112 pictures); on 100 further
ones, half of them with a fracture, the AUC was 0.954.

Kept: Inception V3 with ImageNet weights, the head alone trained, eight random versions of each picture. Different: it
is shown the place in question and not the whole radiograph, it is judged on outer folds by patient, and it stands next
to radiomics of the region and to a hedge of both.

    python examples/systems/kim_2018.py --cohort COHORT.csv --out RUN
    python examples/systems/kim_2018.py --cohort COHORT.csv --weights SQUEEZENET.safetensors --fast --out RUN

--fast: 80 patients, SqueezeNet 1.1 at 80 pixels, 5 folds once instead of 3 folds three times.
"""

from seed_system import NETWORK, Clock, Options, Row, arms, compare, extract, main, prepare, read, row_of

import hybridrad as hr


def systems(options: Options) -> list[Row]:
    clock = Clock()
    extracted = extract(read(options, patients=80), options)
    views = prepare(extracted, options, hr.Views(relative_margin=0.5), "kim_2018/views", input_px=299)
    backbone = options.network("inception_v3")
    # Of a frozen network eight random versions of each picture are computed once; an epoch takes one of them.
    network = hr.FineTunedCNN(
        backbone, options.weights, views_store=views, recipe=options.recipe("head"), augment=hr.Augmentation()
    )
    features = extracted.features.join(views.marker(NETWORK))
    study = compare(arms(network), features, extracted, options, name="kim_2018", title="Kim & MacKinnon 2018")
    return [
        row_of(
            study,
            system="Kim 2018",
            task=options.task,
            network=f"{backbone} ({options.weights_name}), head",
            seconds=clock.seconds,
        )
    ]


if __name__ == "__main__":
    main(systems, __doc__)
