"""The peers' own virtual environment and their conversions of the model, made once below build/."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


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
    python = folder / "bin" / "python"
    stamp = folder / "requirements.sha256"
    wanted = fingerprint(REQUIREMENTS)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    if stamp.exists() and python.exists():
        print(f"bringing the peers in {folder} to bench/requirements.txt ...", flush=True)
        stamp.unlink()
    else:
        print(f"installing the peers into {folder} (once; 2 GB to fetch, 5 GB on disk) ...",
              flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(folder)], "making a virtual environment", log)
    install = [str(python), "-m", "pip", "install", "--no-deps", "--no-cache-dir"]
    run([*install, "-r", str(REQUIREMENTS)], "installing bench/requirements.txt", log)
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
