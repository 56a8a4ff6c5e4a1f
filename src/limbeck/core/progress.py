"""What long work is told to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class AbstractProgress(ABC):
    """Whoever is told how far long work is."""

    @abstractmethod
    def phase(self, name: str) -> None:
        """Another phase begins; what is done is counted from 0 again."""

    @abstractmethod
    def estimate(self, seconds: float) -> None:
        """About how long the phase that begins will take."""

    @abstractmethod
    def update(self, done: float | int, total: float | int, doing: str, news: str = "") -> None:
        """`done` of `total` are done, in units of the phase's own; what is being done, and what is new."""

    def notes(self, lines: Sequence[str]) -> None:
        """What a reader of any result must know; by default it is left to the result itself."""
        return


class Silent(AbstractProgress):
    """It tells nobody."""

    def phase(self, name: str) -> None:
        """Nothing."""

    def estimate(self, seconds: float) -> None:
        """Nothing."""

    def update(self, done: float | int, total: float | int, doing: str, news: str = "") -> None:
        """Nothing."""
