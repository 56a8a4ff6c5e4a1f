"""L5: the command line. Each command is one module, imported when it is called, so that --help answers at once."""

from __future__ import annotations

import importlib
import io
import keyword
import sys
import warnings

from limbeck import __version__
from limbeck.core.deferred import Deferred
from limbeck.core.errors import InputError, refusals_told, unknown
from limbeck.core.interruptions import interrupt_between_imports
from limbeck.core.later import put_off
from limbeck.core.memory import keep_freed_memory, shortage_told
from limbeck.core.provenance import brought_by
from limbeck.core.threads import sleep_soon
from limbeck.terminal.safe import tell, write

COMMANDS = {
    "list": "name the tasks, networks, objectives, recipes and other parts there are",
    "describe": "tell what a data set holds and warn of what is wrong with it",
    "experts": "train the learners on real data that trajectory matching follows",
    "distill": "distil a data set into a few synthetic examples",
    "import": "make a set of limbeck's of one that others published",
    "evaluate": "score distilled sets beside honest baselines",
    "explain": "tell what distilled sets are worth, what they hold and where they must not be used",
    "study": "distil by several recipes, score and explain the sets, and make a page of it",
    "sweep": "distil in every combination of recipes, sizes, networks and options, and score all of them",
    "report": "make a page of what was found of sets before",
    "export": "write a set as files that need no limbeck",
    "compress": "store a set in fewer bytes and tell what that costs in accuracy",
    "show": "draw a distilled set by class",
    "worker": "do the computations of a file that --executor print wrote",
    "runs": "list, show and clean the runs that are kept",
    "doctor": "tell what this machine has and gives, whether that is fine, and what to do if not",
}

DONE, FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def usage() -> str:
    """The top of the help."""
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items())
    return (
        "usage: limbeck COMMAND ...\n\n"
        "Distil a data set into a few synthetic examples, score them honestly, explain what they hold.\n\n"
        f"commands:\n{rows}\n\n"
        "Every command takes --help, --config FILE.yaml, which has its options by name, and --json, --csv, --markdown\n"
        "or --latex, as which it prints its answer on standard output.\n"
        "Exit codes: 0 done, 1 a fault of limbeck's or of a package of yours, 2 the input is at fault, 130 interrupted."
    )


def _warn(message: Warning | str, *_where: object) -> None:
    """A warning in one line, without the place in our source that it came from."""
    tell(f"limbeck: {message}")


def _run(words: list[str]) -> None:
    """Do what the words say."""
    if not words or words[0] in ("-h", "--help", "help"):
        write(usage())
        return
    if words[0] in ("-V", "--version"):
        write(f"limbeck {__version__}")
        return
    if words[0] not in COMMANDS:
        raise unknown("command", words[0], COMMANDS)
    # A word of the language, such as import, cannot be the name of a module.
    module = f"{words[0]}_" if keyword.iskeyword(words[0]) else words[0]
    command = importlib.import_module(f"limbeck.cli.{module}")
    rest = words[1:]
    if any(word.partition("=")[0] == "--config" for word in rest):
        from limbeck.cli.config import without_files

        rest = without_files(words[0], rest)
    command.run(rest)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and tell the exit code."""
    words = sys.argv[1:] if argv is None else argv
    keep_freed_memory()
    sleep_soon()
    put_off()
    interrupt_between_imports()
    warnings.showwarning = _warn  # type: ignore[assignment]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that the terminal does not have is spelled out.
            stream.reconfigure(errors="backslashreplace")
    try:
        with shortage_told(), refusals_told():
            _run(words)
    except InputError as error:
        tell(f"limbeck: {error}")
        return BAD_INPUT
    except Deferred as deferred:
        tell(f"limbeck: {deferred}")
        return DONE
    except KeyboardInterrupt as interrupt:
        tell(f"limbeck: {interrupt.args[0] if interrupt.args else 'interrupted'}")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has stopped; python must not try to flush it once more at exit.
        sys.stdout = None
        return FAULT
    except Exception as error:
        if said := brought_by(error):
            error.add_note(said)
        raise
    return DONE
