"""Whether a set that was distilled with one network teaches others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from limbeck.computations import Chosen, Draw, Mixture, Search
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.errors import InputError
from limbeck.core.findings import Fact, Finding, Table
from limbeck.probes.contract import AbstractProbe, expect
from limbeck.statistics.estimates import estimate


class Told(NamedTuple):
    """What was measured of one network."""

    name: str
    ours: Fact
    real: Fact
    gain: Fact
    """The set less as many real images, paired by member."""
    retained: Fact
    """The accuracy as a share of that of the problem's own network, paired by member."""


@dataclass(frozen=True)
class CrossArchitecture(AbstractProbe):
    """The accuracy that other networks reach on the set, each by its own best training, beside real images.

    For the problem's own network and each other one, `draws` trainings are drawn at random; the one with the best
    validation accuracy is taken by fresh learners, and these alone are reported. The same is done on as many
    random real images, under the same draws: a network that learns little from them too needs more data, not
    another set. Yang et al. (ICML 2024), table 2, has AlexNet, VGG-11, VGG-19, ResNet-34 and ViT with the best of 1,000
    draws, from a space that is not told, chosen by all appearance on test accuracy, without the real images.
    """

    architectures: tuple[str, ...] = ("lenet", "alexnet", "vit")
    draws: int = 8
    repeats: int = 3
    learning_rates: tuple[float, float] = (1e-3, 1e-1)
    steps: tuple[int, ...] = (100, 200, 300)
    batches: tuple[int, ...] = (0,)
    sample: int = 2000

    question = "Does the set teach other networks than its own?"

    def __post_init__(self) -> None:
        expect(self, 1, "draws", "repeats", "sample", "steps")
        expect(self, 0, "batches")

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
        # Member 0 is the one that was chosen by.
        return [Chosen(search, self.draws, seed) for seed in range(1, self.repeats + 1)]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """All draws, and the fresh learners of the best."""
        searches = [self._search(context, name, real) for name in self._networks(context) for real in (False, True)]
        draws = [Draw(search, index) for search in searches for index in range(self.draws)]
        return (*draws, *(each for search in searches for each in self._chosen(search)))

    def find(self, context: ProbeContext) -> Finding:
        """The accuracies, what of its own network's is retained, and whether the set transfers."""
        own, *others = (self._told(context, name) for name in self._networks(context))
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
            f"{self.repeats} fresh learners of the chosen one, judged; the same on as many random real images, "
            f"{context.distilled.per_class} of every class",
            caveats=(
                *(f"{name} cannot be trained on this set and was left out" for name in missing),
                "no augmentation, which helps large networks on few images",
            ),
        )

    def _told(self, context: ProbeContext, name: str) -> Told:
        def accuracies(network: str, real: bool) -> list[float]:
            chosen = self._chosen(self._search(context, network, real))
            return [float(context.outcome(each, "accuracy")) for each in chosen]

        ours, real, own = accuracies(name, False), accuracies(name, True), accuracies("", False)
        told = name or context.problem.network.name
        return Told(
            told,
            estimate(f"accuracy of {told}", ours),
            estimate(f"accuracy of {told} on real images", real),
            estimate(f"gain over real images of {told}", [a - b for a, b in zip(ours, real, strict=True)]),
            estimate(f"retained by {told}", [a / b if b else 0.0 for a, b in zip(ours, own, strict=True)]),
        )

    def _summary(self, context: ProbeContext, own: Told, others: Sequence[Told]) -> Table:
        rows = []
        for name, told in zip(self._networks(context), (own, *others), strict=True):
            search = self._search(context, name, False)
            setting = search.setting(int(context.outcome(self._chosen(search)[0], "index")))
            spread = [value for fact in told[1:] for value in fact[1:4]]
            rows.append((told.name, *spread, *(setting[each] for each in _SETTING)))
        measured = [f"{low}{name}" for name in ("set", "real", "gain", "retained") for low in ("", "low ", "high ")]
        columns = ("network", *measured, *_SETTING)
        return Table(
            "networks", columns, tuple(rows), f"accuracies over {self.repeats} learners, and the chosen setting"
        )

    def _draws(self, context: ProbeContext) -> Table:
        rows = []
        for name in self._networks(context):
            for real in (False, True):
                search = self._search(context, name, real)
                for index in range(self.draws):
                    found, setting = context.outcome(Draw(search, index)), search.setting(index)
                    values = (float(found["validation"]), float(found["accuracy"]))
                    on = "real" if real else "set"
                    rows.append(
                        (name or context.problem.network.name, on, *(setting[each] for each in _SETTING), *values)
                    )
        columns = ("network", "on", *_SETTING, "validation", "accuracy")
        return Table("draws", columns, tuple(rows), "one learner each; a setting is chosen by validation")


_SETTING = ("learning_rate", "momentum", "weight_decay", "steps", "batch")


def _suited(context: ProbeContext, name: str) -> str:
    """The full name of a network that can be trained on the set; "" where there is none."""
    try:
        network = context.under(name).problem.network
    except InputError:
        return ""
    # One image has no variance to normalise a batch by.
    return "" if network.statistics() and len(context.distilled) < 2 else network.name


def _above(gain: Fact) -> bool:
    return gain.low > 0


def _verdict(own: Told, others: Sequence[Told]) -> tuple[str, str]:
    """One line and its tone: a set transfers to a network that it teaches more than as many real images do."""
    if not others:
        return "cannot be told: none of the other networks can be trained on this set", "unknown"
    reached = ", ".join(f"{each.name} {_percent(each.ours)}" for each in others)
    beside = ", ".join(_percent(each.real) for each in others)
    said = (
        f"trained on it, {reached} (as many real images: {beside}) where its own {own.name} reaches "
        f"{_percent(own.ours)} ({_percent(own.real)})"
    )
    if not _above(own.gain):
        return f"{said}: no clear gain over real images even for its own network, so nothing to transfer", "note"
    taught = [each.name for each in others if _above(each.gain)]
    if len(taught) == len(others):
        return f"{said}: it transfers", "use"
    if not taught:
        return f"{said}: no clear gain over real images elsewhere, use it for that network alone", "avoid"
    rest = ", ".join(each.name for each in others if each.name not in taught)
    return f"{said}: it transfers to {', '.join(taught)}, not clearly to {rest}", "note"


def _percent(fact: Fact) -> str:
    return f"{100 * fact.value:.1f} %"
