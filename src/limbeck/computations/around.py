"""What lies around a learner: the slope and the curvature there, and losses over planes.

A loss is either the set's own (what training on it goes down, on its items) or the real one: the task's loss on
evaluation examples, or less the score where a score is more than what is said of examples, such as a return.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.curvature import PRODUCT, product_bytes
from limbeck.computations.landscape import mean_loss_at, sampled
from limbeck.computations.record import END
from limbeck.computations.sources import real
from limbeck.computations.training import FORWARD, STEP, Training
from limbeck.core import tree
from limbeck.core.contracts import Problem
from limbeck.core.key import Key
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.curvature import flat, hessian
from limbeck.learn.directions import along, filter_normalised
from limbeck.learn.footprint import parameter_bytes
from limbeck.learn.plane import centred, covering
from limbeck.learn.population import operations, read
from limbeck.learn.principal import Principal, principal
from limbeck.learn.sensitivity import over_parts
from limbeck.learn.spectra import quadrature
from limbeck.learn.training import Learner

TOGETHER = 32
"""Points whose real losses are read at once."""


def own_problem(context: ProbeContext) -> Problem:
    """The problem whose loss is what training on the set goes down."""
    return context.problem.trained_by(context.distilled.schedule)


def real_losses(context: ProbeContext, points: Sequence[Tree], most: int) -> list[float]:
    """The real loss at each of some parameters, on at most `most` of the evaluation examples."""
    problem, examples = context.problem, sampled(context, most)
    task, learners = problem.task, [Learner(params, {}) for params in points]
    if task.measure(read(problem, learners[0], examples.inputs).outputs, examples) is not None:
        return [mean_loss_at(problem, params, examples) for params in points]
    metric = task.metrics[0]
    predicts = [functools.partial(_said, problem, learner) for learner in learners]
    values = task.evaluate_together(predicts, context.split, Key(("evaluate", context.split)))
    return [-each[metric.name] if metric.higher_is_better else each[metric.name] for each in values]


def _said(problem: Problem, learner: Learner, inputs: Tree) -> Tensor:
    return read(problem, learner, inputs).outputs


def last(context: ProbeContext, training: Training, step: int = END) -> Tree:
    """The parameters of a training after a step that it kept, by default after the last."""
    return training.kept(context, training.last_kept(context) if step == END else step).params


def reading_flops(context: ProbeContext, most: int) -> float:
    """The operations of reading both losses at one point."""
    examples = min(most or len(context.rows), len(context.rows)) + len(context.distilled)
    return FORWARD * operations(context.problem) * examples


def read_all(context: ProbeContext, points: Sequence[Tree], most: int) -> tuple[Tensor, Tensor]:
    """The real losses and the set's own at some parameters."""
    on_real: list[float] = []
    for start in range(0, len(points), TOGETHER):
        went(start, len(points))
        on_real += real_losses(context, points[start : start + TOGETHER], most)
    own = own_problem(context)
    of_set = [mean_loss_at(own, params, context.distilled.batch) for params in points]
    return torch.tensor(on_real, dtype=torch.float64), torch.tensor(of_set, dtype=torch.float64)


@dataclass(frozen=True)
class Local(AbstractComputation):
    """A loss where a training has come to, its slope, and the ends of the spectrum of its Hessian.

    The set's own loss, or with `real` the task's on so many real training examples of every class. The outcome is
    "loss", "slope" (the Euclidean norm of the gradient), and "lowest" and "highest", the outermost Ritz values of
    Lanczos' method from one random start, which lie within the spectrum.
    """

    doing = "measuring curvature"

    training: Training
    step: int = END
    real: int = 0
    iterations: int = 30

    @property
    def depends_on_set(self) -> bool:
        """Whether the set is what the loss is of, or what was trained on."""
        return not self.real or self.training.depends_on_set

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training, which keeps the step."""
        return (self.training,)

    def passes(self, context: ProbeContext) -> float:
        """Those of the products."""
        return (self.iterations + 1) * PRODUCT / STEP

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of Lanczos' vectors, and of the products."""
        return self.iterations * parameter_bytes(context.problem) + product_bytes(context, self.real)

    def flops(self, context: ProbeContext) -> float:
        """The operations of the products."""
        count = self.real * len(context.problem.task.classes) if self.real else len(context.distilled)
        return PRODUCT * operations(context.problem) * count * (self.iterations + 1)

    def run(self, context: ProbeContext) -> Tree:
        """Differentiate once, and multiply."""
        problem = context.problem if self.real else own_problem(context)
        batch = real(problem, self.real, 0) if self.real else context.distilled.batch
        params = last(context, self.training, self.step)
        operator = hessian(problem, params, batch)
        value, gradient = over_parts(operator.loss, operator.params, operator.parts)
        found = quadrature(operator, 1, self.iterations, Key(("local",))).nodes
        numbers = {
            "loss": float(value), "slope": float(tree.norm(gradient)),
            "lowest": float(found.min()), "highest": float(found.max()),
        }  # fmt: skip
        return {name: torch.tensor(number, dtype=torch.float64) for name, number in numbers.items()}


