"""The claims of Yang et al. (ICML 2024) held against sets that limbeck distilled at small width: one row each.

    limbeck explain bptt.safetensors dm.safetensors dc.safetensors mtt.safetensors --json > findings.json
    python benchmarks/paper_small.py findings.json [MORE.json...] --out benchmarks/results/paper-small.md

The sets are those of `cifar10_methods.sh`, one for each category of the paper: bptt, dm (distribution matching),
dc (gradient matching), mtt (trajectory matching). A claim about a method is asked of its set alone. Every mark comes
from one function, `mark`: a claim holds where the whole interval of its number lies on the side that the claim names,
does not hold where all of it lies on the other, and is open otherwise, as with fewer than three independent draws. A
claim that hangs on how strong a set is does not fail by a weak one: it is open. Later files take the place of earlier
ones, probe by probe and set by set. Nothing here is tuned to a claim.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from limbeck.core.findings import Fact, Finding
from limbeck.core.findings import Row as TableRow
from limbeck.probes.tables.agreement import MatchedRow, PoolRow
from limbeck.probes.tables.continuation import SET
from limbeck.probes.tables.curvature import RealTraceRow
from limbeck.probes.tables.influence import ADDITIVE, DISTANCE, OWN, RELIABILITY, SEEDS
from limbeck.probes.tables.landscape import CornerRow
from limbeck.probes.tables.learning_time import TrajectoryRow
from limbeck.probes.tables.mixing import MixingRow
from limbeck.probes.tables.recognition import RecognitionRow
from limbeck.probes.tables.substitution import ACCURACY, RangeRow, RealImagesRow
from limbeck.probes.verdicts.agreement import EARLY, SUBSETS
from limbeck.probes.verdicts.landscape import BEYOND, RISE, RISES
from limbeck.probes.verdicts.learning_time import SOONER
from limbeck.probes.verdicts.mixing import gain
from limbeck.probes.verdicts.recognition import NEAR
from limbeck.probes.verdicts.semantics import CARRYING
from limbeck.probes.verdicts.substitution import CLIPPED, OVER
from limbeck.statistics.decisions import ABOVE, BELOW, OPEN, corrected, side
from limbeck.statistics.effects import TOP10, TOP100
from limbeck.statistics.estimates import LEVEL, estimate, share, t_quantile

One = TypeVar("One")
Kind = TypeVar("Kind", bound=TableRow)

METHODS = {"bptt": "BPTT", "mtt": "TM", "dc": "GM", "dm": "DM"}
BOTH, REST = ("bptt", "mtt"), ("dm", "dc")
HOLDS, FAILS, UNDECIDED = "holds", "**does not hold**", "open"
STRONG = "open (needs sets as strong as the paper's)"
GPU = "open (needs an accelerator, other data or given weights)"
TESTED = "holds (tests)"
REPORTED = "reported"
Found = dict[str, dict[str, Finding]]
"""found[method][probe]"""


def mark(fact: Fact, cut: float, way: str) -> str:
    """What a number says of the claim that it lies `ABOVE` a cut, or `BELOW` it: by its interval, as probes decide."""
    found = side(fact, cut)
    return UNDECIDED if found == OPEN else HOLDS if found == way else FAILS


def together(marks: Iterable[str]) -> str:
    """What several inequalities come to: all must hold, and one that does not is enough."""
    found = list(marks)
    return next((worst for worst in (FAILS, UNDECIDED, STRONG, GPU) if worst in found), HOLDS)


class Answer(NamedTuple):
    """What was measured, what it is held against, and whether the claim holds of it."""

    ours: str
    beside: str
    verdict: str


class Row(NamedTuple):
    """A claim, the paper's figure, its mark of the first version, and how it is asked; None where nothing can be."""

    id: str
    claim: str
    paper: str
    before: str
    ask: Callable[[Found], Answer] | None
    by_strength: bool = False
    """Whether a weak set cannot refute it."""


def told(fact: Fact, scale: float = 1.0, digits: int = 2) -> str:
    """A number with its interval and n."""
    value, low, high = (f"{scale * each:z.{digits}f}" for each in fact[1:4])
    return value if fact.n < 2 else f"{value} ({low} to {high}, n {fact.n})"


def points(fact: Fact) -> str:
    """A share or a difference of shares, in per cent."""
    return told(fact, 100, 1)


