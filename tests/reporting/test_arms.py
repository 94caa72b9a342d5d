from __future__ import annotations

from hybridrad.reporting.arms import in_order_of, ordered_arms


def test_singles_come_first_and_the_default_fused_arm_leads_the_fused_ones(study):
    names = [a.name for a in ordered_arms(study)]
    assert names[:5] == ["size", "clinical", "radiomics", "deep", "hedge"]


def test_an_arm_without_description_is_shown_as_other(study):
    del study.settings["arms"]["late"]
    assert next(a for a in ordered_arms(study) if a.name == "late").role == "other"


def test_tables_follow_the_order_of_the_arms_and_lose_no_row(study):
    arms = ordered_arms(study)
    table = in_order_of(arms, study.comparisons)
    assert table.index[0][:2] == ("hedge", "size")
    assert sorted(table.index) == sorted(study.comparisons.index)
    assert in_order_of(arms, study.regret.iloc[:0]).empty
