"""Every seed system runs as a user runs it: a tiny cohort of made-up radiographs or CT, an untrained network."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

import hybridrad as hr

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "systems"
SYSTEMS = sorted(path.stem for path in FOLDER.glob("*_20*.py"))
ON_CT = ("heimer_2018", "tomita_2018")
TINY = ["--weights", "untrained", "--fast", "--input-px", "32", "--epochs", "1", "--cv", "3x1", "--patients", "24"]
MORE = {"olczak_2017": ["--images", "image", "image:lateral"], "adams_2019": ["--draws", "2"]}


@pytest.fixture(scope="module", autouse=True)
def scripts():
    """The folder of a script is the first place it imports from; nothing of it stays for other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield
    for name in ("seed_system", "all_systems", *SYSTEMS):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory):
    """24 patients with a bright line in one region and none in the other, three body sites, two projections."""
    root = tmp_path_factory.mktemp("radiographs")
    rng = np.random.default_rng(0)
    rows = []
    for patient in range(24):
        for label, name in enumerate(("control", "fracture")):
            case_id = f"p{patient:02d}_{name}"
            mask = np.zeros((48, 48), np.uint8)
            mask[14:34, 14:34] = 1
            sitk.WriteImage(sitk.GetImageFromArray(mask), str(root / f"{case_id}_mask.png"))
            files = {}
            for column in ("image", "image:lateral"):
                image = rng.normal(120, 25, (48, 48))
                image[22:25, 16:32] += 60 * label
                file = f"{case_id}_{column.replace(':', '_')}.png"
                pixels = image.clip(0, 255).astype(np.uint8)
                sitk.WriteImage(sitk.GetImageFromArray(pixels), str(root / file))
                files |= {column: file, column.replace("image", "mask"): f"{case_id}_mask.png"}
            site = ("wrist", "elbow", "shoulder")[patient % 3]
            rows.append({"case_id": case_id, "patient_id": f"p{patient:02d}", **files, "label": label})
            rows[-1] |= {"site_of_body": site}
    pd.DataFrame(rows).to_csv(root / "cohort.csv", index=False)
    return root / "cohort.csv"


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    root = tmp_path_factory.mktemp("volumes")
    hr.make_cohort(root, n_patients=24, shape=(16, 24, 24), spacing_mm=(2.0, 2.0, 2.0), random_state=0)
    return root / "cohort.csv"


@pytest.fixture(scope="module")
def finished(radiographs, volumes, tmp_path_factory):
    """Run a system as its command line would, once: its rows of the table, what it printed, and its folder."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("on_radiographs", "on_ct")}
    done = {}

    def run(name):
        if name not in done:
            cohort, out = (volumes, folders["on_ct"]) if name in ON_CT else (radiographs, folders["on_radiographs"])
            call = ["--cohort", str(cohort), "--out", str(out), *TINY, *MORE.get(name, [])]
            said = io.StringIO()
            with redirect_stdout(said):
                import_module("seed_system").main(
                    import_module(name).systems, "", call, **getattr(import_module(name), "MORE", {})
                )
            table = pd.read_csv(out / "systems.csv")
            title = import_module("all_systems").SYSTEMS[name]
            done[name] = table[table["system"] == title], said.getvalue(), out
        return done[name]

    return run


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_stands_next_to_radiomics_and_to_its_fused_version(name, finished):
    table, said, _ = finished(name)
    assert len(table) == 2 if name in ("chung_2018", "pranata_2019") else 1
    scores = table[["size_auc", "radiomics_auc", "network_auc", "fused_auc"]]
    assert scores.apply(lambda column: column.between(0, 1)).all(axis=None)
    assert table["difference"].tolist() == pytest.approx((table["fused_auc"] - table["network_auc"]).tolist())
    assert "says nothing about the system" in said
    assert said.count(f"| {table['system'].iloc[0]} |") == len(table)


def test_all_systems_are_eight_and_each_says_what_its_paper_did():
    assert sorted(import_module("all_systems").SYSTEMS) == SYSTEMS
    for name in SYSTEMS:
        said = import_module(name).__doc__
        assert all(part in said for part in ("The paper:", "Kept:", "Different:", "--fast:")), name


def test_chung_judges_each_class_against_the_rest(finished):
    table, _, out = finished("chung_2018")
    assert table["task"].tolist() == ["detection", "3 classes of site_of_body"]
    rest = pd.read_csv(out / "chung_2018_classes" / "one_against_the_rest.csv", index_col="class")
    assert sorted(rest.index) == ["elbow", "shoulder", "wrist"]
    assert rest["fused"].mean() == pytest.approx(table["fused_auc"].iloc[1])


def test_olczak_shows_two_frames_of_a_single_radiograph(monkeypatch):
    module, asked = import_module("olczak_2017"), []
    monkeypatch.setattr(module, "prepare", lambda *given, **columns: asked.append((given[2].relative_margin, columns)))
    module.joined(None, None, ["image"])
    assert [margin for margin, _ in asked] == [0.1, 1.0]
    assert all(columns["mask"] == "mask" for _, columns in asked)


def test_all_systems_print_one_table_and_do_not_run_twice(radiographs, finished, capsys):
    _, _, out = finished("kim_2018")
    import_module("all_systems").main(["--cohort", str(radiographs), "--out", str(out), *TINY, "--only", "kim_2018"])
    said = capsys.readouterr().out
    assert "--- kim_2018" not in said
    assert said.count("| Kim 2018 |") == 1


def test_words_are_learned_from_the_training_cases_alone():
    words = import_module("pranata_2019").VisualWords(n_words=4, length=3)
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(10, 15)), rng.normal(size=(5, 15)) + 100
    rows = words.fit(train).transform(test)
    assert words.words_.cluster_centers_.max() < 10
    assert (rows**2).sum(axis=1).tolist() == pytest.approx([1.0] * 5)
    assert words.transform(test[:1]).tolist() == rows[:1].tolist()


def test_a_case_without_keypoints_has_an_empty_histogram():
    words = import_module("pranata_2019").VisualWords(n_words=2, length=3)
    table = np.random.default_rng(0).normal(size=(6, 6))
    table[2], table[3, 3:] = np.nan, np.nan
    rows = words.fit(table).transform(table)
    assert rows[2].tolist() == [0.0, 0.0]
    assert (rows[3] ** 2).sum() == pytest.approx(1.0)


def test_without_scikit_image_pranata_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(SystemExit, match="pip install scikit-image"):
        import_module("pranata_2019").keypoint_block(type("Store", (), {"index": pd.DataFrame(index=["a"])})())
