"""Tables of draws, as Markdown: means, regret against the truly best block, gains and losses of the hedge."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

CELL = ["data", "variant", "n"]
# The single blocks that a fused arm reads; regret is measured against the best of them.
READS = {
    "concat": ("radiomics", "deep"),
    "early": ("radiomics", "deep"),
    "late": ("radiomics", "deep"),
    "priority": ("size", "clinical", "radiomics", "deep"),
    "block_penalty": ("size", "clinical", "radiomics", "deep"),
    "hedge_clinical": ("size", "clinical", "radiomics", "deep"),
}
HEDGE_READS = ("size", "radiomics", "deep")


def wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the AUC with one row per draw and one column per arm."""
    arms = list(dict.fromkeys(rows["arm"]))
    return rows.pivot_table(index=[*CELL, "seed"], columns="arm", values="auc")[arms]


def paired(difference: pd.Series) -> dict[str, float]:
    """Return mean, standard error over draws, and the one-sided upper 95 % limit of the mean loss."""
    d = difference.dropna()
    se = d.std(ddof=1) / np.sqrt(len(d)) if len(d) > 1 else np.nan
    upper = -d.mean() + (stats.t.ppf(0.95, len(d) - 1) * se if len(d) > 1 else np.nan)
    return {"mean": d.mean(), "se": se, "upper": upper}