def less(one: Fact, other: Fact, level: float = LEVEL) -> Fact:
    """One mean less another, from their intervals at 95 %, by Welch's t."""
    parts = []
    for fact in (one, other):
        half = max(fact.high - fact.value, fact.value - fact.low)
        parts.append((half / t_quantile(max(fact.n - 1, 1))) ** 2 if fact.n > 1 else math.nan)
    count, value, spread = min(one.n, other.n), one.value - other.value, sum(parts)
    if not spread > 0:
        return Fact("", value, value, value, count if spread == 0 else 1)
    freedom = spread**2 / sum(u**2 / (fact.n - 1) for u, fact in zip(parts, (one, other), strict=True))
    half = t_quantile(freedom, level) * spread**0.5
    return Fact("", value, value - half, value + half, count)


def rows(kind: type[Kind], finding: Finding) -> list[Kind]:
    """The rows of a table; KeyError where the finding has none, or those of another version."""
    read = kind.of(finding)
    if read is None:
        raise KeyError(f"{finding.probe}: no table {kind.table_name!r} of this version")
    return read


def beside(finding: Finding, name: str) -> Fact:
    """The fact of a finding's control; KeyError where there is none."""
    return {fact.name: fact for fact in finding.control}[name]


def each(found: Found, ask: Callable[[Found, str], Answer], methods: Sequence[str] = tuple(METHODS)) -> Answer:
    """A claim asked of several methods, all of which must bear it out; those that were not measured are named."""
    answers = {}
    for method in methods:
        try:
            answers[method] = ask(found, method)
        except KeyError:
            continue
    if not answers:
        raise KeyError(methods)
    ours = "; ".join(f"{METHODS[method]} {answer.ours}" for method, answer in answers.items())
    held = [answer.beside for answer in answers.values()]
    # What all are held against alike is said once.
    named = [f"{METHODS[method]} {answer.beside}" for method, answer in answers.items() if answer.beside]
    against = held[0] if len(set(held)) == 1 else "; ".join(named)
    verdicts = {METHODS[method]: answer.verdict for method, answer in answers.items()}
    verdicts |= {METHODS[method]: UNDECIDED for method in methods if method not in answers}
    if len(set(verdicts.values())) == 1:
        return Answer(ours, against, next(iter(verdicts.values())))
    apart = ", ".join(f"{name}: {verdict.strip('*')}" for name, verdict in verdicts.items())
    return Answer(ours, against, f"{together(verdicts.values())} ({apart})")


def asked(
    probe: str,
    name: str,
    *sides: tuple[float, str],
    write: Callable[[Fact], str] = told,
    against: str = "",
) -> Callable[[Found, str], Answer]:
    """The claim that a fact of a probe lies so of these cuts, beside its control (or the fact `against` of that)."""

    def ask(found: Found, method: str) -> Answer:
        finding = found[method][probe]
        fact = finding.fact(name)
        try:
            control = f"control {write(beside(finding, against or name))}"
        except KeyError:
            control = ""
        return Answer(write(fact), control, together(mark(fact, cut, way) for cut, way in sides) if sides else REPORTED)

    return ask


def of_methods(
    methods: Sequence[str], probe: str, name: str, *sides: tuple[float, str], write: Callable[[Fact], str] = told
) -> Callable[[Found], Answer]:
    """The same, asked of the sets of several methods."""
    return lambda found: each(found, asked(probe, name, *sides, write=write), methods)


def by_tests(how: str) -> Callable[[Found], Answer]:
    """A property that the suite holds."""
    return lambda found: Answer(how, "exact", TESTED)


def _accuracy(found: Found, method: str) -> Fact:
    return found[method]["substitution"].fact(ACCURACY)


def _order(found: Found) -> Answer:
    names = ("bptt", "mtt", "dc", "dm")
    ours = [_accuracy(found, name) for name in names]
    said = ", ".join(f"{METHODS[name]} {points(fact)}" for name, fact in zip(names, ours, strict=True))
    pairs = [less(one, other, corrected(3)) for one, other in zip(ours, ours[1:], strict=False)]
    return Answer(said, "", together(mark(pair, 0, ABOVE) for pair in pairs))


def _subset(found: Found, per_class: int) -> Fact:
    """The accuracy of random real examples; of all sets the same."""
    finding = only(each["substitution"] for each in found.values())
    row = only(row for row in rows(RealImagesRow, finding) if row.per_class == per_class)
    return Fact(ACCURACY, row.test_accuracy, row.low, row.high, finding.fact(ACCURACY).n)


