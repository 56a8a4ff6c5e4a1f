"""`limbeck compress`: a set in fewer bytes, and what that costs."""

from __future__ import annotations

from pathlib import Path

from limbeck.cli.console import answer, parser
from limbeck.cli.options import check_out
from limbeck.cli.working import add_moved, add_session, session
from limbeck.compression import compress, part_of
from limbeck.core.errors import InputError
from limbeck.protocols import protocols


def run(words: list[str]) -> None:
    """Write a set in fewer bytes and say what it cost."""
    made = parser("compress", "Store a distilled set in fewer bytes, and say what that costs in accuracy.")
    made.add_argument("set", type=Path, help="a file that `limbeck distill` or `limbeck import` wrote")
    made.add_argument(
        "--bits",
        type=str,
        required=True,
        help="of each number, 1 to 8; palette:N for N colours of each image, such as palette:16; or words, so that the "
        "items of a set of sentences are the words nearest to their vectors",
    )
    made.add_argument("--out", type=Path, required=True, help="where to write the set (.safetensors)")
    made.add_argument("--repeats", type=int, default=5, help="pairs of learners for the change; 0: nothing is scored")
    made.add_argument(
        "--protocol",
        type=str,
        default="",
        help=f"of the scores, one of {', '.join(protocols())}; by default as of `limbeck evaluate`",
    )
    made.add_argument("--network", type=str, default="", help="of the scores; by default the set's own")
    add_moved(made)
    add_session(made)
    given = made.parse_args(words)
    part_of(given.bits)
    check_out(given.out)
    if given.out.exists() and given.set.exists() and given.out.samefile(given.set):
        raise InputError(f"--out {given.out}: found the set itself, expected another file")
    with session("compress", words, given) as used:
        found = compress(
            given.set,
            given.bits,
            repeats=given.repeats,
            protocol=given.protocol,
            network=given.network,
            data=given.data,
            session=used,
        )
        found.set.save(given.out)
    document = {"set": str(given.out), "of": str(given.set), **found.document()}
    answer(document, given, str(given.out), *found.words, quiet=given.quiet)
