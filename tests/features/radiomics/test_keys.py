from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hybridrad.errors import RunError
from hybridrad.features.radiomics.keys import KEYS, PER_IMAGE_KEYS, to_camel_case, to_snake_case


def test_every_setting_of_the_installed_pyradiomics_has_a_name_here():
    radiomics = pytest.importorskip("radiomics")
    schema = yaml.safe_load((Path(radiomics.__file__).parent / "schemas" / "paramSchema.yaml").read_text())
    assert set(schema["mapping"]["setting"]["mapping"]) == set(KEYS.values())


def test_names_go_there_and_back():
    values = dict.fromkeys(KEYS, 1)
    assert to_snake_case(to_camel_case(values), where="setting", allowed=KEYS) == values


def test_a_mistyped_setting_is_refused_in_the_spelling_of_the_writer():
    typed_and_meant = {"binwidht": "binWidth", "bin_widht": "bin_width", "force2DDimension": "force2Ddimension"}
    for typed, meant in typed_and_meant.items():
        with pytest.raises(RunError, match=f"Did you mean {meant}\\?"):
            to_snake_case({typed: 1}, where="setting", allowed=KEYS)


def test_a_setting_in_both_spellings_is_refused():
    with pytest.raises(RunError, match="stands twice"):
        to_snake_case({"binWidth": 1, "bin_width": 2}, where="setting", allowed=KEYS)


def test_settings_of_feature_maps_are_refused_with_the_reason():
    for key in ("kernelRadius", "kernel_radius", "maskedKernel", "initValue", "voxelBatch"):
        with pytest.raises(RunError, match="feature maps"):
            to_snake_case({key: 1}, where="setting", allowed=KEYS)


def test_a_setting_without_effect_on_an_image_type_is_refused():
    with pytest.raises(RunError, match="no effect"):
        to_snake_case({"normalize": True}, where="imageType LoG", allowed=PER_IMAGE_KEYS)
