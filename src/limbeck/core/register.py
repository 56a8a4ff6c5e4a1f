"""A register of values with names: those listed, and those of installed packages."""

from __future__ import annotations

import functools
import warnings
from abc import ABC
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from limbeck.core.errors import unknown


class AbstractEntry(ABC):
    """What a register holds."""

    name: str
    """What it is asked for by."""
    summary: str
    """What it is, in one line."""

    def fault(self) -> str:
        """Why it cannot be used, in words; "" where it can."""
        return ""


Entry = TypeVar("Entry", bound=AbstractEntry)


_BROKEN: set[str] = set()


def installed(kind: str) -> Iterator[tuple[EntryPoint, Any]]:
    """The entry points `limbeck.KIND` of installed packages, in one order everywhere, and what each names.

    One that cannot be loaded is left out, with a warning that names its package.
    """
    for point in sorted(entry_points(group=f"limbeck.{kind}"), key=lambda point: (package_of(point), point.name)):
        try:
            value = point.load()
        except (Exception, SystemExit) as error:
            leave_out(point, f"it cannot be imported ({type(error).__name__}: {error})")
            continue
        yield point, value


def package_of(point: EntryPoint) -> str:
    """The name of the package that declares an entry point."""
    return point.dist.name if point.dist is not None else point.value


def leave_out(point: EntryPoint, reason: str) -> None:
    """Warn of an entry point that is left out; of one package once."""
    if package_of(point) not in _BROKEN:
        _BROKEN.add(package_of(point))
        line = " ".join(f"package {package_of(point)}: entry point {point.name!r} is left out: {reason}".split())
        warnings.warn(f"{line}; repair or uninstall it", stacklevel=2)


def warn_of_misnamed(kind: str) -> None:
    """Warn of packages whose entry points are of a group that is almost `limbeck.KIND`: nobody reads those."""
    wanted = f"limbeck.{kind}"
    for group in sorted(entry_points().groups):
        if group != wanted and group.replace("_", "-").removesuffix("s") == wanted:
            for point in entry_points(group=group):
                leave_out(point, f"found the group {group!r}, expected {wanted!r}")


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
        for point, value in installed(self.kind):
            if isinstance(value, self.contract):
                if value.name in self._listed or value.name in entries:
                    leave_out(point, f"there is a {self.kind} {value.name!r} already; give yours another name")
                elif reason := value.fault():
                    leave_out(point, reason)
                else:
                    entries[value.name] = value
            else:
                wanted = f"{self.contract.__module__}.{self.contract.__qualname__}"
                leave_out(point, f"found {value!r}, expected a {wanted}")
        return dict(sorted({**entries, **self._listed}.items()))

    def __getitem__(self, name: str) -> Entry:
        if name not in self.entries:
            warn_of_misnamed(self.kind)
            raise unknown(self.kind, name, self.entries)
        return self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def values(self) -> list[Entry]:
        """Every value, by name."""
        return list(self.entries.values())
