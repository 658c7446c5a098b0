"""Unpacks chosen folders of one wheel: unpack.py WHEEL TARGET FROM=TO [FROM=TO ...]

FROM is a folder inside the wheel (shell patterns allowed), TO the folder below TARGET that gets
its content ("." for TARGET itself). Exits with an error when a FROM matches nothing, so that a
changed wheel is noticed here and not at the first build.
"""

import fnmatch
import pathlib
import shutil
import sys
import zipfile


def target_of(name, moves):
    """The path below TARGET for the archive member `name` and the move that matched, or None."""
    parts = pathlib.PurePosixPath(name).parts
    for source, destination in moves:
        depth = len(pathlib.PurePosixPath(source).parts)
        if len(parts) > depth and fnmatch.fnmatch("/".join(parts[:depth]), source):
            return pathlib.PurePosixPath(destination, *parts[depth:]), source
    return None


def main(arguments):
    wheel, target, *rest = arguments
    moves = [tuple(move.split("=", 1)) for move in rest]
    unused = {source for source, _ in moves}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            found = None if member.is_dir() else target_of(member.filename, moves)
            if found is None:
                continue
            path, source = found
            if ".." in path.parts or path.is_absolute():
                sys.exit(f"{wheel}: refusing the path {member.filename}")
            unused.discard(source)
            full = pathlib.Path(target, path)
            full.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as data, open(full, "wb") as out:
                shutil.copyfileobj(data, out, 1 << 20)
            if member.external_attr >> 16 & 0o111:  # Unix permissions, of programs
                full.chmod(0o755)
    if unused:
        sys.exit(f"{wheel}: expected {', '.join(sorted(unused))} inside, found nothing there")


if __name__ == "__main__":
    main(sys.argv[1:])
