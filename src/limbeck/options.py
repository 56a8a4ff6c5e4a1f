"""A composition from options such as {"start": "noise", "objective.per_class": 7}: values, or text that says them.

An option is a dotted path into a recipe. Where the path ends at a part, the option names another part, or is a mapping
{"part": name, field: value, ...}; elsewhere it is the value of a field, converted to the type of that field.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple, NoReturn, get_type_hints

from limbeck.composition import Recipe
from limbeck.core.errors import InputError, unknown
from limbeck.core.expect import FieldError
from limbeck.core.family import Family, family_of, part_name
from limbeck.core.values import NOTHING, alternatives, convert, wanted
from limbeck.estimators import ESTIMATORS
from limbeck.learn.distances import DISTANCES
from limbeck.learn.kernels import KERNELS
from limbeck.learn.losses import TRAINING_LOSSES
from limbeck.learn.optim import OPTIMIZERS
from limbeck.learn.rules import INNER_OPTIMIZERS
from limbeck.objectives import OBJECTIVES
from limbeck.parameterizations import PARAMETERIZATIONS
from limbeck.schedules import SCHEDULES
from limbeck.starts import SCORES, SET_FUNCTIONS, SIMILARITIES, SPACES, STARTS

FAMILIES: tuple[Family, ...] = (
    STARTS,
    SCORES,
    SET_FUNCTIONS,
    SIMILARITIES,
    SPACES,
    PARAMETERIZATIONS,
    OBJECTIVES,
    SCHEDULES,
    ESTIMATORS,
    OPTIMIZERS,
    INNER_OPTIMIZERS,
    TRAINING_LOSSES,
    DISTANCES,
    KERNELS,
)
"""The families whose parts can be named in an option."""

Spelling = Callable[[str], str]
"""The path of an option -> the option as who asks for it writes it: objective.per_class -> --objective.per_class."""

_KEPT: Any = object()


@dataclass
class _Change:
    """What is asked of one field: another value, and values of the fields of the part that stands there."""

    value: Any = _KEPT
    fields: dict[str, _Change] = field(default_factory=dict)

    def at(self, path: str) -> _Change:
        """The change of what lies at `path` below."""
        change = self
        for name in path.split("."):
            change = change.fields.setdefault(name, _Change())
        return change


class Option(NamedTuple):
    """An option that a recipe has."""

    path: str
    kind: str
    """What its value is."""
    default: str
    choices: tuple[str, ...]
    """The names of the parts that can stand there; empty for a plain value."""
    part: type
    """The class that has the field."""


def compose(recipe: Recipe, options: Mapping[str, Any], spelling: Spelling = str) -> Recipe:
    """The recipe changed by options; a part that is named anew has its own defaults, one that stays keeps its fields.

    The order of the options does not matter. Raises InputError for an option that the recipe with these parts does not
    have, and for a value that cannot be; it names the option as `spelling` gives it.

    >>> compose(Recipe(), {"start": "noise", "optimizer.momentum": "0.5", "steps": 7}).optimizer.momentum
    0.5
    """
    asked = _Change()
    for path, value in options.items():
        asked.at(path).value = value
    for name, change in asked.fields.items():
        if name not in {each.name for each in fields(Recipe)}:
            _refuse_root(recipe, _first_path(name, change), spelling)
    changed: Recipe = _built(Recipe, recipe, asked.fields, "", spelling)
    return changed


def options_of(part: Any, path: str = "") -> Iterator[Option]:
    """Every option that a part has with all that it holds, those of a part within it after that part's own."""
    asked = get_type_hints(type(part))
    for each in fields(part):
        value, where = getattr(part, each.name), _joined(path, each.name)
        choices = _choices(asked[each.name])
        if choices is None:
            yield Option(where, wanted(asked[each.name]), _written(value), (), type(part))
            continue
        default = "none" if value is None else part_name(type(value))
        yield Option(where, "name of a part", default, tuple(choices), type(part))
        if value is not None:
            yield from options_of(value, where)


def _written(value: Any) -> str:
    """A plain value as it is written in an option; of several parts their names."""
    if isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value)):
        return f"[{', '.join(part_name(type(each)) for each in value)}]"
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _first_path(path: str, change: _Change) -> str:
    """The path of the first option that a change was asked for by."""
    while change.value is _KEPT:
        name, change = next(iter(change.fields.items()))
        path = _joined(path, name)
    return path


