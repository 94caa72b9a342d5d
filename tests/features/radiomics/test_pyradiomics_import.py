from __future__ import annotations

import logging
import sys
import warnings

import pytest

from hybridrad.errors import MissingDependencyError
from hybridrad.features.radiomics.pyradiomics_import import import_pyradiomics, listen


def test_without_pyradiomics_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "radiomics", None)
    monkeypatch.delitem(sys.modules, "radiomics.featureextractor", raising=False)
    with pytest.raises(MissingDependencyError, match="C compiler") as caught:
        import_pyradiomics()
    assert caught.value.code == "E_MISSING_DEPENDENCY"


def test_listening_hears_the_reason_and_lets_nothing_through(caplog, recwarn):
    logger = logging.getLogger("radiomics.glcm")
    with caplog.at_level(logging.DEBUG), listen() as heard:
        logger.info("progress")
        logger.error("FAILED: Traceback\n  File\nValueError: no pairs")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert heard == ["ValueError: no pairs"]
    assert not caplog.records
    assert not recwarn.list


def test_the_logger_is_put_back_after_an_error():
    logger = logging.getLogger("radiomics")
    before = (logger.handlers[:], logger.level, logger.propagate)
    with pytest.raises(ValueError, match="inside"), listen():
        raise ValueError("inside")
    assert (logger.handlers, logger.level, logger.propagate) == before
