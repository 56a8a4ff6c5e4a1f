"""A study made up for tests of its page: every probe, two sets, and names that mean harm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar, get_type_hints

import torch

from limbeck.codecs import ImageCodec
from limbeck.core.contracts import Parameters, Schedule
from limbeck.core.findings import Fact, Finding, Row, Table, Value
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.learn.environments.cartpole import NUMBERS
from limbeck.learn.rules import Momentum
from limbeck.parameterizations.pixels import Pixels
from limbeck.probes.tables.agreement import MatchedRow, PeerRow, PoolRow
from limbeck.probes.tables.continuation import ContinuationRow
from limbeck.probes.tables.cross_architecture import DrawRow, NetworkRow
from limbeck.probes.tables.curvature import ExtremeRow, RealTraceRow, SetTraceRow, SpectrumRow
from limbeck.probes.tables.episodes import MomentRow, PolicyRow
from limbeck.probes.tables.influence import ExampleRow, ItemRow, RealImageRow
from limbeck.probes.tables.landscape import CornerRow, LossRow, RealPathRow, SetPathRow, SplitRow, SurfaceRow
from limbeck.probes.tables.learning_time import LearnedRow, TrajectoryRow
from limbeck.probes.tables.mimicry import (
    FEATURES,
    INPUTS,
    ConfusionRow,
    KindRow,
    LabelRow,
    LookRow,
    NearestRow,
    RealLookRow,
)
from limbeck.probes.tables.mixing import MixingRow
from limbeck.probes.tables.recognition import MapRow, NeighbourRow, PredictionRow, RecognitionRow
from limbeck.probes.tables.reliance import RelianceRow
from limbeck.probes.tables.semantics import AccuracyRow, AttributeRow, CurveRow
from limbeck.probes.tables.substitution import IMAGES, DensityRow, RangeRow, RealImagesRow, RealStepsRow
from limbeck.probes.tables.substitution import STEPS as STEPS_FACT
from limbeck.probes.tables.surface import (
    BarrierRow,
    PlaneRow,
    PointRow,
    PrincipalGridRow,
    PrincipalPathRow,
    RealGridRow,
    SetGridRow,
    StepRow,
)
from limbeck.probes.verdicts.mimicry import ERRORS
from limbeck.report import ReportData
from limbeck.statistics.resemblance import KINDS

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
    schedule = Schedule(torch.full((1,), 0.01), order, Momentum(0.9).rule())
    return DistilledSet(params, Pixels(), schedule, ImageCodec((0.5,) * 3, (0.25,) * 3), CLASSES, {}, {})


Made = TypeVar("Made", bound=Row)


def made(kind: type[Made], count: int, /, **given: Sequence[Value]) -> Table:
    """A table of rows whose other columns are numbers in [0, 1], or counts, or text."""
    hints = get_type_hints(kind)
    rest = [field.name for field in fields(kind) if field.name not in given]
    drawn = numbers(kind.__name__, count, max(len(rest), 1)).double().tolist()

    def filler(name: str, row: int) -> Value:
        hint = hints[name]
        return str(row) if hint is str else row + 1 if hint is int else drawn[row][rest.index(name)]

    return kind.table(
        kind(**{name: column[row] for name, column in given.items()}, **{name: filler(name, row) for name in rest})
        for row in range(count)
    )


def tables(probe: str) -> tuple[Table, ...]:
    items = tuple(range(10))
    of_item = tuple(CLASSES[item // 2] for item in items)
    grid = [(x, y) for y in range(5) for x in range(5)]
    xs, ys = (tuple(float(point[side]) for point in grid) for side in (0, 1))
    listed = [(item, side, rank) for item in items for side in ("helped", "harmed", "sample") for rank in range(1, 8)]
    item, side, rank = zip(*listed, strict=True)
    count, read = len(listed), len(STEPS)
    pools = ("real subsets",) * 5 + ("early-stopped",) * 5
    losses, stages = ("set", "real") * 40, ("end",) * 80
    found = {
        "substitution": (
            made(RealImagesRow, 4, per_class=(1, 2, 10, 60)),
            made(RealStepsRow, read, step=STEPS),
            made(RangeRow, 3, channel=(0, 1, 2)),
            made(DensityRow, 8, from_=[i / 4 - 0.5 for i in range(8)], to=[i / 4 - 0.25 for i in range(8)]),
        ),
        "recognition": (
            made(RecognitionRow, 2, network=("convnet", "lenet"), steps=(300, 300)),
            made(NeighbourRow, 10, item=items, class_=of_item),
            made(PredictionRow, 10, item=items, class_=of_item, predicted=of_item, network=("convnet",) * 10),
            made(MapRow, 90, kind=("real",) * 80 + ("distilled",) * 10, class_=(CLASSES[0],) * 80 + of_item),
        ),
        "mimicry": (
            made(KindRow, 8, space=(INPUTS,) * 4 + (FEATURES,) * 4, looks=KINDS * 2),
            made(LookRow, 20, item=items * 2, class_=of_item * 2, space=(INPUTS,) * 10 + (FEATURES,) * 10),
            made(NearestRow, 20, item=items * 2, space=(INPUTS,) * 20, rank=(1,) * 10 + (2,) * 10, row=range(20)),
            made(RealLookRow, 20, space=(INPUTS,) * 10 + (FEATURES,) * 10),
            made(LabelRow, 10, item=items, class_=of_item, target=of_item),
            made(
                ConfusionRow,
                25,
                class_=[name for name in CLASSES for _ in CLASSES],
                predicted=CLASSES * len(CLASSES),
            ),
        ),
        "mixing": (made(MixingRow, 3, added_per_class=(0, 2, 10)),),
        "cross-architecture": (
            made(NetworkRow, 3, network=("convnet", "lenet", "mlp")),
            made(DrawRow, 4, network=("convnet",) * 4, on=("set", "real") * 2),
        ),
        "agreement": (
            made(PoolRow, 2, pool=("real subsets", "early-stopped")),
            made(MatchedRow, 10, pool=pools),
            made(PeerRow, 10, pool=pools),
        ),
        "learning-time": (
            made(TrajectoryRow, 2 * read, seed=(0,) * read + (1,) * read, step=STEPS * 2),
            made(LearnedRow, 10, item=items, class_=of_item, step=(None, *range(20, 200, 20))),
        ),
        "curvature": (
            made(RealTraceRow, 2 * read, start=(0,) * read + (1,) * read, step=STEPS * 2),
            made(SetTraceRow, read, start=(0,) * read, step=STEPS),
            made(SpectrumRow, 80, loss=losses, stage=stages, eigenvalue=[float(index) for index in range(80)]),
            made(ExtremeRow, 80, loss=losses, stage=stages),
        ),
        "landscape": (
            made(LossRow, read, step=STEPS),
            made(SplitRow, 2, final_prediction=("right", "wrong")),
            made(CornerRow, 3, corner=("start", "real", "set")),
            made(RealPathRow, 4),
            made(SetPathRow, 4),
            made(SurfaceRow, 25, x=xs, y=ys),
        ),
        "continuation": (
            made(
                ContinuationRow,
                6,
                on=("the set",) * 3 + ("random real examples",) * 3,
                step=(0, 30, 300) * 2,
            ),
        ),
        "influence": (
            made(ItemRow, 10, item=items, class_=of_item),
            made(RealImageRow, 10, example=items, class_=of_item),
            made(
                ExampleRow,
                count,
                item=item,
                side=side,
                rank=rank,
                row=range(count),
                class_=[CLASSES[row % 2] for row in range(count)],
            ),
        ),
        "semantics": (
            made(AttributeRow, 10, item=items, class_=of_item, attribute=(ATTRIBUTE,) * 10, found=(1,) * 10),
            made(AccuracyRow, 3, class_=CLASSES[:3], attribute=(ATTRIBUTE,) * 3),
            made(
                CurveRow,
                6,
                class_=(CLASSES[0],) * 6,
                attribute=(ATTRIBUTE,) * 6,
                item=(0,) * 3 + (1,) * 3,
                recall=(0.0, 0.5, 1.0) * 2,
            ),
        ),
        "surface": (
            made(PointRow, 3, trained_on=("the set", "the set", "real data"), seed=(0,) * 3, at=("end",) * 3),
            made(StepRow, 6, share=[index / 5 for index in range(6)]),
            made(BarrierRow, 3),
            made(PlaneRow, 4),
            *(made(kind, 25, x=xs, y=ys) for kind in (SetGridRow, RealGridRow, PrincipalGridRow)),
            made(PrincipalPathRow, 4),
        ),
        "episodes": (
            made(PolicyRow, 3, trained_on=("the set", "nothing yet", "as many random real examples")),
            made(
                MomentRow,
                48,
                trained_on=("the set",) * 32 + ("nothing yet",) * 16,
                step=[index // 4 for index in range(32)] + [index // 4 for index in range(16)],
                number=NUMBERS * 12,
            ),
        ),
        "reliance": (
            made(
                RelianceRow,
                6,
                trained_on=("the set",) * 3 + ("as many random real examples",) * 2 + ("all real data",),
                labels=("its own", "hard", "its own", "hard", "hard", "hard"),
                augmented=(0, 0, 1, 0, 1, 0),
            ),
        ),
        "of-another-package": (
            Table(
                "<i>unknown</i>",
                ("a", "b"),
                (("<script>window.harmed = 4</script>", 0.25), ("@x", 0.5), ("y", 0.75)),
                "what <i>unknown</i> holds",
            ),
        ),
    }
    return found[probe]


PROBES = (
    "substitution", "recognition", "mimicry", "mixing", "cross-architecture", "agreement", "learning-time", "curvature",
    "landscape", "continuation", "influence", "semantics", "surface", "episodes", "reliance",
    "of-another-package",
)  # fmt: skip
TONES = ("use", "avoid", "note", "unknown")
EQUIVALENTS = (Fact(IMAGES, 60.0, 12.0, 60.0, 3), Fact(STEPS_FACT, 47.0, 1.0, 110.0, 3))
"""One beyond the end of what was measured, and one whose interval begins before it."""


def findings() -> tuple[Finding, ...]:
    found = []
    for index, probe in enumerate(PROBES):
        for place, name in enumerate(SETS):
            facts = (
                Fact("test accuracy", 0.4 + place / 10, 0.3, 0.6, 3),
                Fact.once("not known", math.nan),
                Fact("seed correlation within class", 0.25, 0.125, 0.375, 10),
                *(EQUIVALENTS if probe == "substitution" else ()),
                *((Fact(ERRORS, 0.5, 0.25, 0.75, 3),) if probe == "mimicry" else ()),
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
                 "low": mean - 0.02, "high": mean + 0.02, "n": 5, "protocol": "yang2024",
                 "bytes": {"random": 650, "full": 999}.get(name, 7700), "per_class": 9 if name == "full" else 2,
                 "matched": "items" if name == "random" else "", "beside": "", "seeds": int(name in SETS),
                 "about": "this one set, seed 0" if name in SETS else "", "whole": True,
                 "values": [mean + 0.010187 * place for place in (-2, -1, 0, 1, 2)]}
            )  # fmt: skip
    return tuple(made)


def report_data() -> ReportData:
    training = {row: (255 * numbers(f"training {row}", 8, 8, 3)).to(torch.uint8) for row in range(20)}
    examples = {row: (255 * numbers(f"example {row}", 8, 8, 3)).to(torch.uint8) for row in range(210)}
    facts = {"command": "limbeck study '<digits>' --ipc 2", "data": "digits & <b>more</b>, fingerprint 12ab"}
    return ReportData(
        "<em>digits</em>", tuple((name, a_set(name)) for name in SETS), findings(), rows(), examples, facts, training
    )
