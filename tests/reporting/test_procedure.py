from __future__ import annotations

from hybridrad.reporting.flow import read_flow
from hybridrad.reporting.procedure import cautions, design_sentences, facts, weights_used
from hybridrad.reporting.sections import warnings_of


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


def test_cases_that_are_neither_failed_nor_used_raise_a_warning(study):
    study.settings["flow"]["used"] -= 3
    assert read_flow(study.settings).unexplained == 3
    assert "3 cases neither failed nor were analysed" in warnings_of(study)[0].text


def test_models_fitted_without_patients_raise_a_warning(study):
    study.settings["grouped"] = False
    assert [w.lead for w in warnings_of(study)] == ["No patient groups."]
