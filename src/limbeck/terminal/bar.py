"""How progress is told on standard error: by a bar on a terminal or in a notebook, else by lines."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from limbeck.core.progress import AbstractProgress, Passing, Silent
from limbeck.core.units import duration
from limbeck.terminal.pace import Pace
from limbeck.terminal.safe import plain
from limbeck.terminal.said import ERRORS, say

EVERY = 30.0
"""Seconds between two lines at most, where there is no terminal."""
SOON, SHARE = 2.0, 0.25
"""The least seconds between two lines, and what they grow by: this share of the time that is gone."""


NEARLY = 1e-6
"""How much less than a whole number is one, for the sake of rounding."""


class Told:
    """What is known of the work under way, in words."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.phase = ""
        self.begin("", told=False)

    def begin(self, phase: str, told: bool) -> None:
        """Another phase begins."""
        self.phase, self.begun, self.text = phase, self.clock(), ""
        self.unit, self.pace = "", Pace(told)
        self.work: Callable[[float], float] | None = float

    def weigh(self, unit: str, work: Callable[[float], float] | None) -> None:
        """Tell what is left of a unit by the seconds that so many of it take."""
        self.unit, self.pace, self.work = unit, Pace(told=True), work

    def update(self, done: float, total: float, doing: str, news: str, unit: str) -> None:
        """Take in how far it is."""
        if unit != self.unit:
            # What is counted otherwise has a pace of its own.
            self.unit, self.pace, self.work = unit, Pace(told=False), float
        left = None if self.work is None else self.pace.left(self.clock(), self.work(done), self.work(total))
        # What is not quite done is not counted.
        whole, share = math.floor(done + NEARLY), 100 * done / total if total else 100
        far = f"{whole:,} of {round(total):,} {unit}" if unit else f"{share:.0f} %"
        still = f"{duration(left)} left" if left is not None and done < total and round(left) else ""
        self.text = ", ".join(filter(None, [f"{doing}: {far}", still, news]))


class AbstractNoting(AbstractProgress):
    """Progress whose notes are said with the first news, so that a refusal before any work stands alone.

    Args:
        say: Takes a line.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._notes: list[str] = []
        self._noted: set[str] = set()

    def notes(self, lines: Sequence[str]) -> None:
        """Keep what a reader of any result must know until there are news, or the end; what was said stays said."""
        self._notes += [line for line in dict.fromkeys(lines) if line not in self._noted]
        self._noted.update(lines)

    def say_notes(self) -> None:
        """Say what is kept."""
        lines, self._notes = self._notes, []
        for line in lines:
            self._say(f"note: {line}")


class Lines(AbstractNoting):
    """Lines, now and then: soon after the beginning, later every half minute, also where nothing is told.

    Args:
        tell: Takes a line of how far it is.
        note: Takes a note; by default as `tell`.
        clock: Tells seconds.
        every: Seconds between two lines at most.
    """

    def __init__(
        self,
        tell: Callable[[str], object],
        note: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        every: float = EVERY,
    ) -> None:
        super().__init__(note or tell)
        self._tell, self._clock, self._every = tell, clock, every
        self._told, self._guard = Told(clock), threading.Lock()
        self._last, self._said = clock(), ""

    def phase(self, name: str) -> None:
        """Say that another phase begins."""
        with self._guard:
            self._told.begin(name, told=False)
            self._said = ""
            self._line(name)

    def estimate(self, seconds: float) -> None:
        """Say about how long the phase will take."""
        with self._guard:
            self._told.begin(self._told.phase, told=True)
            self._line(f"about {duration(seconds)} of work")

    def weigh(self, unit: str, work: Callable[[float], float] | None) -> None:
        """Tell what is left by it."""
        with self._guard:
            self._told.weigh(unit, work)

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Say how far it is, where the last line is some time ago or all is done."""
        with self._guard:
            self._told.update(done, total, doing, news, unit)
            gone = self._clock() - self._told.begun
            # Shares that add up to all of it may do so but for rounding.
            over = done >= (1 - NEARLY) * total and self._told.text != self._said
            if over or self._clock() - self._last >= min(self._every, max(SOON, SHARE * gone)):
                self._said = self._told.text
                self._line(self._told.text)

    def still(self) -> None:
        """Say that the work goes on, where nothing was said for long."""
        with self._guard:
            if self._clock() - self._last >= self._every:
                gone = duration(self._clock() - self._told.begun)
                self._line(", ".join(filter(None, [self._told.text or self._told.phase, f"{gone} gone"])))

    def _line(self, text: str) -> None:
        self.say_notes()
        self._last = self._clock()
        self._tell(text)


class Live(AbstractNoting):
    """A bar that moves, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(say)
        self._progress, self._task = progress, progress.add_task("", total=None)
        self._told = Told(time.monotonic)

    def phase(self, name: str) -> None:
        """Show that another phase begins."""
        self.say_notes()
        self._told.begin(name, told=False)
        self._progress.reset(self._task, description=escape(plain(name)))

    def estimate(self, seconds: float) -> None:
        """Say about how long the phase will take."""
        self.say_notes()
        self._told.begin(self._told.phase, told=True)
        say(f"about {duration(seconds)} of work")

    def weigh(self, unit: str, work: Callable[[float], float] | None) -> None:
        """Tell what is left by it."""
        self._told.weigh(unit, work)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bar away for the length of the block."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Show how far it is."""
        self.say_notes()
        told = self._told
        told.update(done, total, doing, news, unit)
        text = f"{told.phase}: {told.text}" if told.phase else told.text
        self._progress.update(self._task, completed=done, total=total, description=escape(plain(text)))


class Bar(Passing):
    """What `bar` gives, for as long as it is `shown`; nothing before and after."""

    def __init__(self) -> None:
        super().__init__(Silent())
        self._there = False

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it within the block; a block within that changes nothing."""
        if self._there:
            yield
            return
        try:
            with bar() as self._inner:
                self._there = True
                yield
        finally:
            self._inner, self._there = Silent(), False


def below_the_cell() -> Callable[[str], object]:
    """Who takes lines in a notebook: one line below the cell, in which each takes the place of the last."""
    from IPython.display import display

    place = display({"text/plain": ""}, raw=True, display_id=True)
    return lambda text: place.update({"text/plain": plain(text)}, raw=True)


@contextmanager
def bar(quiet: bool = False, console: Console = ERRORS) -> Iterator[AbstractProgress]:
    """Who tells of progress for as long as the block lasts; nobody, and no warnings, where it is to be quiet.

    Errors are still told.
    """
    if quiet:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield Silent()
        return
    if console.is_terminal:
        columns = (SpinnerColumn(), BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console, transient=True) as progress:
            live = Live(progress)
            yield live
            live.say_notes()
        return
    lines, over = Lines(below_the_cell(), say, every=1.0) if console.is_jupyter else Lines(say), threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            lines.still()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield lines
        lines.say_notes()
    finally:
        over.set()
        watching.join()
