from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest

import hybridrad as hr
from hybridrad.content_hash import content_hash
from hybridrad.features.deep.checkpoints import write_weights


class Named:
    def __init__(self, content: str) -> None:
        self.name, self.holder = "same", {"content": content}

    def __getstate__(self) -> dict[str, str]:
        return {"name": self.name}

    def content_digest(self) -> str:
        return self.holder["content"]


def test_things_without_content_elsewhere_keep_their_usual_hash():
    thing = {"a": np.arange(3), "b": [1.0, "x"]}
    assert content_hash(thing) == joblib.hash(thing)


def test_what_a_part_only_names_counts_wherever_the_part_stands():
    one, two = ({"estimators": {"a": (Named(content),)}, "values": np.zeros(4)} for content in ("one", "two"))
    assert joblib.hash(one) == joblib.hash(two)
    assert content_hash(one) != content_hash(two)


def test_a_thing_without_content_is_refused():
    with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
        content_hash(lambda: 1)


def write(path, *, seed: int) -> str:
    import torch

    from hybridrad.features.deep.backbones import build_network

    torch.manual_seed(seed)
    pth = path.with_suffix(f".{seed}.pth")
    torch.save(build_network("squeezenet1_1").state_dict(), pth)
    path.unlink(missing_ok=True)
    facts = {"input_size": 224, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear"}
    return str(write_weights(pth, path, backbone="squeezenet1_1", preprocessing=facts, licence="-", origin="-"))


def test_a_replaced_weights_file_changes_the_hash_of_every_arm_that_uses_it(tmp_path):
    weights = write(tmp_path / "w.safetensors", seed=0)
    network = hr.FineTunedCNN("squeezenet1_1", weights)
    arms = [network, hr.BlockModel("finetuned", estimator=network), hr.HedgedFusion(["a"], estimators={"a": network})]
    before = [content_hash(arm) for arm in arms]
    assert [content_hash(arm) for arm in arms] == before
    write(tmp_path / "w.safetensors", seed=1)
    assert all(content_hash(arm) != known for arm, known in zip(arms, before, strict=True))


def test_the_device_that_auto_means_is_part_of_the_hash(monkeypatch):
    from hybridrad.models.finetuned import network_classifier

    network = hr.FineTunedCNN("squeezenet1_1", "untrained")
    before = content_hash(network)
    monkeypatch.setattr(network_classifier, "pick_device", lambda device: "cuda")
    assert content_hash(network) != before


def test_other_pictures_in_the_same_folder_change_the_hash(tmp_path):
    import shutil

    found = []
    for seed in (0, 1, 0):
        shutil.rmtree(tmp_path / "views", ignore_errors=True)
        cohort = hr.make_cohort(tmp_path / f"cohort{seed}", n_patients=3, random_state=seed)
        store = hr.prepare_views(cohort, hr.Views(), store=tmp_path / "views", input_px=16, progress=False)
        found.append(content_hash(hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store)))
    assert found[0] == found[2]
    assert found[0] != found[1]


def test_the_order_in_which_pictures_were_made_and_their_folder_are_not_in_the_hash(tmp_path):
    cohort = hr.make_cohort(tmp_path / "cohort", n_patients=3, random_state=0)
    backwards = cohort.subset(cohort.table.index[::-1])
    one, other = (
        hr.prepare_views(cases, hr.Views(), store=tmp_path / name, input_px=16, n_jobs=1, progress=False)
        for name, cases in (("one", cohort), ("other", backwards))
    )
    assert content_hash([one]) == content_hash([other])
