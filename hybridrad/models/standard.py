"""The arms of a study by name, and what each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hybridrad._checks import check_choice, did_you_mean
from hybridrad.features.blocks import MARKER, SEPARATOR, find_blocks, is_marker
from hybridrad.models.block_choice import BlockChoice
from hybridrad.models.block_model import BlockModel
from hybridrad.models.block_penalty import BlockPenaltyFusion
from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.case_classifier import SIZE_BLOCK, CaseClassifier
from hybridrad.models.case_model import CLINICAL_BLOCK
from hybridrad.models.case_outcome import CaseOutcome
from hybridrad.models.concat import ConcatFusion
from hybridrad.models.early import EarlyFusion
from hybridrad.models.finetuned.arm_networks import describe_networks
from hybridrad.models.finetuned.network_classifier import NetworkClassifier
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.late import LateFusion
from hybridrad.models.members import joint_blocks
from hybridrad.models.outcome_models import OutcomeBlock
from hybridrad.models.priority import PriorityFusion
from hybridrad.models.settings_path import TunedClassifier
from hybridrad.models.task_arms import arms_of_task, counterpart
from hybridrad.models.tuned_boosted import TunedBoostedTrees
from hybridrad.models.tuned_elastic_net import TunedElasticNet
from hybridrad.models.tuned_forest import TunedForest
from hybridrad.models.tuned_svm import TunedSVM
from hybridrad.strata import TASKS

RADIOMICS, DEEP = "radiomics", "deep"
SPARSE = "radiomics_sparse"  # the radiomics a second time, by a model that leaves most of them out
NETWORKS = ("finetuned", "sequence")
FUSED = ("concat", "early", "late", "hedge", "hedge_clinical")
TUNED = ("svm", "forest", "elastic_net", "xgb_tuned")
ON_REQUEST = (
    *("radiomics_xgb", "deep_xgb", "early_xgb", "priority", "block_penalty", "hedge_sparse"),
    *(f"{on}_{kind}" for kind in (*TUNED, "aft") for on in (RADIOMICS, DEEP, "early")),
)
_RIDGES = {
    "classification": "Ridge logistic regression",
    "regression": "Ridge regression",
    "survival": "Ridge penalised Cox regression",
}
_NETS = {
    "classification": "Elastic-net logistic regression",
    "regression": "Elastic-net regression",
    "survival": "Elastic-net Cox regression",
}
_TUNED_TEXTS: dict[type, str] = {
    TunedSVM: "Support vector machine",
    TunedForest: "Random forest",
    TunedBoostedTrees: "Gradient boosted trees (XGBoost)",
}


def standard_models(
    features: pd.DataFrame | Sequence[str],
    *,
    clinical: Sequence[str] = (),
    names: Sequence[str] | None = None,
    inner: int = 4,
    random_state: int = 0,
    task: str = "classification",
    networks: Mapping[str, NetworkClassifier] | None = None,
) -> dict[str, Any]:
    """Return the arms of a study: name -> unfitted scikit-learn estimator.

    Default: ``size``, ``clinical`` (with clinical columns), ``radiomics``, ``deep``, every further block under its own
    name, ``deep_size``, ``concat``, ``early``, ``late``, ``hedge`` and (with clinical columns) ``hedge_clinical``. An
    arm whose blocks are not in the table is left out. ``concat``, ``early`` and ``late`` take all image blocks (all but
    size and clinical) and need two; ``hedge`` takes these and size. On request: ``radiomics_xgb``, ``deep_xgb``,
    ``early_xgb`` (trees on all image blocks together), and so ``_svm``, ``_forest``, ``_elastic_net``, ``_xgb_tuned``
    with settings chosen by the inner folds; ``priority`` and ``block_penalty``, on every block: clinical, size,
    radiomics, deep and the others, in this order; ``hedge_sparse``, the hedge with an elastic net of the radiomics as a
    further member, ``radiomics_sparse`` (then ask for ``radiomics_elastic_net`` as well: what it gains is not fusion).

    Parameters
    ----------
    features : DataFrame or list of column names
        Columns ``<block>__<feature>``.
    clinical : sequence of str
        Clinical columns that will be in the table as ``clinical__<column>``; not needed if they are in it already.
    names : sequence of str, optional
        The arms wanted, in this order.
    inner : int, default 4
    random_state : int, default 0
    task : {"classification", "regression", "survival"}, default "classification"
        What is predicted. For values and for the time to an event there are the same arms with the same names, but
        ``_svm`` and ``_forest`` not for the time to an event. That has also ``radiomics_aft``, ``deep_aft`` and
        ``early_aft``: trees of an accelerated failure time, where those of ``_xgb`` are of Cox's likelihood.
    networks : dict of name -> network, optional
        Networks that are trained inside the fold (`FineTunedCNN`, `SliceSequence`, `MultiViewCNN`), for classification.
        Each is an arm of its name (usually ``finetuned`` or ``sequence``), calibrated, and in the place of ``deep`` a
        member of a hedge ``hedge_<name>``. The table has its marker: ``features.join(store.marker(name))``.

    Raises
    ------
    ValueError
        The task or a name is unknown, or its blocks are not in the table; a block has the name of a fused arm; a
        network has no marker in the table.

    Notes
    -----
    Markers of pictures (``<block>__has_pictures``) are no blocks to learn from and are passed over.

    Examples
    --------
    >>> list(standard_models(["size__volume_ml", "radiomics__a", "deep__0"]))
    ['size', 'radiomics', 'deep', 'deep_size', 'concat', 'early', 'late', 'hedge']
    """
    given = [str(c) for c in (features.columns if isinstance(features, pd.DataFrame) else features)]
    markers, columns = [c for c in given if is_marker(c)], [c for c in given if not is_marker(c)]
    present = {c.removeprefix(CLINICAL_BLOCK + SEPARATOR) for c in columns if c.startswith(CLINICAL_BLOCK + SEPARATOR)}
    wanted = [str(c).removeprefix(CLINICAL_BLOCK + SEPARATOR) for c in clinical]
    blocks = find_blocks([*columns, *(CLINICAL_BLOCK + SEPARATOR + c for c in wanted if c not in present)])
    check_choice(task, TASKS, name="task")
    if networks and task != "classification":
        raise ValueError(f"networks are trained for classification only; the task is {task}.")
    of_classes = _arms(blocks, inner=inner, random_state=random_state)
    of_classes |= _network_arms(networks or {}, blocks, markers, inner=inner, random_state=random_state)
    arms = of_classes if task == "classification" else arms_of_task(of_classes, task)
    if names is None:
        return {name: arm for name, arm in arms.items() if name not in ON_REQUEST}
    of_any_task = {*of_classes, *arms_of_task(of_classes, "survival")}
    for name in names:
        if name in arms:
            continue
        if name in of_any_task:
            raise ValueError(f"model {name!r} is not made for {task}; there are {', '.join(arms)}.")
        if name.removeprefix("hedge_") in NETWORKS:
            network = name.removeprefix("hedge_")
            raise ValueError(f"model {name!r} trains a network; give it by networks={{{network!r}: ...}}.")
        known = [*arms, *ON_REQUEST, *FUSED, "deep_size"]
        if name in known or name in (SIZE_BLOCK, CLINICAL_BLOCK, RADIOMICS, DEEP):
            raise ValueError(f"model {name!r} needs blocks that are not in the table; it has {list(blocks)}.")
        trained = [arm for network in NETWORKS for arm in (network, f"hedge_{network}")]
        listed = dict.fromkeys([*arms, *(trained if task == "classification" else [])])
        near = did_you_mean(name, [*known, *trained])
        raise ValueError(f"unknown model {name!r}; known are {', '.join(listed)}.{near}")
    return {name: arms[name] for name in names}


def describe_arm(estimator: Any) -> dict[str, Any]:
    """Return what an arm is: ``role`` (single, fused, other), ``blocks``, a sentence, and ``network`` if it has one.

    Single arms are those regret is measured against. ``deep_size`` is a control and counts as other. A Pipeline is what
    its last step is; its sentence names the steps before.

    Raises
    ------
    WeightsError
        The weights of a network cannot be had.

    Examples
    --------
    >>> describe_arm(BlockModel("deep"))["role"], describe_arm(HedgedFusion(["radiomics", "deep"]))["blocks"]
    ('single', ['radiomics', 'deep'])
    """
    described, network = _what_it_is(estimator), describe_networks(estimator)
    # What a network trains is not counted in columns of the table.
    return described if network is None else {**described, "n_features": None, "network": network}


def _what_it_is(estimator: Any) -> dict[str, Any]:
    if hasattr(estimator, "steps"):
        return _describe_pipeline(estimator)
    if isinstance(estimator, NetworkClassifier):
        # It reads pictures, not columns.
        return {"role": "single", "blocks": [], "n_features": None, "text": estimator.describe_arm()}
    blocks = _blocks_of(estimator)
    listed = ", ".join(blocks) if blocks else "all blocks of the table"
    kind = counterpart(estimator)
    task = estimator._outcome.name if isinstance(estimator, CaseOutcome) else "classification"
    ridge, tuned_texts = _RIDGES[task], {**_TUNED_TEXTS, TunedElasticNet: _NETS[task]}
    if issubclass(kind, BlockModel):
        what = f"{ridge} after an in-fold skewness transform"
        if issubclass(counterpart(estimator.estimator), BoostedTrees):
            accelerated = getattr(estimator.estimator, "objective", None) == "aft"
            what = f"Gradient boosted trees (XGBoost{', accelerated failure time' if accelerated else ''})"
        elif (tuned := counterpart(estimator.estimator)) in tuned_texts:
            what = f"{tuned_texts[tuned]}, settings chosen by the inner folds,"
        elif isinstance(estimator.estimator, NetworkClassifier):
            text = f"{estimator.estimator.describe_arm()} Its logits are calibrated on the inner folds."
            return {"role": "single", "blocks": blocks, "n_features": None, "text": text}
        elif estimator.estimator is not None:
            what = f"{type(estimator.estimator).__name__}, calibrated on inner folds,"
        return {"role": "single" if len(blocks) == 1 else "fused", "blocks": blocks, "text": f"{what} on {listed}."}
    if issubclass(kind, BlockChoice):
        loss = "log loss" if kind is type(estimator) else "loss"
        text = f"The variant among {listed} with the least inner {loss}, chosen in every fold."
        return {"role": "single", "blocks": blocks, "text": text}
    model = ridge[0].lower() + ridge[1:]
    if SPARSE in (getattr(estimator, "estimators", None) or {}):
        blocks = [block for block in blocks if block != SPARSE]
        net = tuned_texts[TunedElasticNet]
        listed = f"{', '.join(blocks)} and a second one of {RADIOMICS} ({net[0].lower() + net[1:]})"
    together = _joint_words(estimator, blocks)
    mean_of = "logits" if kind is type(estimator) else "predictions"
    texts: dict[type, str] = {
        ConcatFusion: f"Plain concatenation of {{}}: scaling and one {model}.",
        EarlyFusion: f"Block-balanced concatenation of {{}}: every block scaled to the same inertia, one {model}.",
        LateFusion: f"Mean of the {mean_of} of the block models of {{}}.",
        PriorityFusion: "Priority: {}, in this order, each block by an offset on top of those before it.",
        BlockPenaltyFusion: f"One {model} of {{}}, with a penalty factor for each block.",
        HedgedFusion: f"Hedge: convex stack of the block models of {{}}{together}, weights shrunk towards equal.",
    }
    for described, text in texts.items():
        if issubclass(kind, described):
            control = set(blocks) == {DEEP, SIZE_BLOCK} or len(blocks) == 1
            return {"role": "other" if control else "fused", "blocks": blocks, "text": text.format(listed)}
    return {"role": "other", "blocks": blocks, "text": f"{type(estimator).__name__}, as given by the caller."}


def _joint_words(estimator: Any, blocks: list[str]) -> str:
    """Return the words on the joint member of a hedge: of all blocks, or of those that have no model of their own."""
    if not getattr(estimator, "joint", False):
        return ""
    own = getattr(estimator, "estimators", None)
    read = joint_blocks(blocks, own, wanted=True)
    if blocks and not read:
        return ""
    return f" and a balanced model of {'all' if len(read) == len(blocks) else ' and '.join(read)}"


def _describe_pipeline(pipeline: Any) -> dict[str, Any]:
    *before, (_, last) = pipeline.steps
    described = _what_it_is(last)
    names = [type(step).__name__ for _, step in before if step is not None and step != "passthrough"]
    if not names:
        return described
    return described | {"text": f"After {' and '.join(names)}: {described['text']}"}


def _arms(blocks: dict[str, list[str]], *, inner: int, random_state: int) -> dict[str, CaseClassifier]:
    image = [b for b in blocks if b not in (SIZE_BLOCK, CLINICAL_BLOCK)]
    image.sort(key=lambda b: {RADIOMICS: 0, DEEP: 1}.get(b, 2))
    reserved = (*FUSED, *ON_REQUEST, "deep_size")
    for block in image:
        if block in reserved:
            raise ValueError(f"block {block!r} has the name of a fused model; give the extractor another name.")
    hedged = [*image, *([SIZE_BLOCK] if SIZE_BLOCK in blocks else [])]
    arms: dict[str, CaseClassifier] = {
        name: BlockModel(name, inner=inner, random_state=random_state)
        for name in [SIZE_BLOCK, CLINICAL_BLOCK, *image]
        if name in blocks
    }
    if DEEP in blocks and SIZE_BLOCK in blocks:
        arms["deep_size"] = HedgedFusion([DEEP, SIZE_BLOCK], inner=inner, random_state=random_state)
    if len(image) > 1:
        arms["concat"] = ConcatFusion(image, inner=inner, random_state=random_state)
        arms["early"] = EarlyFusion(image, inner=inner, random_state=random_state)
        arms["late"] = LateFusion(image, inner=inner, random_state=random_state)
    if len(hedged) > 1 and hedged != [DEEP, SIZE_BLOCK]:
        arms["hedge"] = HedgedFusion(hedged, inner=inner, random_state=random_state)
        if RADIOMICS in hedged and SPARSE not in blocks:
            members = {**{name: blocks[name] for name in hedged}, SPARSE: blocks[RADIOMICS]}
            arms["hedge_sparse"] = HedgedFusion(
                members, estimators={SPARSE: TunedElasticNet()}, inner=inner, random_state=random_state
            )
    if CLINICAL_BLOCK in blocks and hedged:
        arms["hedge_clinical"] = HedgedFusion([*hedged, CLINICAL_BLOCK], inner=inner, random_state=random_state)
    for block in (RADIOMICS, DEEP):
        if block in blocks:
            trees = BoostedTrees(random_state=random_state)
            arms[f"{block}_xgb"] = BlockModel(block, estimator=trees, inner=inner, random_state=random_state)
    if len(image) > 1:
        together = {"early": [c for block in image for c in blocks[block]]}
        trees = BoostedTrees(random_state=random_state)
        arms["early_xgb"] = BlockModel(together, estimator=trees, inner=inner, random_state=random_state)
    tuned_on: dict[str, Any] = {block: block for block in (RADIOMICS, DEEP) if block in blocks}
    if len(image) > 1:
        tuned_on["early"] = {"early": [c for block in image for c in blocks[block]]}
    for on, wanted in tuned_on.items():
        for kind, tuned in zip(TUNED, _tuned_models(), strict=True):
            arms[f"{on}_{kind}"] = BlockModel(wanted, estimator=tuned, inner=inner, random_state=random_state)
    everything = [b for b in (CLINICAL_BLOCK, SIZE_BLOCK) if b in blocks] + image
    if len(everything) > 1:
        arms["priority"] = PriorityFusion(everything, inner=inner, random_state=random_state)
        arms["block_penalty"] = BlockPenaltyFusion(everything, inner=inner, random_state=random_state)
    return arms


def _network_arms(
    networks: Mapping[str, NetworkClassifier],
    blocks: dict[str, list[str]],
    markers: list[str],
    *,
    inner: int,
    random_state: int,
) -> dict[str, CaseClassifier]:
    arms: dict[str, CaseClassifier] = {}
    for name, network in networks.items():
        if name in blocks or f"{name}{SEPARATOR}{MARKER}" not in markers:
            raise ValueError(
                f"network {name!r} needs a block of its own that marks its cases; join store.marker({name!r}) to the "
                "table."
            )
        arms[name] = BlockModel(name, estimator=network, inner=inner, random_state=random_state)
        # The network that is trained takes the place of the frozen one.
        others = [block for block in blocks if block not in (CLINICAL_BLOCK, DEEP)]
        if others:
            members = [*sorted(others, key=lambda block: block == SIZE_BLOCK), name]
            arms[f"hedge_{name}"] = HedgedFusion(
                members, estimators={name: network}, inner=inner, random_state=random_state
            )
    return arms


def _tuned_models() -> list[TunedClassifier]:
    """Return new models in the order of ``TUNED``."""
    return [TunedSVM(), TunedForest(), TunedElasticNet(), TunedBoostedTrees()]


def _blocks_of(estimator: Any) -> list[str]:
    of_one = isinstance(estimator, BlockModel | OutcomeBlock)
    given = estimator.block if of_one else getattr(estimator, "blocks", None)
    if isinstance(given, str):
        return [given]
    if of_one and isinstance(given, dict):
        columns = [c for wanted in given.values() if isinstance(wanted, list) for c in wanted if isinstance(c, str)]
        return list(find_blocks(columns)) if columns and all(SEPARATOR in c for c in columns) else list(given)
    if given is None:
        return list(getattr(estimator, "blocks_", []))
    return [str(name) for name in given]
