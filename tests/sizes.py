"""How large the rooms are: lines, and the shares of docstrings and comments. Run ``python tests/sizes.py``.

The goal for public kernel modules: a median of 120 lines, 25 to 35 % docstrings and 3 to 7 % comments; no
file of more than 300 lines.
"""

import ast
import io
import statistics
import tokenize
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "nbdl"
LONG = 300


def measure(file):
    """(lines, lines of docstrings, lines that are comments alone or end in one)."""
    text, docs = file.read_text(encoding="utf-8"), 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            docs += node.body[0].end_lineno - node.body[0].lineno + 1
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return len(text.splitlines()), docs, sum(t.type == tokenize.COMMENT for t in tokens)


def rooms():
    """Files by room: the folder, down to the families of kernels."""
    found = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        found["/".join(file.relative_to(PACKAGE.parent).parts[:-1])].append(file)
    return found


def line(name, sizes):
    lines, docs, comments = (sum(s) for s in zip(*sizes))
    return f"{name:30} {len(sizes):5} {lines:7} {docs / lines:8.0%} {comments / lines:8.0%}"


def main():
    print(f"{'room':30} {'files':>5} {'lines':>7} {'docs':>8} {'comments':>8}")
    sizes = {room: {file: measure(file) for file in files} for room, files in rooms().items()}
    for room, found in sizes.items():
        if any(lines for lines, _, _ in found.values()):
            print(line(room, list(found.values())))
    ground = {"nbdl/kernels", *(f"nbdl/kernels/{room}" for room in ("simd", "door", "lanes"))}
    pages = [
        size
        for room, found in sizes.items() if room.startswith("nbdl/kernels/") and room not in ground
        for file, size in found.items() if not file.stem.endswith(("_lanes", "_truth", "__init__"))
    ]  # fmt: skip
    print(line("public kernel modules", pages))
    print(f"their median: {statistics.median(lines for lines, _, _ in pages):.0f} lines")
    for found in sizes.values():
        for file, (lines, _, _) in found.items():
            if lines > LONG:
                print(f"over {LONG} lines: {file.relative_to(PACKAGE.parent)} ({lines})")


if __name__ == "__main__":
    main()
