"""The claims of Yang et al. (ICML 2024) held against sets that limbeck distilled at small width: one row each.

    limbeck explain bptt.safetensors dm.safetensors dc.safetensors mtt.safetensors --network convnet-w16 \
        --effort quick --json > findings.json
    python benchmarks/paper_small.py findings.json [MORE.json...] --out benchmarks/results/paper-small.md

The sets are those of `cifar10_methods.sh`, one for each category of the paper: bptt, dm (distribution matching),
dc (gradient matching), mtt (trajectory matching). A claim about a method is asked of its set alone. Where a claim is an
inequality of two numbers with intervals, it holds if the intervals do not touch, is "inconclusive" if they do, and does
not hold if they are apart the other way; a difference that was measured in pairs is held against zero. Later files
take the place of earlier ones, probe by probe and set by set. Nothing here is tuned to a claim.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from limbeck.core.findings import Fact, Finding
from limbeck.core.findings import Row as TableRow
from limbeck.probes.tables.agreement import MatchedRow, PoolRow
from limbeck.probes.tables.curvature import RealTraceRow, SetTraceRow
from limbeck.probes.tables.landscape import CornerRow, LossRow, SplitRow
from limbeck.probes.tables.learning_time import TrajectoryRow
from limbeck.probes.tables.mixing import MixingRow
from limbeck.probes.tables.recognition import RecognitionRow
from limbeck.probes.tables.substitution import ACCURACY, RangeRow, RealImagesRow

Kind = TypeVar("Kind", bound=TableRow)

METHODS = {"bptt": "BPTT", "mtt": "TM", "dc": "GM", "dm": "DM"}
HOLDS, FAILS, OPEN, GPU = "holds", "**does not hold**", "inconclusive", "not yet run"
"""What comes of a claim; the last where it needs an accelerator, other data or a set that was not examined."""
Found = dict[str, dict[str, Finding]]
"""found[method][probe]"""


class Answer(NamedTuple):
    """What was measured, and whether the claim holds of it."""

    ours: str
    verdict: str


class Row(NamedTuple):
    """A claim, the paper's figure, and how it is asked of findings; None where there is nothing to ask it of."""

    id: str
    claim: str
    paper: str
    ask: Callable[[Found], Answer] | None


def told(fact: Fact, scale: float = 1.0, digits: int = 2) -> str:
    """A number with its interval and n."""
    if fact.n < 2:
        return f"{scale * fact.value:.{digits}f}"
    return (
        f"{scale * fact.value:.{digits}f} ({scale * fact.low:.{digits}f} to {scale * fact.high:.{digits}f}, n {fact.n})"
    )


def _percent(fact: Fact) -> str:
    return told(fact, 100, 1)


def above(one: Fact, other: Fact) -> str:
    """Whether one number is above another."""
    return HOLDS if one.low > other.high else FAILS if one.high < other.low else OPEN


def over(fact: Fact, level: float) -> str:
    """Whether a number is above a level."""
    return HOLDS if fact.low > level else FAILS if fact.high < level else OPEN


def _under(fact: Fact, level: float) -> str:
    return over(Fact(fact.name, -fact.value, -fact.high, -fact.low, fact.n), -level)


def _exactly(said: bool) -> str:
    return HOLDS if said else FAILS


def all_of(verdicts: list[str]) -> str:
    """What several inequalities come to together."""
    return next((worst for worst in (FAILS, OPEN, GPU) if worst in verdicts), HOLDS)


def rows(kind: type[Kind], finding: Finding) -> list[Kind]:
    """The rows of a table; KeyError where the finding has none, or those of another version."""
    read = kind.of(finding)
    if read is None:
        raise KeyError(f"{finding.probe}: no table {kind.table_name!r} of this version")
    return read


