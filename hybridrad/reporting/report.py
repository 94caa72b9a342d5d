"""write_report(): a study's tables as one HTML file, and its figures as files."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hybridrad.exports import write_atomically, write_text
from hybridrad.reporting.plates import Draft, Plate
from hybridrad.reporting.render import render_page
from hybridrad.reporting.sections import page_content
from hybridrad.reporting.style import draw

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from hybridrad.learning import LearningCurves
    from hybridrad.study import Comparison
    from hybridrad.study_readers import ReaderStudy


def write_report(
    study: Comparison,
    path: str | os.PathLike[str],
    *,
    figures: bool = True,
    learning: LearningCurves | None = None,
    readers: ReaderStudy | None = None,
    audit: pd.DataFrame | None = None,
) -> Path:
    """Write the report of a study.

    The page is one file: style and figures are inside, it loads nothing and runs no script. It is made from the stored
    tables alone; nothing is refitted, and the same study gives the same bytes.

    Parameters
    ----------
    study : Comparison
        What ``compare_models`` returned, or a stored study read again.
    path : path
        The HTML file; its folder is made if need be.
    figures : bool
        Also write every figure as SVG and PDF into ``figures/`` beside the page.
    learning : LearningCurves, optional
        From `hybridrad.learning_curves`: adds a section.
    readers : ReaderStudy, optional
        From `hybridrad.study_readers.compare_readers`: adds a section.
    audit : DataFrame, optional
        From `hybridrad.audit`: its permutation of labels is said beside the scores.

    Returns
    -------
    Path
        The HTML file.

    Examples
    --------
    >>> import hybridrad as hr
    >>> callable(hr.write_report)
    True
    """
    page = Path(path)
    plates: list[Plate] = []

    def drawn(name: str, make: Callable[..., Draft | None], *arguments: object) -> Plate | None:
        draft = make(*arguments)
        if draft is None:
            return None
        plates.append(Plate(draw(name, draft.build, pdf=figures), draft.caption, draft.alt))
        return plates[-1]

    content = page_content(study, drawn, files=figures, learning=learning, readers=readers, audit=audit)
    write_text(render_page(content), page)
    if figures:
        _write_figures(plates, page.parent / "figures")
    return page


def _write_figures(plates: list[Plate], folder: Path) -> None:
    for plate in plates:
        picture = plate.picture
        write_text(picture.svg, folder / f"{picture.name}.svg")
        write_atomically(folder / f"{picture.name}.pdf", partial(_write_bytes, content=picture.pdf))


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
