"""clang-tidy over every own source: run.py BUILD_FOLDER [name part ...]

Runs on all cores, and remembers what was clean. The key of a file's entry is a hash of everything
that its findings depend on: the file, the own headers it includes (followed through), the compile
command, the configuration, the stamps of what ./dev setup unpacked, and clang-tidy's version.

Sources of one folder are checked as one file, as the release build compiles them: their headers
are parsed once. What is found in such a file is looked for again in each of its sources alone, and
that is what is reported.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLANG_TIDY = ROOT / ".deps/clang-tidy/bin/clang-tidy"
OWN_FOLDERS = ("src", "tests", "examples", "bench")
INCLUDE_FOLDERS = (ROOT / "src", ROOT / "include", ROOT / "rust/textkit/include")
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


@functools.cache
def own_includes(path):
    """The own files that `path` includes directly."""
    found = []
    for name in INCLUDE.findall(path.read_bytes()):
        for folder in (path.parent, *INCLUDE_FOLDERS):
            candidate = folder / name.decode()
            if candidate.is_file():
                found.append(candidate.resolve())
                break
    return found


def dependencies(path):
    """`path` and all own files it includes, followed through, sorted."""
    seen, waiting = set(), [path]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(own_includes(current))
    return sorted(seen)


@functools.cache
def file_hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def surroundings():
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    stamps = [ROOT / ".deps/openvino/.stamp", ROOT / ".deps/textkit/.stamp"]
    texts = [version, (ROOT / ".clang-tidy").read_bytes()]
    return texts + [stamp.read_bytes() for stamp in stamps if stamp.is_file()]


def key_of(entry):
    digest = hashlib.sha256()
    for text in surroundings():
        digest.update(text)
    digest.update(entry["command"].encode())
    for path in dependencies(pathlib.Path(entry["file"]).resolve()):
        digest.update(f"{path.relative_to(ROOT)} {file_hash(path)}\n".encode())
    return digest.hexdigest()


def is_test(entry):
    return entry["file"].endswith(("_test.cc", "_fuzz.cc"))


def tidy(file, flags, test):
    """clang-tidy's findings in one file, or "" when there are none."""
    command = [CLANG_TIDY, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", file]
    if test:
        command.append("--checks=-clang-analyzer-*")
    done = subprocess.run([*command, "--", *flags], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def flags_of(entry):
    """The compile command without the compiler, its input and its output."""
    words = shlex.split(entry["command"])
    output = words.index("-o")
    kept = words[1:output] + words[output + 2:]
    return [word for word in kept if word not in ("-c", entry["file"])]


def joined(paths):
    """The sources' texts as one; of what several include, the first include is kept."""
    included, texts = set(), []
    for path in paths:
        lines = path.read_text(encoding="utf-8").split("\n")
        texts += ["" if line in included else line for line in lines]
        included.update(line for line in lines if line.startswith("#include"))
    return "\n".join(texts)


def check(group):
    """Yields each entry of a group of one folder and one set of flags, with its findings."""
    flags, test = flags_of(group[0]), is_test(group[0])
    if len(group) > 1:
        paths = [pathlib.Path(entry["file"]) for entry in group]
        with tempfile.NamedTemporaryFile("w", suffix="_test.cc" if test else ".cc") as together:
            together.write(joined(paths))
            together.flush()
            if not tidy(together.name, [*flags, f"-I{paths[0].parent}"], test):
                return [(entry, "") for entry in group]
    return [(entry, tidy(entry["file"], flags, test)) for entry in group]


def groups(entries):
    """Lists of entries that one file may hold: few sources, for the analyzer's time to spread over
    the cores, more tests."""
    alike = {}
    for entry in entries:
        folder = pathlib.Path(entry["file"]).parent
        alike.setdefault((folder, is_test(entry), *flags_of(entry)), []).append(entry)
    for members in alike.values():
        most = 16 if is_test(members[0]) else 8
        yield from (members[first:first + most] for first in range(0, len(members), most))


def own_entries(build, parts):
    """The compile commands of own files whose path contains one of `parts` (all if none)."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"]).resolve()
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in OWN_FOLDERS:
            if not parts or any(part in str(path) for part in parts):
                yield entry


def main(arguments):
    build = pathlib.Path(arguments[0])
    remembered = build / "clean"
    remembered.mkdir(exist_ok=True)
    known = {path.name for path in remembered.iterdir()}
    entries = {key_of(entry): entry for entry in own_entries(build, arguments[1:])}
    waiting = {entry["file"]: key for key, entry in entries.items() if key not in known}
    failed = 0
    work = list(groups([entry for entry in entries.values() if entry["file"] in waiting]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for job in concurrent.futures.as_completed([pool.submit(check, group) for group in work]):
            for entry, findings in job.result():
                if findings:
                    failed += 1
                    print(findings, flush=True)
                else:
                    (remembered / waiting[entry["file"]]).touch()
    if not arguments[1:]:
        for stale in known - set(entries):
            (remembered / stale).unlink()
    print(f"clang-tidy: {len(entries)} files, {len(waiting)} checked now, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
