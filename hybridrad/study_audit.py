"""audit(): could the numbers of a finished study be flattering, and why?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from hybridrad.case import is_image_column
from hybridrad.cohort import Cohort
from hybridrad.evaluation.audit_columns import target_column_check
from hybridrad.evaluation.audit_duplicates import near_duplicate_check, patients_across_folds, same_image_check
from hybridrad.evaluation.audit_poison import poisoned_test_check
from hybridrad.evaluation.audit_site import site_check
from hybridrad.evaluation.audit_table import UNJUDGED, Check, audit_table
from hybridrad.features.blocks import find_blocks
from hybridrad.features.file_digests import read_file_digests
from hybridrad.models.memo import shared_fits
from hybridrad.study import Comparison
from hybridrad.study_audit_data import AuditedStudy, task_of_study
from hybridrad.study_audit_refits import check_controls, control_checks, permuted_checks

_ASK_CLASSES = ("A_TARGET_COLUMN", "A_SIZE_ONLY", "A_SHUFFLED_VOXELS", "A_BACKGROUND_ONLY", "A_SITE")
_NO_TABLE = ("the feature table was not given.", "Give it: features=... (--features TABLE).")


def audit(
    study: Comparison,
    features: pd.DataFrame | None = None,
    cohort: Cohort | None = None,
    *,
    model: str | None = None,
    models: Mapping[str, Any] | None = None,
    store: str | Path | None = None,
    controls: Mapping[str, pd.DataFrame] | None = None,
    permutations: int = 0,
    n_jobs: int = 1,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Audit a study: patients and copies across folds, poisoned test rows, controls, sites, columns like the target.

    What is not given cannot be judged, and the table says so. Of values and survival, patients and copies across folds
    and poisoned test rows are judged; the other checks ask for classes.

    Parameters
    ----------
    study : Comparison
        From `hybridrad.compare_models` or ``load_study``.
    features : DataFrame, optional
        The feature table of the study.
    cohort : Cohort, optional
        Its cohort: gives ``site`` and clinical columns. A study that left sites out knows its sites itself.
    model : str, optional
        The arm whose score is audited; default the default fused one, else the baseline.
    models : dict of name -> estimator, optional
        The arms of the study, where they are not those of `hybridrad.standard_models`.
    store : path, optional
        Folder of the extraction: gives hashes of the image files.
    controls : dict, optional
        ``shuffled_voxels`` or ``background_only`` -> feature table from `hybridrad.extract_control`.
    permutations : int, default 0
        Refit the arm on so many permutations of the labels, in one repeat of the study's own design: within the sites,
        the test part or the folds that it was given (99 is usual; this takes long).
    n_jobs : int, default 1
        Processes over outer folds.
    random_state : int
    progress : callable, optional
        Gets the code of a check that takes time before it is made.

    Returns
    -------
    DataFrame
        Index ``code``; columns ``verdict`` (pass, fail, cannot be judged), ``statistic``, ``p_value``, ``message``,
        ``hint``.

    Raises
    ------
    RunError
        The tables are not those of the study.

    Examples
    --------
    >>> import hybridrad as hr
    >>> from hybridrad.cohort import cohort_from_frame
    >>> import numpy as np
    >>> rng, ids, label = np.random.default_rng(0), [f"c{i:02d}" for i in range(40)], np.arange(40) % 2
    >>> cohort = cohort_from_frame(pd.DataFrame({"case_id": ids, "patient_id": ids, "label": label}), images=False)
    >>> features = pd.DataFrame({"radiomics__a": rng.normal(size=40) + 2 * label}, pd.Index(ids, name="case_id"))
    >>> cv = hr.NestedCV(outer=3, repeats=1, inner=3)
    >>> study = hr.compare_models({"radiomics": hr.BlockModel("radiomics")}, features, cohort, cv=cv)
    >>> table = hr.audit(study, features, cohort)
    >>> table.loc[["A_PATIENT_FOLDS", "A_POISONED_TEST"], "verdict"].tolist()
    ['pass', 'pass']
    """
    check_controls(controls or {})
    say = progress or (lambda code: None)
    seen = AuditedStudy.of(study, features, cohort, model=model, models=models)
    digests = {} if store is None else read_file_digests(store)
    images = {case: {c: s for c, s in of.items() if is_image_column(c)} for case, of in digests.items()}
    checks = [patients_across_folds(study.splits, seen.patients), same_image_check(images, seen.patients)]
    checks += _of_any_outcome(seen, say)
    if (task := task_of_study(study)) == "classification":
        checks += control_checks(seen, controls or {}, n_jobs=n_jobs, say=say)
        checks += _of_classes(seen, random_state)
    else:
        checks += [Check(code, UNJUDGED, f"it asks for classes; the study is one of {task}.") for code in _ASK_CLASSES]
    if permutations and task == "classification":
        say("A_LABEL_PERMUTATION")
        checks += permuted_checks(seen, permutations, n_jobs=n_jobs, random_state=random_state)
    elif permutations:
        checks.append(Check("A_LABEL_PERMUTATION", UNJUDGED, f"it asks for classes; the study is one of {task}."))
    return audit_table(checks)


def _of_any_outcome(seen: AuditedStudy, say: Callable[[str], None]) -> list[Check]:
    """Return the checks of the feature table that hold for classes, values and survival."""
    if seen.X is None:
        return [Check(code, UNJUDGED, *_NO_TABLE) for code in ("A_NEAR_DUPLICATE", "A_POISONED_TEST")]
    say("A_POISONED_TEST")
    return [
        near_duplicate_check(seen.X, seen.groups, blocks=_image_blocks(seen.X)),
        _with_arms_left_out(
            poisoned_test_check(
                seen.arms, seen.X, seen.y, seen.groups, seen.study.splits, **seen.fitting, fold_context=shared_fits
            ),
            seen,
        )
        if seen.arms
        else Check("A_POISONED_TEST", UNJUDGED, "the arms of the study are not known.", "Give them as models."),
    ]


def _with_arms_left_out(check: Check, seen: AuditedStudy) -> Check:
    """Name the arms of the study that a check has not seen: trained networks, and arms of columns that are not here."""
    left_out = [name for name in seen.study.settings.get("arms", {}) if name not in seen.arms]
    if not left_out:
        return check
    return replace(check, message=f"{check.message} Not refitted: {', '.join(left_out)}.")


def _of_classes(seen: AuditedStudy, random_state: int) -> list[Check]:
    """Return the checks of the feature table against classes."""
    if seen.X is None:
        return [Check(code, UNJUDGED, *_NO_TABLE) for code in ("A_TARGET_COLUMN", "A_SITE")]
    of_images = seen.X[[c for columns in _image_blocks(seen.X).values() for c in columns]]
    return [
        target_column_check(seen.X, seen.y),
        site_check(of_images, seen.y, seen.groups, seen.sites, random_state=random_state),
    ]


def _image_blocks(X: pd.DataFrame) -> dict[str, list[str]]:
    return {b: c for b, c in find_blocks(list(X.columns)).items() if b not in ("size", "clinical")}
