"""accel keys: keys are made, listed and revoked; what is kept of them is a file of hashes."""
import hashlib
import json
import stat
import time
import unittest

from program import (FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED,
                     ProgramTest)


class Keys(ProgramTest):

    def setUp(self):
        super().setUp()
        self.config = self.folder / "config"
        self.file = self.config / "keys.yaml"

    def environment(self, **changes):
        return super().environment(ACCEL_CONFIG_DIR=str(self.config), **changes)

    def new(self, *arguments):
        """The text of a new key."""
        done = self.accel("keys", "new", *arguments)
        self.assertIn("the only time that the key is shown", done.stderr)
        return done.stdout.decode().removesuffix("\n")

    def listed(self, *arguments):
        return json.loads(self.accel("keys", "list", "--json", *arguments).stdout)["keys"]

    def test_a_key_is_shown_once_and_its_hash_is_kept(self):
        key = self.new("team-a")
        self.assertRegex(key, r"^accel-[A-Za-z0-9_-]{43}$")
        text = self.file.read_text(encoding="utf-8")
        self.assertNotIn(key, text)
        self.assertIn("hash: sha256:" + hashlib.sha256(key.encode()).hexdigest(), text)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.config.iterdir()], ["keys.yaml"])
        self.assertNotEqual(self.new("team-b"), key)
        self.assertEqual([one["name"] for one in self.listed()], ["team-a", "team-b"])

    def test_what_a_key_may_is_listed(self):
        self.new("team-a", "--scopes", "infer,metrics", "--models", "minilm,bge:2", "--expires",
                 "30d")
        self.new("team-b", "--expires", "2999-01-31")
        first, second = self.listed()
        self.assertEqual(first["scopes"], ["infer", "metrics"])
        self.assertEqual(first["models"], ["minilm", "bge:2"])
        self.assertFalse(first["expired"])
        expires = time.strptime(first["expires"], "%Y-%m-%dT%H:%M:%SZ")
        self.assertAlmostEqual(time.mktime(expires) - time.mktime(time.gmtime()), 30 * 86400,
                               delta=3700)
        self.assertEqual((second["scopes"], second["models"]), (["infer"], []))
        self.assertEqual(second["expires"], "2999-01-31T00:00:00Z")
        table = self.accel("keys", "list").stdout.decode()
        self.assertIn("minilm, bge:2", table)
        self.assertIn("never", self.accel("keys", "list", "--file", self.other()).stdout.decode())

    def other(self):
        """A file somewhere else, with a key that a person wrote down and one that has expired."""
        path = self.folder / "other.yaml"
        path.write_text(f"""# by hand
keys:
- name: operator  # on duty
  hash: sha256:{'ab' * 32}
  scopes: [admin]
  requests_per_second: 2
  priority: high

- name: gone
  hash: sha256:{'cd' * 32}
  expires: 2001-01-01
""", encoding="utf-8")
        return path

    def test_what_a_person_wrote_stays(self):
        path = self.other()
        before = path.read_text(encoding="utf-8")
        self.new("team-a", "--file", path)
        self.assertTrue(path.read_text(encoding="utf-8").startswith(before))
        self.assertEqual([one["expired"] for one in self.listed("--file", path)],
                         [False, True, False])
        table = self.accel("keys", "list", "--file", path).stdout.decode()
        self.assertIn("2001-01-01T00:00:00Z (expired)", table)
        self.assertIn("2/s, 2 at once, high priority", table)
        self.accel("keys", "revoke", "team-a", "--file", path)
        self.assertEqual(path.read_text(encoding="utf-8"), before)
        self.assertFalse(self.file.exists())

    def test_of_two_keys_of_a_holder_the_former_is_revoked(self):
        former, latter = self.new("team-a"), self.new("team-a")
        self.new("team-b")
        ids = [hashlib.sha256(key.encode()).hexdigest()[:8] for key in (former, latter)]
        self.assertEqual([one["id"] for one in self.listed()][:2], ids)
        done = self.accel("keys", "revoke", "team-a", "--id", ids[0])
        self.assertEqual(done.stdout, b"1 key of team-a revoked\n")
        self.assertEqual([one["id"] for one in self.listed()][0], ids[1])
        self.accel("keys", "revoke", "team-a")
        self.assertEqual([one["name"] for one in self.listed()], ["team-b"])
        self.accel("keys", "revoke", "team-b")
        self.assertIn("no keys in", self.accel("keys", "list").stdout.decode())

    def test_what_is_asked_wrongly_is_refused_and_nothing_is_made(self):
        for arguments, says in (
                (("new",), "expected a NAME"),
                (("new", "a b"), "cannot be a name"),
                (("new", "anonymous"), "cannot be a name"),
                (("new", "a", "--scopes", "infer,admn"), "did you mean admin?"),
                (("new", "a", "--expires", "0d"), "--expires: expected a time from now on"),
                (("new", "a", "--expires", "2001-01-01"), "that is to come"),
                (("new", "a", "--expires", "30 days"), "as 30d"),
                (("list", "a"), "expected nothing behind it"),
                (("list", "--models", "m"), "--models belongs to accel keys new"),
                (("revoke",), "expected a NAME"),
                (("revoke", "a", "--json"), "--json belongs to accel keys list"),
                (("nwe", "a"), "did you mean new?")):
            self.refused(INVALID_ARGUMENT, "keys", *arguments, says=says)
        self.refused(NOT_FOUND, "keys", "list", says="keys.yaml")
        self.refused(NOT_FOUND, "keys", "revoke", "a", says="keys.yaml")
        self.new("team-a")
        self.refused(NOT_FOUND, "keys", "revoke", "team-b", says="did you mean team-a?")
        self.refused(NOT_FOUND, "keys", "revoke", "team-a", "--id", "xyz", says="begins with 'xyz'")

    def test_a_broken_file_is_told_with_its_line(self):
        path = self.other()
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("priority: high", "priorty: high"), encoding="utf-8")
        for arguments in (("list",), ("new", "a"), ("revoke", "gone")):
            self.refused(INVALID_ARGUMENT, "keys", *arguments, "--file", path,
                         says=f"{path}:7: expected")
        path.write_text(json.dumps({"keys": []}), encoding="utf-8")
        done = self.refused(FAILED_PRECONDITION, "keys", "new", "a", "--file", path,
                            says="lay it out so, or name another file")
        self.assertEqual(done.stdout, b"")
        path.chmod(0o666)
        self.refused(PERMISSION_DENIED, "keys", "list", "--file", path, says="chmod 600")


if __name__ == "__main__":
    unittest.main()
