"""What many learners of one size cost: limbeck's trainings as its commands do them, beside a plain eager loop.

    python benchmarks/learners.py --work leave-one-out --data cifar10 --network convnet-w16 --ipc 10 --count 100
    python benchmarks/learners.py --work evaluation --data cifar10 --network convnet-w32 --ipc 10 --count 8

Each learner takes 300 full-batch steps of SGD 0.01 with momentum 0.9 and is read on test images. For leave-one-out one
is trained on random real images, and `count` more on all but one of these; for evaluation all are trained on all of
them, from initial parameters of their own. The plain loop steps an `nn.Module` with `torch.optim.SGD`, one learner
after the other, on as many threads as torch takes. All its learners cost the same, so it trains --plain of them each
round, half before ours and half after, and counts as if it had trained all. Ours is the whole of them from an empty
store as the commands have it, by --workers processes, their start and all that a command does beside included; what
was compiled before is kept between processes. The ratio of a round is the time of the loop over ours, by the clock:
take an idle machine. Initial parameters are the same on both sides, and what learners come to is compared. With
--workers 0 ours is done in this process, by one thread as is the loop, and seconds are the processor's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import torch
from leave_one_out import EVALUATED, STEPS, initial, plain
from torch import Tensor

import limbeck
from limbeck.computations import Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.leave_one_out import losses, whole, without
from limbeck.computations.sources import training_key
from limbeck.recipes import recipe_for
from limbeck.runs.graph import Graph, Request, compute
from limbeck.runs.plan import Plan, run_plan
from limbeck.runs.session import Session

ALIKE = 0.9
"""How far losses of the two ways correlate at least: training amplifies rounding."""
WARMING = 4
"""Learners that are trained before anything counts."""


def asked(work: str, context: ProbeContext, count: int) -> list[Training]:
    """The trainings of ours."""
    if work == "evaluation":
        return [whole(seed) for seed in range(count)]
    return [whole(0), *(without(context, item, 0) for item in range(count))]


def clock(given: argparse.Namespace) -> float:
    """Seconds so far, or with --workers 0 those of the processor."""
    return time.perf_counter() if given.workers else time.process_time()


def ours(given: argparse.Namespace) -> tuple[float, ProbeContext, list[Tensor]]:
    """The seconds of all learners from an empty store, what they saw, and their losses of test images."""
    task = limbeck.load(given.data)
    recipe = recipe_for("random", task.name, given.ipc)
    with tempfile.TemporaryDirectory() as folder:
        with Session(folder, workers=1) as session:
            made, run = run_plan(Plan(task, recipe, given.network, given.ipc, 0, checks=0), session)
        begun = clock(given)
        with Session(folder, workers=given.workers or 1) as session:
            context = ProbeContext(session.problem(task, given.network), "random", made, "test", EVALUATED)
            wanted = asked(given.work, context, given.count)
            graph = Graph([Request(each, context, run.result) for each in wanted], task.reference)
            if given.workers:
                graph.complete(session)
            else:
                compute([(each, context) for each in wanted], session.store)
            found = [losses(context, each) for each in wanted]
    return clock(given) - begun, context, found


def theirs(given: argparse.Namespace, context: ProbeContext, numbers: range) -> tuple[float, list[Tensor]]:
    """The seconds of some learners by the plain loop, and the losses of test images under each."""
    problem, begun, found = context.problem, clock(given), []
    for number, training in enumerate(asked(given.work, context, given.count)):
        if number in numbers:
            batch = training.on.batch(context)
            found.append(plain(initial(problem, training_key(training.seed)), batch, context.examples, STEPS))
    return clock(given) - begun, found


def measured(given: argparse.Namespace, context: ProbeContext) -> tuple[float, float]:
    """The ratio of a round, and the least correlation of the losses of a learner of both ways over test images."""
    half = given.plain // 2
    before = theirs(given, context, range(half))
    taken, context, found = ours(given)
    after = theirs(given, context, range(half, given.plain))
    learners = len(found)
    loop = (before[0] + after[0]) * learners / given.plain
    pairs = zip(before[1] + after[1], found, strict=False)
    alike = min(float(torch.corrcoef(torch.stack([one.double(), other]))[0, 1]) for one, other in pairs)
    print(f"  {loop:.1f} s by the loop, {taken:.1f} s by ours; losses correlate by {alike:.4f} at least", flush=True)
    assert alike > ALIKE, f"the two ways train other learners: their losses correlate by {alike}"
    return loop / taken, alike


def main() -> None:
    """Measure so many rounds after a first that does not count, which compiles what is not."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--work", choices=("leave-one-out", "evaluation"), required=True)
    options.add_argument("--data", default="cifar10")
    options.add_argument("--network", default="convnet-w16")
    options.add_argument("--ipc", type=int, default=10)
    options.add_argument("--count", type=int, default=100, help="learners, beside the one of all items")
    options.add_argument("--plain", type=int, default=4, help="learners of the loop in a round")
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    if not given.workers:
        torch.set_num_threads(1)
    # A few learners of ours alone: they compile what is not compiled.
    _, context, _ = ours(argparse.Namespace(**{**vars(given), "count": min(given.count, WARMING)}))
    load = os.getloadavg()[0]
    rounds = [measured(given, context) for _ in range(given.rounds)]
    row = {
        **{name: value for name, value in vars(given).items() if name != "out"},
        "ratios": [round(ratio, 3) for ratio, _ in rounds],
        "least correlation of losses": round(min(alike for _, alike in rounds), 5),
        "torch": torch.__version__,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        "load average before and after": [round(load, 2), round(os.getloadavg()[0], 2)],
    }
    if given.out:
        given.out.write_text(json.dumps(row, indent=1) + "\n")
    print(json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
