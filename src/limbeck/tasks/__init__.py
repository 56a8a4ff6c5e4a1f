"""L2, tasks: what is learned and how it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError, unknown
from limbeck.core.values import typed
from limbeck.tasks.places import located, roots
from limbeck.tasks.readers.transitions import recorded
from limbeck.tasks.register import KINDS, TRANSITIONS
from limbeck.tasks.register import TASKS as TASKS
from limbeck.tasks.sources import OWN, form_of, image_task

__all__ = ["TASKS", "load", "names", "reload", "renamed"]


def names() -> list[dict[str, str]]:
    """[{name, summary}] of every task with a name, then of every way to name images of one's own and other tasks."""
    own = {f"{kind}:{each.argument}": each.summary for kind, each in OWN.items()}
    own |= {f"{kind}:{each.argument}": each.summary for kind, each in KINDS.items()}
    return TASKS.summaries() + [{"name": name, "summary": summary} for name, summary in own.items()]


@typed
def load(
    data: str | Path,
    *,
    root: Path | None = None,
    zca: bool = False,
    size: int | None = None,
    mirror: bool | None = None,
    layout: str = "",
    label_column: str = "",
    background: str = "",
    max_pixels: int | None = None,
    validation: float | str | None = None,
    cache: Path | None = None,
    **options: Any,
) -> AbstractTask:
    """The task called `data`: one of `limbeck list tasks`, or one of the ways to name others there, as folder:PATH.

    Named sets are looked for under `root` (else LIMBECK_DATA). Of images, `zca` whitens after normalising; `size`
    resizes the short side and keeps the centre square; `mirror` says whether a mirrored image keeps its class, which
    is known of named sets and assumed not to be so of images of your own. `validation` is the share of the training
    images that validates, "none", or "validation" for the split of that name.

    Of images of your own, `layout` says what the levels of a folder are, from the outside in ("class-split"),
    `label_column` which column of a table has the labels, `background` the colour that transparent pixels are laid on,
    `max_pixels` above how many pixels an image is refused. Decoded pixels are kept under `cache` (else LIMBECK_CACHE,
    else ~/.cache/limbeck). Of npz: with recorded transitions, `environment` names the control task, such as cartpole or
    gym:CartPole-v1, in whose episodes policies are judged; without, they are by held-out transitions. Of tables,
    `numbers` says how numbers are seen: "standard", or "quantiles". Of text:, `text_column` is the column that has the
    text. Tasks of other packages take options of their own. Raises InputError for data that cannot be used, and for an
    option that the task does not take.
    """
    if isinstance(data, Path):
        data = str(data) if str(data) in TASKS.parts else _spelled(data)
    stated = {
        "zca": (zca, False),
        "size": (size, None),
        "mirror": (mirror, None),
        "layout": (layout, ""),
        "label_column": (label_column, ""),
        "background": (background, ""),
        "max_pixels": (max_pixels, None),
        "validation": (validation, None),
        "cache": (cache, None),
    }
    given = {**{name: value for name, (value, default) in stated.items() if value != default}, **options}
    if data in TASKS.parts:
        return TASKS.load(data, root, given)
    kind, colon, argument = data.partition(":")
    if colon and kind in KINDS:
        return KINDS[kind].load(data, argument, root, given)
    if kind == "npz" and recorded(Path(argument).expanduser()):
        return TRANSITIONS.load(data, argument, root, given)
    if colon and kind in OWN:
        if options:
            raise unknown(f"option of {kind}:", next(iter(options)), stated)
        return image_task(data, root, **given)
    raise _unknown(data, root)


def _spelled(path: Path) -> str:
    """The name of data that are where a path says."""
    form = form_of(path)
    if form:
        return f"{form}:{path}"
    found = "a file of another kind" if path.exists() else "nothing"
    raise InputError(f"{path}: found {found}, expected a folder of images or of parquet files, a .parquet or .npz file")


def _unknown(data: str, root: Path | None) -> InputError:
    """The error for a name that is of no data: what lies there, or under the root, or the nearest names."""
    for path in (Path(data), *(folder / data for folder in roots(root))):
        form = form_of(path)
        if form:
            return InputError(f"unknown data {data!r}: it is a path; did you mean '{form}:{path}'?")
    return unknown("data", data, [each["name"] for each in names()])


def renamed(reference: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The reference of a task whose data are looked for under another name, where one is given."""
    return {**reference, "name": name or reference["name"]}


def reload(data: Mapping[str, Any], root: Path | None) -> AbstractTask:
    """The task that a set or a run names: {name, fingerprint} and the options of `load`.

    Raises InputError where the data found now are not those it was made from.
    """
    options = {name: value for name, value in data.items() if name not in ("name", "fingerprint")}
    for name in set(options) & {"data", "root", "cache"}:
        # Where files lie is for whoever loads to say.
        raise InputError(f"{data['name']}: found an option {name!r}, expected those of the data alone; make it again")
    place = located(str(data["name"]), str(data["fingerprint"]), roots(root))
    task = load(place, root=root, **options)
    if task.fingerprint != data["fingerprint"] and options.get("mirror", True) is None:
        # Before nothing was assumed to be mirrored, everything was: sets of then find their data by that.
        before = load(place, root=root, **{**options, "mirror": True})
        if before.fingerprint == data["fingerprint"]:
            return before
    if task.fingerprint != data["fingerprint"]:
        raise InputError(
            f"{task.name}: found data with the fingerprint {task.fingerprint[:12]}, "
            f"expected {str(data['fingerprint'])[:12]}, those that the set was made from; "
            "name the place of those with --data or --data-root"
        )
    return task
