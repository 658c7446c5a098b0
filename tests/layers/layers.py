"""The rules of the house, executed: layers.py ROOT

Prints each broken rule as PATH:LINE: RULE: what was found, and fails if there is one. What the
rules are for stands in docs/STYLE.md; what each one catches is shown in layers_test.py.
"""

import pathlib
import re
import sys
from typing import Iterator, NamedTuple

sys.dont_write_bytecode = True
import sources

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

# The only folders that see OpenVINO and Boost.
OPENVINO_FOLDERS = ("models", "precision", "backend", "backends")
BOOST_FOLDERS = ("server/http", "net")

# A folder whose files are named in a list beside them, of LINEs: (folder, list, LINE for FILE).
# CMake compiles what lies in it.
VISIBLE_LISTS = (("models/families", "families.h", "FAMILY(k{pascal})"),
                 ("models/gguf/dialects", "dialects.h", "extern const Dialect k{pascal};"))

FORBIDDEN_WORDS = {"util", "utils", "helper", "helpers", "common", "misc", "wrapper", "wrappers"}
SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*(\.[a-z0-9]+)*")
FREE_NAMES = {"CMakeLists.txt", "Cargo.toml", "Cargo.lock", "README.md", "package-lock.json"}

BANNED_MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# A made-up home may be called "me" or "user".
MACHINE_PATHS = re.compile(r"(?<![\w.$}/*>])/(home/(?!(me|user)\b)|root/|work/|Users/|tmp/)")
REGISTRY_HOSTS = re.compile(
    r"\b(pypi\.org|files\.pythonhosted\.org|(static\.|index\.)?crates\.io|registry\.npmjs\.org|"
    r"repo1?\.maven\.(apache\.)?org|proxy\.golang\.org|deb\.debian\.org|archive\.ubuntu\.com)\b")


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


# --- order of the storeys -------------------------------------------------------------------------


def check_includes(root: pathlib.Path) -> Iterator[Finding]:
    folders = sources.declared_folders(root)
    for path in sources.cpp_files(root, "src", "include"):
        own = sources.folder_of(path, folders)
        for line, name, quoted in sources.includes(root / path):
            yield from (Finding(path, line, "layers", text)
                        for text in include_faults(root, path, own, name, quoted, folders))


def include_faults(root, path, own, name, quoted, folders):
    """What is wrong with one #include of `name` in the file `path` of the folder `own`."""
    if path.startswith("include/"):
        standard = not quoted and re.fullmatch(r"[a-z0-9_]+", name)
        if not standard and not name.startswith("accel/"):
            yield f"include/accel may include only accel/ and the standard library, found {name}"
        return
    if own is None:
        return  # said by check_lists
    if name.startswith("openvino/") and own.name.split("/")[0] not in OPENVINO_FOLDERS:
        yield f"OpenVINO is seen only by {', '.join(OPENVINO_FOLDERS)}; found {name}"
    if name.startswith("boost/") and not any(
            own.name == allowed or own.name.startswith(allowed + "/") for allowed in BOOST_FOLDERS):
        yield f"Boost is seen only by {', '.join(BOOST_FOLDERS)}; found {name}"
    if not quoted or name.startswith("accel/") or not (root / "src" / name).is_file():
        return
    other = sources.folder_of("src/" + name, folders)
    if other is None:
        yield f"{name} belongs to no folder declared in src/CMakeLists.txt"
    elif other.name != own.name and other.storey >= own.storey:
        yield (f"{own.name} (storey {own.storey}) may include only lower storeys, found {name} "
               f"(storey {other.storey})")


# --- sizes and names ------------------------------------------------------------------------------


