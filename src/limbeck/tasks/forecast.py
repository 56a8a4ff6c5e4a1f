"""Forecasting: the next numbers of each channel of a recording from those before them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs import SeriesCodec
from limbeck.core.contracts import SPLITS, AbstractCodec, AbstractNetwork, AbstractTask, Batch, Metric
from limbeck.core.errors import InputError, unknown
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.windows import Recording
from limbeck.tasks import places
from limbeck.tasks.places import not_found, root_of, without_place
from limbeck.tasks.readers.source import Array
from limbeck.tasks.readers.timeline import Timeline, read

FOLDER = "ett"
"""Where the named recordings lie under the root."""
MONTH = 30 * 24
BORDERS = (12 * MONTH, 16 * MONTH, 20 * MONTH)
"""The ends of the hours that train, validate and test: 12, 4 and 4 months (Zhou et al., AAAI 2021)."""
SHARES = 0.7, 0.8
"""The ends of what trains and validates of a recording of one's own."""
LOOKBACK, HORIZON = 96, 96
AT_ONCE = 4096
"""Windows that go through a network together when it is judged."""


@dataclass(frozen=True, eq=False)
class ForecastTask(AbstractTask):
    """The future of a window (example, horizon) from its past (example, 1, lookback), each of one channel.

    All channels are learned by one network, each window of each channel being an example, in standard deviations of the
    channel from its mean, both of the training split. It is scored in these units, as published.
    """

    name: str
    columns: tuple[str, ...]
    """The names of the channels."""
    recording: Recording
    codec: AbstractCodec
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ("all",)
    metrics: tuple[Metric, ...] = (Metric("squared error", "", False), Metric("absolute error", "", False))

    @property
    def shape(self) -> Tree:
        """One channel, and the times of a past."""
        return (1, self.recording.lookback)

    @property
    def reference(self) -> dict[str, Any]:
        """Its name without its place, options and fingerprint."""
        return {"name": without_place(self.name), **self.options, "fingerprint": self.fingerprint}

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A digest of all that was recorded, of how it is split and cut, and of its units."""
        said = f"{self.recording.lookback} {self.recording.horizon} {self.codec.header()}"
        hasher = hashlib.sha256("\0".join((said, *self.columns)).encode())
        for split in SPLITS:
            hasher.update(f"{split} {tuple(self.recording.series[split].shape)}".encode())
            hasher.update(self.recording.series[split].contiguous().numpy().tobytes())
        return hasher.hexdigest()

    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """All windows, of which there is one group."""
        if by != "class":
            raise unknown("grouping", by, ("class",))
        return (torch.arange(self.recording.count(_known(split))),)

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The windows in the given rows of `split`: their pasts, and their futures as targets."""
        at = torch.arange(self.recording.count(_known(split))) if rows is None else rows.cpu()
        past, future = self.recording.windows(split, at)
        return Batch(past, future, torch.zeros(len(at), dtype=torch.int64))

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for windows; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.build(name, self.shape, self.recording.horizon, takes="series", default="dlinear")

    def loss(
        self, outputs: Float[Tensor, "example output"], targets: Float[Tensor, "example output"]
    ) -> Float[Tensor, " example"]:
        """The mean squared error."""
        return (outputs - targets).square().mean(-1)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """The mean squared and absolute errors over all windows of `split`, in standard deviations of each channel."""
        total: dict[str, float] = {}
        count = self.recording.count(_known(split))
        with torch.no_grad():
            for rows in torch.arange(count).split(AT_ONCE):
                part = self.load(split, rows)
                for name, value in self.measure(predict(part.inputs).cpu(), part).items():
                    total[name] = total.get(name, 0.0) + value * len(rows) / count
        return total

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float]:
        """The mean squared and absolute errors."""
        off = (outputs - examples.targets).double()
        return {"squared error": float(off.square().mean()), "absolute error": float(off.abs().mean())}

    def describe(self) -> dict[str, Any]:
        """What every task says, the channels, and how windows are cut."""
        recording = self.recording
        times = {split: recording.series[split].shape[1] for split in SPLITS}
        still = [
            name
            for name, one in zip(self.columns, recording.series["train"], strict=True)
            if bool((one == one[0]).all())
        ]
        warnings = [f"constant channels: {', '.join(still)} never change in the training times"] if still else []
        own = {"channels": list(self.columns), "lookback": recording.lookback, "horizon": recording.horizon}
        return {**super().describe(), **own, "times": times, "warnings": warnings}


def _known(split: str) -> str:
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    return split


