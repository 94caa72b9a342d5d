"""The one door to the compiled kernels."""

from __future__ import annotations

from types import ModuleType

from hybridrad._checks import require

HOW_TO_INSTALL = (
    "hybridrad was installed without its compiled part: install one of its wheels, or have a C++ compiler at hand and "
    'install it again, or measure with engine="pyradiomics".'
)


def load_kernels() -> ModuleType:
    """Return the compiled module.

    Raises
    ------
    MissingDependencyError
        hybridrad was installed without it; the message says what to do.
    """
    return require("hybridrad.features.radiomics._kernels", hint=HOW_TO_INSTALL)
