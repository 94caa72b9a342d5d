"""The cohort run: every case through every extractor, durable, resumable, with failures as rows."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, TimeoutError, wait
from pathlib import Path
from typing import Any

from hybridrad._checks import check_positive
from hybridrad.cohort import Case, Cohort
from hybridrad.errors import CaseError, RunError
from hybridrad.exports import write_csv, write_parquet
from hybridrad.features.assembly import ExtractionRun, assemble
from hybridrad.features.progress import ProgressReport, duration_text
from hybridrad.features.store import ExtractionStore, Failure, FileDigest, Result, digest_file, digest_of
from hybridrad.features.worker import (
    SIZE_BLOCK,
    BlockOutcome,
    CaseOutcome,
    CaseTask,
    failure_of,
    paths_of,
    start_worker,
    work_together,
)
from hybridrad.processes import worker_context

_RESERVED = {SIZE_BLOCK, "clinical"}
_REGIONS_TOGETHER = 8


def extract_features(
    cohort: Cohort,
    extractors: Sequence[Any],
    *,
    store: str | Path,
    n_jobs: int = 1,
    retry_failed: bool = False,
    timeout_s: float = 600.0,
    memory_limit_gb: float | None = None,
    progress: bool = True,
) -> ExtractionRun:
    """Run every extractor on every case of a cohort.

    Each case runs in a worker process that can be killed; each finished row is durable in ``store`` before the next is
    announced. Running again with the same settings skips what is there and unchanged (contents of the files, mask
    label, settings, versions) and gives the same tables as an undisturbed run.

    Parameters
    ----------
    cohort : Cohort
    extractors : sequence
        `hybridrad.RadiomicsExtractor`, `hybridrad.EmbeddingExtractor` or own ones with the same methods;
        names must differ.
    store : path
        Folder of the run; ``extraction.sqlite``, ``extraction.log`` and the exported tables go there.
    n_jobs : int, default 1
        Worker processes.
    retry_failed : bool, default False
        Try cases again that failed before; otherwise they stay failed while their files are unchanged.
    timeout_s : float, default 600
        Time limit for one case, in seconds.
    memory_limit_gb : float, optional
        Limit of address space of one worker, in GiB (POSIX systems).
    progress : bool, default True
        Show progress: a bar on a terminal, a line per tenth elsewhere.

    Returns
    -------
    ExtractionRun

    Raises
    ------
    RunError
        The run as a whole cannot go on: duplicate ids, unknown columns, 2D and 3D cases in one table, another
        extraction in ``store``, weights or packages that are missing.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=2, random_state=0)
    >>> settings = {"featureClass": {"firstorder": ["Mean"]}}
    >>> run = hr.extract_features(cohort, [hr.RadiomicsExtractor(settings)], store=folder + "/run", progress=False)
    >>> list(run.features.columns)
    ['radiomics__original_firstorder_Mean', 'size__volume_ml']
    """
    extractors = _check_extractors(extractors)
    check_positive(n_jobs, name="n_jobs")
    check_positive(timeout_s, name="timeout_s")
    cases = cohort.cases()
    folder = Path(store)
    descriptions = [{"name": e.name, "image": e.image, "mask": e.mask, **e.describe()} for e in extractors]
    with ExtractionStore(folder) as ledger:
        log = _open_log(folder)
        try:
            run = _CohortRun(ledger, extractors, descriptions, log)
            run.go(cases, n_jobs, retry_failed, timeout_s, memory_limit_gb, progress)
            for extractor, description in zip(extractors, descriptions, strict=True):
                # E.g. a network that had to go on with smaller batches; said, but no part of the settings.
                if departures := list(getattr(extractor, "departures", ())):
                    description["departures"] = departures
                    log.warning("%s: %s", extractor.name, "; ".join(departures))
            tables = assemble(ledger, cases, [e.name for e in extractors], descriptions)
        finally:
            for handler in log.handlers:
                handler.close()
    write_parquet(tables.features, folder / "features.parquet")
    write_csv(tables.failures, folder / "failures.csv")
    write_csv(tables.findings, folder / "findings.csv")
    return tables


def _check_extractors(extractors: Sequence[Any]) -> list[Any]:
    extractors = list(extractors)
    if not extractors:
        raise ValueError("extractors is empty; give at least one.")
    names = [e.name for e in extractors]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two extractors are called {name!r}; give each its own name=.")
        if name in _RESERVED or "__" in name or not name:
            raise ValueError(f"an extractor cannot be called {name!r}: reserved, empty or with '__'.")
    return extractors


def _open_log(folder: Path) -> logging.Logger:
    """Return a logger of this run alone: it writes to the run's log file and touches no global set-up."""
    log = logging.Logger("hybridrad.extraction", level=logging.INFO)
    handler = logging.FileHandler(folder / "extraction.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    return log


class _CohortRun:
    """State of one cohort run: who waits for which block, which batches are filling."""

    def __init__(
        self, ledger: ExtractionStore, extractors: list[Any], descriptions: list[dict[str, Any]], log: logging.Logger
    ) -> None:
        self.ledger, self.extractors, self.log = ledger, extractors, log
        self.pairs = {e.name: (e.image, e.mask) for e in extractors}
        self.pairs[SIZE_BLOCK] = (extractors[0].image, extractors[0].mask)
        self.digests = {e.name: ledger.register_block(e.name, d) for e, d in zip(extractors, descriptions, strict=True)}
        self.digests[SIZE_BLOCK] = ledger.register_block(
            SIZE_BLOCK, {"image": self.pairs[SIZE_BLOCK][0], "mask": self.pairs[SIZE_BLOCK][1]}
        )
        self.batches: dict[str, list[tuple[Case, BlockOutcome, str]]] = {e.name: [] for e in extractors if e.batched}
        self.waiting: dict[str, set[str]] = {}
        self.progress: ProgressReport

    # -- what is to be done --

    def plan(self, cases: Iterable[Case], retry_failed: bool) -> list[CaseTask]:
        """Return the cases that lack blocks, with the blocks they lack."""
        todo = []
        for case in cases:
            stored = self.ledger.fingerprints(case.case_id)
            current = self._current_fingerprints(case) if stored else {}
            wanted = frozenset(
                block
                for block in self.digests
                if block not in stored or stored[block][0] != current.get(block) or (retry_failed and stored[block][1])
            )
            if wanted:
                todo.append((case, wanted))
        return todo

    def _current_fingerprints(self, case: Case) -> dict[str, str]:
        """Return block -> fingerprint of the files as they are now."""
        digests = self._digests_now(case)
        return {block: self._fingerprint(block, case, digests) for block in self.pairs}

    def _digests_now(self, case: Case) -> dict[str, FileDigest]:
        """Return role -> digest of the files as they are now; one that cannot be read is left out."""
        known = self.ledger.file_digests(case.case_id)
        digests: dict[str, FileDigest] = {}
        # Each pair of files once, however many blocks are read from it.
        for pair in dict.fromkeys(self.pairs.values()):
            try:
                files = paths_of(case, *pair)
                for role, path in files.items():
                    status = path.stat()
                    seen = known.get(role)
                    unchanged = seen is not None and (seen.size, seen.mtime_ns) == (status.st_size, status.st_mtime_ns)
                    digests[role] = seen if unchanged and seen is not None else digest_file(path)
            except (OSError, CaseError) as err:
                # The worker meets the same error and makes it a row of the failures table.
                self.log.info("%s: its files cannot be compared: %s", case.case_id, err)
        return digests

    def _fingerprint(self, block: str, case: Case, digests: dict[str, FileDigest]) -> str:
        pair = self.pairs[block]
        if any(role not in digests for role in pair):
            return "unread"  # never equal to that of a file that can be read: tried again when it can
        return digest_of([self.digests[block], [digests[role].sha256 for role in pair], case.mask_label])

    # -- doing it --

    def go(
        self,
        cases: list[Case],
        n_jobs: int,
        retry_failed: bool,
        timeout_s: float,
        memory_limit_gb: float | None,
        progress: bool,
    ) -> None:
        todo = self.plan(cases, retry_failed)
        self.waiting = {case.case_id: set(wanted) for case, wanted in todo}
        self.log.info(
            "%d cases: %d already stored, %d to do, %d jobs", len(cases), len(cases) - len(todo), len(todo), n_jobs
        )
        doing = getattr(self.extractors[0], "doing", "Extraction")
        with ProgressReport(doing, total=len(cases), enabled=progress, note=self.log.info) as self.progress:
            self.progress.advance(len(cases) - len(todo))
            if not todo:
                return
            crashed = self._pass(todo, n_jobs, timeout_s, memory_limit_gb, last_try=False)
            if crashed:
                self.log.warning("%d cases ended their worker; each is tried once more, alone", len(crashed))
                self._pass(crashed, 1, timeout_s, memory_limit_gb, last_try=True)
            for block in self.batches:
                self._finish(block)

    def _pass(
        self,
        todo: list[CaseTask],
        n_jobs: int,
        timeout_s: float,
        memory_limit_gb: float | None,
        *,
        last_try: bool,
    ) -> list[CaseTask]:
        from pebble import ProcessExpired, ProcessPool

        crashed: list[CaseTask] = []
        queue = deque(_by_image(todo, self.pairs))
        running: dict[Future[list[CaseOutcome]], tuple[CaseTask, ...]] = {}
        pool = ProcessPool(
            max_workers=n_jobs,
            initializer=start_worker,
            initargs=(self.extractors, memory_limit_gb),
            context=worker_context(self.extractors),
        )
        try:
            while queue or running:
                # A few cases ahead of the workers, so that payloads of a large cohort do not pile up.
                while queue and len(running) < 3 * n_jobs:
                    group = queue.popleft()
                    running[pool.schedule(work_together, args=(group,), timeout=timeout_s * len(group))] = group
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    group = running.pop(future)
                    if len(group) > 1 and isinstance(future.exception(), TimeoutError | ProcessExpired):
                        # One of them hung or died; each on its own tells which.
                        queue.extendleft((task,) for task in reversed(group))
                        continue
                    outcomes = self._outcomes(future, group, timeout_s, last_try)
                    if outcomes is None:
                        crashed.extend(group)
                    for (case, _), outcome in zip(group, outcomes or (), strict=False):
                        self._keep(case, outcome)
            pool.close()
            pool.join()
        except BaseException:
            pool.stop()
            pool.join()
            raise
        return crashed

    def _outcomes(
        self, future: Future[list[CaseOutcome]], group: tuple[CaseTask, ...], timeout_s: float, last_try: bool
    ) -> list[CaseOutcome] | None:
        """Return what a worker gave, or a failure for what happened to it; None asks for a second try."""
        from pebble import ProcessExpired

        try:
            return future.result()
        except RunError:
            raise
        except TimeoutError:
            failure = Failure(
                "run", "E_TIMEOUT", f"stopped after {duration_text(timeout_s)}.", "Raise timeout_s or check the case."
            )
        except ProcessExpired as err:
            if not last_try:
                return None
            code = err.exitcode
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            failure = Failure(
                "run", "E_CRASH", f"the worker process died twice ({how}).", "Signal 9 usually means too little memory."
            )
        except Exception as err:  # noqa: BLE001  e.g. a result that cannot cross the process border: this case's row
            failure = failure_of(err, stage="run")
        # With the digests of its files, so that a rerun knows the case failed and waits for retry_failed.
        return [
            CaseOutcome(
                case.case_id, self._digests_now(case), [BlockOutcome(b, failure=failure) for b in sorted(wanted)]
            )
            for case, wanted in group
        ]

    def _keep(self, case: Case, outcome: CaseOutcome) -> None:
        ready = []
        for block in outcome.blocks:
            fingerprint = self._fingerprint(block.block, case, outcome.digests)
            if block.payload is not None:
                self.batches[block.block].append((case, block, fingerprint))
            else:
                ready.append(_result(case, block, fingerprint))
        self._store(case, ready, outcome.digests)
        for extractor in self.extractors:
            if extractor.batched and len(self.batches[extractor.name]) >= extractor.batch_size:
                self._finish(extractor.name)

    def _finish(self, block: str) -> None:
        """Send the waiting payloads of a batched extractor through it and store the rows."""
        batch, self.batches[block] = self.batches[block], []
        if not batch:
            return
        extractor = next(e for e in self.extractors if e.name == block)
        for (case, outcome, fingerprint), row in zip(batch, self._finish_rows(extractor, batch), strict=True):
            values, failure = (None, row) if isinstance(row, Failure) else (row, None)
            columns = outcome.columns if failure is None else None
            finished = BlockOutcome(block, columns, values, None, failure, outcome.findings, outcome.seconds)
            self._store(case, [_result(case, finished, fingerprint)], {})

    def _finish_rows(self, extractor: Any, batch: list[tuple[Case, BlockOutcome, str]]) -> list[Any]:
        """Return a row or a failure for each payload; a batch that fails is tried case by case to find the culprit."""
        try:
            return list(extractor.finish([outcome.payload for _, outcome, _ in batch]))
        except RunError:
            raise
        except Exception as err:  # noqa: BLE001  a bad payload must not take its neighbours down
            if len(batch) == 1:
                return [failure_of(err, stage=extractor.name)]
            return [row for one in batch for row in self._finish_rows(extractor, [one])]

    def _store(self, case: Case, results: list[Result], digests: dict[str, FileDigest]) -> None:
        if results or digests:
            self.ledger.write(results, digests, case_id=case.case_id)
        for result in results:
            if result.failure is not None:
                self.log.warning(
                    "%s %s: %s %s", case.case_id, result.block, result.failure.code, result.failure.message
                )
            self.waiting[case.case_id].discard(result.block)
        if results and not self.waiting[case.case_id]:
            self.progress.advance()


def _by_image(todo: list[CaseTask], pairs: dict[str, tuple[str, str]]) -> list[tuple[CaseTask, ...]]:
    """Group cases that are regions of one image, at most ``_REGIONS_TOGETHER`` in a group; others stay alone."""
    image = pairs[SIZE_BLOCK][0]
    of_image: dict[Any, list[CaseTask]] = {}
    for number, (case, wanted) in enumerate(todo):
        of_image.setdefault(case.paths.get(image, number), []).append((case, wanted))
    return [
        tuple(tasks[start : start + _REGIONS_TOGETHER])
        for tasks in of_image.values()
        for start in range(0, len(tasks), _REGIONS_TOGETHER)
    ]


def _result(case: Case, outcome: BlockOutcome, fingerprint: str) -> Result:
    if outcome.values is not None and (outcome.columns is None or len(outcome.values) != len(outcome.columns)):
        raise RunError(
            f"extractor {outcome.block!r} gave {len(outcome.values)} values for "
            f"{len(outcome.columns or ())} promised columns on case {case.case_id!r}.",
            code="E_FEATURES_MISSING",
        )
    return Result(
        case.case_id,
        outcome.block,
        fingerprint,
        outcome.columns,
        outcome.values,
        outcome.failure,
        outcome.findings,
        outcome.seconds,
    )
