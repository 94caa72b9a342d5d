"""RadiomicsSettings: every setting of PyRadiomics 3.0.1, spelled in snake_case, checked before any image is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    model_validator,
)

from hybridrad.errors import RunError
from hybridrad.features.radiomics.columns import FEATURES, IMAGE_TYPES, column_names, image_names
from hybridrad.features.radiomics.keys import KEYS, to_camel_case
from hybridrad.features.radiomics.parameter_file import read_parameter_file, split_sections
from hybridrad.features.radiomics.settings_checks import (
    check_dimension,
    check_settings,
    read_feature_classes,
    read_image_types,
    read_interpolator,
    read_settings,
    read_wavelet,
    shape_classes,
)

Number = Annotated[float, Field(strict=True)]
Positive = Annotated[float, Field(strict=True, gt=0)]
Count = Annotated[int, Field(strict=True, ge=1)]
NonNegativeInt = Annotated[int, Field(strict=True, ge=0)]


class PerImageSettings(BaseModel):
    """Settings that may differ from one image type to the next; the meaning of each is PyRadiomics'."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # A float even where a parameter file says 25: PyRadiomics adds the bin width to the region's largest value, and
    # with NumPy 2 an integer overflows the pixel type there (8-bit images above 205), which ruins the grey levels.
    bin_width: Positive = 25.0
    bin_count: Count | None = None
    distances: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    weighting_norm: Literal["euclidean", "manhattan", "infinity", "no_weighting"] | None = None
    symmetrical_glcm: StrictBool = True
    gldm_a: NonNegativeInt = 0
    voxel_array_shift: StrictInt = 0
    force_2d: StrictBool = False
    force_2d_dimension: Annotated[int, Field(strict=True, ge=0, le=2)] = 0
    # The number as written, because it becomes part of the column names: 1 and 1.0 give different ones.
    sigma: tuple[Annotated[StrictInt | StrictFloat, Field(gt=0)], ...] = ()
    start_level: NonNegativeInt = 0
    level: Count = 1
    wavelet: Annotated[str, BeforeValidator(read_wavelet)] = "coif1"
    gradient_use_spacing: StrictBool = True
    lbp_2d_radius: Positive = 1.0
    lbp_2d_samples: Count = 8
    lbp_2d_method: Literal["default", "ror", "uniform", "var"] = "uniform"
    lbp_3d_levels: Count = 2
    lbp_3d_icosphere_radius: Positive = 1.0
    lbp_3d_icosphere_subdivision: NonNegativeInt = 1


