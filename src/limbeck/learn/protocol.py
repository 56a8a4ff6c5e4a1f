"""How a set is trained on when it is scored: a value printed beside every number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from limbeck.core.contracts import AbstractAugmentation, Schedule
from limbeck.core.errors import InputError, unknown
from limbeck.core.family import VALUES
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese


@VALUES.register
@dataclass(frozen=True)
class Protocol:
    """How a learner is trained on a set before it is judged; the default is that of Yang et al. (ICML 2024).

    A set of N items is seen `epochs` times in shuffled batches of `batch` (0: all items at once, so an
    epoch is one step). A `learning_rate` of 0 is the one that a set was distilled with. After `drop_after`
    epochs (0: never) the learning rate falls to a tenth. The row of the full real data is trained by the same
    optimiser in batches of `full_batch`, for as many steps as the set gets but for at least `full_epochs`
    epochs.
    """

    name: str = "paper"
    epochs: int = 300
    batch: int = 0
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    drop_after: int = 0
    augment: AbstractAugmentation | None = None
    full_batch: int = 256
    full_epochs: int = 5

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.full_epochs < 1 or self.full_batch < 1 or self.batch < 0 or self.learning_rate < 0:
            raise InputError(
                f"protocol {self.name!r}: found epochs {self.epochs}, full_epochs {self.full_epochs}, "
                f"batch {self.batch}, full_batch {self.full_batch}, learning_rate {self.learning_rate}; "
                "expected positive numbers (batch 0: all items, learning_rate 0: the set's own)"
            )

    def at(self, own: float) -> Protocol:
        """This protocol, at the learning rate `own` where it takes that of a set."""
        return self if self.learning_rate else replace(self, learning_rate=own)

    def schedule(self, count: int, key: Key) -> Schedule:
        """The schedule over a set of `count` items, its order shuffled by `key`."""
        return self._schedule(count, self.batch or count, self.epochs, key)

    def full_schedule(self, count: int, steps: int, key: Key) -> Schedule:
        """The schedule over `count` real examples where a distilled set gets `steps` steps."""
        per_epoch = -(-count // self.full_batch)
        return self._schedule(count, self.full_batch, max(self.full_epochs, -(-steps // per_epoch)), key)

    def _schedule(self, count: int, batch: int, epochs: int, key: Key) -> Schedule:
        if batch >= count:
            order = torch.arange(count)[None]
        else:
            short = -count % batch
            order = torch.cat(
                [
                    torch.nn.functional.pad(key.fold(epoch).permutation(count), (0, short), value=-1).view(-1, batch)
                    for epoch in range(epochs)
                ]
            )
        per_epoch = -(-count // batch)
        sizes = torch.full((epochs * per_epoch,), float(self.learning_rate))
        if self.drop_after:
            sizes[self.drop_after * per_epoch * epochs // self.epochs :] *= 0.1
        return Schedule(sizes, order, torch.tensor(float(self.momentum)), torch.tensor(float(self.weight_decay)))

    def __str__(self) -> str:
        size = f"{self.learning_rate:g}" if self.learning_rate else "at the set's own learning rate (real data: 0.01)"
        batch = f"batches of {self.batch}" if self.batch else "full batch"
        drop = f", a tenth of the learning rate after {self.drop_after}" if self.drop_after else ""
        weight_decay = f", weight decay {self.weight_decay:g}" if self.weight_decay else ""
        augment = f"augmented ({self.augment})" if self.augment else "no augmentation"
        return (
            f"{self.name}: {self.epochs} epochs of SGD {size}, momentum {self.momentum:g}{weight_decay}, "
            f"{batch}{drop}, {augment}"
        )


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(),
        Protocol(name="dc", batch=256, weight_decay=5e-4, epochs=300, drop_after=151),
        Protocol(name="dsa", batch=256, weight_decay=5e-4, epochs=1000, drop_after=501, augment=Siamese()),
        Protocol(name="dm", batch=256, weight_decay=5e-4, epochs=1000, drop_after=501, augment=Siamese()),
        Protocol(name="cafe", batch=256, weight_decay=5e-4, epochs=600, drop_after=301),
        Protocol(
            name="mtt", learning_rate=0.0, batch=256, weight_decay=5e-4, epochs=1000, drop_after=501, augment=Siamese()
        ),
    )
}
"""The published protocols by the name of the method that uses each: DC (Zhao et al. 2021), DSA (Zhao & Bilen
2021), DM (Zhao & Bilen 2023), CAFE (Wang et al. 2022), MTT (Cazenavette et al. 2022, at the learned learning rate)."""


def named(name: str) -> Protocol:
    """The published protocol of that name; InputError with the nearest names for an unknown one."""
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