def check_sizes(root: pathlib.Path) -> Iterator[Finding]:
    for path in sources.own_text_files(root):
        lines = sources.read(root / path).splitlines()
        if len(lines) > FILE_LINES_MAX and sources.is_code(path):
            yield Finding(path, len(lines), "size",
                          f"expected at most {FILE_LINES_MAX} lines, found {len(lines)}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX and sources.is_code(path):
                yield Finding(path, number, "size",
                              f"expected at most {COLUMNS_MAX} columns, found {len(line)}")
    for path in sources.cpp_files(root, "src", "include", "tests", "examples"):
        for name, first, last in sources.functions(sources.read(root / path)):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield Finding(path, first, "size", f"expected a function of at most "
                              f"{FUNCTION_LINES_MAX} lines, found {last - first + 1} in {name}")


def check_names(root: pathlib.Path) -> Iterator[Finding]:
    for path in sources.own_text_files(root):
        if path.split("/")[0] not in ("src", "include", "tests", "examples", "bench", "tools"):
            continue
        for part in path.split("/"):
            if part not in FREE_NAMES and not SNAKE_CASE.fullmatch(part):
                yield Finding(path, 1, "names", f"expected snake_case, found {part}")
            for word in FORBIDDEN_WORDS & set(re.split(r"[_.]", part)):
                yield Finding(path, 1, "names", f"'{word}' says nothing: name what is inside")


def check_texts(root: pathlib.Path) -> Iterator[Finding]:
    for path in sources.own_text_files(root):
        if path.startswith("tests/layers/"):
            continue  # names what it forbids
        for number, line in enumerate(sources.read(root / path).splitlines(), 1):
            for rule, pattern in (("marks", BANNED_MARKS), ("paths", MACHINE_PATHS),
                                  ("hosts", REGISTRY_HOSTS)):
                found = pattern.search(line)
                if found:
                    yield Finding(path, number, rule, f"found {found.group()}")


# --- lists against folders ------------------------------------------------------------------------


def check_lists(root: pathlib.Path) -> Iterator[Finding]:
    folders = sources.declared_folders(root)
    for path in sources.cpp_files(root, "src"):
        yield from source_list_faults(root, path, sources.folder_of(path, folders))
    for folder in folders:
        for keyword, names in folder.lists.items():
            for name in names:
                if not (root / "src" / folder.name / name).is_file():
                    yield Finding("src/CMakeLists.txt", folder.line, "lists",
                                  f"{folder.name} lists {name} in {keyword}, and there is none")
    yield from visible_list_faults(root)


def source_list_faults(root, path, folder):
    # A program's main file stands in add_executable() as folder/file.cc.
    if any(path.startswith(f"src/{listed}/") for listed, _, _ in VISIBLE_LISTS):
        return
    listing = sources.read(root / "src/CMakeLists.txt")
    if re.search(rf"(?<![\w/]){re.escape(path[len('src/'):])}(?!\w)", listing):
        return
    if folder is None:
        yield Finding(path, 1, "lists", "its folder is not declared in src/CMakeLists.txt")
        return
    name = path[len("src/" + folder.name) + 1:]
    keyword = "SOURCES"
    if name.endswith("_fuzz.cc"):
        keyword = "FUZZ"
    elif name.endswith("_test.cc") and sources.is_unit_test(sources.read(root / path)):
        keyword = "TESTS"
    if name.endswith(".cc") and name not in folder.lists[keyword]:
        yield Finding(path, 1, "lists", f"expected {name} in {keyword} of "
                      f"accel_folder({folder.name}) in src/CMakeLists.txt")


def visible_list_faults(root):
    for folder, list_name, pattern in VISIBLE_LISTS:
        listing = root / "src" / folder / list_name
        if not listing.is_file():
            continue
        name = re.escape(pattern).replace(re.escape("k{pascal}"), r"(k\w+)")
        listed = re.findall(name, sources.read(listing))
        where = f"src/{folder}/{list_name}"
        if listed != sorted(listed):
            yield Finding(where, 1, "lists", "expected the list to be sorted")
        for file in sorted(listing.parent.glob("*.cc")):
            if file.stem == listing.stem or file.stem.endswith(("_test", "_fuzz")):
                continue
            wanted = "k" + "".join(word.title() for word in file.stem.split("_"))
            if wanted.lower() not in (name.lower() for name in listed):
                line = pattern.replace("k{pascal}", wanted)
                yield Finding(where, 1, "lists", f"expected {line} for {folder}/{file.name}")


CHECKS = (check_includes, check_sizes, check_names, check_texts, check_lists)


def findings(root: pathlib.Path) -> list[Finding]:
    return sorted(finding for check in CHECKS for finding in check(root))


def main(arguments: list[str]) -> int:
    root = pathlib.Path(arguments[0] if arguments else ".").resolve()
    found = findings(root)
    for finding in found:
        print(finding)
    print(f"layers: {len(sources.own_text_files(root))} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
