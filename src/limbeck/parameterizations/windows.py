"""All windows of one series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs.lines import chart
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import (
    AbstractParameterization,
    AbstractTask,
    Batch,
    Budget,
    Counted,
    Parameters,
    Pictured,
    Problem,
)
from limbeck.core.expect import expect
from limbeck.core.key import Key
from limbeck.learn.windows import Recording, recording_of
from limbeck.learn.windows import Windows as Cut
from limbeck.parameterizations.pixels import Pixels
from limbeck.parameterizations.spectrum import Spectrum

WIDTH = 576
"""Of the picture of the series, in pixels."""


@dataclass(frozen=True)
class Windows(AbstractParameterization):
    """One series (channel, time) that is stored, and all windows of all its channels as items (Ding et al., CondTSF).

    What is learned is the series, as `form` has it: its numbers, or its spectrum. n windows of each of the C channels
    that a task has take lookback + horizon + n - 1 times; pasts and futures are cut from the same numbers, so a target
    costs nothing, and the derivative of a number is the sum of those of all windows that it lies in. The start is best
    a `stretch`: of windows that contradict one another the series is their mean. Raises InputError for a task that has
    no recording.
    """

    form: AbstractParameterization = field(default_factory=Pixels)
    """How the series is stored: pixels or spectrum, which take as many numbers as it has."""

    def __post_init__(self) -> None:
        expect(self, "form", isinstance(self.form, Pixels | Spectrum), "pixels or spectrum")

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the series that has so many windows, futures included."""
        recording = recording_of(task, "parameterization windows")
        times = recording.width - 1 + -(-per_class // recording.channels)
        return FLOAT * recording.channels * times

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The series that the windows of the start are cut from."""
        recording = recording_of(problem.task, "parameterization windows")
        series = recording.joined(Cut(start.inputs, start.targets))[None]
        whole = Batch(series, series.new_ones(1, 1), torch.zeros(1, dtype=torch.int64))
        # A tensor without numbers costs nothing, and its sides say how long a past and a future are.
        window = series.new_empty(recording.lookback, recording.horizon, 0)
        learned = self.form.init(problem, whole, key).learned
        return Parameters(learned, {"window": window})

    def render(self, params: Parameters, key: Key) -> Batch:
        """All windows of the series."""
        series = self._series(params)
        lookback, horizon = params.fixed["window"].shape[:2]
        past, future = Recording({"train": series}, lookback, horizon).cut(series)
        return Batch(past, future, torch.zeros(len(past), dtype=torch.int64))

    def origins(self, params: Parameters) -> Int[Tensor, " item"]:
        """All are parts of one series."""
        channels, times = params.learned["inputs"].shape[1:]
        return torch.zeros(channels * (times - sum(params.fixed["window"].shape[:2]) + 1), dtype=torch.int64)

    def counted(self, params: Parameters) -> Counted:
        """The series is shared by all items, which have nothing of their own."""
        return Counted(Budget(0, 0), Budget(0, 0), Budget.of(params.learned))

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The series, a line for each channel."""
        series = self._series(params).detach()
        picture = chart(series, WIDTH).permute(2, 0, 1)[None] / 255
        line = (
            f"one series of {series.shape[1]} times, a line for each of {len(series)} channels; items are its windows"
        )
        return (Pictured("series", line, picture, ("the series",)),)

    def _series(self, params: Parameters) -> Float[Tensor, "channel time"]:
        numbers = params.learned["inputs"]
        fixed = {"classes": torch.zeros(1, dtype=torch.int64), "outputs": numbers.new_empty(1, 0)}
        series: Tensor = self.form.render(Parameters({"inputs": numbers}, fixed), Key()).inputs[0]
        return series
