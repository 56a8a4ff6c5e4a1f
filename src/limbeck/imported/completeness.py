"""Whether a set is whole: classes without items, and files beside it that may hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Int
from torch import Tensor

from limbeck.core.text import listed

_NAMED = 10
"""Classes and files that are named in one line, at most."""


def missing_classes(path: Path, files: Sequence[Path], counts: Int[Tensor, " class"], names: Sequence[str]) -> str:
    """What is to be said of classes of which there is no item; nothing where every class has one."""
    empty = [name for name, count in zip(names, counts.tolist(), strict=True) if not count]
    if not empty:
        return ""
    many = f"{len(empty)} of {len(names)} classes have no item" if len(empty) > 1 else "1 class has no item"
    told = f"{many}: {listed(empty, _NAMED)}"
    siblings = siblings_of(path) or siblings_of(files[0])
    if not siblings:
        return told
    names = listed([each.name for each in siblings], _NAMED)
    return f"{told}; beside it lie files of the same kind, which may hold them: {names}"


def siblings_of(path: Path) -> list[Path]:
    """What lies beside a file or folder and is called as it is but for a number."""
    place = path.resolve()
    if not re.search(r"\d", place.name):
        return []
    shape = re.compile(r"\d+".join(re.escape(part) for part in re.split(r"\d+", place.name)))
    return [each for each in sorted(place.parent.iterdir()) if each != place and shape.fullmatch(each.name)]
