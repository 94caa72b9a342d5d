"""What a worker process does with one case."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.cohort import Case
from hybridrad.errors import CaseError, Finding, RunError
from hybridrad.features.store import Failure, FileDigest, digest_file

SIZE_BLOCK = "size"
_extractors: list[Any] = []  # set once in each worker process by start_worker
_last_read: dict[str, Any] = {}  # the image this process read last, for further regions of it

CaseTask = tuple[Case, frozenset[str]]
"""A case and the blocks it lacks."""


@dataclass(frozen=True)
class BlockOutcome:
    """One block of one case: a row, a payload for a later batch, or a failure."""

    block: str
    columns: tuple[str, ...] | None = None
    values: NDArray[np.float64] | None = None
    payload: Any = None
    failure: Failure | None = None
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0


@dataclass
class CaseOutcome:
    """All wanted blocks of one case and the digests of the files they were read from."""

    case_id: str
    digests: dict[str, FileDigest] = field(default_factory=dict)
    blocks: list[BlockOutcome] = field(default_factory=list)


def start_worker(extractors: list[Any], memory_limit_gb: float | None) -> None:
    """Prepare a worker process: its extractors, one thread, and a memory limit where the system has one."""
    import SimpleITK as sitk
    from threadpoolctl import threadpool_limits

    _extractors[:] = extractors
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    threadpool_limits(limits=1)
    if memory_limit_gb is not None:
        _limit_memory(memory_limit_gb)


def _limit_memory(memory_limit_gb: float) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit; the time limit and the process border remain
        return
    limit = int(memory_limit_gb * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def work_together(tasks: tuple[CaseTask, ...]) -> list[CaseOutcome]:
    """Do cases of one image after each other, so that it is read once."""
    return [work(case, wanted) for case, wanted in tasks]


def work(case: Case, wanted: frozenset[str]) -> CaseOutcome:
    """Read a case once for each pair of image and mask, and compute the wanted blocks.

    Everything that concerns this case alone becomes a failure in the outcome; a ``RunError`` (a missing dependency, an
    impossible setting) concerns the run and is raised.
    """
    outcome = CaseOutcome(case.case_id)
    for (image, mask), members in _by_pair(wanted).items():
        _one_pair(case, image, mask, members, outcome)
    return outcome


def _loaded(path: Path, digest: FileDigest, case_id: str) -> Any:
    """Return the image of a file, from memory if it is the one read last and has not changed since."""
    from hybridrad.imaging.read import read_image

    key = (path, digest.sha256)
    if _last_read.get("key") != key:
        _last_read.clear()
        _last_read.update(image=read_image(path, case_id=case_id), key=key)
    return _last_read["image"]


def _by_pair(wanted: frozenset[str]) -> dict[tuple[str, str], list[Any]]:
    """Group the wanted extractors by the files they read; the size block goes with the first pair."""
    pairs: dict[tuple[str, str], list[Any]] = {}
    for number, extractor in enumerate(_extractors):
        pair = (extractor.image, extractor.mask)
        if number == 0 and SIZE_BLOCK in wanted:
            pairs.setdefault(pair, []).append(SIZE_BLOCK)
        if extractor.name in wanted:
            pairs.setdefault(pair, []).append(extractor)
    return pairs


def _one_pair(case: Case, image: str, mask: str, members: list[Any], outcome: CaseOutcome) -> None:
    from hybridrad.imaging.roi import read_roi

    start = time.perf_counter()
    try:
        files = paths_of(case, image, mask)
        outcome.digests.update(_digests(files, case.case_id))
        loaded = _loaded(files[image], outcome.digests[image], case.case_id)
        roi = read_roi(loaded, files[mask], case_id=case.case_id, mask_label=case.mask_label)
    except RunError:
        raise
    except Exception as err:  # noqa: BLE001  whatever a damaged file provokes is that case's failure row
        failure = failure_of(err, stage="read")
        seconds = time.perf_counter() - start
        outcome.blocks += [
            BlockOutcome(m if isinstance(m, str) else m.name, failure=failure, seconds=seconds) for m in members
        ]
        return
    reading = time.perf_counter() - start
    findings = roi.findings
    for member in members:
        outcome.blocks.append(_one_block(roi, member, findings, reading))
        # Reading is shared: its time and its findings are booked once.
        findings, reading = (), 0.0


def _one_block(roi: Any, member: Any, findings: tuple[Finding, ...], seconds_before: float) -> BlockOutcome:
    start = time.perf_counter()
    block = SIZE_BLOCK if isinstance(member, str) else member.name
    columns: tuple[str, ...] | None = None
    values = payload = failure = None
    try:
        if isinstance(member, str):
            sizes = roi.size_features()
            columns, values = tuple(sizes), np.array(list(sizes.values()), dtype=float)
        else:
            columns = tuple(member.columns(roi.dimension))
            if member.batched:
                prepared = member.prepare(roi)
                payload, findings = prepared.payload, findings + prepared.findings
            else:
                row = member.extract(roi)
                values, findings = row.values, findings + row.findings
    except RunError:
        raise
    except Exception as err:  # noqa: BLE001  one bad case never takes the run down; the row names type and place
        failure, columns = failure_of(err, stage=block), None
    seconds = seconds_before + time.perf_counter() - start
    return BlockOutcome(block, columns, values, payload, failure, findings, seconds)


def paths_of(case: Case, image: str, mask: str) -> dict[str, Path]:
    """Return the files of a case for a pair of columns, or raise the error the cohort table has for it."""
    if case.error is not None:
        raise case.error
    for role in (image, mask):
        if case.paths.get(role) is None:
            raise CaseError(
                "E_FILE_MISSING",
                case_id=case.case_id,
                stage="read",
                message=f"no file is named in column {role!r} of the cohort table.",
            )
    return {role: case.paths[role] for role in (image, mask)}


def _digests(files: Mapping[str, Path], case_id: str) -> dict[str, FileDigest]:
    digests = {}
    for role, path in files.items():
        try:
            digests[role] = digest_file(path)
        except FileNotFoundError as err:
            raise CaseError(
                "E_FILE_MISSING",
                case_id=case_id,
                stage="read",
                message=f"{role} file {path.name} does not exist.",
                hint="Check the path in the cohort table; paths are relative to the table.",
            ) from err
        except OSError as err:
            raise CaseError(
                "E_FILE_UNREADABLE", case_id=case_id, stage="read", message=f"{role} file {path.name}: {err.strerror}."
            ) from err
    return digests


def failure_of(err: Exception, *, stage: str) -> Failure:
    """Return the failure row of an exception; foreseen ones carry code and hint, others their type and place."""
    if isinstance(err, CaseError):
        return Failure(err.stage, err.code, err.message, err.hint)
    if isinstance(err, MemoryError):
        return Failure(stage, "E_MEMORY", "The case needed more memory than there is.", "Raise the memory limit.")
    frames = traceback.extract_tb(err.__traceback__)
    place = f" (in {Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return Failure(stage, "E_UNEXPECTED", f"{type(err).__name__}: {err}{place}")
