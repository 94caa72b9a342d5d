"""What a network sees of a case: square pictures in 0..1, at the resolution of the image."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad._checks import check_choice, check_positive
from hybridrad.imaging import preprocess
from hybridrad.imaging.roi import Roi
from hybridrad.imaging.views.flat import render_flat
from hybridrad.imaging.views.intensities import BACKGROUNDS, background_factor
from hybridrad.imaging.views.limits import MIN_SIDE_PX, VOLUME_KINDS, check_case
from hybridrad.imaging.views.rendered import Rendered
from hybridrad.imaging.views.volume import render_volume

KINDS = ("largest_slice", "image", "slices", "adjacent", "orthogonal", "mip", "volume")
PADDINGS = ("edge", "constant")
MIP_AXES = ("z", "y", "x")

_DEFAULT_RELATIVE_MARGIN = 0.5


@dataclass(frozen=True)
class Views:
    """How pictures of a case are made for a network.

    First the plane or planes are chosen (``kind``). Then, in this order: intensities that are not finite become the
    smallest finite one; pixels that are not square in millimetres are resampled to the finest spacing, or all to
    ``spacing_mm`` (linear); the window or the percentiles map intensities to 0..1; a square around the centre of the
    region's bounding box is cut out; the background is treated. Percentiles are those of the whole stored planes, not
    of the crop, so that the brightness of a region does not depend on its size, and one pair of limits serves all views
    of a case. A square that leaves the image is filled by ``padding``. Radiomics never sees any of this.

    Parameters
    ----------
    kind : str
        * ``largest_slice``: a crop of the slice (along the third stored axis, z) with most pixels of the region, the
          middle one of several equal ones; of a 2D image, a crop.
        * ``image``: that whole slice, or the whole 2D image, filled up to a square.
        * ``slices``: one view for each slice that holds the region, or ``n_slices`` of them, from feet to head; one
          frame for all, around the region as a whole.
        * ``adjacent``: one view whose three channels are the slice below the largest one, the largest, and the one
          above; at an end of the image the last slice is repeated.
        * ``orthogonal``: three views, axial, coronal and sagittal, through the voxel of the region nearest to its
          centre of mass, with one pixel size and one side; head up.
        * ``mip``: one view, the maximum intensity projection of the planes that hold the region along ``mip_axis``.
        * ``volume``: a 3D crop, a cube in millimetres; axes from feet to head, front to back, right to left. Stored
          spacing, or isotropic with ``spacing_mm``.

        The last three lie along the axes of the patient nearest to the stored ones, the others along the stored ones;
        the order of ``slices`` and ``adjacent`` is the patient's whatever the file's (of coronal slices front to back,
        of sagittal ones right to left), their rows and columns are as stored.
    margin_mm : float, optional
        Side of the crop: the longer side of the bounding box and this on both sides.
    field_mm : float, optional
        Side of the crop in mm, the same for all cases, rounded to whole pixels; a larger region is cut.
    relative_margin : float, optional
        Side of the crop: ``1 + 2 * relative_margin`` times the longer side of the bounding box. The only one of the
        three without spacing; 0.5 if none is given.
    spacing_mm : float, optional
        Pixel size of the view; the stored one if not given.
    window : str or (level, width), optional
        CT window, a name of ``hybridrad.imaging.preprocess.WINDOWS`` or two numbers in HU. It replaces the percentiles.
    percentiles : (float, float)
        Shown as 0 and 1 where there is no window.
    padding : {"edge", "constant"}
        Beyond the image: the nearest pixel, or 0.
    background : {"kept", "dimmed", "masked"}
        Outside the region: the intensities as they are, a quarter of them (after they were mapped to 0..1), or 0.
        A projection that is dimmed or masked projects, within the outline of the region, the region alone.
    mask_channel : bool
        Whether the network is shown the region: the channels become (picture, picture, region), the region as 0 and 1,
        so that there are still three. Not for colour and not for ``adjacent``, whose channels are taken.
    n_slices : int, optional
        For ``slices``: so many, the middle ones of equal runs of the region's slices; a region of fewer slices repeats
        some. All slices if not given, and then their number differs between cases.
    mip_axis : {"z", "y", "x"}
        For ``mip``: the axis of the patient that the projection runs along; the picture is axial, coronal or sagittal.
    slab_margin_mm : float
        For ``mip``: how far the projection reaches beyond the region on both sides.

    Raises
    ------
    ValueError
        Arguments out of range or contradicting each other.

    Examples
    --------
    >>> Views("largest_slice", margin_mm=10, window="lung").describe()["window"]
    'lung'
    >>> Views(relative_margin=0.25).keeps_size, Views(field_mm=60).keeps_size
    (False, True)
    >>> Views("adjacent", margin_mm=10).n_channels_hint, Views("volume", spacing_mm=1).dimension
    (3, 3)
    """

    kind: str = "largest_slice"
    _: KW_ONLY
    margin_mm: float | None = None
    field_mm: float | None = None
    relative_margin: float | None = None
    spacing_mm: float | None = None
    window: str | tuple[float, float] | None = None
    percentiles: tuple[float, float] = (1.0, 99.0)
    padding: str = "edge"
    background: str = "kept"
    mask_channel: bool = False
    n_slices: int | None = None
    mip_axis: str = "z"
    slab_margin_mm: float = 0.0

    def __post_init__(self) -> None:
        check_choice(self.kind, KINDS, name="kind")
        check_choice(self.padding, PADDINGS, name="padding")
        given = [name for name in ("margin_mm", "field_mm", "relative_margin") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; give one.")
        if self.kind == "image" and given:
            raise ValueError(f'kind="image" shows the whole image; {given[0]} has no meaning there.')
        for name in ("margin_mm", "relative_margin"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value >= 0):
                raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
        for name in ("field_mm", "spacing_mm"):
            value = getattr(self, name)
            if value is not None:
                check_positive(value, name=name)
                if not _is_number(value):
                    raise ValueError(f"{name} must be finite, got {value!r}.")
        if self.window is not None:
            level_width = preprocess.window_level_width(self.window)
            if not isinstance(self.window, str):
                # A list from a settings file would make the object unhashable.
                object.__setattr__(self, "window", level_width)
        object.__setattr__(self, "percentiles", _checked_percentiles(self.percentiles))
        check_choice(self.background, BACKGROUNDS, name="background")
        self._check_options_of_kinds()

    def _check_options_of_kinds(self) -> None:
        check_choice(self.mip_axis, MIP_AXES, name="mip_axis")
        if not isinstance(self.mask_channel, bool):
            raise ValueError(f"mask_channel must be True or False, got {self.mask_channel!r}.")
        if self.mask_channel and self.kind == "adjacent":
            raise ValueError('kind="adjacent" fills the three channels with slices; mask_channel finds no place there.')
        if self.n_slices is not None:
            whole = isinstance(self.n_slices, int | np.integer) and not isinstance(self.n_slices, bool)
            if not whole or self.n_slices < 1:
                raise ValueError(f"n_slices must be a whole number of at least 1, got {self.n_slices!r}.")
        if not (_is_number(self.slab_margin_mm) and self.slab_margin_mm >= 0):
            raise ValueError(f"slab_margin_mm must be a number of at least 0, got {self.slab_margin_mm!r}.")
        of_kind = {"n_slices": ("slices", None), "mip_axis": ("mip", "z"), "slab_margin_mm": ("mip", 0)}
        for name, (kind, default) in of_kind.items():
            if self.kind != kind and getattr(self, name) != default:
                raise ValueError(f'{name} belongs to kind="{kind}", not to kind={self.kind!r}.')

    @property
    def dimension(self) -> int:
        """2 for pictures, 3 for volumes."""
        return 3 if self.kind == "volume" else 2

    @property
    def n_channels_hint(self) -> int:
        """Channels of the views of a grey image, 1 or 3; those of a colour image always have 3."""
        return 3 if self.kind == "adjacent" or self.mask_channel else 1

    @property
    def keeps_size(self) -> bool:
        """Whether a network can tell the size of a region from its view.

        It can with a fixed field, with a margin in millimetres (a large region fills more of its crop), from the whole
        image, and from all slices, whose number tells the height; only a relative margin shows all regions equally
        large.
        """
        counts_slices = self.kind == "slices" and self.n_slices is None
        return self.effective_relative_margin is None or counts_slices

    def describe(self) -> dict[str, Any]:
        """Return everything that changes the pictures, as plain values."""
        level_width = None if self.window is None else list(preprocess.window_level_width(self.window))
        described: dict[str, Any] = {
            "kind": self.kind,
            "margin_mm": _float_or_none(self.margin_mm),
            "field_mm": _float_or_none(self.field_mm),
            "relative_margin": _float_or_none(self.effective_relative_margin),
            "spacing_mm": _float_or_none(self.spacing_mm),
            "window": self.window if isinstance(self.window, str) else level_width,
            "window_level_width_hu": level_width,
            "percentiles": None if self.window is not None else list(self.percentiles),
            "padding": self.padding,
            "min_side_px": None if self.kind == "image" else MIN_SIDE_PX,
            "keeps_size": self.keeps_size,
        }
        # Stored runs know their views by this description: what came later is named only where it is used.
        if self.background != "kept":
            described |= {"background": self.background, "background_factor": background_factor(self.background)}
        if self.mask_channel:
            described["channels"] = ["picture", "picture", "region"]
        if self.kind in VOLUME_KINDS:
            described["axes"] = "patient"
        if self.kind in ("slices", "adjacent"):
            described["order"] = "feet to head"
        if self.kind == "slices":
            described["n_slices"] = "all" if self.n_slices is None else int(self.n_slices)
        if self.kind == "mip":
            described |= {"mip_axis": self.mip_axis, "slab_margin_mm": float(self.slab_margin_mm)}
        return described

    def render(self, roi: Roi) -> NDArray[np.float32]:
        """Make the pictures of one case.

        Parameters
        ----------
        roi : Roi

        Returns
        -------
        float32 ndarray of shape (n_views, channels, height, width) or (1, channels, depth, height, width)
            Values 0..1, height equal to width; the second shape for the kind ``volume``. One channel for grey and three
            for colour, for adjacent slices and with a mask channel.

        Raises
        ------
        ImageError
            E_IMAGE_DIM: a 2D image for a kind that needs a volume; E_IMAGE_COLOUR: colour where the three channels are
            needed otherwise; E_NO_SPACING: millimetres are asked of an image without them; E_CONFIG: the views would be
            larger than ``MAX_SIDE_PX`` or ``MAX_VIEW_PIXELS``.

        Examples
        --------
        >>> import SimpleITK as sitk
        >>> from hybridrad.imaging.roi import read_roi
        >>> image, mask = sitk.Image([64, 48], sitk.sitkUInt8), sitk.Image([64, 48], sitk.sitkUInt8)
        >>> mask[20:40, 10:20] = 1
        >>> Views(relative_margin=0.5).render(read_roi(image, mask)).shape
        (1, 1, 40, 40)
        """
        return self._rendered(roi, with_region=False)[0]

    def render_with_region(self, roi: Roi) -> Rendered:
        """Make the pictures of one case and say where its region lies in them.

        Parameters
        ----------
        roi : Roi

        Returns
        -------
        Rendered
            ``pictures`` as ``render`` gives them; ``regions``, bool, of shape (n_views, height, width) or (1, depth,
            height, width).

        Raises
        ------
        ImageError
            As ``render``.

        Examples
        --------
        >>> import SimpleITK as sitk
        >>> from hybridrad.imaging.roi import read_roi
        >>> image, mask = sitk.Image([64, 48], sitk.sitkUInt8), sitk.Image([64, 48], sitk.sitkUInt8)
        >>> mask[20:40, 10:20] = 1
        >>> int(Views().render_with_region(read_roi(image, mask)).regions.sum())
        200
        """
        pictures, regions = self._rendered(roi, with_region=True)
        assert regions is not None  # asked for
        return Rendered(pictures, regions)

    def _rendered(self, roi: Roi, *, with_region: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        check_case(self, roi)
        render = render_volume if self.kind == "volume" else render_flat
        return render(self, roi, with_region=with_region)

    @property
    def effective_relative_margin(self) -> float | None:
        """The relative margin in use: the one given, the default one, or None where another crop is used."""
        if self.kind == "image" or self.margin_mm is not None or self.field_mm is not None:
            return None
        return _DEFAULT_RELATIVE_MARGIN if self.relative_margin is None else self.relative_margin


def _checked_percentiles(percentiles: Any) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in percentiles)
    except (TypeError, ValueError) as err:
        raise ValueError(f"percentiles={percentiles!r} are not two numbers.") from err
    if not 0 <= low < high <= 100:
        raise ValueError(f"percentiles must be 0 <= low < high <= 100, got {percentiles!r}.")
    return low, high


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _float_or_none(value: float | None) -> float | None:
    return None if value is None else float(value)
