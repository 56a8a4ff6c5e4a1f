"""A register of values with names: those listed, and those of installed packages."""

from __future__ import annotations

import functools
import warnings
from abc import ABC
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from limbeck.core.errors import unknown


class AbstractEntry(ABC):
    """What a register holds."""

    name: str
    """What it is asked for by."""
    summary: str
    """What it is, in one line."""


Entry = TypeVar("Entry", bound=AbstractEntry)


def installed(kind: str) -> list[Any]:
    """What the entry points `limbeck.KIND` of installed packages name; one that cannot be loaded is warned of."""
    loaded = []
    for point in entry_points(group=f"limbeck.{kind}"):
        try:
            loaded.append(point.load())
        except Exception as error:
            package = point.dist.name if point.dist else "an installed package"
            warnings.warn(
                f"{kind} {point.name!r} of {package} is left out: {type(error).__name__}: {error}; "
                f"correct or uninstall {package}",
                stacklevel=2,
            )
    return loaded


class Register(Generic[Entry]):
    """Values of one class by name. A package adds one with an entry point `limbeck.KIND` that names it.

    A listed value is never replaced by an installed one. Reading an unknown name raises InputError.
    """

    def __init__(self, kind: str, contract: type[Entry], listed: Iterable[Entry]) -> None:
        self.kind = kind
        self.contract = contract
        self._listed = {each.name: each for each in listed}

    @functools.cached_property
    def entries(self) -> dict[str, Entry]:
        """Every value by name."""
        entries: dict[str, Entry] = {}
        for each in installed(self.kind):
            if isinstance(each, self.contract):
                entries[each.name] = each
            else:
                wanted = f"{self.contract.__module__}.{self.contract.__qualname__}"
                warnings.warn(
                    f"an installed {self.kind} is left out: found {each!r}, expected a {wanted}", stacklevel=2
                )
        return dict(sorted({**entries, **self._listed}.items()))

    def __getitem__(self, name: str) -> Entry:
        if name not in self.entries:
            raise unknown(self.kind, name, self.entries)
        return self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def values(self) -> list[Entry]:
        """Every value, by name."""
        return list(self.entries.values())
