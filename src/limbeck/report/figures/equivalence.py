"""Figures of what sets are equivalent to: substitution, mixing, other networks, going on with training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from limbeck.probes.tables.continuation import IMAGES, ON, SET, ContinuationRow
from limbeck.probes.tables.cross_architecture import SET as ON_SET
from limbeck.probes.tables.cross_architecture import DrawRow, NetworkRow
from limbeck.probes.tables.mixing import MixingRow
from limbeck.probes.tables.substitution import ACCURACY, DensityRow, RealImagesRow, RealStepsRow
from limbeck.report.charts import Axis, Dots, Line, Linear, Log, Log1p, Look, Rule, heat, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    SetFinding,
    SetRows,
    legend,
    named,
    numbers,
    once,
    percents,
    rows_of,
)
from limbeck.sizes import SizeRow

REAL = Look()
FACTS = 12
"""Facts that are drawn over the number of items of a class, the first."""
HIDES = 0.004
"""How near two accuracies are whose lines would lie on one another."""
RealRows = TypeVar("RealRows", RealImagesRow, RealStepsRow)


def substitution(findings: Sequence[SetFinding]) -> list[Figure]:
    """Real examples and real steps that teach as much, and the density of raw values."""
    figures = []
    if images := rows_of(findings, RealImagesRow):
        sizes = sorted({row.per_class for each in images for row in each.rows})
        axis = Axis("random real examples per class", Log.over(sizes), at=tuple(map(float, sizes)))
        title = "How many real examples teach as much"
        figures.append(_crossing(images, lambda row: row.per_class, axis, title))
    if steps := rows_of(findings, RealStepsRow):
        scale = Linear.over((row.step for each in steps for row in each.rows), (0.0,))
        axis = Axis("step of training on all real data", scale)
        title = "How many steps on all real data teach as much"
        figures.append(_crossing(steps, lambda row: row.step, axis, title))
    if densities := rows_of(findings, DensityRow):
        figures.append(_raw(densities))
    return figures


def _crossing(tables: list[SetRows[RealRows]], at: Callable[[RealRows], int], x: Axis, title: str) -> Figure:
    """The curve of real data, and where each set's accuracy lies on it."""
    lines: list[Line] = [
        each.line(
            at,
            lambda row: row.test_accuracy,
            lambda row: row.low,
            lambda row: row.high,
            name=f"real data{of}",
            look=REAL,
        )
        for of, each in once(tables, lambda row: (at(row), row.test_accuracy))
    ]
    levels: list[Rule] = _levels(tables)
    ends = finite(end for each in tables for row in each.rows for end in (row.low, row.high))
    y = percents("test accuracy", [min(max(end, 0.0), 1.0) for end in ends], [rule.y for rule in levels])
    caption = (
        "Grey: learners of real data, with 95 % intervals; a set is equivalent to what lies where its line is crossed, "
        "and of one that crosses it nowhere, no more is known."
    )
    return Figure(title, plot([*lines, *levels], x, y, title), caption, legend([*lines, *levels]), named(tables))


