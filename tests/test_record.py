from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from hybridrad.record import data_digest, hedge_weights, plain, size_note, versions


def test_features_that_follow_size_are_counted_by_spearman():
    rng = np.random.default_rng(0)
    size = rng.lognormal(size=50)
    table = pd.DataFrame({"size__volume_ml": size})
    table["radiomics__monotone"] = -np.log(size)
    table["radiomics__noisy"] = size + rng.normal(size=50)
    table["radiomics__noise"] = rng.normal(size=50)
    table["radiomics__constant"] = 1.0
    table["deep__0"] = size
    rho = [abs(spearmanr(size, table[f"radiomics__{n}"])[0]) for n in ("monotone", "noisy", "noise")]
    note = size_note(table, [{"views": {"keeps_size": True}}])
    assert note["n_following_size"] == sum(r > 0.7 for r in rho)
    assert (note["n_radiomics"], note["views_keep_size"]) == (4, True)


def test_views_that_keep_size_and_views_that_do_not_are_told_apart():
    told = [{"name": name, "views": {"keeps_size": kept}} for name, kept in (("deep", False), ("finetuned", True))]
    note = size_note(pd.DataFrame({"radiomics__a": [1.0, 2.0]}), told)
    assert note["views_keep_size"] is None
    assert (note["views_that_keep_size"], note["views_that_do_not"]) == (["finetuned"], ["deep"])


def test_without_a_network_nothing_is_said_about_views():
    note = size_note(pd.DataFrame({"radiomics__a": [1.0, 2.0]}), [])
    assert note["views_keep_size"] is None
    assert note["block"] is None


def test_weights_are_summed_up_over_folds():
    weights = hedge_weights([{"a": 0.2, "b": 0.8}, {"a": 0.4, "b": 0.6}])
    assert weights["a"]["mean"] == pytest.approx(0.3)


def test_numpy_scalars_become_plain():
    assert type(plain(np.int64(3))) is int
    assert plain("a") == "a"


def test_versions_name_what_numbers_depend_on():
    assert {"numpy", "torch", "SimpleITK", "scikit-learn"} <= set(versions())


def test_the_digest_of_the_data_follows_every_value_label_and_patient():
    def digest(value=1.0, label=1, patient="p1", name="radiomics__a"):
        table = pd.DataFrame({"case_id": ["a", "b"], "patient_id": ["p0", patient], "label": [0, label]})
        X = pd.DataFrame({name: [0.0, value]}, index=pd.Index(["a", "b"], name="case_id"))
        return data_digest(X, table.set_index("case_id")[["label"]], table.set_index("case_id")["patient_id"])

    others = [digest(value=1.0 + 1e-15), digest(label=2), digest(patient="p2"), digest(name="radiomics__b")]
    assert digest() == digest()
    assert len({digest(), *others}) == 5
