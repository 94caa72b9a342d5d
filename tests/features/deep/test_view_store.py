from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.features.deep.batching import network_input
from hybridrad.features.deep.picture_file import FILE_NAME, IMAGES_NAME, PictureExtractor, Rendered
from hybridrad.features.deep.trained_on import image_digest
from hybridrad.features.deep.weights import Preprocessing
from hybridrad.imaging.roi import read_roi

VIEWS = hr.Views(relative_margin=0.25)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return hr.make_cohort(tmp_path_factory.mktemp("cohort"), n_patients=4, random_state=0)


@pytest.fixture(scope="module")
def store(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    return hr.prepare_views(cohort, VIEWS, store=folder, input_px=24, progress=False)


def rendered(cohort, case_id: str) -> np.ndarray:
    case = next(c for c in cohort.cases() if c.case_id == case_id)
    return VIEWS.render(read_roi(case.paths["image"], case.paths["mask"], mask_label=case.mask_label))


def test_pictures_are_what_the_extractor_of_embeddings_would_show(cohort, store):
    plain = Preprocessing(24, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bilinear")
    for case_id in store.index.index:
        wanted = network_input(rendered(cohort, case_id)[0], plain).numpy()[:1]
        assert np.abs(store.pictures([case_id])[0][0] - wanted).max() <= 0.5 / 255 + 1e-6


def test_cases_come_in_the_order_asked_for(store):
    ids = list(store.index.index[::-1])
    both = store.pictures(ids)
    assert all(np.array_equal(both[i], store.pictures([case_id])[0]) for i, case_id in enumerate(ids))


def test_a_second_run_renders_nothing_again_and_other_settings_are_refused(cohort, store):
    before = (store.folder / FILE_NAME).stat()
    again = hr.prepare_views(cohort, VIEWS, store=store.folder, input_px=24, progress=False)
    assert (store.folder / FILE_NAME).stat().st_mtime_ns == before.st_mtime_ns
    assert again.index.equals(store.index)
    with pytest.raises(RunError, match="input_px: 24 there, 32 now"):
        hr.prepare_views(cohort, VIEWS, store=store.folder, input_px=32, progress=False)


def test_a_case_that_fails_is_a_row_and_asking_for_it_says_why(tmp_path):
    cohort = hr.make_cohort(tmp_path, n_patients=4, random_state=0)
    table = cohort.table.reset_index()
    lost = table.iloc[[0]].assign(case_id="lost", image="damaged.nii.gz")
    (tmp_path / "damaged.nii.gz").write_bytes(b"no image")
    both = cohort_from_frame(pd.concat([table, lost]), root=tmp_path)
    store = hr.prepare_views(both, VIEWS, store=tmp_path / "v", input_px=24, progress=False)
    assert len(store.index) == 4
    assert list(store.failures.index.get_level_values("case_id")) == ["lost"]
    with pytest.raises(RunError, match="'lost' has no pictures") as caught:
        store.pictures(["lost"])
    assert store.failures["message"].iloc[0] in str(caught.value)
    assert store.has(["lost", store.index.index[0]]).tolist() == [False, True]


def test_the_marker_is_a_block_in_which_cases_without_pictures_are_missing(store):
    ids = pd.Index([*store.index.index, "other"], name="case_id")
    features = pd.DataFrame({"radiomics__a": 0.0}, index=ids).join(store.marker())
    assert features["finetuned__has_pictures"].isna().tolist() == [False] * 4 + [True]
    assert set(features["finetuned__has_pictures"].dropna()) == {1.0}


def test_it_travels_as_its_path_and_copies_share_it(store):
    store.pictures(store.index.index)
    packed = pickle.dumps(store)
    assert len(packed) < (store.folder / FILE_NAME).stat().st_size + 5000
    again = pickle.loads(packed)  # noqa: S301 - written a line before
    assert again._planes is None
    assert np.array_equal(again.pictures(["case_0001"])[0], store.pictures(["case_0001"])[0])
    assert copy.deepcopy(store) is store


def test_a_shortened_file_or_another_folder_is_refused(store, tmp_path):
    with pytest.raises(RunError, match="holds no views"):
        hr.ViewStore.open(tmp_path)
    import shutil

    shutil.copytree(store.folder, tmp_path / "short")
    with (tmp_path / "short" / FILE_NAME).open("r+b") as file:
        file.truncate(24 * 24)
    with pytest.raises(RunError, match=r"holds 1 planes and its index points to 8"):
        hr.ViewStore.open(tmp_path / "short")


@pytest.mark.parametrize(("dtype", "tolerance"), [("uint8", 0.5 / 255 + 1e-6), ("float16", 5e-4)])
def test_views_channels_and_regions_come_back_and_a_torn_write_is_stepped_over(tmp_path, dtype, tolerance):
    rng = np.random.default_rng(0)
    extractor = PictureExtractor(VIEWS, tmp_path, input_px=16, dtype=dtype, image="image", mask="mask")
    payload = rng.random((2, 4, 16, 16)).astype(np.float32)  # two views, three channels and the region
    plain = payload[:1, :2].copy()
    for name in (FILE_NAME, IMAGES_NAME):
        (tmp_path / name).write_bytes(b"torn")
    rows = extractor.finish([Rendered(payload, 7), Rendered(plain, 2**64 - 1)])
    assert rows.tolist() == [[1, 2, 3], [9, 1, 1]]
    index = pd.DataFrame(rows.astype(int), ["a", "b"], ["first_plane", "n_views", "n_channels"])
    store = hr.ViewStore(tmp_path, index=index, failures=pd.DataFrame(), settings=extractor.describe())
    assert np.abs(store.pictures(["a"])[0] - payload[:, :3]).max() <= tolerance
    assert np.abs(store.regions(["a"])[0] - payload[:, 3]).max() <= tolerance
    assert np.abs(store.pictures(["b"])[0] - plain[:, :1]).max() <= tolerance
    assert np.abs(store.regions(["b"])[0] - plain[:, 1]).max() <= tolerance
    assert store.image_digests(["b", "a"]) == [{2**64 - 1}, {7}]


def test_a_store_knows_whether_its_last_channel_is_the_region(cohort, store, tmp_path):
    outlined = hr.prepare_views(
        cohort, hr.Views(mask_channel=True), store=tmp_path / "outlined", input_px=16, progress=False
    )
    assert (store.shows_region, outlined.shows_region) == (False, True)
    case = outlined.index.index[:1]
    assert np.abs(outlined.pictures(case)[0][:, 2] - outlined.regions(case)[0]).max() < 0.01


def test_a_size_that_is_none_is_refused(cohort, tmp_path):
    with pytest.raises(ValueError, match="input_px"):
        hr.prepare_views(cohort, VIEWS, store=tmp_path, input_px=8)


def test_the_hash_of_the_pictures_is_written_and_hangs_on_no_folder(cohort, store, tmp_path):
    import json
    import shutil

    settings = json.loads((store.folder / "views.json").read_text())
    assert settings["pictures_sha256"] == store.content_digest()
    shutil.copytree(store.folder, tmp_path / "moved")
    moved = hr.ViewStore.open(tmp_path / "moved")
    assert moved.content_digest() == store.content_digest()


def test_pictures_written_to_after_they_were_hashed_are_hashed_again(store, tmp_path):
    import os
    import shutil

    shutil.copytree(store.folder, tmp_path / "touched")
    path = tmp_path / "touched" / FILE_NAME
    path.write_bytes(path.read_bytes()[::-1])
    later = (tmp_path / "touched" / "views.json").stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))
    assert hr.ViewStore.open(tmp_path / "touched").content_digest() != store.content_digest()


