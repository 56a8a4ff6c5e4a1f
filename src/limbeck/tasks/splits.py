"""Which rows train, validate and test: what the source says, and balanced shares carved where it says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.units import percent
from limbeck.tasks.prepare import Facts
from limbeck.tasks.readers.names import split_of
from limbeck.tasks.readers.source import SPLITS, Array

_SHARES = {"validation": 0.1, "test": 0.2}
_SAID = {0.1: "a tenth", 0.2: "a fifth"}


@dataclass(frozen=True)
class Validation:
    """What validates: a share of the training examples, the split that is there for it, or whichever is there.

    >>> Validation.of("val"), Validation.of("0.25"), Validation.of("none").share
    (Validation(share=None, named=True), Validation(share=0.25, named=False), 0.0)
    """

    share: float | None = None
    """Of each class of the training examples."""
    named: bool = False
    """Whether the source's own validation split is asked for."""

    @staticmethod
    def of(given: float | str | None) -> Validation:
        """What --validation says: a share below 1, none, or the name of the source's validation split."""
        if given is None or given == "":
            return Validation()
        text = str(given).strip().lower()
        if split_of(text) == "validation":
            return Validation(named=True)
        try:
            share = 0.0 if text == "none" else float(text)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 0.9:
            raise InputError(
                f"validation {given!r}: expected a share of the training examples from 0 to 0.9, none, or validation "
                "for the split of that name"
            )
        return Validation(share)

    @property
    def stated(self) -> float | str | None:
        """What `of` makes this from."""
        return "validation" if self.named else self.share


def plan(facts: Facts, validation: Validation) -> tuple[dict[str, str], dict[str, float], tuple[str, ...]]:
    """Where each split comes from (a split of the source), what share of the training examples others are, and notes.

    Raises InputError where a split that is asked for is not there, or one that is there would be of no use.
    """
    given = {split: split for split in facts.lengths}
    notes = []
    if validation.named and "validation" not in given:
        raise InputError(
            f"validation: the source has no validation split, found {', '.join(given)}; give a share such as 0.1"
        )
    if validation.share is not None and "validation" in given:
        if "test" in given:
            raise InputError(
                f"validation {validation.share:g}: the source has splits for validation and for testing, and would "
                "leave the first without use; leave --validation out, or move its images to the training examples"
            )
        given["test"] = given.pop("validation")
        notes.append("the source's validation split is the test split, as a share of the training examples validates")
    shares = {split: _SHARES[split] for split in ("test", "validation") if split not in given}
    if validation.share is not None:
        shares["validation"] = validation.share
    for split, share in shares.items():
        if share:
            said = _SAID.get(share, percent(share))
            aside = ": the source's validation split is kept to validate" if split == "test" and len(given) > 1 else ""
            notes.append(
                f"the {split} split is {said} of each class of the training examples, drawn by the data's digest{aside}"
            )
        else:
            notes.append("no images are set apart for validation: validation figures are of the training examples")
    return given, shares, tuple(notes)


def check(facts: Facts, validation: Validation) -> None:
    """Raise InputError for a class with too few training examples to be in every split that is carved from them."""
    shares = plan(facts, validation)[1]
    needed = 1 + sum(share > 0 for share in shares.values())
    train = facts.labels[: facts.lengths["train"]]
    counts = np.bincount(train, minlength=len(facts.classes))
    if counts.min() >= needed:
        return
    least, others = int(counts.argmin()), int((counts < needed).sum()) - 1
    more = f", and too few are of {others} more" if others else ""
    raise InputError(
        f"{facts.examples[least]}: class {facts.classes[least]!r} has {counts[least]} training examples, "
        f"expected at least {needed} (one for each split){more}; add examples or leave the class out"
    )


_DEFAULT = Validation()


def arrange(
    facts: Facts, fingerprint: str, validation: Validation = _DEFAULT
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The rows of each split in their original order, and notes on what was carved.

    Without a test split a fifth of each class of the training split becomes one; then, without a
    validation split, a tenth of each class of what is left, or the share that is asked for. Both depend on the data
    alone. Every class has an image for each split, which `check` makes sure of.
    """
    starts = dict(zip(facts.lengths, np.cumsum([0, *facts.lengths.values()]).tolist(), strict=False))
    given, shares, notes = plan(facts, validation)
    rows: dict[str, Array] = {
        split: np.arange(starts[source], starts[source] + facts.lengths[source]) for split, source in given.items()
    }
    for split, share in shares.items():
        if share:
            rows["train"], rows[split] = _carve(facts, rows["train"], share, Key((split, fingerprint)))
        else:
            rows[split] = rows["train"]
    return {split: rows[split] for split in SPLITS}, notes


def _carve(facts: Facts, rows: Array, share: float, key: Key) -> tuple[Array, Array]:
    """`rows` without, and with only, a share of each class (at least one, and not all), each in order."""
    taken = np.zeros(len(rows), dtype=bool)
    for label in range(len(facts.classes)):
        drawn_from = np.flatnonzero(facts.labels[rows] == label)
        count = min(max(1, round(len(drawn_from) / (1 / share))), max(1, len(drawn_from) - 1))
        drawn = key.fold(label).permutation(len(drawn_from))[:count]
        taken[drawn_from[drawn.numpy()]] = True
    return rows[~taken], rows[taken]
