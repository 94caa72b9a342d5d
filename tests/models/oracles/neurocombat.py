"""Reference numbers of neuroCombat 0.2.12. Run once, where that package is installed: python neurocombat.py."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def main() -> None:
    module = importlib.import_module("neuroCombat.neuroCombat")

    setattr(np, "int", int)  # noqa: B010 - the package is older than NumPy 1.24
    rng = np.random.default_rng(11)
    site = np.array(["a"] * 15 + ["b"] * 12 + ["c"] * 9)
    place = np.unique(site, return_inverse=True)[1]
    values = rng.normal(size=(36, 6)) @ rng.normal(size=(6, 6)) * 3.0 + 10.0
    values = values * np.array([1.0, 1.6, 0.7])[place, None] + rng.normal(size=(3, 6))[place] * 4.0
    values = values.round(4)
    names = [f"f{j}" for j in range(6)]
    pd.DataFrame(values, columns=names).assign(site=site).to_csv(HERE / "combat_data.csv", index=False)
    published = module.it_sol.__defaults__
    parts = []
    for name, options, stop in [
        ("published_stop", {}, published),  # it stops iterating at a change of 1e-4
        ("eb", {}, (1e-14,)),
        ("mean_only", {"mean_only": True}, (1e-14,)),
        ("no_eb", {"eb": False}, (1e-14,)),
        ("reference_b", {"ref_batch": "b"}, (1e-14,)),
        ("reference_b_mean_only", {"ref_batch": "b", "mean_only": True}, (1e-14,)),
    ]:
        module.it_sol.__defaults__ = stop
        covariates = pd.DataFrame({"site": site.astype(object)})
        found = module.neuroCombat(values.T.copy(), covariates, "site", **options)["data"].T
        parts.append(pd.DataFrame(found, columns=names).assign(setting=name))
    pd.concat(parts).to_csv(HERE / "combat_fits.csv", index=False)
    with_covariates(module, values, site)


def with_covariates(module, values: np.ndarray, site: np.ndarray) -> None:
    """Write the same with age, sex and stage preserved."""
    rng = np.random.default_rng(12)
    names = [f"f{j}" for j in range(6)]
    # Whole numbers: the package keeps covariates in single precision.
    table = pd.DataFrame({"age": rng.integers(40, 80, 36) + 6 * (site == "c"), "sex": rng.choice(["f", "m"], 36)})
    table["stage"] = rng.choice(["I", "II", "III"], 36)
    effect = np.outer(table["age"] - 60, rng.normal(size=6) * 0.2) + np.outer(table["sex"] == "m", rng.normal(size=6))
    values = (values + effect + np.outer(table["stage"] == "III", rng.normal(size=6) * 2)).round(4)
    pd.DataFrame(values, columns=names).assign(site=site, **table).to_csv(HERE / "combat_covariates.csv", index=False)
    covariates = table.astype(object).assign(site=site.astype(object))
    preserved = {"categorical_cols": ["sex", "stage"], "continuous_cols": ["age"]}
    parts = []
    for name, options in [
        ("eb", {}),
        ("mean_only", {"mean_only": True}),
        ("no_eb", {"eb": False}),
        ("reference_b", {"ref_batch": "b"}),
    ]:
        module.it_sol.__defaults__ = (1e-14,)
        found = module.neuroCombat(values.T.copy(), covariates.copy(), "site", **preserved, **options)["data"].T
        parts.append(pd.DataFrame(found, columns=names).assign(setting=name))
    pd.concat(parts).to_csv(HERE / "combat_covariate_fits.csv", index=False)


if __name__ == "__main__":
    main()
