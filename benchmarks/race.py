"""What it costs to stop draws of a training search early: how often another draw wins, and what learners lose by it.

    python benchmarks/race.py --networks mlp,lenet --sets 10 --draws 8 --halving 2,4 --runs FOLDER

On random real sets of digits, for each network: the search of the probe `cross-architecture`, all draws to their end,
and by successive halving. Learners of the winners of both begin alike. Printed are how often the winners differ, the
mean loss in points of the validation examples that chose and of test examples, with 95 % intervals over searches, and
the steps that the races take as a share of those of the whole searches.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import limbeck
from limbeck.computations import Draw, Fresh, Mixture, Race, Search
from limbeck.computations.contract import ProbeContext
from limbeck.computations.race import Stopped
from limbeck.computations.search import best
from limbeck.core.units import points
from limbeck.statistics.estimates import interval


def steps(search: Search, each: Draw | Stopped) -> int:
    """How many steps a draw takes as far as it is trained."""
    return each.steps if isinstance(each, Stopped) else int(search.setting(each.index)["steps"])


def raced(context: ProbeContext, race: Race) -> tuple[int, list[Draw | Stopped]]:
    """The winner of a race, and all that was trained."""
    while True:
        asked, won = race.run(context)
        if won is not None:
            return won, asked
        for each in asked:
            context.outcome(each)


def said(values: list[float]) -> str:
    """A mean in points with its interval."""
    mean, low, high = interval(values)
    return f"{points(mean)} ({100 * low:.1f} to {100 * high:.1f})"


def main() -> None:
    """Search, race, and print a line for each way to race."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--networks", default="mlp,lenet")
    made.add_argument("--sets", type=int, default=10)
    made.add_argument("--ipc", type=int, default=5)
    made.add_argument("--draws", type=int, default=8)
    made.add_argument("--halving", default="2,4")
    made.add_argument("--first", type=int, default=25)
    made.add_argument("--learners", type=int, default=3)
    made.add_argument("--runs", type=Path, required=True)
    given = made.parse_args()
    torch.set_num_threads(1)
    task = limbeck.load("digits")
    shares = [int(each) for each in given.halving.split(",")]
    found: dict[int, list[tuple[bool, float, float, float]]] = {share: [] for share in shares}
    with limbeck.Session(given.runs, workers=1, progress=False) as session:
        for seed in range(given.sets):
            held = limbeck.distill(task, "random", ipc=given.ipc, seed=seed, network="mlp", session=session)
            for network in given.networks.split(","):
                context = ProbeContext(session.problem(task, network), f"random {seed}", held)
                search = Search(Mixture())
                draws = [Draw(search, index) for index in range(given.draws)]
                reached = [float(context.outcome(each, "validation")) for each in draws]
                whole = best(reached)
                for share in shares:
                    won, asked = raced(context, Race(search, given.draws, share, given.first))
                    lost = 0.0
                    for learner in range(1, 1 + (given.learners if won != whole else 0)):
                        one, other = (Fresh(search, index, learner) for index in (whole, won))
                        lost += float(context.outcome(one, "accuracy") - context.outcome(other, "accuracy"))
                    work = sum(steps(search, each) for each in asked) / sum(steps(search, each) for each in draws)
                    found[share].append((won != whole, reached[whole] - reached[won], lost / given.learners, work))
    for share, rows in found.items():
        changed, validation, test, work = zip(*rows, strict=True)
        rungs = Race(Search(), given.draws, share, given.first).rungs
        print(
            f"{given.draws} draws, one in {share} goes on at steps {rungs}: of {len(rows)} searches another draw wins "
            f"in {sum(changed)}; it costs {said(list(validation))} of validation and {said(list(test))} of test "
            f"accuracy; {sum(work) / len(work):.0%} of the steps"
        )


if __name__ == "__main__":
    main()
