"""How fast this machine trains a network, by a short measurement: what times are told from before work begins."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import NamedTuple

from limbeck.computations import AllReal, Mixture, Steps, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.training import REAL_BATCH
from limbeck.core.threads import computing_by

GAIN = 1.3
"""How much faster compiled work is than eager, about: training 1.3 times at ConvNet width 16, 1.15 at width 32 and not
at all at width 128; steps of dm and dsa 1.25 times, and of bptt 1.5 times, at width 32."""
ALONE, STARTING, COMPILING = 3.5, 7.0, 35.0
"""About how many seconds a worker takes to start, with its first steps; several side by side; and one to compile."""
STEPS, ENOUGH = 40, 1.0
"""How many steps are measured at most, and for how many seconds."""
FEW = Training(Mixture((), 2), protocol=Steps(STEPS), reads=())
MANY = Training(AllReal(), protocol=Steps(STEPS, REAL_BATCH), reads=())
"""What is measured: steps on two images of every class, whose time is mostly that of calls, and on large batches."""


class Pace(NamedTuple):
    """How fast one thread trains a network, eagerly."""

    rate: float
    """Floating point operations a second."""
    each: float
    """Seconds that a pass takes besides, however few examples it is of."""

    def seconds(self, flops: float, passes: float) -> float:
        """About how long so many operations in so many passes take."""
        return flops / self.rate + passes * self.each


def measured(context: ProbeContext) -> Pace:
    """The pace of the network of a context: of steps on few and on many images, what is common and what grows."""
    eager = replace(context, problem=replace(context.problem, compiled=False))
    few, many = (_step(training, eager) for training in (FEW, MANY))
    flops = [training.flops(eager) / STEPS for training in (FEW, MANY)]
    # A measurement that was disturbed still gives a rate.
    rate = (flops[1] - flops[0]) / max(many - few, many / 10)
    return Pace(rate, max(0.0, few - flops[0] / rate))


def _step(training: Training, context: ProbeContext) -> float:
    """Seconds of a step by one thread: the median of some, after one that warms up."""
    taken: list[float] = []
    with computing_by(1):
        learners = islice(training.learners(context), 2, None)
        begun = time.perf_counter()
        for _ in learners:
            now = time.perf_counter()
            taken.append(now - begun)
            if len(taken) > 2 and sum(taken) > ENOUGH:
                break
            begun = now
    return median(taken[1:])


def side_by_side(seconds: Iterable[float], workers: int) -> float:
    """How long jobs take that so many workers are given in this order, each as soon as it is free.

    >>> side_by_side([4, 3, 2, 1], 2), side_by_side([5, 1, 1], 2), side_by_side([], 2)
    (5.0, 5.0, 0.0)
    """
    busy = [0.0] * workers
    for each in seconds:
        heapq.heapreplace(busy, busy[0] + each)
    return max(busy)
