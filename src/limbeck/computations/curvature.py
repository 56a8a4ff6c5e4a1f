"""The curvature of a loss where a training has come to: the trace of its Hessian, and its spectrum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.sources import real
from limbeck.computations.training import STEP, Training
from limbeck.core import tree
from limbeck.core.contracts import Batch
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.curvature import Hessian, hessian
from limbeck.learn.footprint import curving_bytes, example_bytes, parameter_bytes
from limbeck.learn.population import operations
from limbeck.learn.spectra import Quadrature, quadrature
from limbeck.learn.traces import Stop, Trace, xtrace

PRODUCT = 9
"""Passes through a network, of the operations of one forward pass, in a product with a Hessian."""
BASES, DOUBLE = 6, 2
"""Rows of parameters that XTrace holds for each direction, those that grow among them twice, and how many of
a learner's numbers each of theirs takes."""
COMPILED_FROM = 1e12
"""Floating point operations of one experiment from which its products are compiled, where the problem's functions are.
One core does so many eagerly in twenty seconds. Compiling takes it half a minute for each size of a pass and makes
products 1.6 times as fast (ConvNet width 16): an examination that has large experiments has dozens of them."""


def spread(steps: Sequence[int], places: int) -> tuple[int, ...]:
    """Some of the steps that a training was read at: the first, the last, and about `places` in every tenfold.

    Evenly spaced in logarithms from the first that is not zero. They are the same for trainings of any length, but for
    the last, so that what was measured of a shorter one is found again.

    >>> spread((0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110), 2)
    (0, 10, 30, 100, 110)
    """
    later = [step for step in steps if step]
    if not later:
        return tuple(steps)
    count = int(places * math.log10(later[-1] / later[0]) + 1e-9)
    wanted = [later[0] * 10 ** (place / places) for place in range(count + 1)]
    return tuple(sorted({steps[0], steps[-1], *(min(later, key=lambda step: abs(step - at)) for at in wanted)}))


def _batch(context: ProbeContext, per_class: int) -> Batch:
    return real(context.problem, per_class, 0) if per_class else context.distilled.batch


def _effort(context: ProbeContext, per_class: int, products: int) -> float:
    count = per_class * len(context.problem.task.classes) if per_class else len(context.distilled)
    return PRODUCT * operations(context.problem) * count * products


def _held(context: ProbeContext, per_class: int, vectors: float) -> float:
    """The bytes of so many vectors of parameters, and of products on the set or on real examples of every class."""
    return vectors * parameter_bytes(context.problem) + product_bytes(context, per_class)


def product_bytes(context: ProbeContext, per_class: int) -> float:
    """What products with a Hessian take, on the set or on real examples of every class, and these examples."""
    count = per_class * len(context.problem.task.classes) if per_class else len(context.distilled)
    return curving_bytes(context.problem, count) + 2 * example_bytes(context.problem.task, count)


def _hessian(context: ProbeContext, training: Training, step: int, per_class: int, flops: float) -> Hessian:
    problem = replace(context.problem, compiled=context.problem.compiled and flops >= COMPILED_FROM)
    return hessian(problem, training.kept(context, step).params, _batch(context, per_class))


def _finite(operator: Hessian) -> bool:
    """Whether a product is made of numbers: where a training has run out of them, nothing is."""
    one = Key(("finite",)).normal(1, operator.dimension).to(operator.like)
    return tree.finite(operator.params) and bool(torch.isfinite(operator(one)).all())


def _plain(found: Trace) -> Tree:
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in found._asdict().items()}