def named() -> dict[str, tuple[str, Callable[..., AbstractTask]]]:
    """By name, what each named recording is and what loads it."""
    said = "to forecast oil temperature and six loads of an electricity transformer, two years by the hour: {}"
    return {f"etth{number}": (said.format(f"ETTh{number}"), partial(_load_named, number)) for number in (1, 2)}


def _load_named(
    number: int, root: Path | None, *, target: str = "", lookback: int = LOOKBACK, horizon: int = HORIZON
) -> AbstractTask:
    """The named recording under the root; InputError that says where was looked, and for what."""
    name = f"etth{number}"
    folder = root_of(name, root) / FOLDER
    files = [folder / f"ETTh{number}{ending}" for ending in (".parquet", ".csv")]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise not_found(name, f"in {folder} for {files[0].name} or {files[1].name}", "file")
    timeline = read(found, target)
    if timeline.series.shape[1] < BORDERS[-1]:
        raise InputError(
            f"{found}: found {timeline.series.shape[1]:,} hours, expected at least {BORDERS[-1]:,}, the 20 months that "
            "are learned and scored; copy the file again"
        )
    note = "12 months train, 4 validate and 4 test, as published; later hours are not used"
    return _task(name, timeline, BORDERS, _stated(target, lookback, horizon), lookback, horizon, note)


def load(
    path: str, root: Path | None, *, target: str = "", lookback: int = LOOKBACK, horizon: int = HORIZON
) -> AbstractTask:
    """The channels of a table in a parquet or CSV file, or the one called `target`; InputError as the reader's.

    The first 70 % of the times train, the next 10 % validate and the last 20 % test.
    """
    name, timeline = f"forecast:{path}", read(Path(path).expanduser(), target)
    times = timeline.series.shape[1]
    borders = (*(round(times * share) for share in SHARES), times)
    note = "the first 70 % of the times train, the next 10 % validate and the last 20 % test"
    task = _task(name, timeline, borders, _stated(target, lookback, horizon), lookback, horizon, note)
    places.remember(name, task.fingerprint)
    return task


def _stated(target: str, lookback: int, horizon: int) -> dict[str, Any]:
    """The options that are not the default."""
    given = {"target": (target, ""), "lookback": (lookback, LOOKBACK), "horizon": (horizon, HORIZON)}
    return {name: value for name, (value, default) in given.items() if value != default}


def _task(
    name: str,
    timeline: Timeline,
    borders: tuple[int, ...],
    options: dict[str, Any],
    lookback: int,
    horizon: int,
    note: str,
) -> ForecastTask:
    """The task of a recording whose splits end at `borders`; InputError where one has no whole window."""
    for said, value in (("lookback", lookback), ("horizon", horizon)):
        if value < 1:
            raise InputError(f"{name}: {said} {value}, expected at least 1 time")
    # A window to validate or to test begins before its split: only its future has to lie there.
    rooms = {
        split: end - begin - (lookback if split == "train" else 0)
        for split, begin, end in zip(SPLITS, (0, *borders), borders, strict=False)
    }
    least = min(rooms, key=lambda split: rooms[split])
    if rooms[least] < horizon or borders[0] < lookback:
        raise InputError(
            f"{name}: the {least} split leaves {max(0, rooms[least]):,} times for a future, expected at least the "
            f"horizon, {horizon:,} (lookback {lookback:,}); ask for a shorter --horizon or --lookback, or record more"
        )
    seen = timeline.series[:, : borders[0]]
    if bool((seen == seen[:, :1]).all()):
        raise InputError(
            f"{name}: no column changes within the {borders[0]:,} times that train, expected one that does; record "
            "more, or name another with --target"
        )
    codec, series = _scaled(timeline.series, borders[0])
    parts = {
        split: series[:, max(0, begin - lookback) if split != "train" else 0 : end].contiguous()
        for split, begin, end in zip(SPLITS, (0, *borders), borders, strict=False)
    }
    units = "errors are in standard deviations of each channel over the training times"
    several = len(series) > 1
    drawn = ("items are drawn in these units, too, as each is of one of several channels",) if several else ()
    notes = (note, *timeline.notes, units, *drawn)
    return ForecastTask(name, timeline.columns, Recording(parts, lookback, horizon), codec, options, notes)


def _scaled(series: Array, train: int) -> tuple[SeriesCodec, Tensor]:
    """The channels in standard deviations from their means over the training times, and the codec of a window."""
    fitted = SeriesCodec.fit(torch.from_numpy(np.ascontiguousarray(series[:, :train]))[None])
    scaled = fitted.encode(torch.from_numpy(np.ascontiguousarray(series))[None])[0].float()
    # A window does not say of which channel it is, so that one codec of several channels has no units to go back to.
    return (fitted if len(series) == 1 else SeriesCodec((0.0,), (1.0,))), scaled
