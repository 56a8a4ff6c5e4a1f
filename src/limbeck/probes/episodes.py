"""What policies that are trained on a set do in their environment."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.computations import Mixture, Played, Steps, Training
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.record import END
from limbeck.computations.sources import all_alike
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Finding, Table
from limbeck.learn.environments import AbstractEnvironment, environment_of
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.episodes import CONTROL, FRESH, OURS, MomentRow, PolicyRow
from limbeck.probes.verdicts.episodes import BEYOND, RETURN, UNTRAINED, Seen, decided, verdict
from limbeck.protocols import Own
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.estimates import estimate


@dataclass(frozen=True)
class Episodes(AbstractProbe):
    """What policies that are trained on the set come to in episodes, and one of these step by step.

    Policies are trained as the set says where it is meant for that alone, else by 300 steps of SGD. Held against them
    are the same policies before training, and policies that are trained in the same way on as many random real
    examples, drawn anew for each. All meet the same starts and the same luck. Where the set says where training begins,
    there is one policy, and numbers are over its episodes.
    """

    repeats: int = 5
    controls: int = 5
    episodes: int = 20
    """Episodes of each policy."""

    question = "What do policies that are trained on it do?"
    tables = (PolicyRow, MomentRow)

    def __post_init__(self) -> None:
        at_least(self, LEAST, "repeats", "controls", "episodes")

    def check(self, task: AbstractTask) -> None:
        """Refuse a task without episodes."""
        if environment_of(task) is None:
            raise InputError(
                f"probe episodes: expected a task that is judged by episodes, such as cartpole; {task.name} is scored "
                f"by {' and '.join(metric.name for metric in task.metrics)}; leave this probe out"
            )

    def _protocol(self, context: ProbeContext) -> AbstractProtocol:
        return Own() if context.distilled.binding else Steps()

    def _trained(self, context: ProbeContext, seed: int, on: Mixture) -> Training:
        return Training(on, seed, self._protocol(context), reads=(), keeps=(0, END))

    def _ours(self, context: ProbeContext, step: int = END) -> list[Played]:
        """Of the set, before or after training."""
        seeds = range(1 if all_alike(context.distilled, self._protocol(context)) else self.repeats)
        return [Played(self._trained(context, seed, Mixture()), step, self.episodes) for seed in seeds]

    def _theirs(self, context: ProbeContext) -> list[Played]:
        # Drawn anew for each seed, by a number that no other probe draws by.
        drawn = [Mixture((), context.distilled.per_class, 2000 + seed) for seed in range(self.controls)]
        return [Played(self._trained(context, seed, on), episodes=self.episodes) for seed, on in enumerate(drawn)]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The trainings and their episodes."""
        asked = [*self._ours(context), *self._ours(context, 0), *self._theirs(context)]
        return (*(each.training for each in asked), *asked)

    def find(self, context: ProbeContext) -> Finding:
        """How policies fare, and what one of them sees and does."""
        world = environment_of(context.problem.task)
        assert world is not None
        policies = {OURS: self._ours(context), FRESH: self._ours(context, 0), CONTROL: self._theirs(context)}
        found = {who: [context.outcome(each, "returns").tolist() for each in asked] for who, asked in policies.items()}
        means = {who: [sum(each) / len(each) for each in of] for who, of in found.items()}
        alone = len(found[OURS]) == 1
        ours, untrained = (found[who][0] if alone else means[who] for who in (OURS, FRESH))
        seen = Seen(ours, untrained, means[CONTROL])
        over = "episodes of one policy" if alone else "policies"
        return self.finding(
            context,
            verdict(seen, world.longest, context.level),
            (
                estimate(RETURN, seen.ours, context.level),
                estimate(UNTRAINED, seen.untrained, context.level),
                *decided(seen, context.level),
            ),
            control=[estimate(RETURN, seen.controls, context.level)],
            tables=(self._policies(context, policies, world), self._moments(context, policies, world)),
            method=(
                f"{self.episodes} episodes of {world.name} for each policy, from the same starts, actions drawn from "
                f"its probabilities with the same luck, cut off after {world.longest} steps; {len(found[OURS])} "
                f"policies of the set and {self.controls} of random real examples, each trained by "
                f"{self._protocol(context).name}; intervals over {over}, those of the gain and of "
                f"'{BEYOND}' simultaneous, the latter predictive"
            ),
            caveats=(
                "where recorded examples are poor, random ones are a weak control: their actions are those that were "
                "recorded",
            ),
        )

    def _policies(self, context: ProbeContext, policies: dict[str, list[Played]], world: AbstractEnvironment) -> Table:
        rows = []
        for who, asked in policies.items():
            for seed, each in enumerate(asked):
                returns = context.outcome(each, "returns")
                lasted = float((context.outcome(each, "steps") >= world.longest).double().mean())
                rows.append(
                    PolicyRow(who, seed, float(returns.mean()), float(returns.min()), float(returns.max()), lasted)
                )
        return PolicyRow.table(rows)

    def _moments(self, context: ProbeContext, policies: dict[str, list[Played]], world: AbstractEnvironment) -> Table:
        """Of seed 0, of the set and before training."""
        rows = []
        for who in (OURS, FRESH):
            outcome = context.outcome(policies[who][0])
            for step, (action, seen) in enumerate(
                zip(outcome["actions"].tolist(), outcome["seen"].tolist(), strict=True)
            ):
                rows += [MomentRow(who, step, action, *pair) for pair in zip(world.names, seen, strict=True)]
        return MomentRow.table(rows)
