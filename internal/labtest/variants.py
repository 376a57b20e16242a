"""Makes every program that differs from a given one in one statement.

Reads Python source on standard input and prints a JSON list of {"line", "what",
"source"}: a statement that is gone, or a condition that is the other way round.
Text is replaced, not printed anew, so comments and lines stay. Left alone are
imports, definitions, constants, documentation, and what only writes to a log.
"""

import ast
import json
import sys

SPARED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass, ast.Global, ast.Nonlocal)


def spared(statement):
    if isinstance(statement, SPARED):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Constant):
        return True
    # log.info(…), logging.warning(…)
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and isinstance(value.func.value, ast.Name)
        and value.func.value.id in ("log", "logger", "logging")
    )


def main_guard(statement):
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def statements(node, scope):
    """Each statement with the names of what it stands in."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        for child in getattr(node, field, None) or []:
            if not isinstance(child, (ast.stmt, ast.ExceptHandler)) or main_guard(child):
                continue
            if isinstance(child, ast.stmt):
                yield child, scope
            name = getattr(child, "name", None)
            inner = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            yield from statements(child, scope + [name] if inner else scope)


class Text:
    """Source by lines; ast counts columns in bytes."""

    def __init__(self, source):
        self.lines = source.encode().splitlines(keepends=True)

    def replaced(self, node, new):
        first, last = node.lineno - 1, node.end_lineno - 1
        before = b"".join(self.lines[:first]) + self.lines[first][: node.col_offset]
        after = self.lines[last][node.end_col_offset :] + b"".join(self.lines[last + 1 :])
        return (before + new.encode() + after).decode()

    def first_line(self, node):
        return self.lines[node.lineno - 1].decode().strip()


def variants(source):
    text, found, seen = Text(source), [], {}

    def add(node, what, new):
        changed = text.replaced(node, new)
        try:
            ast.parse(changed)
        except SyntaxError:
            return
        seen[what] = seen.get(what, 0) + 1
        if seen[what] > 1:
            what += f" ({seen[what]})"
        found.append({"line": node.lineno, "what": what, "source": changed})

    for statement, scope in statements(ast.parse(source), []):
        if spared(statement) or not scope and isinstance(statement, (ast.Assign, ast.AnnAssign)):
            continue  # without a name that all of it uses, nothing runs
        where = ".".join(scope) + ": " if scope else ""
        add(statement, f"{where}without {text.first_line(statement)}", "pass")
        if isinstance(statement, (ast.If, ast.While)):
            condition = ast.get_source_segment(source, statement.test)
            add(statement.test, f"{where}the contrary in {text.first_line(statement)}", f"(not ({condition}))")
    return found


json.dump(variants(sys.stdin.read()), sys.stdout)
