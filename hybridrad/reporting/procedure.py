"""How the study was done, in sentences and as trees of settings; and what a careful reader must keep in mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from hybridrad.reporting.curves import SMALL_CLASS
from hybridrad.reporting.design import design_words
from hybridrad.reporting.message import small_differences
from hybridrad.reporting.outcome_plates import outcome_sentences, task_of_study
from hybridrad.reporting.text import count, is_number, listing, metric_name, number

if TYPE_CHECKING:
    from hybridrad.study import Comparison


@dataclass(frozen=True)
class Weights:
    """The weights of a network, as far as the settings of its extractor tell."""

    block: str
    backbone: str
    name: str
    sha256: str
    source: str = ""
    trained: bool = False  # further, inside the folds, from these weights

    @property
    def untrained(self) -> bool:
        """Whether the network was never trained."""
        return "untrained" in (self.name, self.source)


@dataclass(frozen=True)
class Node:
    """A setting: a plain text, or named settings below it."""

    name: str
    text: str = ""
    below: tuple[Node, ...] = ()


def weights_used(settings: Mapping[str, Any]) -> list[Weights]:
    """Return the network weights that the extractors and the arms of the study used.

    A network that several arms train is one entry.

    Examples
    --------
    >>> weights_used({"extractors": [{"name": "deep", "backbone": "resnet50", "weights": "untrained"}]})[0].untrained
    True
    """
    found = []
    for extractor in settings.get("extractors") or []:
        if not isinstance(extractor, Mapping) or not any("weights" in str(key) for key, _ in _leaves(extractor)):
            continue
        leaves = {key: _text(value) for key, value in _leaves(extractor) if value is not None}
        found.append(
            Weights(
                block=str(extractor.get("name", "")),
                backbone=leaves.get("backbone", ""),
                name=leaves.get("weights.name") or leaves.get("weights", ""),
                sha256=next((v for k, v in leaves.items() if "sha256" in k), ""),
                source=leaves.get("weights.source", ""),
            )
        )
    return [*found, *_weights_trained_on(settings)]


def arm_networks(settings: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the networks that the arms of a study trained, each with the names of the arms that share it.

    Examples
    --------
    >>> shared = {"backbone": "resnet18", "weights": {"name": "a.pth"}}
    >>> arms = {"finetuned": {"network": shared}, "hedge_finetuned": {"network": {"member": "finetuned", **shared}}}
    >>> [name for name, _ in arm_networks({"arms": arms})]
    ['finetuned, hedge_finetuned']
    """
    found: dict[str, tuple[list[str], Mapping[str, Any]]] = {}
    for name, arm in (settings.get("arms") or {}).items():
        network = arm.get("network") if isinstance(arm, Mapping) else None
        for one in network if isinstance(network, list) else [network]:
            if isinstance(one, Mapping):
                told = {key: value for key, value in one.items() if key != "member"}
                found.setdefault(repr(told), ([], told))[0].append(str(name))
    return [(", ".join(dict.fromkeys(names)), told) for names, told in found.values()]


def _weights_trained_on(settings: Mapping[str, Any]) -> list[Weights]:
    found = []
    for name, network in arm_networks(settings):
        weights = network.get("weights") or {}
        told = {key: _text(weights[key]) for key in ("name", "sha256", "source") if weights.get(key) is not None}
        found.append(
            Weights(
                block=name,
                backbone=str(network.get("backbone", "")),
                name=told.get("name", ""),
                sha256=told.get("sha256", ""),
                source=told.get("source", ""),
                trained=True,
            )
        )
    return found


# What an empty setting means below these keys of PyRadiomics: nothing is left out, nothing is changed.
_EMPTY_BELOW = {"featureClass": "all features", "imageType": "no settings of its own"}


def tree(name: str, value: Any, *, empty: str = "none") -> Node:
    """Return nested settings as nodes; ``empty`` stands for a setting that holds nothing.

    Examples
    --------
    >>> tree("views", {"window": ["lung"], "crop": True}).below[0].text
    'lung'
    >>> tree("settings", {"featureClass": {"glcm": []}}).below[0].below[0].text
    'all features'
    """
    if isinstance(value, Mapping | list | tuple) and not value:
        return Node(name, empty)
    if isinstance(value, Mapping):
        below = _EMPTY_BELOW.get(name, "none")
        return Node(name, below=tuple(tree(str(k), v, empty=below) for k, v in value.items()))
    if isinstance(value, list | tuple) and any(isinstance(v, Mapping | list | tuple) for v in value):
        return Node(name, below=tuple(tree(str(i), v) for i, v in enumerate(value, start=1)))
    return Node(name, _text(value))


