"""Whether a set that was distilled with one network teaches others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from limbeck.computations import Chosen, Draw, Fresh, Mixture, Race, Search
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.cross_architecture import REAL, SET, DrawRow, NetworkRow
from limbeck.probes.verdicts.cross_architecture import Measured, measured, verdict
from limbeck.statistics.chance import Chance


@dataclass(frozen=True)
class CrossArchitecture(AbstractProbe):
    """The accuracy that other networks reach on the set, each by its own best training, beside real examples.

    For the problem's own network and each other one, `draws` trainings are drawn at random; the one with the best
    validation accuracy is taken by fresh learners, and these alone are reported. The same is done on as many
    random real examples, drawn anew for each learner, under the same draws: a network that learns little from them too
    needs more data, not another set.

    What decides of each network is how far the set lies from what one more draw of real examples would come to
    (`unlike`), for all networks at once by Bonferroni. There is nothing to find where the set is one more draw; nothing
    is claimed of a network that neither teaches. Yang et al. (ICML 2024), table 2, has AlexNet, VGG-11, VGG-19,
    ResNet-34 and ViT with the best of 1,000 draws, from a space that is not stated, chosen by all appearance on test
    accuracy, without the real examples.
    """

    architectures: tuple[str, ...] = ("lenet", "alexnet", "vit")
    """The other networks."""
    draws: int = 8
    """Trainings that are tried for each network."""
    repeats: int = 5
    beside: int = 5
    """Fresh learners of real examples, each of a draw of its own."""
    learning_rates: tuple[float, float] = (1e-3, 1e-1)
    """The least learning rate that is tried, and the largest."""
    steps: tuple[int, ...] = (100, 200, 300)
    """The numbers of steps that are tried."""
    batches: tuple[int, ...] = (0,)
    """The batches that are tried; 0: all items."""
    sample: int = 2000
    """Validation examples that choose the training."""
    halving: int = 1
    """Where above 1, one in so many draws goes on from each rung of the search to the next, which lies so many times
    further: far less work where there are many draws, and one that is behind early is out though it might have won."""
    first_rung: int = 25
    """Steps before which no draws are compared, where not all are trained to their end."""

    question = "Does the set teach other networks than its own?"
    tables = (NetworkRow, DrawRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "draws", "repeats", "beside", "sample", "steps", "halving", "first_rung")
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

    def with_draws(self, draws: int) -> CrossArchitecture:
        """The same with so many learners of the set, and in proportion as many of real examples."""
        return replace(self, repeats=draws, beside=math.ceil(self.beside * draws / self.repeats))

    def _searched(
        self, context: ProbeContext, search: Search
    ) -> tuple[Sequence[AbstractComputation], Sequence[Chosen | Fresh]]:
        """The trainings that a search tries, and the fresh learners of the best; none of a race that is not over."""
        # Seed 0 is the one that was chosen by.
        seeds = range(1, 1 + (self.repeats if search.on.depends_on_set else self.beside))
        if self.halving == 1:
            tried = [Draw(search, index) for index in range(self.draws)]
            return tried, [Chosen(search, self.draws, seed) for seed in seeds]
        asked, won = Race(search, self.draws, self.halving, self.first_rung).run(context)
        return asked, [] if won is None else [Fresh(search, won, seed) for seed in seeds]

    def _chosen(self, context: ProbeContext, search: Search) -> Sequence[Chosen | Fresh]:
        return self._searched(context, search)[1]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """All draws, as far as they go, and the fresh learners of the best."""
        searches = [self._search(context, name, real) for name in self._networks(context) for real in (False, True)]
        found = [self._searched(context, each) for each in searches]
        return (*(each for tried, _ in found for each in tried), *(each for _, best in found for each in best))

    def find(self, context: ProbeContext) -> Finding:
        """The accuracies, what of its own network's is retained, and whether the set transfers."""
        chance = Chance.of(context.examples.classes)
        found = measured([self._accuracies(context, name) for name in self._networks(context)], chance, context.level)
        own, *others = found
        missing = [name for name in self.architectures if not _suited(context, name)]
        low, high = self.learning_rates
        return self.finding(
            context,
            verdict(own, others),
            [fact for each in found for fact in _facts(each.ours, each.gain, each.retained, each is own)],
            tables=(self._summary(context, found), self._draws(context)),
            control=[
                fact
                for each in found
                for fact in _facts(each.real, _nothing(each.gain), each.retained_of_real, each is own)
            ],
            method=f"{self.draws} draws a network: the default SGD 0.01, momentum 0.9, {max(self.steps)} steps, then "
            f"learning rate log-uniform in {low:g} to {high:g}, momentum 0 or 0.9, weight decay 0 or 0.0005, steps of "
            f"{self.steps}, batches of {self.batches} (0: all); chosen on {self.sample} validation examples"
            f"{self._raced}; {self.repeats} fresh learners of the chosen one, on evaluation examples; control: "
            f"{self.beside} on as many random real examples, {context.distilled.per_class} of every class, drawn anew "
            "for each; gains say "
            f"how far one more draw of them would lie, with intervals that hold at once ({len(found)} networks)",
            caveats=(
                *(f"{name} cannot be trained on this set and was left out" for name in missing),
                "no augmentation, which helps large networks on few images",
            ),
        )

    @property
    def _raced(self) -> str:
        """That not all draws were trained to their end, where they were not."""
        if self.halving == 1:
            return ""
        return (
            f" by successive halving: one in {self.halving} goes on at each rung, none before step {self.first_rung}; "
            "a draw that is behind early is out though it might have won"
        )

    def _accuracies(self, context: ProbeContext, name: str) -> tuple[str, list[float], list[float]]:
        ours, real = (
            [
                float(context.outcome(each, "accuracy"))
                for each in self._chosen(context, self._search(context, name, on_real))
            ]
            for on_real in (False, True)
        )
        return name or context.problem.network.name, ours, real

    def _summary(self, context: ProbeContext, found: Sequence[Measured]) -> Table:
        rows = []
        for name, each in zip(self._networks(context), found, strict=True):
            search = self._search(context, name, False)
            best = self._chosen(context, search)[0]
            index = best.index if isinstance(best, Fresh) else int(context.outcome(best, "index"))
            setting = search.setting(index)
            spread = (*each.ours[1:4], *each.real[1:4], *each.gain[1:4], *each.retained[1:4])
            rows.append(NetworkRow(each.name, *spread, **setting))
        return NetworkRow.table(rows)

    def _draws(self, context: ProbeContext) -> Table:
        rows = []
        for name in self._networks(context):
            for on in (SET, REAL):
                search = self._search(context, name, on == REAL)
                # Those that were stopped before their end have no test accuracy.
                ended = (each for each in self._searched(context, search)[0] if isinstance(each, Draw))
                for each in ended:
                    outcome = context.outcome(each)
                    rows.append(
                        DrawRow(
                            name or context.problem.network.name,
                            on,
                            validation_accuracy=float(outcome["validation"]),
                            test_accuracy=float(outcome["accuracy"]),
                            **search.setting(each.index),
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


def _facts(accuracy: Fact, gain: Fact, retained: Fact, own: bool) -> list[Fact]:
    """Those of a network; its own retains all of its own accuracy."""
    return [accuracy, gain, *([] if own else [retained])]


def _nothing(gain: Fact) -> Fact:
    """What real examples gain over themselves."""
    return Fact(gain.name, 0.0, 0.0, 0.0, gain.n)
