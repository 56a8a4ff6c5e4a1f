"""Sets as others use them: what is known of a set is gathered, and written with it in one of the formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limbeck.api import evaluate, loaded, opened
from limbeck.core.contracts import AbstractProtocol
from limbeck.core.errors import InputError
from limbeck.core.findings import Finding
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import SPLIT
from limbeck.exported import FORMATS, Exported, Publication, check_place, export_set, format_named
from limbeck.exported.eight_bits import in_eight_bits
from limbeck.exported.written import Known
from limbeck.recipes.likeness import shortened
from limbeck.runs import archive
from limbeck.runs.scoring import NamedSet, one_reference
from limbeck.runs.session import Session
from limbeck.tasks import reload


def export(
    distilled: DistilledSet | str | Path,
    format: str,
    out: str | Path,
    *,
    scored: bool = False,
    repeats: int = 5,
    protocol: str | AbstractProtocol = "yang2024",
    network: str = "",
    publication: Publication | None = None,
    data: str = "",
    session: Session | None = None,
) -> Exported:
    """Write a set to `out` as something that needs no limbeck, with a README that says what it is and how to use it.

    A `format` is one of "npz" and "pt", a file of every number; "png" and "folder", pictures in a folder for each
    class; "hf", a data set of the Hugging Face hub, its card with what was found of the set before; and "ddranking",
    the tensors that DD-Ranking scores. Parameterizations are rendered to items. `limbeck.import_set` reads the first
    four: from npz and pt comes the very same set, from pictures one that 8 bits hold. What these cost is said; with
    `scored` so is the test accuracy before and after, of `repeats` learners by `protocol` on `network` (by default the
    set's own). `publication` is what the card of "hf" and its Croissant metadata say of license, address, creator and
    date. `data` names the data where they are no longer where the set says.

    Equal sets give equal bytes. It is written whole or not at all, and takes the place of an earlier export alone.

    Raises InputError for a set that is not there or damaged, for one that the format cannot hold, and for a place that
    holds something else or cannot be written.
    """
    place, chosen = Path(out), format_named(format)
    check_place(place, format)
    if scored and not chosen.eight_bits:
        raise InputError(
            f"--scored: --format {format} keeps the numbers of the set, so its score is that of `limbeck evaluate`; "
            f"leave it out, or choose one of {', '.join(name for name, each in FORMATS.items() if each.eight_bits)}"
        )
    if publication and format != "hf":
        raise InputError(
            f"--format {format} has no place for license, url, creator or date; leave them out, or choose hf"
        )
    whole = distilled if isinstance(distilled, DistilledSet) else DistilledSet.load(distilled)
    rows: Sequence[dict[str, Any]] = ()
    with opened(session) as used:
        if scored:
            pair = [whole, in_eight_bits(whole, format)]
            scores = evaluate(
                pair,
                networks=[network] if network else (),
                protocol=protocol,
                repeats=repeats,
                baselines=(),
                data=data,
                session=used,
            )
            rows = [each.row() for each in scores]
        found = _found(distilled, data, used) if format == "hf" else ((), ())
    known = Known(*found, rows, publication or Publication(), shortened(whole.spec))
    return export_set(whole, format, place, known)


def _found(
    distilled: DistilledSet | str | Path, data: str, session: Session
) -> tuple[Sequence[dict[str, Any]], Sequence[Finding]]:
    """The scores and findings that are kept of a set: as a report has them; without the data, what its file carries."""
    listed: list[NamedSet] = [("this set", path, whole) for _, path, whole in loaded(distilled, session)]
    (_, _, whole), named = listed[0], [("this set", listed[0][2])]
    network, fingerprint = whole.spec["network"], whole.data["fingerprint"]
    try:
        task = reload(one_reference(listed, data), session.data_root)
        network, rows = task.network(network).name, archive.scores(session, listed, task)
    except InputError:
        rows = [{**row, "set": "this set"} for row in whole.scores if row["split"] == SPLIT and "unit" in row]
    (kept,) = archive.findings(session.store, named, network, fingerprint)
    return rows, [each.finding for each in kept]