def each(found: Found, ask: Callable[[Found, str], Answer], methods: tuple[str, ...] = tuple(METHODS)) -> Answer:
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
    verdicts = {METHODS[method]: answer.verdict for method, answer in answers.items()}
    verdicts |= {METHODS[method]: GPU for method in methods if method not in answers}
    if len(set(verdicts.values())) == 1:
        return Answer(ours, next(iter(verdicts.values())))
    apart = ", ".join(f"{name}: {verdict.strip('*')}" for name, verdict in verdicts.items())
    return Answer(ours, f"{all_of(list(verdicts.values()))} ({apart})")


def _accuracy(found: Found, method: str) -> Fact:
    return found[method]["substitution"].fact(ACCURACY)


def subset(found: Found, per_class: int) -> Fact:
    """The accuracy of random real images; of all sets the same."""
    finding = next(iter(found.values()))["substitution"]
    row = _only(row for row in rows(RealImagesRow, finding) if row.per_class == per_class)
    return Fact(ACCURACY, row.test_accuracy, row.low, row.high, finding.fact(ACCURACY).n)


def _only(found: Iterable[Kind]) -> Kind:
    """The first row; KeyError where there is none."""
    first = next(iter(found), None)
    if first is None:
        raise KeyError("no such row")
    return first


def _beats_subset(margin: float) -> Callable[[Found, str], Answer]:
    def ask(found: Found, method: str) -> Answer:
        ours, real = _accuracy(found, method), subset(found, 10)
        shifted = Fact("", real.value + margin, real.low + margin, real.high + margin, real.n)
        return Answer(f"{_percent(ours)} against {_percent(real)}", above(ours, shifted))

    return ask


def _order(found: Found) -> Answer:
    names = ("bptt", "mtt", "dc", "dm")
    ours = [_accuracy(found, name) for name in names]
    said = ", ".join(f"{METHODS[name]} {_percent(fact)}" for name, fact in zip(names, ours, strict=True))
    return Answer(said, all_of([above(one, other) for one, other in zip(ours, ours[1:], strict=False)]))


def _clipped(found: Found, method: str) -> Answer:
    lost = found[method]["substitution"].fact("test accuracy lost by clipping")
    return Answer(f"{_percent(lost)} points lost", over(lost, 0.0))


def _spread(found: Found) -> Answer:
    n = {METHODS[method]: _accuracy(found, method) for method in METHODS}
    half = {name: (fact.high - fact.low) / 2 for name, fact in n.items()}
    said = ", ".join(f"{name} half-width {100 * value:.1f}" for name, value in half.items())
    return Answer(f"{said} points, n {next(iter(n.values())).n}", "reported")


def _recognised(found: Found, method: str) -> dict[str, float]:
    return {row.network: row.accuracy_on_set for row in rows(RecognitionRow, found[method]["recognition"])}


def _recognition_order(found: Found) -> Answer:
    of = {method: _recognised(found, method) for method in METHODS}
    networks = list(of["dm"])
    said = "; ".join(f"{name}: " + ", ".join(f"{METHODS[m]} {of[m][name]:.2f}" for m in METHODS) for name in networks)
    holds = all(min(of["mtt"][n], of["bptt"][n]) > max(of["dm"][n], of["dc"][n]) for n in networks)
    return Answer(f"{said} (one learner each)", _exactly(holds))


def _recognition_above_chance(found: Found, method: str) -> Answer:
    of = _recognised(found, method)
    return Answer(f"{min(of.values()):.2f} at least", _exactly(min(of.values()) > 0.3))


def _on_clusters(found: Found) -> Answer:
    near = {m: found[m]["recognition"].fact("near examples of its class") for m in ("mtt", "dm")}
    return Answer(", ".join(f"{METHODS[m]} {told(f)}" for m, f in near.items()), above(near["mtt"], near["dm"]))


def _outside(found: Found, method: str) -> Answer:
    channels = rows(RangeRow, found[method]["substitution"])
    low, high = min(row.set_low for row in channels), max(row.set_high for row in channels)
    share = found[method]["substitution"].fact("share of values outside").value
    return Answer(f"{100 * share:.1f} % outside, {low:.2f} to {high:.2f}", _exactly(share > 0))