def only(found: Iterable[One]) -> One:
    """The first; KeyError where there is none."""
    first = next(iter(found), None)
    if first is None:
        raise KeyError("nothing of that kind")
    return first


def _subsets(*sizes: int) -> Callable[[Found], Answer]:
    return lambda found: Answer(", ".join(points(_subset(found, size)) for size in sizes), "", REPORTED)


def _noise(found: Found) -> Answer:
    half = {METHODS[method]: (fact.high - fact.low) / 2 for method in METHODS for fact in [_accuracy(found, method)]}
    said = ", ".join(f"{name} {100 * value:.1f}" for name, value in half.items())
    return Answer(f"half-widths {said} points, n {_accuracy(found, 'dm').n}", "", REPORTED)


def _plateau_of_real(found: Found) -> Answer:
    finding = found["dm"]["learning-time"]
    last = max(row.step for row in rows(TrajectoryRow, finding))
    return Answer(f"{points(finding.fact('test accuracy at the end'))}, width 16, up to step {last}", "", REPORTED)


def _recognised(found: Found, method: str) -> list[RecognitionRow]:
    return rows(RecognitionRow, found[method]["recognition"])


def _seen(row: RecognitionRow) -> Fact:
    return Fact(row.network, row.accuracy_on_set, row.low_on_set, row.high_on_set, row.n)


def _networks(found: Found) -> Answer:
    of = {method: _recognised(found, method) for method in METHODS}
    said = [
        f"{of['dm'][place].network} ({of['dm'][place].steps} steps, test {100 * of['dm'][place].test_accuracy:.1f}): "
        + ", ".join(f"{METHODS[method]} {told(_seen(of[method][place]))}" for method in METHODS)
        for place in range(len(of["dm"]))
    ]
    return Answer("; ".join(said), "", REPORTED)


def _recognition_order(found: Found) -> Answer:
    of = {method: list(map(_seen, _recognised(found, method))) for method in METHODS}
    count = len(of["dm"])
    level = corrected(4 * count)
    apart = [less(of[high][place], of[low][place], level) for place in range(count) for high in BOTH for low in REST]
    least = min(apart, key=lambda fact: fact.value)
    said = f"least difference of {4 * count}: {told(least)}"
    return Answer(said, "intervals of all at once", together(mark(fact, 0, ABOVE) for fact in apart))


def _recognition_above(found: Found, method: str) -> Answer:
    least = min(map(_seen, _recognised(found, method)), key=lambda fact: fact.value)
    return Answer(f"{told(least)} at least", "chance 0.10", mark(least, 0.3, ABOVE))


def _on_clusters(found: Found) -> Answer:
    near = {method: found[method]["recognition"].fact(NEAR) for method in ("mtt", "dm")}
    real = found["dm"]["recognition"].fact(f"{NEAR}, real").value
    said = ", ".join(f"{METHODS[method]} {told(fact)}" for method, fact in near.items())
    return Answer(said, f"unseen real examples {real:.2f}", mark(less(near["mtt"], near["dm"]), 0, ABOVE))


def _outside(found: Found, method: str) -> Answer:
    finding = found[method]["substitution"]
    channels = rows(RangeRow, finding)
    low, high = min(row.set_low for row in channels), max(row.set_high for row in channels)
    fact = share("", finding.fact("share of values outside").value, 100 * 3072)
    return Answer(f"{100 * fact.value:.1f} %, {low:.2f} to {high:.2f}", "real examples: none", mark(fact, 0, ABOVE))


def _monotone(found: Found) -> Answer:
    table = rows(MixingRow, found["dm"]["mixing"])
    n = found["dm"]["mixing"].fact(gain(table[-1].added_per_class)).n
    facts = [Fact("", row.real_alone, row.low_alone, row.high_alone, n) for row in table]
    steps = [less(after, before, corrected(len(facts) - 1)) for before, after in zip(facts, facts[1:], strict=False)]
    added = ", ".join(str(row.added_per_class) for row in table)
    said = ", ".join(f"{100 * fact.value:.1f}" for fact in facts)
    return Answer(f"{said} at r = {added}, n {n}", "", together(mark(fact, 0, ABOVE) for fact in steps))


