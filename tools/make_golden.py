#!/usr/bin/env python3
"""Writes folders of tests/data/golden: small models and what the references make of them.

    make_golden.py NAME...     those folders
    make_golden.py --list      their names

What a folder holds and how to add one: golden/kit.py. The makers are in golden/, one file per
theme. It wants an environment of its own (tried: torch 2.15 on a CPU, transformers 4.57.6,
sentence-transformers 5.7); the one that ./dev bench makes in build/bench/venv will do. The
committed folders are the ones that count; run this only to add to them.
"""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from golden import kit  # noqa: E402


def main(names):
    for theme in sorted((Path(__file__).resolve().parent / "golden").glob("*.py")):
        importlib.import_module(f"golden.{theme.stem}")
    if not names or names == ["--list"]:
        print("\n".join(sorted(kit.FOLDERS)))
        return
    unknown = sorted(set(names) - set(kit.FOLDERS))
    if unknown:
        found = ", ".join(unknown)
        sys.exit(f"make_golden.py: expected names of folders, found {found}; see --list")
    for name in names:
        kit.make(name)


if __name__ == "__main__":
    main(sys.argv[1:])
