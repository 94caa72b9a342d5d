"""Tables that other software made, through the command line; and the options of scoring."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from hybridrad import cli
from hybridrad.run_folder import load_study

QUICK = ["--cv", "3x1", "--inner", "3", "--jobs", "1"]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture
def table():
    """Two regions of each patient, features as PyRadiomics names them, and what else stands in such files."""
    rng = np.random.default_rng(0)
    n = 48
    y = np.arange(n) // 2 % 2
    frame = pd.DataFrame({"case_id": [f"{i:03d}" for i in range(n)], "patient_id": [f"p{i // 2}" for i in range(n)]})
    frame["label"], frame["Image"], frame["diagnostics_Versions_Numpy"] = y, "a.nii", "2.0"
    frame["original_shape_VoxelVolume"] = rng.lognormal(7, 1, n)
    for i, name in enumerate(
        ["original_glcm_Contrast", "wavelet-LLH_gldm_DependenceEntropy", "original_ngtdm_Busyness"]
    ):
        frame[name] = rng.normal(size=n) + y * (i == 0)
    return frame


def test_a_csv_of_radiomics_features_with_a_label_is_compared_as_it_is(table, tmp_path, capsys):
    table.to_csv(tmp_path / "table.csv", index=False)
    arguments = ["compare", str(tmp_path / "table.csv"), "--out", str(tmp_path / "run"), *QUICK]
    assert call(*arguments) == 0
    shown = capsys.readouterr().out
    assert "4 columns without a block that look like PyRadiomics features" in shown
    assert "size__volume_ml is radiomics__original_shape_VoxelVolume" in shown
    study = load_study(tmp_path / "run")
    assert list(study.settings["arms"]) == ["size", "radiomics", "hedge"]
    codes = set(study.findings.index.get_level_values("code"))
    assert {"N_COLUMNS_NAMED", "N_COLUMN_LEFT_OUT", "N_SIZE_DERIVED"} <= codes
    assert "Image; 1 named diagnostics_*" in study.findings.loc[("(cohort)", "N_COLUMN_LEFT_OUT"), "message"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "N_SIZE_DERIVED" in page
    assert call(*arguments) == 0
    assert "is finished" in capsys.readouterr().out
    assert call("check", str(tmp_path / "table.csv")) == 0
    assert "N_SIZE_DERIVED" in capsys.readouterr().out
    for file in ("claims.csv", "net_benefit.csv"):  # as a run of an earlier version
        (tmp_path / "run" / file).unlink()
    assert call("report", str(tmp_path / "run")) == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert 'id="claims"' in page
    assert 'id="figure-decision_curves"' in page


def test_the_same_features_in_a_file_of_their_own_give_the_same_study(table, tmp_path):
    table.to_csv(tmp_path / "table.csv", index=False)
    table[["case_id", "patient_id", "label"]].to_csv(tmp_path / "cohort.csv", index=False)
    apart = ["compare", str(tmp_path / "cohort.csv"), "--features", str(tmp_path / "table.csv")]
    assert call("compare", str(tmp_path / "table.csv"), "--out", str(tmp_path / "one"), *QUICK) == 0
    assert call(*apart, "--out", str(tmp_path / "two"), *QUICK) == 0
    one, two = ((tmp_path / run / "scores.csv").read_bytes() for run in ("one", "two"))
    assert one == two


def test_other_names_need_a_block_and_readings_are_never_swept_into_it(table, tmp_path, capsys):
    rename = {c: f"f{i}" for i, c in enumerate(table.columns) if c.startswith(("original", "wavelet"))}
    rng = np.random.default_rng(1)
    other = table.rename(columns=rename).assign(
        birads=rng.integers(2, 6, len(table)), part=np.arange(len(table)) // 2 % 3
    )
    other.to_csv(tmp_path / "table.csv", index=False)
    arguments = ["compare", str(tmp_path / "table.csv"), "--features", str(tmp_path / "table.csv")]
    arguments += ["--out", str(tmp_path / "run"), "--readers", "birads", "--cv", "folds:part", "--inner", "3"]
    assert call(*arguments, "--jobs", "1") == 1
    assert "--block NAME" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert call(*arguments, "--jobs", "1", "--block", "texture") == 0
    study = load_study(tmp_path / "run")
    assert set(study.importance.index.unique("feature")) == {f"texture__{name}" for name in rename.values()}


def test_a_block_is_refused_for_images(tmp_path, capsys):
    pd.DataFrame({"case_id": ["a"], "image": ["a.nii"], "mask": ["m.nii"], "label": [1]}).to_csv(
        tmp_path / "cohort.csv", index=False
    )
    assert call("compare", str(tmp_path / "cohort.csv"), "--out", str(tmp_path / "run"), "--block", "ct") == 1
    assert "block is for a table of features" in capsys.readouterr().err


def test_patient_rule_and_threshold_rule_are_recorded_printed_and_used(table, tmp_path, capsys):
    table.to_csv(tmp_path / "table.csv", index=False)
    compare = ["compare", str(tmp_path / "table.csv"), "--models", "radiomics", *QUICK, "--unit", "patient"]
    rules = {
        "mean": [],
        "max": ["--patient-rule", "max", "--threshold-rule", "youden"],
        "largest": ["--patient-rule", "largest", "--target-sensitivity", "0.8"],
    }
    scores = {}
    for name, options in rules.items():
        assert call(*compare, "--out", str(tmp_path / name), *options) == 0
        assert f"Scored by patient (rule: {name})" in capsys.readouterr().out
        study = load_study(tmp_path / name)
        assert study.settings["aggregate"] == name
        scores[name] = study.scores.loc[("radiomics", "brier"), "value"]
    assert len(set(scores.values())) == 3
    assert json.loads((tmp_path / "max" / "study.json").read_text())["threshold"]["rule"] == "youden"
    assert study.settings["threshold"] == {"rule": "sensitivity", "target_sensitivity": 0.8}
    assert json.loads((tmp_path / "largest" / "run.json").read_text())["target_sensitivity"] == 0.8
    assert "patient_rule" not in json.loads((tmp_path / "mean" / "run.json").read_text())
    assert call(*compare, "--out", str(tmp_path / "max")) == 1
    assert "patient_rule: 'max' there, None now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--patient-rule", "max"], "Add --unit patient"),
        (["--threshold-rule", "youden", "--target-sensitivity", "0.8"], "without effect"),
        (["--target-sensitivity", "1.5"], "does not lie above 0"),
        (["--task", "regression", "--threshold-rule", "youden"], "for two classes"),
    ],
)
def test_options_without_effect_are_refused(table, tmp_path, capsys, options, match):
    table.to_csv(tmp_path / "table.csv", index=False)
    assert call("compare", str(tmp_path / "table.csv"), "--out", str(tmp_path / "run"), *options) == 1
    assert match in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_check_reads_a_feature_table_beside_a_cohort_without_images(table, tmp_path, capsys):
    table[["case_id", "patient_id", "label"]].to_csv(tmp_path / "cohort.csv", index=False)
    table.drop(columns=["patient_id", "label"]).iloc[2:].to_csv(tmp_path / "features.csv", index=False)
    findings = tmp_path / "findings.csv"
    arguments = ["check", str(tmp_path / "cohort.csv"), "--features", str(tmp_path / "features.csv")]
    assert call(*arguments, "--out", str(findings)) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "features.csv: features of 46 of these cases, in the blocks radiomics (4), size (1)." in shown
    assert "Without features, and so not in a comparison: 000, 001." in shown
    assert {"N_COLUMNS_NAMED", "N_SIZE_DERIVED"} <= set(pd.read_csv(findings)["code"])