def _beyond_peers(found: Found, method: str) -> Answer:
    subsets, early = (
        found[method]["agreement"].fact(f"agreement beyond that among themselves, {name}") for name in (SUBSETS, EARLY)
    )
    said = f"{told(subsets)} (subsets), {told(early)} (early)"
    return Answer(said, "0 for a learner of the pool", together([
        mark(subsets, 0, BELOW), mark(less(early, subsets), 0, ABOVE)
    ]))  # fmt: skip


def _stops(found: Found, method: str) -> Answer:
    steps = [row.setting for row in rows(MatchedRow, found[method]["agreement"]) if row.pool == EARLY]
    said = f"{min(steps):.0f} to {max(steps):.0f} (n {len(steps)})" if steps else "none matched"
    return Answer(said, "", REPORTED)


def _matched(found: Found, method: str) -> Answer:
    row = only(row for row in rows(PoolRow, found[method]["agreement"]) if row.pool == SUBSETS)
    return Answer(f"{row.matched} of {row.trained}", "", REPORTED)


def _readings(found: Found, method: str, column: str) -> Callable[[int], float]:
    table = rows(TrajectoryRow, found[method]["learning-time"])

    def at(step: int) -> float:
        values = [getattr(row, column) for row in table if row.step == step]
        return sum(values) / len(values) if values else math.nan

    return at


def _trajectory(column: str, steps: Sequence[int]) -> Callable[[Found, str], Answer]:
    def ask(found: Found, method: str) -> Answer:
        at = _readings(found, method, column)
        real = _readings(found, method, "real")
        said = ", ".join(f"{step}: {at(step):.2f}" for step in steps)
        control = ", ".join(f"{step}: {real(step):.2f}" for step in steps) if column == "recognition" else ""
        return Answer(said, f"random real examples {control}" if control else "", REPORTED)

    return ask


def _early(found: Found, method: str) -> Answer:
    finding = found[method]["learning-time"]
    sooner, rise = finding.fact(SOONER), finding.fact("rise of test accuracy from then to the end")
    stops = finding.fact("step at which recognition stops improving")
    said = f"step {told(stops, 1, 0)}, {told(sooner)} times that of random real ones; test then rises by {points(rise)}"
    control = beside(finding, "step at which recognition stops improving")
    marks = [mark(sooner, 1, BELOW), mark(rise, 0, ABOVE)]
    return Answer(said, f"control: step {told(control, 1, 0)}", together(marks))


def _recognition_above_test(found: Found, method: str) -> Answer:
    finding = found[method]["learning-time"]
    least: dict[int, float] = {}
    real: dict[int, float] = {}
    for row in rows(TrajectoryRow, finding):
        if row.step >= 40:
            least[row.seed] = min(row.smoothed - row.test_accuracy, least.get(row.seed, math.inf))
            real[row.seed] = min(row.real - row.test_accuracy, real.get(row.seed, math.inf))
    fact, control = (estimate("", list(values.values())) for values in (least, real))
    return Answer(f"least by {told(fact)}", f"random real examples {told(control)}", mark(fact, 0, ABOVE))


def _by_start(finding: Finding) -> dict[int, list[RealTraceRow]]:
    found: dict[int, list[RealTraceRow]] = {}
    for row in rows(RealTraceRow, finding):
        found.setdefault(row.start, []).append(row)
    return found


def _saddle(found: Found, method: str) -> Answer:
    curves = _by_start(found[method]["curvature"]).values()
    fact = estimate("", [abs(curve[0].set_trace) / max(row.set_trace for row in curve) for curve in curves])
    real = estimate("", [abs(curve[0].control_trace) / max(row.control_trace for row in curve) for curve in curves])
    return Answer(f"{told(fact)} of the peak", f"control {told(real)}", mark(fact, 0.2, BELOW))


def _crossing(way: str) -> Callable[[Found, str], Answer]:
    """Whether the trace ends above or below that of real examples: its logarithm, over starts."""

    def ask(found: Found, method: str) -> Answer:
        finding = found[method]["curvature"]
        ends = [curve[-1] for curve in _by_start(finding).values()]
        ours, control = (
            estimate("", [math.log(max(getattr(row, name), 1.0) / max(row.real_trace, 1.0)) for row in ends])
            for name in ("set_trace", "control_trace")
        )
        fact, real = (
            Fact("", math.exp(each.value), math.exp(each.low), math.exp(each.high), each.n) for each in (ours, control)
        )
        return Answer(f"{told(fact)} of that on real examples", f"control {told(real)}", mark(ours, 0, way))

    return ask