@dataclass(frozen=True)
class HessianTrace(AbstractComputation):
    """The trace of the Hessian of the mean loss in all parameters, at one step of a training.

    On the set, or on `real` real training examples of every class, without weight decay. By XTrace, to a standard
    error of `relative` of it or of `floor`, in `least` to `most` products. The outcome is "value", "error", "estimates"
    and "products", each a number. The network normalises by statistics of the batch, if at all.
    """

    doing = "measuring curvature"

    training: Training
    step: int
    real: int = 0
    relative: float = 0.05
    floor: float = 10.0
    least: int = 16
    most: int = 64

    @property
    def depends_on_set(self) -> bool:
        """Whether the set is what the loss is of, or what was trained on."""
        return not self.real or self.training.depends_on_set

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training, which keeps the step."""
        return (self.training,)

    def passes(self, context: ProbeContext) -> float:
        """Those of the most products."""
        return self.most * PRODUCT / STEP

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the vectors that XTrace keeps, four of double precision for two products, and of the products."""
        kept = BASES * DOUBLE * self.most // 2
        return _held(context, self.real, kept) + self.examples_bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of the most products."""
        return _effort(context, self.real, self.most)

    def run(self, context: ProbeContext) -> Tree:
        """Estimate it; the directions are the same wherever the step and the loss are."""
        operator = _hessian(context, self.training, self.step, self.real, self.flops(context))
        if not _finite(operator):
            return _plain(Trace(math.nan, math.inf, 1, 1))
        stop = Stop(self.relative, self.floor, self.least, self.most)
        found = xtrace(operator, stop, Key(("hessian trace", self.step)))
        return _plain(found)

    def height(self, context: ProbeContext) -> float:
        """What is remembered of its value, below every number where it is none."""
        value = self.found(context).value
        return value if math.isfinite(value) else -math.inf

    def found(self, context: ProbeContext) -> Trace:
        """What is remembered of it."""
        outcome = context.outcome(self)
        value, error, estimates, products = (float(outcome[name]) for name in Trace._fields)
        return Trace(value, error, int(estimates), int(products))


@dataclass(frozen=True)
class Spectrum(AbstractComputation):
    """The eigenvalues of the Hessian of the mean loss, as their measure by Lanczos steps.

    At that of `steps` where `trace` is largest, so that a spectrum can be asked for there before it is known; of the
    loss on the set, or on `real` real training examples of every class. The outcome has "nodes", "weights"
    and "bounds" (start, node) of stochastic Lanczos quadrature, and "step".
    """

    doing = "measuring curvature"

    steps: tuple[int, ...]
    trace: HessianTrace
    """The trace that is looked at, at each of the steps; of its training the spectrum is."""
    real: int = 0
    starts: int = 2
    iterations: int = 30

    @property
    def depends_on_set(self) -> bool:
        """Whether the set is what the loss is of, what was trained on, or what the place depends on."""
        return not self.real or self.trace.training.depends_on_set or (self._chosen and self.trace.depends_on_set)

    @property
    def _traces(self) -> tuple[HessianTrace, ...]:
        return tuple(replace(self.trace, step=step) for step in self.steps)

    @property
    def _chosen(self) -> bool:
        return len(self.steps) > 1

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The traces among which the largest is looked for; where there is one step alone, the training is enough."""
        return self._traces if self._chosen else (self.trace.training,)

    def passes(self, context: ProbeContext) -> float:
        """Those of the quadrature."""
        return self.starts * self.iterations * PRODUCT / STEP

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of Lanczos' vectors, and of the products."""
        return _held(context, self.real, self.starts * self.iterations) + self.examples_bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of the quadrature."""
        return _effort(context, self.real, self.starts * self.iterations)

    def run(self, context: ProbeContext) -> Tree:
        """Find the place, then its spectrum."""
        step = max(self._traces, key=lambda each: each.height(context)).step if self._chosen else self.steps[0]
        operator = _hessian(context, self.trace.training, step, self.real, self.flops(context))
        if _finite(operator):
            found = quadrature(operator, self.starts, self.iterations, Key(("spectrum", step)))
        else:
            found = Quadrature(*torch.full((3, 1, 1), math.nan, dtype=torch.float64))
        return {**{name: leaf.clone() for name, leaf in found._asdict().items()}, "step": torch.tensor(step)}
