"""What a study's design is called and how its numbers are explained: folds, sites, or one test set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hybridrad.reporting.text import is_number, listing


@dataclass(frozen=True)
class DesignWords:
    """The words a report uses for a design."""

    heading: str  # name of the row in the title block
    in_short: str  # what stands in that row
    source: str  # where a number comes from, after a semicolon
    mean: str  # what a point in a figure is
    panel: str  # what the number in a panel of curves is
    tests: str  # what kind of tests the confirmatory family has
    sentences: tuple[str, ...]  # estimand, splits, scores and intervals
    caution: str  # how far the validation reaches


def design_words(settings: Mapping[str, Any]) -> DesignWords:
    """Return the words for the design of a study.

    Examples
    --------
    >>> design_words({"cv": {"kind": "site", "names": {"0": "A", "1": "B"}, "inner": 4}}).in_short
    'leave one site out: A and B'
    """
    cv = settings.get("cv") or {}
    unit = settings.get("unit") or "case"
    rule = f" (rule: {settings['aggregate']})" if unit == "patient" and settings.get("aggregate") else ""
    fitted = (
        "Every step that learns from several cases was fitted inside the training part; the unit of scoring is the "
        f"{unit}{rule}, and n in variances counts patients."
    )
    task = str(settings.get("task") or "classification")
    if cv.get("kind") == "site":
        return _sites(cv, fitted, task)
    if cv.get("kind") == "split":
        return _split(cv, fitted, task)
    return _folds(cv, fitted.replace("inside the training part", "inside the fold"), task)


STRATIFIED = {
    "classification": "stratified by class",
    "regression": "stratified by the patients' mean value",
    "survival": "stratified by event, early and late",
}


def _folds(cv: Mapping[str, Any], fitted: str, task: str) -> DesignWords:
    folds, repeats = cv.get("folds_used") or cv.get("outer"), cv.get("repeats")
    k = f"K = {folds} folds" if is_number(folds) else "K folds"
    return DesignWords(
        heading="Cross-validation",
        in_short=f"{folds} folds × {repeats} repeat{'' if repeats == 1 else 's'}, nested, by patient" if folds else "",
        source="nested cross-validation",
        mean="mean over folds and repeats",
        panel="the mean AUC over folds",
        tests="two-sided corrected tests",
        sentences=(
            "Estimand: the expected performance of the whole procedure when it is trained on as many patients as one "
            f"outer training fold. {fitted}",
            f"Nested cross-validation with {k} repeated R = {repeats} times ({cv.get('inner')} inner folds), "
            f"{STRATIFIED[task]}, all cases of a patient on the same side of every split; the splits were made once "
            "and are shared by all models.",
            "A score is computed in each outer fold on its test cases and averaged over folds and repeats, because "
            "pooling the scores of different folds biases it. Calibration and curves need more cases than a fold "
            "holds: they are computed for each repeat over all its folds.",
            "The 95 % interval of a score or of a paired difference over J = K × R folds with standard deviation s is "
            "mean ± t(K − 1) · s · √(1/J + n_test/n_train), n in patients: the variance of Nadeau and Bengio [1] "
            "with K − 1 degrees of freedom, because repeats add no independent data.",
        ),
        caution="This is internal validation: nothing here was tested on patients of another hospital.",
    )


def _sites(cv: Mapping[str, Any], fitted: str, task: str) -> DesignWords:
    names = [str(name) for name in (cv.get("names") or {}).values()]
    of_classes = task == "classification"
    by = "AUC: DeLong, clustered by patient; others: a jackknife" if of_classes else "a jackknife"
    scale = "; areas and rates on the logit scale" if of_classes else ""
    return DesignWords(
        heading="Validation",
        in_short=f"leave one site out: {listing(names)}",
        source="random effects over sites, each left out once",
        mean="random-effects mean over sites",
        panel="the summary of the AUC over sites",
        tests="two-sided tests of the random-effects mean of the differences at each site",
        sentences=(
            "Estimand: the mean, over sites like these, of the performance of the whole procedure at a site it was "
            f"not trained at. {fitted}",
            f"Each of {len(names)} sites was tested once by models trained at all the others ({cv.get('inner')} inner "
            "folds by patient).",
            f"A score is computed at each site, with its variance over patients ({by} or sandwich over patients), and "
            "summarised by a random-effects model with the variance between sites by restricted maximum "
            f"likelihood{scale}.",
            "The 95 % interval of a summary or of a paired difference is Hartung and Knapp's, with k − 1 degrees of "
            "freedom for k sites, and never narrower than the plain random-effects interval. The prediction interval, "
            "for a new site, is in sites.csv. Training parts share patients, which this interval ignores.",
        ),
        caution="Each site was tested by models trained at others; how the sites were chosen limits what this says of "
        "a further one.",
    )


def _split(cv: Mapping[str, Any], fitted: str, task: str) -> DesignWords:
    return DesignWords(
        heading="Validation",
        in_short="one fixed split into training and test patients",
        source="one test set",
        mean="value on the test set",
        panel="the AUC on the test set",
        tests="two-sided paired tests on the test set "
        + ("(AUC: DeLong, clustered by patient)" if task == "classification" else "(jackknife over patients)"),
        sentences=(
            "Estimand: the performance, in patients like those of the test set, of these very models, fitted once on "
            f"the training patients. {fitted}",
            f"One fixed split ({cv.get('inner')} inner folds of the training part, by patient).",
            (
                "The 95 % interval of an AUC or of a difference of two is DeLong's, clustered by patient (Obuchowski); "
                "sensitivity and specificity have Wilson's interval; other scores a jackknife or sandwich over "
                "patients. "
                if task == "classification"
                else "The 95 % intervals of scores and differences are a jackknife or sandwich over patients. "
            )
            + "All of them leave out how the models would differ if they were trained on other patients.",
        ),
        caution="One split was tested once; another split of the same patients would give other numbers, and the "
        "intervals do not hold that.",
    )
