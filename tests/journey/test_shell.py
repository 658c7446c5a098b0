"""What shells and manual readers get of the program: completions and pages."""
import json
import re
import shutil
import subprocess
import unittest

from program import ACCEL, INVALID_ARGUMENT, ProgramTest

# Completes the words behind it as readline would, and prints what is offered.
COMPLETE = """source {script}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_accel
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


class Completion(ProgramTest):
    def setUp(self):
        super().setUp()
        self.scripts = {}
        for shell in ("bash", "zsh", "fish"):
            path = self.folder / f"accel.{shell}"
            path.write_bytes(self.accel("completion", shell).stdout)
            self.scripts[shell] = path

    def run_in(self, *command, env=None):
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                              cwd=self.folder, env=env or self.environment(), timeout=300)

    def test_scripts_are_of_their_shells(self):
        checked = 0
        for shell, path in self.scripts.items():
            if shutil.which(shell):
                done = self.run_in(shell, "-n", path)
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)
                checked += 1
        self.assertGreater(checked, 0)
        self.refused(INVALID_ARGUMENT, "completion", "tcsh", says="bash, zsh, fish")

    def bash(self, *words, env=None):
        text = COMPLETE.format(script=self.scripts["bash"])
        done = self.run_in("bash", "-c", text, "bash", ACCEL, *words, env=env)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout.split()

    @unittest.skipUnless(shutil.which("bash"), "no bash here")
    def test_bash_completes_what_belongs_there(self):
        self.assertEqual(self.bash("ser"), ["serve"])
        self.assertIn("self-test", self.bash(""))
        self.assertEqual(self.bash("serve", "--log-f"), ["--log-format"])
        self.assertEqual(self.bash("serve", "--log-format", ""), ["text", "json"])
        self.assertEqual(self.bash("serve", "--log-format", "=", "j"), ["json"])
        self.assertEqual(self.bash("serve", "--log-format", "="), ["text", "json"])
        self.assertEqual(self.bash("run", "--precision", "b"), ["bf16"])
        self.assertEqual(self.bash("keys", ""), ["list", "new", "revoke"])
        self.assertEqual(self.bash("keys", "--json", "n"), ["new"])
        self.assertEqual(self.bash("keys", "--file", "k", "n"), ["new"])
        self.assertEqual(self.bash("help", "tok"), ["tokenize"])
        self.assertEqual(self.bash("serve", "--queue-seconds", ""), [])
        self.assertEqual(self.bash("no-command", ""), [])
        (self.folder / "keys.yaml").touch()
        self.assertEqual(self.bash("serve", "--keys", "key"), ["keys.yaml"])

    @unittest.skipUnless(shutil.which("bash"), "no bash here")
    def test_bash_offers_the_models_that_have_names(self):
        (self.folder / "models--org--pulled" / "snapshots").mkdir(parents=True)
        (self.folder / "accel.yaml").write_text("model_overrides: {configured: reference}\n")
        home = self.folder / "home"
        env = self.environment(HOME=str(home), XDG_CONFIG_HOME=str(home), HF_HOME=str(home),
                               HF_HUB_CACHE=str(self.folder),
                               ACCEL_CONFIG=str(self.folder / "accel.yaml"))
        self.accel("alias", "short", "org/pulled", env=env)
        names = self.accel("completion", "models", env=env).stdout.decode().split()
        self.assertEqual(names, ["configured", "org/pulled", "short"])
        self.assertEqual(self.bash("run", "", env=env), names)
        self.assertEqual(self.bash("embed", "--json", "sh", env=env), ["short"])
        self.assertEqual(self.bash("serve", "short", "org", env=env), ["org/pulled"])
        self.assertEqual(self.bash("serve", "name", "=", "conf", env=env), ["configured"])
        self.assertEqual(self.bash("show", "accel.f", env=env), ["accel.fish"])

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish_completes_what_belongs_there(self):
        def fish(line):
            home = str(self.folder)
            done = self.run_in("fish", "--no-config", "-c",
                               f"source {self.scripts['fish']}; complete -C {json.dumps(line)}",
                               env=self.environment(HOME=home, XDG_CONFIG_HOME=home,
                                                    XDG_DATA_HOME=home))
            self.assertEqual(done.returncode, 0, done.stderr)
            return [one.split("\t")[0] for one in done.stdout.splitlines()]
        self.assertEqual(fish("accel ser"), ["serve"])
        self.assertEqual(fish("accel serve --log-f"), ["--log-format"])
        self.assertEqual(sorted(fish("accel serve --log-format ")), ["json", "text"])
        self.assertEqual(sorted(fish("accel keys ")), ["list", "new", "revoke"])

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_takes_the_script_for_a_completion(self):
        functions = self.folder / "functions"
        functions.mkdir()
        shutil.copy(self.scripts["zsh"], functions / "_accel")
        done = self.run_in("zsh", "-f", "-c",
                           "fpath=(functions $fpath); autoload -Uz compinit; compinit -D; "
                           "print $_comps[accel]; autoload +X _accel")
        self.assertEqual((done.stdout, done.stderr), ("_accel\n", ""))


class Manual(ProgramTest):
    def setUp(self):
        super().setUp()
        self.accel("help", "--man", self.folder / "man1")
        self.pages = sorted((self.folder / "man1").iterdir())

    def test_there_is_a_page_for_each_command(self):
        overview = self.accel("help").stdout.decode()
        names = re.findall(r"^  ([a-z][a-z-]*)  ", overview, re.MULTILINE)
        self.assertEqual([page.name for page in self.pages],
                         sorted(["accel.1"] + [f"accel-{name}.1" for name in names]))

    def render(self, page):
        done = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True,
                              text=True, check=False, timeout=300,
                              env=self.environment(MANWIDTH="100", LC_ALL="C.UTF-8"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), page)
        return done.stdout

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "no man here")
    def test_man_shows_them_without_a_warning(self):
        for page in self.pages:
            self.render(page)
        shown = self.render(self.folder / "man1" / "accel-serve.1")
        self.assertIn("--log-format text|json", shown)
        self.assertIn("accel serve [FLAGS] [MODEL...]", shown)

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc here")
    def test_mandoc_finds_no_error(self):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", *map(str, self.pages)],
                              capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
