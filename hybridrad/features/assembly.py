"""Put the stored rows of a cohort run together: features, failures and findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import FAILURE_COLUMNS, findings_table
from hybridrad.cohort import Case
from hybridrad.errors import Finding, RunError
from hybridrad.features.store import ExtractionStore
from hybridrad.features.worker import SIZE_BLOCK


@dataclass(frozen=True)
class ExtractionRun:
    """What a cohort run gave.

    Attributes
    ----------
    features : DataFrame
        Index ``case_id``, columns ``<block>__<feature>``; a case is there with all its blocks or not at all.
    failures : DataFrame
        Index ``case_id, stage``; why a case is not in ``features``.
    findings : DataFrame
        Index ``case_id, code``; what was noticed and did not stop a case.
    extractors : list of dict
        How each block was extracted: settings, versions, weights.
    """

    features: pd.DataFrame
    failures: pd.DataFrame
    findings: pd.DataFrame
    extractors: list[dict[str, Any]] = field(repr=False)
    n_cases: int

    def __repr__(self) -> str:
        n_failed = self.n_cases - len(self.features)
        n_ok, n_features = self.features.shape
        return f"ExtractionRun({self.n_cases} cases: {n_ok} ok, {n_failed} failed; {n_features} features)"


def assemble(
    ledger: ExtractionStore, cases: list[Case], blocks: list[str], descriptions: list[dict[str, Any]]
) -> ExtractionRun:
    """Return the tables of a run from what the store holds for ``cases``, in their order."""
    rows: dict[str, np.ndarray] = {}
    layouts: dict[tuple[str, ...], list[str]] = {}
    failures: dict[tuple[str, str], dict[str, Any]] = {}
    findings: dict[tuple[str, str], Finding] = {}
    wanted = [*blocks, SIZE_BLOCK]
    for case in cases:
        results = {r.block: r for r in ledger.results(case.case_id) if r.block in wanted}
        for block in sorted(results, key=wanted.index):
            result = results[block]
            # One row per case and code: what an extractor says of it goes before what the reading said.
            for finding in result.findings:
                findings.setdefault((finding.case_id, finding.code), finding)
            if result.failure is not None:
                f = result.failure
                row = {"code": f.code, "message": f.message, "hint": f.hint, "seconds": result.seconds}
                failures.setdefault((case.case_id, f.stage), row)
        if len(results) == len(wanted) and all(r.values is not None for r in results.values()):
            columns = tuple(c for block in wanted for c in results[block].columns or ())
            layouts.setdefault(columns, []).append(case.case_id)
            rows[case.case_id] = np.concatenate([results[block].values for block in wanted])
    _refuse_mixed_layouts(layouts)
    columns = next(iter(layouts), ())
    features = pd.DataFrame(
        np.array(list(rows.values())).reshape(len(rows), len(columns)),
        index=pd.Index(list(rows), name="case_id", dtype="str"),
        columns=list(columns),
    )
    failure_table = pd.DataFrame(
        list(failures.values()),
        index=pd.MultiIndex.from_tuples(list(failures), names=["case_id", "stage"]),
        columns=FAILURE_COLUMNS,
    )
    n_lost = len(cases) - len(rows)
    if n_lost != failure_table.index.get_level_values("case_id").nunique():
        raise RunError(f"{n_lost} cases have no row but {len(failure_table)} failures are known; the store is damaged.")
    return ExtractionRun(features, failure_table, findings_table(findings.values()), descriptions, len(cases))


def _refuse_mixed_layouts(layouts: dict[tuple[str, ...], list[str]]) -> None:
    if len(layouts) < 2:
        return
    kinds = "; ".join(
        f"{len(ids)} cases with {len(columns)} features (e.g. {ids[0]})" for columns, ids in layouts.items()
    )
    raise RunError(
        f"The cases do not have the same features: {kinds}.",
        code="E_COHORT_DIM_MIX",
        hint="2D and 3D images, or images with and without spacing, cannot share a table; run them as two cohorts.",
    )
