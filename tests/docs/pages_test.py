"""The pages name only what exists: links, files and the words of ./dev."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def words_of_dev():
    text = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True,
                          check=True).stdout
    return set(re.findall(r"^  ([a-z]+) ", text, re.MULTILINE))


def named_words(text):
    return set(re.findall(r"\./dev ([a-z]+)", text))


class Pages(unittest.TestCase):

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
                if not re.match(r"https?:", link):
                    with self.subTest(page=page.name, link=link):
                        self.assertTrue((page.parent / link).exists())

    def test_words_of_dev_exist(self):
        known = words_of_dev()
        for page in PAGES:
            with self.subTest(page=page.name):
                unknown = named_words(page.read_text(encoding="utf-8")) - known
                self.assertEqual(unknown, set())

    def test_tests_that_pages_name_exist(self):
        """`test_file.Class.test_name` of a journey, or `Suite.Name` of GoogleTest."""
        known = set()
        for file in (ROOT / "tests/journey").glob("test_*.py"):
            suite = None
            for line in file.read_text(encoding="utf-8").splitlines():
                if found := re.match(r"class (\w+)", line):
                    suite = found.group(1)
                elif found := re.match(r"    def (test_\w+)", line):
                    known.add(f"{file.stem}.{suite}.{found.group(1)}")
        for file in (ROOT / "src").rglob("*_test.cc"):
            text = file.read_text(encoding="utf-8")
            known |= {".".join(one) for one in re.findall(r"^TEST(?:_F)?\((\w+),\s+(\w+)\)", text,
                                                          re.MULTILINE)}
        page = (ROOT / "docs/guides/servers_compared.md").read_text(encoding="utf-8")
        named = re.findall(r"`([A-Za-z_0-9]+(?:\.[A-Za-z_0-9]+)+)` \|$", page, re.MULTILINE)
        self.assertGreater(len(named), 25)
        self.assertEqual(set(named) - known, set())

    # row 143
    def test_one_page_tells_how_to_build_test_and_submit(self):
        text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        self.assertLessEqual({"setup", "build", "test", "tidy", "ship"}, named_words(text))
        self.assertIn("pull request", text)
        self.assertLessEqual(len(text.splitlines()), 70)
        shipped = (ROOT / ".ci/run").read_text(encoding="utf-8")
        self.assertIn("./dev ship", shipped)


if __name__ == "__main__":
    unittest.main()
