"""Labels that a teacher gives once all is learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from limbeck.computations.teachers import Teacher
from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.expect import expect, positive
from limbeck.core.key import Key
from limbeck.parameterizations.around import AbstractAround
from limbeck.parameterizations.fixed_targets import FixedTargets
from limbeck.parameterizations.pixels import Pixels


@dataclass(frozen=True)
class TeacherTargets(AbstractAround):
    """The items of another parameterization, which a teacher labels once all is learned (Yin et al., NeurIPS 2023).

    While it is learned the targets are those of the start. What is kept in the end are
    targets = softmax(teacher(item) / temperature), one label for each item, as `teacher-labels` gives them to a start;
    classes stay as they were.
    """

    inner: AbstractParameterization = field(default_factory=Pixels)
    """The parameterization of the inputs."""
    teacher: Teacher = field(default_factory=Teacher)
    """The network that labels in the end."""
    temperature: float = 1.0
    """Above 1 labels are more even, below 1 they are surer."""
    taught = True

    def __post_init__(self) -> None:
        positive(self, "temperature")
        expect(self, "inner", not self.inner.views, "one of a single view, as each item has one label")

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The training of the teacher; InputError where targets are not a weight for each class."""
        self.teacher.under(problem)
        return (*super().needs(problem), self.teacher.training())

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The parameters of the items, and the targets of the start."""
        return self._targets.init(problem, start, key)

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items under the targets that they have by now."""
        return self._targets.render(params, key)

    def stored(self, params: Parameters) -> Parameters:
        """What `inner` stores of the items, and the targets as floats."""
        return self._targets.stored(params)

    def items(self, params: Parameters) -> Parameters:
        """As of targets that are fixed."""
        return self._targets.items(params)

    def finished(self, params: Parameters, problem: Problem) -> Parameters:
        """The same items under the teacher's labels; InputError where targets are not a weight for each class."""
        self.teacher.under(problem)
        outputs = self.teacher.reader(problem)(self.render(params, Key()).inputs)
        labels = (outputs / self.temperature).softmax(1)
        return params._replace(fixed={**params.fixed, "targets": labels.to(params.fixed["targets"])})

    @property
    def _targets(self) -> FixedTargets:
        """What keeps targets."""
        return FixedTargets(self.inner)