def _levels(tables: Sequence[SetRows[RealRows]]) -> list[Rule]:
    """Each set's accuracy; those that would hide one another have another dash each, so that all are seen."""
    found: list[Rule] = []
    for each in tables:
        for fact in each.of.finding.facts:
            if fact.name == ACCURACY:
                hidden = sum(abs((rule.y or 0.0) - fact.value) < HIDES for rule in found)
                found.append(Rule(each.of.name, each.of.look(each.of.index // 6 + hidden), y=fact.value))
    return found


def _raw(tables: list[SetRows[DensityRow]]) -> Figure:
    def middle(row: DensityRow) -> float:
        return (row.from_ + row.to) / 2

    lines = [each.line(middle, lambda row: row.set) for each in tables]
    first = tables[0]
    lines.append(first.line(middle, lambda row: row.real, name="real examples", look=Look(-1, 1)))
    # Real examples have much at exactly 0 and 1: the axis is that of the sets.
    most = max(finite(row.set for each in tables for row in each.rows))
    edges = [Rule("", REAL, x=0.0), Rule("", REAL, x=1.0)]
    x = numbers("raw value (real ones lie between 0 and 1)", *(line.x for line in lines))
    y = Axis("density", Log1p(0.0, most * 1.1))
    title = "The raw values of the items"
    caption = (
        "Probability density of all raw values; what lies outside the grey lines is lost where "
        "items are clipped. Small densities are drawn larger: the axis is that of log(1 + density)."
    )
    return Figure(title, plot([*edges, *lines], x, y, title), caption, legend(lines), named(tables))


def mixing(findings: Sequence[SetFinding]) -> list[Figure]:
    """Accuracy with real examples added; what the set brings beside them, and what they bring to it."""
    tables = rows_of(findings, MixingRow)
    if not tables:
        return []
    added = sorted({row.added_per_class for each in tables for row in each.rows})
    x = Axis("real examples added to each class", Log1p.over(added), at=tuple(map(float, added)))
    return [_mixed(tables, x), _brought(tables, x)]


def _mixed(tables: list[SetRows[MixingRow]], x: Axis) -> Figure:
    """The accuracy of sets with real examples, and of as many real examples in their place."""
    lines = [
        each.line(
            lambda row: row.added_per_class, lambda row: row.set_and_real, lambda row: row.low, lambda row: row.high
        )
        for each in tables
    ]
    lines += [
        each.line(
            lambda row: row.added_per_class,
            lambda row: row.real_alone,
            lambda row: row.low_alone,
            lambda row: row.high_alone,
            name=f"as many real examples in its place{of}",
            look=Look(-1, 1),
        )
        for of, each in once(tables, lambda row: (row.added_per_class, row.real_alone, row.low_alone, row.high_alone))
    ]
    y = percents("test accuracy", *(line.low for line in lines), *(line.high for line in lines))
    title = "Learning from a set and real examples together"
    caption = "Mean test accuracy and 95 % interval over learners. Dashed: real examples alone, as many in all."
    return Figure(title, plot(lines, x, y, title), caption, legend(lines), named(tables))


def _brought(tables: list[SetRows[MixingRow]], x: Axis) -> Figure:
    """What sets bring beside real examples, and what these bring to them."""
    lines = [
        each.line(
            lambda row: row.added_per_class,
            lambda row: row.over_real,
            lambda row: row.low_over_real,
            lambda row: row.high_over_real,
            name=f"{each.of.name}, over real examples in its place",
        )
        for each in tables
    ]
    lines += [
        each.line(
            lambda row: row.added_per_class,
            lambda row: row.gain,
            lambda row: row.low_gain,
            lambda row: row.high_gain,
            name=f"{each.of.name}, over itself alone",
            look=each.of.look(1),
        )
        for each in tables
    ]
    scale = percents("", *(line.low for line in lines), *(line.high for line in lines)).scale
    y = Axis("difference of test accuracy, points", scale, times=100)
    title = "What the set brings beside real examples, and they to it"
    caption = (
        "A set with real examples: against as many real examples in its place, and dashed against the set alone. "
        "Paired differences with intervals that hold at once; below the grey line, it does worse."
    )
    picture = plot([Rule("", REAL, y=0.0), *lines], x, y, title)
    return Figure(title, picture, caption, legend(lines), named(tables))


def cross_architecture(findings: Sequence[SetFinding]) -> list[Figure]:
    """Every network by every set as a heat map, and the search that chose their training."""
    figures = []
    if tables := rows_of(findings, NetworkRow):
        columns = list(dict.fromkeys(row.network for each in tables for row in each.rows))
        by_network = [{row.network: row for row in each.rows} for each in tables]
        rows = [each.of.name for each in tables]
        values = [[cells[name].set if name in cells else None for name in columns] for cells in by_network]
        texts = [[_cell(cells.get(name)) for name in columns] for cells in by_network]
        real = [next(cells[name].real for cells in by_network if name in cells) for name in columns]
        title = "Which networks learn from which set"
        caption = (
            "Test accuracy in per cent, and below it the gain over as many random real examples, in points; a fuller "
            "shade is more accurate. How to train was searched for each network, so these are not the scores above. "
            f"Last row: random real examples, as many as {rows[0]} has."
        )
        picture = heat(
            [*rows, "real examples"],
            columns,
            [*values, real],
            [*texts, [(f"{100 * each:.1f}", "") for each in real]],
            title,
        )
        figures.append(Figure(title, picture, caption, (), named(tables)))
    if draws := rows_of(findings, DrawRow):
        dots = []
        for each in draws:
            mine = [row for row in each.rows if row.on == ON_SET]
            rates, accuracies = [row.learning_rate for row in mine], [row.test_accuracy for row in mine]
            dots.append(Dots(each.of.name, each.of.look(), rates, accuracies, large=True))
        title = "The settings that were tried"
        x = Axis("learning rate", Log.over([value for each in dots for value in each.x]))
        y = percents("test accuracy", *(each.y for each in dots))
        caption = "A dot is a learner of any network under one drawn setting; of these, validation chooses."
        figures.append(Figure(title, plot(dots, x, y, title), caption, legend(dots), named(draws)))
    return figures


def _cell(row: NetworkRow | None) -> tuple[str, str]:
    return (f"{100 * row.set:.1f}", f"{100 * row.gain:+.1f}".replace("-", "−")) if row else ("", "")


def continuation(findings: Sequence[SetFinding]) -> list[Figure]:
    """The change of accuracy along further training."""
    tables = rows_of(findings, ContinuationRow)
    if not tables:
        return []
    lines = []
    for dash, on in enumerate((SET, IMAGES, ON)):
        parts = [SetRows(each.of, [row for row in each.rows if row.on == on], each.table) for each in tables]
        parts = [part for part in parts if part.rows]
        if on == SET:
            lines += [_change(part.of.name, part.of.look(), part.rows) for part in parts]
        else:
            different = once(parts, lambda row: (row.step, row.change))
            lines += [_change(f"{on}{of}", Look(-1, dash), part.rows) for of, part in different]
    x = Axis("steps of further training", Log1p.over([value for line in lines for value in line.x]))
    values = [value for line in lines for side in (line.low or line.y, line.high or line.y) for value in side]
    y = Axis("change of test accuracy, points", Linear.over(values), times=100)
    title = "Training a finished learner further"
    picture = plot([Rule("", REAL, y=0.0), *lines], x, y, title)
    caption = (
        "Each learner against itself before, with 95 % intervals, each by itself; each begins where training on all "
        "real data has levelled off."
    )
    return [Figure(title, picture, caption, legend(lines), named(tables))]


def _change(name: str, look: Look, rows: list[ContinuationRow]) -> Line:
    """A change with its band; none where one learner says nothing of the spread."""
    steps, changes = [row.step for row in rows], [row.change for row in rows]
    if all(row.n == 1 for row in rows):
        return Line(name, look, steps, changes)
    return Line(name, look, steps, changes, [row.low for row in rows], [row.high for row in rows])


def budget(findings: Sequence[SetFinding]) -> list[Figure]:
    """What facts come to as classes have more items: one chart for each fact, the first dozen."""
    figures = []
    for each in rows_of(findings, SizeRow):
        sets = list(dict.fromkeys(row.set for row in each.rows))
        of = {row.set: row.series for row in each.rows}
        # Each in the colour of its first set.
        first = {name: sets.index(one) for one, name in reversed(of.items())}
        for pair in list(dict.fromkeys((row.probe, row.fact) for row in each.rows))[:FACTS]:
            mine = sorted(
                (row for row in each.rows if (row.probe, row.fact) == pair), key=lambda row: float(row.per_class)
            )
            marks = [
                _sizes(name, Look(first[name]), [row for row in mine if of[row.set] == name])
                for name in dict.fromkeys(of.values())
            ]
            x = [row.per_class for row in mine]
            title = f"{pair[1]} ({pair[0]})"
            axis = Axis("items per class", Log.over(x), at=tuple(map(float, dict.fromkeys(x))))
            values = ([bound(row) for row in mine] for bound in BOUNDS)
            picture = plot(marks, axis, numbers("value", *values), title)
            table = SizeRow.table(mine, each.table.caption)
            caption = "Mean and 95 % interval." if isinstance(marks[0], Line) else "Means: each dot is a set."
            figures.append(Figure(title, picture, caption, legend(marks), ((each.of.name, table),)))
    return figures


def _sizes(name: str, look: Look, rows: Sequence[SizeRow]) -> Line | Dots:
    """A line through the sizes of one set; dots where several sets have the same size."""
    x = [row.per_class for row in rows]
    values, low, high = ([bound(row) for row in rows] for bound in BOUNDS)
    if len(set(x)) < len(x):
        return Dots(name, look, x, values, large=True)
    return Line(name, look, x, values, low, high)


BOUNDS: tuple[Callable[[SizeRow], float], ...] = (lambda row: row.value, lambda row: row.low, lambda row: row.high)
