"""How worker processes are started."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import RLock
from typing import Any

_spawn_lock = threading.Lock()


class WorkerContext(SpawnContext):
    """Fresh processes and not forks: ITK's threads do not survive a fork.

    The locks of a pool are kept as long as its context. A pool may be done before its last worker has finished
    starting; were the locks gone by then, that worker would not find them and would print a traceback before it is
    stopped.
    """

    def __init__(self) -> None:
        self._locks: list[RLock] = []

    def RLock(self) -> RLock:  # noqa: N802  the name multiprocessing calls
        """Return a new lock, kept with the others."""
        lock = super().RLock()
        self._locks.append(lock)
        return lock


class _LightProcess(SpawnProcess):
    """A spawned process that does not run the caller's script again."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  the name multiprocessing calls
        with _spawn_lock, _without_main_module():
            return SpawnProcess._Popen(process_obj)


class LightWorkerContext(WorkerContext):
    """Workers for scripts without an ``if __name__ == "__main__"`` guard.

    A plain spawned process imports the script that started it; a script of fifteen lines, as analysts write them, would
    then start the extraction again in every worker. Work sent to these processes lives in importable modules, so the
    script is not needed there.
    """

    Process = _LightProcess


@contextmanager
def _without_main_module() -> Iterator[None]:
    original = spawn.get_preparation_data

    def lighter(name: str) -> dict[str, Any]:
        data = original(name)
        return {k: v for k, v in data.items() if k not in ("init_main_from_name", "init_main_from_path")}

    spawn.get_preparation_data = lighter
    try:
        yield
    finally:
        spawn.get_preparation_data = original


def worker_context(objects: Sequence[Any]) -> WorkerContext:
    """Return how to start workers that are sent `objects`: lightly, unless one comes from the caller's own script."""
    if any(type(each).__module__ == "__main__" for each in objects):
        return WorkerContext()
    return LightWorkerContext()
