"""Progress of a cohort run: a bar on a terminal, a few dated lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def duration_text(seconds: float) -> str:
    """Return a duration for people.

    Examples
    --------
    >>> duration_text(75), duration_text(4.2), duration_text(7320)
    ('1 min 15 s', '4 s', '2 h 02 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class ProgressReport:
    """Counts finished pieces of work and shows it once per step.

    On a terminal a bar that ends at 100 %; elsewhere at most one line per tenth of the work, each with the time left.

    Parameters
    ----------
    title : str
    total : int
    enabled : bool, default True
    stream : text file, optional
        Default standard error, so that results on standard output stay clean.
    note : callable, optional
        Also gets each line, e.g. to keep a log file.
    """

    def __init__(
        self,
        title: str,
        *,
        total: int,
        enabled: bool = True,
        stream: TextIO | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self.title, self.total, self.done = title, total, 0
        self._note = note
        self._start = time.monotonic()
        self._stream = stream or sys.stderr
        self._enabled = enabled and total > 0
        self._bar: Progress | None = None
        self._last_tenth = 0
        if self._enabled and self._stream.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=Console(file=self._stream),
            )
            self._task = self._bar.add_task(title, total=total)

    def __enter__(self) -> ProgressReport:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, n: int = 1) -> None:
        """Count ``n`` pieces as finished."""
        self.update(self.done + n)

    def update(self, done: int) -> None:
        """Set the number of finished pieces."""
        self.done = done
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        tenth = 10 * done // max(self.total, 1)
        if tenth == self._last_tenth:
            return
        self._last_tenth = tenth
        line = self._line()
        if self._note is not None:
            self._note(line)
        if self._enabled and self._bar is None:
            print(line, file=self._stream, flush=True)

    def _line(self) -> str:
        elapsed = time.monotonic() - self._start
        percent = 100 * self.done // max(self.total, 1)
        text = f"{self.title}: {self.done} of {self.total} ({percent} %), {duration_text(elapsed)}"
        if self.done < self.total:
            left = elapsed / max(self.done, 1) * (self.total - self.done)
            text += f", about {duration_text(left)} left"
        return text
