from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.learning import learning_curves

SIZES = [16, 28, 44, 70]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    ids, y = [f"c{i:03d}" for i in range(110)], np.arange(110) % 2
    columns = {"size__volume_ml": rng.normal(size=110) + 0.8 * y}
    columns |= {f"radiomics__{i:02d}": rng.normal(size=110) + 0.4 * y * (i < 12) for i in range(30)}
    features = pd.DataFrame(columns, index=pd.Index(ids, name="case_id"))
    return features, cohort_from_frame(pd.DataFrame({"case_id": ids, "label": y}), images=False)


@pytest.fixture(scope="module")
def curves(data):
    features, cohort = data
    models = {"size": hr.BlockModel("size"), "radiomics": hr.BlockModel("radiomics")}
    return hr.learning_curves(models, features, cohort, sizes=SIZES, draws=6, inner=3, n_bootstrap=100)


def test_every_arm_has_a_point_with_an_interval_at_every_size(curves):
    assert curves.points.loc["radiomics"].index.tolist() == SIZES
    assert ((curves.points["low"] < curves.points["value"]) & (curves.points["value"] < curves.points["high"])).all()
    assert (curves.points["n_test_patients"] == 33).all()


def test_differences_are_those_of_the_points_with_the_same_replicates(curves):
    gains = curves.differences("size")
    points = curves.points["value"]
    assert gains.index.tolist() == [("radiomics", n) for n in SIZES]
    expected = [points["radiomics", n] - points["size", n] for n in SIZES]
    assert gains["difference"].tolist() == pytest.approx(expected)
    assert ((gains["low"] < gains["difference"]) & (gains["difference"] < gains["high"])).all()
    turned = curves.differences("radiomics")
    assert turned["low"].tolist() == pytest.approx((-gains["high"]).tolist())


def test_differences_to_an_arm_that_is_not_there_are_refused(curves):
    with pytest.raises(ValueError, match="baseline='deep' is not one of size, radiomics"):
        curves.differences("deep")


def test_a_wide_block_gains_more_with_patients_than_one_scalar(curves):
    gain = {m: curves.points.loc[(m, 70), "value"] - curves.points.loc[(m, 16), "value"] for m in ("size", "radiomics")}
    assert gain["radiomics"] > 0.05
    assert gain["radiomics"] > gain["size"]


def test_the_fit_and_the_crossing_are_tables_with_words(curves):
    assert curves.fits.loc["radiomics", "r2"] > 0.5
    assert curves.fits.loc["radiomics", "text"]
    assert curves.crossings.index.tolist() == [("size", "radiomics")]
    assert isinstance(curves.crossings["text"].iloc[0], str)


def test_test_patients_are_never_trained_on(curves):
    for _, part in curves.splits.groupby(level="repeat"):
        role = part.reset_index().groupby("case_id")["role"].nunique()
        assert (role == 1).all()


def test_noise_stays_at_a_half_at_every_size(data):
    features, cohort = data
    noise = features[["radiomics__20", "radiomics__21", "radiomics__22"]]
    curves = learning_curves(
        {"radiomics": hr.BlockModel("radiomics")}, noise, cohort, sizes=[20, 60], draws=8, inner=3, n_bootstrap=20
    )
    assert curves.points["value"].between(0.35, 0.65).all()


def test_interrupted_curves_go_on_with_what_is_done_and_come_out_the_same(data, tmp_path):
    features, cohort = data
    call = {"sizes": [20, 60], "draws": 3, "inner": 2, "n_bootstrap": 10}
    seen = []

    def stop(done, total):
        seen.append(done)
        if done == 4:
            raise KeyboardInterrupt

    models = {"size": hr.BlockModel("size")}
    with pytest.raises(KeyboardInterrupt):
        learning_curves(models, features, cohort, **call, progress=stop, store=tmp_path)
    again = []
    curves = learning_curves(
        models, features, cohort, **call, progress=lambda done, total: again.append(done), store=tmp_path
    )
    assert again == [4, 5, 6]
    assert_frame_equal(curves.points, learning_curves(models, features, cohort, **call).points)


def test_an_arm_that_fails_is_listed_and_has_no_points(data):
    features, cohort = data
    models = {"size": hr.BlockModel("size"), "gone": hr.BlockModel("nowhere")}
    curves = learning_curves(models, features, cohort, sizes=[20, 60], draws=2, inner=2, n_bootstrap=10)
    assert curves.points.loc["gone", "value"].isna().all()
    assert len(curves.failures) == 4
    assert curves.differences("size").loc["gone"].isna().all(axis=None)
    assert curves.crossings.loc[("size", "gone"), "text"] == "not identified: an arm failed"