def design_sentences(study: Comparison) -> list[str]:
    """Return the sentences on estimand, folds, intervals and tests."""
    s = study.settings
    cv = s.get("cv") or {}
    sentences = [*design_words(s).sentences, *outcome_sentences(study), _test_sentence(s)]
    return [*sentences, *_threshold_sentence(s), *([f"Folds: {cv['reason']}"] if cv.get("reason") else [])]


def facts(study: Comparison) -> list[tuple[str, str]]:
    """Return the short facts of provenance: names and values."""
    s = study.settings
    cv, cohort, machine = (s.get(key) or {} for key in ("cv", "cohort", "machine"))
    rows = [
        ("Random state", _text(s.get("random_state"))),
        ("Splits (SHA-256)", _text(cv.get("splits_sha256"))),
        ("Cohort table", PurePath(str(cohort["file"])).name if cohort.get("file") else ""),
        ("Cohort table (SHA-256)", _text(cohort.get("sha256"))),
        ("Clinical columns", listing([str(c) for c in cohort.get("clinical") or []])),
        ("Python, machine", ", ".join(_text(machine[k]) for k in ("python", "platform") if machine.get(k))),
        ("Processors", _text(machine.get("cpu_count"))),
        ("hybridrad", _text(s.get("hybridrad_version"))),
        ("Created", _text(s.get("created"))),
        ("Command", _text(s.get("command"))),
    ]
    return [(name, value) for name, value in rows if value not in ("", "not set")]


def cautions(study: Comparison) -> list[str]:
    """Return what limits the conclusions of this study, as far as its tables and settings show."""
    s = study.settings
    flow = s.get("flow") or {}
    sizes = [n.get("cases") for n in (flow.get("per_class") or {}).values()]
    smallest = min((int(n) for n in sizes if is_number(n)), default=None)
    words = []
    if task_of_study(study) != "classification":
        words += _of_other_tasks(task_of_study(study), flow)
    elif smallest is not None and smallest < SMALL_CLASS:
        if len(s.get("classes") or []) > 2:
            consequence = "what is said of it is unstable, and so is the macro mean it is a part of."
        else:
            consequence = (
                f"under {SMALL_CLASS} events or non-events calibration curves are unstable; read calibration "
                "intercept and slope with their intervals, and no more."
            )
        words.append(f"The smallest class has {count(smallest, 'case')}; {consequence}")
    words += [sentence] if (sentence := small_differences(study)) else []
    if s.get("grouped") is False:
        words.append(
            "Some models were fitted without patient groups, so their inner folds may mix cases of one patient."
        )
    if is_number(flow.get("failed")) and flow["failed"]:
        words.append(
            f"{count(flow['failed'], 'case')} of {flow['given']:,} failed and took no part; if failure depends on "
            "the lesion (size, thickness), the results hold for the remaining cases only."
        )
    words += [
        design_words(s).caution,
        "Comparisons outside the confirmatory family are exploratory: their p-values are not adjusted, and their "
        "verdicts rest on them.",
        "SHAP values say what a model uses, not what causes the outcome.",
    ]
    return words


def _of_other_tasks(task: str, flow: Mapping[str, Any]) -> list[str]:
    words = []
    events: Any = ((flow.get("per_class") or {}).get("event") or {}).get("cases")
    if task == "survival" and is_number(events) and events < SMALL_CLASS:
        words.append(
            f"{count(events, 'case')} had the event; under {SMALL_CLASS} of them curves of risk groups and calibration "
            "curves are unstable."
        )
    return words


def _test_sentence(settings: Mapping[str, Any]) -> str:
    metric = metric_name(str(settings.get("primary_metric")))
    margin = settings.get("margin")
    declared = (
        f" The margin for non-inferiority and equivalence, {number(margin, 3)}, was declared before the run."
        if is_number(margin)
        else ""
    )
    return (
        f"Confirmatory family: {metric} of the default fused model against each single arm, "
        f"{design_words(settings).tests} with "
        "Holm's adjustment [2]. Verdicts, the first rule that holds: better or worse where the adjusted p is "
        "below 0.05; "
        "equivalent where the 90 % interval lies inside the margin; non-inferior where the lower 95 % limit lies "
        f"above minus the margin; else inconclusive.{declared}"
    )


def _threshold_sentence(settings: Mapping[str, Any]) -> list[str]:
    threshold = settings.get("threshold") or {}
    if not threshold or len(settings.get("classes") or []) > 2:
        return []
    if threshold.get("rule") == "youden":
        how = "by Youden's index"
    else:
        how = f"at a sensitivity of {number(threshold.get('target_sensitivity'), 2)}"
    return [
        f"Thresholds for sensitivity and specificity were chosen {how} on inner out-of-fold scores, never on the "
        "test fold."
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
