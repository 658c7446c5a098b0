"""Programs of the user's that convert models which accel does not know: `converters` in a file of
options."""
import json
import os
import unittest

from program import INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, TINY, ProgramTest

UNKNOWN = 1

# A converter as users write one: it counts its calls, and knows one version of its format.
CONVERTER = """#!/bin/sh
echo "called with $# words" >> "{calls}"
grep -q '^legacy 1' "$1" || {{ echo "expected legacy 1, found $(head -c 8 "$1")" >&2; exit 3; }}
cp -r "{tiny}/." "$2"
"""


class Converters(ProgramTest):
    def setUp(self):
        super().setUp()
        self.calls = self.folder / "calls"
        self.program = self.folder / "legacy to accel"  # a name that a shell would split
        self.program.write_text(CONVERTER.format(calls=self.calls, tiny=TINY), encoding="utf-8")
        self.program.chmod(0o755)
        self.model = self.folder / "old model.legacy"
        self.model.write_text("legacy 1 $(touch was_here)\n", encoding="utf-8")
        self.options = self.folder / "options.yaml"
        self.write(f'.legacy: ["{self.program}", "{{input}}", "{{output}}"]')
        self.environ = self.environment(ACCEL_CACHE_DIR=str(self.folder / "cache"))
        self.environ.pop("ACCEL_CONFIG")

    def write(self, line):
        self.options.write_text(f"converters:\n  {line}\n", encoding="utf-8")

    def here(self, *arguments, env=(), **options):
        return self.accel(*arguments, cwd=self.folder, env={**self.environ, **dict(env)}, **options)

    def count(self):
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0

    # row 105
    def test_an_unknown_format_runs_through_its_program_once(self):
        refused = self.here("embed", self.model, "a text", code=NOT_FOUND)
        self.assertIn("none of these", refused.stderr)
        named = ("--config", self.options)
        first = self.here("embed", self.model, "a text", *named)
        self.assertIn(f"converted by '.legacy' from {self.model}", first.stderr)
        self.assertEqual(first.stdout, self.here("embed", TINY, "a text").stdout)
        again = self.here("embed", self.model, "a text", *named)
        self.assertEqual(again.stdout, first.stdout)
        shown = self.here("show", self.model, "--json", env={"ACCEL_CONFIG": str(self.options)})
        self.assertEqual(json.loads(shown.stdout)["family"], "bert")
        self.assertEqual(self.calls.read_text(), "called with 2 words\n", "once, and no shell")
        self.assertFalse((self.folder / "was_here").exists())
        # Another content is another model.
        self.model.write_text("legacy 1, trained further\n", encoding="utf-8")
        self.here("embed", self.model, "a text", *named)
        self.assertEqual(self.count(), 2)

    def test_its_errors_are_told_with_its_name(self):
        named = ("--config", self.options)
        self.model.write_text("legacy 2\n", encoding="utf-8")
        done = self.here("embed", self.model, "a text", *named, code=UNKNOWN)
        for words in ("converter '.legacy'", "exit code 3", "expected legacy 1, found legacy 2"):
            self.assertIn(words, done.stderr)
        self.write('.legacy: "no-such-converter {input} {output}"')
        done = self.here("embed", self.model, "a text", *named, code=NOT_FOUND)
        self.assertIn("no-such-converter", done.stderr)
        self.write('.legacy: "true {input} {output}"')
        done = self.here("embed", self.model, "a text", *named, code=NOT_FOUND)
        self.assertIn("found no file there", done.stderr)

    def test_wrong_ones_are_told_with_their_line(self):
        for line, words in ((".legacy: prog {input}", "{output}"),
                            ("legacy: prog {input} {output}", "suffix"),
                            (".legacy: [prog, {input}, {output}]", "quote")):
            self.write(line)
            done = self.here("config", "check", self.options, code=INVALID_ARGUMENT)
            self.assertIn("options.yaml:", done.stderr)
            self.assertIn(words, done.stderr)

    def test_a_file_that_only_lies_there_runs_nothing(self):
        (self.folder / "accel.yaml").write_bytes(self.options.read_bytes())
        done = self.here("embed", self.model, "a text", code=PERMISSION_DENIED)
        self.assertIn("ACCEL_CONFIG=accel.yaml", done.stderr)
        self.assertEqual(self.count(), 0)
        self.here("embed", self.model, "a text", env={"ACCEL_CONFIG": "accel.yaml"})
        self.assertEqual(self.count(), 1)
        # The user's own is found and taken.
        (self.folder / "accel.yaml").unlink()
        own = self.folder / "xdg" / "accel"
        own.mkdir(parents=True)
        os.replace(self.options, own / "config.yaml")
        self.here("embed", self.model, "a text",
                  env={"XDG_CONFIG_HOME": str(self.folder / "xdg"),
                       "ACCEL_CACHE_DIR": str(self.folder / "other")})
        self.assertEqual(self.count(), 2)


if __name__ == "__main__":
    unittest.main()
