"""The report of a run folder, with everything that lies in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridrad.study import Comparison


def write_run_report(study: Comparison, folder: Path) -> Path:
    """Write ``report.html`` of a study and of the learning curves, readings and audit that lie beside it in its folder.

    Parameters
    ----------
    study : Comparison
        The study in ``folder``.
    folder : Path

    Returns
    -------
    Path
        The report.
    """
    from hybridrad.reporting.report import write_report
    from hybridrad.run_further import load_audit, load_learning_curves, load_readers

    learning, readers = load_learning_curves(folder, study), load_readers(folder, study)
    audit = load_audit(folder, study)
    return write_report(study, folder / "report.html", learning=learning, readers=readers, audit=audit)