def _mixing(r: int, sign: int) -> Callable[[Found, str], Answer]:
    def ask(found: Found, method: str) -> Answer:
        gain = found[method]["mixing"].fact(f"gain of {r} real")
        return Answer(_percent(gain), _under(gain, 0.0) if sign < 0 else over(gain, 0.0))

    return ask


def _monotone(found: Found) -> Answer:
    points = rows(MixingRow, found["dm"]["mixing"])
    values = [row.real_alone for row in points]
    said = ", ".join(f"{100 * value:.1f}" for value in values)
    added = ", ".join(str(row.added_per_class) for row in points)
    return Answer(f"{said} at r = {added}", _exactly(values == sorted(values)))


def _pool(found: Found, method: str, name: str) -> Fact | None:
    """The agreement with a pool; None where too few of it matched, KeyError where there was none."""
    _only(row for row in rows(PoolRow, found[method]["agreement"]) if row.pool == name)
    facts = {fact.name: fact for fact in found[method]["agreement"].facts}
    return facts.get(f"agreement, {name}")


def _agrees(one: str, other: str) -> Callable[[Found, str], Answer]:
    def ask(found: Found, method: str) -> Answer:
        first, second = _pool(found, method, one), _pool(found, method, other)
        if first is None or second is None or min(first.n, second.n) < 3:
            return Answer("too few matched", OPEN)
        return Answer(f"{told(second)} -> {told(first)}", above(first, second))

    return ask


def _probabilities(found: Found, method: str) -> Answer:
    finding = found[method]["agreement"]
    facts = {fact.name: fact.value for fact in finding.facts}
    early, few = (facts.get(f"median probability, {name}") for name in ("early-stopped", "real subsets"))
    if early is None or few is None:
        return Answer("too few matched", OPEN)
    return Answer(f"medians {few:.2f} (subsets), {early:.2f} (early)", _exactly(early > few))


def _stops(found: Found, method: str) -> Answer:
    steps = [row.setting for row in rows(MatchedRow, found[method]["agreement"]) if row.pool == "early-stopped"]
    return Answer(f"steps {', '.join(f'{step:.0f}' for step in steps) or 'none matched'}", "reported")


def _matched(found: Found, method: str) -> Answer:
    row = _only(row for row in rows(PoolRow, found[method]["agreement"]) if row.pool == "real subsets")
    return Answer(f"{row.matched} of {row.trained}", "reported")


def _reading(found: Found, method: str, step: int) -> TrajectoryRow:
    return _only(row for row in rows(TrajectoryRow, found[method]["learning-time"]) if row.step == step)


def _test_trajectory(found: Found) -> Answer:
    steps = (40, 100, 160, 200, 300)
    return Answer(", ".join(f"{step}: {_reading(found, 'dm', step).test_accuracy:.2f}" for step in steps), "reported")


def _recognition_trajectory(found: Found, method: str) -> Answer:
    said = ", ".join(f"{step}: {_reading(found, method, step).recognition:.2f}" for step in (40, 80, 160, 300))
    return Answer(said, "reported")


def _plateau(found: Found, method: str) -> Answer:
    finding = found[method]["learning-time"]
    step = finding.fact("step at which recognition stops improving").value
    rise = finding.fact("rise of test accuracy from then to the end")
    return Answer(
        f"recognition from step {step:.0f}, test then rises by {_percent(rise)}",
        all_of([_exactly(step <= 160), over(rise, 0.0)]),
    )


def _recognition_above_test(found: Found, method: str) -> Answer:
    readings = rows(TrajectoryRow, found[method]["learning-time"])
    apart = [row.recognition - row.test_accuracy for row in readings if row.step >= 40]
    return Answer(f"least by {min(apart):.2f}", _exactly(min(apart) > 0))


def _trace(found: Found, method: str, name: str) -> Fact:
    return found[method]["curvature"].fact(name)


