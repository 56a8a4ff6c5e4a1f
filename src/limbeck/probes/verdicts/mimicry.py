"""What is said of what a set looks like, and of whether its learners err like learners of real data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.core.units import per_cent, percent
from limbeck.probes.tables.mimicry import FEATURES, INPUTS
from limbeck.probes.verdicts.words import listed
from limbeck.statistics.crossed import beside, by_seeds
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, claim, corrected, side
from limbeck.statistics.estimates import SHARE, estimate, kept_within, share
from limbeck.statistics.resemblance import COPIES, KINDS, MEANS, NEITHER, REAL

MOST = 0.5
"""What most of a set looks like, more than this share of its items do."""
ERRORS = "correlation of errors with those of learners of real data"
BEYOND = f"{ERRORS}, less that of random real examples"
HALVES = 2
"""Half of the error is for what items look like, and half for how learners err."""
MIDDLE = 0.5
"""The mean rank of real examples among others."""
ASKED = len(KINDS) + 2
"""Numbers that are tried in each space: the shares, and two ranks."""

SEEN = {INPUTS: "In the units of the data", FEATURES: "In the features of learners of real data"}
RANKED = {
    ("explained", ABOVE): "They are more like class means than real examples are: these explain more of one than of {}",
    ("explained", BELOW): "They are less like class means than real examples are: these explain more of one than of {}",
    ("relative", ABOVE): "They lie farther from training examples than unseen real examples do: one is farther than {}",
    ("relative", BELOW): "They lie nearer to training examples than unseen real examples do: one is farther than {}",
}
"""Of each rank, what it means that it is above one half, or below."""
LOOKS = {REAL: REAL, MEANS: MEANS, NEITHER: "like neither real examples nor class means"}
UNLIKE = "Do not read its items as ordinary examples of the data."
ADVICE = {
    REAL: "Its items may be read as examples.",
    COPIES: "Its items are nearly training examples: show them only where those may be shown.",
    MEANS: "Read its items as what a class is like on average, not as examples of it.",
    NEITHER: "Do not read its items as examples of the data; ask influence what each stands for.",
}


class Resemblance(NamedTuple):
    """What the items of a set look like in one space."""

    space: str
    shares: Mapping[str, Fact]
    """By kind: over items."""
    real: Mapping[str, float]
    """Of unseen real examples."""
    control: Mapping[str, float]
    """Of random real training examples: the mean over controls."""
    ranks: Mapping[str, Fact]
    """Of how much class means explain ("explained") and of how far the nearest training example is ("relative"): among
    unseen real examples, the mean over items, which is one half of real ones; none where that says nothing."""
    explained: tuple[float, float]
    """By class means, of the variance of an item and of that of an unseen real example: means."""
    usual: float
    """The mean rank of how much class means explain of random real training examples."""
    learners: int
    """Whose features these are; 0 where they are nobody's."""

    def claim(self, kind: str) -> Claim:
        """Whether most items are of a kind; of class means and of neither also whether more than of the control."""
        return self._claim(self.shares[kind], max(MOST, self.control[kind]) if kind in (MEANS, NEITHER) else MOST)

    def ranked(self, number: str) -> Claim:
        """Whether a number of the items lies higher among those of unseen real examples than of one more of these.

        Class means, which training examples are part of and whose learners have seen them, are held against these too.
        """
        fact, beside = self.ranks[number], self.usual if number == "explained" else MIDDLE
        return self._claim(fact, max(MIDDLE, beside) if fact.value > MIDDLE else min(MIDDLE, beside))

    def _claim(self, fact: Fact, cut: float) -> Claim:
        few = 0 < self.learners < LEAST
        # More learners make the items no more.
        return Claim(fact.name, cut, OPEN if few else side(fact, cut), LEAST if few else 0)

    @property
    def leading(self) -> str:
        """What more of the items look like than like anything else."""
        return max((REAL, MEANS, NEITHER), key=lambda kind: self.shares[kind].value)


