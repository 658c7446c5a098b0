"""Reads what a test run left: GoogleTest's XML files and ctest's JUnit file."""

import pathlib
import re
import xml.etree.ElementTree as xml
from typing import Iterable

PAGE_TEST = "docs.status"

class Results:
    """Which tests passed and which failed, by Suite.Name and by ctest's names."""

    def __init__(self, folders: Iterable[pathlib.Path]):
        self.passed: set[str] = set()
        self.failed: set[str] = set()
        for folder in folders:
            for path in sorted(folder.glob("*.xml")):
                self._read(xml.parse(path).getroot(), path.name == "ctest.xml")
        self.passed -= self.failed
        if PAGE_TEST in self.failed:  # it fails until the page is written anew, from these results
            self.failed.discard(PAGE_TEST)
            self.passed.add(PAGE_TEST)

    def _read(self, root, by_ctest: bool):
        for case in root.iter("testcase"):
            name = case.get("name", "")
            if not by_ctest:
                name = plain_name(case.get("classname", ""), name)
            if case.find("failure") is not None or case.get("status") == "fail":
                self.failed.add(name)
            elif case.find("skipped") is None and case.get("status") in ("run", None):
                self.passed.add(name)

    def shows(self, test: str, in_python_or_rust: bool) -> bool:
        """Whether the run shows `test` passing. Those that ctest runs by the file count as long as
        nothing failed."""
        return not self.failed if in_python_or_rust else test in self.passed


def plain_name(suite: str, name: str) -> str:
    """Suite.Name without the instance that a parameter adds: "All/Suite", "Name/3"."""
    suite = re.sub(r"/\d+$", "", suite)  # typed suites
    return f"{suite.rsplit('/', 1)[-1]}.{name.split('/', 1)[0]}"
