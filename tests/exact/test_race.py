"""Searches by successive halving: who goes on, who wins, and that a stopped draw is where the whole one passes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
import torch

from limbeck.computations import Draw, Fresh, Mixture, Race, Search
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.race import Stopped
from limbeck.core import tree
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.population import outputs_of
from limbeck.probes.cross_architecture import CrossArchitecture
from planted import context_of

SEARCH = Search(Mixture(), "mlp", steps=(100, 200, 400))


@dataclass(frozen=True)
class Planted(ProbeContext):
    """A case in which a draw comes to given validation accuracy after so many steps, and some of that is kept."""

    curves: Any = None
    kept: Any = None

    def known(self, computation: AbstractComputation) -> bool:
        return self.kept is None or computation in self.kept

    def outcome(self, computation: AbstractComputation, branch: str = "") -> Tree:
        assert self.known(computation)
        if isinstance(computation, Fresh):
            made = {"accuracy": 0.5, "validation": 0.5}
        else:
            assert isinstance(computation, Draw | Stopped)
            whole = computation.search.setting(computation.index)["steps"]
            steps = computation.steps if isinstance(computation, Stopped) else whole
            made = {"validation": self.curves(computation.index, steps), "accuracy": 0.5}
        return tree.branch({name: torch.tensor(each, dtype=torch.float64) for name, each in made.items()}, branch)


def planted(curves: Any, kept: Any = None) -> Planted:
    plain = context_of()
    fields = {name: getattr(plain, name) for name in ("problem", "name", "set", "split")}
    return Planted(**fields, curves=curves, kept=kept)


def steps_of(index: int) -> int:
    return int(SEARCH.setting(index)["steps"])


@pytest.mark.parametrize(("draws", "share", "first"), [(20, 4, 10), (9, 3, 25), (64, 2, 50), (5, 7, 1), (6, 1, 25)])
def test_the_best_of_each_rung_go_on_and_the_best_of_the_last_wins(draws: int, share: int, first: int) -> None:
    noise = (Key(("race",)).uniform(draws, 401).double() / 2).tolist()
    race = Race(SEARCH, draws, share, first)
    asked, won = race.run(planted(lambda index, steps: noise[index][steps]))
    going, expected = list(range(draws)), []
    for steps in race.rungs:
        reached = [(noise[index][min(steps, steps_of(index))], index) for index in going]
        expected += [(index, min(steps, steps_of(index))) for index in going]
        going = [index for _, index in sorted(reached, key=lambda each: -each[0])][: math.ceil(len(going) / share)]
    trained = [(each.index, each.steps if isinstance(each, Stopped) else steps_of(each.index)) for each in asked]
    assert won == going[0] and trained == list(dict.fromkeys(expected))
    assert race.rungs[-1] == 400 and (race.rungs[0] >= first or len(race.rungs) == 1)
    assert len(race.rungs) > 1 or share in (1, 7)


def test_whoever_is_ahead_all_the_way_wins_as_in_a_whole_search_and_whoever_is_late_is_out() -> None:
    def ahead(index: int, steps: int) -> float:
        return (1 - index / 50) * steps / 800

    def bent(index: int, steps: int) -> float:
        return 0.9 * (steps == 400) if index == late else ahead(index, steps)

    late = next(index for index in range(10, 20) if steps_of(index) == 400)
    race = Race(SEARCH, 20, 4, 10)
    assert race.run(planted(ahead))[1] == 0 == max(range(20), key=lambda index: ahead(index, steps_of(index)))
    assert race.run(planted(bent))[1] == 0 and Race(SEARCH, 20, 1, 10).run(planted(bent))[1] == late
    # Of equals the first.
    assert race.run(planted(lambda index, steps: 0.5))[1] == 0


def test_rungs_are_asked_for_one_after_the_other_and_fresh_learners_once_it_is_over() -> None:
    probe = CrossArchitecture(("lenet",), draws=9, repeats=2, beside=2, halving=3, first_rung=10, steps=(30, 90))
    kept: set[AbstractComputation] = set()
    context = planted(lambda index, steps: index / 10 + steps / 1000, kept)
    counts = []
    while not (asked := set(probe.computations(context))) <= kept:
        counts.append(len(asked))
        kept |= asked
    # Two networks, on the set and on real examples: a rung of nine, one of three, and two fresh learners of the last.
    assert len(counts) == 3 and counts[-1] - counts[-2] == 4 * 2
    finding = probe.find(context)
    fresh = {each for each in kept if isinstance(each, Fresh)}
    assert {each.index for each in fresh} == {8} and len(fresh) == 8
    assert "one in 3 goes on at each rung" in finding.method
    ended = {each for each in kept if isinstance(each, Draw)}
    assert len(finding.table("draws").rows) == len(ended) < 4 * 9


def test_a_stopped_draw_is_where_the_whole_training_is_at_that_step() -> None:
    context = context_of()
    search = Search(Mixture(), "mlp-w4", steps=(6,), batches=(4,), sample=50)
    training = search.training(context, 1, 0)
    assert training.protocol.batch == 4
    learner = next(islice(training.learners(context), 4, None))
    task = context.problem.task
    asked = Stopped(search, 1, 4)
    whole = ProbeContext(context.problem, split="validation", evaluation_size=50)
    problem = training.problem(context)
    right = outputs_of(problem, learner, whole.inputs).argmax(-1) == whole.examples.classes
    assert task.metrics[0].name == "accuracy"
    assert float(asked.run(context)["validation"]) == pytest.approx(float(right.double().mean()))
