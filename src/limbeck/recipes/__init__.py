"""Published methods as compositions of parts, one file a method; the names of papers live here.

A package adds a method with an entry point `limbeck.recipe` that names a `Method`. One without steps is also a
selection, which sets can be scored beside.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from limbeck.composition import Recipe
from limbeck.core.family import to_spec
from limbeck.core.register import Register
from limbeck.recipes import (
    autopalette,
    bptt,
    cafe,
    cda,
    cgc,
    clp,
    coarsening,
    condtsf,
    coresets,
    covmatch,
    datm,
    dc,
    dd,
    dd_text,
    ddif,
    dm,
    dm_fourier,
    dsa,
    fred,
    frepo,
    gcond,
    gdem,
    glad,
    haba,
    hdt,
    herding,
    idc,
    idm,
    kcenter,
    kip,
    kmeans,
    krr_st,
    label,
    lors,
    mtt,
    offline,
    one_step,
    pds,
    ppmo,
    random,
    random_soft,
    rat_bptt,
    rcig,
    rded,
    rfad,
    rtp,
    sre2l,
    tables,
    tame,
    tesla,
)
from limbeck.recipes.contract import Expected as Expected
from limbeck.recipes.contract import Method as Method
from limbeck.recipes.selections import Selections

_FILES = (
    autopalette, bptt, cafe, cda, clp, coarsening, condtsf, covmatch, datm, dc, dd, dd_text, dm, dm_fourier, dsa, frepo,
    gdem, glad, haba, hdt, herding, idm, kcenter, kip, kmeans, krr_st, lors, mtt, pds, ppmo, random, random_soft,
    rat_bptt, rcig, rded, rfad, rtp, sre2l, tame, tesla,
)  # fmt: skip
_GROUPS = (cgc, coresets, ddif, fred, gcond, idc, label, offline, one_step, tables)
RECIPES = Register(
    "recipe",
    Method,
    [*(file.METHOD for file in _FILES), *(method for file in _GROUPS for method in file.METHODS)],
)
SELECTIONS = Selections(RECIPES)


def published(name: str) -> Method:
    """The published method of that name; InputError with the nearest names for an unknown one."""
    return RECIPES[name]


def recipe_for(name: str, data: str, ipc: int, whitened: bool = False) -> Recipe:
    """The recipe of that name as published for these data at `ipc` items per class, or for what is nearest to that."""
    return RECIPES[name].recipe_for(data, ipc, whitened)


def summaries() -> list[dict[str, str | list[str]]]:
    """[{name, summary, source, deviations}] of every recipe."""
    return [
        {"name": each.name, "summary": each.told, "source": each.source, "deviations": list(each.deviations)}
        for each in RECIPES.values()
    ]


def published_runs() -> list[dict[str, Any]]:
    """Every run that was published, as JSON.

    What it is of, its steps, what its data and size change, all its settings and where they were read, the accuracies
    it is expected to come to, and in what the recipe differs from its source.
    """
    return [
        {
            "recipe": method.name,
            "data": data,
            "ipc": ipc,
            "whitened": whitened,
            "steps": method.recipe_for(data, ipc, whitened).steps,
            "options": to_spec(options),
            "settings": to_spec(method.recipe_for(data, ipc, whitened)),
            "settings_from": method.settings_from,
            "expected": [asdict(row) for row in method.expected if (row.data, row.ipc, row.whitened) == setting],
            "deviations": list(method.deviations),
        }
        for method in map(published, RECIPES)
        for setting, options in method.published.items()
        for data, ipc, whitened in [setting]
    ]
