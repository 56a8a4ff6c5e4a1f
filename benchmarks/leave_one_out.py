"""What leave-one-out of a set of 100 images costs: limbeck's trainings beside a plain loop, written out here.

    python benchmarks/leave_one_out.py [--set SET.safetensors] [--data cifar10] [--items 5] [--out results.json]

The influence of an item on 2,000 test images is their losses under a learner trained without it for 300 full-batch
steps of SGD 0.01 with momentum 0.9, less those under a learner of all items, both from the same initial parameters. The
plain loop copies one `nn.Module` for each training, steps it with `torch.optim.SGD` on all images in one pass, and
reads the test images in batches of 256. limbeck's side is the computation that `limbeck explain` does, compiled and
eager. Each round leaves out one item by every way in turn; seconds are medians over rounds, after a first short
training of each way, whose time is apart. Where others use the machine too, read the processor seconds.

Both ways are one mathematics: at width 8 in double precision, 30 steps on 100 images, the influences of an item differ
by less than 1e-9 of their norm. In single precision training amplifies rounding, which differs with the size of a pass:
there the correlation of the two ways' influences, over test images, is told for each item, must be above 0.9, and is
told for limbeck's own two ways too, as a measure of that noise. The whole of 101 trainings is told by the medians of
processor seconds, for one worker, and for two on cores that are theirs alone.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from literal import ConvNet
from torch import Tensor, nn
from torch.nn import functional

from limbeck.computations import Mixture, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.leave_one_out import whole, without
from limbeck.computations.sources import training_key
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.learn.population import losses_of, read, training
from limbeck.learn.training import fresh, last, row_loader
from limbeck.protocols import Epochs
from limbeck.tasks import load

FURTHEST_DOUBLE, LEAST_CORRELATION = 1e-9, 0.9
EVALUATED, STEPS = 2000, 300
STEP_SIZE, MOMENTUM = (float(torch.tensor(value)) for value in (0.01, 0.9))
"""As a schedule holds them, in single precision: 0.9 is 2e-8 off, which double precision would tell."""
KEY = training_key(0)
"""The randomness of the first seed of every probe: its initial parameters are those of all ways here."""
WAYS = ("plain", "eager", "compiled")


def initial(problem: Problem, key: Key = KEY) -> ConvNet:
    """The plain module with the initial parameters that limbeck's learner has."""
    params = list(problem.network.init(key.fold("init")).values())
    (width, channels), (classes, entering) = params[0].shape[:2], params[-2].shape
    depth = sum(leaf.dim() == 4 for leaf in params)
    net = ConvNet(width, classes, channels, depth, entering // width).to(params[0].dtype)
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), params, strict=True):
            mine.copy_(theirs)
    return net


def plain(reference: nn.Module, batch: Batch, examples: Batch, steps: int) -> Tensor:
    """The losses of test images under a copy of the network, trained by a plain loop."""
    net = copy.deepcopy(reference)
    optimizer = torch.optim.SGD(net.parameters(), lr=STEP_SIZE, momentum=MOMENTUM)
    criterion = nn.CrossEntropyLoss()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(net(batch.inputs), batch.classes)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        pairs = zip(examples.inputs.split(256), examples.classes.split(256), strict=True)
        return torch.cat([functional.cross_entropy(net(images), labels, reduction="none") for images, labels in pairs])


def in_double(context: ProbeContext, width: int = 8, steps: int = 30) -> float:
    """How far the influences of one item are apart in double precision, as a share of their norm."""
    problem = replace(context.problem, network=context.problem.task.network(f"convnet-w{width}"))
    doubled = functools.partial(tree.map, lambda leaf: leaf.double() if leaf.is_floating_point() else leaf)
    batch, examples = (Batch(*doubled(tuple(each))) for each in (context.distilled.batch, context.examples))
    reference, learner = initial(problem).double(), doubled(fresh(problem.network, KEY.fold("init"), problem.device))
    rest = problem.task.take(batch, torch.arange(1, len(batch.classes)))

    def ours(on: Batch) -> Tensor:
        schedule = Epochs(epochs=steps).schedule(None, len(on.classes), KEY)
        trained = last(training(problem, learner, row_loader(problem.task, on), schedule, KEY))
        return losses_of(problem, read(problem, trained, examples.inputs).outputs, examples.targets)

    theirs = plain(reference, rest, examples, steps) - plain(reference, batch, examples, steps)
    return float((ours(rest) - ours(batch) - theirs).norm() / theirs.norm())


