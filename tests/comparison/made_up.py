"""Made-up fold scores, for tests of the comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd


def fold_scores(means, *, metrics=("roc_auc",), folds=5, repeats=4, sd=0.03, common=0.05, seed=0):
    """Return fold scores with the given means; all arms share the noise of a fold (``common``)."""
    rng = np.random.default_rng(seed)
    parts = []
    for metric in metrics:
        shared = rng.normal(0, common, folds * repeats)
        for model, mean in means.items():
            names = ["model", "metric", "repeat", "fold"]
            index = pd.MultiIndex.from_product([[model], [metric], range(repeats), range(folds)], names=names)
            value = mean + shared + rng.normal(0, sd, folds * repeats)
            parts.append(pd.DataFrame({"value": value, "n_train_patients": 80, "n_test_patients": 20}, index=index))
    return pd.concat(parts).sort_index()
