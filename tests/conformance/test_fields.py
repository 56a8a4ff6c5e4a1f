"""Laws over the fields of every part: nonsense is refused by name, whoever builds the part, and numbers are numbers."""

from __future__ import annotations

import dataclasses
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from limbeck.codecs import CODECS
from limbeck.core.expect import FieldError
from limbeck.core.values import alternatives, fields_of
from limbeck.estimators import ESTIMATORS
from limbeck.learn.augment import AUGMENTATIONS
from limbeck.learn.classifiers import CLASSIFIERS
from limbeck.learn.distances import DISTANCES
from limbeck.learn.kernels import KERNELS
from limbeck.learn.optim import OPTIMIZERS
from limbeck.learn.rules import INNER_OPTIMIZERS
from limbeck.objectives import OBJECTIVES
from limbeck.parameterizations import PARAMETERIZATIONS
from limbeck.probes import PROBES
from limbeck.probes.attributes import ATTRIBUTES
from limbeck.protocols import PROTOCOL_KINDS
from limbeck.schedules import SCHEDULES
from limbeck.starts import SCORES, SELECTION_SPACES, SET_FUNCTIONS, SIMILARITIES, SPACES, STARTS
from limbeck.statistics.projections import PROJECTIONS

FAMILIES = (
    CODECS, ESTIMATORS, AUGMENTATIONS, DISTANCES, OPTIMIZERS, INNER_OPTIMIZERS, OBJECTIVES, PARAMETERIZATIONS, PROBES,
    PROTOCOL_KINDS, SCHEDULES, STARTS, SCORES, SET_FUNCTIONS, SIMILARITIES, SELECTION_SPACES, SPACES, ATTRIBUTES,
    PROJECTIONS, KERNELS, CLASSIFIERS,
)  # fmt: skip
NONSENSE: dict[type, tuple[Any, ...]] = {
    int: ("a", None, 1.5, True, [1]),
    float: ("a", None, True, [1.0]),
    bool: ("no", None, 1),
    str: (5, None),
}


def whole(part: type) -> bool:
    """Whether it can be made of its defaults alone."""
    return all(
        each.default is not dataclasses.MISSING or each.default_factory is not dataclasses.MISSING
        for each in fields(part)
    )


PARTS = [part for family in FAMILIES for part in family.parts.values() if whole(part)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.__module__}.{part.__name__}")
def test_a_field_of_another_type_is_refused_by_its_name_and_a_number_of_numpy_is_a_number(part: type) -> None:
    made, hints = part(), fields_of(part)
    for each in fields(part):
        kinds = alternatives(hints[each.name])
        for value in NONSENSE.get(kinds[0], (object(),)) if len(kinds) == 1 else (object(),):
            with pytest.raises(FieldError) as refused:
                replace(made, **{each.name: value})
            assert refused.value.field == each.name
        value = getattr(made, each.name)
        for kind, of_numpy in ((int, np.int64), (float, np.float64)):
            if kinds == (kind,):
                again = getattr(replace(made, **{each.name: of_numpy(value)}), each.name)
                assert type(again) is kind and again == value


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.__module__}.{part.__name__}")
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
def test_no_number_is_infinite_or_hugely_negative(part: type, value: float) -> None:
    hints = fields_of(part)
    for each in fields(part):
        if hints[each.name] is float:
            with pytest.raises(FieldError):
                replace(part(), **{each.name: value})
        if hints[each.name] is int and value == -1e30:
            with pytest.raises(FieldError):
                replace(part(), **{each.name: -(10**30)})
