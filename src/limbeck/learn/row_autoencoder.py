"""An autoencoder of rows of numbers, some of which are one 1 among zeros: from a row to a code and back."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core.key import Key
from limbeck.core.tree import Tree

Rows = Float[Tensor, "row number"]
Codes = Float[Tensor, "row code"]


class Form(NamedTuple):
    """How large its parts are."""

    numbers: int
    code: int
    width: int
    depth: int
    """Hidden layers of each half; without any it is linear."""
    classes: int


PARTS = ("decoder", "encoder", "head")
"""The halves, and what names the class from a code."""


def begun(form: Form, key: Key) -> dict[str, Tree]:
    """The parameters of each part before any step, on the CPU."""
    found = {}
    for part in PARTS:
        with key.fold(part).governing():
            module = _made(part, form)
        found[part] = {name: leaf.detach() for name, leaf in module.named_parameters()}
    return found


def encoded(form: Form, params: Tree, rows: Rows) -> Codes:
    """The codes of rows."""
    return _called("encoder", form, params, rows)


def decoded(form: Form, params: Tree, codes: Codes, choices: Sequence[slice]) -> Rows:
    """The rows of codes: numbers as they are, and of each choice how likely each category is."""
    rows = _called("decoder", form, params, codes)
    for block in choices:
        rows = torch.cat([rows[:, : block.start], rows[:, block].softmax(1), rows[:, block.stop :]], 1)
    return rows


def loss(
    form: Form,
    params: dict[str, Tree],
    rows: Rows,
    targets: Float[Tensor, "row class"],
    choices: Sequence[slice],
    weight: float,
) -> Float[Tensor, ""]:
    """The error of the decoded rows, and `weight` times that of naming their classes from their codes, in nats.

    The error is the mean over columns of half the squared error of a number, and of how unlikely a category is.
    """
    codes = encoded(form, params["encoder"], rows)
    said = _called("decoder", form, params["decoder"], codes)
    number = torch.ones(form.numbers, dtype=torch.bool)
    parts = []
    for block in choices:
        number[block] = False
        parts.append(-(rows[:, block] * said[:, block].log_softmax(1)).sum(1))
    plain = number.nonzero()[:, 0].tolist()
    if plain:
        parts.append((said[:, plain] - rows[:, plain]).square().sum(1) / 2)
    error = torch.stack(parts).sum(0).mean() / (len(choices) + len(plain))
    named = _called("head", form, params["head"], codes).log_softmax(1)
    return error - weight * (targets * named).sum(1).mean()


def _called(part: str, form: Form, params: Tree, inputs: Tensor) -> Tensor:
    found: Tensor = torch.func.functional_call(_skeleton(part, form), params, (inputs,))
    return found


def _made(part: str, form: Form) -> nn.Module:
    if part == "head":
        return nn.Linear(form.code, form.classes)
    ends = (form.numbers, form.code) if part == "encoder" else (form.code, form.numbers)
    sides = (ends[0], *[form.width] * form.depth, ends[1])
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sides, sides[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


@functools.lru_cache(maxsize=16)
def _skeleton(part: str, form: Form) -> nn.Module:
    """A part without numbers."""
    with torch.device("meta"):
        return _made(part, form)
