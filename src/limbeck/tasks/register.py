"""The register of tasks by name: those of this package, and those of installed entry points."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError, unknown
from limbeck.core.family import summary
from limbeck.core.register import installed, leave_out, package_of
from limbeck.tasks import audio, control, forecast, graphs, pairs, series, tables, text
from limbeck.tasks.catalog import NAMED
from limbeck.tasks.offline import offline
from limbeck.tasks.sources import image_task

Loader = Callable[..., AbstractTask]
"""loader(root, **options) -> the task; `root` is the folder of data sets, or None, and every option has a default."""


@dataclass(frozen=True)
class Known:
    """A task that has a name."""

    summary: str
    loader: Loader
    package: str = ""
    """The package that declares it; "" for a task of this package."""

    def options(self) -> tuple[str, ...]:
        """The names of the options that the loader takes."""
        kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        _root, *others = inspect.signature(self.loader).parameters.values()
        return tuple(each.name for each in others if each.kind in kinds)

    def load(self, name: str, root: Path | None, options: Mapping[str, Any]) -> AbstractTask:
        """The task; InputError for an option that it does not take, and where a loader of others fails."""
        taken = self.options()
        for option in options:
            if option not in taken:
                raise unknown(f"option of {name}", option, taken)
        try:
            task = self.loader(root, **options)
        except Exception as error:
            if not self.package or isinstance(error, InputError):
                raise
            why = f"{type(error).__name__}: {error}"
            raise InputError(f"{name}: its loader failed ({why}); correct or uninstall {self.package}") from error
        if not isinstance(task, AbstractTask):
            raise InputError(
                f"{name}: its loader returned {type(task).__name__}, expected a task; correct or uninstall "
                f"{self.package}"
            )
        return task


class Tasks:
    """The tasks that have a name.

    A third party adds one with an entry point in the group `limbeck.task`. Its name is the name of the data; its value
    is a function `loader(root, **options)` that returns an `AbstractTask`, and the first line of its docstring is the
    summary. The task's `name` is that of the entry point, and its `reference` holds the options, so that
    `loader(root, **options)` gives a task of the same fingerprint in any process.
    """

    def __init__(self, listed: Mapping[str, Known]) -> None:
        self._listed = dict(listed)

    @functools.cached_property
    def parts(self) -> dict[str, Known]:
        """Every task by name; a listed one is never replaced by an installed one.

        An entry point that cannot be used is left out, with a warning that names its package.
        """
        parts = dict(self._listed)
        for point, loader in installed("task"):
            if not callable(loader):
                leave_out(point, f"{point.value} is not a function from a root folder to a task")
            elif point.name in parts:
                leave_out(point, "there is a task of that name already")
            else:
                parts[point.name] = Known(summary(loader), loader, package_of(point))
        return parts

    def summaries(self) -> list[dict[str, str]]:
        """[{name, summary}] of every task."""
        return [{"name": name, "summary": known.summary} for name, known in self.parts.items()]

    def load(self, name: str, root: Path | None, options: Mapping[str, Any]) -> AbstractTask:
        """The task of that name, as `Known.load`."""
        return self.parts[name].load(name, root, options)


def _images(name: str) -> Loader:
    return functools.partial(image_task, name)


class Kind(NamedTuple):
    """A way to name tasks that are no images, KIND:ARGUMENT."""

    summary: str
    loader: Callable[..., AbstractTask]
    """loader(argument, root, **options) -> the task."""
    argument: str

    def load(self, name: str, argument: str, root: Path | None, options: Mapping[str, Any]) -> AbstractTask:
        """The task of that name; InputError for an option that it does not take, and where nothing is named."""
        if not argument:
            raise InputError(f"{name!r} names nothing; expected {name}{self.argument}")
        return Known(self.summary, functools.partial(self.loader, argument)).load(name, root, options)


SERIES = "series"
"""What data of series over time and their classes are called."""


def kind_of(data: str) -> str:
    """What data of a name are, where that asks for other settings than images do: `SERIES`; "" for all others.

    >>> kind_of("gunpoint"), kind_of("series:FOLDER"), kind_of("cifar10")
    ('series', 'series', '')
    """
    return SERIES if data in series.named() or data.partition(":")[0] == SERIES else ""


KINDS = {
    "gym": Kind(
        "an environment of gymnasium with discrete actions that observes a row of numbers, as CartPole-v1; "
        "scored by the return of episodes",
        control.gymnasium,
        "NAME",
    ),
    "table": Kind(
        "rows of numbers, dates and categories: a .csv or .parquet file, or a folder of one for each split",
        tables.table,
        "PATH",
    ),
    "text": Kind(
        "sentences of your own: a CSV or parquet file of a column of text and one of labels, or a folder of train, "
        "validation and test files",
        text.brought,
        "PATH",
    ),
    SERIES: Kind(
        "series over time and their classes: a parquet file, or a folder of train*, validation* and test* files, with "
        "a column of lists of numbers, or of lists of channels, and one of labels",
        series.load,
        "PATH",
    ),
    "forecast": Kind(
        "to forecast: a table of numbers over time, .parquet or .csv, with a column for each channel; scored by the "
        "error of the next numbers of each",
        forecast.load,
        "FILE",
    ),
    "graph": Kind(
        "nodes of a graph in a NumPy archive: features, edge_index, labels, train_idx, val_idx and test_idx",
        graphs.graph,
        "FILE.npz",
    ),
    "audio": Kind(
        "recordings of your own, WAV or FLAC: one folder per class (or train/ and test/ with those in them), or "
        "parquet files of a column audio; seen as spectrograms",
        audio.own,
        "PATH",
    ),
    "pairs": Kind(
        "pictures with words of your own: a parquet file of images and texts, or a folder of train*, test* files; "
        "scored by how often each is found by the other",
        pairs.own,
        "PATH",
    ),
}
"""The ways to name tasks that are no images."""
TRANSITIONS = Kind("recorded transitions", offline, "PATH")
"""What npz: names where its archive has no images."""

BROUGHT = (audio, control, forecast, graphs, pairs, series, tables, text)
"""Modules of kinds of data that are no images; each says which have names."""

TASKS = Tasks(
    {name: Known(named.summary, _images(name)) for name, named in NAMED.items()}
    | {name: Known(said, loader) for each in BROUGHT for name, (said, loader) in each.named().items()}
)
