"""A NumPy archive: every number of a set, and no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from limbeck.exported.contents import NORMALISED, Contents
from limbeck.exported.readme import meaning
from limbeck.exported.written import Known, Written

NAMES = {
    "images": "x", "inputs": "x", f"images{NORMALISED}": f"x{NORMALISED}", f"inputs{NORMALISED}": f"x{NORMALISED}",
    "labels": "y", "soft_labels": "y_soft", "targets": "y_target",
}  # fmt: skip
"""The names of arrays that are others here than elsewhere."""
FACTS = "limbeck"
"""The array that holds the facts, as JSON."""


def write(contents: Contents, name: str, known: Known) -> Written:
    """The archive, whose bytes depend on the set alone."""
    holds = [(renamed(each), meaning(contents, each)) for each in contents.arrays]
    holds += [("classes", "the names of the classes, by label"), (FACTS, "what else there is to know, as JSON")]
    return Written({name: archive(contents.arrays, contents.facts)}, holds, use(contents, name))


def renamed(name: str) -> str:
    """The name of an array in an archive.

    >>> renamed("images"), renamed("inputs/left"), renamed("mean")
    ('x', 'x/left', 'mean')
    """
    head, *rest = name.split("/")
    return "/".join([NAMES.get(head, head), *rest])


def archive(arrays: Mapping[str, Tensor], facts: Mapping[str, Any]) -> bytes:
    """The bytes of an archive of arrays and facts; equal ones are equal bytes."""
    held = {renamed(name): each.numpy() for name, each in arrays.items()}
    held |= {"classes": np.array(facts["classes"]), FACTS: np.array(json.dumps(facts))}
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as opened:
        for name, each in held.items():
            # An entry that is given by its name alone carries the time of now.
            with opened.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, each, allow_pickle=False)
    return memory.getvalue()


def use(contents: Contents, name: str) -> str:
    """Lines that fit a model of scikit-learn to the archive of that name."""
    hard = contents.targets != "targets"
    kind = "KNeighborsClassifier" if hard else "KNeighborsRegressor"
    targets = next(renamed(each) for each in contents.arrays if each.split("/")[0] == ("labels" if hard else "targets"))
    inputs = [renamed(each) for each in contents.arrays if each.split("/")[0] == contents.inputs]
    flat = ", ".join(f'held["{each}"].reshape(count, -1)' for each in inputs)
    answer = 'held["classes"][model.predict(x[:1])[0]]' if hard else "model.predict(x[:1])"
    return "\n".join(
        [
            "import numpy as np",
            f"from sklearn.neighbors import {kind}",
            "",
            f"held = np.load({json.dumps(name)})",
            'count = len(held["y"])',
            f"x = np.hstack([{flat}])",
            f'y = held["{targets}"]' + ("" if hard else ".reshape(count, -1)"),
            f"model = {kind}(n_neighbors=1).fit(x, y)",
            f"print({answer})",
        ]
    )
