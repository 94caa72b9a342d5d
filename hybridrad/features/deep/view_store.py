"""Views of all cases of a cohort, kept in a file: found by case_id, known by a hash of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.errors import RunError
from hybridrad.features.blocks import MARKER, SEPARATOR
from hybridrad.features.deep.picture_file import BLOCK, FIELDS, FILE_NAME, read_image_digests

SETTINGS_NAME = "views.json"
PICTURES_SHA256 = "pictures_sha256"
PARTS = "parts"  # folders of the images of a case, where it has several


class ViewStore:
    """Pictures of cases by ``case_id``, read from a file when they are asked for.

    Made by `prepare_views` or `ViewStore.open`. It never changes, travels to worker processes as its path, and is the
    ``views_store`` of fine-tuned networks.

    Attributes
    ----------
    folder : Path
    index : DataFrame
        Index ``case_id``; columns ``first_plane, n_views, n_channels`` (the first lacks where cases have several
        images).
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

    def __init__(
        self,
        folder: Path,
        *,
        index: pd.DataFrame,
        failures: pd.DataFrame,
        settings: dict[str, Any],
        parts: Sequence[ViewStore] = (),
    ) -> None:
        self.folder, self.index, self.failures, self.settings = folder, index, failures, settings
        self.parts = tuple(parts)
        self.input_px = int(settings["input_px"])
        self.shows_region = "region" in settings["views"].get("channels", ())
        self.shows_volume = settings["views"].get("kind") in ("slices", "adjacent")
        self._planes: NDArray[Any] | None = None
        self._images: dict[int, int] | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open the views that `prepare_views` put into a folder.

        Raises
        ------
        RunError
            The folder holds no views, or their file is shorter than its index says.
        """
        folder = Path(folder).resolve()
        if (folder / SETTINGS_NAME).is_file():
            settings = json.loads((folder / SETTINGS_NAME).read_text(encoding="utf-8"))
            if PARTS in settings:
                return cls._open_parts(folder, settings)
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

    @classmethod
    def _open_parts(cls, folder: Path, settings: dict[str, Any]) -> Self:
        parts = [cls.open(folder / name) for name in settings[PARTS]]
        every = pd.concat([part.index[["n_views", "n_channels"]] for part in parts]).groupby(level=0, sort=False)
        index = every.agg({"n_views": "sum", "n_channels": "max"})
        failures = pd.read_csv(folder / "failures.csv", dtype={"case_id": "str"}).set_index(["case_id", "stage"])
        settings.pop(PICTURES_SHA256, None)  # told by the parts
        return cls(folder, index=index, failures=failures, settings=settings, parts=parts)

    def __repr__(self) -> str:
        return f"ViewStore({str(self.folder)!r}: {len(self.index)} cases, {self.input_px} px)"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_planes": None, "_images": None}

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
        if self.parts:
            digest.update("".join(part.content_digest() for part in self.parts).encode())
            return digest.hexdigest()
        for row in self._rows(self.index.index.sort_values()):
            n_planes = row.n_views * (row.n_channels + 1)
            digest.update(f"{row.Index}\x1f{row.n_views}\x1f{row.n_channels}\x1e".encode())
            digest.update(self._memory()[row.first_plane : row.first_plane + n_planes].tobytes())
        return digest.hexdigest()

    def content_state(self) -> dict[str, Any]:
        """Return what stores of the same pictures share, wherever they are and in whatever order they were made."""
        made_with = {key: value for key, value in self.settings.items() if key != PICTURES_SHA256}
        return {**made_with, "pictures": self.content_digest()}

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
        if self.parts:
            return self._of_parts(case_ids, "pictures")
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
        if self.parts:
            return self._of_parts(case_ids, "regions")
        found = []
        for row in self._rows(case_ids):
            found.append(self._planes_of(row.first_plane + row.n_views * row.n_channels, row.n_views))
        return found

    def image_digests(self, case_ids: Iterable[str]) -> list[frozenset[int]]:
        """Return what tells the images that the pictures of each case were rendered from.

        Returns
        -------
        list of frozenset of int
            `hybridrad.features.deep.trained_on.image_digest` of each image of a case; empty for pictures that were made
            before images were recorded.

        Raises
        ------
        RunError
            A case has no pictures; the message says why, if it is known.

        Examples
        --------
        >>> import tempfile
        >>> import hybridrad as hr
        >>> folder = tempfile.mkdtemp()
        >>> cohort = hr.make_cohort(folder, n_patients=2, random_state=0)
        >>> store = hr.prepare_views(cohort, hr.Views(), store=folder + "/views", input_px=32, progress=False)
        >>> [len(digests) for digests in store.image_digests(store.index.index)]
        [1, 1]
        """
        if self.parts:
            return [
                frozenset[int]().union(
                    *(part.image_digests([row.Index])[0] for part in self.parts if row.Index in part.index.index)
                )
                for row in self._rows(case_ids)
            ]
        if self._images is None:
            self._images = read_image_digests(self.folder)
        known = self._images
        found = [known.get(row.first_plane) for row in self._rows(case_ids)]
        return [frozenset() if digest is None else frozenset([digest]) for digest in found]

    def marker(self, block: str = "finetuned") -> pd.DataFrame:
        """Return a block of one column that says which cases have pictures, to make a network a member of a fusion.

        The column is 1 for every case, so it carries nothing a model could learn from; a case without pictures is
        missing in it once it is joined to a feature table, and a fusion then lets the other members answer.

        Returns
        -------
        DataFrame
            Index ``case_id``, column ``<block>__has_pictures``.
        """
        return pd.DataFrame({f"{block}{SEPARATOR}{MARKER}": 1.0}, index=self.index.index)

    def _of_parts(self, case_ids: Iterable[str], what: str) -> list[NDArray[np.float32]]:
        """Return the pictures or regions of the images that each case has, in the order of the images."""
        found = []
        for row in self._rows(case_ids):
            of_images = [getattr(part, what)([row.Index])[0] for part in self.parts if row.Index in part.index.index]
            if what == "pictures":  # a grey image beside one in colour
                of_images = [np.repeat(p, row.n_channels // p.shape[1], axis=1) for p in of_images]
            found.append(np.concatenate(of_images))
        return found

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
