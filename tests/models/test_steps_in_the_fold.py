"""The steps before a model: refitted with it, exact in its explanation, blind to the rows left out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad.explain import contributions
from hybridrad.models.block_model import BlockModel
from hybridrad.models.combat import ComBat
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.icc_filter import ICCFilter
from hybridrad.models.mrmr import MRMRFilter
from hybridrad.models.redundancy import RedundancyFilter
from hybridrad.models.relevance import RelevanceFilter
from hybridrad.models.size_decorrelation import SizeDecorrelation

INNER = BlockModel({"kept": slice(None)}, inner=3)


def steps(X: pd.DataFrame) -> dict[str, object]:
    site = dict(zip(X.index, np.arange(len(X)) % 3, strict=True))
    icc = dict.fromkeys(X.columns, 0.9) | {"radiomics__r0": 0.1}
    return {
        "redundancy": RedundancyFilter(),
        "relevance": RelevanceFilter(n_columns=5),
        "mrmr": MRMRFilter(n_columns=5),
        "icc": ICCFilter(icc),
        "combat": ComBat(site),
        "size": SizeDecorrelation(),
    }


@pytest.mark.parametrize("name", ["redundancy", "relevance", "mrmr", "icc", "combat", "size"])
def test_every_step_works_before_a_block_model_and_is_explained_exactly(name, table):
    X, y, _ = table
    step = steps(X)[name].set_output(transform="pandas")
    block = "deep" if name in ("redundancy", "combat", "size") else "radiomics"
    model = make_pipeline(step, BlockModel({block: slice(None)})).fit(X, y)
    rest = model.decision_function(X) - contributions(model, X).sum(axis=1)
    assert np.ptp(rest) < 1e-9


@pytest.mark.parametrize("name", ["redundancy", "relevance", "mrmr", "icc", "combat"])
def test_inside_a_block_model_it_is_refitted_in_the_inner_folds_with_the_patients(name, table):
    X, y, groups = table
    model = BlockModel("radiomics", estimator=make_pipeline(steps(X)[name], INNER)).fit(X, y, groups=groups)
    assert model.fit_.estimator[-1].grouped_
    rest = model.decision_function(X) - contributions(model, X).sum(axis=1)
    assert np.ptp(rest) < 1e-8


def test_it_can_stand_before_one_member_of_the_hedge(table):
    X, y, groups = table
    member = make_pipeline(MRMRFilter(n_columns=4), INNER)
    hedge = HedgedFusion(["radiomics", "deep"], estimators={"radiomics": member}, n_bootstrap=0)
    assert roc_auc_score(y, hedge.fit(X, y, groups=groups).oof_logits_) > 0.8
    holes = X.copy()
    holes.iloc[:5, 9:] = np.nan
    total = hedge.shap_values(holes).sum(axis=1) + hedge.expected_logit_
    np.testing.assert_allclose(total, hedge.decision_function(holes), atol=1e-9)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_contributions_of_a_pipeline_go_to_the_columns_it_came_from(data, request):
    X, y, groups = request.getfixturevalue(data)
    steps_before = (StandardScaler(), RelevanceFilter(n_columns=6), RedundancyFilter())
    model = BlockModel("radiomics", estimator=make_pipeline(*steps_before, INNER)).fit(X, y, groups=groups)
    shap = model.shap_values(X)
    np.testing.assert_allclose(shap.sum(axis=1) + model.expected_logit_, model.decision_function(X), atol=1e-9)
    used = shap.reshape(*X.shape, -1).any(axis=(0, 2))
    kept = np.arange(1, 9)[steps_of(model)[1].get_support()][steps_of(model)[2].get_support()]
    assert np.flatnonzero(used).tolist() == kept.tolist()


def steps_of(model: BlockModel) -> list:
    return [step for _, step in model.fit_.estimator.steps]


def test_a_step_that_mixes_columns_is_not_explained(table):
    X, y, groups = table
    model = BlockModel("deep", estimator=make_pipeline(PCA(3), INNER)).fit(X, y, groups=groups)
    with pytest.raises(NotImplementedError, match="PCA mixes columns"):
        model.shap_values(X)


@pytest.mark.parametrize("step", [RelevanceFilter(n_columns=10), MRMRFilter(n_columns=10)])
def test_selection_on_noise_gives_no_edge_out_of_fold(step):
    scores = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(60, 300)), np.arange(60) % 2
        model = BlockModel({"all": slice(None)}, estimator=make_pipeline(step, INNER)).fit(X, y)
        scores.append(roc_auc_score(y, model.oof_logits_))
    assert 0.38 < np.mean(scores) < 0.6, scores


def models_of_the_docs() -> dict[str, object]:
    """Return the models that the docs show for gaps and columns that hardly vary."""
    text = (Path(__file__).parents[2] / "docs" / "steps.md").read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "SimpleImputer" in b]
    made: dict[str, object] = {}
    exec(block, made)
    return made["models"]


def gappy(table) -> tuple:
    """Return the table with gaps in every block, one column that hardly varies, and one of tiny unit."""
    X, y, groups = table
    holes = X.mask(np.random.default_rng(0).random(X.shape) < 0.05)
    holes.iloc[:4, [c.startswith("radiomics__") for c in X.columns]] = np.nan
    holes["radiomics__r7"] = 5.0 + (np.arange(len(X)) == 9)
    holes["radiomics__r0"] *= 1e-9
    return holes, y, groups


def test_an_estimator_that_refuses_gaps_works_behind_the_steps_the_docs_show(table):
    X, y, groups = gappy(table)
    for model in models_of_the_docs().values():
        fitted = model.fit(X, y, groups=groups)
        assert np.isfinite(fitted.decision_function(X)).all()
        assert roc_auc_score(y, fitted.oof_logits_) > 0.7


def test_what_those_steps_drop_does_not_hang_on_units(table):
    X, y, groups = gappy(table)
    fitted = models_of_the_docs()["radiomics_own"].fit(X, y, groups=groups).fit_.estimator
    assert fitted["variancefilter"].get_support().tolist() == [True] * 7 + [False]
