"""All lines of an examination, in order."""

from __future__ import annotations

from collections.abc import Iterator

from limbeck.core.contracts import AbstractTask
from limbeck.core.progress import AbstractProgress
from limbeck.core.units import duration
from limbeck.machine import hardware, places, software, speed
from limbeck.machine.line import Line
from limbeck.machine.work import works
from limbeck.runs.session import Session

MEASURING = 3.0
"""Seconds that measuring a core takes at most, about."""


def examine(
    session: Session, task: AbstractTask | None = None, network: str = "", quick: bool = False
) -> Iterator[Line]:
    """What this machine has and gives limbeck; with a task, also what work on it by a network takes.

    What takes longer is told to the session's progress before: one function is compiled in a process of its own, and a
    core is timed. Where it is `quick` neither is done. With a task a few steps are tried, and nothing is kept.
    """
    progress = session.progress
    yield software.versions()
    yield hardware.devices()
    yield hardware.cores()
    yield hardware.threads()
    yield hardware.precision()
    yield hardware.room()
    yield from places.disks(session.store.root)
    yield places.data(session.data_root)
    found = None if quick else _measured(progress)
    if found is not None:
        yield speed.peak(found)
        yield speed.beside_reference(found)
    if not quick:
        progress.phase(f"compiling one small function in a process of its own, at most {duration(software.PATIENCE)}")
    yield software.compiling(tried=not quick)
    yield software.compiled_code(None if found is None else found.training)
    yield software.extras()
    if task is not None:
        progress.phase("trying a few steps, to tell what work on these data takes")
        yield from works(session, task, network)


def _measured(progress: AbstractProgress) -> speed.Speed:
    progress.phase(f"timing one core, about {duration(MEASURING)}")
    return speed.measured()
