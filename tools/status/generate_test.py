"""Tests of the status page's generator."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import claims
import generate
import results


def claims_in(text, path="src/base/files_test.cc"):
    return [(claim.row, claim.test, claim.missing) for claim in claims.claims_in(path, text)]


class Claims(unittest.TestCase):

    def test_whole_and_partial(self):
        self.assertEqual(claims_in("// row 8\nTEST(A, B) {}\n"), [(8, "A.B", "")])
        self.assertEqual(claims_in("// row 8 (partial: half (so far))\nTEST_F(A, B) {}\n"),
                         [(8, "A.B", "half (so far)")])

    def test_several_rows(self):
        for text in ("rows 1, 2 and 3", "rows 1, 2, 3", "rows 1, 2, and 3"):
            self.assertEqual([row for row, _, _ in claims_in(f"// {text}\nTEST(A, B) {{}}\n")],
                             [1, 2, 3])
        self.assertEqual(claims_in("// row 1\n// Why it is so.\n// row 2 (partial: x\n// y)\n"
                                   "TEST(A, B) {}\n"), [(1, "A.B", ""), (2, "A.B", "x y")])

    def test_other_languages(self):
        self.assertEqual(claims_in("    # row 4\n    def test_it(self):\n", "tests/a_test.py"),
                         [(4, "test_it", "")])
        self.assertEqual(claims_in("# row 5\nadd_test(NAME docs.status\n", "tests/CMakeLists.txt"),
                         [(5, "docs.status", "")])
        self.assertEqual(claims_in("// row 6\n#[test]\nfn cuts() {}\n", "rust/t.rs"),
                         [(6, "cuts", "")])

    def test_a_line_that_breaks_inside_the_macro(self):
        self.assertEqual(claims_in("// row 8\nTEST(A,\n     B) {}\n"), [(8, "A.B", "")])

    def test_refuses_a_comment_above_no_test(self):
        with self.assertRaisesRegex(claims.Misplaced, "directly below"):
            claims_in("// row 8\n\nTEST(A, B) {}\n")

    def test_refuses_what_it_cannot_read(self):
        with self.assertRaisesRegex(claims.Misplaced, "found 'row 8 mostly'"):
            claims_in("// row 8 mostly\nTEST(A, B) {}\n")


class Page(unittest.TestCase):
    ROWS = [generate.Row(n, "A. First", f"feature {n}", "when") for n in (1, 2, 3)]
    CLAIMS = [claims.Claim(1, "a_test.cc", "A.B", ""), claims.Claim(1, "b_test.cc", "C.D", "half"),
              claims.Claim(2, "b_test.cc", "C.D", "half")]

    def test_states(self):
        text = generate.page(self.ROWS, self.CLAIMS)
        self.assertIn("1 done, 1 partial, 1 planned of 3 rows.", text)
        self.assertIn("| 1 | feature 1 | done | `A.B` |", text)
        self.assertIn("| 2 | feature 2 | partial | `C.D` (half) |", text)
        self.assertIn("| 3 | feature 3 | planned |  |", text)

    def test_refuses_a_row_that_is_not_in_the_list(self):
        with self.assertRaisesRegex(claims.Misplaced, "9"):
            generate.page(self.ROWS, [claims.Claim(9, "a_test.cc", "A.B", "")])

    def test_the_pages_own_failure_does_not_keep_it_from_being_written(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "ctest.xml").write_text(
                '<testsuite><testcase name="docs.status" status="fail"/>'
                '<testcase name="journey" status="run"/></testsuite>')
            last_run = results.Results([path])
        self.assertTrue(last_run.shows("test_it", in_python_or_rust=True))
        self.assertTrue(last_run.shows("docs.status", in_python_or_rust=False))

    def test_a_test_that_failed_or_did_not_run_shows_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "a_test.xml").write_text(
                '<testsuites><testsuite name="A"><testcase name="B" classname="A" status="run"/>'
                "</testsuite></testsuites>", encoding="utf-8")
            text = generate.page(self.ROWS, self.CLAIMS, results.Results([path]))
            self.assertIn("0 done, 0 partial, 1 planned, 2 failing", text)
            (path / "b_test.xml").write_text(
                '<testsuites><testsuite name="All/C"><testcase name="D/0" classname="All/C" '
                'status="run"/></testsuite></testsuites>', encoding="utf-8")
            self.assertEqual(generate.page(self.ROWS, self.CLAIMS, results.Results([path])),
                             generate.page(self.ROWS, self.CLAIMS))


class Check(unittest.TestCase):

    def test_fails_when_the_page_is_out_of_date(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "docs").mkdir()
            (root / "docs/rows.tsv").write_text("row\tsection\tfeature\tdone when\n1\tA\tf\tw\n",
                                                encoding="utf-8")
            self.assertEqual(generate.main(["--root", folder]), 0)
            self.assertEqual(generate.main(["--root", folder, "--check"]), 0)
            (root / "tests").mkdir()
            (root / "tests/a_test.py").write_text("# row 1\ndef test_a():\n", encoding="utf-8")
            self.assertEqual(generate.main(["--root", folder, "--check"]), 1)


if __name__ == "__main__":
    unittest.main()
