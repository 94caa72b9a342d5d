from __future__ import annotations

from pathlib import Path

import pytest

from hybridrad.errors import RunError
from hybridrad.features.radiomics.parameter_file import read_parameter_file


def written(folder: Path, text: str) -> Path:
    file = folder / "params.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match=r"absent\.yaml does not exist") as caught:
        read_parameter_file(tmp_path / "absent.yaml")
    assert caught.value.code == "E_FILE_MISSING"


def test_an_empty_file_means_defaults(tmp_path):
    assert read_parameter_file(written(tmp_path, "# nothing\n")) == {}


def test_json_is_read_too(tmp_path):
    assert read_parameter_file(written(tmp_path, '{"setting": {"binWidth": 5}}')) == {"setting": {"binWidth": 5}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n- 2\n", "holds a list"),
        ("setting: {binWidth: 1", "not a YAML file"),
        ("setting: !!python/object/apply:os.getcwd []", "not a YAML file"),
        ("setting: &a {x: *a}", "refers to itself"),
        ("a: " + "[" * 25 + "]" * 25, "nested too deeply"),
        ("x" * 1_000_001, "at most 1000000"),
        ("a: \xff".encode("latin-1").decode("latin-1") + "\x00", "not a YAML file"),
    ],
)
def test_files_that_are_no_parameters_are_refused(tmp_path, text, said):
    with pytest.raises(RunError, match=said):
        read_parameter_file(written(tmp_path, text))


def test_a_small_file_that_stands_for_a_huge_one_is_refused(tmp_path):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    with pytest.raises(RunError, match="nested too deeply"):
        read_parameter_file(written(tmp_path, "\n".join(lines)))