def ways_of(context: ProbeContext) -> dict[str, Callable[[Training], Tensor]]:
    """Each way as what it makes of a training: the losses of the evaluation examples."""
    reference = initial(context.problem)

    def by_plain(asked: Training) -> Tensor:
        assert isinstance(asked.on, Mixture)
        return plain(reference, asked.on.batch(context), context.examples, asked.protocol.steps)

    def by_ours(compiled: bool) -> Callable[[Training], Tensor]:
        shown = replace(context, problem=replace(context.problem, compiled=compiled))
        return lambda asked: asked.run(shown)["losses"][-1]

    return dict(zip(WAYS, (by_plain, by_ours(False), by_ours(True)), strict=True))


def timed(work: Callable[[], Tensor]) -> tuple[Tensor, float, float]:
    """What it comes to, its wall seconds and its processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def measured(context: ProbeContext, items: int) -> dict[str, Any]:
    """First calls, seconds of each round, and how the influences of each item agree."""
    ways = ways_of(context)
    first = {}
    for name, way in ways.items():
        short = [replace(each, protocol=Steps(2)) for each in (whole(0), without(context, 0, 0))]
        first[name] = round(sum(timed(functools.partial(way, each))[1] for each in short), 2)
    with_all = {name: way(whole(0)) for name, way in ways.items()}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    agreement = []
    for index in range(items):
        item, influence = index * len(context.distilled) // items, {}
        for name, way in ways.items():
            found, wall, cpu = timed(functools.partial(way, without(context, item, 0)))
            influence[name] = found - with_all[name]
            seconds[name].append((round(wall, 3), round(cpu, 3)))
        pairs = (("plain", "compiled"), ("plain", "eager"), ("eager", "compiled"))
        correlation = {
            f"{one}, {other}": round(float(torch.corrcoef(torch.stack([influence[one], influence[other]]))[0, 1]), 5)
            for one, other in pairs
        }
        agreement.append({"item": item, "correlation": correlation})
        print(
            f"item {item}: {json.dumps(correlation)} {json.dumps({name: seconds[name][-1] for name in WAYS})}",
            flush=True,
        )
        low = min(correlation.values())
        assert low > LEAST_CORRELATION, f"influences of item {item} correlate by {low} only"
    median = {
        unit: {name: round(statistics.median(each[place] for each in seconds[name]), 3) for name in WAYS}
        for place, unit in enumerate(("wall s", "cpu s"))
    }
    trainings = len(context.distilled) + 1
    return {
        "first call s": first,
        "median of a training": median,
        "ratio of plain": {
            unit: {name: round(found["plain"] / found[name], 2) for name in WAYS} for unit, found in median.items()
        },
        "whole, processor minutes by the medians": {
            f"{workers} worker(s)": {
                name: round((trainings * median["cpu s"][name] / workers + first[name]) / 60, 1) for name in WAYS
            }
            for workers in (1, 2)
        },
        "all": seconds,
        "agreement": agreement,
    }


def context_of(given: argparse.Namespace) -> ProbeContext:
    """The set that is named, or random real images, before the test images that it is read on."""
    task = load(given.data)
    problem = Problem(task, task.network(f"convnet-w{given.width}"), torch.device("cpu"), NoCache())
    if given.set:
        found = DistilledSet.load(given.set)
        name, distilled = str(given.set), BatchSet(found.digest, found.batch, found.schedule)
    else:
        batch = problem.real(Key(("leave-one-out",)), 10)
        name, distilled = "random", BatchSet("random", batch, Epochs().schedule(None, len(batch.classes), KEY))
    return ProbeContext(problem, name, distilled, "test", EVALUATED)


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--set", type=Path, help="a distilled set of hard labels; else 10 random images per class")
    options.add_argument("--data", default="cifar10")
    options.add_argument("--width", type=int, default=16)
    options.add_argument("--items", type=int, default=5, help="rounds, each of which leaves out one item")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    context = context_of(given)
    before = os.getloadavg()[0]
    apart = in_double(context)
    print(f"in double precision {apart:.1e} apart", flush=True)
    assert apart < FURTHEST_DOUBLE, f"the ways are {apart:.2g} apart in double precision"
    row = {
        "command": f"python {' '.join(sys.argv)}",
        "set": context.name,
        "images": len(context.distilled),
        "width": given.width,
        "steps": STEPS,
        "evaluation examples": len(context.rows),
        "difference in double precision": apart,
        **measured(context, given.items),
        "torch": torch.__version__,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {given.threads} thread(s)",
        "load average before and after": [round(before, 2), round(os.getloadavg()[0], 2)],
    }
    if given.out:
        given.out.write_text(json.dumps(row, indent=1) + "\n")
    shown = ("median of a training", "ratio of plain", "whole, processor minutes by the medians", "first call s")
    print(json.dumps({name: row[name] for name in shown}, indent=1))


if __name__ == "__main__":
    main()