def test_a_store_knows_which_image_the_pictures_of_a_case_are_of(cohort, store):
    for case in cohort.cases():
        roi = read_roi(case.paths["image"], case.paths["mask"], mask_label=case.mask_label)
        assert store.image_digests([case.case_id]) == [{image_digest(roi.image_zyx)}]
    with pytest.raises(RunError, match="'other' has no pictures"):
        store.image_digests(["other"])


def test_a_store_made_before_images_were_recorded_opens_and_goes_on(cohort, store, tmp_path):
    import shutil

    shutil.copytree(store.folder, tmp_path / "old")
    (tmp_path / "old" / IMAGES_NAME).unlink()
    old = hr.prepare_views(cohort, VIEWS, store=tmp_path / "old", input_px=24, progress=False)
    assert old.image_digests(old.index.index) == [frozenset()] * 4
    assert old.content_digest() == store.content_digest()


@pytest.fixture(scope="module")
def projections(tmp_path_factory):
    """Four patients with a front and a side picture each, but the second without side and the third without front."""
    import SimpleITK as sitk

    folder, rng, rows = tmp_path_factory.mktemp("projections"), np.random.default_rng(0), []
    region = np.zeros((40, 40), np.uint8)
    region[12:28, 10:30] = 1
    sitk.WriteImage(sitk.GetImageFromArray(region), folder / "mask.png")
    for i in range(4):
        row = {"case_id": f"c{i}", "patient_id": f"p{i}", "label": i % 2}
        for side in ("front", "side"):
            if (i, side) not in ((1, "side"), (2, "front")):
                picture = rng.integers(0, 255, (40, 40)).astype(np.uint8)
                sitk.WriteImage(sitk.GetImageFromArray(picture), folder / f"{side}{i}.png")
                row |= {f"image:{side}": f"{side}{i}.png", f"mask:{side}": "mask.png"}
        rows.append(row)
    return cohort_from_frame(pd.DataFrame(rows), root=folder)


