from __future__ import annotations

import pytest
import torch

from hybridrad.models.finetuned.pooling import PoolingPlan

FEATURES = torch.rand((9, 6), generator=torch.Generator().manual_seed(0))
LENGTHS = [2, 4, 3]


def cases() -> list[torch.Tensor]:
    return [FEATURES[:2], FEATURES[2:6], FEATURES[6:]]


def built(kind: str) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PoolingPlan(kind, hidden=4).build(6).eval()


def test_plain_pooling_is_the_mean_or_maximum_of_each_case():
    assert torch.allclose(built("mean")(FEATURES, LENGTHS), torch.stack([c.mean(0) for c in cases()]))
    assert torch.allclose(built("max")(FEATURES, LENGTHS), torch.stack([c.max(0).values for c in cases()]))


def test_concatenation_keeps_the_views_in_their_order():
    pooling = PoolingPlan("concat", n_views=3).build(6)
    assert pooling.out_width == 18
    assert torch.equal(pooling(FEATURES, [3, 3, 3])[1], torch.cat([FEATURES[3], FEATURES[4], FEATURES[5]]))


@pytest.mark.parametrize("kind", ["lstm", "gru", "attention", "mean", "max"])
def test_a_case_is_pooled_alike_alone_and_among_longer_ones(kind):
    pooling = built(kind)
    with torch.no_grad():
        together = pooling(FEATURES, LENGTHS)
        alone = torch.cat([pooling(case, [len(case)]) for case in cases()])
    assert torch.allclose(together, alone, atol=1e-6)
    assert together.shape == (3, pooling.out_width)


def test_a_recurrent_layer_is_torchs_run_over_the_slices_one_by_one():
    pooling = built("gru")
    with torch.no_grad():
        outputs = pooling.layer(cases()[1][None])[0][0]
        assert torch.allclose(pooling(FEATURES, LENGTHS)[1], outputs.mean(0), atol=1e-6)


def test_the_order_of_slices_matters_to_recurrent_layers_and_not_to_attention():
    backwards = FEATURES[:4].flip(0)
    with torch.no_grad():
        for kind, same in (("attention", True), ("lstm", False)):
            pooling = built(kind)
            assert torch.allclose(pooling(FEATURES[:4], [4]), pooling(backwards, [4]), atol=1e-6) == same


def test_attention_weights_are_positive_and_sum_to_one():
    for weights in built("attention").attention(FEATURES, LENGTHS):
        assert float(weights.detach().min()) > 0
        assert float(weights.detach().sum()) == pytest.approx(1.0, abs=1e-6)