def _negative(found: Found) -> Answer:
    name = "negative share of the curvature of the loss on real at the end of training on the set"
    dm, bptt = (found[method]["curvature"].fact(name) for method in ("dm", "bptt"))
    control = beside(found["dm"]["curvature"], name)
    said = f"DM {told(dm)}, BPTT {told(bptt)}"
    return Answer(said, f"control {told(control)}", mark(less(dm, bptt), 0, ABOVE))


def _corners(found: Found, method: str) -> Answer:
    corners = rows(CornerRow, found[method]["landscape"])
    apart = max(abs(row.test_loss - row.test_loss_on_plane) / abs(row.test_loss) for row in corners)
    return Answer(f"{apart:.0e} apart at most", "exact", TESTED)


def _grows_confident(found: Found, method: str) -> Answer:
    finding = found[method]["landscape"]
    rise, moved = finding.fact(RISE), finding.fact("share of predictions that change after the lowest loss")
    control, beyond = beside(finding, RISE), finding.fact(BEYOND)
    said = f"rises by {points(rise)} % of its lowest, {points(moved)} % of predictions change after"
    control_said = f"control rises by {points(control)} %; the set beyond that {points(beyond)}"
    return Answer(said, control_said, together([mark(rise, RISES, ABOVE), mark(moved, 0.2, BELOW)]))


def _split(found: Found, method: str) -> Answer:
    finding = found[method]["landscape"]
    names = ("rise where it ends right", "rise where it ends wrong")
    right, wrong = (finding.fact(name) for name in names)
    control = ", ".join(told(beside(finding, name)) for name in names)
    said = f"right {told(right)}, wrong {told(wrong)}"
    return Answer(said, f"control {control}", together([mark(right, 0, BELOW), mark(wrong, 0, ABOVE)]))


def _more_than_real(found: Found, method: str) -> Answer:
    finding = found[method]["influence"]
    ours, real = finding.fact(TOP100), beside(finding, TOP100)
    return Answer(told(ours), f"control {told(real)}", mark(less(ours, real), 0, ABOVE))


def _repeats(found: Found, method: str) -> Answer:
    finding = found[method]["influence"]
    mean, own = finding.fact(RELIABILITY), finding.fact(OWN)
    said = f"one seed with another {told(finding.fact(SEEDS))}; own part {told(own)}; mean over seeds {told(mean)}"
    control = f"own part of the control {told(beside(finding, OWN))}"
    return Answer(said, control, together([mark(own, 0, ABOVE), mark(mean, 0.5, ABOVE)]))


def _in_class(found: Found, method: str) -> Answer:
    finding = found[method]["influence"]
    names = ("mean influence in class", "mean influence out of class")
    inside, out = (finding.fact(name) for name in names)
    control = ", ".join(told(beside(finding, name), 1, 3) for name in names)
    said = f"{told(inside, 1, 3)}, {told(out, 1, 3)}"
    return Answer(said, f"control {control}", mark(less(inside, out), 0, ABOVE))


def _attributes(found: Found, method: str) -> Answer:
    finding = found[method]["semantics"]
    ours = finding.fact(CARRYING)
    tests = finding.fact("tests").value
    control = beside(finding, CARRYING)
    said = f"{points(ours)} % of images, {tests:.0f} tests"
    return Answer(said, f"control {points(control)} %", mark(less_share(ours, control), 0, ABOVE))


def less_share(one: Fact, other: Fact) -> Fact:
    """One share less another, apart where their intervals do not touch."""
    return Fact("", one.value - other.value, one.low - other.high, one.high - other.low, min(one.n, other.n))


SMALL_COST = ((-0.01, ABOVE), (0.01, BELOW))
LEFT = "end over peak of the trace on set"

