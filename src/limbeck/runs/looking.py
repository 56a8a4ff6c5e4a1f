"""Scores to which learners are added until what they are asked is decided: looked at so many times, as was planned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from limbeck.core.contracts import AbstractProtocol
from limbeck.core.errors import InputError
from limbeck.core.units import within
from limbeck.evaluation import Entry, Score
from limbeck.leading import still_open
from limbeck.runs.graph import Graph
from limbeck.runs.scoring import planned, plans, requests_of
from limbeck.runs.session import Session
from limbeck.statistics.decisions import LEAST

MOST = 20
"""Learners of a row at most, where nothing else is said."""


@dataclass(frozen=True)
class Until:
    """What is to be known of scores, and at how many learners of a row it is looked at.

    At each of K looks an interval is made at 5 % / K, so that all looks hold at once in 95 % of cases (Bonferroni):
    whoever ends at any of them, for any reason, is misled in 5 % of cases at most. Jennison & Turnbull (Group
    Sequential Methods, 1999, chapter 9) call such intervals repeated.
    """

    looks: tuple[int, ...]
    """How many learners of a row there are at each, ascending."""
    decided: bool = True
    """Whether all comparisons are to be decided."""
    half_width: float | None = None
    """How far the ends of a set's interval may lie from its mean: points of a share in per cent, else its unit."""

    def goes_on(self, scores: Sequence[Score], sets: Sequence[str]) -> list[bool]:
        """Of each score of `sets` and baselines, whether more learners are wanted."""
        wide = [self._wide(each) for each in scores]
        still = still_open([each.row() for each in scores], sets) if self.decided else [False] * len(scores)
        return [one or other for one, other in zip(wide, still, strict=True)]

    def _wide(self, score: Score) -> bool:
        """Whether it is of a set whose interval is wider than was asked for."""
        if self.half_width is None or not score.seeds:
            return False
        scale = 100 if score.unit == "fraction" else 1
        return scale * max(score.high - score.mean, score.mean - score.low) > self.half_width


def until_of(
    repeats: int, most: int | None, decided: bool, half_width: float | None, seeds: int, alone: bool
) -> Until | None:
    """What was asked for; None where learners are not added.

    There are `repeats` learners at the first look, twice as many at each next one, and `most` at the last. `alone` says
    that there is nothing to compare with. Raises InputError for what cannot be asked.
    """
    if not decided and half_width is None:
        if most is not None:
            raise InputError(f"most {most}: it bounds until_decided and half_width; give one of them, or repeats alone")
        return None
    most = max(MOST, repeats) if most is None else most
    if seeds > 1:
        raise InputError(
            f"seeds {seeds}: learners are added to the score of one set; over distillations, more seeds decide"
        )
    if repeats < LEAST or most < repeats:
        raise InputError(f"repeats {repeats}, most {most}: expected at least {LEAST} at first, and no fewer at last")
    if half_width is not None and not half_width > 0:
        raise InputError(f"half_width {half_width:g}: expected a number above 0")
    if half_width is None and alone:
        raise InputError("until_decided: one set and no baseline leave nothing to decide; name one, or give half_width")
    counts = [repeats]
    while 2 * counts[-1] < most:
        counts.append(2 * counts[-1])
    return Until(tuple(dict.fromkeys([*counts, most])), decided, half_width)


def looked_at(
    score: Callable[[Sequence[int], int], Sequence[Score]], rows: int, sets: Sequence[str], until: Until
) -> Sequence[Score]:
    """The scores of the look after which nothing is open, or of the last.

    `score(learners of each row, look)` gives all of them. A row that is in no open comparison keeps what it has.
    """
    counts = [until.looks[0]] * rows
    scores = score(counts, 1)
    for look, (_, more) in enumerate(pairwise(until.looks), 2):
        going = until.goes_on(scores, sets)
        if not any(going):
            break
        counts = [more if goes else had for goes, had in zip(going, counts, strict=True)]
        scores = score(counts, look)
    return scores


def score_until(
    session: Session,
    entered: Sequence[Entry],
    reference: dict[str, Any],
    protocol: AbstractProtocol,
    sets: Sequence[str],
    until: Until,
) -> list[Score]:
    """The row of every entry, with as many learners as decide what is asked, or the most that are allowed.

    They are those that `score` trains, kept alike: what ends with n learners is the row of n, but for its interval.
    """
    asked_whether, looks = False, len(until.looks)

    def score(counts: Sequence[int], look: int) -> list[Score]:
        nonlocal asked_whether
        graph = _graph(entered, counts, reference)
        if not asked_whether and graph.missing(session):
            asked_whether = True
            last = [until.looks[-1] if count == max(counts) else count for count in counts]
            _admit(session, graph.seconds(session), _graph(entered, last, reference).seconds(session))
        session.progress.phase(f"look {look} of {looks} at most: {_named(entered, counts)}")
        graph.complete(session)
        return [each.score(protocol.name, count, looks) for each, count in zip(entered, counts, strict=True)]

    # Before anything is known: whoever reads what was kept when it was interrupted must know of it, too.
    for each in entered:
        _plan(session, each, looks)
    return list(looked_at(score, len(entered), sets, until))


def _graph(entered: Sequence[Entry], counts: Sequence[int], reference: dict[str, Any]) -> Graph:
    pairs = zip(entered, counts, strict=True)
    return Graph([each for entry, count in pairs for each in requests_of([entry], count)], reference)


def _admit(session: Session, least: float, most: float) -> None:
    """Tell about how long it takes, of which the first look is the least, and ask where that may be long."""
    session.progress.phase(f"{within(least, most)} of work, by how soon it is decided")
    if session.executor.waits:
        session.allowance.admit(most, whole=True, least=least)


def _named(entered: Sequence[Entry], counts: Sequence[int]) -> str:
    """How many learners there are of which sets and baselines, those that were added to."""
    names = dict.fromkeys(
        Path(each.name).stem for each, count in zip(entered, counts, strict=True) if count == max(counts)
    )
    return f"{max(counts)} learners of {', '.join(names)}"


def _plan(session: Session, entry: Entry, looks: int) -> None:
    """Keep that the learners of an entry were looked at so often, beside them."""
    if planned(session, entry) < looks:
        address = plans(entry)
        session.store.place(address).unlink(missing_ok=True)
        session.store.remember(address, lambda: {"looks": torch.tensor(looks)})
