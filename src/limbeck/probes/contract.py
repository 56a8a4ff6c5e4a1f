"""The contract of the probes.

A probe answers one question about a distilled set. What takes long (training learners, measuring curvature) it asks for
as computations, which are done once, side by side, and found again by every probe and every set that asks for the same.
"""

# No postponed annotations here: a parser resolves those of a base in the module of the probe, where they have no names.
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart
from limbeck.core.family import part_name
from limbeck.core.findings import Fact, Finding, Row, Table, Verdict
from limbeck.statistics.decisions import deciding


class AbstractProbe(AbstractPart):
    """A question about a distilled set. Its fields say how thoroughly it is asked."""

    tables: ClassVar[tuple[type[Row], ...]] = ()
    """The rows of the tables of its findings: of a finding that has any tables, all of them."""
    by_accuracy: ClassVar[bool] = False
    """Whether it rests on how often learners are right, which only a task scored by accuracy says."""
    repeats: int = 1
    """How many independent draws it rests on, mostly seeds: a field of every probe that more of them would help."""
    controls: int = 0
    """Of how many controls, random real examples in place of the set, it asks the same."""

    @property
    @abstractmethod
    def question(self) -> str:
        """The question in plain words; the same for all of a class."""

    def check(self, task: AbstractTask) -> None:
        """Raise InputError where the question cannot be asked of a set of that task."""
        if self.by_accuracy and "accuracy" not in {metric.name for metric in task.metrics}:
            raise InputError(
                f"probe {part_name(type(self))}: expected a task that is scored by accuracy; {task.name} is scored by "
                f"{' and '.join(metric.name for metric in task.metrics)}; leave this probe out"
            )

    @abstractmethod
    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The computations whose outcomes `find` reads, so that they can be done side by side before.

        Asked of the set, and of `controls` controls. Where what is needed depends on what something comes to, those
        that are known to be needed: it is asked again once these are done (`context.known`), until it names no more.
        """

    @abstractmethod
    def find(self, context: ProbeContext) -> Finding:
        """The answer. What it asks `context.outcome` for is among `computations`, of the set and of its controls."""

    def with_draws(self, draws: int) -> Self:
        """The same question with so many independent draws, and as many of what those are held against."""
        return replace(self, repeats=draws)  # type: ignore[type-var]

    def finding(
        self,
        context: ProbeContext,
        verdict: Verdict,
        facts: Sequence[Fact] = (),
        *,
        tables: Sequence[Table] = (),
        control: Sequence[Fact] = (),
        method: str = "",
        caveats: Sequence[str] = (),
        draws: str = "seed",
    ) -> Finding:
        """The finding that a verdict and what it rests on make; `draws` is what one of its draws is called."""
        return Finding(
            probe=part_name(type(self)),
            set=context.name,
            question=self.question,
            verdict=verdict.text,
            tone=verdict.tone,
            facts=tuple(facts),
            tables=tuple(tables),
            method=method,
            caveats=tuple(caveats),
            control=tuple(control),
            claims=verdict.claims,
            deciding=deciding(verdict.claims, self.repeats, draws),
        )
