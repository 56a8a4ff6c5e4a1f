"""Whether a set that was distilled with one network teaches others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from limbeck.computations import Chosen, Draw, Mixture, Search
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.units import percent
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.cross_architecture import REAL, SET, DrawRow, NetworkRow
from limbeck.statistics.estimates import estimate


class Measured(NamedTuple):
    """What was measured of one network."""

    name: str
    ours: Fact
    real: Fact
    gain: Fact
    """The set less as many real images, paired by seed."""
    retained: Fact
    """The accuracy as a share of that of the problem's own network, paired by seed."""


@dataclass(frozen=True)
class CrossArchitecture(AbstractProbe):
    """The accuracy that other networks reach on the set, each by its own best training, beside real images.

    For the problem's own network and each other one, `draws` trainings are drawn at random; the one with the best
    validation accuracy is taken by fresh learners, and these alone are reported. The same is done on as many
    random real images, under the same draws: a network that learns little from them too needs more data, not
    another set. Yang et al. (ICML 2024), table 2, has AlexNet, VGG-11, VGG-19, ResNet-34 and ViT with the best of 1,000
    draws, from a space that is not stated, chosen by all appearance on test accuracy, without the real images.
    """

    architectures: tuple[str, ...] = ("lenet", "alexnet", "vit")
    draws: int = 8
    repeats: int = 3
    learning_rates: tuple[float, float] = (1e-3, 1e-1)
    steps: tuple[int, ...] = (100, 200, 300)
    batches: tuple[int, ...] = (0,)
    sample: int = 2000

    question = "Does the set teach other networks than its own?"
    tables = (NetworkRow, DrawRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "draws", "repeats", "sample", "steps")
        at_least(self, 0, "batches")

    def _search(self, context: ProbeContext, network: str, real: bool) -> Search:
        on = Mixture((), context.distilled.per_class) if real else Mixture()
        return Search(on, network, self.learning_rates, steps=self.steps, batches=self.batches, sample=self.sample)

    def _networks(self, context: ProbeContext) -> list[str]:
        """The problem's own network ("") and the others that can be trained on the set, each once."""
        found = [""]
        for name in self.architectures:
            network = _suited(context, name)
            if network and network != context.problem.network.name:
                found.append(network)
        return list(dict.fromkeys(found))

    def _chosen(self, search: Search) -> list[Chosen]:
        # Seed 0 is the one that was chosen by.
        return [Chosen(search, self.draws, seed) for seed in range(1, self.repeats + 1)]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """All draws, and the fresh learners of the best."""
        searches = [self._search(context, name, real) for name in self._networks(context) for real in (False, True)]
        draws = [Draw(search, index) for search in searches for index in range(self.draws)]
        return (*draws, *(each for search in searches for each in self._chosen(search)))

    def find(self, context: ProbeContext) -> Finding:
        """The accuracies, what of its own network's is retained, and whether the set transfers."""
        own, *others = (self._measured(context, name) for name in self._networks(context))
        verdict, tone = _verdict(own, others)
        missing = [name for name in self.architectures if not _suited(context, name)]
        facts = [fact for each in (own, *others) for fact in each[1:] if each is not own or fact is not own.retained]
        low, high = self.learning_rates
        return Finding(
            probe="cross-architecture",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=tuple(facts),
            tables=(self._summary(context, own, others), self._draws(context)),
            method=f"{self.draws} draws a network: the default SGD 0.01, momentum 0.9, {max(self.steps)} steps, then "
            f"learning rate log-uniform in {low:g} to {high:g}, momentum 0 or 0.9, weight decay 0 or 0.0005, steps of "
            f"{self.steps}, batches of {self.batches} (0: all); chosen on {self.sample} validation examples; "
            f"{self.repeats} fresh learners of the chosen one, on evaluation examples; the same on as many random real "
            f"images, {context.distilled.per_class} of every class",
            caveats=(
                *(f"{name} cannot be trained on this set and was left out" for name in missing),
                "no augmentation, which helps large networks on few images",
            ),
        )

    def _measured(self, context: ProbeContext, name: str) -> Measured:
        def accuracies(network: str, real: bool) -> list[float]:
            chosen = self._chosen(self._search(context, network, real))
            return [float(context.outcome(each, "accuracy")) for each in chosen]

        ours, real, own = accuracies(name, False), accuracies(name, True), accuracies("", False)
        network = name or context.problem.network.name
        return Measured(
            network,
            estimate(f"test accuracy of {network}", ours),
            estimate(f"test accuracy of {network} on real images", real),
            estimate(f"gain over real images of {network}", [a - b for a, b in zip(ours, real, strict=True)]),
            estimate(f"retained by {network}", [a / b if b else 0.0 for a, b in zip(ours, own, strict=True)]),
        )

    def _summary(self, context: ProbeContext, own: Measured, others: Sequence[Measured]) -> Table:
        rows = []
        for name, each in zip(self._networks(context), (own, *others), strict=True):
            search = self._search(context, name, False)
            setting = search.setting(int(context.outcome(self._chosen(search)[0], "index")))
            spread = (*each.ours[1:4], *each.real[1:4], *each.gain[1:4], *each.retained[1:4])
            rows.append(NetworkRow(each.name, *spread, **setting))
        return NetworkRow.table(rows)

    def _draws(self, context: ProbeContext) -> Table:
        rows = []
        for name in self._networks(context):
            for on in (SET, REAL):
                search = self._search(context, name, on == REAL)
                for index in range(self.draws):
                    outcome = context.outcome(Draw(search, index))
                    rows.append(
                        DrawRow(
                            name or context.problem.network.name,
                            on,
                            validation_accuracy=float(outcome["validation"]),
                            test_accuracy=float(outcome["accuracy"]),
                            **search.setting(index),
                        )
                    )
        return DrawRow.table(rows)


def _suited(context: ProbeContext, name: str) -> str:
    """The full name of a network that can be trained on the set; "" where there is none."""
    try:
        network = context.under(name).problem.network
    except InputError:
        return ""
    # One image has no variance to normalise a batch by.
    return "" if network.keeps_statistics and len(context.distilled) < 2 else network.name


def _above(gain: Fact) -> bool:
    return gain.low > 0


def _verdict(own: Measured, others: Sequence[Measured]) -> tuple[str, str]:
    """The verdict and its tone: a set transfers to a network that it teaches more than as many real images do."""
    if not others:
        return "Not known: none of the other networks can be trained on this set.", "unknown"
    reached = ", ".join(f"{each.name} {percent(each.ours.value)}" for each in others)
    beside = ", ".join(percent(each.real.value) for each in others)
    numbers = (
        f"Test accuracy on the set: {reached} (on as many real images {beside}); its own {own.name} "
        f"{percent(own.ours.value)} ({percent(own.real.value)})."
    )
    if not _above(own.gain):
        return f"Nothing to transfer: no significant gain over real images even for its own network. {numbers}", "note"
    taught = [each.name for each in others if _above(each.gain)]
    if len(taught) == len(others):
        return f"It transfers to other networks. {numbers}", "use"
    if not taught:
        return f"No significant gain over real images elsewhere: use it for its own network alone. {numbers}", "avoid"
    rest = ", ".join(each.name for each in others if each.name not in taught)
    return f"It transfers to {', '.join(taught)}, not significantly to {rest}. {numbers}", "note"
