"""Training under the labels of a teacher, given anew to every view of an item, as decoupled methods are scored."""

from __future__ import annotations

from dataclasses import dataclass, fields

from limbeck.core.contracts import (
    AbstractAugmentation,
    AbstractNetwork,
    AbstractProtocol,
    AbstractTask,
    Schedule,
    Teaching,
)
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, expect, positive
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese
from limbeck.learn.epochs import cosine, shuffled_epochs
from limbeck.learn.rules import AbstractInnerOptimizer, Adam
from limbeck.learn.views import CutMix, InTurn, ResizedCrop
from limbeck.protocols.epochs import Epochs


@dataclass(frozen=True)
class Taught(AbstractProtocol):
    """Each view of an item that a learner sees is labelled by a teacher, by default as in RD3 (Zhong et al. 2026).

    loss = KL(softmax(teacher(view) / T) || softmax(learner(view) / T)), and no stored label is used. The learning rate
    goes along a cosine, epoch by epoch. What a learner is told by the teacher lies in no stored byte of a set: scores
    stand beside others of this protocol alone.

    The published protocol is for images of ImageNet's size. What differs here: the teacher is a network of limbeck's
    own that is trained here, by default like the learner and for five epochs, where the published one is a ResNet-18
    trained to the end; crops are of half of the area at least, as of images of 2 x 2 tiles (Sun et al., CVPR 2024),
    whose tiles change no places here; images that are not to be mirrored are not. All real data are trained on in the
    same way, in batches of `full_batch`, for as many steps as the set gets but for at least `full_epochs` epochs.
    """

    epochs: int = 400
    """Epochs on a set."""
    batch: int = 50
    """How many items a step sees; 0: all, so that an epoch is one step."""
    learning_rate: float = 0.001
    """The length of a step."""
    slowed: float = 2.0
    """How much longer the cosine's half period is than the training: at 1 the rate falls to 0, at 2 to its half."""
    optimizer: AbstractInnerOptimizer = Adam()
    """What steps the parameters of a learner."""
    augment: AbstractAugmentation | None = InTurn((ResizedCrop(0.5), Siamese(("flip",)), CutMix()))
    temperature: float = 20.0
    """What outputs are divided by before the softmax, of teacher and learner."""
    teacher: AbstractProtocol = Epochs()
    """How the teacher is trained: as this trains on all real data, for at least 150 steps."""
    teacher_network: str = ""
    """Which network the teacher is; "" is that of the learner."""
    full_batch: int = 256
    """Examples a step, of all real data."""
    full_epochs: int = 5
    """Epochs on all real data, at least."""

    def __post_init__(self) -> None:
        at_least(self, 1, "epochs", "slowed", "full_batch", "full_epochs")
        at_least(self, 0, "batch")
        positive(self, "learning_rate", "temperature")
        expect(self, "teacher", not self.teacher.uses_own, "a protocol that asks nothing of a set, such as yang2024")

    @property
    def name(self) -> str:
        """ "rd3", and the fields that are not the default.

        >>> Taught().name, Taught(epochs=3, augment=None).name
        ('rd3', 'rd3 with epochs 3, augment None')
        """
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        changed = [f"{name} {_said(value)}" for name, (value, default) in values.items() if value != default]
        return "rd3" + (f" with {', '.join(changed)}" if changed else "")

    @property
    def teaching(self) -> Teaching:
        """The teacher."""
        return Teaching(self.teacher, self.teacher_network, self.temperature)

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """The network that is asked for; InputError for a task that is not to name classes."""
        metric = task.metrics[0].name
        if metric != "accuracy" or len(task.classes) < 2:
            raise InputError(
                f"protocol {self.name}: {task.name} is scored by its {metric}, expected accuracy over two classes or "
                "more, of which a teacher can say how likely each is; choose another, such as yang2024"
            )
        return network

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The schedule over a set of `count` items, its order shuffled by `key`."""
        return self._schedule(count, self.batch, self.epochs, key)

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """The schedule over `count` real examples where a distilled set gets `steps` steps."""
        epochs = max(self.full_epochs, -(-steps // -(-count // self.full_batch)))
        return self._schedule(count, self.full_batch, epochs, key)

    def _schedule(self, count: int, batch: int, epochs: int, key: Key) -> Schedule:
        made = shuffled_epochs(count, epochs, batch, self.learning_rate, self.optimizer.rule(), key)
        shares = cosine(epochs, self.slowed).repeat_interleave(len(made.learning_rates) // epochs)
        return made._replace(learning_rates=made.learning_rates * shares)

    def __str__(self) -> str:
        batch = f"batches of {self.batch}" if self.batch else "full batch"
        optimizer = self.optimizer.describe(f"{self.learning_rate:g}")
        augmented = "no augmentation" if self.augment is None else f"augmented ({self.augment})"
        network = self.teacher_network or "a network like the learner"
        return (
            f"{self.name}: {self.epochs} epochs of {optimizer}, along a cosine slowed {self.slowed:g} times, {batch}, "
            f"{augmented}; stored labels are not used: a teacher ({network}, trained on all real data by "
            f"{self.teacher.name}) labels each view, by its divergence at temperature {self.temperature:g}"
        )


def _said(value: object) -> str:
    """A field's value in a few words."""
    if isinstance(value, AbstractInnerOptimizer):
        return value.describe("at that rate")
    return value.name if isinstance(value, AbstractProtocol) else str(value)
