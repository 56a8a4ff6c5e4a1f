"""What long work is told to, and how work that is deep below tells how far it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar


class AbstractProgress(ABC):
    """Whoever is told how far long work is."""

    @abstractmethod
    def phase(self, name: str) -> None:
        """Another phase begins; what is done is counted from 0 again."""

    @abstractmethod
    def estimate(self, seconds: float) -> None:
        """About how long the phase that begins will take."""

    @abstractmethod
    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """`done` of `total` are done, in a unit such as "steps", else in seconds about; what is done, what is new."""

    def weigh(self, unit: str, work: Callable[[float], float] | None) -> None:
        """About how many seconds the first so many of a `unit` take, by which what is left is told; None: nobody knows.

        It says so until the next phase or estimate; by default it is not listened to.
        """
        return

    def notes(self, lines: Sequence[str]) -> None:
        """What a reader of any result must know; by default it is left to the result itself."""
        return

    def paused(self) -> AbstractContextManager[object]:
        """Show nothing within the block, in which somebody is asked."""
        return nullcontext()

    def shown(self) -> AbstractContextManager[object]:
        """Be there to be seen within the block, which is the work of one call."""
        return nullcontext()


class Silent(AbstractProgress):
    """It tells nobody."""

    def phase(self, name: str) -> None:
        """Nothing."""

    def estimate(self, seconds: float) -> None:
        """Nothing."""

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Nothing."""


class Passing(AbstractProgress):
    """It passes on all that it is told.

    Args:
        inner: To whom.
    """

    def __init__(self, inner: AbstractProgress) -> None:
        self._inner = inner

    def phase(self, name: str) -> None:
        """Pass it on."""
        self._inner.phase(name)

    def estimate(self, seconds: float) -> None:
        """Pass it on."""
        self._inner.estimate(seconds)

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Pass it on."""
        self._inner.update(done, total, doing, news, unit)

    def weigh(self, unit: str, work: Callable[[float], float] | None) -> None:
        """Pass it on."""
        self._inner.weigh(unit, work)

    def notes(self, lines: Sequence[str]) -> None:
        """Pass them on."""
        self._inner.notes(lines)

    def paused(self) -> AbstractContextManager[object]:
        """Pass it on."""
        return self._inner.paused()

    def shown(self) -> AbstractContextManager[object]:
        """Pass it on."""
        return self._inner.shown()


_hearer: ContextVar[Callable[[float], None] | None] = ContextVar("hearer", default=None)


def went(done: float, total: float) -> None:
    """Tell whoever listens, if anybody does, that `done` of `total` of the work at hand is done.

    Loops that may take seconds call it; what listens is not theirs to know. Results do not depend on it.
    """
    if (hearer := _hearer.get()) is not None and total:
        hearer(min(1.0, done / total))


@contextmanager
def heard_by(hearer: Callable[[float], None]) -> Iterator[None]:
    """Have `hearer(share)` told how far the work within the block is; whoever listened before does again after it."""
    token = _hearer.set(hearer)
    try:
        yield
    finally:
        _hearer.reset(token)


@contextmanager
def unheard() -> Iterator[Callable[[float], None]]:
    """Have nobody hear what is told within the block but what is given to the function that it gives."""
    outer = _hearer.get() or (lambda _: None)
    with heard_by(lambda _: None):
        yield outer


@contextmanager
def part(done: float, size: float, total: float) -> Iterator[None]:
    """Take what is told within the block as told of a part: of `size` out of `total`, after `done` of them."""
    outer = _hearer.get()
    if outer is None:
        yield
        return
    with heard_by(lambda share: outer(min(1.0, (done + size * share) / total) if total else 1.0)):
        yield
    went(done + size, total)
