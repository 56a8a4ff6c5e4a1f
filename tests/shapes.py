"""Checks of shapes while tests run: jaxtyping and beartype at every annotation in limbeck that names one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from beartype import beartype
from jaxtyping import _import_hook, install_import_hook


def check() -> None:
    """Check the shapes of what is imported of limbeck from now on."""
    _import_hook.JaxtypingTransformer = Shapes
    # A name of its own, as what jaxtyping keeps compiled is known by the name of its checker.
    install_import_hook("limbeck", f"{__name__}.{checked.__name__}")


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its annotations checked."""
    return beartype(function)


class Shapes(_import_hook.JaxtypingTransformer):
    """Leaves what names no shape to mypy: checks of every call of every function are most of the time of the tests.

    Functions within functions stay as they are too: they are made at each call, and checks with them, for milliseconds.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.names: set[str] = set()
        """What stands for shapes in the module."""

    def visit_Module(self, node: ast.Module) -> ast.Module:  # noqa: N802 (named so by ast)
        for each in node.body:
            if isinstance(each, ast.ImportFrom) and each.module == "jaxtyping":
                self.names |= {name.asname or name.name for name in each.names}
            elif isinstance(each, ast.Assign) and self.shaped([each.value]):
                self.names |= {target.id for target in each.targets if isinstance(target, ast.Name)}
        return super().visit_Module(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:  # noqa: N802 (named so by ast)
        if self.shaped(each.annotation for each in node.body if isinstance(each, ast.AnnAssign)):
            return super().visit_ClassDef(node)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:  # noqa: N802 (named so by ast)
        if self.shaped([node.args, *([node.returns] if node.returns else [])]):
            body, node.body = node.body, []
            super().visit_FunctionDef(node)
            node.body = body
        return node

    def shaped(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether a name of a shape is among them."""
        return any(isinstance(each, ast.Name) and each.id in self.names for node in nodes for each in ast.walk(node))