def _saddle(found: Found, method: str) -> Answer:
    traces = [row.set_trace for row in rows(RealTraceRow, found[method]["curvature"])]
    first, peak = traces[0], max(traces)
    return Answer(f"{first:.0f} of {peak:.0f}", _exactly(abs(first) < 0.2 * peak))


def _flattening(found: Found, method: str) -> Answer:
    left = _trace(found, method, "end over peak of the trace on set")
    step = _trace(found, method, "step of the peak on set").value
    peak = _trace(found, method, "peak of the trace on set")
    return Answer(
        f"peak {told(peak, 1, 0)} at step {step:.0f}, end/peak {told(left)}",
        _under(left, 0.3) if method in ("bptt", "mtt") else over(left, 0.3),
    )


def _real_plateau(found: Found) -> Answer:
    left = _trace(found, "dm", "end over peak of the trace on real")
    return Answer(f"end/peak {told(left)}", over(left, 0.5))


def _falls_below(found: Found, method: str) -> Answer:
    facts = {fact.name: fact for fact in found[method]["curvature"].facts}
    below = facts.get("step of real training where the set's falls below")
    said = "never" if below is None else f"at step {below.value:.0f}"
    return Answer(said, _exactly((below is None) == (method in ("dm", "dc"))))


def _own_training(found: Found, method: str) -> Answer:
    traces = rows(SetTraceRow, found[method]["curvature"])
    ours, real = [row.set_trace for row in traces], [row.real_trace for row in traces]
    at = ours.index(max(ours))
    peak = f"{max(ours):.0f} at step {traces[at].step}"
    said = f"set {ours[0]:.0f}, {peak}, {ours[-1]:.0f}; real {real[0]:.0f}, {real[at]:.0f}, {real[-1]:.0f}"
    return Answer(said, _exactly(ours[-1] < 0.5 * max(ours) and real[-1] > real[at]))


def _negative_mass(found: Found) -> Answer:
    name = "negative share of the curvature of the loss on real at the end of training on the set"
    dm, bptt = _trace(found, "dm", name), _trace(found, "bptt", name)
    return Answer(f"DM {told(dm)}, BPTT {told(bptt)}", above(dm, bptt))


def _corners(found: Found, method: str) -> Answer:
    corners = rows(CornerRow, found[method]["landscape"])
    apart = max(abs(row.test_loss - row.test_loss_on_plane) / abs(row.test_loss) for row in corners)
    return Answer(f"{apart:.1e} apart at most", _exactly(apart < 1e-3))


def _grows_confident(found: Found, method: str) -> Answer:
    finding = found[method]["landscape"]
    rise = finding.fact("rise of the loss from its lowest to the end")
    changed = finding.fact("share of predictions that change after the lowest loss").value
    late = [row.changed or 0.0 for row in rows(LossRow, finding) if row.step > 60]
    return Answer(
        f"rises by {told(rise)}; {100 * changed:.0f} % of predictions change after the lowest, "
        f"{100 * max(late):.0f} % at most between readings after step 60",
        all_of([over(rise, 0.0), _exactly(max(late) < 0.2)]),
    )


def _split(found: Found, method: str) -> Answer:
    by_name = {row.final_prediction: row for row in rows(SplitRow, found[method]["landscape"])}
    right, wrong = ((by_name[name].loss_at_lowest, by_name[name].loss_at_end) for name in ("right", "wrong"))
    said = f"right {right[0]:.2f} -> {right[1]:.2f}, wrong {wrong[0]:.2f} -> {wrong[1]:.2f}"
    return Answer(said, _exactly(right[0] > right[1] and wrong[0] < wrong[1]))


def _influence(name: str, verdict: Callable[[Fact], str]) -> Callable[[Found, str], Answer]:
    def ask(found: Found, method: str) -> Answer:
        fact = found[method]["influence"].fact(name)
        return Answer(told(fact), verdict(fact))

    return ask


def _weak(fact: Fact) -> str:
    size = abs(fact.value)
    return _exactly(size < 0.2)


