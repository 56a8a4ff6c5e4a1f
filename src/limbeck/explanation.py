"""What a set holds and where it must not be used: the probes of each budget, and the case that they are shown."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractTask, Problem
from limbeck.core.errors import InputError, unknown
from limbeck.core.family import part_name
from limbeck.distilled_set import DistilledSet
from limbeck.probes import PROBES
from limbeck.probes.agreement import Agreement
from limbeck.probes.attributes import AbstractAttributes, Annotated, Called, Tabular
from limbeck.probes.attributes.annotated import Ask
from limbeck.probes.continuation import Continuation
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.cross_architecture import CrossArchitecture
from limbeck.probes.curvature import Curvature
from limbeck.probes.episodes import Episodes
from limbeck.probes.influence import Influence
from limbeck.probes.landscape import Landscape
from limbeck.probes.learning_time import LearningTime
from limbeck.probes.mimicry import Mimicry
from limbeck.probes.mixing import Mixing
from limbeck.probes.recognition import Recognition
from limbeck.probes.reliance import Reliance
from limbeck.probes.semantics import Semantics
from limbeck.probes.substitution import Substitution
from limbeck.probes.surface import Surface
from limbeck.statistics.projections import Umap

SPLIT = "test"


@dataclass(frozen=True)
class Effort:
    """How thoroughly a set is examined."""

    evaluation_size: int
    """How many test examples everything is read on; 0 for all."""
    probes: tuple[AbstractProbe, ...]


EFFORTS: dict[str, Effort] = {
    "quick": Effort(
        2000,
        (
            Substitution(sizes=(1, 2, 5, 10, 12, 20, 60), every=20),
            Reliance(every=20),
            Episodes(repeats=3, controls=3),
            Recognition((("", 0), ("convnet-w16", 300), ("lenet", 300)), every=20, controls=3),
            Mimicry(every=20),
            Mixing(added=(0, 2, 10, 50)),
            CrossArchitecture(("lenet", "mlp"), draws=4, beside=10),
            Agreement(matched=8, subsets=24, trajectories=6, decayed=0, window=0.02, every=20),
            LearningTime(every=20, controls=10),
            Curvature(20, places=4, images=10, relative=0.1, most=24, starts=2, iterations=20),
            Landscape(every=20, size=13, sample=400, repeats=5),
            Continuation(repeats=3, every=20),
            Influence(items=20, controlled=20, added=10),
            Semantics(repeats=12, items=20, controlled=20),
            Surface(every=20, planes=1, size=7, points=11, images=10, iterations=20, subsets=(1,), bent=0, sample=400),
        ),
    ),
    "standard": Effort(
        0,
        (
            Substitution(),
            Reliance(),
            Episodes(),
            Recognition(),
            Mimicry(),
            Mixing(),
            CrossArchitecture(),
            Agreement(),
            LearningTime(),
            Curvature(),
            Landscape(),
            Continuation(),
            Influence(),
            Semantics(),
            Surface(),
        ),
    ),
    "full": Effort(
        0,
        (
            Substitution(repeats=10, trajectories=10, every=1, controls=10),
            Reliance(every=1, repeats=10),
            Episodes(10, 10, 100),
            # 20 and 40 epochs of CIFAR-10; the networks of the paper's larger ones were given, and are trained here.
            Recognition(
                (("", 0), ("convnet-w16", 3920), ("convnet", 7840), ("resnet18", 7840), ("resnet34", 7840)),
                space=3,
                repeats=3,
                every=1,
                sample=10_000,
                shown=10_000,
                projection=Umap(),
            ),
            Mimicry(repeats=10, controls=10, items=0, sample=10_000, shown=1000, every=1),
            Mixing(repeats=10),
            CrossArchitecture(
                ("alexnet", "vgg11", "vgg19", "resnet34", "vit"),
                draws=1000,
                repeats=5,
                learning_rates=(1e-4, 1e-1),
                steps=(100, 300, 1000),
                batches=(0, 32),
            ),
            Agreement(30, subsets=120, trajectories=30, decayed=300, epochs=20, every=1, repeats=10),
            LearningTime(every=1, repeats=10),
            Curvature(1, 20, images=500, relative=0.02, floor=1.0, most=400, starts=10, iterations=100, repeats=10),
            Landscape(every=1, size=51, sample=0, repeats=10),
            Continuation(repeats=10, every=1),
            Influence(repeats=10, controlled=0, added=0),
            Semantics(repeats=20, controlled=0),
            Surface(
                1, 10, 51, points=51, images=500, iterations=100, subsets=(1, 10, 100), bent=1000, sample=0, repeats=10
            ),
        ),
    ),
}
"""Quick is minutes for a small network on two cores; full has the sizes of Yang et al. (ICML 2024)."""


def effort_of(
    effort: str, asked: Sequence[str | AbstractProbe], attributes: AbstractAttributes | None = None
) -> Effort:
    """The probes that are asked for, those by name as they are in a budget; all of it where none is asked for.

    Where `attributes` are given, semantics asks for those and not for measured ones. Raises InputError for unknown
    names.
    """
    if effort not in EFFORTS:
        raise unknown("effort", effort, EFFORTS)
    found = EFFORTS[effort]
    listed = {part_name(type(probe)): probe for probe in found.probes}
    chosen: list[AbstractProbe] = []
    for each in dict.fromkeys(asked or found.probes):
        # A probe that another package brings is in no budget.
        probe = each if isinstance(each, AbstractProbe) else listed.get(each) or PROBES[each]()
        if attributes is not None and isinstance(probe, Semantics):
            probe = replace(probe, attributes=attributes)
        chosen.append(probe)
    return Effort(found.evaluation_size, tuple(chosen))


def askable(probes: Sequence[AbstractProbe], task: AbstractTask) -> tuple[AbstractProbe, ...]:
    """The probes that can be asked of sets of the task; a warning names each that is left out.

    Raises InputError, as the first of them says, where none can be asked.
    """
    found: list[AbstractProbe] = []
    refused: list[InputError] = []
    for probe in probes:
        try:
            probe.check(task)
        except InputError as error:
            refused.append(error)
        else:
            found.append(probe)
    if refused and not found:
        raise refused[0]
    for each in refused:
        warnings.warn(f"left out: {str(each).removesuffix('; leave this probe out')}", stacklevel=2)
    return tuple(found)


def attributes_of(table: str | Path, annotator: str | Ask) -> AbstractAttributes | None:
    """Attributes from a parquet file, or of what an annotator says (a command line, or a function); None for neither.

    Raises InputError where both are given, and for a command line that cannot be split into words.
    """
    if str(table) and annotator:
        raise InputError(f"attributes {table} and an annotator: expected one of them; leave the other out")
    if str(table):
        return Tabular(str(table))
    if callable(annotator):
        return Called(getattr(annotator, "__qualname__", type(annotator).__name__), annotator)
    if not annotator:
        return None
    try:
        return Annotated(tuple(shlex.split(annotator)))
    except ValueError as error:
        raise InputError(f"annotator {annotator!r}: {error}; expected a command as in a shell") from error


def context_of(problem: Problem, name: str, distilled: DistilledSet, evaluation_size: int) -> ProbeContext:
    """The context in which probes ask about a set; InputError where it and the problem do not belong together."""
    distilled.check_fits(name, problem.task)
    return ProbeContext(problem, name, distilled, SPLIT, evaluation_size)
