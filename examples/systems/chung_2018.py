"""Chung 2018: all layers of a ResNet-152 are trained to see fractures, and to tell their kinds apart.

The paper: "Automated detection and classification of the proximal humerus fracture by using deep learning algorithm",
Acta Orthop 89:468-473, doi:10.1080/17453674.2018.1453714. A ResNet-152 was trained on radiographs of the shoulder, once
for fracture or not and once for the kinds of fracture, each of them judged against all others.

Kept: ResNet-152 with ImageNet weights, all layers trained, a frame that holds the joint around the place in question,
both tasks, one against the rest. Different: the classes are those of a column of the cohort table (``--classes``,
default ``site_of_body``: where in the arm the fracture is) among the positive cases, for which the network is shown the
whole radiograph; the training is that of hybridrad; and the network stands next to radiomics of the region and to a
hedge of both. Where the table has no such column, the second task is left out.

    python examples/systems/chung_2018.py --cohort COHORT.csv --out RUN
    python examples/systems/chung_2018.py --cohort COHORT.csv --weights SQUEEZENET.safetensors --fast --out RUN

--fast: 80 patients (160 for the classes, who have one case each there), SqueezeNet 1.1 at 80 pixels, 8 epochs at
most, 5 folds once instead of 3 folds three times.
"""

import pandas as pd
from seed_system import (
    FUSED,
    NETWORK,
    RADIOMICS,
    Clock,
    Extracted,
    Options,
    Row,
    arms,
    compare,
    extract,
    main,
    prepare,
    read,
    row_of,
    some_patients,
)
from sklearn.metrics import roc_auc_score

import hybridrad as hr

MORE = {"classes": {"default": "site_of_body", "metavar": "COLUMN", "help": "Column with the classes."}}


def systems(options: Options, classes: str = "site_of_body") -> list[Row]:
    rows = [detection(options)]
    whole = hr.read_cohort(options.cohort) if options.cohort is not None else read(options, patients=80)
    if classes not in whole.table:
        print(f"The cohort has no column {classes!r}: the second task is left out.")
        return rows
    return [*rows, classification(options, whole, classes)]


def detection(options: Options) -> Row:
    clock = Clock()
    extracted = extract(read(options, patients=80), options)
    study, network = trained(extracted, options, hr.Views(relative_margin=1.0), "chung_2018")
    return row_of(study, system="Chung 2018", task=options.task, network=network, seconds=clock.seconds)


def classification(options: Options, whole: hr.Cohort, classes: str) -> Row:
    clock = Clock()
    positive = whole.table.index[whole.label_values == whole.positive]
    cohort = hr.read_cohort(whole.source, label=classes).subset(positive)
    patients = options.choose("patients", full=None, fast=160)
    if patients is not None:
        cohort = some_patients(cohort, patients)
    study, network = trained(extract(cohort, options), options, hr.Views("image"), "chung_2018_classes")
    table = one_against_the_rest(study)
    table.to_csv(options.out / "chung_2018_classes" / "one_against_the_rest.csv")
    print(table.round(3).to_string())
    task = f"{len(cohort.classes)} classes of {classes}"
    return row_of(study, system="Chung 2018", task=task, network=network, seconds=clock.seconds)


def trained(extracted: Extracted, options: Options, views: hr.Views, name: str) -> tuple[hr.Comparison, str]:
    store = prepare(extracted, options, views, f"{name}/views", input_px=224)
    backbone = options.network("resnet152")
    network = hr.FineTunedCNN(
        backbone, options.weights, views_store=store, recipe=options.recipe("all"), augment=hr.Augmentation()
    )
    features = extracted.features.join(store.marker(NETWORK))
    study = compare(arms(network), features, extracted, options, name=name, title="Chung 2018")
    return study, f"{backbone} ({options.weights_name}), all layers"


def one_against_the_rest(study: hr.Comparison) -> pd.DataFrame:
    """Return the AUC of each class against all others: a mean over folds."""
    classes = study.settings["classes"]
    table = pd.DataFrame(index=pd.Index(classes, name="class"))
    for arm in (RADIOMICS, NETWORK, FUSED):
        folds = [fold for _, fold in study.predictions.loc[arm].groupby(level=["repeat", "fold"])]
        table[arm] = [
            sum(roc_auc_score(fold["y_true"] == k, fold[f"y_score_{k}"]) for fold in folds) / len(folds)
            for k in range(len(classes))
        ]
    return table


if __name__ == "__main__":
    main(systems, __doc__, **MORE)