def _additive(found: Found, method: str) -> Answer:
    added, seeds = (found[method]["influence"].fact(f"{name} correlation") for name in ("additive", "seed"))
    return Answer(f"{told(added)}, seeds {told(seeds)}", all_of([over(added, 0.0), above(seeds, added)]))


def _beside_real(found: Found, method: str) -> Answer:
    ours, real = (found[method]["influence"].fact(f"in class of top 100{of}") for of in ("", " of real images"))
    return Answer(f"{told(ours)}, real {told(real)}", _exactly(ours.value >= real.value))


def _in_class(found: Found, method: str) -> Answer:
    inside, out = (found[method]["influence"].fact(f"mean influence {side} class") for side in ("in", "out of"))
    return Answer(f"{told(inside, 1, 3)}, {told(out, 1, 3)}", above(inside, out))


def _attributes(found: Found, method: str) -> Answer:
    finding = found[method]["semantics"]
    facts = {fact.name: fact.value for fact in finding.facts}
    share = facts.get("share of images that carry an attribute")
    if share is None:
        return Answer(finding.verdict, OPEN)
    pairs, tests = facts["pairs of image and attribute"], facts["tests"]
    return Answer(f"{100 * share:.0f} % of images, {pairs:.0f} of {tests:.0f} tests", _exactly(share > 0))


def _goes_on(found: Found, method: str) -> Answer:
    change = next(fact for fact in found[method]["continuation"].facts if fact.name == "change by the set")
    still = all_of([over(change, -0.01), _under(change, 0.01)])
    return Answer(f"{_percent(change)} points", still if method in ("bptt", "mtt") else _under(change, -0.03))


BOTH, REST = ("bptt", "mtt"), ("dm", "dc")
SUITE = "tests"
"""Where a claim is a property, the suite holds it."""

