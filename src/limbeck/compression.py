"""A set in fewer bytes: its items in few levels or colours, or as words, and what that costs in accuracy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.api import evaluate, loaded, opened
from limbeck.codecs import ImageCodec, WordVectors
from limbeck.core.contracts import AbstractParameterization, AbstractProtocol, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import few_enough
from limbeck.core.family import part_name
from limbeck.core.findings import Fact
from limbeck.core.key import Key
from limbeck.core.units import apart, bare, measured, percent, size
from limbeck.core.values import typed
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Score
from limbeck.parameterizations import Bits, Palette, Pixels, SoftTargets
from limbeck.runs.scoring import one_reference
from limbeck.runs.session import Session
from limbeck.statistics.estimates import ANYWHERE, GAIN, estimate
from limbeck.tasks import reload

COLOURS, WORDS = "palette:", "words"


@dataclass(frozen=True)
class Compressed:
    """A set in fewer bytes, and what that cost."""

    set: DistilledSet
    by: str
    """As `compress` takes it."""
    before: int
    """The bytes of the set that was given, as `DistilledSet.budget` counts them."""
    moved: float
    """How far the numbers of its items are from the given ones, as a network sees them: the norm of the differences,
    in norms of the items."""
    scores: Sequence[Score] = ()
    """Of the set that was given, then of the one in fewer bytes; none where they were not asked for."""

    @property
    def after(self) -> int:
        """The bytes of the set, counted alike."""
        return self.set.budget.bytes

    @property
    def change(self) -> Fact | None:
        """The score of the one less that of the other: the mean over learners that begin alike, and its interval.

        Student's t over the differences, a pair of learners each; of one pair there is no interval. None: not scored.
        """
        if not self.scores:
            return None
        given, made = self.scores
        pairs = zip(made.values, given.values, strict=True)
        within = GAIN if made.unit == "fraction" else ANYWHERE
        return estimate(f"change of {made.metric}", [after - before for after, before in pairs], within=within)

    @property
    def words(self) -> list[str]:
        """What it cost, in sentences."""
        share = percent(self.after / self.before)
        name = self.by if self.by.startswith((COLOURS, WORDS)) else f"{self.by} bits a number"
        said = [
            f"{name}: {size(self.after)} in place of {size(self.before)} ({share}); its items moved by "
            f"{percent(self.moved, 2)} of their norm"
        ]
        if self.change is None:
            return [*said, "what that costs in accuracy was not measured: --repeats 5 tells"]
        (given, made), change = self.scores, self.change
        interval = (
            f"95 % interval {bare(change.low, made.unit)} to {apart(change.high, made.unit)} over {change.n} pairs of "
            "learners that begin alike"
            if change.n > 1
            else "of one pair of learners, so without an interval"
        )
        scored = f"{measured(made.mean, made.unit)} in place of {measured(given.mean, given.unit)}"
        return [
            *said,
            f"test {made.metric} of {made.network}: {scored}, which is {apart(change.value, made.unit)} ({interval}; "
            f"protocol {made.protocol})",
        ]

    def document(self) -> dict[str, Any]:
        """It as JSON."""
        return {
            "by": self.by,
            "bytes": {"before": self.before, "after": self.after},
            "moved": self.moved,
            "change": None if self.change is None else self.change._asdict(),
            "scores": [each.row() for each in self.scores],
        }


def part_of(by: str) -> AbstractParameterization:
    """What stores items by so many `bits` a number ("4"), in so many colours ("palette:16") or as "words".

    InputError for anything else.
    """
    if by == WORDS:
        return Pixels()
    kind, number = (Palette, by.removeprefix(COLOURS)) if by.startswith(COLOURS) else (Bits, by)
    try:
        return kind(int(number) if re.fullmatch("[0-9]{1,3}", number) else 0)
    except InputError as error:
        raise InputError(
            f"--bits {by}: expected 1 to 8 bits for each number, or palette:N with 2 to 256 colours for each image; "
            "of sentences words"
        ) from error


@typed
def compress(
    distilled: DistilledSet | str | Path,
    by: str,
    *,
    repeats: int = 5,
    protocol: str | AbstractProtocol = "",
    network: str = "",
    data: str = "",
    session: Session | None = None,
) -> Compressed:
    """A set of images or sentences whose items take fewer bytes, and what that costs in accuracy on the test split.

    By "1" to "8" each number of the items, as a network sees them, is the nearest of 2^bits levels between the bounds
    of its channel; by "palette:N" each pixel has the nearest of N colours of its image, which are found by k-means.
    By "words" each vector of a sentence is the nearest word, which is kept by its number: a set that can be read.
    Whatever the set was learned as, its items are rendered first. Labels, schedule and the parameters that it is to be
    trained from stay as they are. `repeats` learners are trained on either set by `protocol` on `network`, by default
    as `limbeck.evaluate` has them, in pairs that begin alike; with 0 nothing is scored. `data` names the data where
    they are no longer where the set says.

    Raises InputError for another `by`, for a set with several views or of another kind of items, for a set that is
    not there, of other data or damaged, and for unknown names.
    """
    part = part_of(by)
    if repeats < 0:
        raise InputError(f"repeats {repeats}: expected a number of learners, or 0 for no score")
    few_enough(repeats=repeats)
    with opened(session) as used:
        ((name, path, whole),) = loaded(distilled, used)
        _check(name, whole, by)
        task = reload(one_reference([(name, path, whole)], data), used.data_root)
        whole.check_fits(name, task)
        problem = Problem(task, task.network(network or whole.spec["network"]), used.device, used.store)
        made = _stored_as(whole, part, by, problem)
        scores: Sequence[Score] = ()
        if repeats:
            scores = evaluate(
                [distilled, made],
                networks=[network] if network else (),
                protocol=protocol,
                repeats=repeats,
                baselines=(),
                data=data,
                session=used,
            )
    given = whole.batch.inputs
    moved = float((made.batch.inputs - given).norm() / given.norm())
    return Compressed(made, by, whole.budget.bytes, moved, scores)


def _check(name: str, distilled: DistilledSet, by: str) -> None:
    """InputError for a set that is not of images, or of sentences where words are asked for, or has several views."""
    if distilled.views:
        raise InputError(
            f"{name}: found a set with several views ({part_name(type(distilled.parameterization))}), expected items "
            "that look alike at every step; distil with --parameterization bits around it instead"
        )
    inputs = distilled.batch.inputs
    if by == WORDS and isinstance(distilled.codec, WordVectors):
        return
    if by == WORDS:
        raise InputError(
            f"{name}: found items of the codec {part_name(type(distilled.codec))}, expected sentences; choose 1 to 8 "
            "bits or palette:N, which are for images"
        )
    if not isinstance(distilled.codec, ImageCodec) or not isinstance(inputs, Tensor) or inputs.dim() != 4:
        raise InputError(
            f"{name}: found items of the codec {part_name(type(distilled.codec))}, expected images; "
            "distil with --parameterization bits instead, which takes any numbers"
        )


def _stored_as(distilled: DistilledSet, part: AbstractParameterization, by: str, problem: Problem) -> DistilledSet:
    """The same set, its items stored as a part has them; labels that were learned stay so."""
    chosen = SoftTargets(part) if "targets" in distilled.params.learned else part
    batch = distilled.batch
    if by == WORDS:
        batch = batch._replace(inputs=distilled.codec.decode(batch.inputs))
    params = chosen.init(problem, batch, Key())
    steps = [each for each in (distilled.spec.get("compressed"), by) if each]
    return replace(
        distilled,
        params=chosen.stored(params),
        parameterization=chosen,
        spec={**distilled.spec, "compressed": ", ".join(steps)},
        scores=(),
    )
