"""The peers' own virtual environment and their conversions of the model, made once below build/."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
STAMP = "requirements.sha256"


class PeersUnavailable(Exception):
    pass


def fingerprint(*paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


def run(command, what, log):
    with open(log, "ab") as output:
        result = subprocess.run(command, stdout=output, stderr=output, check=False)
    if result.returncode != 0:
        raise PeersUnavailable(f"{what} failed (exit {result.returncode}); see {log}")


def ensure_environment(folder, log):
    """The Python of an environment that holds requirements.txt. Where the pins have changed, what
    differs is installed; an interrupted installation leaves no stamp and starts over."""
    return ensure_pins(folder, REQUIREMENTS, log, "2 GB to fetch, 5 GB on disk")


def ensure_beside(folder, base, requirements, log):
    """The Python of an environment that holds `requirements` and shows the packages of the one in
    `base` where it has no version of its own. It is made anew when its pins have changed."""
    stamp = folder / STAMP
    if not (stamp.exists() and stamp.read_text() == fingerprint(requirements)):
        shutil.rmtree(folder, ignore_errors=True)
    python = ensure_pins(folder, requirements, log, "0.3 GB on disk",
                         ("--ignore-installed", "--require-hashes", "--only-binary=:all:"))
    packages = "lib/python*/site-packages"
    shown = next(base.glob(packages)).resolve()
    (next(folder.glob(packages)) / "peers.pth").write_text(f"{shown}\n")
    return python


def ensure_pins(folder, requirements, log, size, options=()):
    python = folder / "bin" / "python"
    stamp = folder / STAMP
    wanted = fingerprint(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    if stamp.exists() and python.exists():
        print(f"bringing the peers in {folder} to bench/{requirements.name} ...", flush=True)
        stamp.unlink()
    else:
        print(f"installing the peers into {folder} (once; {size}) ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(folder)], "making a virtual environment", log)
    install = [str(python), "-m", "pip", "install", "--no-deps", "--no-cache-dir", *options]
    run([*install, "-r", str(requirements)], f"installing bench/{requirements.name}", log)
    stamp.write_text(wanted)
    return python


def ensure_graphs(python, model, folder, log, exporter="export_graphs.py"):
    """The other forms of `model` that peers take, made anew when it or a pin changes."""
    stamp = folder / "source.sha256"
    wanted = fingerprint(REQUIREMENTS, model / "config.json", model / "model.safetensors")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("converting the model for the peers (once) ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    export = [str(python), str(HERE / "peers" / exporter), str(model), str(folder)]
    run(export, "exporting the model", log)
    stamp.write_text(wanted)
