"""The arms of a study in the order, and with the roles, a report shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from hybridrad.study import Comparison

ROLES = ("single", "fused", "other")
ROLE_HEADINGS = {"single": "Single blocks", "fused": "Fused models", "other": "Other models"}


@dataclass(frozen=True)
class Arm:
    """One model of the study and what a reader must know of it."""

    name: str
    role: str
    blocks: tuple[str, ...] = ()
    text: str = ""
    n_features: int | None = None
    is_baseline: bool = False
    is_default_fused: bool = False

    @property
    def badges(self) -> tuple[str, ...]:
        """Words printed beside the name."""
        words = (("default fused", self.is_default_fused), ("baseline", self.is_baseline))
        return tuple(word for word, holds in words if holds)


def ordered_arms(study: Comparison) -> list[Arm]:
    """Return the arms of the study: single blocks, then fused (the default one first), then all others.

    An arm that only the tables know (an estimator without a description) has the role ``other``.
    """
    described = study.settings.get("arms") or {}
    known = _names(study.scores) + _names(study.predictions)
    names = list(dict.fromkeys([n for n in described if n in known] + known))
    baseline = study.settings.get("baseline")
    arms = [_arm(name, described.get(name) or {}, baseline=baseline) for name in names]
    return sorted(arms, key=lambda arm: (ROLES.index(arm.role), not arm.is_default_fused))


def by_role(arms: list[Arm], role: str) -> list[Arm]:
    """Return the arms of one role."""
    return [arm for arm in arms if arm.role == role]


def default_fused(arms: list[Arm]) -> Arm | None:
    """Return the default fused arm, or None when the study has none."""
    return next((arm for arm in arms if arm.is_default_fused), None)


def in_order_of(arms: list[Arm], table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its models, and then its baselines, in the order of the arms; nothing is left out."""
    place = {arm.name: i for i, arm in enumerate(arms)}
    levels = [level for level in ("model", "baseline") if level in table.index.names]
    keys = {level: [place.get(str(n), len(place)) for n in table.index.get_level_values(level)] for level in levels}
    return table.iloc[pd.DataFrame(keys).sort_values(levels, kind="stable").index.to_numpy()]


def _names(table: pd.DataFrame) -> list[str]:
    if table is None or table.empty or "model" not in table.index.names:
        return []
    return [str(n) for n in table.index.get_level_values("model").unique()]


def _arm(name: str, described: dict, *, baseline: object) -> Arm:
    role = described.get("role")
    return Arm(
        name=name,
        role=role if role in ROLES else "other",
        blocks=tuple(map(str, described.get("blocks") or ())),
        text=str(described.get("text") or ""),
        n_features=described.get("n_features"),
        is_baseline=name == baseline,
        is_default_fused=bool(described.get("is_default_fused")),
    )
