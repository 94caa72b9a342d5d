from __future__ import annotations

import json

import numpy as np
import pytest

from hybridrad.features.deep.reading import POOLINGS, VIEW_POOLINGS, Reading

OF_VIEWS = np.random.default_rng(0).normal(size=(4, 6))
MEAN, MAXIMUM = OF_VIEWS.mean(axis=0), OF_VIEWS.max(axis=0)
DEVIATION = np.sqrt(((OF_VIEWS - MEAN) ** 2).mean(axis=0))


@pytest.mark.parametrize(
    ("words", "stems"),
    [
        ({}, ["resnet18"]),
        ({"sqrt": True}, ["resnet18_sqrt"]),
        ({"pooling": "gem"}, ["resnet18_last_map_gem"]),
        ({"layers": "layer3"}, ["resnet18_layer3_mean"]),
        ({"layers": ("layer3", "penultimate")}, ["resnet18_layer3_mean", "resnet18_penultimate"]),
        ({"layers": "conv1.0", "pooling": "mean_max"}, ["resnet18_conv1_0_mean", "resnet18_conv1_0_max"]),
        ({"pooling": "max", "sqrt": True}, ["resnet18_last_map_max_sqrt"]),
        ({"view_pooling": "max"}, ["resnet18_viewmax"]),
        ({"view_pooling": "statistics"}, ["resnet18_viewmean", "resnet18_viewsd", "resnet18_viewmax"]),
    ],
)  # fmt: skip
def test_column_names_say_what_was_read(words, stems):
    reading = Reading.of(**words)
    widths = dict.fromkeys(reading.layers, 5)
    assert reading.column_stems("resnet18", widths) == [(stem, 5) for stem in stems]


@pytest.mark.parametrize("pooling", [None, *POOLINGS])
@pytest.mark.parametrize("sqrt", [False, True])
@pytest.mark.parametrize("view_pooling", VIEW_POOLINGS)
def test_no_two_ways_of_reading_share_a_name_or_a_description(pooling, sqrt, view_pooling):
    own = Reading.of(pooling=pooling, sqrt=sqrt, view_pooling=view_pooling)
    others = [
        Reading.of(pooling=p, sqrt=s, view_pooling=v)
        for p in [None, *POOLINGS]
        for s in (False, True)
        for v in VIEW_POOLINGS
    ]

    def told(reading):
        stems = reading.column_stems("net", dict.fromkeys(reading.layers, 3))
        return json.dumps([stems, reading.describe(), reading.view_sentence()])

    assert sum(told(other) == told(own) for other in others) == 1


@pytest.mark.parametrize(
    ("view_pooling", "plain"),
    [
        ("mean", MEAN),
        ("max", MAXIMUM),
        ("mean_max", np.hstack([MEAN, MAXIMUM])),
        ("statistics", np.hstack([MEAN, DEVIATION, MAXIMUM])),
    ],
)
def test_views_of_a_case_are_pooled_as_numpy_does(view_pooling, plain):
    np.testing.assert_allclose(Reading(view_pooling=view_pooling).row_of_case(OF_VIEWS), plain, rtol=1e-12)


def test_the_square_root_keeps_the_sign_and_is_taken_before_views_are_pooled():
    row = Reading(sqrt=True).row_of_case(np.array([[4.0, -9.0, 0.0], [16.0, -1.0, 0.0]]))
    assert row.tolist() == [3.0, -2.0, 0.0]


def test_the_default_has_nothing_to_add_to_its_description():
    assert Reading.of() == Reading()
    assert Reading.of().describe() == {}
    assert Reading.of().view_sentence() == "mean of their embeddings"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"pooling": "average"}, "not one of mean, max"),
        ({"view_pooling": "attention"}, "not one of mean"),
        ({"layers": ()}, "no names"),
        ({"layers": ""}, "no names"),
        ({"layers": ["layer1", 3]}, "no names"),
        ({"layers": ("layer1", "layer1")}, "twice"),
        ({"layers": ("a.1", "a_1")}, "twice"),
        ({"layers": "penultimate", "pooling": "max"}, "needs a map"),
        ({"sqrt": "yes"}, "neither True nor False"),
    ],
)
def test_words_without_a_meaning_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        Reading.of(**words)
