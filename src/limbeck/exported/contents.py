"""What a set holds as plain arrays, constants and facts, made once for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from limbeck.codecs import ImageCodec, header_of
from limbeck.core import tree
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.learn.losses import loss_name
from limbeck.learn.rules import rule_name
from limbeck.tasks.places import without_place

NORMALISED = "_normalised"
"""What the name of inputs as a network sees them ends with."""
TARGETS = {"hard": "labels", "soft": "soft_labels", "real": "targets"}
"""What a learner is trained towards, by label mode: the class an item was made for, or what says more."""
CODEC, INITIALISATION = "codec", "initialisation"
"""Where the constants of a codec that is none of images are, and the parameters that training starts from."""


@dataclass(frozen=True, eq=False)
class Contents:
    """A set that is to be exported."""

    distilled: DistilledSet
    inputs: str
    """What its inputs are called: images, or inputs."""
    arrays: dict[str, Tensor]
    """By name: the inputs in the units of the data and as a network sees them, labels, constants, how to train."""
    facts: dict[str, Any]
    """What else there is to know, as JSON: class names, where it comes from, what its labels and units are."""
    notes: tuple[str, ...]
    """What no array can hold."""

    @property
    def targets(self) -> str:
        """The array that a learner is trained towards."""
        return TARGETS[self.distilled.label_mode]

    @property
    def about_training(self) -> dict[str, Tensor]:
        """All arrays but the inputs: labels, constants, how to train."""
        return {name: each for name, each in self.arrays.items() if not self.of_inputs(name)}

    def of_inputs(self, name: str) -> bool:
        """Whether an array is one of the inputs."""
        return name.split("/", maxsplit=1)[0] in (self.inputs, self.inputs + NORMALISED)


def contents_of(distilled: DistilledSet) -> Contents:
    """What a set holds; every parameterization is rendered to items.

    `arrays` has `images` (pixels, 0 black and 1 white, which distilled ones may leave) and `images_normalised` (as a
    network sees them), or `inputs` and `inputs_normalised` of other tasks; `labels`, the class each item was made for,
    and `soft_labels` or `targets` where they say more; the constants of the codec; and of the schedule `learning_rate`
    (the mean), `steps`, and its tensors in full. A tree of inputs or targets has an array for each leaf, NAME/PATH.
    """
    batch, codec, schedule = distilled.batch, distilled.codec, distilled.schedule
    images = isinstance(codec, ImageCodec)
    inputs = "images" if images else "inputs"
    arrays = {
        **tree.flatten(distilled.native, inputs),
        **tree.flatten(batch.inputs, inputs + NORMALISED),
        "labels": batch.classes,
        **({} if distilled.label_mode == "hard" else tree.flatten(batch.targets, TARGETS[distilled.label_mode])),
        **tree.flatten(codec.to_tensors(), "" if images else CODEC),
        "learning_rate": schedule.learning_rates.mean(),
        "steps": torch.tensor(len(schedule.learning_rates)),
        **schedule.to_tensors(),
        **tree.flatten(distilled.initialisation or {}, INITIALISATION),
    }
    notes = ["training in limbeck sees another view of it at each step; this is one of them"] if distilled.views else []
    return Contents(
        distilled, inputs, {name: _plain(each) for name, each in arrays.items()}, _facts(distilled), (*notes,)
    )


def _plain(tensor: Tensor) -> Tensor:
    """A tensor of its own memory and of a type that everything reads."""
    wide = tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
    return wide.detach().cpu().contiguous().clone()


def _facts(distilled: DistilledSet) -> dict[str, Any]:
    return {
        "limbeck": VERSION,
        "set": distilled.digest,
        "data": {"name": without_place(distilled.data["name"]), "fingerprint": distilled.data["fingerprint"]},
        "origin": origin(distilled.spec),
        "network": distilled.spec["network"],
        "classes": list(distilled.classes),
        "items": len(distilled),
        "label mode": distilled.label_mode,
        "labels": distilled.label_kind,
        "units": header_of(distilled.codec),
        "optimizer": rule_name(distilled.schedule.rule),
        "training loss": loss_name(distilled.schedule.loss),
    }


def origin(spec: Mapping[str, Any]) -> str:
    """How the set of a spec was made, in words."""
    return f"{_made(spec)}, compressed ({spec['compressed']})" if "compressed" in spec else _made(spec)


def _made(spec: Mapping[str, Any]) -> str:
    """How a set was made before it was compressed, if it was."""
    if "imported" in spec:
        return f"imported from {spec['imported'].get('name', 'a file')}"
    recipe = spec.get("recipe")
    if not isinstance(recipe, Mapping):
        return "made by hand"
    seed = [f"seed {spec['seed']}"] if "seed" in spec else []
    if recipe.get("objective") is None:
        return ", ".join([f"real examples, selected by the start {_starts(recipe.get('start'))}", *seed])
    return ", ".join([f"distilled by the objective {_part(recipe['objective'])}, {recipe['steps']:,} steps", *seed])


def _starts(spec: Any) -> str:
    """A start, under those that label its items, from the innermost on."""
    inner = spec.get("start") if isinstance(spec, Mapping) else None
    return f"{_starts(inner)} under {_part(spec)}" if isinstance(inner, Mapping) else _part(spec)


def _part(spec: Any) -> str:
    return str(spec["part"]).partition("/")[2] if isinstance(spec, Mapping) and "part" in spec else "unknown"
