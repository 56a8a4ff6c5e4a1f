"""Kernel ridge regression in place of a network in training."""

from __future__ import annotations

from dataclasses import dataclass, fields

from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.expect import at_least, positive
from limbeck.learn.kernel_machine import KernelMachine, check
from limbeck.learn.kernels import AbstractKernel, NeuralTangent
from limbeck.protocols.fitted import AbstractFitting


@dataclass(frozen=True)
class KernelRidge(AbstractFitting):
    """Ridge regression by a kernel, fitted in closed form, as Nguyen, Chen & Lee (ICLR 2021) score their sets.

    It takes the place of whatever network is asked for, in float64. Nothing is drawn, so that there is one learner of a
    set, and no interval; of random real images each learner still has images of its own. All real data are fitted,
    too, unless they are more than `most`: then they are no baseline.
    """

    kernel: AbstractKernel = NeuralTangent()
    """The kernel of the regression."""
    ridge: float = 1e-6
    """In units of the mean of k(x, x) over the set."""
    most: int = 5000
    """Items that are fitted at most: in float64 a matrix takes 200 MB, and there are a few at once."""
    augment = None

    def __post_init__(self) -> None:
        positive(self, "ridge")
        at_least(self, 1, "most")

    @property
    def name(self) -> str:
        """ "krr", and the fields that are not the default.

        >>> KernelRidge().name, KernelRidge(NeuralTangent(depth=3), ridge=0.01).name
        ('krr', 'krr with kernel neural-tangent-d3, ridge 0.01')
        """
        changed = [field.name for field in fields(self) if getattr(self, field.name) != field.default]
        values = {"kernel": self.kernel.name, "ridge": f"{self.ridge:g}", "most": str(self.most)}
        return "krr" + (f" with {', '.join(f'{each} {values[each]}' for each in changed)}" if changed else "")

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """The regression; InputError for a task that is not to name classes, or whose inputs the kernel is not of."""
        check(task, f"protocol {self.name}")
        self.kernel.check(task.shape)
        return KernelMachine(task, self.kernel, self.ridge, self.most)

    def __str__(self) -> str:
        return (
            f"{self.name}: ridge regression by the kernel {self.kernel}, ridge {self.ridge:g} of its mean diagonal, "
            f"fitted in closed form to at most {self.most:,} items; nothing is drawn, so one learner of a set and no "
            "interval"
        )
