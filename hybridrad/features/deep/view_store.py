"""Views of all cases of a cohort, rendered once and kept in a file, for networks that are trained inside the fold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad._checks import check_choice, check_positive
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError
from hybridrad.features.deep.picture_file import BLOCK, DTYPES, FIELDS, FILE_NAME, PictureExtractor
from hybridrad.imaging.views import Views

SETTINGS_NAME = "views.json"
PICTURES_SHA256 = "pictures_sha256"
MIN_INPUT_PX = 16


def prepare_views(
    cohort: Cohort,
    views: Views | None = None,
    *,
    store: str | Path,
    input_px: int = 224,
    dtype: str = "uint8",
    n_jobs: int = 1,
    image: str = "image",
    mask: str = "mask",
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
    image, mask : str
        Columns of the cohort table.
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
        ``store`` holds views made with other settings, or no case could be rendered.

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
    from hybridrad.features.runner import extract_features

    if int(check_positive(input_px, name="input_px")) != input_px or input_px < MIN_INPUT_PX:
        raise ValueError(f"input_px must be a whole number of at least {MIN_INPUT_PX}, got {input_px!r}.")
    check_choice(dtype, DTYPES, name="dtype")
    folder = Path(store)
    extractor = PictureExtractor(
        Views() if views is None else views, folder, input_px=int(input_px), dtype=dtype, image=image, mask=mask
    )
    run = extract_features(
        cohort,
        [extractor],
        store=folder,
        n_jobs=n_jobs,
        retry_failed=retry_failed,
        timeout_s=timeout_s,
        progress=progress,
    )
    if run.features.empty:
        raise RunError(f"no case could be rendered; first failure: {run.failures['message'].iloc[0]}")
    settings_file = folder / SETTINGS_NAME
    settings_file.write_text(json.dumps(extractor.describe(), indent=1), encoding="utf-8")
    rendered = ViewStore.open(folder)
    settings = {**rendered.settings, PICTURES_SHA256: rendered.content_digest()}
    settings_file.write_text(json.dumps(settings, indent=1), encoding="utf-8")
    return ViewStore.open(folder)


class ViewStore:
    """Pictures of cases by ``case_id``, read from a file when they are asked for.

    Made by `prepare_views` or `ViewStore.open`. It never changes, travels to worker processes as its path, and is the
    ``views_store`` of fine-tuned networks.

    Attributes
    ----------
    folder : Path
    index : DataFrame
        Index ``case_id``; columns ``first_plane, n_views, n_channels``.
    failures : DataFrame
        Index ``case_id, stage``; why a case has no pictures.
    settings : dict
        Views, size, type and columns the pictures were made with, and ``pictures_sha256``, their hash.
    input_px : int
    shows_region : bool
        Whether the last channel is the region.
    shows_volume : bool
        Whether the pictures of a case are slices of one volume, to be moved together.
    """

    def __init__(self, folder: Path, *, index: pd.DataFrame, failures: pd.DataFrame, settings: dict[str, Any]) -> None:
        self.folder, self.index, self.failures, self.settings = folder, index, failures, settings
        self.input_px = int(settings["input_px"])
        self.shows_region = "region" in settings["views"].get("channels", ())
        self.shows_volume = settings["views"].get("kind") in ("slices", "adjacent")
        self._planes: NDArray[Any] | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open the views that `prepare_views` put into a folder.

        Raises
        ------
        RunError
            The folder holds no views, or their file is shorter than its index says.
        """
        folder = Path(folder).resolve()
        wanted = [folder / name for name in (SETTINGS_NAME, "features.parquet", FILE_NAME)]
        for path in wanted:
            if not path.is_file():
                raise RunError(
                    f"{folder} holds no views: {path.name} is missing.", hint="Make them by prepare_views()."
                )
        settings = json.loads(wanted[0].read_text(encoding="utf-8"))
        if wanted[2].stat().st_mtime_ns > wanted[0].stat().st_mtime_ns:
            settings.pop(PICTURES_SHA256, None)  # the pictures were written to after they had been hashed
        table = pd.read_parquet(wanted[1])[[f"{BLOCK}__{field}" for field in FIELDS]]
        index = table.set_axis(list(FIELDS), axis=1).astype(np.int64)
        failures = pd.read_csv(folder / "failures.csv", dtype={"case_id": "str"}).set_index(["case_id", "stage"])
        store = cls(folder, index=index, failures=failures, settings=settings)
        end = int((index["first_plane"] + index["n_views"] * (index["n_channels"] + 1)).max())
        if len(store._memory()) < end:
            raise RunError(
                f"{wanted[2]} holds {len(store._memory())} planes and its index points to {end}.",
                hint="Delete the folder and make the views again.",
            )
        return store

    def __repr__(self) -> str:
        return f"ViewStore({str(self.folder)!r}: {len(self.index)} cases, {self.input_px} px)"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_planes": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> ViewStore:
        return self  # nothing in it changes; copies of an estimator share it

    def content_digest(self) -> str:
        """Return a sha256 of the pictures of all cases, in whatever order they lie in the file.

        Written into ``views.json`` when they are made; two stores with the same pictures agree, wherever they are.
        """
        known = self.settings.get(PICTURES_SHA256)
        if known is not None:
            return str(known)
        digest = hashlib.sha256()
        for row in self.index.sort_index().itertuples():
            n_planes = row.n_views * (row.n_channels + 1)
            digest.update(f"{row.Index}\x1f{row.n_views}\x1f{row.n_channels}\x1e".encode())
            digest.update(self._memory()[row.first_plane : row.first_plane + n_planes].tobytes())
        return digest.hexdigest()

    def has(self, case_ids: Iterable[str]) -> NDArray[np.bool_]:
        """Return which of the cases have pictures."""
        return np.asarray(pd.Index(case_ids).isin(self.index.index))

    def pictures(self, case_ids: Iterable[str]) -> list[NDArray[np.float32]]:
        """Return the pictures of each case.

        Returns
        -------
        list of float32 ndarray of shape (n_views, channels, input_px, input_px)
            Values 0..1.

        Raises
        ------
        RunError
            A case has no pictures; the message says why, if it is known.
        """
        found = []
        for row in self._rows(case_ids):
            planes = self._planes_of(row.first_plane, row.n_views * row.n_channels)
            found.append(planes.reshape(row.n_views, row.n_channels, self.input_px, self.input_px))
        return found

    def regions(self, case_ids: Iterable[str]) -> list[NDArray[np.float32]]:
        """Return how much of each pixel the region covers (0..1), one array (n_views, input_px, input_px) per case.

        Raises
        ------
        RunError
            A case has no pictures; the message says why, if it is known.
        """
        found = []
        for row in self._rows(case_ids):
            found.append(self._planes_of(row.first_plane + row.n_views * row.n_channels, row.n_views))
        return found

    def marker(self, block: str = "finetuned") -> pd.DataFrame:
        """Return a block of one column that says which cases have pictures, to make a network a member of a fusion.

        The column is 1 for every case, so it carries nothing a model could learn from; a case without pictures is
        missing in it once it is joined to a feature table, and a fusion then lets the other members answer.

        Returns
        -------
        DataFrame
            Index ``case_id``, column ``<block>__has_pictures``.
        """
        return pd.DataFrame({f"{block}__has_pictures": 1.0}, index=self.index.index)

    def _rows(self, case_ids: Iterable[str]) -> list[Any]:
        ids = pd.Index(case_ids)
        at = self.index.index.get_indexer(ids)
        if (at < 0).any():
            case_id = ids[int((at < 0).argmax())]
            raise RunError(
                f"case {case_id!r} has no pictures in {self.folder}{self._why(case_id)}",
                hint="Keep to the cases of store.index, or run prepare_views() for all cases.",
            )
        return list(self.index.iloc[at].itertuples())

    def _why(self, case_id: Any) -> str:
        known = self.failures.index.get_level_values("case_id") == case_id
        return f": {self.failures.loc[known, 'message'].iloc[0]}" if known.any() else "."

    def _planes_of(self, first: int, n: int) -> NDArray[np.float32]:
        stored = self._memory()[first : first + n]
        return np.asarray(stored / np.float32(255.0) if stored.dtype == np.uint8 else stored, dtype=np.float32)

    def _memory(self) -> NDArray[Any]:
        if self._planes is None:
            path, dtype = self.folder / FILE_NAME, np.dtype(self.settings["dtype"])
            n_planes = path.stat().st_size // (self.input_px**2 * dtype.itemsize)
            shape = (n_planes, self.input_px, self.input_px)
            self._planes = np.memmap(path, dtype=dtype, mode="r", shape=shape)
        return self._planes
