"""Writes docs/status.md: every row, whether it is done, partial or planned, and by which test.

generate.py                      from the names of the tests
generate.py --results FOLDER...  the same, checked against a test run: a row whose test failed or
                                 did not run is called failing
generate.py --check              fails if the committed page differs from the first
"""

import argparse
import collections
import difflib
import pathlib
import sys
from typing import NamedTuple

sys.dont_write_bytecode = True
import claims
import results

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATES = ("done", "partial", "planned", "failing")

HEAD = """\
# Status

Every row of the acceptance list, and the test that shows it. Written by `./dev docs` from the
comments above the tests and the last test run; a test fails when it is out of date.

**done**: a test shows the whole row. **partial**: a test shows a part; what is missing stands
beside it. **planned**: nothing shows it yet.
"""


class Row(NamedTuple):
    number: int
    section: str
    feature: str
    done_when: str


def read_rows(path: pathlib.Path) -> list[Row]:
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    rows = [Row(int(number), *rest) for number, *rest in (line.split("\t") for line in lines)]
    assert [row.number for row in rows] == list(range(1, len(rows) + 1)), "rows are numbered from 1"
    return rows


def state_of(found: list[claims.Claim], last_run) -> str:
    if not found:
        return "planned"
    if last_run:
        shown = [claim for claim in found
                 if last_run.shows(claim.test, claim.path.endswith((".py", ".rs")))]
        if len(shown) < len(found):
            return "failing"
    return "done" if any(not claim.missing for claim in found) else "partial"


def shown_by(found: list[claims.Claim]) -> str:
    whole = [claim for claim in found if not claim.missing]
    return "<br>".join(f"`{claim.test}`" + (f" ({claim.missing})" if claim.missing else "")
                       for claim in whole or found)


def page(rows: list[Row], all_claims: list[claims.Claim], last_run=None) -> str:
    by_row = collections.defaultdict(list)
    for claim in all_claims:
        by_row[claim.row].append(claim)
    unknown = set(by_row) - {row.number for row in rows}
    if unknown:
        raise claims.Misplaced(f"tests claim rows that docs/rows.tsv lacks: {sorted(unknown)}")
    states = {row.number: state_of(by_row[row.number], last_run) for row in rows}
    count = collections.Counter(states.values())
    lines = [HEAD, ", ".join(f"{count[state]} {state}" for state in STATES
                             if count[state] or state != "failing") + f" of {len(rows)} rows."]
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", f"## {section}", "", "| row | feature | state | shown by |",
                      "| --- | --- | --- | --- |"]
        lines.append(f"| {row.number} | {row.feature} | {states[row.number]} | "
                     f"{shown_by(by_row[row.number])} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", nargs="+", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    options = parser.parse_args(arguments)
    target = options.root / "docs/status.md"
    last_run = results.Results(options.results) if options.results else None
    try:
        text = page(read_rows(options.root / "docs/rows.tsv"), claims.claims_of(options.root),
                    last_run)
    except claims.Misplaced as error:
        print(error, file=sys.stderr)
        return 1
    if not options.check:
        target.write_text(text, encoding="utf-8")
        return 0
    committed = target.read_text(encoding="utf-8") if target.exists() else ""
    sys.stdout.writelines(difflib.unified_diff(committed.splitlines(True), text.splitlines(True),
                                               "docs/status.md", "from the tests' names"))
    if committed != text:
        print("docs/status.md is out of date: run ./dev test, then ./dev docs", file=sys.stderr)
    return committed != text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
