"""Training exactly as the set itself says."""

from __future__ import annotations

from dataclasses import dataclass, fields

from limbeck.core.contracts import AbstractAugmentation, AbstractProtocol, ByTask, Schedule
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, fraction
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese
from limbeck.learn.epochs import shuffled_epochs
from limbeck.protocols.epochs import Epochs, carried, mean_rate, scored_by

FREPO = Siamese(("flip", "color", "crop", "rotate", "scale", "cutout"))
"""What learners of sets by FRePo see (Zhou et al., NeurIPS 2022); as published but for magnitudes."""
FREPO_AVERAGE = 0.995
"""And the decay of the running mean of their parameters, which the published evaluation takes, free of its start. As
released, its code takes it and then reads the last parameters: with `average` at 0 this protocol does so, too."""


@dataclass(frozen=True)
class Own(AbstractProtocol):
    """Exactly as the set says: its learning rates, its order, its number of steps, its update rule and its start.

    Where the set carries the parameters of a network, its learners begin there, else each where its seed says.

    A baseline of as many items is trained in the very same way, one of another number by the same rates and rule with
    all items at each step. All real data are trained on by the same rule at the mean rate, and where the set has a
    training loss of its own, for which its rates are, as by "yang2024"; in shuffled batches of `full_batch`, for as
    many steps as the set gets but for at least `full_epochs` epochs.
    """

    full_batch: int = 256
    """Examples a step, of all real data."""
    full_epochs: int = 5
    """Epochs on all real data, at least."""
    augment: AbstractAugmentation | None = None
    """What each image of each step undergoes: a set may be made for learners whose images are augmented."""
    average: float = 0.0
    """The decay of the running mean of a learner's parameters that is scored in their place; 0: they are."""

    def __post_init__(self) -> None:
        at_least(self, 1, "full_batch", "full_epochs")
        fraction(self, "average")

    @property
    def name(self) -> str:
        """ "own", or "frepo" where images are augmented as for that, and the fields that are not so.

        >>> Own().name, Own(augment=FREPO, average=0.995).name, Own(full_batch=64).name
        ('own', 'frepo', 'own with full_batch 64')
        """
        frepo = Own(augment=FREPO, average=FREPO_AVERAGE)
        like, base = ("frepo", frepo) if self.augment == FREPO else ("own", Own())
        values = {field.name: (getattr(self, field.name), getattr(base, field.name)) for field in fields(self)}
        changed = [f"{name} {value}" for name, (value, default) in values.items() if value != default]
        return like + (f" with {', '.join(changed)}" if changed else "")

    @property
    def uses_own(self) -> bool:
        """Always."""
        return True

    @property
    def uses_initialisation(self) -> bool:
        """Always."""
        return True

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The set's own; nothing is drawn."""
        own = carried(own, self.name)
        last = int(own.order.max())
        if last >= count:
            raise InputError(f"protocol {self.name}: found item {last} in the schedule of a set of {count} items")
        return own

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """The schedule over `count` real examples where a distilled set gets `steps` steps."""
        own = carried(own, self.name)
        if not isinstance(own.of_others().loss, ByTask):
            published = Epochs(full_batch=self.full_batch, full_epochs=self.full_epochs)
            return published.full_schedule(own, count, steps, key)
        epochs = max(self.full_epochs, -(-steps // -(-count // self.full_batch)))
        return shuffled_epochs(count, epochs, self.full_batch, mean_rate(own, self.name), own.rule, key)

    def __str__(self) -> str:
        seen = ("no augmentation" if self.augment is None else f"augmented ({self.augment})") + scored_by(self.average)
        return (
            f"{self.name}: the learning rates, order, update rule and training loss that the set carries, {seen} "
            f"(all real data: the mean rate; where the loss is the set's own, SGD 0.01, momentum 0.9; batches of "
            f"{self.full_batch})"
        )
