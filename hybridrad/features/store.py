"""The extraction store: one SQLite file in which a case is durable before the next is announced."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import Finding, RunError

FILE_NAME = "extraction.sqlite"
SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS blocks (block TEXT PRIMARY KEY, description TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS column_lists (digest TEXT PRIMARY KEY, names TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    case_id TEXT NOT NULL, role TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (case_id, role));
CREATE TABLE IF NOT EXISTS results (
    case_id TEXT NOT NULL, block TEXT NOT NULL, fingerprint TEXT NOT NULL, columns TEXT, row BLOB,
    stage TEXT, code TEXT, message TEXT, hint TEXT, findings TEXT NOT NULL, seconds REAL NOT NULL,
    attempts INTEGER NOT NULL, PRIMARY KEY (case_id, block));
"""


@dataclass(frozen=True)
class FileDigest:
    """Size, time of change and SHA-256 of an input file as it was when it was read."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Failure:
    """Why a block of a case could not be had."""

    stage: str
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Result:
    """What the store knows of one block of one case; ``values`` is None when it failed."""

    case_id: str
    block: str
    fingerprint: str
    columns: tuple[str, ...] | None
    values: NDArray[np.float64] | None
    failure: Failure | None
    findings: tuple[Finding, ...]
    seconds: float


def digest_file(path: Path) -> FileDigest:
    """Return size, time and SHA-256 of a file."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return FileDigest(status.st_size, status.st_mtime_ns, sha256)


def digest_of(description: Any) -> str:
    """Return a short hash of plain data, independent of key order.

    Examples
    --------
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:32]


class ExtractionStore:
    """Rows, failures and findings of a cohort run, one writer at a time.

    Parameters
    ----------
    folder : Path
        The run's folder; made if need be.

    Raises
    ------
    RunError
        The folder cannot be written, another run is writing to it, or it was written by another version of the store.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / FILE_NAME
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            # Not autocommit: every change below is one explicit transaction.
            self._db = sqlite3.connect(self.path, timeout=1.0, isolation_level=None)
            # Held until the process ends, however it ends: a second writer is refused instead of interleaved.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute("INSERT OR IGNORE INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))
        except (sqlite3.Error, OSError) as err:
            busy = "locked" in str(err)
            raise RunError(
                f"The extraction store {self.path} cannot be written: {err}.",
                hint="Another run is writing there; wait for it or choose another folder."
                if busy
                else "Check that the folder exists, is writable and that the disk is not full.",
            ) from err
        version = self._db.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()[0]
        if version != str(SCHEMA_VERSION):
            self.close()
            raise RunError(
                f"The extraction store {self.path} has layout {version}, this version writes {SCHEMA_VERSION}.",
                hint="Choose another folder.",
            )

    def close(self) -> None:
        """Release the store for other writers."""
        self._db.close()

    def __enter__(self) -> ExtractionStore:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def register_block(self, block: str, description: Mapping[str, Any]) -> str:
        """Record how a block is extracted, or refuse when the store holds it extracted otherwise; return its digest."""
        text = json.dumps(description, sort_keys=True)
        known = self._db.execute("SELECT description FROM blocks WHERE block = ?", (block,)).fetchone()
        if known is not None and known[0] != text:
            changed = _differences(json.loads(known[0]), json.loads(text))
            raise RunError(
                f"{self.path.parent} holds block {block!r} extracted with other settings: {'; '.join(changed[:5])}.",
                hint="Rows of different settings are never mixed: choose another folder or go back to those settings.",
            )
        if known is None:
            with self._transaction():
                self._db.execute("INSERT INTO blocks VALUES (?, ?)", (block, text))
        return digest_of(description)

    def file_digests(self, case_id: str) -> dict[str, FileDigest]:
        """Return role -> digest of the files a case was last read from."""
        rows = self._db.execute("SELECT role, size, mtime_ns, sha256 FROM files WHERE case_id = ?", (case_id,))
        return {role: FileDigest(size, mtime_ns, sha256) for role, size, mtime_ns, sha256 in rows}

    def fingerprints(self, case_id: str) -> dict[str, tuple[str, bool]]:
        """Return block -> (fingerprint, whether it failed) of what is stored for a case."""
        rows = self._db.execute("SELECT block, fingerprint, code FROM results WHERE case_id = ?", (case_id,))
        return {block: (fingerprint, code is not None) for block, fingerprint, code in rows}

    def write(self, results: list[Result], digests: Mapping[str, FileDigest], *, case_id: str) -> None:
        """Make results of one case durable, in one transaction."""
        with self._transaction():
            for role, digest in digests.items():
                self._db.execute(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                    (case_id, role, digest.size, digest.mtime_ns, digest.sha256),
                )
            for result in results:
                self._write_one(result)

    def _write_one(self, result: Result) -> None:
        columns_digest = None
        if result.columns is not None:
            columns_digest = digest_of(result.columns)
            self._db.execute(
                "INSERT OR IGNORE INTO column_lists VALUES (?, ?)", (columns_digest, json.dumps(result.columns))
            )
        failure = result.failure
        attempts = self._db.execute(
            "SELECT attempts FROM results WHERE case_id = ? AND block = ?", (result.case_id, result.block)
        ).fetchone()
        self._db.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                result.case_id,
                result.block,
                result.fingerprint,
                columns_digest,
                None if result.values is None else np.ascontiguousarray(result.values, dtype="<f8").tobytes(),
                failure.stage if failure else None,
                failure.code if failure else None,
                failure.message if failure else None,
                failure.hint if failure else None,
                json.dumps([[f.code, f.stage, f.message, f.hint] for f in result.findings]),
                result.seconds,
                1 + (attempts[0] if attempts else 0),
            ),
        )

    def results(self, case_id: str) -> list[Result]:
        """Return everything stored for a case, by block name."""
        rows = self._db.execute(
            "SELECT block, fingerprint, columns, row, stage, code, message, hint, findings, seconds "
            "FROM results WHERE case_id = ? ORDER BY block",
            (case_id,),
        ).fetchall()
        return [self._result(case_id, *row) for row in rows]

    def _result(
        self,
        case_id: str,
        block: str,
        fingerprint: str,
        columns_digest: str | None,
        blob: bytes | None,
        stage: str,
        code: str | None,
        message: str,
        hint: str,
        findings: str,
        seconds: float,
    ) -> Result:
        columns, values = None, None
        if columns_digest is not None and blob is not None:
            names = self._db.execute("SELECT names FROM column_lists WHERE digest = ?", (columns_digest,)).fetchone()[0]
            columns = tuple(json.loads(names))
            values = np.frombuffer(blob, dtype="<f8").astype(float)
        return Result(
            case_id,
            block,
            fingerprint,
            columns,
            values,
            None if code is None else Failure(stage, code, message, hint),
            tuple(Finding(case_id, c, s, m, h) for c, s, m, h in json.loads(findings)),
            seconds,
        )


def _differences(old: Any, new: Any, where: str = "") -> list[str]:
    """List the leaves in which two pieces of plain data differ, as ``name: old -> new``."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted(set(old) | set(new)):
            found += _differences(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
        return found
    return [] if old == new else [f"{where}: {old!r} there, {new!r} now"]
