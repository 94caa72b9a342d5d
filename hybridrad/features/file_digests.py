"""Read the hashes of input files back from a run, without opening its store for writing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hybridrad.errors import RunError
from hybridrad.features.store import FILE_NAME


def read_file_digests(folder: str | Path) -> dict[str, dict[str, str]]:
    """Return case_id -> column of the cohort table -> SHA-256 of the file as it was when it was read.

    Parameters
    ----------
    folder : path
        Folder of the run; without a store in it there are none.

    Raises
    ------
    RunError
        The store cannot be read, for instance because a run is writing to it.

    Examples
    --------
    >>> read_file_digests("no such folder")
    {}
    """
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        return {}
    digests: dict[str, dict[str, str]] = {}
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)
        try:
            for case_id, role, sha256 in connection.execute("SELECT case_id, role, sha256 FROM files"):
                digests.setdefault(case_id, {})[role] = sha256
        finally:
            connection.close()
    except sqlite3.Error as err:
        hint = "Another run may be writing there; wait for it."
        raise RunError(f"{path.name} in {path.parent} cannot be read: {err}.", hint=hint) from err
    return digests
