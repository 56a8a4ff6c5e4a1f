"""A study made up for tests of its page: every probe, two sets, and names that mean harm."""

from __future__ import annotations

import math

import torch

from limbeck.codecs import ImageCodec
from limbeck.core.contracts import Parameters, Schedule
from limbeck.core.findings import Fact, Finding, Table, Value
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.parameterizations.pixels import Pixels
from limbeck.report import Material

CLASSES = ("<script>window.harmed = 1</script>", "\"quotes\" & 'more'", "x" * 300, "שלום עולם", "</script><b>bold")
ATTRIBUTE = '=1+1"></td><img src=x onerror="window.harmed = 2">'
SETS = ("runs/dm.safetensors", 'runs/"><img src=x onerror="window.harmed=3">.safetensors')
STEPS = tuple(range(0, 301, 20))


def numbers(name: str, *shape: int) -> torch.Tensor:
    return Key(("studied", name)).uniform(*shape)


def a_set(seed: str, per_class: int = 2) -> DistilledSet:
    """Images of 8 x 8 whose values leave [0, 1]."""
    classes = torch.arange(len(CLASSES)).repeat_interleave(per_class)
    params = Parameters(
        {"inputs": 8 * numbers(seed, len(classes), 3, 8, 8) - 4},
        {"classes": classes, "outputs": torch.empty(len(CLASSES), 0)},
    )
    order = torch.arange(len(classes))[None]
    schedule = Schedule(torch.full((1,), 0.01), order, torch.tensor(0.9), torch.tensor(0.0))
    return DistilledSet(params, Pixels(), schedule, ImageCodec((0.5,) * 3, (0.25,) * 3), CLASSES, {}, {})


def table(name: str, columns: str, count: int, *first: tuple[Value, ...]) -> Table:
    """A table whose first columns are given, the others filled with numbers in [0, 1]."""
    named = tuple(columns.split("|"))
    drawn = numbers(name, count, len(named) - len(first)).double().tolist()
    rows = [(*(column[index] for column in first), *drawn[index]) for index in range(count)]
    return Table(name, named, tuple(rows), f"what {name} hold")


