#!/usr/bin/env python3
"""Writes docs/reference/commands.md from what the program says of itself.

    python3 tools/reference/generate.py [--check] build/release/bin/accel

With --check nothing is written; the exit code tells whether the committed page is up to date.
"""
import argparse
import pathlib
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"
HEAD = """# Commands

Written by `./dev docs` from `accel help` and `accel COMMAND --help`. Exit codes:
[exit_codes.md](exit_codes.md).
"""


def said(program, *arguments):
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, check=True,
                          capture_output=True, text=True)
    return done.stdout.rstrip("\n")


def page(program):
    overview = said(program, "help")
    parts = [HEAD, f"```\n{overview}\n```\n"]
    for name in re.findall(r"^  ([a-z][a-z-]*)  ", overview, re.MULTILINE):
        parts.append(f"## {name}\n\n```\n{said(program, name, '--help')}\n```\n")
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the built accel")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    given = parser.parse_args()
    text = page(given.program)
    if not given.check:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.name} is out of date: run ./dev docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
