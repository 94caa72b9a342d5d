"""prepare_views(): the views of all cases of a cohort, rendered once, for networks that are trained inside the fold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybridrad._checks import check_choice, check_positive
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError
from hybridrad.exports import write_csv
from hybridrad.features.deep.picture_file import DTYPES, PictureExtractor
from hybridrad.features.deep.several_images import cases_with_files, failures_of_parts, image_pairs, part_names
from hybridrad.features.deep.view_store import PARTS, PICTURES_SHA256, SETTINGS_NAME, ViewStore
from hybridrad.imaging.views import Views

MIN_INPUT_PX = 16


def prepare_views(
    cohort: Cohort,
    views: Views | None = None,
    *,
    store: str | Path,
    input_px: int = 224,
    dtype: str = "uint8",
    n_jobs: int = 1,
    image: str | Sequence[str] = "image",
    mask: str | Sequence[str] = "mask",
    retry_failed: bool = False,
    timeout_s: float = 600.0,
    progress: bool = True,
) -> ViewStore:
    """Render the views of every case once and keep them in ``store``.

    One case is looked at at a time, so nothing is learned here. Each case runs in a worker process that can be killed;
    a case that fails is a row of ``failures``. Running again with the same settings renders only what is missing or has
    changed.

    Parameters
    ----------
    cohort : Cohort
    views : Views, optional
        What the network will see; default the largest slice with a margin of half the region's size.
    store : path
        A folder of its own.
    input_px : int, default 224
        Height and width the views are resized to, in pixels.
    dtype : {"uint8", "float16"}
        256 grey levels in one byte per pixel, or half precision in two.
    n_jobs : int, default 1
        Worker processes.
    image, mask : str or sequence of str
        Columns of the cohort table. Several images of a case (projections of a radiograph, sequences), each with its
        mask, give the views of each, one after the other; a single mask is that of all. A case may lack some of them
        as long as it has one.
    retry_failed : bool, default False
        Try cases again that failed before.
    timeout_s : float, default 600
        Time limit for one case, in seconds.
    progress : bool, default True

    Returns
    -------
    ViewStore

    Raises
    ------
    RunError
        ``store`` holds views made with other settings, no case could be rendered, or no case names a file in a column.
    ValueError
        A setting is out of range, or there are not as many masks as images.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=2, random_state=0)
    >>> store = prepare_views(cohort, hr.Views(), store=folder + "/views", input_px=32, progress=False)
    >>> store.pictures(store.index.index[:1])[0].shape
    (1, 1, 32, 32)
    """
    if int(check_positive(input_px, name="input_px")) != input_px or input_px < MIN_INPUT_PX:
        raise ValueError(f"input_px must be a whole number of at least {MIN_INPUT_PX}, got {input_px!r}.")
    check_choice(dtype, DTYPES, name="dtype")
    folder, views = Path(store), views or Views()
    run_options: dict[str, Any] = {
        "n_jobs": n_jobs,
        "retry_failed": retry_failed,
        "timeout_s": timeout_s,
        "progress": progress,
    }
    pairs = image_pairs(image, mask)
    _refuse_other_columns(folder, pairs)
    extractors = {
        part: PictureExtractor(views, folder / part, input_px=int(input_px), dtype=dtype, image=one, mask=its_mask)
        for part, (one, its_mask) in zip(part_names(pairs), pairs, strict=True)
    }
    if len(pairs) == 1:
        return _rendered(cohort, extractors[""], run_options)
    named = {part: cases_with_files(cohort, one.image, one.mask) for part, one in extractors.items()}
    parts = {part: _rendered(cohort.subset(named[part]), extractors[part], run_options) for part in extractors}
    settings: dict[str, Any] = {
        **next(iter(extractors.values())).describe(),
        "image": [one for one, _ in pairs],
        "mask": [its_mask for _, its_mask in pairs],
        PARTS: list(parts),
    }
    failed = [(str(part.settings["image"]), part.failures) for part in parts.values()]
    write_csv(failures_of_parts(cohort, named, failed), folder / "failures.csv")
    _write_settings(folder, settings)
    _write_settings(folder, {**settings, PICTURES_SHA256: ViewStore.open(folder).content_digest()})
    return ViewStore.open(folder)


def _rendered(cohort: Cohort, extractor: PictureExtractor, run_options: dict[str, Any]) -> ViewStore:
    """Return the views of one image of every case."""
    from hybridrad.features.runner import extract_features

    folder = extractor.folder
    run = extract_features(cohort, [extractor], store=folder, **run_options)
    if run.features.empty:
        raise RunError(f"no case could be rendered; first failure: {run.failures['message'].iloc[0]}")
    _write_settings(folder, extractor.describe())
    _write_settings(folder, {**extractor.describe(), PICTURES_SHA256: ViewStore.open(folder).content_digest()})
    return ViewStore.open(folder)


def _write_settings(folder: Path, settings: dict[str, Any]) -> None:
    (folder / SETTINGS_NAME).write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _refuse_other_columns(folder: Path, pairs: list[tuple[str, str]]) -> None:
    path = folder / SETTINGS_NAME
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    wanted = {"image": [one for one, _ in pairs], "mask": [its_mask for _, its_mask in pairs]}
    if (PARTS in known or (known and len(pairs) > 1)) and any(known.get(key) != wanted[key] for key in wanted):
        raise RunError(
            f"{folder} holds views of {known.get('image')} with {known.get('mask')}, not of {wanted['image']} with "
            f"{wanted['mask']}.",
            hint="Choose another folder, or name the same columns.",
        )
