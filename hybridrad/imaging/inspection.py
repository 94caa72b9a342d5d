"""Looking into the files of a cohort before extraction: each case by itself, faults as findings, never an exception."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import SimpleITK as sitk

from hybridrad._checks import require
from hybridrad.cohort_checks import about_all, first_of
from hybridrad.errors import CaseError, Finding
from hybridrad.imaging.read import read_image, read_mask
from hybridrad.imaging.roi import read_roi
from hybridrad.processes import worker_context

CASE_LIMIT_S = 600.0
"""A case whose files cannot be read in this time is reported and left behind (only with worker processes)."""


class CaseLike(Protocol):
    """What inspection needs to know of a case."""

    @property
    def case_id(self) -> str:
        """Name of the case."""

    @property
    def paths(self) -> Mapping[str, Path]:
        """Column of the cohort table -> file."""

    @property
    def mask_label(self) -> int | None:
        """Value of the region in the mask."""


def inspect_case(case: CaseLike) -> list[Finding]:
    """Return what is wrong with, or unusual about, the files of a case.

    Each image column is read with the mask of its name (``image:ADC`` with ``mask:ADC``), else with ``mask``; each mask
    column that is left over with ``image``. The region checks are those of ``read_roi``, so that extraction
    meets no other faults than these.

    Parameters
    ----------
    case : Case
        Anything with ``case_id``, ``paths`` and ``mask_label``.

    Returns
    -------
    list of Finding
        One per problem; empty when all is well. A bad case never raises.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> paths = {"image": Path("absent.nii.gz"), "mask": Path("absent_too.nii.gz")}
    >>> [f.code for f in inspect_case(SimpleNamespace(case_id="007", paths=paths, mask_label=None))]
    ['E_FILE_MISSING', 'E_FILE_MISSING']
    """
    return _inspect(case)[0]


def inspect_cases(cases: Sequence[CaseLike], *, n_jobs: int = 1) -> list[Finding]:
    """Return the findings of all cases, in their order, and whether 2D and 3D images are mixed.

    Parameters
    ----------
    cases : sequence of Case
    n_jobs : int, default 1
        Worker processes; 1 reads in this process, -1 takes all cores. A worker that crashes or hangs costs its own case
        only.

    Raises
    ------
    ValueError
        ``n_jobs`` is neither -1 nor a positive whole number.
    """
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or (n_jobs < 1 and n_jobs != -1):
        raise ValueError(f"n_jobs must be a positive whole number, or -1 for all cores; got {n_jobs!r}.")
    n_workers = min(os.cpu_count() or 1 if n_jobs == -1 else n_jobs, len(cases))
    results = [_inspect(case) for case in cases] if n_workers < 2 else _in_workers(cases, n_workers)
    findings = [finding for found, _ in results for finding in found]
    return findings + _dimension_findings([c.case_id for c in cases], [dimensions for _, dimensions in results])


def _inspect(case: CaseLike) -> tuple[list[Finding], dict[str, int]]:
    """Return findings and image column -> 2 or 3."""
    findings: dict[Finding, None] = {}  # a mask that two images share is reported once
    dimensions: dict[str, int] = {}
    for image, mask in _pairs(list(case.paths)):
        found, dimension = _inspect_pair(case, image, mask)
        findings |= dict.fromkeys(found)
        if dimension:
            dimensions[image] = dimension
    return list(findings), dimensions


def _pairs(columns: list[str]) -> list[tuple[str, str]]:
    images = [c for c in columns if c.startswith("image")]
    masks = [c for c in columns if c.startswith("mask")]
    pairs = []
    for image in images:
        own = "mask" + image.removeprefix("image")
        shared = "mask" if "mask" in masks else next(iter(masks), None)
        if mask := own if own in masks else shared:
            pairs.append((image, mask))
    first_image = "image" if "image" in images else next(iter(images), None)
    used = {mask for _, mask in pairs}
    return pairs + [(first_image, mask) for mask in masks if first_image and mask not in used]


def _inspect_pair(case: CaseLike, image: str, mask: str) -> tuple[list[Finding], int]:
    image_path, mask_path = case.paths[image], case.paths[mask]
    read = partial(read_roi, image_path, mask_path, case_id=case.case_id, mask_label=case.mask_label)
    roi, fault = _try(read, case.case_id, f"{image}, {mask}")
    if fault is None:
        named = (image, mask) != ("image", "mask")
        return [_under(f"{image}, {mask}", f) if named else f for f in roi.findings], roi.dimension
    # The first fault hides the others: both files are asked by themselves, too.
    _, image_fault = _try(partial(read_image, image_path, case_id=case.case_id), case.case_id, image)
    _, mask_fault = _try(partial(read_mask, mask_path, case_id=case.case_id), case.case_id, mask)
    return [f for f in (image_fault, mask_fault) if f is not None] or [fault], 0


def _try(read: Callable[[], Any], case_id: str, columns: str) -> tuple[Any, Finding | None]:
    try:
        return read(), None
    except CaseError as err:
        return None, _under(columns, err.as_finding())
    except Exception as err:  # noqa: BLE001 - a check must list what a broken file does to a reader, whatever it is
        message = f"reading failed with {type(err).__name__}: {err}"
        return None, _under(columns, Finding(case_id, "E_UNEXPECTED", "read", message))


def _under(columns: str, finding: Finding) -> Finding:
    return replace(finding, message=f"{columns}: {finding.message}")


def _dimension_findings(case_ids: Iterable[str], dimensions: Iterable[Mapping[str, int]]) -> list[Finding]:
    of_column: dict[str, dict[int, list[str]]] = {}
    for case_id, of_case in zip(case_ids, dimensions, strict=True):
        for column, dimension in of_case.items():
            of_column.setdefault(column, {}).setdefault(dimension, []).append(case_id)
    return [
        about_all(
            "E_COHORT_DIM_MIX",
            f"{column}: {len(groups[2])} images are 2D ({first_of(groups[2])}), {len(groups[3])} are 3D "
            f"({first_of(groups[3])}).",
            "Study them apart: 2D and 3D features have different names and meanings.",
        )
        for column, groups in of_column.items()
        if len(groups) > 1
    ]


def _in_workers(cases: Sequence[CaseLike], n_workers: int) -> list[tuple[list[Finding], dict[str, int]]]:
    pebble = require("pebble")
    results: list[tuple[list[Finding], dict[str, int]]] = []
    with pebble.ProcessPool(max_workers=n_workers, initializer=_one_thread, context=worker_context(cases)) as pool:
        answers = pool.map(_inspect, cases, chunksize=1, timeout=CASE_LIMIT_S).result()
        for case in cases:
            try:
                results.append(next(answers))
            except TimeoutError:
                message = f"its files could not be read within {CASE_LIMIT_S:.0f} s."
                results.append(([Finding(case.case_id, "E_TIMEOUT", "read", message)], {}))
            except pebble.ProcessExpired as err:
                message = f"reading its files ended the worker process (exit code {err.exitcode})."
                results.append(([Finding(case.case_id, "E_CRASH", "read", message)], {}))
    return results


def _one_thread() -> None:
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
