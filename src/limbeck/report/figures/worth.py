"""Figures of what sets are worth: substitution, mixing, other networks, going on with training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from limbeck.core.findings import Table
from limbeck.report.charts import Axis, Dots, Line, Linear, Log, Log1p, Look, Rule, heat, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    Held,
    Shown,
    having,
    legend,
    numbers,
    once,
    percents,
    select,
    tables_of,
)

REAL = Look()


def substitution(found: Sequence[Shown]) -> list[Figure]:
    """Real images and real steps that teach as much, and the density of raw values."""
    drawn = []
    for name, column, label, title in (
        ("real images", "per class", "random real images per class", "How many real images teach as much"),
        ("real steps", "step", "step of training on all real data", "How many steps on all real data teach as much"),
    ):
        held = having(found, name, column, "accuracy", "low", "high")
        if held:
            drawn.append(_crossing(held, column, label, title))
    held = having(found, "raw density", "from", "to", "set", "real")
    if held:
        drawn.append(_raw(held))
    return drawn


def _crossing(held: list[Held], column: str, label: str, title: str) -> Figure:
    """The curve of real data, and where each set's accuracy lies on it."""
    lines = [
        Line(f"real data{of}", REAL, *(table.column(name) for name in (column, "accuracy", "low", "high")))
        for of, table in once(held, column, "accuracy")
    ]
    levels = [
        Rule(shown.name, shown.look(shown.place // 6), y=fact.value)
        for shown, _ in held
        for fact in shown.finding.facts
        if fact.name == "accuracy"
    ]
    xs = [value for _, table in held for value in table.column(column)]
    ys = [value for _, table in held for name in ("low", "high") for value in table.column(name)]
    y = percents("accuracy", [min(max(value, 0.0), 1.0) for value in finite(ys)], [rule.y for rule in levels])
    scale = Log.over(xs) if column == "per class" else Linear.over(xs, (0.0,))
    x = Axis(label, scale, at=tuple(sorted(set(finite(xs)))) if column == "per class" else ())
    caption = "Grey: learners of real data, with 95 % intervals; a set is worth what lies where its line is crossed."
    return Figure(title, plot([*lines, *levels], x, y, title), caption, legend([*lines, *levels]), tables_of(held))


def _raw(held: list[Held]) -> Figure:
    def middle(table: Table) -> list[float]:
        pairs = zip(table.column("from"), table.column("to"), strict=True)
        return [(float(low or 0) + float(high or 0)) / 2 for low, high in pairs]

    lines = [Line(shown.name, shown.look(), middle(table), table.column("set")) for shown, table in held]
    _, real = once(held[:1], "real")[0]
    lines.append(Line("real images", Look(-1, 1), middle(real), real.column("real")))
    # Real images have much at exactly 0 and 1: the axis is that of the sets.
    most = max(finite(value for _, table in held for value in table.column("set")))
    edges = [Rule("", REAL, x=0.0), Rule("", REAL, x=1.0)]
    x, y = (
        numbers("raw value (real ones lie between 0 and 1)", *(line.x for line in lines)),
        numbers("density", [0.0, most * 1.1], include=(0.0,)),
    )
    title = "The raw values of the images"
    caption = (
        "Probability density of all raw values; what lies outside the grey lines is lost where images are clipped."
    )
    ranges = [(name, each) for name, each in tables_of(held)]
    return Figure(title, plot([*edges, *lines], x, y, title), caption, legend(lines), tuple(ranges))


def mixing(found: Sequence[Shown]) -> list[Figure]:
    """Accuracy with real images added, and what adding them changes."""
    held = having(found, "mixing", "added per class", "set and real", "low", "high", "real alone", "gain", "low gain")
    if not held:
        return []
    lines = [
        Line(
            shown.name,
            shown.look(),
            *(table.column(name) for name in ("added per class", "set and real", "low", "high")),
        )
        for shown, table in held
    ]
    alone = ("added per class", "real alone", "low alone", "high alone")
    lines += [
        Line(f"as many real images in its place{of}", Look(-1, 1), *(table.column(name) for name in alone))
        for of, table in once(held, *alone)
    ]
    gains = [
        Line(
            shown.name,
            shown.look(),
            *(table.column(name) for name in ("added per class", "gain", "low gain", "high gain")),
        )
        for shown, table in held
    ]
    added = sorted({value for line in lines for value in finite(line.x)})
    x = Axis("real images added to each class", Log1p.over(added), at=tuple(added))
    y = percents("accuracy", *(line.low for line in lines), *(line.high for line in lines))
    inside = percents("change of accuracy, points", *(line.low for line in gains), *(line.high for line in gains))
    change = Axis("change of accuracy, points", inside.scale, times=100)
    titles = "Learning from a set and real images together", "What adding real images changes"
    return [
        Figure(
            titles[0],
            plot(lines, x, y, titles[0]),
            "Mean accuracy and 95 % interval over learners. Dashed: real images alone, as many in all.",
            legend(lines),
            tables_of(held),
        ),
        Figure(
            titles[1],
            plot([Rule("", REAL, y=0.0), *gains], x, change, titles[1]),
            "Paired differences from the set alone with 95 % intervals: below the grey line, adding real images harms.",
            legend(gains),
            tables_of(held),
        ),
    ]


def cross_architecture(found: Sequence[Shown]) -> list[Figure]:
    """Every network by every set as a heat map, and the search that chose their training."""
    held = having(found, "networks", "network", "set", "low set", "high set", "real", "gain")
    drawn = []
    if held:
        columns = list(dict.fromkeys(str(name) for _, table in held for name in table.column("network")))
        rows, values, texts = [], [], []
        by = [{str(row[0]): dict(zip(table.columns, row, strict=True)) for row in table.rows} for _, table in held]
        for (shown, _), cells in zip(held, by, strict=True):
            rows.append(shown.name)
            values.append([cells.get(name, {}).get("set") for name in columns])
            texts.append([_cell(cells.get(name, {})) for name in columns])
        rows.append("real images")
        first = [next((cells[name]["real"] for cells in by if name in cells), None) for name in columns]
        values.append(first)
        texts.append([(_share(value), "") for value in first])
        title = "Which networks learn from which set"
        caption = (
            "Accuracy in per cent, and below it the gain over as many random real images, in points; a fuller shade is "
            f"more accurate. Real images: beside {held[0][0].name}."
        )
        drawn.append(Figure(title, heat(rows, columns, values, texts, title), caption, (), tables_of(held)))
    return drawn + _search(having(found, "draws", "network", "on", "learning_rate", "validation", "accuracy"))


def _share(value: object) -> str:
    return f"{100 * value:.1f}" if isinstance(value, float) else ""


def _cell(row: Mapping[str, object]) -> tuple[str, str]:
    gain = row.get("gain")
    return _share(row.get("set")), f"{100 * gain:+.1f}".replace("-", "−") if isinstance(gain, float) else ""


def _search(held: list[Held]) -> list[Figure]:
    """The accuracy of each draw by its learning rate."""
    if not held:
        return []
    dots = []
    for shown, table in held:
        mine = select(table, on="set")
        dots.append(Dots(shown.name, shown.look(), mine.column("learning_rate"), mine.column("accuracy"), large=True))
    title = "How they were trained"
    x = Axis("learning rate", Log.over([value for each in dots for value in each.x]))
    y = percents("accuracy", *(each.y for each in dots))
    caption = "One learner for each drawn setting, of every network; the setting is chosen by validation."
    return [Figure(title, plot(dots, x, y, title), caption, legend(dots), tables_of(held))]


ON = {"the set": 0, "random real images": 1, "all real data": 2}


def continuation(found: Sequence[Shown]) -> list[Figure]:
    """The change of accuracy along further training."""
    held = having(found, "continuation", "on", "step", "change", "low", "high", "n")
    if not held:
        return []
    lines = []
    for on, dash in ON.items():
        parts = [(shown, select(table, on=on)) for shown, table in held]
        parts = [(shown, table) for shown, table in parts if table.rows]
        if on == "the set":
            lines += [Line(shown.name, shown.look(), *_change(table)) for shown, table in parts]
        else:
            lines += [Line(f"{on}{of}", Look(-1, dash), *_change(table)) for of, table in once(parts, "step", "change")]
    x = Axis("steps of further training", Log1p.over([value for line in lines for value in line.x]))
    values = [value for line in lines for side in (line.low or line.y, line.high or line.y) for value in side]
    y = Axis("change of accuracy, points", Linear.over(values), times=100)
    title = "Training a finished learner further"
    picture = plot([Rule("", REAL, y=0.0), *lines], x, y, title)
    caption = (
        "Each learner against itself before, with 95 % intervals; each begins where 300 steps on all real data end."
    )
    return [Figure(title, picture, caption, legend(lines), tables_of(held))]


def _change(table: Table) -> tuple[list, ...]:
    """The columns of a change; no band where one learner tells of no spread."""
    alone = all(n == 1 for n in table.column("n"))
    return tuple(table.column(name) for name in (("step", "change") if alone else ("step", "change", "low", "high")))


def budget(found: Sequence[Shown]) -> list[Figure]:
    """What facts come to as classes have more items: one chart for each fact, the first dozen."""
    drawn = []
    for shown, table in having(found, "facts", "probe", "fact", "per class", "value", "low", "high"):
        pairs = list(dict.fromkeys(zip(table.column("probe"), table.column("fact"), strict=True)))
        for probe, fact in pairs[:12]:
            mine = select(table, probe=probe, fact=fact)
            rows = sorted(
                zip(*(mine.column(name) for name in ("per class", "value", "low", "high")), strict=True),
                key=lambda row: float(row[0] or 0),
            )
            line = Line("", Look(0), *(list(column) for column in zip(*rows, strict=True)))
            x = Axis("items per class", Log.over(line.x), at=tuple(finite(line.x)))
            title = f"{fact} ({probe})"
            y = numbers("value", line.y, line.low, line.high)
            drawn.append(Figure(title, plot([line], x, y, title), "Mean and 95 % interval.", (), ((shown.name, mine),)))
    return drawn
