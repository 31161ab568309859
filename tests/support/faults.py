"""Small faults to put into Python source, one at a time, to see whether a test notices.

Each :class:`Fault` replaces one piece of a source text. The kinds are the mistakes that people make: a
comparison that is off by one, a condition turned round, a forgotten call, a constant that is one too large, a
result that is not returned. Log calls, docstrings, annotations and decorators are left alone: no test has to
notice those.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_WITHOUT_EFFECT = frozenset({"daemon", "exc_info", "frozen", "kw_only", "name", "slots", "strict"})
"""Arguments that change how code is written or debugged, not what it does."""
_LOGGERS = frozenset({"faults", "log", "_log", "logger", "logging", "warnings"})


class Fault(NamedTuple):
    """One replacement."""

    line: int
    """From 1."""
    start: int
    """Of the piece that is replaced, in characters of the text."""
    end: int
    before: str
    after: str

    def put_into(self, source: str) -> str:
        """The source with the fault."""
        return source[: self.start] + self.after + source[self.end :]

    @property
    def text(self) -> str:
        """``a < b → a <= b``, in one line of at most 160 characters."""
        shown = f"{self.before} → {self.after}"
        shown = " ".join(shown.split())
        return shown if len(shown) <= 160 else shown[:157] + "…"


def faults(source: str) -> list[Fault]:
    """Every fault that can be put into a module, in the order of its lines."""
    return sorted(_Finder(source).find())


def function_at(source: str, line: int) -> tuple[str, int, int]:
    """``Class.method`` or ``function`` around a line, the outermost one, with its first and last line.

    Outside of all functions: "" and the line itself.
    """

    def inside(body: list[ast.stmt], prefix: str) -> tuple[str, int, int]:
        for node in body:
            last = node.end_lineno or 0
            if not node.lineno <= line <= last:
                continue
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                return prefix + node.name, node.lineno, last
            if isinstance(node, ast.ClassDef):
                return inside(node.body, f"{prefix}{node.name}.")
        return "", line, line

    return inside(_parsed(source).body, "")


@lru_cache(maxsize=4)
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


class _Finder:
    def __init__(self, source: str) -> None:
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines = source.splitlines()

    def find(self) -> Iterator[Fault]:
        """All faults of the module."""
        yield from self._inside(ast.parse(self._source))

    def _inside(self, node: ast.AST) -> Iterator[Fault]:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "bases"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _left_alone(child):
                    yield from self._of(child)
                    yield from self._inside(child)

    def _of(self, node: ast.AST) -> Iterator[Fault]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                changed = ast.Compare(left, [_COMPARISONS[type(op)]()], [right])
                yield self._replaced(node, ast.unparse(changed))
            case ast.BoolOp(op=op, values=values):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield self._replaced(node, f"({ast.unparse(ast.BoolOp(other, values))})")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._replaced(node, f"({ast.unparse(operand)})")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                if not _is_text(left) and not _is_text(right) and not _is_type(node):
                    changed_op = ast.BinOp(left, _ARITHMETIC[type(op)](), right)
                    yield self._replaced(node, f"({ast.unparse(changed_op)})")
            case ast.Constant(value=bool() as value):
                yield self._replaced(node, str(not value))
            case ast.Constant(value=int() | float() as value):
                yield self._replaced(node, repr(value + 1))
            case ast.Return(value=ast.expr() as value) if not _is_none(value):
                yield self._replaced(node, "return None")
            case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
                yield self._replaced(node, "pass")
            case ast.AugAssign(op=ast.Add() | ast.Sub()):
                yield self._replaced(node, "pass")
            case ast.Assign(targets=[ast.Attribute()]):
                yield self._replaced(node, "pass")
            case ast.If(test=test) if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield self._replaced(test, f"not ({ast.unparse(test)})")

    def _replaced(self, node: ast.stmt | ast.expr, after: str) -> Fault:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._place(node.lineno, node.col_offset)
        end = self._place(node.end_lineno, node.end_col_offset)
        return Fault(node.lineno, start, end, self._source[start:end], after)

    def _place(self, line: int, octets: int) -> int:
        """The place in the text of a column that ast counts in octets of UTF-8."""
        text = self._lines[line - 1].encode()[:octets].decode()
        return self._starts[line - 1] + len(text)


def _left_alone(node: ast.AST) -> bool:
    """Whether no test has to notice a fault inside: log lines, docstrings, what only type checkers read."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            return name in _LOGGERS
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.FunctionDef(name="__repr__" | "__str__") | ast.JoinedStr() | ast.Assert():
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return True
        case ast.keyword(arg=name):
            return name in _WITHOUT_EFFECT
        case ast.Assign(value=value) | ast.AnnAssign(value=value) if value is not None:
            return _is_type(value)
    return False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    return isinstance(node, ast.JoinedStr)


def _is_type(node: ast.expr) -> bool:
    """Whether an expression is an alias of a type: ``Callable[…]``, ``A | B`` of classes."""
    match node:
        case ast.Subscript(value=ast.Name(id=name)):
            return name[:1].isupper() or name in (
                "dict",
                "list",
                "tuple",
                "set",
                "frozenset",
                "type",
            )
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_type(left) or _is_type(right)
        case ast.Name(id=name):
            return name[:1].isupper() and not name.isupper()
        case ast.Constant(value=None):
            return False
    return False
