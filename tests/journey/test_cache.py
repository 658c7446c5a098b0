"""accel cache: list, show, verify, prune, clear, export and import, on entries put there by the
program store_entry."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import zipfile

from program import DATA_LOSS, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, ProgramTest

STORE_ENTRY = os.environ.get("STORE_ENTRY", "")


class Cache(ProgramTest):

    def setUp(self):
        super().setUp()
        cache = tempfile.TemporaryDirectory(prefix="accel-cache-")
        self.addCleanup(cache.cleanup)
        self.cache = pathlib.Path(cache.name)
        self.entries = self.cache / "entries"

    def environment(self, **changes):
        return super().environment(ACCEL_CACHE_DIR=str(self.cache), **changes)

    def store(self, label, payload, *parts, kind="compiled"):
        done = subprocess.run([STORE_ENTRY, self.entries, kind, label, payload, *parts],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def cache_json(self, *arguments, **options):
        return json.loads(self.accel("cache", *arguments, "--json", **options).stdout)

    def labels(self):
        return sorted(entry["label"] for entry in self.cache_json("list")["entries"])

    # row 201
    # row 301 (partial: the sizes of a model that was cached by a command)
    def test_the_list_says_what_is_there_how_large_and_whose(self):
        self.assertIn("0 B of 10.0 GiB", self.accel("cache", "list").stdout.decode())
        small = self.store("small-model", "x" * 10, "device=CPU", "precision=f32")
        large = self.store("large-model", "x" * 50000, "device=CPU", "precision=bf16")
        text = self.accel("cache", "list").stdout.decode()
        for words in ("small-model", "large-model", small[:12], large[:12], "bf16",
                      str(self.entries)):
            self.assertIn(words, text)
        listed = self.cache_json("list")
        sizes = {entry["key"]: entry["bytes"] for entry in listed["entries"]}
        for key in (small, large):
            self.assertEqual(sizes[key], (self.entries / f"{key}.entry").stat().st_size)
        self.assertEqual(listed["bytes"], sum(sizes.values()))
        self.assertEqual(listed["folder"], str(self.entries))

    def test_show_tells_what_an_entry_was_made_from(self):
        key = self.store("a-model", "payload", "weights=0123abc", "precision=f32")
        text = self.accel("cache", "show", key[:10]).stdout.decode()
        for words in (key, "a-model", "weights", "0123abc", "precision"):
            self.assertIn(words, text)
        self.assertEqual(self.cache_json("show", key)["parts"],
                         {"weights": "0123abc", "precision": "f32"})
        self.refused(NOT_FOUND, "cache", "show", "zzz", says="accel cache list")
        self.refused(INVALID_ARGUMENT, "cache", "show", says="KEY")

    def test_verify_finds_one_changed_bit(self):
        fine = self.store("fine", "payload", "n=1")
        damaged = self.store("damaged", "payload", "n=2")
        self.assertTrue(all(one["fine"] for one in self.cache_json("verify")))
        path = self.entries / f"{damaged}.entry"
        blob = bytearray(path.read_bytes())
        blob[-1] ^= 1
        path.write_bytes(blob)
        (self.entries / "foreign").write_text("hello")
        done = self.accel("cache", "verify", code=DATA_LOSS)
        self.assertIn("checksum", done.stdout.decode())
        self.assertIn("not a file of the cache", done.stdout.decode())
        self.assertIn("1 of 3 files", done.stderr)
        verdicts = {one["file"]: one["fine"] for one in self.cache_json("verify", code=DATA_LOSS)}
        self.assertEqual(verdicts, {f"{fine}.entry": True, f"{damaged}.entry": False,
                                    "foreign": False})

    def test_prune_keeps_what_was_used_last(self):
        for age, label in ((300, "old"), (200, "middle"), (100, "new")):
            key = self.store(label, "x" * 10000, f"label={label}")
            path = self.entries / f"{key}.entry"
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
        report = self.cache_json("prune", "--max-size", "30K")
        self.assertEqual(report["deleted"], 1)
        self.assertEqual(self.labels(), ["middle", "new"])
        self.accel("cache", "prune", env=self.environment(ACCEL_CACHE_MAX_SIZE="20K"))
        self.assertEqual(self.labels(), ["new"])
        self.refused(INVALID_ARGUMENT, "cache", "prune", "--max-size", "much", says="500M")
        self.refused(INVALID_ARGUMENT, "cache", "list", "--max-size", "1G", says="prune")

    def test_clear_deletes_all_entries_and_nothing_else(self):
        self.store("a", "payload", "n=1")
        (self.cache / "facts").mkdir()
        (self.cache / "facts" / "fact.json").write_text("{}")
        self.assertIn("1 deleted", self.accel("cache", "clear").stdout.decode())
        self.assertEqual(self.labels(), [])
        self.assertTrue((self.cache / "facts" / "fact.json").exists())

    def build_of_program(self):
        """What a refused import says that it expects."""
        self.store("probe", "payload", "accel=none")
        archive = self.folder / "probe.zip"
        self.accel("cache", "export", archive)
        self.accel("cache", "clear")
        done = self.accel("cache", "import", archive, code=FAILED_PRECONDITION)
        return re.search(r"made for accel 'none', found '([^']+)' here", done.stderr).group(1)

    # row 328
    def test_entries_go_to_another_cache_and_are_refused_on_another_machine(self):
        build = f"accel={self.build_of_program()}"
        mine = self.store("mine", "payload", build)
        other = self.store("other", "payload", build, "cpu=another processor")
        self.store("stays", "payload", build, "n=3")
        archive = self.folder / "graphs.zip"
        self.accel("cache", "export", archive, mine[:12], other)
        with zipfile.ZipFile(archive) as file:
            self.assertEqual(sorted(file.namelist()), sorted([f"{mine}.entry", f"{other}.entry"]))
        self.accel("cache", "clear")
        verdicts = {one["label"]: one for one in self.cache_json("import", archive)}
        self.assertEqual(sorted(verdicts), ["mine", "other"])
        self.assertTrue(verdicts["mine"]["imported"])
        self.assertIn("another processor", verdicts["other"]["reason"])
        self.assertEqual(self.labels(), ["mine"])
        self.assertEqual([one["fine"] for one in self.cache_json("verify")], [True])

    def test_a_damaged_or_foreign_archive_is_refused_whole(self):
        key = self.store("a", "payload", "n=1")
        archive = self.folder / "graphs.zip"
        self.accel("cache", "export", archive)
        self.accel("cache", "clear")
        whole = archive.read_bytes()
        damaged = bytearray(whole)
        damaged[whole.rindex(b"payload")] ^= 1
        archive.write_bytes(damaged)
        self.refused(DATA_LOSS, "cache", "import", archive, says=key)
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("../../escaped", "payload")
        self.refused(INVALID_ARGUMENT, "cache", "import", archive, says="leaves its folder")
        archive.write_bytes(b"no archive")
        self.refused(DATA_LOSS, "cache", "import", archive)
        self.refused(NOT_FOUND, "cache", "export", self.folder / "none.zip", says="empty")
        self.assertEqual(self.labels(), [])

    def test_unknown_actions_have_a_hint(self):
        self.refused(INVALID_ARGUMENT, "cache", "lst", says="list")
        self.refused(INVALID_ARGUMENT, "cache", says="ACTION")
        self.refused(INVALID_ARGUMENT, "cache", "list",
                     env=self.environment(ACCEL_CACHE_MAX_SIZE="much"),
                     says="ACCEL_CACHE_MAX_SIZE")


if __name__ == "__main__":
    unittest.main()
