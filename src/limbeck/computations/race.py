"""A search by successive halving: draws that are behind after a few steps are not trained to their end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from limbeck.computations.contract import ProbeContext
from limbeck.computations.search import AbstractTrial, Draw, Search
from limbeck.computations.training import Training
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Stopped(AbstractTrial):
    """A draw of a search, by seed 0, that was stopped after so many steps: its "validation" accuracy there.

    Learning rates are constant and orders are drawn epoch by epoch, so it is where the whole training is at that step.
    """

    doing = "trying training settings"

    search: Search
    index: int
    steps: int

    @property
    def evaluates(self) -> bool:
        """Evaluation examples are not read."""
        return False

    def training(self, context: ProbeContext) -> Training:
        """The first steps of the training of its draw."""
        whole = self.search.training(context, self.index, 0)
        return replace(whole, protocol=replace(whole.protocol, steps=self.steps), reads=())

    def run(self, context: ProbeContext) -> Tree:
        """Train and read."""
        return {"validation": self.training(context).run(context)["validation"]}


@dataclass(frozen=True)
class Fresh(AbstractTrial):
    """A fresh learner trained by a draw of a search: "validation" and "accuracy"."""

    doing = "training by the best settings"

    search: Search
    index: int
    seed: int

    def training(self, context: ProbeContext) -> Training:
        """That of its seed."""
        return self.search.training(context, self.index, self.seed)


@dataclass(frozen=True)
class Race:
    """Which of so many draws of a search is best, where one in `share` goes on at each rung.

    Rungs lie `share` times apart, the last at the most steps of the search and none before step `first`. At each, the
    draws that go on are compared by validation accuracy, a draw of fewer steps by where it ended; the best
    ceil(n / share) of n go on to the next, and at the last the best wins, the first of equals. So a draw that is behind
    early is out though it might have won. Each rung is trained from the beginning: where it stands is then a function
    of the draw and the rung alone, and rungs add up to less than share / (share - 1) times what going on would take.
    Jamieson & Talwalkar (AISTATS 2016).
    """

    search: Search
    draws: int
    share: int
    first: int

    @property
    def rungs(self) -> list[int]:
        """The steps at which draws are compared, ascending.

        >>> Race(Search(steps=(100, 300)), 8, 4, 25).rungs, Race(Search(steps=(1000,)), 1000, 4, 10).rungs
        ([75, 300], [15, 62, 250, 1000])
        """
        found, left = [max(self.search.steps)], self.draws
        while left > self.share > 1 and found[0] // self.share >= self.first:
            found.insert(0, found[0] // self.share)
            left = -(-left // self.share)
        return found

    def at(self, index: int, steps: int) -> Draw | Stopped:
        """Where a draw stands after so many steps: at its end, where it has no more."""
        whole = self.search.setting(index)["steps"] <= steps
        return Draw(self.search, index) if whole else Stopped(self.search, index, steps)

    def run(self, context: ProbeContext) -> tuple[list[Draw | Stopped], int | None]:
        """What it needs, as far as what is kept tells, and the draw that won; None where that is not known yet."""
        sign = 1 if context.problem.task.metrics[0].higher_is_better else -1
        going, asked = list(range(self.draws)), list[Draw | Stopped]()
        for steps in self.rungs:
            standing = {index: self.at(index, steps) for index in going}
            asked += standing.values()
            if not all(context.known(each) for each in standing.values()):
                return asked, None
            reached = {index: sign * float(context.outcome(each, "validation")) for index, each in standing.items()}
            going = sorted(going, key=lambda index: -reached[index])[: -(-len(going) // self.share)]
        return list(dict.fromkeys(asked)), going[0]
