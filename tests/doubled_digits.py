"""The digits in float64, for objectives whose numbers are held against dense algebra."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.core.contracts import Batch
from limbeck.core.key import Key
from limbeck.tasks import load

TASK = load("digits")


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@dataclass(frozen=True)
class DoubledTask:
    """As much of the digits in float64 as objectives ask for; images of 0 to 9 are mirrored where `mirror` says so."""

    mirror: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(TASK, name)

    def load_on(self, device: torch.device, split: str, rows: Any = None) -> Batch:
        found = TASK.load_on(device, split, rows)
        return Batch(found.inputs.double(), found.targets.double(), found.classes)

    def in_place(self, device: torch.device, split: str, rows: Any = None) -> Batch:
        return self.load_on(device, split, rows)

    def augment(self, batch: Batch, key: Key, groups: Tensor, policy: Any) -> Batch:
        return type(TASK).augment(self, batch, key, groups, policy)  # type: ignore[arg-type]
