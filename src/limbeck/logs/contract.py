"""Where a distillation is logged while it goes on: the contract of a log."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

from jaxtyping import UInt8
from numpy.typing import NDArray

from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart

Picture = UInt8[NDArray, "height width 3"]


class LoggedRun(NamedTuple):
    """What is logged of."""

    id: str
    """The address of the run, the same whenever it goes on."""
    name: str
    """What a person calls it."""
    settings: Mapping[str, Any]
    """What determines it, by dotted names, as plain values."""
    step: int
    """The step that it goes on from; 0 at its beginning."""


class Writer(Protocol):
    """An open log of one run."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Some numbers by name after a step."""

    def picture(self, step: int, picture: Picture) -> None:
        """The set after a step."""


@dataclass(frozen=True)
class AbstractLog(AbstractPart):
    """A kind of log, over the client of whoever reads it. What a run told before it was interrupted is told once."""

    place: str = ""
    """Where it is kept; "" where it needs none, or has a place of its own."""

    @abstractmethod
    def check(self) -> None:
        """Raise InputError where nothing could be written: a package or a place is missing."""

    @abstractmethod
    def open(self, run: LoggedRun) -> AbstractContextManager[Writer]:
        """The log of a run, for as long as the block lasts."""


def check_package(package: str, extra: str) -> None:
    """Refuse a log whose package is not installed."""
    if find_spec(package) is None:
        raise InputError(f"--log {extra}: {package} is not installed; run pip install 'limbeck[{extra}]'")


def check_place(log: AbstractLog, name: str, what: str) -> None:
    """Refuse a log that nobody said the place of."""
    if not log.place:
        raise InputError(f"--log {name}: found no place, expected {name}:{what}")
