"""The register of a family of parts, and the spec that any part can be written as and built from.

A part is a frozen dataclass. Its name is its class name in lower case with hyphens; its summary is
the first line of its docstring. A spec is plain JSON: {"part": name, field: value, ...}, nested
where a field is itself a part, so a run can be named, hashed, stored and repeated.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from importlib.metadata import entry_points
from typing import Any

from limbeck.core.errors import InputError, unknown

_FAMILIES: list[Family] = []


def part_name(part: type) -> str:
    """The name of a part: its class name in lower case, words joined by hyphens.

    >>> part_name(type("ClassMeans", (), {}))
    'class-means'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", part.__name__).lower()


class Family:
    """The parts of one contract: those listed in its package, and those of installed entry points.

    A third party adds a part with an entry point in the group `limbeck.KIND` that names the class.
    """

    def __init__(self, kind: str, contract: type, *parts: type) -> None:
        self.kind = kind
        self.contract = contract
        self._listed = {part_name(part): part for part in parts}
        _FAMILIES.append(self)

    @functools.cached_property
    def parts(self) -> dict[str, type]:
        """Every part by name; a listed part is never replaced by an installed one."""
        installed = {}
        for point in entry_points(group=f"limbeck.{self.kind}"):
            part = point.load()
            if not (isinstance(part, type) and issubclass(part, self.contract) and dataclasses.is_dataclass(part)):
                raise InputError(
                    f"entry point {point.name!r} ({point.value}) is not a dataclass that implements "
                    f"{self.contract.__name__}; correct or uninstall the package that declares it"
                )
            installed[part_name(part)] = part
        return dict(sorted({**installed, **self._listed}.items()))

    def __getitem__(self, name: str) -> type:
        if name not in self.parts:
            raise unknown(self.kind, name, self.parts)
        return self.parts[name]

    def summaries(self) -> list[dict[str, str]]:
        """[{name, summary}] of every part, by name."""
        return [{"name": name, "summary": summary(part)} for name, part in self.parts.items()]


def summary(thing: object) -> str:
    """The first line of a docstring."""
    return (getattr(thing, "__doc__", None) or "").strip().split("\n")[0]


def to_spec(value: Any) -> Any:
    """The spec of a part, or of a plain value: tuples become lists, dataclasses {"part": name, ...}.

    A field whose metadata have spec=False is left out: it holds what cannot be written down, such as a function.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = (field.name for field in dataclasses.fields(value) if field.metadata.get("spec", True))
        fields = {name: to_spec(getattr(value, name)) for name in kept}
        return {"part": part_name(type(value)), **fields}
    if isinstance(value, tuple | list):
        return [to_spec(item) for item in value]
    if isinstance(value, dict):
        return {name: to_spec(item) for name, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a part's fields are numbers, text, tuples and parts; found {type(value).__name__}")


def from_spec(spec: Any) -> Any:
    """The part (or plain value) that `spec` describes; the inverse of `to_spec`.

    Raises InputError for a part or a field that does not exist.
    """
    if isinstance(spec, list):
        return tuple(from_spec(item) for item in spec)
    if not (isinstance(spec, dict) and "part" in spec):
        return spec
    known = {name: part for family in _FAMILIES for name, part in family.parts.items()}
    name = spec["part"]
    if name not in known:
        raise unknown("part", name, known)
    fields = {field.name for field in dataclasses.fields(known[name])}
    for field in spec:
        if field != "part" and field not in fields:
            raise unknown(f"field of {name}", field, fields)
    return known[name](**{field: from_spec(value) for field, value in spec.items() if field != "part"})


def spec_id(spec: Any) -> str:
    """The address of a spec: 16 hexadecimal digits that depend on its contents alone."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
