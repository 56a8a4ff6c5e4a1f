"""A distillation told to a log: its loss, its checks on validation examples, and now and then the set itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from limbeck.core.errors import InputError
from limbeck.distillation import Watcher
from limbeck.distilled_set import DistilledSet
from limbeck.logs import AbstractLog, LoggedRun, Writer
from limbeck.show import labelled
from limbeck.state import State

POINTS, PICTURES = 1000, 10
"""About how many steps of a run, and how many pictures of the set, are told; the first and the last are."""
FEW = 20
"""How many classes, and items of each, a picture has."""


@contextmanager
def logged(
    log: AbstractLog | None, run: LoggedRun, steps: int, made: Callable[[State], DistilledSet]
) -> Iterator[Watcher]:
    """Who tells a log of the states of a run of so many `steps`; nobody where there is no log or no step.

    `made` gives the set that the run would come to if it ended at a state.
    """
    if log is None or not steps:
        yield lambda state: None
        return
    with log.open(run) as writer:
        yield _Told(writer, run.step, steps, made)


class _Told:
    """What was told so far. A log that fails is told nothing more, and the run goes on."""

    def __init__(self, writer: Writer, step: int, steps: int, made: Callable[[State], DistilledSet]) -> None:
        self._writer, self._steps, self._made = writer, steps, made
        self._next, self._checked = step, 0
        self._every, self._drawn = max(1, steps // POINTS), max(1, steps // PICTURES)
        self._failed = False

    def __call__(self, state: State) -> None:
        """Tell what is new at a state: of each step its loss before it."""
        if self._failed:
            return
        try:
            self._tell(state)
        except Exception as error:
            self._failed = True
            reason = (str(error).splitlines() or [""])[0]
            warnings.warn(f"the log takes no more ({type(error).__name__}: {reason}); the run goes on", stacklevel=2)

    def _tell(self, state: State) -> None:
        step = int(state.step)
        for past in range(self._next, step):
            if past % self._every == 0 or past == self._steps - 1:
                self._writer.numbers(past, {"loss": float(state.losses[past])})
        known = [float(score) for score in state.scores if not torch.isnan(score)]
        if len(known) > self._checked and step > self._next:
            self._writer.numbers(step, {"validation": known[-1]})
        self._checked = len(known)
        if step % self._drawn == 0 or step == self._steps:
            self._draw(step, state)
        self._next = max(self._next, step)

    def _draw(self, step: int, state: State) -> None:
        try:
            picture = labelled(self._made(state), few=FEW)
        except InputError:
            return
        self._writer.picture(step, picture.numpy())


def settings_of(spec: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A spec as plain values under dotted names.

    >>> settings_of({"recipe": {"steps": 5, "start": {"part": "start/real"}}, "seed": 0})
    {'recipe.steps': 5, 'recipe.start': 'start/real', 'seed': 0}
    """
    found: dict[str, Any] = {}
    for name, value in spec.items():
        path = before if name == "part" and before else f"{before}.{name}".lstrip(".")
        if isinstance(value, Mapping):
            found |= settings_of(value, path)
        else:
            found[path] = value
    return found
