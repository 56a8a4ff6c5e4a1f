"""How much an image is asked for, by what networks that have learned the real data make of it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.core.contracts import AbstractTask
from limbeck.core.expect import AbstractPart, at_least
from limbeck.starts.seen import Seen, check_classes
from limbeck.statistics.neighbours import nearest


class AbstractScore(AbstractPart):
    """How much an image is asked for: the larger, the more."""

    networks: int = 1
    """By how many networks images are seen."""
    readings: int = 1
    """After how many evenly spaced steps of its training, the last of which is the end, each of them looks."""
    by_classes: ClassVar[bool] = True
    """Whether it is of predictions of classes."""

    def check(self, task: AbstractTask) -> None:
        """InputError for a task that it is not for."""
        if self.by_classes:
            check_classes(task)

    @abstractmethod
    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """The score of each example of a class."""


@dataclass(frozen=True)
class Entropy(AbstractScore):
    """How undecided the network is: the entropy of its prediction (Coleman et al., ICLR 2020)."""

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """Less the sum of p log p over classes, in nats."""
        return torch.special.entr(seen.probabilities).sum(1)


@dataclass(frozen=True)
class LeastConfidence(AbstractScore):
    """How far from certain the network is of the class that it says (Coleman et al., ICLR 2020)."""

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """1 less the largest probability."""
        return 1 - seen.probabilities.amax(1)


@dataclass(frozen=True)
class Margin(AbstractScore):
    """How close the two likeliest classes are (Coleman et al., ICLR 2020)."""

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """The second largest probability less the largest."""
        largest = seen.probabilities.topk(2, dim=1).values
        return largest[:, 1] - largest[:, 0]


@dataclass(frozen=True)
class ErrorNorm(AbstractScore):
    """How wrong several networks are early in training: the norm of p - y, their mean (Paul et al., NeurIPS 2021).

    p - y is the gradient of cross-entropy in the outputs; of another loss that gradient is taken.
    """

    by_classes = False
    networks: int = 10
    """By how many networks images are seen."""

    def __post_init__(self) -> None:
        at_least(self, 1, "networks")

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """The mean over networks of the norm."""
        return torch.stack([seen.gradients_by(each).residuals.norm(dim=1) for each in seen.readouts()]).mean(0)


@dataclass(frozen=True)
class GradientNorm(AbstractScore):
    """How much an image would move several networks early in training (Paul et al., NeurIPS 2021).

    It is the norm of the gradient of its loss in the last layer, weights and biases, their mean over networks.
    """

    by_classes = False
    networks: int = 10
    """By how many networks images are seen."""

    def __post_init__(self) -> None:
        at_least(self, 1, "networks")

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """The mean over networks of the norm."""
        return torch.stack([seen.gradients_by(each).norms() for each in seen.readouts()]).mean(0)


@dataclass(frozen=True)
class Forgetting(AbstractScore):
    """How often the network gets an image wrong that it had right at its last look (Toneva et al., ICLR 2019)."""

    readings: int = 20
    """How often the network looks, at evenly spaced steps of its training."""

    def __post_init__(self) -> None:
        at_least(self, 1, "readings")

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """How often; infinite for what was never right."""
        labels = seen.targets.argmax(1)
        return forgotten(torch.stack([each.outputs.argmax(1) == labels for each in seen.readouts()]))


def forgotten(right: Bool[Tensor, "reading example"]) -> Float[Tensor, " example"]:
    """How often each example is wrong after it was right, reading by reading; infinite for what was never right.

    >>> forgotten(torch.tensor([[True, False, True], [False, False, True], [True, False, True]])).tolist()
    [1.0, inf, 0.0]
    """
    times = (right[:-1] & ~right[1:]).sum(0).double()
    return times.where(right.any(0), torch.inf)


@dataclass(frozen=True)
class MeanMargin(AbstractScore):
    """How hard an image is over training: by how much another class is above its own (Pleiss et al., NeurIPS 2020).

    It is the area under the margin with its sign turned, so that what is hard to learn comes first.
    """

    readings: int = 20
    """How often the network looks, at evenly spaced steps of its training."""

    def __post_init__(self) -> None:
        at_least(self, 1, "readings")

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """The mean over looks of the largest other output less that of the own class."""
        own = seen.targets.argmax(1, keepdim=True)
        looks = [each.outputs.double() for each in seen.readouts()]
        others = [outputs.scatter(1, own, -torch.inf).amax(1) for outputs in looks]
        return torch.stack(
            [most - outputs.gather(1, own)[:, 0] for most, outputs in zip(others, looks, strict=True)]
        ).mean(0)


@dataclass(frozen=True)
class Contrast(AbstractScore):
    """How differently an image is predicted than those of its class that look alike (Margatina et al., EMNLP 2021)."""

    neighbours: int = 10
    """How many of the nearest by features it is held against."""

    def __post_init__(self) -> None:
        at_least(self, 1, "neighbours")

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """The mean over neighbours of KL(prediction of the neighbour || its own), in nats; 0 where there are none."""
        return contrast(seen.features, seen.probabilities, self.neighbours)


def contrast(
    features: Float[Tensor, "example feature"], probabilities: Float[Tensor, "example class"], count: int
) -> Float[Tensor, " example"]:
    """The mean over the `count` nearest others by features of KL(p of the other || its own); 0 where there are none."""
    near = nearest(features, features, count, torch.arange(len(features)))[1]
    theirs = probabilities[near]
    tiny = torch.finfo(probabilities.dtype).tiny
    apart = theirs * (theirs.clamp(min=tiny).log() - probabilities.clamp(min=tiny).log()[:, None])
    return apart.sum((1, 2)) / max(1, near.shape[1])


@dataclass(frozen=True)
class NearMedian(AbstractScore):
    """How near to the median an image's distance from its class's mean of features is (Xia et al., ICLR 2023)."""

    by_classes = False

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """Less the absolute difference of its distance and the median of all."""
        return near_median(seen.features.double())


def near_median(features: Float[Tensor, "example feature"]) -> Float[Tensor, " example"]:
    """Less the absolute difference of each one's distance from the mean and the median of those distances."""
    distances = (features - features.mean(0)).norm(dim=1)
    return -(distances - distances.quantile(0.5)).abs()
