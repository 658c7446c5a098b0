"""Finds the tests that claim to prove a row of docs/rows.tsv.

A claim is a comment directly above a test: "row 8", "rows 114, 305 and 314", or with what is still
missing, "row 2 (partial: the backend only)". In C++ it stands above TEST and its kin, in Python
above `def test_...` or a class, in Rust above #[test], in CMake above add_test.
"""

import pathlib
import re
from typing import Iterator, NamedTuple

COMMENT = re.compile(r"\s*(?://|#(?!\[))\s?(.*)")
BEGINS = re.compile(r"rows?\s+\d")
CLAIM = re.compile(r"rows?\s+(\d+(?:(?:,\s*(?:and\s+)?|\s+and\s+)(?:row\s+)?\d+)*)"
                   r"(?:\s*\(partial:\s*(.+)\))?\.?")
TESTS = {
    ".cc": re.compile(r"\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)"),
    ".py": re.compile(r"\s*(?:class|def)\s+(\w+)"),
    ".rs": re.compile(r"\s*fn\s+(\w+)"),
    ".txt": re.compile(r"\s*add_test\(NAME\s+([\w.]+)"),
}
PASSED_OVER = re.compile(r"\s*(#\[|@)")  # an attribute or decorator between comment and test
WHERE = (("src", "*_test.cc"), ("tests", "*.cc"), ("tests", "*.py"), ("tests", "CMakeLists.txt"),
         ("rust", "*.rs"))


class Claim(NamedTuple):
    row: int
    path: str
    test: str
    missing: str  # what a partial proof leaves open; empty for a whole one


class Misplaced(Exception):
    """A row comment that belongs to no test, or that cannot be read."""


def claims_of(root: pathlib.Path) -> list[Claim]:
    found = []
    for folder, pattern in WHERE:
        for path in sorted((root / folder).rglob(pattern)):
            relative = path.relative_to(root).as_posix()
            if not relative.startswith("tests/data/"):
                found.extend(claims_in(relative, path.read_text(encoding="utf-8")))
    return sorted(found)


def claims_in(path: str, text: str) -> Iterator[Claim]:
    test_pattern = TESTS[pathlib.PurePosixPath(path).suffix]
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        begin = number
        while number < len(lines) and COMMENT.fullmatch(lines[number]):
            number += 1
        if begin == number:
            number += 1
            continue
        statements = list(row_statements(lines[begin:number]))
        if not statements:
            continue
        after = number
        while after < len(lines) and PASSED_OVER.match(lines[after]):
            after += 1
        # A macro may break its line: TEST(Suite,\n     Name).
        breaks = after < len(lines) and lines[after].endswith(",")
        test = test_pattern.match(" ".join(lines[after:after + (2 if breaks else 1)]))
        if not test:
            raise Misplaced(f"{path}:{begin + 1}: expected a test directly below the row comment")
        for statement in statements:
            yield from read_statement(path, begin + 1, statement, ".".join(test.groups()))


def row_statements(block: list[str]) -> Iterator[str]:
    """The row comments of a comment block, each with the lines that its parenthesis goes on to."""
    open_statement = None
    for line in block:
        words = COMMENT.fullmatch(line).group(1).strip()
        if open_statement is not None:
            open_statement += " " + words
        elif BEGINS.match(words):
            open_statement = words
        if open_statement and open_statement.count("(") <= open_statement.count(")"):
            yield open_statement
            open_statement = None
    if open_statement is not None:
        yield open_statement


def read_statement(path: str, line: int, statement: str, test: str) -> Iterator[Claim]:
    claim = CLAIM.fullmatch(statement)
    if not claim:
        raise Misplaced(f"{path}:{line}: expected 'row N', 'rows N, M and K' or "
                        f"'row N (partial: why)', found '{statement}'")
    for row in re.findall(r"\d+", claim.group(1)):
        yield Claim(int(row), path, test, claim.group(2) or "")
