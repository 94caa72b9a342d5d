"""How an AUC of 0.9 is made of noise, and how the audit notices."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hybridrad as hr

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")
folder.mkdir(parents=True, exist_ok=True)


def out_of_fold(model, X, y, folds):
    """Return the score of each case by a model that was fitted without its fold, and the fold."""
    scores, fold = np.zeros(len(y)), np.zeros(len(y), dtype=int)
    for k, (train, test) in enumerate(folds):
        scores[test] = model.fit(X[train], y[train]).decision_function(X[test])
        fold[test] = k
    return scores, fold


def mean_auc(y, scores, fold):
    return np.mean([roc_auc_score(y[fold == k], scores[fold == k]) for k in np.unique(fold)])


# 1. Ten of a thousand noise features are selected with the labels of everybody, and then cross-validated.
def selection_before_the_split(X, y, groups):
    selected = SelectKBest(k=10).fit_transform(X, y)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return out_of_fold(model, selected, y, StratifiedGroupKFold(5, shuffle=True, random_state=0).split(X, y, groups))


# The same model; the selection is a step of it and is refitted on the training patients of each fold.
def selection_inside_the_fold(X, y, groups):
    model = make_pipeline(SelectKBest(k=10), StandardScaler(), LogisticRegression())
    return out_of_fold(model, X, y, StratifiedGroupKFold(5, shuffle=True, random_state=0).split(X, y, groups))


# 2. Eight slices of each patient, dealt to the folds one by one, or patient by patient.
def slices_on_both_sides(X, y, groups):
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return out_of_fold(model, X, y, StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))


def patients_on_one_side(X, y, groups):
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return out_of_fold(model, X, y, StratifiedGroupKFold(5, shuffle=True, random_state=0).split(X, y, groups))


def noise(seed):
    """80 patients, 1000 features, nothing in them."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(80, 1000)), np.arange(80) % 2, np.arange(80)


def noise_in_slices(seed):
    """40 patients with 8 slices that resemble each other (r = 0.5), 100 features, nothing in them."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(40), 8)
    X = rng.normal(size=(40, 100))[patient] + rng.normal(size=(320, 100))
    return X, (np.arange(40) % 2)[patient], patient


rows = {}
for run, make in {
    selection_before_the_split: noise,
    selection_inside_the_fold: noise,
    slices_on_both_sides: noise_in_slices,
    patients_on_one_side: noise_in_slices,
}.items():
    aucs = []
    for seed in range(20):
        X, y, patient = make(seed)
        aucs.append(mean_auc(y, *run(X, y, patient)))
    audit = hr.audit_pipeline(run, *make(0), n_runs=12)
    failed = audit.index[audit["verdict"] == "fail"]
    rows[run.__name__] = {"AUC, mean of 20": np.mean(aucs), "sd": np.std(aucs, ddof=1), "audit": ", ".join(failed)}

table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("procedure")
table["audit"] = table["audit"].replace("", "nothing found")
table.to_csv(folder / "selection_bias.csv")
print(table.round(3).to_string())