def tables(probe: str) -> tuple[Table, ...]:
    items = tuple(range(10))
    of_item = tuple(CLASSES[item // 2] for item in items)
    grid = [(x, y) for y in range(5) for x in range(5)]
    xs, ys = (tuple(float(point[side]) for point in grid) for side in (0, 1))
    listed = [(item, side, rank) for item in items for side in ("helped", "harmed", "sample") for rank in range(1, 8)]
    found = {
        "substitution": (
            table("real images", "per class|accuracy|low|high", 4, (1, 2, 10, 60)),
            table("real steps", "step|accuracy|low|high", len(STEPS), STEPS),
            table(
                "raw density",
                "from|to|set|real",
                8,
                tuple(i / 4 - 0.5 for i in range(8)),
                tuple(i / 4 - 0.25 for i in range(8)),
            ),
        ),
        "recognition": (
            table("recognition", "network|steps|of the set|low|high|judged", 2, ("convnet", "lenet"), (300, 300)),
            table("items", "item|class|agreement|distance", 10, items, of_item),
            table("map", "kind|class|x|y", 90, ("real",) * 80 + ("distilled",) * 10, (CLASSES[0],) * 80 + of_item),
        ),
        "mixing": (
            table(
                "mixing",
                "added per class|set and real|low|high|real alone|low alone|high alone|gain|low gain|high gain",
                3,
                (0, 2, 10),
            ),
        ),
        "cross-architecture": (
            table("networks", "network|set|low set|high set|real|gain", 3, ("convnet", "lenet", "mlp")),
            table("draws", "network|on|learning_rate|validation|accuracy", 4, ("convnet",) * 4, ("set", "real") * 2),
        ),
        "agreement": (
            table("pools", "pool|matched|agreement|low|high", 2, ("real subsets", "early-stopped"), (5, 5)),
            table("members", "pool|agreement", 10, ("real subsets",) * 5 + ("early-stopped",) * 5),
        ),
        "learning-time": (
            table("course", "step|recognition|low|high|smoothed|accuracy", len(STEPS), STEPS),
            table("items", "item|class|step", 10, items, of_item),
        ),
        "curvature": (
            table("traces along real", "step|set|error|real|real error", len(STEPS), STEPS),
            table("traces along set", "step|set|error|real|real error", len(STEPS), STEPS),
            table(
                "spectra",
                "loss|place|step|eigenvalue|density",
                80,
                ("set", "real") * 40,
                ("end",) * 80,
                (300,) * 80,
                tuple(map(float, range(80))),
            ),
        ),
        "landscape": (
            table("loss along set", "step|loss|changed", len(STEPS), STEPS),
            table("path of real training", "x|y", 4),
            table("path of training on the set", "x|y", 4),
            table("surface", "x|y|judged|set", 25, xs, ys),
        ),
        "continuation": (
            table(
                "continuation",
                "on|step|n|change|low|high",
                6,
                ("the set",) * 3 + ("random real images",) * 3,
                (0, 30, 300) * 2,
                (3,) * 6,
            ),
        ),
        "influence": (
            table("items", "item|class|mean influence in class|mean influence out of class", 10, items, of_item),
            table("real images", "place|mean influence in class|mean influence out of class", 10, items),
            table(
                "examples",
                "item|side|rank|row|class|influence|distance",
                len(listed),
                *zip(*listed, strict=True),
                tuple(range(len(listed))),
                tuple(CLASSES[row % 2] for row in range(len(listed))),
            ),
        ),
        "semantics": (
            table(
                "attributes",
                "item|class|attribute|adjusted p|average precision|prevalence",
                10,
                items,
                of_item,
                (ATTRIBUTE,) * 10,
                (0.01,) * 10,
            ),
            table(
                "accuracy", "class|attribute|accuracy on carriers|accuracy on others", 3, CLASSES[:3], (ATTRIBUTE,) * 3
            ),
            table(
                f"curves of {CLASSES[0]}, {ATTRIBUTE}",
                "item|recall|precision",
                6,
                (0,) * 3 + (1,) * 3,
                (0.0, 0.5, 1.0) * 2,
            ),
        ),
        "of-another-package": (table("<i>unknown</i>", "a|b", 3, ("<script>window.harmed = 4</script>", "@x", "y")),),
    }
    return found[probe]


PROBES = (
    "substitution", "recognition", "mixing", "cross-architecture", "agreement", "learning-time", "curvature",
    "landscape", "continuation", "influence", "semantics", "of-another-package",
)  # fmt: skip
TONES = ("use", "avoid", "note", "unknown")


def findings() -> tuple[Finding, ...]:
    found = []
    for index, probe in enumerate(PROBES):
        for place, name in enumerate(SETS):
            facts = (
                Fact("accuracy", 0.4 + place / 10, 0.3, 0.6, 3),
                Fact.once("not known", math.nan),
                Fact("seed correlation within class", 0.25, 0.125, 0.375, 10),
            )
            verdict = f"verdict {index} of <b>{probe}</b> & {place}"
            tone = TONES[(index + place) % 4]
            question = f"What does {probe} ask?"
            found.append(
                Finding(probe, name, question, verdict, tone, facts, tables(probe), "method <u>1</u>", ("caveat & 1",))
            )
    return tuple(found)


def rows() -> tuple[dict, ...]:
    made = []
    for network in ("convnet", "mlp"):
        for index, name in enumerate((*SETS, "random", "full")):
            mean = 0.3 + index / 10
            made.append(
                {"set": name, "network": network, "split": "test", "metric": "accuracy", "unit": "fraction",
                 "higher_is_better": True, "mean": mean,
                 "low": mean - 0.02, "high": mean + 0.02, "n": 5, "protocol": "paper",
                 "bytes": 7700 if name != "full" else 999}
            )  # fmt: skip
    return tuple(made)


def material() -> Material:
    examples = {row: (255 * numbers(f"example {row}", 8, 8, 3)).to(torch.uint8) for row in range(210)}
    facts = {"command": "limbeck study '<digits>' --ipc 2", "data": "digits & <b>more</b>, fingerprint 12ab"}
    return Material("<em>digits</em>", tuple((name, a_set(name)) for name in SETS), findings(), rows(), examples, facts)
