"""The selections that a set is scored beside."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from limbeck.core.contracts import AbstractStart
from limbeck.core.errors import unknown
from limbeck.core.register import Register
from limbeck.recipes.contract import Method


class Selections:
    """What chooses real examples, by the names that baselines have: the methods of a register that take no step.

    What is made of real examples is none.
    """

    def __init__(self, methods: Register[Method]) -> None:
        self._methods = methods

    @functools.cached_property
    def starts(self) -> dict[str, AbstractStart]:
        """The start of each selection by name."""
        chosen = (each for each in self._methods.values() if not each.recipe.steps and not each.recipe.start.makes)
        return {each.name: each.recipe.start for each in chosen}

    def __getitem__(self, name: str) -> AbstractStart:
        if name not in self.starts:
            raise unknown("selection", name, self.starts)
        return self.starts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.starts)