ROWS = (
    Row(
        "N1",
        "BPTT is above 10 random real images per class",
        "58.9 against 27.3",
        lambda f: each(f, _beats_subset(0.0), ("bptt",)),
    ),
    Row(
        "N2, N3",
        "DM and GM are above them by more than 5 points",
        "42.7, 46.0",
        lambda f: each(f, _beats_subset(0.05), REST),
    ),
    Row("N4", "TM is above them", "53.6", lambda f: each(f, _beats_subset(0.0), ("mtt",))),
    Row("N5", "BPTT > TM > GM > DM", "58.9, 53.6, 46.0, 42.7", _order),
    Row("N6", "10 random real images per class", "27.3", lambda f: Answer(_percent(subset(f, 10)), "reported")),
    Row(
        "N7",
        "12, 20, 60 random real images per class",
        "28.7, 32.6, 45.1",
        lambda f: Answer(", ".join(_percent(subset(f, k)) for k in (12, 20, 60)), "reported"),
    ),
    Row("N8", "clipping to [0, 1] costs accuracy (BPTT)", "58 -> 44", lambda f: each(f, _clipped, ("bptt",))),
    Row("N9", "noise of retraining", "about 1 point", _spread),
    Row("N10, N11", "accuracy of real ConvNets, 40 and 20 epochs", "80.9, 68.4", None),
    Row("N12", "accuracy of real ResNets", "90.8, 92.8", None),
    Row(
        "N13",
        "parameters of ConvNets",
        "320,010 at width 128",
        lambda f: Answer("equal at widths 16, 32, 64, 128", f"{HOLDS} ({SUITE})"),
    ),
    Row("R1 to R4", "recognition by networks of that size", "figure 2", None),
    Row("R5", "real-trained networks recognise TM, BPTT more than DM, GM", "for every network", _recognition_order),
    Row(
        "R5", "all sets are recognised well above chance", "0.36 at least", lambda f: each(f, _recognition_above_chance)
    ),
    Row("R6", "TM lies on the clusters of its classes, DM partly off", "a map", _on_clusters),
    Row("P1", "distilled pixels leave [0, 1]", "DM -0.35 to 1.7, TM -0.6 to 1.85", lambda f: each(f, _outside)),
    Row("P2", "Xavier start has an amplitude of 0.043", "0.043", lambda f: Answer("by formula", f"{HOLDS} ({SUITE})")),
    Row("M1, M2", "2 real images per class lower BPTT and TM", "-4.3, -4.0", lambda f: each(f, _mixing(2, -1), BOTH)),
    Row("M3, M4", "2 real images per class lower DM and GM", "-2.5, -0.8", lambda f: each(f, _mixing(2, -1), REST)),
    Row("M1, M2", "10 real images per class lower BPTT and TM", "-8.9, -7.8", lambda f: each(f, _mixing(10, -1), BOTH)),
    Row("M3, M4", "10 real images per class lower DM and GM", "-1.1, -2.4", lambda f: each(f, _mixing(10, -1), REST)),
    Row("M5", "real images alone are monotone", "27.3, 28.7, 32.6, 45.1", _monotone),
    Row("M6", "all converge at 250 per class", "within 1.3 points", None),
    Row("M7", "50 real images per class lower BPTT and TM", "-8.3, -3.5", lambda f: each(f, _mixing(50, -1), BOTH)),
    Row("M7", "50 real images per class raise DM and GM", "+5.0, +2.3", lambda f: each(f, _mixing(50, 1), REST)),
    Row(
        "M8",
        "real subsets are nested and the same for all",
        "property",
        lambda f: Answer("exact", f"{HOLDS} ({SUITE})"),
    ),
    Row("M9", "the same on CIFAR-100, Tiny ImageNet, IDC, FreD", "figures 17 to 19", None),
    Row(
        "A1 to A5",
        "learners of a set agree more with early-stopped ones than with subset-trained ones",
        "by 0.04 to 0.10",
        lambda f: each(f, _agrees("early-stopped", "real subsets")),
    ),
    Row("A6", "the matched step of early stopping", "130 / 90 / 35 / 40", lambda f: each(f, _stops)),
    Row("A7", "matched subset learners", "20 to 30 of 520", lambda f: each(f, _matched)),
    Row(
        "A8",
        "and more than with weight-decayed ones",
        "figure 20",
        lambda f: each(f, _agrees("early-stopped", "weight decay")),
    ),
    Row(
        "A9",
        "probabilities under the pool are higher for early-stopped",
        "figure 22",
        lambda f: each(f, _probabilities),
    ),
    Row(
        "A10, A11",
        "Lilliefors' critical values; bounds of agreement",
        "0.191 at n = 20",
        lambda f: Answer("by simulation and proof", f"{HOLDS} ({SUITE})"),
    ),
    Row("T1", "test accuracy along real training", "30: .41, 100: .55, 200: .62, 300: .67", _test_trajectory),
    Row(
        "T2, T3",
        "recognition of BPTT and TM along it",
        "50: .64, 100: .97, 120: 1.00",
        lambda f: each(f, _recognition_trajectory, BOTH),
    ),
    Row(
        "T4, T5",
        "recognition of DM and GM along it",
        "plateaus of .74, .83",
        lambda f: each(f, _recognition_trajectory, REST),
    ),
    Row(
        "T6", "recognition stops improving by 150 while test accuracy goes on", "figure 5", lambda f: each(f, _plateau)
    ),
    Row(
        "T7", "recognition is above test accuracy from step 40", "figure 5", lambda f: each(f, _recognition_above_test)
    ),
    Row("H1", "the trace is near zero at the start", "-90 to 120 of 4000", lambda f: each(f, _saddle)),
    Row("H2", "on real data it stays", "1790 of 2180", _real_plateau),
    Row(
        "H3, H4, H7",
        "on BPTT and TM it peaks and falls below 0.3 of that",
        ".10 and .15",
        lambda f: each(f, _flattening, BOTH),
    ),
    Row("H5, H6, H7", "on DM and GM it keeps more than 0.3", ".63 and .51", lambda f: each(f, _flattening, REST)),
    Row("H8", "BPTT and TM fall below real data, DM and GM do not", "157, 205, never", lambda f: each(f, _falls_below)),
    Row(
        "H9, H10",
        "the estimators converge, and their stopping rule tells its error",
        "property",
        lambda f: Answer("against dense Hessians", f"{HOLDS} ({SUITE})"),
    ),
    Row("H11, H12", "more images per class, learned learning rates", "figures 15, 16", None),
    Row(
        "H13",
        "training on a set flattens its loss and sharpens the real one",
        "figures 13, 14",
        lambda f: each(f, _own_training, ("bptt", "dm")),
    ),
    Row("H14", "DM ends with more negative real curvature than BPTT", "figure 14", _negative_mass),
    Row("L1", "the plane is exact at its corners", "exact", lambda f: each(f, _corners)),
    Row(
        "L2",
        "training on DM raises test loss while predictions stay",
        "figure 12",
        lambda f: each(f, _grows_confident, ("dm",)),
    ),
    Row(
        "L3",
        "it falls where the end is right and rises where it is wrong",
        "figure 12",
        lambda f: each(f, _split, ("dm",)),
    ),
    Row(
        "I1, I9",
        "sign of influence; average precision of chance and of perfection",
        "property",
        lambda f: Answer("exact", f"{HOLDS} ({SUITE})"),
    ),
    Row(
        "I2",
        "influence is weakly correlated with image distance",
        "below 0.2 (a working bound)",
        lambda f: each(f, _influence("distance correlation", _weak)),
    ),
    Row(
        "I3",
        "it repeats under another seed",
        "above 0.5 (a working bound)",
        lambda f: each(f, _influence("seed correlation", lambda fact: over(fact, 0.5))),
    ),
    Row("I4", "and among real images, less so", "positive", lambda f: each(f, _additive)),
    Row(
        "I5",
        "the 10 most helped are of its class",
        "all; here 0.9",
        lambda f: each(f, _influence("in class of top 10", lambda fact: over(fact, 0.9))),
    ),
    Row(
        "I6",
        "the 100 most helped are of its class more than for real images",
        "figure 23",
        lambda f: each(f, _beside_real),
    ),
    Row("I7", "it helps its own class far more than others", "figure 23", lambda f: each(f, _in_class)),
    Row(
        "I8, I10",
        "images carry attributes (measured ones here, not a language model's)",
        "figure 9, table 1",
        lambda f: each(f, _attributes),
    ),
    Row(
        "E1",
        "going on with BPTT or TM changes accuracy by less than a point",
        "about 0",
        lambda f: each(f, _goes_on, BOTH),
    ),
    Row("E2", "going on with DM or GM costs accuracy", "-5 to -7 points", lambda f: each(f, _goes_on, REST)),
    Row("F1 to F6", "a real start transfers better than Xavier's", "34.7 against 18.1 (AlexNet)", None),
    Row("Q1 to Q6", "the methods' own protocols at full width", "44.9 to 65", None),
)


def _read(paths: list[Path]) -> Found:
    found: Found = {}
    for path in paths:
        for document in json.loads(path.read_text())["findings"]:
            finding = Finding.of(document)
            method = Path(finding.set).stem
            if method in METHODS:
                found.setdefault(method, {})[finding.probe] = finding
    return found


def _answer(row: Row, found: Found) -> Answer:
    if row.ask is None:
        return Answer("", GPU)
    try:
        return row.ask(found)
    except (KeyError, StopIteration):
        return Answer("", GPU)


def main() -> None:
    """Read findings, ask each claim, write the table."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("findings", type=Path, nargs="+", help="what `limbeck explain --json` printed")
    made.add_argument("--out", type=Path, required=True)
    given = made.parse_args()
    found = _read(given.findings)
    lines = ["| id | claim | paper | here | |", "| --- | --- | --- | --- | --- |"]
    for row in ROWS:
        got = _answer(row, found)
        lines.append(f"| {row.id} | {row.claim} | {row.paper} | {got.ours} | {got.verdict} |")
    given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
