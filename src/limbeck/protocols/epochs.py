"""Training for a number of epochs, as published protocols have it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from limbeck.core.contracts import AbstractAugmentation, AbstractProtocol, Schedule
from limbeck.core.errors import InputError, unknown
from limbeck.core.expect import at_least, fraction, positive
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.rules import AbstractInnerOptimizer, Adam, Momentum
from limbeck.learn.views import CutMix, InTurn

_PLAIN: dict[str, Any] = {"batch": 256, "optimizer": Momentum(0.9, 5e-4)}
_SIAMESE: dict[str, Any] = {**_PLAIN, "epochs": 1000, "drop_after": 501, "augment": Siamese(together=True)}

PUBLISHED: dict[str, dict[str, Any]] = {
    "yang2024": {},
    "dc": {**_PLAIN, "drop_after": 151},
    "dsa": _SIAMESE,
    "dm": _SIAMESE,
    "cafe": {**_PLAIN, "epochs": 600, "drop_after": 301},
    "mtt": {**_SIAMESE, "learning_rate": 0.0},
    "idc": {
        **_PLAIN,
        "epochs": 1000,
        "batch": 64,
        "drop_after": 666,
        "drop_again": 833,
        "drop_to": 0.2,
        "augment": InTurn(
            (
                Siamese(("flip",)),
                Siamese(("color",)),
                Siamese(("crop", "scale", "rotate"), together=True),
                CutMix(0.5),
            )
        ),
    },
    "rat-bptt": {
        "epochs": 1000,
        "learning_rate": 0.001,
        "optimizer": Adam(),
        "augment": Siamese(("flip", "rotate"), together=True),
    },
}
"""The fields of each published protocol that are not the default: Yang et al. (ICML 2024), DC (Zhao et al. 2021), DSA
(Zhao & Bilen 2021), DM (Zhao & Bilen 2023), CAFE (Wang et al. 2022), MTT (Cazenavette et al. 2022, at the learned
learning rate), IDC (Kim et al. 2022, whose code tells the best of four epochs on the test images beside the last),
RaT-BPTT (Feng et al. 2024, whose code takes the best of 300, 600, 1,000 and 3,000 steps on the test images)."""


@dataclass(frozen=True)
class Epochs(AbstractProtocol):
    """A number of epochs at one learning rate, as the published protocols; the default is that of Yang et al. (2024).

    A set of N items is seen `epochs` times in shuffled batches of `batch`. After `drop_after` epochs the learning rate
    falls to a share of itself, `drop_to`, and after `drop_again` once more. All real data are trained on by the same
    optimizer in batches of `full_batch`, for as many steps as the set gets but for at least `full_epochs` epochs.
    """

    like: str = "yang2024"
    """The published protocol that the name tells the difference from."""
    epochs: int = 300
    """Epochs on a set."""
    batch: int = 0
    """How many items a step sees; 0: all, so that an epoch is one step."""
    learning_rate: float = 0.01
    """0: the mean of those that the set was distilled with."""
    optimizer: AbstractInnerOptimizer = Momentum(0.9)
    """What steps the parameters of a learner."""
    drop_after: int = 0
    """0: never."""
    drop_again: int = 0
    """0: never."""
    drop_to: float = 0.1
    """The share of itself to which the learning rate falls."""
    augment: AbstractAugmentation | None = None
    average: float = 0.0
    """The decay of the running mean of a learner's parameters that is scored in their place; 0: they are."""
    full_batch: int = 256
    """Examples a step, of all real data."""
    full_epochs: int = 5
    """Epochs on all real data, at least."""

    def __post_init__(self) -> None:
        if self.like not in PUBLISHED:
            raise unknown("published protocol", self.like, PUBLISHED)
        at_least(self, 1, "epochs", "full_epochs", "full_batch")
        at_least(self, 0, "batch", "drop_after", "drop_again", "learning_rate")
        positive(self, "drop_to")
        fraction(self, "average")

    @property
    def uses_own(self) -> bool:
        """Where the learning rate is the set's."""
        return self.learning_rate == 0

    @property
    def name(self) -> str:
        """The published name where every field is as published, else that name and the fields that are not.

        >>> Epochs().name, Epochs("dc", **PUBLISHED["dc"]).name, Epochs(epochs=3).name
        ('yang2024', 'dc', 'yang2024 with epochs 3')
        """
        published = Epochs(self.like, **PUBLISHED[self.like])
        changed = [field.name for field in fields(self) if getattr(self, field.name) != getattr(published, field.name)]
        return self.like + (f" with {', '.join(map(self._said, changed))}" if changed else "")

    def _said(self, field: str) -> str:
        """A field and its value in a few words."""
        value = getattr(self, field)
        if isinstance(value, AbstractInnerOptimizer):
            return value.describe(self._rate)
        if isinstance(value, AbstractAugmentation) or value is None:
            return self._augmentation
        return f"{field} {value}"

    @property
    def _rate(self) -> str:
        return f"{self.learning_rate:g}" if self.learning_rate else "at the set's own mean learning rate"

    @property
    def _augmentation(self) -> str:
        return "no augmentation" if self.augment is None else f"augmented ({self.augment})"

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The schedule over a set of `count` items, its order shuffled by `key`."""
        return self._schedule(own, count, self.batch, self.epochs, key)

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """The schedule over `count` real examples where a distilled set gets `steps` steps."""
        per_epoch = -(-count // self.full_batch)
        epochs = max(self.full_epochs, -(-steps // per_epoch))
        return self._schedule(own, count, self.full_batch, epochs, key)

    def _schedule(self, own: Schedule | None, count: int, batch: int, epochs: int, key: Key) -> Schedule:
        learning_rate = self.learning_rate or mean_rate(own, self.name)
        schedule = shuffled_epochs(count, epochs, batch, learning_rate, self.optimizer.rule(), key)
        for drop in filter(None, (self.drop_after, self.drop_again)):
            # For all real data it falls after the same share of the training.
            schedule.learning_rates[drop * len(schedule.learning_rates) // self.epochs :] *= self.drop_to
        return schedule

    def __str__(self) -> str:
        batch = f"batches of {self.batch}" if self.batch else "full batch"
        drops = " and ".join(str(drop) for drop in (self.drop_after, self.drop_again) if drop)
        share = "a tenth" if self.drop_to == 0.1 else f"{self.drop_to:g}"
        drop = f", {share} of the learning rate after {drops}" if drops else ""
        return (
            f"{self.name}: {self.epochs} epochs of {self.optimizer.describe(self._rate)}, {batch}{drop}, "
            f"{self._augmentation}{scored_by(self.average)}"
        )


def scored_by(average: float) -> str:
    """What of a learner is scored, where that is not what it came to.

    >>> scored_by(0.995), scored_by(0.0)
    (', scored by the running mean of its parameters, decay 0.995', '')
    """
    return f", scored by the running mean of its parameters, decay {average:g}" if average else ""


def carried(own: Schedule | None, protocol: str) -> Schedule:
    """The schedule of a set; InputError where there is none."""
    if own is None:
        raise InputError(f"protocol {protocol} trains as a set says, and there is none here; take another, such as dc")
    return own


def mean_rate(own: Schedule | None, protocol: str) -> float:
    """The mean learning rate of the schedule of a set; InputError where there is none, or one that leads nowhere."""
    mean = float(carried(own, protocol).learning_rates.mean())
    if not 0 < mean < float("inf"):
        raise InputError(
            f"protocol {protocol}: found a mean learning rate of {mean:g} in the set's schedule, expected a positive "
            "number; take a protocol with a learning rate of its own, such as dc"
        )
    return mean
