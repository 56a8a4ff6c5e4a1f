"""What is kept of a published method: its composition, its settings by size, what it scored, and what differs here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limbeck.composition import Recipe
from limbeck.core.family import to_spec, unregistered
from limbeck.core.register import AbstractEntry
from limbeck.core.units import per_cent
from limbeck.options import compose
from limbeck.tasks.register import kind_of

Setting = tuple[str, int, bool]
"""What settings were published for: the data, the items per class, and whether the data were whitened."""
Published = dict[Setting, dict[str, Any]]
"""Settings by what they were published for: options of a recipe, as `limbeck.options.compose` takes them."""

OF = {"cifar10_exact": "cifar10"}
"""Data that are part of others, for which settings were published."""
NETWORK = "convnet"
"""What most was published with."""
NOT_STATED = "not stated"
"""The protocol of a figure whose source does not name one."""
ITS_OWN = "its own"
"""The protocol of a figure by a protocol of the method's own that limbeck does not have."""

VALIDATION = "A tenth of the training images is kept for validation; the published runs use all (--validation none)."
"""A deviation of every method here."""
CODE = "the readme of its code"
ACCURACY_LADDER = "table of the field as collected by later papers (PAD, AutoPalette)"
"""The source of figures that were read where later papers repeat them."""


@dataclass(frozen=True)
class Expected:
    """A published test accuracy, at the full width of its network."""

    data: str
    ipc: int
    """Items per class."""
    network: str
    """ "" where the protocol brings learners of its own."""
    protocol: str
    """A protocol of `limbeck list protocols`, `ITS_OWN` or `NOT_STATED`."""
    mean: float
    """A fraction in [0, 1], as scores are."""
    deviation: float | None
    """Standard deviation over runs; None where the source has none."""
    whitened: bool
    source: str

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" +- {per_cent(self.deviation)}"
        whitened = ", whitened" * self.whitened
        network = f", {self.network}" * bool(self.network)
        return (
            f"{self.data} at IPC {self.ipc}{whitened}{network}, protocol {self.protocol}: "
            f"{per_cent(self.mean)}{spread} % ({self.source})"
        )


def expected(
    data: str,
    means: Mapping[int, float],
    protocol: str,
    source: str,
    *,
    network: str = NETWORK,
    whitened: bool = False,
    deviation: float | None = None,
) -> tuple[Expected, ...]:
    """A row for each number of items per class, from accuracies in percent."""
    spread = None if deviation is None else deviation / 100
    return tuple(
        Expected(data, ipc, network, protocol, round(mean / 100, 6), spread, whitened, source)
        for ipc, mean in means.items()
    )


def plainly(mean: float) -> tuple[Expected, ...]:
    """What Yang et al. (ICML 2024) came to with a published CIFAR-10 set of 10 items per class, in percent."""
    return expected("cifar10", {10: mean}, "yang2024", "Yang et al., ICML 2024, one network; their code and figures")


MANNER = "In the manner of the source: "
"""What the summary of a method begins with that is not quite the published one."""


@dataclass(frozen=True)
class Method(AbstractEntry):
    """A published method."""

    name: str
    """What `--recipe` takes."""
    summary: str
    """What it does, in one line."""
    source: str
    """Where it was published; of a method of your own, whatever a reader should know."""
    cost: str
    """What it computes, in words."""
    recipe: Recipe
    """Everything that does not depend on data and size."""
    published: Published = field(default_factory=dict)
    """What makes the recipe the published one, by data and size."""
    expected: tuple[Expected, ...] = ()
    deviations: tuple[str, ...] = ()
    """What differs from the source, each in a short sentence."""
    settings_from: str = ""
    """Where the published settings were read."""
    elsewhere: bool = True
    """Whether they are taken for data that nothing was published for, too; if not, `recipe` is as it stands."""
    usual: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of limbeck's own, chosen on validation examples, by kinds of data that are no images: taken in place of
    published ones where none were published for the data themselves."""

    def fault(self) -> str:
        """Why it cannot be used: a part of its recipe that a set could not name; "" where there is none."""
        try:
            unknown = unregistered(to_spec(self.recipe))
        except TypeError as error:
            return f"recipe {self.name}: {error}"
        if not unknown:
            return ""
        kind, _, place = unknown[0].partition("/")
        return f"recipe {self.name} has {place}, which no entry point of the group 'limbeck.{kind}' names"

    @property
    def matches(self) -> bool:
        """Whether nothing differs from the source that an option does not put right."""
        return set(self.deviations) <= {VALIDATION}

    @property
    def told(self) -> str:
        """The summary, which says so where the method is not quite the published one."""
        return self.summary if self.matches else f"{MANNER}{self.summary}"

    def network_for(self, data: str) -> str:
        """The network that the method was published with for these data."""
        of_these = (each.network for each in self.expected if each.data == OF.get(data, data))
        return next(filter(None, of_these), NETWORK)

    def nearest(self, data: str, ipc: int, whitened: bool) -> Setting | None:
        """The published setting that is taken: of these data, else of CIFAR-10; whitened alike; nearest in size.

        None where nothing was published by size, or nothing that holds of these data. Of two that are equally near, the
        smaller.
        """
        data = OF.get(data, data)

        def distance(setting: Setting) -> tuple[bool, bool, bool, int, int]:
            of, size, white = setting
            return of != data, of != "cifar10", white != whitened, abs(size - ipc), size

        return min(self._taken(data), key=distance, default=None)

    def _taken(self, data: str) -> list[Setting]:
        """The published settings among which one is chosen for data."""
        return [setting for setting in self.published if self.elsewhere or setting[0] == data]

    def recipe_for(self, data: str, ipc: int, whitened: bool = False) -> Recipe:
        """The recipe at the nearest published setting."""
        setting = self.nearest(data, ipc, whitened)
        if setting is None or self._is_usual(data):
            return compose(self.recipe, self.usual.get(kind_of(data), {}))
        return compose(self.recipe, self.published[setting])

    def _is_usual(self, data: str) -> bool:
        """Whether data are of a kind that has settings of limbeck's own, and none of their own were published."""
        return kind_of(data) in self.usual and all(of != OF.get(data, data) for of, _, _ in self.published)

    def number(self, data: str) -> str:
        """What its number of steps for these data is called: "published" as a setting of them or others, or "usual"."""
        return "published" if self._taken(OF.get(data, data)) and not self._is_usual(data) else "usual"

    def provenance(self, data: str, ipc: int, whitened: bool = False) -> str:
        """Which published setting is taken, in words."""
        setting = self.nearest(data, ipc, whitened)
        if self._is_usual(data):
            return f"that are limbeck's own for {kind_of(data)}, chosen on validation examples"
        if setting is None and self.published:
            return f"that are limbeck's own, as none was published for {OF.get(data, data)}"
        if setting is None:
            return "that are the same for all data and sizes"
        if setting == (OF.get(data, data), ipc, whitened):
            return f"published for {_named(setting)}"
        return f"published for {_named(setting)}, the nearest to {_named((data, ipc, whitened))}"


def _named(setting: Setting) -> str:
    data, ipc, whitened = setting
    return f"{data}{' whitened' * whitened} at IPC {ipc}"
