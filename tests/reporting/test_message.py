from __future__ import annotations

import numpy as np

from hybridrad.reporting.arms import ordered_arms
from hybridrad.reporting.message import key_messages


def sentences(study):
    return [f"{m.lead} {m.text}" for m in key_messages(study, ordered_arms(study))]


def test_the_first_sentence_counts_the_verdicts_of_the_default_fused_model(study):
    assert sentences(study)[0].startswith("hedge (default fused model) against 4 single arms: ")


def test_each_single_block_gets_its_difference_interval_and_verdict(study):
    row = study.comparisons.loc[("hedge", "radiomics", "roc_auc")]
    row_text = next(s for s in sentences(study) if s.startswith("hedge against radiomics"))
    assert f"+{row['difference']:.3f} (" in row_text
    assert row_text.endswith(row["verdict"])


def test_regret_carries_the_words_that_it_is_biased(study):
    assert sentences(study)[-1].endswith("biased upwards: the best block was chosen afterwards.")


def test_a_pair_that_was_not_compared_gives_its_reason_not_a_verdict(study):
    key = ("hedge", "deep", "roc_auc")
    study.comparisons.loc[key, ["difference", "low", "high", "p_value", "p_adjusted"]] = np.nan
    study.comparisons.loc[key, "method"] = "not compared: deep has no value in 1 of 15 folds"
    found = sentences(study)
    assert "not compared with deep" in found[0]
    assert "hedge against deep: not compared: deep has no value in 1 of 15 folds" in found


def test_a_study_without_a_fused_model_says_so(study):
    study.settings["arms"] = {k: v for k, v in study.settings["arms"].items() if v["role"] == "single"}
    study.scores = study.scores.loc[["size", "clinical", "radiomics", "deep"]]
    study.predictions = study.predictions.loc[["size", "clinical", "radiomics", "deep"]]
    assert sentences(study)[0].startswith("No fused model")


def test_a_level_carries_interval_patients_and_method(study):
    text = next(s for s in sentences(study) if s.startswith("size alone reaches"))
    assert "56 patients, 60 cases; nested cross-validation" in text
