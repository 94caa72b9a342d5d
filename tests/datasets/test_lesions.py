from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from hybridrad.datasets import SCENARIOS, make_cohort, render_lesion

SMALL = {"shape": (16, 24, 24), "spacing_mm": (2.0, 2.0, 2.0)}
TEXTURE, SURROUNDINGS, SIZE = np.eye(3)


def auc(y, score):
    positive, negative = score[y == 1], score[y == 0]
    return np.mean([(p > n) + 0.5 * (p == n) for p in positive for n in negative])


def neighbour_correlation(image, mask):
    """How alike neighbours along x are inside the region: a texture feature in one line."""
    both = (mask[..., 1:] == 1) & (mask[..., :-1] == 1)
    return np.corrcoef(image[..., 1:][both], image[..., :-1][both])[0, 1]


def rim_brightness(image, mask):
    """Brightness just outside the region: what a network sees and the masked region does not."""
    slice_number = mask.sum(axis=(1, 2)).argmax()
    rows, columns = np.nonzero(mask[slice_number])
    box = np.s_[slice_number, rows.min() - 2 : rows.max() + 3, columns.min() - 2 : columns.max() + 3]
    return image[box][mask[box] == 0].mean()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return make_cohort(tmp_path_factory.mktemp("cohort"), n_patients=6, cases_per_patient=2, **SMALL)


def test_the_cohort_can_be_read_and_has_every_promised_column(cohort):
    assert list(cohort.table.index[:2]) == ["case_0001_1", "case_0001_2"]
    assert {"patient_id", "image", "mask", "label", "age", "sex", "site"} <= set(cohort.table.columns)
    assert cohort.patient_id.nunique() == 6
    assert set(cohort.clinical) == {"age", "sex"}


def test_images_are_int16_hu_and_masks_lie_on_their_grid(cohort):
    case = cohort.cases()[0]
    image, mask = (sitk.ReadImage(str(case.paths[name])) for name in ("image", "mask"))
    assert image.GetPixelID() == sitk.sitkInt16
    assert image.GetSpacing() == mask.GetSpacing() == (2.0, 2.0, 2.0)
    assert image.GetSize() == mask.GetSize() == (24, 24, 16)
    assert set(np.unique(sitk.GetArrayFromImage(mask))) == {0, 1}


def test_cases_of_a_patient_share_the_label_but_not_the_image(cohort):
    labels = cohort.table["label"].to_numpy().reshape(6, 2)
    assert np.array_equal(labels[:, 0], labels[:, 1])
    first, second = (sitk.GetArrayFromImage(sitk.ReadImage(str(c.paths["image"]))) for c in cohort.cases()[:2])
    assert not np.array_equal(first, second)


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        make_cohort(path, n_patients=2, random_state=seed, **SMALL)
    a, b, c = (sitk.GetArrayFromImage(sitk.ReadImage(str(p / "images/case_0001.nii.gz"))) for p in paths)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert (paths[0] / "cohort.csv").read_bytes() == (paths[1] / "cohort.csv").read_bytes()


def test_images_of_a_patient_do_not_depend_on_the_scenario_or_the_number_of_patients(tmp_path):
    make_cohort(tmp_path / "a", n_patients=2, scenario="deep", **SMALL)
    make_cohort(tmp_path / "b", n_patients=4, scenario="volume", **SMALL)
    a, b = (sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f / "images/case_0002.nii.gz"))) for f in "ab")
    assert np.array_equal(a, b)


def test_surroundings_change_nothing_inside_the_mask():
    (low, mask), (high, same) = (render_lesion(v * SURROUNDINGS, **SMALL, random_state=3) for v in (-2, 2))
    assert np.array_equal(mask, same)
    assert np.array_equal(low[mask == 1], high[mask == 1])
    assert rim_brightness(high, mask) > rim_brightness(low, mask) + 50


def test_texture_rearranges_the_same_intensities_and_leaves_the_outside_alone():
    shape, spacing = (24, 48, 48), (2.0, 1.0, 1.0)
    (fine, mask), (coarse, same) = (
        render_lesion(v * TEXTURE, shape=shape, spacing_mm=spacing, random_state=3) for v in (-2, 2)
    )
    assert np.array_equal(mask, same)
    assert np.array_equal(np.sort(fine[mask == 1]), np.sort(coarse[mask == 1]))
    assert np.array_equal(fine[mask == 0], coarse[mask == 0])
    assert neighbour_correlation(coarse, mask) > neighbour_correlation(fine, mask) + 0.2


def test_size_grows_the_region():
    volumes = [render_lesion(v * SIZE, **SMALL, random_state=3)[1].sum() for v in (-2, 0, 2)]
    assert volumes[0] * 1.5 < volumes[1] < volumes[2] / 1.5


