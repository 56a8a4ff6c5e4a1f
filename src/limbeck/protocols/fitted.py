"""Protocols whose learners are fitted to a set at once, and trained in no steps of a schedule."""

from __future__ import annotations

import torch

from limbeck.core.contracts import AbstractProtocol, Schedule
from limbeck.core.key import Key
from limbeck.learn.rules import Momentum


class AbstractFitting(AbstractProtocol):
    """A protocol of one step that sees all, after which the learner is fitted."""

    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """One step that sees all, and finds it fitted."""
        return Schedule(torch.ones(1), torch.arange(count)[None], Momentum(0.0).rule())

    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """All are seen twice, so that it is read to have levelled off: what is fitted at once changes no more."""
        return self.schedule(own, count, key)._replace(learning_rates=torch.ones(2))