class RadiomicsSettings(PerImageSettings):
    """What PyRadiomics measures and how; frozen, and nothing in it is ignored in silence.

    Field names are PyRadiomics' keys in snake_case (``bin_width`` for ``binWidth``); both spellings are read. Without
    arguments the settings are PyRadiomics' defaults.

    Parameters
    ----------
    bin_width : float, default 25
        Width of a grey level, in intensity units.
    bin_count : int, optional
        Number of grey levels instead of a width.
    resampled_pixel_spacing : sequence of 2 or 3 floats, optional
        Spacing in mm (x, y, z) to resample to; 0 keeps an axis.
    interpolator : str or int, default "sitkBSpline"
    resegment_range : sequence of 1 or 2 floats, optional
        Intensities to keep, lower one first.
    force_2d : bool, default False
        Texture within slices of a 3D image, across axis ``force_2d_dimension`` (0 is z).
    sigma : sequence of floats
        Widths of the LoG filter in mm.
    image_types : mapping or list, default ``{"Original": {}}``
        Image type -> settings of its own, or a list of types.
    feature_classes : mapping or list, optional
        Feature class -> features (None or an empty list for all that are not redundant). Without it every class that
        fits is taken: ``shape`` in 3D and ``shape2D`` in 2D.
    **others
        All other settings of PyRadiomics 3.0.1. ``label`` is the value in the mask file when it is not 1; which region
        is read is otherwise said by ``mask_label``. ``geometry_tolerance`` and ``correct_mask`` are refused where they
        ask for more leniency than the reading of a case allows.

    Raises
    ------
    RunError
        ``E_CONFIG``: a setting is unknown (the nearest name is suggested), out of range, or contradicts another.

    Examples
    --------
    >>> settings = RadiomicsSettings(bin_width=10, image_types={"Original": {}, "LoG": {"sigma": [1.0, 3.0]}})
    >>> len(settings.promised_columns(3))
    293
    >>> RadiomicsSettings(binwidht=10)
    Traceback (most recent call last):
    ...
    hybridrad.errors.RunError: setting: unknown setting 'binwidht'. Did you mean binWidth?
    """

    normalize: StrictBool = False
    normalize_scale: Positive = 1.0
    remove_outliers: Positive | None = None
    resampled_pixel_spacing: (
        Annotated[tuple[Annotated[float, Field(strict=True, ge=0)], ...], Field(min_length=2, max_length=3)] | None
    ) = None
    interpolator: Annotated[str | None, BeforeValidator(read_interpolator)] = "sitkBSpline"
    pad_distance: NonNegativeInt = 5
    pre_crop: StrictBool = False
    resegment_range: Annotated[tuple[Number, ...], Field(min_length=1, max_length=2)] | None = None
    resegment_mode: Literal["absolute", "relative", "sigma"] = "absolute"
    resegment_shape: StrictBool = False
    minimum_roi_dimensions: Annotated[int, Field(strict=True, ge=1, le=3)] = 2
    minimum_roi_size: Count | None = None
    label: Count = 1
    label_channel: NonNegativeInt = 0
    geometry_tolerance: Positive | None = None
    correct_mask: StrictBool = False
    additional_info: StrictBool = True
    image_types: dict[str, PerImageSettings] = Field(default_factory=lambda: {"Original": PerImageSettings()})
    feature_classes: dict[str, tuple[str, ...]] | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, Mapping):
            raise RunError(f"radiomics settings are a mapping of names to values, got {type(given).__name__}.")
        flat, image_types, classes = split_sections(given)
        known: dict[str, Any] = read_settings(flat)
        if image_types:
            known["image_types"] = read_image_types(image_types)
        if classes:
            known["feature_classes"] = read_feature_classes(classes)
        try:
            settings = handler(known)
        except ValidationError as err:
            raise RunError(_in_words(err)) from err
        check_settings(settings)
        return settings

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Return settings from a dictionary: flat, or with PyRadiomics' sections; either spelling.

        Examples
        --------
        >>> RadiomicsSettings.from_dict({"setting": {"binWidth": 10}}) == RadiomicsSettings(bin_width=10)
        True
        """
        return cls.model_validate(given)

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Return settings from a PyRadiomics parameter file, unchanged.

        Parameters
        ----------
        path : str or Path
            YAML or JSON, at most 1 MB.

        Raises
        ------
        RunError
            The file cannot be read, or a setting in it is refused.
        """
        content = read_parameter_file(path)
        try:
            return cls.from_dict(content)
        except RunError as err:
            raise RunError(f"{Path(path).name}: {err.message}", code=err.code, hint=err.hint) from err

    def replace(self, **changes: Any) -> Self:
        """Return other settings: these with some changed; the names are those of the fields.

        Examples
        --------
        >>> RadiomicsSettings(bin_width=10).replace(force_2d=True).bin_width
        10.0
        """
        return type(self).model_validate({**self.model_dump(exclude_unset=True), **changes})

    def with_spacing(self, spacing_mm: Sequence[float]) -> Self:
        """Return these settings with resampling to a spacing.

        Parameters
        ----------
        spacing_mm : sequence of 2 or 3 floats
            x, y and z in mm; 0 keeps an axis.

        Raises
        ------
        RunError
            The settings ask for another spacing already, or switch resampling off.

        Examples
        --------
        >>> RadiomicsSettings().with_spacing((1, 1, 1)).resampled_pixel_spacing
        (1.0, 1.0, 1.0)
        """
        wanted, present = tuple(float(s) for s in spacing_mm), self.resampled_pixel_spacing
        if present is not None and present != wanted:
            raise RunError(
                f"the spacing {_numbers(wanted)} contradicts resampledPixelSpacing {_numbers(present)} of the "
                "settings.",
                hint="Say it in one place only.",
            )
        if self.interpolator is None:
            raise RunError(f"the spacing {_numbers(wanted)} contradicts interpolator None, which means no resampling.")
        return self.replace(resampled_pixel_spacing=wanted)

    def in_force(self, image_type: str) -> dict[str, Any]:
        """Return the per-image settings that hold for an image type: the general ones under its own."""
        own = self.image_types[image_type].model_dump(exclude_unset=True)
        return {name: getattr(self, name) for name in PerImageSettings.model_fields} | own

    def classes(self) -> dict[str, tuple[str, ...]]:
        """Return feature class -> features asked for, an empty tuple meaning all that are not redundant."""
        if self.feature_classes is not None:
            return dict(self.feature_classes)
        # With force_2d PyRadiomics refuses shape2D for every region of several slices: then only by name.
        return {name: () for name in FEATURES if not (self.force_2d and name == "shape2D")}

    def to_pyradiomics(self) -> dict[str, Any]:
        """Return the parameters as PyRadiomics takes them, complete and with its keys.

        Examples
        --------
        >>> RadiomicsSettings(bin_width=10).to_pyradiomics()["setting"]["binWidth"]
        10.0
        """
        values = {name: getattr(self, name) for name in KEYS}
        # None means "not set" in PyRadiomics too, except here, where it replaces the default.
        setting = {name: v for name, v in values.items() if v not in (None, ()) or name == "interpolator"}
        return {
            "setting": to_camel_case(setting),
            "imageType": {
                name: to_camel_case(own.model_dump(exclude_unset=True)) for name, own in self.image_types.items()
            },
            "featureClass": {name: list(wanted) for name, wanted in self.classes().items()},
        }

    def promised_columns(self, dimension: int) -> list[str]:
        """Return the names of the features every case of that dimension gets, in PyRadiomics' order.

        Parameters
        ----------
        dimension : {2, 3}

        Raises
        ------
        RunError
            ``E_FEATURES_MISSING``: something asked for by name does not exist in that dimension (``shape2D`` of a 3D
            image without ``force_2d``, ``shape`` or ``LBP3D`` of a 2D image). ``E_CONFIG``: the settings do not fit
            the dimension.

        Examples
        --------
        >>> len(RadiomicsSettings().promised_columns(3)), len(RadiomicsSettings().promised_columns(2))
        (107, 102)
        """
        check_dimension(self, dimension)
        images = [
            name
            for image_type in self.image_types
            for name in image_names(image_type, dimension=dimension, settings=self.in_force(image_type))
        ]
        return column_names(images, self.classes(), shapes=shape_classes(self, dimension))


def _in_words(err: ValidationError) -> str:
    problems = []
    for problem in err.errors(include_url=False):
        place = [part for part in problem["loc"] if isinstance(part, str) and (part in KEYS or part in IMAGE_TYPES)]
        name = place[-1] if place else ".".join(map(str, problem["loc"]))
        of = f" of image type {place[0]}" if len(place) > 1 else ""
        problems.append(f"{KEYS.get(name, name)}{of}: {_sentence(problem['msg'])}, got {problem['input']!r}.")
    # A union reports each of its members; the same sentence twice helps nobody.
    return " ".join(dict.fromkeys(problems))


def _sentence(message: str) -> str:
    # Pydantic speaks of its own types; users write lists.
    return message.removeprefix("Value error, ").rstrip(".").replace("valid tuple", "list").replace("Tuple", "List")


def _numbers(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" for value in values)
