"""How much less a difference of two sets varies where learner k of both begins alike and sees the items in one order.

    python benchmarks/common_numbers.py --network convnet-w8 --learners 20 --runs FOLDER

Learner k of every set and baseline has the same initial parameters and the same order of examples. Printed for each
pair of rows are the correlation of their learners, the variance of the paired difference as a share of what it would be
without pairing, and how much wider or narrower an interval by pairs (n - 1 degrees of freedom) is than Welch's, at 5
learners and at as many as there are. How far an r of 0 comes out from it by chance is said below (Fisher).
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import torch

import limbeck
from limbeck.statistics.estimates import t_quantile

SETS = (("dm", 0), ("dm", 1), ("herding", 0), ("kcenter", 0), ("random", 0))
"""Recipes and seeds: two distilled sets, and three of real examples that stay the same for every learner."""


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Pearson's."""
    return float(torch.corrcoef(torch.tensor([list(first), list(second)], dtype=torch.float64))[0, 1])


def ratio(first: Sequence[float], second: Sequence[float], learners: int) -> float:
    """The half-width of the interval by pairs over that by Welch, were there so many learners of these deviations."""
    one, other = (torch.tensor(each, dtype=torch.float64) for each in (first, second))
    parts = [float(each.var()) / learners for each in (one, other)]
    freedom = sum(parts) ** 2 / sum(part**2 / (learners - 1) for part in parts)
    paired = t_quantile(learners - 1) * (float((one - other).var()) / learners) ** 0.5
    return paired / (t_quantile(freedom) * sum(parts) ** 0.5)


def main() -> None:
    """Distil, score, and print a line for each pair."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--network", default="convnet-w8")
    made.add_argument("--data", default="digits")
    made.add_argument("--learners", type=int, default=20)
    made.add_argument("--ipc", type=int, default=10)
    made.add_argument("--steps", type=int, default=200)
    made.add_argument("--runs", type=Path, required=True)
    given = made.parse_args()
    with limbeck.Session(given.runs, workers=1, progress=False) as session:
        task = limbeck.load(given.data)
        rest = {"ipc": given.ipc, "network": given.network, "checks": 0, "session": session}
        paths = []
        for name, seed in SETS:
            steps = {"steps": given.steps} if name == "dm" else {}
            path = given.runs / f"{name}-{seed}.safetensors"
            limbeck.distill(task, name, seed=seed, **rest, **steps).save(path)
            paths.append(str(path))
        rows = limbeck.evaluate(
            paths, networks=(given.network,), repeats=given.learners, baselines=("random",), session=session
        )
    named = [(Path(each.set).stem if each.seeds else f"{each.set}, drawn anew", each.values) for each in rows]
    shares = []
    print(f"{given.data}, {given.network}, {given.ipc} per class, {given.learners} learners")
    print(f"{'pair':<38}{'r':>7}{'variance, paired / not':>24}{'width at 5':>12}{'at all':>8}")
    for (left, ours), (right, theirs) in itertools.combinations(named, 2):
        r = correlation(ours, theirs)
        one, other = (torch.tensor(each, dtype=torch.float64) for each in (ours, theirs))
        share = float((one - other).var() / (one.var() + other.var()))
        shares.append((share, "anew" in right))
        widths = [ratio(ours, theirs, count) for count in (5, given.learners)]
        print(f"{f'{left} - {right}':<38}{r:>7.2f}{share:>24.2f}{widths[0]:>12.2f}{widths[1]:>8.2f}")
    half = math.tanh(1.96 / (given.learners - 3) ** 0.5)
    print(f"an r of 0 comes out within -+{half:.2f} in 95 % of cases")
    for anew, what in ((False, "the same items for every learner"), (True, "examples drawn anew for each")):
        some = [share for share, drawn in shares if drawn == anew]
        print(f"mean share of the variance that is left, {what}: {sum(some) / len(some):.2f} ({len(some)} pairs)")


if __name__ == "__main__":
    main()
