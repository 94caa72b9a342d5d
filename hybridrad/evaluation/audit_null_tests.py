"""The null tests of a procedure that is audited from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hybridrad.evaluation.audit_data import AuditData
from hybridrad.evaluation.audit_null import NullRuns, null_check, null_runs
from hybridrad.evaluation.audit_permutation import permutation_check
from hybridrad.evaluation.audit_run import OutOfFold, Run, cell_auc, out_of_fold
from hybridrad.evaluation.audit_surrogates import (
    noise_like,
    one_label_each,
    patient_noise,
    permuted_labels,
    site_scaled_noise,
)
from hybridrad.evaluation.audit_table import UNJUDGED, Check

_POOLED = " Scores of all folds were pooled, which biases the AUC downwards: return (scores, fold) to see weak leaks."
FEW_EXCHANGE = "patients have several labels and different numbers of cases, so that few can exchange labels."
_LEAKS = "Whatever learns from labels must be refitted on the training patients of each fold: "


def labels_check(runs: NullRuns, *, note: str = "") -> Check:
    """Return the row of null runs on permuted labels.

    Examples
    --------
    >>> labels_check(NullRuns(np.array([0.48, 0.53, 0.5, 0.49]))).verdict
    'pass'
    """
    return null_check(
        "A_NULL_LABELS",
        runs,
        what="labels permuted between patients",
        suspect="The procedure sees labels of the cases it scores.",
        hint=_LEAKS + "selection, resampling, harmonisation, tuning, and the split itself by patient.",
        note=note,
    )


@dataclass(frozen=True)
class NullTests:
    """The null tests of one procedure; ``seed`` and the number of a test fix its draws."""

    run: Run
    data: AuditData
    real: OutOfFold
    n_runs: int
    seed: int
    say: Callable[[str], None]

    @property
    def note(self) -> str:
        """What is said under every null test."""
        return _POOLED if self.real.fold is None else ""

    def draws(self, draw: Callable[[np.random.Generator], float], number: int, n_runs: int | None = None) -> NullRuns:
        """Make the null runs of test ``number``."""
        return null_runs(draw, n_runs=n_runs or self.n_runs, seed=(self.seed, number))

    def labels(self, permutations: int) -> list[Check]:
        """Return the checks on permuted labels."""
        self.say("A_NULL_LABELS")
        data, by_patient = self.data, one_label_each(self.data.y, self.data.groups)
        strata = permuted_labels(data.y, data.groups, np.random.default_rng(0))[1]
        if (strata < 0).mean() > 0.5:
            codes = ["A_NULL_LABELS", "A_LABEL_PERMUTATION"] if permutations else ["A_NULL_LABELS"]
            return [Check(code, UNJUDGED, FEW_EXCHANGE) for code in codes]

        def draw(rng: np.random.Generator) -> float:
            y, stratum = permuted_labels(data.y, data.groups, rng)
            out = out_of_fold(self.run, data.X, y, data.groups)
            return cell_auc(y, out, data.groups, by_patient=by_patient, stratum=stratum)

        runs = self.draws(draw, 0, permutations or None)
        check = labels_check(runs, note=self.note)
        if not permutations:
            return [check]
        observed = cell_auc(data.y, self.real, data.groups, by_patient=by_patient, stratum=strata)
        return [check, permutation_check(observed, runs)]

    def features(self) -> Check:
        """Return the check on noise in every column."""
        self.say("A_NULL_FEATURES")
        data = self.data

        def draw(rng: np.random.Generator) -> float:
            out = out_of_fold(self.run, noise_like(data.X, rng), data.y, data.groups)
            # By case: the noise of cases is exchangeable, while means over more cases differ from those over few.
            return cell_auc(data.y, out, data.groups)

        return null_check(
            "A_NULL_FEATURES",
            self.draws(draw, 1),
            what="columns permuted one by one",
            suspect="The procedure knows the label from elsewhere than X: copies of rows, patient ids, the order of "
            "rows, tables read beside X, or labels of the cases it scores.",
            hint=_LEAKS + "and remove copies of cases; X must be all that describes a case.",
            note=self.note,
        )

    def patients(self) -> Check:
        """Return the check on noise that only names the patient."""
        self.say("A_NULL_PATIENTS")
        data = self.data
        patients, patient = np.unique(data.groups, return_inverse=True)
        if len(patients) == len(patient):
            reason = "every case is a patient of its own; if patients have several cases, give them as groups."
            return Check("A_NULL_PATIENTS", UNJUDGED, reason)
        labels, code = np.unique(data.y, return_inverse=True)
        counts = np.zeros((len(patients), len(labels)), dtype=int)
        np.add.at(counts, (patient, code), 1)
        usual = counts.argmax(axis=1)
        if len(np.unique(usual)) < len(labels):  # no patient has mostly cases of some class
            usual = np.arange(len(patients)) % len(labels)

        def draw(rng: np.random.Generator) -> float:
            y = labels[rng.permutation(usual)[patient]]
            X = patient_noise(data.X, data.groups, rng, keep=data.site_columns)
            return cell_auc(y, out_of_fold(self.run, X, y, data.groups), data.groups, by_patient=True)

        return null_check(
            "A_NULL_PATIENTS",
            self.draws(draw, 2),
            what="noise that is alike within a patient, with random labels of patients",
            suspect="Cases of a patient are on both sides of a split, or the procedure sees labels of cases it scores.",
            hint="Split by patient, in outer and inner folds: GroupKFold, StratifiedGroupKFold.",
            note=self.note,
        )

    def sites(self) -> Check:
        """Return the check on harmonisation between sites."""
        data = self.data
        if data.sites is None or len(np.unique(data.sites.astype(str))) < 2:
            reason = "no sites were given." if data.sites is None else "there is one site only."
            return Check("A_NULL_SITES", UNJUDGED, reason, "Give the site of each case if they are harmonised.")
        self.say("A_NULL_SITES")
        site = np.unique(data.sites.astype(str), return_inverse=True)[1].astype(np.intp)
        by_patient = one_label_each(data.y, data.groups)

        def draw(rng: np.random.Generator) -> float:
            y, stratum = permuted_labels(data.y, data.groups, rng)
            X, quiet = site_scaled_noise(data.X, site, rng, keep=data.site_columns)
            out = out_of_fold(self.run, X, y, data.groups)
            within = np.where(quiet & (stratum >= 0), site * (int(stratum.max()) + 1) + stratum, -1)
            return cell_auc(y, out, data.groups, by_patient=by_patient, stratum=within)

        return null_check(
            "A_NULL_SITES",
            self.draws(draw, 3),
            what="noise of different strength by site, with permuted labels",
            suspect="Harmonisation gives the outcome of the cases it scores back to the features.",
            hint="Fit ComBat on the training patients, without the outcome as a covariate.",
            note=self.note,
        )
