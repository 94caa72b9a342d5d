"""Finished outer folds on disk: an interrupted comparison goes on with the folds it has not done.

A fold is durable before it is announced. It is found again by a key of everything its outcome depends on
(`fold_digest.py`), so that a rerun with other data, arms, folds, seeds or versions fits everything anew.
"""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from hybridrad.errors import RunError
from hybridrad.evaluation.fold import FoldOutcome, FoldPlan
from hybridrad.evaluation.fold_bytes import from_bytes, to_bytes
from hybridrad.evaluation.fold_digest import fold_key, plan_digest

FILE_NAME = "folds.sqlite"
Task = tuple[int, int, np.ndarray, np.ndarray]

_SCHEMA = "CREATE TABLE IF NOT EXISTS folds (key TEXT PRIMARY KEY, repeat INTEGER, fold INTEGER, outcome BLOB NOT NULL)"


class FoldStore:
    """The finished outer folds of a plan in ``folder/folds.sqlite``, one writer at a time.

    Parameters
    ----------
    folder : Path
        Made if need be.
    plan : FoldPlan

    Raises
    ------
    RunError
        The folder cannot be written, or another run is writing there.
    ValueError
        An arm has no content that another run could compare.
    """

    def __init__(self, folder: Path, plan: FoldPlan) -> None:
        self._digest = plan_digest(plan)
        self.path = Path(folder) / FILE_NAME
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=1.0, isolation_level=None)
            # Held until the process ends, however it ends.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_SCHEMA)
        except (sqlite3.Error, OSError) as err:
            busy = "locked" in str(err)
            raise RunError(
                f"The finished folds cannot be kept in {self.path}: {err}.",
                hint="Another run is writing there; wait for it or choose another folder."
                if busy
                else "Check that the folder is writable and the disk not full; the file may be deleted.",
            ) from err

    def __enter__(self) -> FoldStore:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._db.close()

    def finished(self, tasks: list[Task]) -> list[FoldOutcome]:
        """Return the outcomes of those tasks that an earlier run finished."""
        found = []
        for task in tasks:
            row = self._db.execute(
                "SELECT outcome FROM folds WHERE key = ?", (fold_key(self._digest, *task),)
            ).fetchone()
            if row is None:
                continue
            try:
                found.append(FoldOutcome(**from_bytes(row[0])))
            except (ValueError, zlib.error) as err:
                raise RunError(
                    f"{self.path}: the stored outcome of repeat {task[0]}, fold {task[1]} is damaged: {err}.",
                    hint="Delete the file; the folds are then fitted again.",
                ) from err
        return found

    def add(self, task: Task, outcome: FoldOutcome) -> None:
        """Keep the outcome of a task; it is on disk when this returns.

        One in which memory ran out is not kept: that says something of the machine, not of the arm.

        Raises
        ------
        TypeError
            ``after_fit`` returned something that is no plain data.
        RunError
            The disk is full or gone.
        """
        if any(row["type"] == "MemoryError" for row in outcome.failures):
            return
        content: dict[str, Any] = {f.name: getattr(outcome, f.name) for f in fields(outcome)}
        row = (fold_key(self._digest, *task), task[0], task[1], to_bytes(content))
        try:
            self._db.execute("INSERT OR REPLACE INTO folds VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error as err:
            raise RunError(f"The finished folds cannot be kept in {self.path}: {err}.") from err


def drop_folds(folder: Path) -> None:
    """Delete the finished folds in a folder; a study that is written needs them no more."""
    for suffix in ("", "-wal", "-shm"):
        (Path(folder) / (FILE_NAME + suffix)).unlink(missing_ok=True)