class Errors(NamedTuple):
    """How far learners of a set err like learners of real data."""

    alike: Fact
    """Over seeds."""
    control: float
    """Of random real examples in place of the set: the mean over seeds and controls."""
    beyond: Fact
    """How far it lies from what one more control would come to."""
    made: Claim


class Measured(NamedTuple):
    """What was measured of the items of a set in one space, and of what they are held against."""

    space: str
    kinds: Float[Tensor, "learner kind item"]
    """Whether a learner takes an item for each of `KINDS`: 0 or 1."""
    controls: Float[Tensor, "learner kind other"]
    """The same of the items of all controls."""
    real: Float[Tensor, "learner kind example"]
    """The same of unseen real examples."""
    ranks: Mapping[str, Float[Tensor, " item"]]
    """Of the numbers "relative" and "explained", among those of unseen real examples: the mean over learners."""
    usual: Float[Tensor, " other"]
    """Ranks of how much is explained of the items of all controls."""
    explained: tuple[float, float]
    """As in `Resemblance`."""


def resemblance(measured: Measured, controls: int, spaces: int, level: float) -> Resemblance:
    """What items look like, averaged over learners; intervals over items, of shares by Wilson; all hold at once.

    Ranks of all n items are among the same m unseen real examples, and are held against the mean of k controls: their
    interval is wider by sqrt(1 + n / m + 1 / k), the first of which is after Mann and Whitney.
    """
    space, ours = measured.space, measured.kinds
    count, each = ours.shape[2], corrected(HALVES * spaces * ASKED, level)
    by_kind = [dict(zip(KINDS, part.mean((0, 2)).tolist(), strict=True)) for part in measured[1:4]]
    wider = (1 + count / measured.real.shape[2] + 1 / controls) ** 0.5
    return Resemblance(
        space,
        {kind: share(fact_name(kind, space), mean, count, each) for kind, mean in by_kind[0].items()},
        by_kind[2],
        by_kind[1],
        {
            number: _wider(estimate(rank_name(number, space), values.tolist(), each), wider)
            for number, values in measured.ranks.items()
            if bool(values.isfinite().all())
        },
        measured.explained,
        float(measured.usual.mean().nan_to_num(MIDDLE)),
        0 if space == INPUTS else len(ours),
    )


def _wider(fact: Fact, by: float) -> Fact:
    low, high = (fact.value + by * (bound - fact.value) for bound in (fact.low, fact.high))
    return kept_within(fact._replace(low=low, high=high), SHARE)


def rank_name(number: str, space: str) -> str:
    """What the mean rank of a number is called.

    >>> rank_name("relative", INPUTS)
    'rank of the distance to the nearest training example, inputs'
    """
    what = {"relative": "distance to the nearest training example", "explained": "variance that class means explain"}
    return f"rank of the {what[number]}, {space}"


def fact_name(kind: str, space: str) -> str:
    """What a share of items is called.

    >>> fact_name(REAL, INPUTS)
    'share like real examples, inputs'
    """
    return f"share {kind}, {space}"


def errors(ours: Sequence[float], controls: Sequence[Sequence[float]], level: float) -> Errors:
    """Correlations of each seed's errors with those of real data, held against controls of the same seeds."""
    each = corrected(HALVES, level)
    beyond = beside(BEYOND, ours, controls, each)
    made = claim(beyond, by_draws=by_seeds(ours, controls, each))
    control = sum(map(sum, controls)) / sum(map(len, controls))
    return Errors(estimate(ERRORS, ours, each, (-1.0, 1.0)), control, beyond, made)