def two_images(cohort, folder, sides=("front", "side")):
    columns = {kind: [f"{kind}:{side}" for side in sides] for kind in ("image", "mask")}
    return hr.prepare_views(cohort, VIEWS, store=folder, input_px=24, progress=False, **columns)


def test_several_images_of_a_case_are_its_views_and_some_may_lack(projections, tmp_path):
    store = two_images(projections, tmp_path / "both")
    alone = {
        side: hr.prepare_views(
            projections.subset(ids), VIEWS, store=tmp_path / side, input_px=24, progress=False,
            image=f"image:{side}", mask=f"mask:{side}",
        )
        for side, ids in (("front", ["c0", "c1", "c3"]), ("side", ["c0", "c2", "c3"]))
    }  # fmt: skip
    assert store.index["n_views"].to_dict() == {"c0": 2, "c1": 1, "c3": 2, "c2": 1}
    front, side = (alone[name].pictures(["c0"])[0] for name in ("front", "side"))
    np.testing.assert_array_equal(store.pictures(["c2", "c0"])[1], np.concatenate([front, side]))
    np.testing.assert_array_equal(store.pictures(["c2"])[0], alone["side"].pictures(["c2"])[0])
    assert [len(regions) for regions in store.regions(["c0", "c1"])] == [2, 1]
    assert [len(digests) for digests in store.image_digests(["c0", "c1"])] == [2, 1]
    assert store.failures.empty
    again = pickle.loads(pickle.dumps(store))  # noqa: S301 - written a line before
    assert again.content_digest() == hr.ViewStore.open(store.folder).content_digest() == store.content_digest()
    assert store.settings["image"] == ["image:front", "image:side"]


def test_a_case_without_any_of_the_images_and_one_with_a_damaged_one_are_rows(projections, tmp_path):
    table = projections.table.reset_index()
    bad = table.iloc[[0]].assign(case_id="bad", **{"image:front": "damaged.png"})
    none = table.iloc[[0]].assign(case_id="none", **{"image:front": None, "image:side": None})
    (projections.root / "damaged.png").write_bytes(b"no image")
    store = two_images(cohort_from_frame(pd.concat([table, bad, none]), root=projections.root), tmp_path / "v")
    assert store.has(["bad", "none"]).tolist() == [True, False]
    assert set(store.failures.index) == {("bad", "read (image:front)"), ("none", "read")}
    with pytest.raises(RunError, match=r"'none' has no pictures.*no image of the case names a file"):
        store.pictures(["none"])


def test_several_images_are_refused_with_too_few_masks_unknown_columns_or_in_the_folder_of_others(
    projections, tmp_path
):
    with pytest.raises(ValueError, match="image names 2 columns and mask 1"):
        hr.prepare_views(projections, image=["image:front", "image:side"], mask=["mask:front"], store=tmp_path)
    with pytest.raises(RunError, match="no case names a file in image:back"):
        two_images(projections, tmp_path, sides=("front", "back"))
    two_images(projections, tmp_path)
    with pytest.raises(RunError, match="holds views of"):
        two_images(projections, tmp_path, sides=("side", "front"))


def test_a_network_reads_several_projections_of_a_case(projections, tmp_path):
    store = two_images(projections, tmp_path)
    X = store.marker().loc[["c0", "c1", "c2", "c3"]]
    options = {"views_store": store, "recipe": hr.TrainingRecipe("head", epochs=1), "inner_folds": 2, "device": "cpu"}
    model = hr.MultiViewCNN("squeezenet1_1", "untrained", **options).fit(X, [0, 1, 0, 1])
    assert model.predict_proba(X).shape == (4, 2)
