"""What is said of who recognises a set, and of whether it lies among real examples as real ones do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.core.units import per_cent, percent
from limbeck.statistics.crossed import beside, by_seeds
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, claim, corrected, side
from limbeck.statistics.estimates import share

FAR = 0.95
"""An item is off the real examples where it is farther from those of its class than this share of real ones is."""
OFF, NEAR = "share off the real examples", "near examples of its class"
TESTS = 2
"""Numbers that are tried: these two."""
FEWEST = 5
"""Items from which on anything is said of where they lie."""


LIES = {
    (0, ABOVE): "It lies off real examples",
    (0, BELOW): "It lies closer to real examples than they do to each other",
    (1, ABOVE): "It lies more clearly within its classes than real examples",
    (1, BELOW): "It lies less clearly within its classes than real examples",
}
"""Of each number, what it means that it is above that of real examples, or below it."""


class Network(NamedTuple):
    """A network that was trained on real examples, and what it makes of the set."""

    name: str
    recognised: Fact
    """Of the set: over learners."""
    accuracy: float
    """On evaluation examples."""
    real: float
    """The same of random real training examples: the mean over controls."""


class Placing(NamedTuple):
    """How items lie among evaluation examples, as each learner sees it."""

    off: Float[Tensor, "learner item"]
    """Whether an item is farther from its class than most real examples are: 0 or 1."""
    near: Float[Tensor, "learner item"]
    """The share of the nearest examples that are of its class."""


class Held(NamedTuple):
    """A share of the set's items, held against unseen real examples and against controls."""

    share: Fact
    """With its interval over items: how far the share of as many real examples may come out by chance."""
    real: float
    """What unseen real examples come to."""
    control: float
    """What random real training examples come to: the mean over controls."""
    made: Claim
    """Whether it is unlike both: all of the interval on one side of `real`, and the predictive one of a control too."""


def held(
    name: str,
    ours: Float[Tensor, "learner item"],
    controls: Sequence[Float[Tensor, "learner item"]],
    real: float,
    sample: int,
    level: float,
) -> Held:
    """A share of the items, averaged over learners, beside what `sample` unseen real examples and controls come to.

    The interval is that of Wilson over items. As the share of real examples is known from `sample` of them alone, it
    is that of n m / (n + m) items. Controls are held against seed by seed: by the interval of one more of them.
    """
    seeds, count = ours.shape
    mean = float(ours.mean())
    over = share(name, mean, max(count * sample // (count + sample), 1), level)._replace(n=count)
    by_learner, theirs = ours.mean(1).tolist(), [each.mean(1).tolist() for each in controls]
    apart = claim(beside(name, by_learner, theirs, level), by_draws=by_seeds(by_learner, theirs, level))
    found = side(over, real)
    if found != OPEN and apart.side != found:
        made = Claim(name, real, OPEN, apart.draws)
    else:
        # More learners do not make the items more.
        made = Claim(name, real, found, LEAST if seeds < LEAST else 0)
    return Held(over, real, sum(map(sum, theirs)) / (len(theirs) * seeds), made)


def placed(ours: Placing, controls: Sequence[Placing], real: Placing, level: float) -> tuple[Held, Held]:
    """How much of the set lies off real examples, and how much of what is near it is of its class; simultaneous.

    `real` is of evaluation examples that are held against each other; of these a share 1 - FAR is off by construction.
    """
    sample, each = real.near.shape[1], corrected(TESTS, level)
    near = float(real.near.mean())
    return (
        held(OFF, ours.off, [control.off for control in controls], 1 - FAR, sample, each),
        held(NEAR, ours.near, [control.near for control in controls], near, sample, each),
    )


def verdict(networks: Sequence[Network], space: str, off: Held, near: Held, items: int, classes: int) -> Verdict:
    """Who recognises how much, and whether the set lies off real examples, as the network `space` sees them.

    It does where more of it lies off than the 5 % that real examples do by construction, and more than of one more
    control; or where fewer of the real examples nearest to it are of its class than for unseen real examples, and fewer
    than for one more control. So at most 5 % of random real sets are said to.
    """
    learned = [each for each in networks if each.accuracy > _learned(classes)]
    if space not in [each.name for each in learned]:
        best = max(each.accuracy for each in networks if each.name == space)
        why = f"{space} has not learned the data (test accuracy {percent(best, 0)})"
        return Verdict(f"Not known: {why}. Train it for more steps.", "unknown")
    who = _recognised(learned)
    if items < FEWEST:
        few = f"the set has {items} items, too few to say whether they lie among real examples."
        return Verdict(f"Not known: {few} {who}", "unknown")
    claims = (off.made, near.made)
    told = [_off(off), _near(near)]
    if all(each.side == OPEN for each in claims):
        text = (
            f"Inconclusive: whether it lies elsewhere than real examples do is not decided: {told[0]}; {told[1]}. {who}"
        )
        return Verdict(text, "unknown", claims)
    # What is decided goes first.
    order = sorted(range(TESTS), key=lambda place: claims[place].side == OPEN)
    said = [f"{LIES[place, claims[place].side]}: {told[place]}." for place in order if claims[place].side != OPEN]
    said += [f"Not decided: {told[place]}." for place in order if claims[place].side == OPEN]
    return Verdict(" ".join([who, *said]), "note", claims)


def _learned(classes: int) -> float:
    """The accuracy of a network that has learned something: twice that of chance, or half of what there is above it."""
    return min(2 / classes, (1 + 1 / classes) / 2)


def _recognised(networks: Sequence[Network]) -> str:
    """Which share of the set networks recognise, from the least to the most, beside random real examples."""
    few, most = (pick(networks, key=lambda each: each.recognised.value) for pick in (min, max))
    real = sorted({per_cent(each.real, 0) for each in (few, most)}, key=float)
    beside_it = f"of random real training examples {' to '.join(real)} %"
    if few.recognised.value == most.recognised.value:
        names = ", ".join(each.name for each in networks)
        said = (
            f"Networks trained on real examples ({names}) recognise {_share(few.recognised)} of the set, {beside_it}."
        )
    else:
        ends = " to ".join(f"{_share(each.recognised)} ({each.name})" for each in (few, most))
        said = f"Networks trained on real examples recognise {ends} of the set, {beside_it}."
    return said + (" More cannot be recognised." if few.recognised.value == 1 else "")


def _off(found: Held) -> str:
    return (
        f"{_share(found.share)} of its items lie where no real example of their class is near, "
        f"{percent(found.real, 0)} of unseen real examples and {percent(found.control, 0)} of random training examples"
    )


def _near(found: Held) -> str:
    return (
        f"of the real examples nearest to its items {_share(found.share)} are of their class, {percent(found.real, 0)} "
        f"for unseen real examples and {percent(found.control, 0)} for random training examples"
    )


def _share(fact: Fact) -> str:
    spread = f" ({per_cent(fact.low, 0)} to {per_cent(fact.high, 0)})" if fact.low < fact.high else ""
    return f"{percent(fact.value, 0)}{spread}"
