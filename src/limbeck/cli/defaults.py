"""What a distillation is of where no network and no steps are asked for: the published, on small images far less."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from limbeck.cli.console import Parser
from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.placing import cpu
from limbeck.distilled_set import DistilledSet
from limbeck.recipes import RECIPES
from limbeck.recipes.contract import NETWORK
from limbeck.runs.plan import Plan

SMALL = 256
"""Pixels of the largest image that is small: of 16 x 16."""
SMALL_NETWORK = "convnet-w32"
STEPS = 300
"""As many steps of distribution matching come to 86 % on 8 x 8 digits, in half a minute."""


def add_network(made: Parser) -> None:
    """Add the network that a set is distilled with."""
    made.add_argument(
        "--network",
        type=str,
        default="",
        help=f"a network of `limbeck list networks`; by default {NETWORK}, for images of at most 16 x 16 pixels "
        f"{SMALL_NETWORK}, where without --steps recipes take at most {STEPS} steps",
    )


def is_small(task: AbstractTask) -> bool:
    """Whether a task is of images far smaller than those that recipes were published for."""
    shape = task.shape
    return isinstance(shape, tuple) and len(shape) == 3 and shape[1] * shape[2] <= SMALL


def network_of(task: AbstractTask, network: str) -> str:
    """The network that is asked for, else the default for the task."""
    return network or (SMALL_NETWORK if is_small(task) else NETWORK)


def shortened(
    task: AbstractTask, recipes: Mapping[str, Recipe], given: Any, asked: Collection[str] = ()
) -> tuple[dict[str, Recipe], list[str]]:
    """Recipes by name with as few steps as small images need, where neither steps nor a network were asked for.

    Steps were asked for of those that `asked` names, and of all where `given` has some. Beside them stands what was
    done, in a line at most.
    """
    long = {name: each.steps for name, each in recipes.items() if each.steps > STEPS and name not in asked}
    if not is_small(task) or given.network or given.steps is not None or not long:
        return dict(recipes), []
    kinds = {name: RECIPES[name].number(task.name) for name in long}
    parts = ", ".join(f"{STEPS} of the {steps:,} {kinds[name]} steps of {name}" for name, steps in long.items())
    said = (
        f"{task.name}: on images of {task.shape[1]} x {task.shape[2]} pixels {parts}, with {SMALL_NETWORK}; "
        f"all of them: --network {NETWORK}"
    )
    return {name: replace(each, steps=STEPS) if name in long else each for name, each in recipes.items()}, [said]


def out_of(given: Any, plan: Plan) -> Path:
    """The file that a set is written to: by default named by the data, the recipe and its size, in this folder.

    Raises InputError where there is another set of that name by default.
    """
    if given.out is not None:
        return Path(given.out)
    data = re.sub(r"\W+", "-", Path(plan.task.name.partition(":")[2] or plan.task.name).stem).strip("-")
    size = f"ipc{plan.ipc}" if plan.within is None else f"{plan.within}bytes"
    out = Path(f"{data}-{given.recipe}-{size}.safetensors")
    if out.exists():
        there, here = DistilledSet.load(out).spec, plan.spec_on(cpu())
        names = ("data", "recipe", "network", "ipc", "within", "seed", "checks")
        if any(there.get(name) != here.get(name) for name in names):
            raise InputError(f"{out}: found another set, expected none of that name; name another file with --out")
    return out
