"""Calls and imports that limbeck's source does without, found in its syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "limbeck"
FILES = sorted(PACKAGE.rglob("*.py"))


def dotted(node: ast.AST) -> str:
    """The name as written, such as `torch.random.manual_seed`; "?" stands for what is no name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def named(node: ast.AST) -> list[str]:
    """The names that a node reads or imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
    return [dotted(node)] if isinstance(node, ast.Attribute | ast.Name) else []


def calls(*functions: str) -> Callable[[ast.AST], bool]:
    return lambda node: isinstance(node, ast.Call) and dotted(node.func) in functions


def mentions(*endings: str) -> Callable[[ast.AST], bool]:
    return lambda node: any(f".{name}".endswith(f".{ending}") for name in named(node) for ending in endings)


def imports(*packages: str) -> Callable[[ast.AST], bool]:
    return lambda node: (
        isinstance(node, ast.Import | ast.ImportFrom) and any(name.split(".")[0] in packages for name in named(node))
    )


def moves_to_cuda(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "cuda"


def catches_everything(node: ast.AST) -> bool:
    return isinstance(node, ast.ExceptHandler) and node.type is None


def allows_pickle(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False"


def may_unpickle(node: ast.AST) -> bool:
    """Whether it loads by torch without saying, as a literal, that no code of the file is to run."""
    if not isinstance(node, ast.Call) or not f".{dotted(node.func)}".endswith(".torch.load"):
        return False
    said = [word.value for word in node.keywords if word.arg == "weights_only"]
    return not (said and isinstance(said[0], ast.Constant) and said[0].value is True)


# Each rule: what it finds, where that is at home, and a line that breaks it.
RULES: dict[str, tuple[Callable[[ast.AST], bool], tuple[str, ...], str]] = {
    "eval": (calls("eval"), (), "eval('1')"),
    "exec": (calls("exec"), (), "exec('1')"),
    "exit": (calls("exit", "os._exit"), (), "exit(1)"),
    "sys.exit": (mentions("sys.exit"), ("cli", "__main__"), "sys.exit(1)"),
    "quit": (calls("quit"), (), "quit()"),
    "bare except": (catches_everything, (), "try: pass\nexcept: pass"),
    "pickle": (
        imports("pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"),
        (),
        "from pickle import load",
    ),
    "allow_pickle": (allows_pickle, (), "np.load(path, allow_pickle=True)"),
    "torch.load": (mentions("torch.load"), ("imported/tensors",), "torch.load(path)"),
    "torch.load without weights_only=True": (may_unpickle, (), "torch.load(path, weights_only=safe)"),
    "manual_seed": (mentions("manual_seed", "manual_seed_all"), ("core/key",), "torch.manual_seed(0)"),
    "np.random.seed": (mentions("random.seed"), (), "np.random.seed(0)"),
    ".cuda()": (moves_to_cuda, (), "tensor.cuda()"),
    "print": (calls("print"), ("cli", "report"), "print(1)"),
}


def broken(rule: str, tree: ast.AST) -> Iterator[int]:
    """The lines that break a rule."""
    finds, _, _ = RULES[rule]
    for node in ast.walk(tree):
        if finds(node):
            yield getattr(node, "lineno", 0)


@pytest.mark.parametrize("rule", RULES)
def test_banned_name_is_nowhere_in_the_source(rule: str) -> None:
    _, home, _ = RULES[rule]
    found = []
    for file in FILES:
        inside = file.relative_to(PACKAGE).with_suffix("").as_posix()
        if not any(inside == place or inside.startswith(f"{place}/") for place in home):
            found += [f"{inside}.py:{line}" for line in broken(rule, ast.parse(file.read_text()))]
    assert not found, f"{rule} is banned here: {', '.join(found)}"


@pytest.mark.parametrize("rule", RULES)
def test_each_ban_finds_what_it_bans(rule: str) -> None:
    assert list(broken(rule, ast.parse(RULES[rule][2])))


def test_no_ban_finds_what_is_allowed() -> None:
    innocent = ast.parse("torch.cuda.is_available(); network.eval(); np.load(p, allow_pickle=False); loader.exit()")
    assert not [rule for rule in RULES for _ in broken(rule, innocent)]
