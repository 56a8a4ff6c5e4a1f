"""A recording of several channels over time, and the windows that are cut from it: a past and the future after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.placing import onto

Series = Float[Tensor, "channel time"]


class Windows(NamedTuple):
    """Windows of one channel each: window 0 of every channel in their order, then window 1 of every channel, ..."""

    past: Float[Tensor, "item 1 lookback"]
    future: Float[Tensor, "item horizon"]


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded, as a network sees it, and how windows are cut from it, one at each time."""

    series: Mapping[str, Series]
    """By split; those to validate and test begin with the past of their first window."""
    lookback: int
    """Times of a past."""
    horizon: int
    """Times of a future."""

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.series["train"])

    @property
    def width(self) -> int:
        """Times of a whole window."""
        return self.lookback + self.horizon

    def count(self, split: str) -> int:
        """How many windows a split has, of one channel each."""
        return self.channels * (self.series[split].shape[1] - self.width + 1)

    def windows(self, split: str, rows: Int[Tensor, " item"]) -> Windows:
        """The windows of a split in those rows, in their order."""
        series, channels = self.series[split], self.channels
        at = (rows // channels)[:, None] + torch.arange(self.width)
        whole = series[(rows % channels)[:, None], at]
        return Windows(whole[:, None, : self.lookback], whole[:, self.lookback :])

    def cut(self, series: Series) -> Windows:
        """All windows of another series of as many channels; its derivative is the sum where windows overlap."""
        whole = series.unfold(1, self.width, 1).transpose(0, 1).flatten(0, 1)
        return Windows(whole[:, None, : self.lookback], whole[:, self.lookback :])

    def joined(self, windows: Windows) -> Series:
        """The series whose windows these are; where they contradict one another, the mean of what they say."""
        whole = torch.cat([windows.past[:, 0], windows.future], 1)
        return self.mean_at(whole.unflatten(0, (-1, self.channels)), 0, len(whole) // self.channels - 1 + self.width)

    def mean_at(
        self, said: Float[Tensor, "window channel some"], first: int, times: int
    ) -> Float[Tensor, "channel time"]:
        """What windows say of the times from their `first` on, in the mean over those that say something; else 0."""
        count, channels, some = said.shape
        at = (torch.arange(count)[:, None] + torch.arange(first, first + some)).flatten()
        often = at.bincount(minlength=times).clamp(min=1)
        total = said.new_zeros(channels, times).index_add(1, onto(at, said.device), said.transpose(0, 1).flatten(1))
        return total / onto(often.to(said.dtype), said.device)

    def stretch(self, times: int, key: Key) -> Series:
        """So many successive times of the training split, from a place drawn at random."""
        series = self.series["train"]
        first = int(key.integers(series.shape[1] - times + 1))
        return series[:, first : first + times]


def recording_of(task: AbstractTask, asked_by: str) -> Recording:
    """The recording of a task; InputError, which says who asked, where it has none."""
    found = getattr(task, "recording", None)
    if not isinstance(found, Recording):
        raise InputError(
            f"{asked_by}: {task.name} has no windows of a recording, expected a task of forecasting such as etth1 or "
            "forecast:FILE; choose another"
        )
    return found
