"""The one door to PyRadiomics: importing it, and keeping its log and its warnings to ourselves while it works."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from hybridrad._checks import require

HOW_TO_INSTALL = (
    "It needs Python 3.11, a C compiler and two steps: pip install numpy setuptools wheel versioneer cython, then "
    "pip install --no-build-isolation pyradiomics==3.0.1."
)
LOGGER = "radiomics"
# PyRadiomics logs through one logger of the process, so two threads cannot listen to it at once.
_lock = threading.RLock()


def import_pyradiomics() -> ModuleType:
    """Return ``radiomics.featureextractor``.

    Raises
    ------
    MissingDependencyError
        PyRadiomics is not installed; the message says how to get it.
    """
    with warnings.catch_warnings():
        # Its dependencies are old; their deprecations say nothing to the user of this library.
        warnings.simplefilter("ignore")
        return require("radiomics.featureextractor", hint=HOW_TO_INSTALL)


@contextmanager
def listen() -> Iterator[list[str]]:
    """Collect what PyRadiomics logs as warnings and errors, and let nothing of it through to the user.

    The handlers, level and propagation of its logger are put back afterwards; warning filters too.

    Yields
    ------
    list of str
        Grows while PyRadiomics works.
    """
    logger, heard = logging.getLogger(LOGGER), _Listener()
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = (logger.handlers[:], logger.level, logger.propagate)
        logger.handlers[:], logger.propagate = [heard], False
        logger.setLevel(logging.WARNING)
        try:
            yield heard.messages
        finally:
            logger.handlers[:], level, logger.propagate = before
            logger.setLevel(level)


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # A failed feature is logged as a whole traceback; its last line is the reason.
        self.messages.append(record.getMessage().strip().splitlines()[-1])