def _refuse_root(recipe: Recipe, path: str, spelling: Spelling) -> NoReturn:
    """Refuse an option whose first word is of no recipe, with the nearest of all its options, else those words."""
    every = [option.path for option in options_of(recipe)]
    near = difflib.get_close_matches(path, every, n=2, cutoff=0.5)
    raise unknown("option", spelling(path), map(spelling, near or [each.name for each in fields(recipe)]))


def _choices(hint: Any) -> dict[str, type] | None:
    """The parts that a field can hold, by name; None where it holds a plain value."""
    for contract in alternatives(hint):
        family = family_of(contract)
        if family is not None:
            return family.parts
        if isinstance(contract, type) and dataclasses.is_dataclass(contract):
            return {part_name(contract): contract}
    return None


def _built(kind: type, base: Any, changes: Mapping[str, _Change], path: str, spelling: Spelling) -> Any:
    """A part of class `kind`: the fields of `base` (where None, the defaults), changed."""
    asked = get_type_hints(kind)
    known = {each.name: each for each in fields(kind)}
    values = {} if base is None else {name: getattr(base, name) for name in known}
    for name, change in changes.items():
        where = _joined(path, name)
        if name not in known:
            siblings = [_joined(path, each) for each in known]
            raise unknown("option", spelling(_first_path(where, change)), map(spelling, siblings))
        current = values[name] if name in values else _default(known[name])
        values[name] = _changed(asked[name], current, change, where, spelling)
    for name, each in known.items():
        if name not in values and each.default is MISSING and each.default_factory is MISSING:
            raise InputError(f"{spelling(_joined(path, name))}: {part_name(kind)} has no default for it; give a value")
    try:
        return kind(**values)
    except FieldError as error:
        raise InputError(f"{spelling(_joined(path, error.field))}: {error.complaint}") from error
    except InputError as error:
        raise InputError(f"{spelling(path)}: {error}" if path else str(error)) from error


def _default(each: dataclasses.Field[Any]) -> Any:
    if each.default is not MISSING:
        return each.default
    return each.default_factory() if each.default_factory is not MISSING else None


def _changed(hint: Any, current: Any, change: _Change, where: str, spelling: Spelling) -> Any:
    """The value of a field of that type, changed."""
    choices = _choices(hint)
    if choices is None:
        if change.fields:
            raise unknown("option", spelling(_first_path(where, change)), [spelling(where)])
        return convert(change.value, hint, spelling(where))
    kind, base, further = _named(hint, choices, current, change.value, spelling(where))
    for name, value in further.items():
        inner = change.at(name)
        inner.value = value if inner.value is _KEPT else inner.value
    if kind is not None:
        return _built(kind, base, change.fields, where, spelling) if change.fields or base is None else base
    if change.fields:
        words = " of ".join(reversed(where.replace("_", " ").split(".")))
        name, inner = next(iter(change.fields.items()))
        raise InputError(
            f"{spelling(_first_path(_joined(where, name), inner))}: there is no {words} here; "
            f"choose one with {spelling(where)}: {', '.join(choices)}"
        )
    return None


def _named(
    hint: Any, choices: Mapping[str, type], current: Any, value: Any, spelled: str
) -> tuple[type | None, Any, Mapping[str, Any]]:
    """The class that `value` asks for, the part to begin from if there is one, and the values of fields it brings."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InputError(f"{spelled}: found {value!r}, expected JSON ({error})") from error
    further: Mapping[str, Any] = {}
    if isinstance(value, Mapping):
        further = {name: each for name, each in value.items() if name != "part"}
        value = value.get("part", _KEPT)
    if value is _KEPT:
        return (None, None, further) if current is None else (type(current), current, further)
    if value is None or (isinstance(value, str) and value.lower() in NOTHING):
        if type(None) not in alternatives(hint):
            raise InputError(f"{spelled}: found none, expected one of {', '.join(choices)}")
        return None, None, further
    if isinstance(value, str):
        if value not in choices:
            raise InputError(f"{spelled}: {unknown('part', value, choices)}")
        kind = choices[value]
        return kind, current if type(current) is kind else None, further
    if type(value) not in choices.values():
        raise InputError(f"{spelled}: found {value!r}, expected one of {', '.join(choices)}")
    return type(value), value, further
