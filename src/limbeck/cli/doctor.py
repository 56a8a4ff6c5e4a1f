"""`limbeck doctor`: what this machine has and gives, whether that is fine, and what to do if not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from limbeck.cli.console import answer, parser
from limbeck.cli.defaults import add_network, network_of
from limbeck.cli.options import add_data, task_of
from limbeck.cli.table import FORMS, Table
from limbeck.cli.working import add_device, add_quiet, add_runs, session
from limbeck.core.errors import InputError
from limbeck.machine import Line, examine

WIDTH, LEFT = 80, 18
"""Columns of a screen, and of what a line is about."""


def run(words: list[str]) -> None:
    """Examine the machine and print a line for each thing; InputError at the end where limbeck cannot work."""
    made = parser(
        "doctor",
        "Tell what this machine has and gives limbeck, whether that is fine (ok), what to do where something may be "
        "done (!), and what must be (NO). Exit code 0 where limbeck can work, and 2 where it cannot.",
    )
    add_data(made, needed=False)
    add_network(made)
    made.add_argument("--quick", action="store_true", help="time nothing and compile nothing")
    add_device(made)
    add_quiet(made)
    add_runs(made)
    given = made.parse_args(words)
    with session("doctor", words, given) as used:
        task = task_of(given) if given.data else None
        network = "" if task is None else network_of(task, given.network)
        lines = list(examine(used, task, network, given.quick))
    stopped = [line.about for line in lines if line.stops]
    document = {"works": not stopped, "lines": [line.document() for line in lines]}
    if any(getattr(given, name) for name in ("json", *FORMS)):
        rows = [(line.mark, line.about, line.found, line.advice) for line in lines]
        answer(document, given, Table("This machine", ("", "about", "found", "what to do"), rows))
    else:
        answer(document, given, *screen(lines))
    if stopped:
        raise InputError(f"limbeck cannot work here: {', '.join(stopped)}; see what is said of each above")


def screen(lines: Sequence[Line], width: int = WIDTH) -> Iterator[str]:
    """The lines in so many columns, what to do below what is found."""
    for line in lines:
        head = f"{line.mark:2} {line.about:{LEFT - 4}} "
        yield from textwrap.wrap(
            line.found, width, initial_indent=head, subsequent_indent=" " * LEFT, break_on_hyphens=False
        )
        if line.advice:
            arrow = f"{' ' * LEFT}-> "
            yield from textwrap.wrap(
                line.advice, width, initial_indent=arrow, subsequent_indent=f"{' ' * LEFT}   ", break_on_hyphens=False
            )
