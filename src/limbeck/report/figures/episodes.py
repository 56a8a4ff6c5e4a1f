"""Figures of episodes: what a policy of a set sees and does, beside the same before training."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.learn.environments.cartpole import NUMBERS, SECONDS
from limbeck.probes.tables.episodes import FRESH, OURS, MomentRow, PolicyRow
from limbeck.report.charts import Line, Look, Run, cartpole, plot
from limbeck.report.figures.figure import Figure, SetFinding, SetRows, legend, numbers, rows_of

SHOWN = 4
"""Of the numbers that a policy sees, those that are drawn over time."""
DECIDING = ("position", "angle")
TRAINED, BEFORE = "trained on the set", "before training"


def episodes(findings: Sequence[SetFinding]) -> list[Figure]:
    """The first episode of each set: played where it is the cart-pole's, and its numbers over time."""
    found: list[Figure] = []
    for table in rows_of(findings, MomentRow):
        if {row.number.partition(" along ")[0] for row in table.rows} == set(NUMBERS):
            found.append(_played(table))
        found.append(_over_time(table))
    return found


def _moments(table: SetRows[MomentRow], who: str) -> tuple[list[int], dict[str, list[float]]]:
    """The steps that are kept of an episode, and each number at these."""
    values: dict[str, dict[int, float]] = {}
    for row in table.rows:
        if row.trained_on == who:
            values.setdefault(row.number, {})[row.step] = row.value
    steps = sorted(next(iter(values.values()), {}))
    return steps, {name: [at[step] for step in steps] for name, at in values.items()}


def _played(table: SetRows[MomentRow]) -> Figure:
    """The cart-pole of the set's policy and of the same before training, from one start."""
    runs = [
        _run(table, who, name, look)
        for who, name, look in ((OURS, TRAINED, table.of.look()), (FRESH, BEFORE, Look(-1, 1)))
    ]
    title = f"A policy of {table.of.name} acting"
    caption = (
        "The first episode of seed 0 in real time, from one start and with the same luck. An episode is over when the "
        "cart leaves its track or the pole leans by more than 12 degrees, and is cut off after 500 steps of 0.02 s; it "
        "fades then."
    )
    return Figure(title, cartpole(runs, title), caption, (), ((table.of.name, table.table),))


def _run(table: SetRows[MomentRow], who: str, name: str, look: Look) -> Run:
    steps, values = _moments(table, who)
    places = [column for number, column in values.items() if number.startswith("position")]
    angles = [column for number, column in values.items() if number.startswith("angle")]
    carts = [list(zip(*pair, strict=True)) for pair in zip(places, angles, strict=True)]
    return Run(name, look, [step * SECONDS for step in steps], carts, f"{steps[-1] + 1} steps")


def _over_time(table: SetRows[MomentRow]) -> Figure:
    """The first numbers that the policy of the set sees; of the cart-pole those that say when it is over.

    Its velocities change their sign with every push, and over one another would hide all else.
    """
    steps, values = _moments(table, OURS)
    names = [name for name in values if name.startswith(DECIDING)] or list(values)
    lines = [Line(name, table.of.look(dash), steps, values[name]) for dash, name in enumerate(names[:SHOWN])]
    title = f"What a policy of {table.of.name} sees"
    picture = plot(lines, numbers("step", steps), numbers("value", *(line.y for line in lines)), title)
    more = f"; {len(lines)} of {len(values)} numbers" if len(values) > len(lines) else ""
    policies = tuple((each.of.name, each.table) for each in rows_of([table.of], PolicyRow))
    caption = f"In the first episode of seed 0, actions drawn from its probabilities{more}."
    return Figure(title, picture, caption, legend(lines), (*policies, (table.of.name, table.table)))
