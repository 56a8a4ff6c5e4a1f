"""A data set of the Hugging Face hub: parquet with the features of its columns, a card, and Croissant metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from limbeck.core.text import quoted
from limbeck.core.units import measured, measured_range
from limbeck.exported import npz
from limbeck.exported.contents import Contents
from limbeck.exported.croissant import croissant
from limbeck.exported.eight_bits import Pictures, eight_bits_section, pictures_of
from limbeck.exported.pictures import TRAINING, about
from limbeck.exported.readme import plain
from limbeck.exported.written import Known, Publication, Written

PARQUET, CROISSANT = "data/train-00000-of-00001.parquet", "croissant.json"
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
"""Fewer than so many items, and what the hub calls that."""


def write(contents: Contents, name: str, known: Known) -> Written:
    """The folder that `datasets.load_dataset` reads."""
    pictures = pictures_of(contents.distilled, "hf")
    table, soft = _parquet(contents, pictures), "soft_labels" in contents.arrays
    publication = known.publication
    files = {
        PARQUET: table,
        CROISSANT: croissant(contents, name, PARQUET, table, publication),
        TRAINING: npz.archive(contents.about_training, contents.facts),
    }
    columns = "image and label" + (", soft_label" if soft else "")
    holds = [
        (
            PARQUET,
            f"{len(contents.distilled)} rows of {columns}: pictures of 8 bits, classes by number with their names",
        ),
        (CROISSANT, "what it holds, for search engines and loaders: Croissant 1.0"),
        *about(),
    ]
    sections = [eight_bits_section(pictures.cost, known.in_eight_bits)]
    sections += [("How good it is", worth(known))] if known.rows or known.findings else []
    sections += [("Before you publish it", _yours(publication))]
    return Written(files, holds, USE, sections, _front(contents, publication), {}, pictures.cost)


def _parquet(contents: Contents, pictures: Pictures) -> bytes:
    """One row group of {image: {bytes, path}, label} and, where there are some, soft_label."""
    import pyarrow
    import pyarrow.parquet

    labels = contents.arrays["labels"].tolist()
    images = [{"bytes": pictures.png(item), "path": f"{item}.png"} for item in range(len(labels))]
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    columns = {"image": pyarrow.array(images, kind), "label": pyarrow.array(labels, pyarrow.int64())}
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": contents.facts["classes"], "_type": "ClassLabel"},
    }
    if "soft_labels" in contents.arrays:
        weights = contents.arrays["soft_labels"].tolist()
        columns["soft_label"] = pyarrow.array(weights, pyarrow.list_(pyarrow.float32()))
        features["soft_label"] = {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    memory = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns).replace_schema_metadata(metadata), memory)
    return memory.getvalue()


def _front(contents: Contents, publication: Publication) -> str:
    """The YAML header of the card; texts are in JSON, which YAML includes."""
    facts = contents.facts
    size = next((name for most, name in SIZES if facts["items"] < most), "n>1M")
    title = f"{facts['data']['name']}, distilled into {facts['items']:,} examples"
    address = publication.license.startswith(("http://", "https://"))
    named = ["license: other", f"license_link: {quoted(publication.license)}"]
    license = (named if address else [f"license: {quoted(publication.license)}"]) if publication.license else []
    lines = [
        f"pretty_name: {quoted(title)}",
        *license,
        "task_categories:",
        "- image-classification",
        "size_categories:",
        f"- {size}",
        "tags:",
        "- dataset-distillation",
        "- synthetic",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        f"    path: {PARQUET}",
    ]
    return "---\n" + "\n".join(lines) + "\n---\n\n"


def worth(known: Known) -> str:
    """What `limbeck evaluate` and `limbeck explain` found, as far as it is known."""
    parts = []
    if known.rows:
        head = "| set | network | test | 95 % interval | learners | protocol |\n|---|---|---|---|---|---|"
        parts.append("\n".join([head, *map(_row, known.rows)]))
    if known.findings:
        verdicts = [f"- **{plain(each.probe)}** ({each.tone}): {plain(each.words)}" for each in known.findings]
        parts.append("What `limbeck explain` says of it:\n\n" + "\n".join(verdicts))
    return "\n\n".join(parts)


def _row(row: Mapping[str, Any]) -> str:
    spread = measured_range(row["low"], row["high"], row["unit"]) if row["n"] > 1 else "unknown"
    value = f"{row['metric']} {measured(row['mean'], row['unit'])}"
    cells: Sequence[object] = (row["set"] or "this one", row["network"], value, spread, row["n"], row["protocol"])
    return f"| {' | '.join(plain(str(each)) for each in cells)} |"


def _yours(publication: Publication) -> str:
    """What is left to whoever publishes it."""
    missing = publication.missing
    if not missing:
        return "License, address, creator and date are as they were given. Check that the source data allow it."
    license = " No license is given: the license of the source data decides which may be." * ("license" in missing)
    options = ", ".join(f"`--{name}`" for name in missing)
    return (
        f"Croissant asks for {', '.join(missing)} too, which only you can say: add it to `{CROISSANT}`, or "
        f"export again with {options}.{license}"
    )


USE = """\
import os

import numpy as np
from datasets import load_dataset
from sklearn.neighbors import KNeighborsClassifier

train = load_dataset(os.getcwd(), split="train")  # on the hub: load_dataset("YOU/NAME", split="train")
x = np.stack([np.asarray(image) / 255 for image in train["image"]]).reshape(len(train), -1)
model = KNeighborsClassifier(n_neighbors=1).fit(x, train["label"])
print(train.features["label"].int2str(int(model.predict(x[:1])[0])))"""