ROWS = (
    Row(
        "N1",
        "BPTT is above 10 random real examples per class",
        "58.9 against 27.3",
        "holds",
        of_methods(("bptt",), "substitution", OVER, (0, ABOVE), write=points),
    ),
    Row(
        "N2, N3",
        "DM and GM are above them by more than 5 points",
        "42.7, 46.0",
        "inconclusive",
        of_methods(REST, "substitution", OVER, (0.05, ABOVE), write=points),
    ),
    Row(
        "N4", "TM is above them", "53.6", "holds", of_methods(("mtt",), "substitution", OVER, (0, ABOVE), write=points)
    ),
    Row("N5", "BPTT > TM > GM > DM", "58.9, 53.6, 46.0, 42.7", "does not hold", _order, by_strength=True),
    Row("N6", "10 random real examples per class", "27.3", "reported", _subsets(10)),
    Row("N7", "12, 20, 60 random real examples per class", "28.7, 32.6, 45.1", "reported", _subsets(12, 20, 60)),
    Row(
        "N8",
        "clipping to [0, 1] costs accuracy (BPTT)",
        "58 -> 44",
        "inconclusive",
        of_methods(("bptt",), "substitution", CLIPPED, (0, ABOVE), write=points),
        by_strength=True,
    ),
    Row("N9", "noise of retraining", "about 1 point", "reported", _noise),
    Row("N10, N11", "accuracy of real ConvNets, widths 128 and 16", "80.9, 68.4", "not yet run", _plateau_of_real),
    Row("N12", "accuracy of real ResNets", "90.8, 92.8", "not yet run", None),
    Row(
        "N13",
        "parameters of ConvNets",
        "320,010 at width 128",
        "holds (tests)",
        by_tests("equal at widths 16, 32, 64, 128"),
    ),
    Row("R1 to R4", "recognition by networks of that size", "figure 2", "not yet run", _networks),
    Row(
        "R5",
        "real-trained networks recognise TM, BPTT more than DM, GM",
        "for every network",
        "holds",
        _recognition_order,
    ),
    Row(
        "R5",
        "all sets are recognised well above chance",
        "0.36 at least",
        "holds",
        lambda found: each(found, _recognition_above),
    ),
    Row("R6", "TM lies on the clusters of its classes, DM partly off", "a map", "holds", _on_clusters),
    Row(
        "P1",
        "distilled pixels leave [0, 1]",
        "DM -0.35 to 1.7, TM -0.6 to 1.85",
        "holds",
        lambda found: each(found, _outside),
    ),
    Row("P2", "Xavier start has an amplitude of 0.043", "0.043", "holds (tests)", by_tests("by formula")),
    Row(
        "M1, M2",
        "2 real examples per class lower BPTT and TM",
        "-4.3, -4.0",
        "inconclusive",
        of_methods(BOTH, "mixing", gain(2), (0, BELOW), write=points),
        by_strength=True,
    ),
    Row(
        "M3, M4",
        "2 real examples per class lower DM and GM",
        "-2.5, -0.8",
        "inconclusive",
        of_methods(REST, "mixing", gain(2), (0, BELOW), write=points),
        by_strength=True,
    ),
    Row(
        "M1, M2",
        "10 real examples per class lower BPTT and TM",
        "-8.9, -7.8",
        "inconclusive (TM holds)",
        of_methods(BOTH, "mixing", gain(10), (0, BELOW), write=points),
        by_strength=True,
    ),
    Row(
        "M3, M4",
        "10 real examples per class lower DM and GM",
        "-1.1, -2.4",
        "inconclusive",
        of_methods(REST, "mixing", gain(10), (0, BELOW), write=points),
        by_strength=True,
    ),
    Row("M5", "real examples alone are monotone", "27.3, 28.7, 32.6, 45.1", "holds", _monotone),
    Row("M6", "all converge at 250 per class", "within 1.3 points", "not yet run", None),
    Row(
        "M7",
        "50 real examples per class lower BPTT and TM",
        "-8.3, -3.5",
        "does not hold",
        of_methods(BOTH, "mixing", gain(50), (0, BELOW), write=points),
        by_strength=True,
    ),
    Row(
        "M7",
        "50 real examples per class raise DM and GM",
        "+5.0, +2.3",
        "inconclusive (GM holds)",
        of_methods(REST, "mixing", gain(50), (0, ABOVE), write=points),
        by_strength=True,
    ),
    Row("M8", "real subsets are nested and the same for all", "property", "holds (tests)", by_tests("exact")),
    Row("M9", "the same on CIFAR-100, Tiny ImageNet, IDC, FreD", "figures 17 to 19", "not yet run", None),
    Row(
        "A1 to A5",
        "learners of a set agree more with early-stopped ones than with subset-trained ones",
        "by 0.04 to 0.10",
        "inconclusive (TM, DM hold)",
        of_methods(tuple(METHODS), "agreement", f"{EARLY} less {SUBSETS}", (0, ABOVE)),
    ),
    Row(
        "A6", "the matched step of early stopping", "130 / 90 / 35 / 40", "reported", lambda found: each(found, _stops)
    ),
    Row("A7", "matched subset learners", "20 to 30 of 520", "reported", lambda found: each(found, _matched)),
    Row(
        "A8",
        "and more than with weight-decayed ones",
        "figure 20",
        "not yet run",
        of_methods(tuple(METHODS), "agreement", f"{EARLY} less weight decay", (0, ABOVE)),
    ),
    Row(
        "A9",
        "they agree less with subset-trained ones than these do among themselves, and early-stopped ones not so",
        "figure 22",
        "does not hold",
        lambda found: each(found, _beyond_peers),
    ),
    Row(
        "A10, A11",
        "Lilliefors' critical values; bounds of agreement",
        "0.191 at n = 20",
        "holds (tests)",
        by_tests("by simulation and proof"),
    ),
    Row(
        "T1",
        "test accuracy along real training",
        "100: .55, 200: .62, 300: .67",
        "reported",
        lambda found: each(found, _trajectory("test_accuracy", (100, 200, 300, 600)), ("dm",)),
    ),
    Row(
        "T2, T3",
        "recognition of BPTT and TM along it",
        "100: .97, 120: 1.00",
        "reported",
        lambda found: each(found, _trajectory("recognition", (60, 100, 200, 300, 600)), BOTH),
    ),
    Row(
        "T4, T5",
        "recognition of DM and GM along it",
        "plateaus of .74, .83",
        "reported",
        lambda found: each(found, _trajectory("recognition", (60, 100, 200, 300, 600)), REST),
    ),
    Row(
        "T6",
        "recognition stops improving early while test accuracy goes on",
        "by step 150 (figure 5)",
        "does not hold",
        lambda found: each(found, _early),
    ),
    Row(
        "T7",
        "recognition is above test accuracy from step 40",
        "figure 5",
        "holds",
        lambda found: each(found, _recognition_above_test),
    ),
    Row("H1", "the trace is near zero at the start", "-90 to 120 of 4000", "holds", lambda found: each(found, _saddle)),
    Row(
        "H2",
        "on real data it stays",
        "1790 of 2180",
        "holds",
        of_methods(("dm",), "curvature", "end over peak of the trace on real", (0.5, ABOVE)),
    ),
    Row(
        "H3, H4, H7",
        "on BPTT and TM it peaks and falls below 0.3 of that",
        ".10 and .15",
        "does not hold",
        of_methods(BOTH, "curvature", LEFT, (0.3, BELOW)),
    ),
    Row(
        "H5, H6, H7",
        "on DM and GM it keeps more than 0.3",
        ".63 and .51",
        "holds",
        of_methods(REST, "curvature", LEFT, (0.3, ABOVE)),
    ),
    Row(
        "H8",
        "BPTT and TM fall below real data",
        "157, 205",
        "does not hold (DM)",
        lambda found: each(found, _crossing(BELOW), BOTH),
    ),
    Row("H8", "DM and GM do not", "never", "does not hold (DM)", lambda found: each(found, _crossing(ABOVE), REST)),
    Row(
        "H9, H10",
        "the estimators converge, and their stopping rule tells its error",
        "property",
        "holds (tests)",
        by_tests("against dense Hessians"),
    ),
    Row("H11, H12", "more images per class, learned learning rates", "figures 15, 16", "not yet run", None),
    Row("H13", "training on a set flattens its loss and sharpens the real one", "figures 13, 14", "holds", None),
    Row("H14", "DM ends with more negative real curvature than BPTT", "figure 14", "inconclusive", _negative),
    Row("L1", "the plane is exact at its corners", "exact", "holds", lambda found: each(found, _corners)),
    Row(
        "L2",
        "training on DM raises test loss while predictions stay",
        "figure 12",
        "does not hold",
        lambda found: each(found, _grows_confident, ("dm",)),
    ),
    Row(
        "L3",
        "it falls where the end is right and rises where it is wrong",
        "figure 12",
        "holds",
        lambda found: each(found, _split, ("dm",)),
    ),
    Row(
        "I1, I9",
        "sign of influence; average precision of chance and of perfection",
        "property",
        "holds (tests)",
        by_tests("exact"),
    ),
    Row(
        "I2",
        "influence is weakly correlated with image distance",
        "below 0.2 (a working bound)",
        "holds",
        of_methods(tuple(METHODS), "influence", DISTANCE, (0.2, BELOW), (-0.2, ABOVE)),
    ),
    Row(
        "I3",
        "it repeats under other seeds, and is the image's own",
        '"highly correlated"',
        "does not hold",
        lambda found: each(found, _repeats),
    ),
    Row(
        "I4",
        "and among real examples",
        "positive",
        "inconclusive (BPTT holds)",
        of_methods(tuple(METHODS), "influence", ADDITIVE, (0, ABOVE)),
    ),
    Row(
        "I5",
        "the 10 most helped are of its class",
        "all; here 0.9",
        "does not hold",
        of_methods(tuple(METHODS), "influence", TOP10, (0.9, ABOVE)),
        by_strength=True,
    ),
    Row(
        "I6",
        "the 100 most helped are of its class more than for real examples",
        "figure 23",
        "does not hold (BPTT, TM)",
        lambda found: each(found, _more_than_real),
    ),
    Row(
        "I7", "it helps its own class far more than others", "figure 23", "holds", lambda found: each(found, _in_class)
    ),
    Row(
        "I8, I10",
        "images carry attributes, more than random real ones (measured ones here, not a language model's)",
        "figure 9, table 1",
        "holds",
        lambda found: each(found, _attributes),
    ),
    Row(
        "E1",
        "going on with BPTT or TM changes accuracy by less than a point",
        "about 0",
        "does not hold",
        of_methods(BOTH, "continuation", f"change by {SET}", *SMALL_COST, write=points),
        by_strength=True,
    ),
    Row(
        "E2",
        "going on with DM or GM costs accuracy",
        "-5 to -7 points",
        "inconclusive (GM holds)",
        of_methods(REST, "continuation", f"change by {SET}", (0, BELOW), write=points),
    ),
    Row("F1 to F6", "a real start transfers better than Xavier's", "34.7 against 18.1 (AlexNet)", "not yet run", None),
    Row("Q1 to Q6", "the methods' own protocols at full width", "44.9 to 65", "not yet run", None),
)


