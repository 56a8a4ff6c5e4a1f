"""Croissant 1.0 metadata (mlcommons.org/croissant/1.0) of a parquet file of images and labels."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from limbeck.core.version import VERSION
from limbeck.exported.contents import Contents
from limbeck.exported.written import Publication

_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{term: f"cr:{term}" for term in _TERMS},
}
"""The meaning of the terms, in JSON-LD."""


def croissant(contents: Contents, name: str, path: str, table: bytes, publication: Publication) -> bytes:
    """The document about the file `table` at `path`; what only those know who publish it stands there if it is said."""
    facts = contents.facts
    said = {
        "license": publication.license,
        "url": publication.url,
        "creator": publication.creator and {"@type": "sc:Person", "name": publication.creator},
        "datePublished": publication.published,
    }
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": (
            f"{facts['items']} synthetic images that stand for the training data of {facts['data']['name']}: "
            f"{facts['origin']}; made by limbeck {VERSION}."
        ),
        **{key: value for key, value in said.items() if value},
        "version": "1.0.0",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "table",
                "name": path.rsplit("/", 1)[-1],
                "contentUrl": path,
                "contentSize": f"{len(table)} B",
                "encodingFormat": "application/x-parquet",
                "sha256": hashlib.sha256(table).hexdigest(),
            }
        ],
        "recordSet": [_classes(facts["classes"]), _items("soft_labels" in contents.arrays)],
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _classes(names: list[str]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "key": {"@id": "classes/label"},
        "field": [
            {"@type": "cr:Field", "@id": "classes/label", "name": "label", "dataType": "sc:Integer"},
            {"@type": "cr:Field", "@id": "classes/name", "name": "name", "dataType": "sc:Text"},
        ],
        "data": [{"classes/label": label, "classes/name": name} for label, name in enumerate(names)],
    }


def _items(soft: bool) -> dict[str, Any]:
    fields = [
        {**_column("image", "sc:ImageObject"), "source": _source("image", {"transform": {"jsonPath": "bytes"}})},
        {**_column("label", "sc:Integer"), "references": {"field": {"@id": "classes/label"}}},
        *([{**_column("soft_label", "sc:Float"), "repeated": True}] if soft else []),
    ]
    return {"@type": "cr:RecordSet", "@id": "items", "name": "items", "field": fields}


def _column(name: str, kind: str) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"items/{name}", "name": name, "dataType": kind, "source": _source(name, {})}


def _source(column: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"fileObject": {"@id": "table"}, "extract": {"column": column}, **more}
