"""`limbeck export`: a set as others use it, without limbeck."""

from __future__ import annotations

from pathlib import Path

from limbeck.cli.console import answer, parser
from limbeck.cli.working import add_moved, add_session, session
from limbeck.exported import FORMATS, Publication
from limbeck.exports import export
from limbeck.protocols import protocols


def run(words: list[str]) -> None:
    """Write a set in a format and say what was written and what it cost."""
    made = parser("export", "Write a distilled set as something that needs no limbeck, with lines that show its use.")
    made.add_argument("set", type=Path, help="a file that `limbeck distill` or `limbeck import` wrote")
    formats = "; ".join(f"{name}: {each.summary}" for name, each in FORMATS.items())
    made.add_argument("--format", type=str, required=True, help=formats)
    made.add_argument("--out", type=Path, required=True, help="the file (.npz, .pt) or the folder to write")
    made.add_argument(
        "--scored",
        action="store_true",
        help="train on the set and on its pictures, and say what 8 bits cost in accuracy",
    )
    made.add_argument("--repeats", type=int, default=5, help="fresh learners for each of these scores")
    made.add_argument("--protocol", type=str, default="yang2024", help=f"of these scores: {', '.join(protocols())}")
    made.add_argument("--network", type=str, default="", help="of these scores; by default the set's own")
    made.add_argument("--license", type=str, default="", help="for hf: a name such as cc-by-4.0, or an address")
    made.add_argument("--url", type=str, default="", help="for hf: where the data set is")
    made.add_argument("--creator", type=str, default="", help="for hf: who made it")
    made.add_argument("--published", type=str, default="", help="for hf: the date, YYYY-MM-DD")
    add_moved(made)
    add_session(made)
    given = made.parse_args(words)
    publication = Publication(given.license, given.url, given.creator, given.published)
    with session("export", words, given) as used:
        written = export(
            given.set,
            given.format,
            given.out,
            scored=given.scored,
            repeats=given.repeats,
            protocol=given.protocol,
            network=given.network,
            publication=publication if publication != Publication() else None,
            data=given.data,
            session=used,
        )
    readme = next(each for each in written.files if each.name.endswith("README.md"))
    told = f"{written.path}: {len(written.files)} files; {readme} says how to use them"
    notes = [f"note: {each}" for each in written.notes]
    answer(written.document(), given, told, *written.words, *notes, quiet=given.quiet)
