"""How long work may take: who is asked before it takes long, and when it is to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from limbeck.core.errors import InputError
from limbeck.core.progress import AbstractProgress, Passing
from limbeck.core.units import duration, within

LONG = 3600.0
"""Seconds of work from which whoever asked for it is asked again."""
ROUGH = 1.5
"""By how much work may turn out longer than what was agreed to, before somebody is asked again."""


class TimeIsUp(KeyboardInterrupt):
    """The time that work was given is over; what was done is kept."""


def check_minutes(minutes: float) -> None:
    """InputError for no time."""
    if not minutes > 0:
        raise InputError(f"minutes {minutes:g}: expected a number above 0")


class Allowance:
    """Who agrees to long work.

    Args:
        confirm: confirm(what is to be said) is asked once before work of more than an hour, and either raises or
            returns; None: nobody is asked.
    """

    def __init__(self, confirm: Callable[[str], None] | None = None) -> None:
        self._confirm = confirm
        self._agreed, self._asked_for = LONG, 0.0

    def admit(self, seconds: float, whole: bool = False, least: float | None = None) -> None:
        """Ask, where work of about so many seconds more is longer than what was agreed to.

        `whole` says that this is all there will be, so that its parts, which are admitted again, are agreed to. Where
        it may be over sooner, after `least` seconds, both are said.
        """
        self._asked_for += seconds
        if self._asked_for > self._agreed and self._confirm is not None:
            before = self._asked_for - seconds
            self._confirm(f"this takes {within(before + (seconds if least is None else least), self._asked_for)} here")
            self._agreed = ROUGH * self._asked_for
        if whole:
            self._agreed, self._asked_for = max(self._agreed, ROUGH * seconds), 0.0


class Bounded(Passing):
    """Progress that interrupts the work once its time is over.

    Args:
        inner: Who is told.
        minutes: How long, from now.
        clock: Tells seconds.
    """

    def __init__(self, inner: AbstractProgress, minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(inner)
        self._minutes, self._clock = minutes, clock
        self._end = clock() + 60 * minutes

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Pass it on; TimeIsUp where it is."""
        super().update(done, total, doing, news, unit)
        if done < total and self._clock() >= self._end:
            raise TimeIsUp(f"{duration(60 * self._minutes)} are over")