def regret(auc: pd.DataFrame, arm: str, reads: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Return, per cell, the best block (by mean over draws) and mean and standard error of best minus arm."""
    rows = {}
    for cell, part in auc.groupby(level=CELL):
        blocks = [b for b in reads or READS.get(arm, HEDGE_READS) if b in part and part[b].notna().all()]
        if arm not in part or part[arm].isna().any() or not blocks:
            continue
        best = part[blocks].mean().idxmax()
        loss = paired(part[arm] - part[best])
        rows[cell] = {"best": best, "auc": part[best].mean(), "regret": -loss["mean"], "se": loss["se"]}
        rows[cell]["upper"] = loss["upper"]
    index = pd.MultiIndex.from_tuples(list(rows), names=CELL) if rows else auc.index[:0].droplevel("seed")
    return pd.DataFrame(list(rows.values()), index=index, columns=["best", "auc", "regret", "se", "upper"])


def markdown(table: pd.DataFrame, title: str) -> str:
    """Return a table with its index as Markdown; numbers with three decimals."""
    flat = table.reset_index()
    lines = [f"\n**{title}**\n", "| " + " | ".join(map(str, flat.columns)) + " |", "|" + "---|" * flat.shape[1]]
    for row in flat.itertuples(index=False):
        cells = [("-" if np.isnan(v) else f"{v:.3f}") if isinstance(v, float) else str(v) for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def simulation_report(rows: pd.DataFrame, arms: list[str]) -> str:
    """Return all tables of simulated draws."""
    auc = wide(rows)
    fused = [a for a in arms if a in auc and a not in ("size", "clinical", "radiomics", "deep")]
    cells = auc.groupby(level=CELL)
    means = cells.mean()
    means["oracle"] = rows.drop_duplicates([*CELL, "seed"]).groupby(CELL)["oracle_auc"].mean()  # aligned by cell
    means["draws"] = cells.size()
    parts = [markdown(means, "Mean test AUC")]
    regrets = {arm: found for arm in fused if len(found := regret(auc, arm))}
    text = (
        "Regret (best block minus arm; positive is a loss) against the single block that is truly best: the one with "
    )
    text += "the highest mean test AUC over draws in that scenario and n, among those that the arm reads. Mean (SE)"
    parts.append(markdown(_signed(regrets), text))
    text = "Regret over the scenarios that hold something to find, without variants: mean, mean without `both` and "
    parts.append(markdown(_over_scenarios(regrets), text + "`joint`, worst (which)"))
    parts += _goals(auc, fused)
    return "\n".join(parts)


def _signed(regrets: dict[str, pd.DataFrame]) -> pd.DataFrame:
    columns = {}
    for arm, table in regrets.items():
        columns[arm] = table["regret"].map("{:+.3f}".format) + table["se"].map(" ({:.3f})".format)
    signed = pd.DataFrame(columns).fillna("-")
    first = next(iter(regrets.values()))
    signed.insert(0, "best image block or size", first["best"] + first["auc"].map(" {:.3f}".format))
    for arm, table in regrets.items():
        if arm == "hedge_clinical":
            signed.insert(1, "best of all blocks", table["best"] + table["auc"].map(" {:.3f}".format))
    return signed


def _over_scenarios(regrets: dict[str, pd.DataFrame]) -> pd.DataFrame:
    rows = {}
    for arm, table in regrets.items():
        data = table.index.get_level_values("data")
        plain = table[(table.index.get_level_values("variant") == "") & (data != "none")]
        if arm != "hedge_clinical":  # nothing that the arm reads says anything there either
            plain = plain[plain.index.get_level_values("data") != "clinical"]
        for n, part in plain.groupby(level="n"):
            worst = part["regret"].idxmax()
            # Without the two scenarios in which fusion must gain, so that gains do not pay for losses elsewhere.
            others = part[~part.index.get_level_values("data").isin(("both", "joint"))]["regret"]
            rows[(arm, n)] = (
                f"{part['regret'].mean():+.4f}, {others.mean():+.4f}, {part['regret'].max():+.4f} ({worst[0]})"
            )
    table = pd.DataFrame({f"n = {n}": {arm: text for (arm, at), text in rows.items() if at == n} for _, n in rows})
    return table.rename_axis("arm").fillna("-")


def _goals(auc: pd.DataFrame, fused: list[str]) -> list[str]:
    parts = []
    if "both" in auc.index.get_level_values("data"):
        both = auc[(auc.index.get_level_values("data") == "both") & (auc.index.get_level_values("variant") == "")]
        gain = pd.DataFrame({arm: -regret(both, arm)["regret"] for arm in fused}).dropna(axis=1, how="all")
        parts.append(markdown(gain, "Complementary scenario: gain over the best block"))
    if "none" in auc.index.get_level_values("data"):
        null = auc[auc.index.get_level_values("data") == "none"].groupby(level=CELL).mean()
        parts.append(markdown(null, "Nothing to find: mean AUC"))
    rows = {}
    for data in ("noise_blocks", "overconfident"):
        part = auc[auc.index.get_level_values("data") == data]
        for cell, draws in part.groupby(level=CELL):
            for other in ("late", "late_all", "late_raw"):
                if other in draws and "hedge" in draws and draws[other].notna().all():
                    rows[(*cell, other)] = paired(draws["hedge"] - draws[other])
    if rows:
        table = pd.DataFrame.from_dict(rows, orient="index")[["mean", "se"]]
        table.index = pd.MultiIndex.from_tuples(list(rows), names=[*CELL, "mean of logits"])
        parts.append(markdown(table, "Hedge minus mean of logits (late_all: of the hedge's own members)"))
    return parts


def real_report(rows: pd.DataFrame) -> str:
    """Return the tables of draws from a real cohort."""
    auc = wide(rows)
    cells = auc.groupby(level=CELL)
    text = "Test AUC: mean (draw-to-draw deviation)"
    mean, sd = cells.mean(), cells.std()
    shown = mean.map("{:.3f}".format) + sd.map(" ({:.3f})".format)
    shown.insert(0, "draws", cells.size())
    parts = [markdown(shown, text)]
    for hedge in [a for a in auc if a.startswith("hedge") and "missing" not in a]:
        lines = {}
        for cell, part in cells:
            for other in ("deep", "concat", "early", "late", "hedge_first"):
                if other in part and other != hedge:
                    lines[(*cell, other)] = paired(part[hedge] - part[other])
            best = regret(part, hedge, HEDGE_READS).iloc[0]
            word = f"best block ({best['best']})"
            lines[(*cell, word)] = {"mean": -best["regret"], "se": best["se"], "upper": best["upper"]}
        table = pd.DataFrame.from_dict(lines, orient="index").rename(
            columns={"upper": "upper one-sided 95 % limit of the mean loss"}
        )
        table.index = pd.MultiIndex.from_tuples(list(lines), names=[*CELL, "against"])
        parts.append(markdown(table, f"{hedge} minus another arm; the best block has the highest mean over draws"))
    parts.append(
        "\nStandard errors are over draws of training patients. Draws overlap and share test patients, so they do not "
        "cover the choice of this cohort."
    )
    return "\n".join(parts)