def verdict(found: Sequence[Resemblance], erring: Errors | str) -> Verdict:
    """What most items look like in each space, and whether learners err alike; `erring` may say why that is not known.

    At most 5 % of random real sets are said to look, for the most part, like class means or like neither, or to have
    learners that err otherwise.
    """
    claims = [claim for each in found for claim in _claims(each)]
    told = [_looks(each) for each in found]
    if isinstance(erring, str):
        told.append(f"Whether its learners err like learners of real data cannot be told: {erring}.")
    else:
        claims.append(erring.made)
        told.append(_errs(erring))
    if not any(each.claim(each.leading).side == ABOVE for each in found) and all(each.side == OPEN for each in claims):
        return Verdict(f"Inconclusive: {' '.join(told)}", "unknown", tuple(claims))
    # What its items are to be read as is told where one sees them, in the first space.
    advice = [_advice(each) for each in found[:1]]
    tone = "avoid" if ADVICE[NEITHER] in advice else "note"
    return Verdict(" ".join([*told, *filter(None, advice)]), tone, tuple(claims))


def _claims(found: Resemblance) -> list[Claim]:
    """That of what leads; where it is not decided, of the ranks; where it is real examples, of copies."""
    leading = found.claim(found.leading)
    if leading.side != ABOVE:
        return [leading, *map(found.ranked, found.ranks)]
    return [leading, found.claim(COPIES)] if found.leading == REAL else [leading]


def _advice(found: Resemblance) -> str:
    """What to do; "" where nothing is decided."""
    kind = found.leading
    if found.claim(kind).side != ABOVE:
        return UNLIKE if any(found.ranked(number).side == ABOVE for number in found.ranks) else ""
    return ADVICE[COPIES if kind == REAL and found.claim(COPIES).side == ABOVE else kind]


def _looks(found: Resemblance) -> str:
    kind = found.leading
    here, real = found.explained
    by_means = "" if here != here else f"; class means explain {percent(here, 0)} of an item's variance, "
    by_means += f"{percent(real, 0)} of an unseen real example's" if by_means else ""
    if found.claim(kind).side != ABOVE:
        shares = listed(f"{_share(found.shares[each])} are {each}" for each in (REAL, MEANS, NEITHER))
        ranked = [_ranks(found.ranks[number], found.ranked(number), number) for number in found.ranks]
        said = f"{SEEN[found.space]} it is not decided what most of its items look like: {shares}{by_means}."
        return " ".join([said, *filter(None, ranked)])
    copies = f", and {_share(found.shares[COPIES])} are {COPIES} of training examples" if kind == REAL else ""
    return (
        f"{SEEN[found.space]} it looks {LOOKS[kind]}: {_share(found.shares[kind])} of its items do, "
        f"{percent(found.real[kind], 0)} of unseen real examples and {percent(found.control[kind], 0)} of random "
        f"training examples{copies}{by_means}."
    )


def _ranks(fact: Fact, made: Claim, number: str) -> str:
    return "" if made.side == OPEN else f"{RANKED[number, made.side].format(_share(fact))} of these on average."


def alike_in_words(fact: Fact, control: float) -> str:
    """How far learners err like learners of real data.

    >>> alike_in_words(Fact.once("correlation", 0.5), 0.25)
    'correlation of errors 0.50, 0.25 of random real examples'
    """
    spread = f" ({fact.low:.2f} to {fact.high:.2f})" if fact.n > 2 else ""
    return f"correlation of errors {fact.value:.2f}{spread}, {control:.2f} of random real examples"


def _errs(found: Errors) -> str:
    numbers = alike_in_words(found.alike, found.control)
    if found.made.side == OPEN:
        return (
            "Its learners are not shown to err more or less like learners of real data than those of as many random "
            f"real examples: {numbers}."
        )
    if found.made.side == ABOVE:
        return (
            f"Its learners err more like learners of real data than those of as many random real examples: {numbers}. "
            "Which classes they confuse tells of the data."
        )
    return (
        f"Its learners err less like learners of real data than those of as many random real examples: {numbers}. Do "
        "not tell by them which classes are hard to tell apart."
    )


def _share(fact: Fact) -> str:
    return f"{percent(fact.value, 0)} ({per_cent(fact.low, 0)} to {per_cent(fact.high, 0)})"
