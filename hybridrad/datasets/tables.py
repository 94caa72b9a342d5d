"""Feature tables with a known truth, made in milliseconds: the twin of `make_cohort` without images.

Latent traits, independent and standard normal over patients, shape the columns of every scenario alike: size, twelve
radiomics factors (a group of correlated columns each), sixty deep factors, and one trait per clinical column. A
scenario says which combinations of them the label depends on.

AUC of the truly best block, by a ridge model of it trained on 300 patients (in brackets the oracle): ``radiomics`` 0.83
(0.86), ``deep`` 0.81 (0.86), ``both`` radiomics 0.76, deep 0.74 (0.92), ``joint`` radiomics 0.73 (0.92), ``redundant``
radiomics 0.82, deep 0.79 (0.84), ``clinical`` 0.82 (0.84), ``all_weak`` radiomics 0.68 (0.77), ``site_confounded``
radiomics 0.82 (0.85), ``volume`` size 0.84 (0.84), ``noise_blocks`` and ``overconfident`` radiomics 0.83 (0.86); means
of five populations, tested on 3000 patients each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import rankdata

from hybridrad._checks import check_choice, check_positive
from hybridrad.cohort import Cohort, cohort_from_frame
from hybridrad.datasets.table_blocks import N_DEEP_FACTORS, N_GROUPS, Array, DeepLike, RadiomicsLike, with_trait

SITES = ("north", "south", "west")
# How much the cases of one patient differ in a trait: share of its standard deviation, as in `make_cohort`.
_WITHIN_PATIENT = 0.3
# In "joint", how much of what radiomics sees of its trait is signal; the rest is nuisance that deep sees, too.
_JOINT_SHARE = 0.6


@dataclass(frozen=True)
class TableScenario:
    """Coefficients of the traits in the log odds of the label.

    Parameters
    ----------
    size, radiomics, deep, clinical : float
        Of the trait that this block alone shows.
    hidden : float
        Of a trait that no block shows alone, see ``linked``.
    linked : {"", "same", "nuisance"}
        ``same``: radiomics and deep show the same trait. ``nuisance``: radiomics shows the hidden trait under a
        stronger nuisance, and deep shows the nuisance.
    site : float
        Step of the log odds from site to site; the sites then also shift all image columns.
    noise_blocks : int
        Further blocks without any signal.
    """

    size: float = 0.0
    radiomics: float = 0.0
    deep: float = 0.0
    clinical: float = 0.0
    hidden: float = 0.0
    linked: Literal["", "same", "nuisance"] = ""
    site: float = 0.0
    noise_blocks: int = 0


TABLE_SCENARIOS = {
    "radiomics": TableScenario(radiomics=2.0),
    "deep": TableScenario(deep=2.0),
    "both": TableScenario(radiomics=2.2, deep=2.2),
    "joint": TableScenario(hidden=3.0, linked="nuisance"),
    "redundant": TableScenario(radiomics=1.8, linked="same"),
    "clinical": TableScenario(clinical=1.8),
    "all_weak": TableScenario(size=0.5, radiomics=0.7, deep=0.7, clinical=0.5),
    "none": TableScenario(),
    "site_confounded": TableScenario(radiomics=1.5, site=1.2),
    "volume": TableScenario(size=1.8),
    "noise_blocks": TableScenario(radiomics=2.0, noise_blocks=3),
    "overconfident": TableScenario(radiomics=2.0),
}


def make_table(
    n_patients: int,
    *,
    scenario: str,
    random_state: int = 0,
    population: int = 0,
    cases_per_patient: int = 1,
    prevalence: float = 0.5,
    n_radiomics: int = 107,
    n_deep: int = 512,
    n_clinical: int = 4,
    effect: float = 1.0,
) -> tuple[pd.DataFrame, Cohort]:
    """Return a feature table whose label depends on known traits, and its cohort.

    Nothing is learned from the rows, and nothing is scaled by them: a row depends on ``population``, ``random_state``
    and its patient's number alone. The label is 1 for the ``prevalence * n_patients`` patients with the highest true
    log odds plus standard logistic noise.

    Parameters
    ----------
    n_patients : int
    scenario : str
        What the label depends on:

        - ``radiomics``, ``deep``, ``clinical``: a trait that this block alone shows;
        - ``both``: two independent traits, one shown by radiomics, one by deep: they complement each other;
        - ``joint``: radiomics shows the trait under a nuisance; deep shows the nuisance alone, so that it says nothing
          by itself, and yet cleans what radiomics says;
        - ``redundant``: radiomics and deep show the same trait;
        - ``all_weak``: size, radiomics, deep and clinical, each a little;
        - ``none``: nothing;
        - ``site_confounded``: a radiomics trait and the site; the sites shift all image columns, so that deep, which
          shows no trait, knows the site and does well until it meets a new one;
        - ``volume``: size, which a third of the radiomics columns follow closely and deep in part;
        - ``noise_blocks``: as ``radiomics``, with three further blocks of noise beside deep and size;
        - ``overconfident``: as ``radiomics``; meant for a deep member that overfits.
    random_state : int
        Of the patients: another number, other patients of the same population.
    population : int
        Of the truth: loadings, shapes of the columns and directions of the signal.
    cases_per_patient : int
        Cases of a patient share the label and, up to 0.3 standard deviations, the traits.
    prevalence : float
        Share of patients with label 1.
    n_radiomics, n_deep, n_clinical : int
        Columns of the blocks; at least 12 for radiomics, 1 for the others.
    effect : float
        Multiplies the coefficients of the scenario; 0 leaves nothing to find.

    Returns
    -------
    features : DataFrame of shape (n_cases, 1 + n_radiomics + n_deep + ...)
        Index ``case_id``; blocks ``size``, ``radiomics``, ``deep``, and ``noise_1`` ... where the scenario has them.
    cohort : Cohort
        With ``site`` and the clinical columns ``age``, ``sex``, ``marker_1``, ...; the column ``true_log_odds`` is for
        `oracle_auc` and enters no model.

    Raises
    ------
    ValueError
        An argument is out of range, or the prevalence leaves a class empty.

    Examples
    --------
    >>> features, cohort = make_table(60, scenario="both", n_deep=64)
    >>> features.shape, cohort.summary()["patients"].tolist()
    ((60, 172), [30, 30])
    >>> test, more = make_table(3000, scenario="both", n_deep=64, random_state=1)  # new patients, same truth
    >>> 0.9 < oracle_auc(more) < 0.95
    True
    """
    n_positive = _check_arguments(n_patients, cases_per_patient, scenario, prevalence, n_radiomics, n_deep, n_clinical)
    if not np.isfinite(effect):
        raise ValueError(f"effect must be a finite number, got {effect!r}.")
    truth = TABLE_SCENARIOS[scenario]
    radiomics = RadiomicsLike(_stream("radiomics", population), n_radiomics)
    deep = DeepLike(_stream("deep", population), n_deep)
    blocks: dict[str, RadiomicsLike | DeepLike] = {"radiomics": radiomics, "deep": deep}
    for name in (f"noise_{i + 1}" for i in range(truth.noise_blocks)):
        blocks[name] = DeepLike(_stream(name, population), n_deep)

    def patients(name: str, width: int) -> Array:
        return _stream(name + " of patients", population, random_state).standard_normal((n_patients, width))

    latent = {name: patients(name, N_GROUPS if name == "radiomics" else N_DEEP_FACTORS) for name in blocks}
    latent |= {"size": patients("size", 1), "clinical": patients("clinical", n_clinical)}
    hidden = patients("hidden", 1)[:, 0]
    _link(latent, radiomics, deep, truth, hidden)
    site = _stream("site", population, random_state).integers(len(SITES), size=n_patients)
    log_odds = effect * (
        truth.size * latent["size"][:, 0]
        + truth.radiomics * latent["radiomics"] @ radiomics.direction
        + truth.deep * latent["deep"] @ deep.direction
        + truth.clinical * latent["clinical"].sum(axis=1) / np.sqrt(n_clinical)
        + truth.hidden * hidden
        + truth.site * (site - 1.0)
    )
    noisy = log_odds + _stream("label", population, random_state).logistic(size=n_patients)
    label = np.zeros(n_patients, dtype=np.int64)
    label[np.argsort(-noisy, kind="stable")[:n_positive]] = 1

    of_case = np.repeat(np.arange(n_patients), cases_per_patient)
    own = {
        name: _cases(values[of_case], _stream(name + " of cases", population, random_state), cases_per_patient)
        for name, values in latent.items()
        if name != "clinical"
    }
    case_id = _case_ids(n_patients, cases_per_patient)
    size = own["size"][:, 0]
    parts = [pd.DataFrame({"size__volume_ml": np.exp(1.0 + 0.9 * size)}, index=case_id)]
    for name, block in blocks.items():
        shift = _site_shift(name, population, len(block.names), shifted=truth.site != 0)[site[of_case]]
        values = block.columns(_stream(name + " noise", population, random_state), own[name], size, shift)
        parts.append(pd.DataFrame(values, index=case_id, columns=[f"{name}__{column}" for column in block.names]))
    table = pd.DataFrame(
        {"patient_id": [f"patient_{i + 1:05d}" for i in of_case], "label": label[of_case]}, index=case_id
    )
    clinical = _clinical(latent["clinical"])
    for column, of_patient in clinical.items():
        table[column] = of_patient[of_case]
    table["site"] = np.asarray(SITES)[site[of_case]]
    table["true_log_odds"] = log_odds[of_case]
    return pd.concat(parts, axis=1), cohort_from_frame(table, images=False, clinical=list(clinical))


def oracle_auc(cohort: Cohort) -> float:
    """Return the AUC of the true log odds, over patients: what a model that knew the truth would reach on them.

    Parameters
    ----------
    cohort : Cohort
        From `make_table`.

    Examples
    --------
    >>> features, cohort = make_table(2000, scenario="none", n_deep=8)
    >>> oracle_auc(cohort)
    0.5
    """
    if "true_log_odds" not in cohort.table:
        raise ValueError("the cohort has no column true_log_odds; only cohorts of make_table know their truth.")
    patients = cohort.table.drop_duplicates("patient_id")
    positive = patients[cohort.label].to_numpy() == 1
    ranks = rankdata(patients["true_log_odds"].to_numpy(dtype=float))
    n_positive = int(positive.sum())
    above = ranks[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (len(ranks) - n_positive)))


def _link(
    latent: dict[str, Array], radiomics: RadiomicsLike, deep: DeepLike, truth: TableScenario, hidden: Array
) -> None:
    """Let radiomics and deep show a common trait, where the scenario has one; changes ``latent``."""
    if truth.linked == "same":
        latent["deep"] = with_trait(latent["deep"], deep.direction, latent["radiomics"] @ radiomics.direction)
    elif truth.linked == "nuisance":
        nuisance = latent["deep"] @ deep.strong_direction
        seen = _JOINT_SHARE * hidden + np.sqrt(1 - _JOINT_SHARE**2) * nuisance
        latent["radiomics"] = with_trait(latent["radiomics"], radiomics.strong_direction, seen)


def _cases(of_patient: Array, rng: Generator, cases_per_patient: int) -> Array:
    """Return traits of the cases, of the same variance as those of the patients."""
    if cases_per_patient == 1:
        return of_patient
    share = _WITHIN_PATIENT
    return np.asarray(np.sqrt(1 - share**2) * of_patient + share * rng.standard_normal(of_patient.shape))


def _site_shift(block: str, population: int, n_columns: int, *, shifted: bool) -> Array:
    if not shifted:
        return np.zeros((len(SITES), n_columns))
    return np.asarray(0.7 * _stream(block + " site shift", population).standard_normal((len(SITES), n_columns)))


def _clinical(traits: Array) -> dict[str, NDArray[np.generic]]:
    """Return age, sex and markers, each showing one trait."""
    columns: dict[str, NDArray[np.generic]] = {"age": np.round(62 + 10 * traits[:, 0], 1)}
    if traits.shape[1] > 1:
        columns["sex"] = np.where(traits[:, 1] > 0, "m", "f")
    for i in range(2, traits.shape[1]):
        columns[f"marker_{i - 1}"] = np.exp(0.6 * traits[:, i])
    return columns


def _case_ids(n_patients: int, cases_per_patient: int) -> pd.Index:
    numbers = [""] if cases_per_patient == 1 else [f"_{i + 1}" for i in range(cases_per_patient)]
    return pd.Index([f"case_{p + 1:05d}{n}" for p in range(n_patients) for n in numbers], name="case_id")


def _stream(name: str, population: int, random_state: int | None = None) -> Generator:
    """Return the stream of chance of one thing, so that a change of one leaves the others as they were."""
    key = [int.from_bytes(name.encode(), "little"), population]
    return np.random.default_rng(np.random.SeedSequence(key if random_state is None else [*key, 1 + random_state]))


def _check_arguments(
    n_patients: int,
    cases_per_patient: int,
    scenario: str,
    prevalence: float,
    n_radiomics: int,
    n_deep: int,
    n_clinical: int,
) -> int:
    """Raise for values out of range; return the number of patients with label 1."""
    least = {
        "n_patients": (n_patients, 2),
        "cases_per_patient": (cases_per_patient, 1),
        "n_radiomics": (n_radiomics, N_GROUPS),
        "n_deep": (n_deep, 1),
        "n_clinical": (n_clinical, 1),
    }
    for name, (count, lowest) in least.items():
        if int(check_positive(count, name=name)) != count or count < lowest:
            raise ValueError(f"{name} must be a whole number of at least {lowest}, got {count!r}.")
    check_choice(scenario, tuple(TABLE_SCENARIOS), name="scenario")
    n_positive = round(n_patients * prevalence)
    if not 0 < n_positive < n_patients:
        raise ValueError(f"prevalence={prevalence!r} of {n_patients} patients leaves one class empty.")
    return n_positive
