#!/usr/bin/env python3
"""Writes the pages of docs/reference that tell what the program says of itself.

    python3 tools/reference/generate.py [--check] build/release/bin/accel

With --check nothing is written; the exit code tells whether the committed pages are up to date.
"""
import argparse
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import errors
import families
import options

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
COMMANDS_HEAD = """# Commands

Written by `./dev docs` from `accel help` and `accel COMMAND --help`. Exit codes:
[exit_codes.md](exit_codes.md).
"""


def said(program, *arguments):
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, check=True,
                          capture_output=True, text=True)
    return done.stdout.rstrip("\n")


def commands_page(program):
    overview = said(program, "help")
    parts = [COMMANDS_HEAD, f"```\n{overview}\n```\n"]
    for name in re.findall(r"^  ([a-z][a-z-]*)  ", overview, re.MULTILINE):
        parts.append(f"## {name}\n\n```\n{said(program, name, '--help')}\n```\n")
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the built accel")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    given = parser.parse_args()
    pages = {
        REFERENCE / "commands.md": commands_page(given.program),
        REFERENCE / "configuration.md": options.page(
            said(given.program, "config", "options", "--json")),
        REFERENCE / "errors.md": errors.page(
            (ROOT / "tests" / "data" / "errors.json").read_text(encoding="utf-8"),
            (REFERENCE / "exit_codes.md").read_text(encoding="utf-8")),
        REFERENCE / "families.md": families.page(said(given.program, "families", "--json"), ROOT),
    }
    stale = 0
    for path, text in pages.items():
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is out of date: run ./dev docs", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
