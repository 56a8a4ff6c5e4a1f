"""The register of a family of parts, and the spec that any part can be written as and built from.

A part is a frozen dataclass. Its name is its class name in lower case with hyphens; its summary is the first line of
its docstring. A spec is plain JSON: {"part": "FAMILY/NAME", field: value, ...}, nested where a field is itself a part,
so a run can be named, hashed, stored and repeated. The spec of a part that limbeck did not bring says "from" which
source it is.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from typing import Any, Generic, TypeVar

from limbeck.core.errors import InputError, unknown
from limbeck.core.implements import why_not
from limbeck.core.provenance import bring, source_of, warn_of_change
from limbeck.core.register import installed, leave_out, warn_of_misnamed

PART, FROM = "part", "from"
"""The fields of a spec that are no fields of the part: its name, and its source where that is not limbeck."""

_FAMILIES: dict[str, Family[Any]] = {}

Part = TypeVar("Part", bound=type)
Contract = TypeVar("Contract")


def part_name(part: type) -> str:
    """The name of a part: its class name in lower case, words joined by hyphens.

    >>> part_name(type("ClassMeans", (), {}))
    'class-means'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", part.__name__).lower()


def maker_of(family: Family, made: object, called: str) -> str:
    """The name of the part of a family that `makes` values of this type; InputError, which calls it so, for none."""
    for name, part in family.parts.items():
        if part.makes is type(made):
            return name
    raise InputError(
        f"{called} {part_name(type(made))!r} that no part makes; register its part under limbeck.{family.kind}"
    )


class Family(Generic[Contract]):
    """The parts of one contract: those listed in its package, and those of installed entry points.

    A third party adds a part with an entry point in the group `limbeck.KIND` that names the class.
    """

    def __init__(self, kind: str, contract: type[Contract], *parts: type[Contract]) -> None:
        self.kind = kind
        self.contract = contract
        self._listed = {part_name(part): part for part in parts}
        if kind in _FAMILIES:
            raise TypeError(f"there is a family {kind!r} already")
        _FAMILIES[kind] = self

    @functools.cached_property
    def parts(self) -> dict[str, type[Contract]]:
        """Every part by name; a listed part is never replaced by an installed one.

        An entry point that cannot be used is left out, with a warning that names its package.
        """
        parts = dict(self._listed)
        for point, part in installed(self.kind):
            if reason := why_not(part, self.contract, point.value.partition(":")[2] or point.value):
                leave_out(point, reason)
                continue
            bring(part, point.dist)
            source_of(part)  # Its files are read now, while they are what was imported.
            there = parts.setdefault(part_name(part), part)
            if there is not part:
                leave_out(point, f"its {self.kind} is called {part_name(part)!r}, as is {there.__qualname__} of others")
        return dict(sorted(parts.items()))

    def register(self, part: Part) -> Part:
        """Add a part where it is defined: a decorator."""
        there = self._listed.setdefault(part_name(part), part)
        if there is not part and (there.__module__, there.__qualname__) != (part.__module__, part.__qualname__):
            raise TypeError(
                f"there is a {self.kind} {part_name(part)!r} already: {there.__module__}.{there.__qualname__}"
            )
        self._listed[part_name(part)] = part
        self.__dict__.pop("parts", None)
        return part

    def __getitem__(self, name: str) -> type[Contract]:
        if name not in self.parts:
            warn_of_misnamed(self.kind)
            raise unknown(self.kind, name, self.parts)
        return self.parts[name]

    def summaries(self) -> list[dict[str, str]]:
        """[{name, summary}] of every part, by name."""
        return [{"name": name, "summary": summary(part)} for name, part in self.parts.items()]


VALUES = Family("value", object)
"""What parts hold that is of no contract, such as a protocol: a dataclass is one by `@VALUES.register`."""


def family_of(contract: object) -> Family[Any] | None:
    """The family whose parts implement a contract, if there is one."""
    return next((family for family in _FAMILIES.values() if family.contract is contract), None)


def summary(thing: object) -> str:
    """The first line of a docstring."""
    return (getattr(thing, "__doc__", None) or "").strip().split("\n")[0]


@functools.cache
def spec_name(part: type) -> str:
    """The name of a part in specs, FAMILY/NAME; one that is in no register has the name of its module before its own.

    Raises TypeError for a class of no family.
    """
    name = part_name(part)
    for kind, family in _FAMILIES.items():
        if issubclass(part, family.contract) and family.parts.get(name) is part:
            return f"{kind}/{name}"
    for kind, family in _FAMILIES.items():
        if family.contract is not object and issubclass(part, family.contract):
            return f"{kind}/{part.__module__}.{part.__qualname__}"
    raise TypeError(f"{part.__qualname__} is of no family; make it a value with `@VALUES.register`")


def to_spec(value: Any) -> Any:
    """The spec of a part, or of a plain value: tuples become lists, dataclasses {"part": name, ...}.

    A field whose metadata have spec=False is left out: it holds what cannot be written down, such as a function.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = (field.name for field in dataclasses.fields(value) if field.metadata.get("spec", True))
        fields = {name: to_spec(getattr(value, name)) for name in kept}
        source = _source(value)
        return {PART: spec_name(type(value)), **({FROM: source} if source else {}), **fields}
    if isinstance(value, tuple | list):
        return [to_spec(item) for item in value]
    if isinstance(value, dict):
        return {name: to_spec(item) for name, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a part's fields are numbers, text, tuples and parts; found {type(value).__name__}")


def from_spec(spec: Any) -> Any:
    """The part (or plain value) that `spec` describes; the inverse of `to_spec`.

    Raises InputError for a part or a field that does not exist. Warns where the part is of another source than the
    spec says.
    """
    if isinstance(spec, list):
        return tuple(from_spec(item) for item in spec)
    if not (isinstance(spec, dict) and PART in spec):
        return spec
    kind, _, short = str(spec[PART]).partition("/")
    parts = _FAMILIES[kind].parts if kind in _FAMILIES else {}
    if short not in parts and "." in short and kind in _FAMILIES:
        module, _, name = short.rpartition(".")
        raise InputError(
            f"unknown part {spec[PART]!r}: found no package that registers it; in the package of {module}, name it "
            f'under [project.entry-points."limbeck.{kind}"] as NAME = "{module}:{name}", install that, and make the '
            "set again"
        )
    if short not in parts:
        known = [f"{each}/{name}" for each, family in _FAMILIES.items() for name in family.parts]
        raise unknown("part", str(spec[PART]), known)
    part = parts[short]
    rest = {name: value for name, value in spec.items() if name not in (PART, FROM)}
    fields = {field.name for field in dataclasses.fields(part)}
    for field in rest:
        if field not in fields:
            raise unknown(f"field of {spec[PART]}", field, fields)
    made = part(**{field: from_spec(value) for field, value in rest.items()})
    if FROM in spec:
        warn_of_change(str(spec[PART]), spec[FROM], _source(made))
    return made


def unregistered(value: Any) -> list[str]:
    """The parts within a part that no family has under a name of its own, as the spec names them."""
    if isinstance(value, list):
        return [name for each in value for name in unregistered(each)]
    if not isinstance(value, dict):
        return []
    own = str(value.get(PART, ""))
    return [own] * ("." in own) + [name for each in value.values() for name in unregistered(each)]


def _source(part: Any) -> dict[str, str]:
    """Where the code of a part comes from, or else that which its fields name: its `named_source`, where it has one."""
    return source_of(type(part)) or getattr(part, "named_source", {})


def spec_id(spec: Any) -> str:
    """The address of a spec: 16 hexadecimal digits that depend on its contents alone."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
