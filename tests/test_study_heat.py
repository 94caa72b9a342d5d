from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.study_heat import add_heat_maps, shows_heat_maps
from tests.models.finetuned.lit_squares import LitSquares

CV = hr.NestedCV(outer=2, repeats=2, inner=2)


@pytest.fixture(scope="module")
def parts():
    """A study of a network and of radiomics without heat maps, the same with heat maps, and what they were made of."""
    store = LitSquares(24, side=64)
    features = store.X.assign(radiomics__a=np.random.default_rng(0).normal(size=24))
    table = pd.DataFrame({"case_id": store.X.index, "patient_id": store.groups, "label": store.y})
    recipe = hr.TrainingRecipe("head", epochs=2)
    network = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe, oof=False, device="cpu")
    models = {"finetuned": network, "radiomics": hr.BlockModel("radiomics")}
    data = (models, features, cohort_from_frame(table, images=False))
    plain, with_maps = (hr.compare_models(*data, cv=CV, explain=False, heat_maps=n) for n in (0, 4))
    return plain, with_maps, data


def test_a_finished_study_gets_the_heat_maps_it_would_have_had_and_nothing_else_changes(parts):
    plain, wanted, data = parts
    found = add_heat_maps(plain, *data, n_cases=4)
    pd.testing.assert_frame_equal(found.heat_maps.table, wanted.heat_maps.table)
    assert all(np.array_equal(a, b) for a, b in zip(found.heat_maps.heats, wanted.heat_maps.heats, strict=True))
    assert found.findings is plain.findings
    assert found.predictions is plain.predictions
    assert plain.heat_maps is None


def test_an_interrupted_call_goes_on_where_it_was(parts, tmp_path):
    plain, wanted, data = parts
    seen = []

    def interrupted(done, total):
        seen.append((done, total))
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_heat_maps(plain, *data, n_cases=4, store=tmp_path, progress=interrupted)
    found = add_heat_maps(plain, *data, n_cases=4, store=tmp_path, progress=lambda *at: seen.append(at))
    assert seen == [(0, 2), (1, 2), (1, 2), (2, 2)]
    pd.testing.assert_frame_equal(found.heat_maps.table, wanted.heat_maps.table)


def test_whether_a_study_has_them_hangs_on_how_many_are_shown(parts):
    plain, with_maps, _ = parts
    assert [shows_heat_maps(study, 4) for study in (plain, with_maps)] == [False, True]
    assert not shows_heat_maps(with_maps, 5)


def test_networks_that_came_out_otherwise_are_a_finding_once(parts):
    plain, _, data = parts
    moved = replace(plain, predictions=plain.predictions.assign(y_score=plain.predictions["y_score"] + 0.01))
    found = add_heat_maps(moved, *data, n_cases=4)
    (message,) = [text for text in found.findings["message"] if "trained again" in text]
    assert message.startswith("finetuned: the networks trained again for the heat maps differ")
    assert "by up to 0.01" in message
    assert len(add_heat_maps(found, *data, n_cases=4).findings) == len(found.findings)


def test_other_data_and_arms_without_a_network_are_refused(parts):
    plain, _, (models, features, cohort) = parts
    with pytest.raises(RunError, match="not those of the study"):
        add_heat_maps(plain, models, features.assign(radiomics__a=0.0), cohort)
    with pytest.raises(ValueError, match="no arm is a network"):
        add_heat_maps(plain, {"radiomics": models["radiomics"]}, features, cohort)
