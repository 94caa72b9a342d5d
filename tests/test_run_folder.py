from __future__ import annotations

import pytest

from hybridrad.errors import RunError
from hybridrad.run_folder import claim_folder, load_study, read_recipe


def test_a_folder_belongs_to_its_settings(tmp_path):
    claim_folder(tmp_path / "run", {"seed": 0, "spacing": (1, 1, 1)})
    claim_folder(tmp_path / "run", {"seed": 0, "spacing": [1, 1, 1]})
    (tmp_path / "run" / "features.parquet").write_text("")
    with pytest.raises(RunError, match="seed: 0 there, 1 now"):
        claim_folder(tmp_path / "run", {"seed": 1, "spacing": (1, 1, 1)})


def test_a_folder_in_which_nothing_was_computed_takes_corrected_settings(tmp_path):
    claim_folder(tmp_path, {"models": "hegde"})
    claim_folder(tmp_path, {"models": "hedge"})
    assert read_recipe(tmp_path) == {"models": "hedge"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="is a file"):
        claim_folder(tmp_path / "run", {})


def test_a_folder_without_a_finished_study_says_what_to_do(tmp_path):
    with pytest.raises(RunError, match="holds no finished study"):
        load_study(tmp_path)


def test_a_damaged_recipe_is_named(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json cannot be read"):
        claim_folder(tmp_path, {})
