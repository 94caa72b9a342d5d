from __future__ import annotations

from hybridrad.reporting.flow import read_flow
from hybridrad.reporting.procedure import cautions, design_sentences, facts, tree, weights_used
from hybridrad.reporting.report import write_report
from hybridrad.reporting.sections import head, warnings_of


def test_the_interval_is_defined_with_its_degrees_of_freedom_and_reference(study):
    text = " ".join(design_sentences(study))
    assert "t(K − 1)" in text
    assert "Nadeau and Bengio [1]" in text
    assert "Holm's adjustment [2]" in text


def test_few_cases_of_a_class_are_a_caution_about_calibration(make_study):
    assert "calibration curves are unstable" in " ".join(cautions(make_study(n_patients=60)))
    assert "calibration curves are unstable" not in " ".join(cautions(make_study(n_patients=240)))


def test_only_the_name_of_the_cohort_file_is_printed_not_its_folder(study):
    study.settings["cohort"]["file"] = "/home/someone/secret/cohort.csv"
    assert dict(facts(study))["Cohort table"] == "cohort.csv"


def test_weights_are_read_with_their_hash(study):
    (weights,) = weights_used(study.settings)
    assert (weights.block, weights.name, weights.sha256) == ("deep", "squeezenet1_1_features.safetensors", "cd" * 32)
    assert not weights.untrained


def network(**changes):
    weights = {"name": "net.pth", "source": "file", "sha256": "ab" * 32, "licence": "CC BY 4.0"}
    views = {"kind": "slices", "keeps_size": True}
    return {"backbone": "resnet18", "weights": weights, "views": views, "chosen_epochs": [3, 5]} | changes


def test_a_network_that_arms_train_is_listed_once_with_its_weights_and_settings(make_study, tmp_path):
    study = make_study(n_patients=30)
    study.settings["arms"]["finetuned"] = {"role": "single", "network": network()}
    study.settings["arms"]["hedge_finetuned"] = {"role": "fused", "network": {"member": "finetuned", **network()}}
    _, weights = weights_used(study.settings)
    assert (weights.block, weights.sha256, weights.untrained) == ("finetuned, hedge_finetuned", "ab" * 32, False)
    page = write_report(study, tmp_path / "report.html", figures=False).read_text(encoding="utf-8")
    for told in ("Networks trained inside the folds", "CC BY 4.0", "3, 5"):
        assert told in page


def test_an_arm_that_began_with_random_weights_raises_a_warning(study):
    untrained = network(weights={"name": "untrained", "source": "untrained", "sha256": None})
    study.settings["arms"]["finetuned"] = {"role": "single", "network": untrained}
    (warning,) = [w for w in warnings_of(study) if w.lead == "Untrained network."]
    assert "resnet18 of model finetuned began with random weights" in warning.text


def test_cases_that_are_neither_failed_nor_used_raise_a_warning(study):
    study.settings["flow"]["used"] -= 3
    assert read_flow(study.settings).unexplained == 3
    assert "3 cases neither failed nor were analysed" in warnings_of(study)[0].text


def test_models_fitted_without_patients_raise_a_warning(study):
    study.settings["grouped"] = False
    assert [w.lead for w in warnings_of(study)] == ["No patient groups."]


def test_an_empty_list_of_features_means_all_of_them():
    image_types, classes = tree("settings", {"imageType": {"Original": {}}, "featureClass": {"glcm": []}}).below
    assert classes.below[0].text == "all features"
    assert image_types.below[0].text == "no settings of its own"
    assert tree("notes", []).text == "none"


def test_one_repeat_is_not_called_repeats(study):
    study.settings["cv"] = {**study.settings["cv"], "folds_used": 3, "repeats": 1}
    assert dict(head(study).facts)["Cross-validation"] == "3 folds × 1 repeat, nested, by patient"