def documents(path: Path) -> list[dict[str, Any]]:
    """The findings of a file, plain or under gzip."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    # What is now said of examples was said of images when the first of these were measured.
    text = re.sub(r"\b([Rr]eal|[Rr]andom|[Tt]raining|[Tt]est) image(s?)\b", r"\1 example\2", data.decode())
    return json.loads(text)["findings"]


def read(paths: Sequence[Path]) -> Found:
    """The findings of files about sets that are called as a method is; what is said later takes the place."""
    found: Found = {}
    for finding in (Finding.of(document) for path in paths for document in documents(path)):
        method = Path(finding.set).stem
        if method in METHODS:
            found.setdefault(method, {})[finding.probe] = finding
    return found


def answered(row: Row, found: Found) -> Answer:
    """What comes of a row; open where it was not measured."""
    if row.ask is None:
        return Answer("", "", GPU)
    try:
        answer = row.ask(found)
    except KeyError:
        return Answer("not measured", "", UNDECIDED)
    if row.by_strength and FAILS in answer.verdict:
        # A weak set says nothing against what is claimed of strong ones.
        return answer._replace(verdict=answer.verdict.replace(FAILS, STRONG).replace("does not hold", "not here"))
    return answer


def table(found: Found, asked: Sequence[Row] = ROWS) -> list[str]:
    """The lines of the table: each claim, what comes of it, and its mark before."""
    lines = [
        "| id | claim | paper | here | null or control | before | now |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in asked:
        got = answered(row, found)
        lines.append(
            f"| {row.id} | {row.claim} | {row.paper} | {got.ours} | {got.beside} | {row.before} | {got.verdict} |"
        )
    return lines


def main() -> None:
    """Read findings, ask each claim, write the table."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("findings", type=Path, nargs="+", help="what `explain --json` printed, or that under gzip")
    made.add_argument("--out", type=Path, required=True)
    given = made.parse_args()
    given.out.write_text("\n".join(table(read(given.findings))) + "\n")


if __name__ == "__main__":
    main()