@dataclass(frozen=True)
class Around(AbstractComputation):
    """Losses over a random plane around a learner, whose directions are normalised filter by filter.

    The grid has `size` points a side, one more where that is even, so that its middle is the learner, and reaches
    `radius` along both. The outcome is "real" and "set" (row, column), and the task's loss on others: "noise", standard
    normal inputs under the set's targets, and "subset N" for `subsets`, N random real training examples of every class.
    """

    doing = "reading losses around networks"

    training: Training
    plane: int
    size: int = 11
    radius: float = 1.0
    biases: bool = False
    """Whether biases move, each by its own size; as published they stay (Li et al., NeurIPS 2018)."""
    subsets: tuple[int, ...] = ()
    most: int = 1000

    @property
    def depends_on_set(self) -> bool:
        """It is read on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.training,)

    def passes(self, context: ProbeContext) -> float:
        """A part of one for each point and loss."""
        return (2 + 1 + len(self.subsets)) * self.size**2 * FORWARD / STEP

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the parameters of every point."""
        return self.size**2 * parameter_bytes(context.problem) + super().bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading every point."""
        more = sum(self.subsets) * len(context.problem.task.classes) * FORWARD * operations(context.problem)
        return self.size**2 * (reading_flops(context, self.most) + more)

    def run(self, context: ProbeContext) -> Tree:
        """Read every point."""
        centre, problem = last(context, self.training), context.problem
        key = Key(("around", self.plane))
        directions = [filter_normalised(centre, key.fold(side), self.biases) for side in range(2)]
        at = centred(self.radius, self.size)
        points = [along(centre, (x, y), directions) for y in at for x in at]
        on_real, of_set = read_all(context, points, self.most)
        found = {"real": on_real, "set": of_set}
        ours = context.distilled.batch
        noise = ours._replace(inputs=key.fold("noise").normal_like(ours.inputs))
        found["noise"] = torch.tensor([mean_loss_at(own_problem(context), each, noise) for each in points]).double()
        for size in self.subsets:
            batch = real(problem, size, 1 + self.plane)
            found[f"subset {size}"] = torch.tensor([mean_loss_at(problem, each, batch) for each in points]).double()
        return {name: values.reshape(len(at), len(at)) for name, values in found.items()}


@dataclass(frozen=True)
class PrincipalPlane(AbstractComputation):
    """Losses over the plane in which a training varies most, about its end.

    The outcome is "explained" (2,), the shares of the variance of the kept learners about the last, "path" (kept, 2),
    "x" and "y" (point,), and "real" and "set" (row, column). The grid covers the path with `margin` of its extent
    beyond it. Coordinates are distances, not standardised.
    """

    doing = "reading losses around networks"

    training: Training
    size: int = 11
    margin: float = 0.2
    most: int = 1000

    @property
    def depends_on_set(self) -> bool:
        """It is read on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.training,)

    def passes(self, context: ProbeContext) -> float:
        """A part of one for each point and loss."""
        return 2 * self.size**2 * FORWARD / STEP

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the parameters of every point, and of what the training kept, in two forms."""
        return (self.size**2 + 2 * len(self.training.keeps)) * parameter_bytes(context.problem) + super().bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading every point."""
        return self.size**2 * reading_flops(context, self.most)

    def run(self, context: ProbeContext) -> Tree:
        """Find the plane, and read every point."""
        kept = [last(context, self.training, step) for step in self.training.keeps]
        found: Principal = principal(torch.stack([flat(params) for params in kept]))
        x, y = covering(found.path, self.margin, self.size)
        points = [found.place(across, up, kept[-1]) for up in y for across in x]
        on_real, of_set = read_all(context, points, self.most)
        return {
            "explained": found.explained,
            "path": found.path,
            "x": torch.tensor(x).double(),
            "y": torch.tensor(y).double(),
            "real": on_real.reshape(self.size, self.size),
            "set": of_set.reshape(self.size, self.size),
        }
