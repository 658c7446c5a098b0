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