@pytest.mark.parametrize("seed", range(12))
def test_regions_are_one_piece_away_from_the_border(seed):
    traits = np.random.default_rng(seed).standard_normal(3) * 2
    _, mask = render_lesion(traits, shape=(24, 48, 48), spacing_mm=(2.0, 1.0, 1.0), random_state=seed)
    assert mask.sum() >= 64
    for axis in range(3):
        assert not np.take(mask, [0, -1], axis=axis).any()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_label_follows_the_traits_of_its_scenario_and_no_others(tmp_path, scenario):
    cohort = make_cohort(tmp_path, n_patients=80, scenario=scenario, **SMALL)
    truth = pd.read_csv(tmp_path / "truth.csv", index_col="case_id")
    y, kind = cohort.y.to_numpy(), SCENARIOS[scenario]
    person = cohort.table
    truth["clinical"] = (person["age"].astype(float) - 62) / 10 + 2.0 * (person["sex"] == "m")
    truth["site"] = (person["site"] == "south").astype(float)
    for trait in ("texture", "surroundings", "size", "clinical", "site"):
        coefficient = kind.texture if trait == "surroundings" and kind.same_trait else getattr(kind, trait)
        found = auc(y, truth[trait].to_numpy())
        if coefficient:
            assert found > (0.7 if coefficient >= 2 else 0.5), trait
        else:
            assert abs(found - 0.5) < 0.2, trait
    assert y.sum() == 40


def test_no_effect_leaves_nothing_to_find(tmp_path):
    make_cohort(tmp_path, n_patients=4, effect=0.0, **SMALL)
    assert (pd.read_csv(tmp_path / "truth.csv")["score"] == 0).all()


def test_plain_image_measures_carry_the_signal_of_each_scenario():
    rng = np.random.default_rng(0)
    traits = rng.standard_normal((40, 3))
    rendered = [
        render_lesion(t, shape=(24, 48, 48), spacing_mm=(2.0, 1.0, 1.0), random_state=(5, i))
        for i, t in enumerate(traits)
    ]
    texture, rim = (np.array([f(*r) for r in rendered]) for f in (neighbour_correlation, rim_brightness))
    assert np.corrcoef(texture, traits[:, 0])[0, 1] > 0.6
    assert np.corrcoef(rim, traits[:, 1])[0, 1] > 0.6
    assert abs(np.corrcoef(texture, traits[:, 1])[0, 1]) < 0.35


def measures(folder, scenario, n_patients=50):
    """AUC of plain measures of images and of the cohort table, and the measures themselves."""
    cohort = make_cohort(
        folder, n_patients=n_patients, scenario=scenario, random_state=1, shape=(20, 40, 40), spacing_mm=(2.0, 1.0, 1.0)
    )
    rows = []
    for case in cohort.cases():
        image, mask = (sitk.GetArrayFromImage(sitk.ReadImage(str(case.paths[name]))) for name in ("image", "mask"))
        lung = np.median(image[mask == 0])
        rows.append((neighbour_correlation(image, mask), rim_brightness(image, mask) - lung, mask.sum(), lung))
    table = pd.DataFrame(rows, columns=["texture", "rim", "volume", "lung"])
    table["clinical"] = (cohort.table["age"].to_numpy(float) - 62) / 10 + 2.0 * (cohort.table["sex"] == "m").to_numpy()
    table["south"] = (cohort.table["site"] == "south").to_numpy(float)
    y = cohort.y.to_numpy()
    return table, {name: auc(y, column.to_numpy()) for name, column in table.items()}, y


def test_redundant_shows_one_trait_inside_and_around_the_region(tmp_path):
    table, aucs, _ = measures(tmp_path, "redundant")
    assert min(aucs["texture"], aucs["rim"]) > 0.7
    assert table["texture"].corr(table["rim"]) > 0.5
    assert abs(aucs["clinical"] - 0.5) < 0.2


def test_clinical_is_told_by_age_and_sex_and_not_by_the_images(tmp_path):
    _, aucs, _ = measures(tmp_path, "clinical")
    assert aucs["clinical"] > 0.8
    assert all(abs(aucs[name] - 0.5) < 0.2 for name in ("texture", "rim", "volume"))


def test_all_weak_has_a_little_everywhere_and_more_together(tmp_path):
    table, aucs, y = measures(tmp_path, "all_weak")
    parts = table[["texture", "rim", "volume", "clinical"]]
    together = auc(y, ((parts - parts.mean()) / parts.std()).sum(axis=1).to_numpy())
    each = [aucs[name] for name in parts]
    assert max(each) < 0.8
    assert together > np.mean(each) + 0.05


def test_site_confounded_tells_the_site_from_the_images_and_a_texture_besides(tmp_path):
    table, aucs, _ = measures(tmp_path, "site_confounded")
    assert auc(table["south"].to_numpy(), table["lung"].to_numpy()) > 0.95  # another scanner
    assert aucs["south"] > 0.6
    assert aucs["lung"] > 0.6  # what a network would find there
    assert aucs["texture"] > 0.65


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": "depe"}, "Did you mean deep"),
        ({"n_patients": 0}, "n_patients"),
        ({"n_patients": 10, "prevalence": 0.0}, "one class empty"),
        ({"shape": (8, 48, 48)}, "at least 16"),
        ({"spacing_mm": (1.0, 1.0)}, "three positive numbers"),
        ({"spacing_mm": (1.0, -1.0, 1.0)}, "spacing_mm"),
        ({"effect": float("nan")}, "finite"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_cohort(tmp_path / "never", **arguments)
    assert not (tmp_path / "never").exists()
