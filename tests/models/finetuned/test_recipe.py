from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from hybridrad.models.finetuned.recipe import TrainingRecipe


def test_after_the_warm_up_the_rate_is_torchs_cosine():
    recipe = TrainingRecipe(warm_up=0.2)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = CosineAnnealingLR(optimiser, T_max=80)
    for step in range(80):
        assert recipe.rate_at((20 + step) / 100) == pytest.approx(optimiser.param_groups[0]["lr"], abs=1e-9)
        optimiser.step()
        schedule.step()


def test_the_warm_up_rises_evenly_and_may_be_left_out():
    rising = [TrainingRecipe(warm_up=0.5).rate_at(p) for p in (0.0, 0.1, 0.25, 0.5)]
    assert np.allclose(rising, [0.0, 0.2, 0.5, 1.0])
    assert TrainingRecipe(warm_up=0).rate_at(0.0) == 1.0


@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.9])
def test_a_single_step_has_the_highest_rate_and_several_keep_their_schedule(warm_up):
    recipe = TrainingRecipe(warm_up=warm_up)
    assert recipe.rate_of_step(1, 1) == 1.0
    for n_steps in (2, 3, 10):
        rates = [recipe.rate_of_step(step, n_steps) for step in range(1, n_steps + 1)]
        assert rates == [recipe.rate_at(step / n_steps) for step in range(1, n_steps + 1)]
        assert rates[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"epochs": 1.5}, {"lr": -1.0}, {"dropout": 1.0}, {"label_smoothing": -0.1}, {"warm_up": 1.0}],
)
def test_a_setting_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingRecipe(**wrong)


def test_a_misspelt_part_of_the_network_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="last_blocks"):
        TrainingRecipe("last_block")
