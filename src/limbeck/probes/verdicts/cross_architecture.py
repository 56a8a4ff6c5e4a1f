"""What is said of a set that other networks than its own are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.core.units import percent
from limbeck.probes.verdicts.words import listed, seeds, signed, sized
from limbeck.statistics.chance import Chance
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, corrected
from limbeck.statistics.estimates import GAIN, SHARE, estimate, kept_within, unlike
from limbeck.statistics.one_more import claim_beyond


class Measured(NamedTuple):
    """What was measured of one network."""

    name: str
    ours: Fact
    real: Fact
    gain: Fact
    """The set less as many real examples: how far one more draw of those, searched and trained alike, would lie."""
    retained: Fact
    """The accuracy as a share of that of the problem's own network, paired by seed."""
    retained_of_real: Fact
    """The same of as many real examples."""
    taught: bool
    """Whether the set or the real examples are shown to teach it more than chance."""

    @property
    def claim(self) -> Claim:
        """What its gain decides: nothing where neither taught it anything."""
        return claim_beyond(self.gain) if self.taught else Claim(self.gain.name, 0.0, OPEN, 0)

    @property
    def told(self) -> str:
        """Its gain in words."""
        if not self.taught:
            return f"{self.name} is not shown to learn anything from either"
        word = {ABOVE: "gains", BELOW: "loses"}.get(self.claim.side, "")
        return f"{self.name} {word} {sized(self.gain)}" if word else f"{self.name} is undecided, {signed(self.gain)}"


Accuracies = tuple[str, Sequence[float], Sequence[float]]
"""A network, and its accuracies on the set and on as many real examples, seed by seed."""


def measured(networks: Sequence[Accuracies], chance: Chance, level: float) -> list[Measured]:
    """What accuracies come to, of the problem's own network first; intervals of gains hold at once."""
    _, own, own_real = networks[0]
    found = []
    for name, ours, real in networks:
        gain = unlike(f"gain over real examples of {name}", ours, real, corrected(len(networks), level))
        found.append(
            Measured(
                name,
                estimate(f"test accuracy of {name}", ours, level, SHARE),
                estimate(f"test accuracy of {name}", real, level, SHARE),
                kept_within(gain, GAIN),
                _share(f"retained by {name}", ours, own, level),
                _share(f"retained by {name}", real, own_real, level),
                chance.exceeded(ours, level) or chance.exceeded(real, level),
            )
        )
    return found


def _share(name: str, values: Sequence[float], of: Sequence[float], level: float) -> Fact:
    shares = [a / b if b else 0.0 for a, b in zip(values, of, strict=True)]
    return estimate(name, shares, level, (0.0, float("inf")))


def verdict(own: Measured, others: Sequence[Measured]) -> Verdict:
    """A set transfers where every network is decided to gain from it over as many real examples.

    It is for its own network alone where that one gains and every other is decided to lose; and real examples are
    better where its own loses. What is merely open is said to be.
    """
    if not others:
        return Verdict("Not known: none of the other networks can be trained on this set.", "unknown")
    every = (own, *others)
    claims = tuple(each.claim for each in every)
    lead, tone = _lead(own, others)
    reached = listed(f"{each.name} {percent(each.ours.value)}" for each in every)
    gains = "; ".join((f"its own {own.told}", *(each.told for each in others)))
    if own.gain.n < LEAST:
        gains = "; ".join(f"{each.name} {signed(each.gain)}" for each in every)
    text = f"{lead} Against one more draw of as many real examples, {gains}. Test accuracy on the set: {reached}."
    return Verdict(text, tone, claims)


def _lead(own: Measured, others: Sequence[Measured]) -> tuple[str, str]:
    """What it comes to in one sentence, and the tone."""
    if own.gain.n < LEAST:
        return f"Inconclusive: {seeds(own.gain.n)} cannot decide it.", "unknown"
    if not own.taught:
        return "Not known: not even its own network is shown to learn anything.", "unknown"
    better, worse, unclear = ([x.name for x in others if x.claim.side == where] for where in (ABOVE, BELOW, OPEN))
    if own.claim.side == BELOW:
        return "Use real examples in place of it: as many random ones teach its own network more.", "avoid"
    if own.claim.side == OPEN:
        return "Inconclusive: whether its own network learns more from it than from real ones is open.", "unknown"
    if not better and not worse:
        return "Inconclusive: whether it transfers to other networks is not decided.", "unknown"
    if not worse and not unclear:
        return "It transfers to other networks.", "use"
    if not better and not unclear:
        return "Use it for its own network alone: others learn more from as many random real examples.", "avoid"
    parts = [f"it transfers to {listed(better)}"] if better else []
    parts += [f"it does not to {listed(worse)}"] if worse else []
    parts += [f"of {listed(unclear)} it is not decided"] if unclear else []
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}.", "note"
