"""Learning curves of a finished study: its arms refitted on growing sets of its patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad._checks import did_you_mean
from hybridrad.cohort import Cohort, cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.learning import LearningCurves, learning_curves
from hybridrad.study import Comparison
from hybridrad.study_audit_data import AuditedStudy, task_of_study
from hybridrad.study_tables import study_mark

if TYPE_CHECKING:
    from hybridrad.models.finetuned.network_classifier import NetworkClassifier


def curves_of_study(
    study: Comparison,
    features: pd.DataFrame,
    cohort: Cohort | None = None,
    *,
    models: Sequence[str] | Mapping[str, Any] | None = None,
    networks: Mapping[str, NetworkClassifier] | None = None,
    sizes: Sequence[int] | None = None,
    draws: int = 20,
    n_bootstrap: int = 500,
    n_jobs: int = 1,
    random_state: int = 0,
    announce: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    store: Path | str | None = None,
) -> LearningCurves:
    """Refit the arms of a study on growing sets of its patients; see `hybridrad.learning_curves`.

    Parameters
    ----------
    study : Comparison
    features : DataFrame
        The feature table of the study.
    cohort : Cohort, optional
        Its cohort: needed for arms with clinical columns. Outcomes and patients are those of the study, also of the
        cases that it never tests.
    models : sequence of str, or dict of name -> estimator, optional
        Arms; default all that `hybridrad.standard_models` can make again. Estimators of your own are not stored with a
        study: give those it was made with as a dict.
    networks : dict of name -> network, optional
        As for `hybridrad.standard_models`: its networks, for arms that train them. The feature table has their markers.
        `hybridrad.run_networks.find_networks` finds those of a run folder.
    sizes, draws, n_bootstrap, n_jobs, random_state, announce, progress, store
        See `hybridrad.learning_curves`. Inner folds are those of the study.

    Returns
    -------
    LearningCurves
        ``settings["not_refitted"]``: arms of the study that could not be made again.

    Raises
    ------
    RunError
        The tables are not those of the study, an arm that was asked for cannot be made again, or there are too few
        patients.

    Examples
    --------
    >>> import hybridrad as hr
    >>> import numpy as np
    >>> rng, ids, y = np.random.default_rng(0), [f"c{i:02d}" for i in range(60)], np.arange(60) % 2
    >>> cohort = cohort_from_frame(pd.DataFrame({"case_id": ids, "label": y}), images=False)
    >>> features = pd.DataFrame({"size__volume_ml": rng.normal(size=60) + y}, pd.Index(ids, name="case_id"))
    >>> cv = hr.NestedCV(outer=3, repeats=1, inner=3)
    >>> study = hr.compare_models(hr.standard_models(features), features, cohort, cv=cv)
    >>> curves_of_study(study, features, sizes=[14, 40], draws=2, n_bootstrap=20).points.index.tolist()
    [('size', 14), ('size', 40)]
    """
    task = task_of_study(study)
    given = dict(models) if isinstance(models, Mapping) else None
    seen = AuditedStudy.of(study, features, cohort, model=None, models=given, networks=networks)
    names = list(study.predictions.index.unique("model"))
    for name in models or ():
        if name not in names:
            raise RunError(f"the study has no arm {name!r}; it has {names}.{did_you_mean(name, names)}")
    wanted = list(models or names)
    lost = [name for name in wanted if name not in seen.arms]
    if seen.X is None or len(lost) == len(wanted) or (models and lost):
        raise RunError(
            f"these arms cannot be made again from the feature table: {', '.join(lost)}.",
            hint="Clinical columns come from the cohort table; give estimators of your own as a dict, from Python.",
        )
    outcome = {"event": seen.y["event"], "time": seen.y["time"]} if task == "survival" else {"label": seen.y}
    frame = pd.DataFrame({"case_id": seen.X.index, "patient_id": seen.groups, **outcome})
    curves = learning_curves(
        {name: seen.arms[name] for name in wanted if name not in lost},
        seen.X,
        cohort_from_frame(frame, images=False),
        task=task,
        sizes=sizes,
        draws=draws,
        inner=seen.fitting["inner"],
        n_bootstrap=n_bootstrap,
        n_jobs=n_jobs,
        random_state=random_state,
        announce=announce,
        progress=progress,
        store=store,
    )
    return replace(curves, settings={**curves.settings, "not_refitted": lost, "study": study_mark(study.settings)})
