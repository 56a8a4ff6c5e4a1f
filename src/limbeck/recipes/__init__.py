"""Published methods as compositions of parts, one file a method; the names of papers live here.

A package adds a method with an entry point `limbeck.recipe` that names a `Method`. One without steps is also a
selection, which sets can be scored beside.
"""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.core.register import Register
from limbeck.recipes import (
    bptt,
    cafe,
    dc,
    dd,
    dm,
    dsa,
    herding,
    idm,
    kcenter,
    kmeans,
    mtt,
    random,
    rat_bptt,
    tesla,
)
from limbeck.recipes.contract import Expected as Expected
from limbeck.recipes.contract import Method as Method

_FILES = (bptt, cafe, dc, dd, dm, dsa, herding, idm, kcenter, kmeans, mtt, random, rat_bptt, tesla)
RECIPES = Register("recipe", Method, [file.METHOD for file in _FILES])


def published(name: str) -> Method:
    """The published method of that name; InputError with the nearest names for an unknown one."""
    return RECIPES[name]


def recipe_for(name: str, data: str, ipc: int, whitened: bool = False) -> Recipe:
    """The recipe of that name as published for these data at `ipc` items per class, or for what is nearest to that."""
    return RECIPES[name].recipe_for(data, ipc, whitened)


def summaries() -> list[dict[str, str | list[str]]]:
    """[{name, summary, source, deviations}] of every recipe."""
    return [
        {"name": each.name, "summary": each.summary, "source": each.source, "deviations": list(each.deviations)}
        for each in RECIPES.values()
    ]
