"""`limbeck report`: a page of what was found of sets before."""

from __future__ import annotations

import shlex
from pathlib import Path

from limbeck.cli.console import answer, parser
from limbeck.cli.study import document
from limbeck.cli.table import Table
from limbeck.cli.working import add_moved, add_quiet, add_root, add_runs, session
from limbeck.report.standalone import write_figures
from limbeck.studies import write_report


def run(words: list[str]) -> None:
    """Make the page from what is kept, and say where it is and what is on it."""
    made = parser("report", "Make a page of what was found of sets before. Nothing is computed.")
    made.add_argument("sets", type=str, nargs="+", help="files of sets that were explained or scored, of the same data")
    made.add_argument("--out", type=Path, required=True, help="where to write the page (.html)")
    made.add_argument(
        "--network", type=str, default="", help="the network of the findings; by default that of the first set"
    )
    made.add_argument(
        "--figures",
        type=Path | None,
        default=None,
        help="a folder into which to write every chart of the page as SVG, and as PNG (pip install 'limbeck[figures]')",
    )
    add_moved(made)
    add_quiet(made)
    add_root(made)
    add_runs(made)
    given = made.parse_args(words)
    with session("report", words, given) as used:
        found = write_report(
            given.sets,
            out=given.out,
            network=given.network,
            data=given.data,
            command=f"limbeck report {shlex.join(words)}",
            session=used,
        )
    figures = [] if given.figures is None else write_figures(found.report, given.figures)
    # What is found beside one another comes after what was kept, and has no source.
    sources = zip(found.findings, found.sources, strict=False)
    rows = [(Path(finding.set).name, finding.probe, source) for finding, source in sources]
    columns = ("set", "probe", "asked")
    told = f"findings: {len(found.findings)}, scores: {len(found.rows)}; written to {found.report}"
    drawn = [f"{len(figures)} figures: {given.figures}"] if figures else []
    whole = {**document(found), **({"figures": list(map(str, figures))} if figures else {})}
    listed = [Table("Findings on the page", columns, rows)] if rows else []
    answer(whole, given, *listed, told, *drawn, quiet=given.quiet)
