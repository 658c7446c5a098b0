"""What layers.py reads: the declared folders, the files, their includes and functions."""

import functools
import os
import pathlib
import re
from typing import Iterator, NamedTuple

# Never ours, or not text that a person keeps.
SKIPPED_FOLDERS = {".git", ".deps", "build", "target", "__pycache__", "node_modules"}
SKIPPED_PATHS = ("tests/data", "bench/data", "LICENSE", "docs/rows.tsv")
CODE_SUFFIXES = (".h", ".cc", ".rs", ".py", ".cmake", ".sh", ".c")


class Folder(NamedTuple):
    name: str
    storey: int
    line: int
    lists: dict[str, list[str]]


@functools.lru_cache(maxsize=None)
def read(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8")


def is_code(path: str) -> bool:
    return path.endswith(CODE_SUFFIXES) or path.endswith("CMakeLists.txt") or "." not in path


@functools.lru_cache(maxsize=None)
def own_text_files(root: pathlib.Path) -> list[str]:
    """Every text file of the project, as sorted paths below `root`."""
    found = []
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in SKIPPED_FOLDERS)
        for name in names:
            path = pathlib.Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if relative.startswith(SKIPPED_PATHS) or name == "Cargo.lock":
                continue
            if b"\0" not in path.read_bytes()[:4096]:
                found.append(relative)
    return sorted(found)


def cpp_files(root: pathlib.Path, *tops: str) -> list[str]:
    return [path for path in own_text_files(root)
            if path.endswith((".h", ".cc")) and path.split("/")[0] in tops]


# --- src/CMakeLists.txt ---------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def declared_folders(root: pathlib.Path) -> list[Folder]:
    """The accel_folder() calls of src/CMakeLists.txt."""
    text = re.sub(r"#[^\n]*", "", read(root / "src/CMakeLists.txt"))
    folders = []
    for call in re.finditer(r"\baccel_folder\(([^)]*)\)", text):
        name, *words = re.sub(r"\$\{\w+\}", "", call.group(1)).split()  # globs list themselves
        values: dict[str, list[str]] = {}
        keyword = ""
        for word in words:
            if re.fullmatch(r"[A-Z_]+", word):
                keyword = word
                values[keyword] = []
            else:
                values.setdefault(keyword, []).append(word)
        lists = {key: values.get(key, []) for key in ("SOURCES", "TESTS", "FUZZ")}
        line = text.count("\n", 0, call.start()) + 1
        folders.append(Folder(name, int(values["STOREY"][0]), line, lists))
    return folders


def folder_of(path: str, folders: list[Folder]) -> "Folder | None":
    """The declared folder that holds src/... `path`: the longest name that fits."""
    fitting = [folder for folder in folders if path.startswith(f"src/{folder.name}/")]
    return max(fitting, key=lambda folder: len(folder.name), default=None)


def is_unit_test(text: str) -> bool:
    """Tells foo_test.cc from a source whose subject is called a test."""
    return re.search(r"#include <g(test|mock)/", text) is not None


# --- C++ ------------------------------------------------------------------------------------------


def includes(path: pathlib.Path) -> Iterator[tuple[int, str, bool]]:
    """Line, name and whether it stands in quotes, of each #include."""
    for number, line in enumerate(read(path).splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found:
            yield number, found.group(2), found.group(1) == '"'


HIDDEN = re.compile(
    r'R"([^\s()\\]{0,16})\(.*?\)\1"'    # raw string
    r"|//[^\n]*|/\*.*?\*/"              # comments
    r'|"(?:\\.|[^"\\\n])*"'             # string
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'"  # character (not a digit separator)
    r"|^[ \t]*#(?:[^\n\\]|\\.)*", re.DOTALL | re.MULTILINE)  # preprocessor line


def hide(text: str) -> str:
    """`text` with comments, literals and preprocessor lines blanked, of the same length."""
    return HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


NOT_FUNCTIONS = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
CONTROL = re.compile(r"^(if|for|while|switch|catch|return|do|else)\b")


def function_name(header: str) -> "str | None":
    """The name when `header` (the text before a brace) begins a function body."""
    header = " ".join(header.split())
    header = re.sub(r"^((public|private|protected)\s*:\s*)+", "", header)
    header = re.sub(r"^(template\s*<.*?>\s*(?=[A-Za-z_\[]))+", "", header)
    if "(" not in header or CONTROL.match(header):
        return None
    before = header[:header.index("(")]
    if NOT_FUNCTIONS.search(before) and not re.search(r"\b(operator|extern)\b", before):
        return None
    if re.search(r"=\s*$|=\s*\w+(::\w+)*$", header) or (
            "=" in before and "operator" not in before):
        return None
    if re.match(r"[A-Z_]+\(", header):
        return header  # TEST(Suite, Name)
    found = re.search(r"(operator\s*\S+|~?[\w:]+)\s*$", before)
    return found.group(1) if found else None


def functions(text: str) -> Iterator[tuple[str, int, int]]:
    """Name, first and last line of each outermost function, from its signature on."""
    hidden = hide(text)
    depth = parentheses = start = first = 0
    name, depth_of_function = "", None
    for found in re.finditer(r"[(){};]", hidden):
        position, mark = found.start(), found.group()
        if depth_of_function is None:
            parentheses += {"(": 1, ")": -1}.get(mark, 0)
        if mark in "()" or (depth_of_function is None and parentheses > 0):
            continue  # braces in a parameter list are default arguments
        if mark == "{":
            depth += 1
            header = hidden[start:position]
            named = function_name(header) if depth_of_function is None else None
            if named is not None:
                depth_of_function, name = depth, named
                blank = re.match(r"\s*((public|private|protected)\s*:\s*)*", header).end()
                first = hidden.count("\n", 0, start + blank) + 1
        elif mark == "}":
            # A brace initialiser in a constructor's list ends here, and the body follows.
            follows = hidden[position + 1:position + 200].lstrip()[:1]
            if depth == depth_of_function and follows not in (",", "{"):
                yield name, first, hidden.count("\n", 0, position) + 1
                depth_of_function = None
            depth -= 1
        if depth_of_function is None:
            start = position + 1
