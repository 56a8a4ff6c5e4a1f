"""Which protocol what is made is judged by, where none is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractProtocol
from limbeck.distilled_set import DistilledSet
from limbeck.learn.losses import ByLikeness
from limbeck.protocols import Alike, Epochs, Linear, Own, named


def relates(made: DistilledSet) -> bool:
    """Whether the targets of a set say how alike each two items are, or its learners are trained to that."""
    return made.parameterization.relates or isinstance(made.schedule.loss, ByLikeness)


def judged_by(recipe: Recipe) -> AbstractProtocol:
    """How learners are trained to judge what a recipe makes: as its sets say, where they are meant for that alone.

    Where its targets are representations, by their features; where they say how alike pairs are, by that.
    """
    if recipe.start.represents:
        return Linear()
    if recipe.parameterization.relates:
        return Alike()
    return Own() if recipe.schedule.binding else Epochs()


def protocol_of(recipes: Iterable[Recipe], asked: str | AbstractProtocol = "") -> AbstractProtocol:
    """The protocol that is asked for, by default what judges all recipes that step or whose targets represent."""
    if asked:
        return asked if isinstance(asked, AbstractProtocol) else named(asked)
    judged = [judged_by(each) for each in recipes if each.steps or each.start.represents]
    return judged[0] if judged and all(each == judged[0] for each in judged) else Epochs()


def protocol_for(
    sets: Mapping[str, DistilledSet], asked: str | AbstractProtocol = ""
) -> tuple[AbstractProtocol, list[str]]:
    """The protocol that is asked for, by default "own" where all sets are meant to be trained on as they say.

    Where the targets of all are representations, "linear", and where those of all say how alike pairs are, "lors". And
    what is to be said of sets by name that are meant to be trained on as they say, where it is another, or whose
    similarity it does not read.
    """
    binding = [name for name, made in sets.items() if made.binding and not (made.represents or relates(made))]
    relating = [name for name, made in sets.items() if relates(made)]
    if asked:
        chosen = asked if isinstance(asked, AbstractProtocol) else named(asked)
    elif all(made.represents for made in sets.values()):
        chosen = Linear()
    elif len(relating) == len(sets):
        chosen = Alike()
    else:
        chosen = Own() if len(binding) == len(sets) else Epochs()
    if isinstance(chosen, Own):
        return chosen, []
    return chosen, [
        f"{name}: it is meant to be trained on as it says itself; protocol {chosen.name} is another training, of which "
        "its score is; --protocol own is its own"
        for name in binding
    ] + [
        f"{name}: it says how alike its pairs are, which protocol {chosen.name} does not read: to it each is like "
        "itself alone; --protocol lors reads it"
        for name in relating
        if not isinstance(chosen, Alike)
    ]
