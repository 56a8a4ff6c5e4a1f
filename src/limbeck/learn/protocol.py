"""How a set is trained on when it is scored: a value printed beside every number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from limbeck.core.contracts import Schedule
from limbeck.core.family import Family
from limbeck.core.key import Key
from limbeck.core.refusal import Refusal, unknown
from limbeck.learn.augment import Siamese


@dataclass(frozen=True)
class Protocol:
    """How a learner is trained on a set before it is judged; the default is that of Yang et al. (ICML 2024).

    A set of N items is seen `epochs` times in shuffled batches of `batch` (0: all items at once, so an
    epoch is one step). A `step_size` of 0 is the one that a set was distilled with. After `drop_after`
    epochs (0: never) the step size falls to a tenth. The row of the full real data is trained by the same
    optimiser in batches of `full_batch`, for as many steps as the set gets but for at least `full_epochs`
    epochs.
    """

    name: str = "paper"
    epochs: int = 300
    batch: int = 0
    step_size: float = 0.01
    momentum: float = 0.9
    decay: float = 0.0
    drop_after: int = 0
    augment: Siamese | None = None
    full_batch: int = 256
    full_epochs: int = 5

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.full_epochs < 1 or self.full_batch < 1 or self.batch < 0 or self.step_size < 0:
            raise Refusal(
                f"protocol {self.name!r}: found epochs {self.epochs}, full_epochs {self.full_epochs}, "
                f"batch {self.batch}, full_batch {self.full_batch}, step_size {self.step_size}; "
                "expected positive numbers (batch 0: all items, step_size 0: the set's own)"
            )

    def at(self, own: float) -> Protocol:
        """This protocol, at the step size `own` where it takes that of a set."""
        return self if self.step_size else replace(self, step_size=own)

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
        sizes = torch.full((epochs * per_epoch,), float(self.step_size))
        if self.drop_after:
            sizes[self.drop_after * per_epoch * epochs // self.epochs :] *= 0.1
        return Schedule(sizes, order, torch.tensor(float(self.momentum)), torch.tensor(float(self.decay)))

    def __str__(self) -> str:
        size = f"{self.step_size:g}" if self.step_size else "at the set's own step size (real data: 0.01)"
        batch = f"batches of {self.batch}" if self.batch else "full batch"
        drop = f", a tenth of the step size after {self.drop_after}" if self.drop_after else ""
        decay = f", decay {self.decay:g}" if self.decay else ""
        augment = f"augmented ({' '.join(self.augment.operations)})" if self.augment else "no augmentation"
        return (
            f"{self.name}: {self.epochs} epochs of SGD {size}, momentum {self.momentum:g}{decay}, "
            f"{batch}{drop}, {augment}"
        )


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(),
        Protocol(name="dc", batch=256, decay=5e-4, epochs=300, drop_after=151),
        Protocol(name="dsa", batch=256, decay=5e-4, epochs=1000, drop_after=501, augment=Siamese()),
        Protocol(name="dm", batch=256, decay=5e-4, epochs=1000, drop_after=501, augment=Siamese()),
        Protocol(name="cafe", batch=256, decay=5e-4, epochs=600, drop_after=301),
        Protocol(name="mtt", step_size=0.0, batch=256, decay=5e-4, epochs=1000, drop_after=501, augment=Siamese()),
    )
}
"""The published protocols by the name of the method that uses each: DC (Zhao et al. 2021), DSA (Zhao & Bilen
2021), DM (Zhao & Bilen 2023), CAFE (Wang et al. 2022), MTT (Cazenavette et al. 2022, at the learned step size)."""


def named(name: str) -> Protocol:
    """The published protocol of that name; Refusal with the nearest names for an unknown one."""
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


VALUES = Family("value", object, Protocol, Siamese)
