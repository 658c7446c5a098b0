"""Facts of the machine that belong beside every figure."""

import os
import platform
from datetime import datetime, timezone
from pathlib import Path


def first_field(path, name):
    """The value of the first "name: value" line of a /proc file, or ""."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def cores():
    """Processors this process may use: affinity, cut by the cgroup's quota."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            allowed = min(allowed, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return allowed


def cpu_model():
    return first_field("/proc/cpuinfo", "model name") or platform.machine()


def facts():
    flags = first_field("/proc/cpuinfo", "flags").split()
    telling = ("avx", "fma", "amx", "f16c", "vnni")
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu_model(),
        "flags": [flag for flag in flags if flag.startswith(telling)],
        "hypervisor": "hypervisor" in flags,
        "cores": cores(),
        "memory": first_field("/proc/meminfo", "MemTotal"),
        "load_average": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def memory_mib(pid):
    """(resident, peak) of a process in MiB; zeros when it is gone."""
    sizes = [first_field(f"/proc/{pid}/status", name) for name in ("VmRSS", "VmHWM")]
    return tuple(round(int(size.split()[0]) / 1024, 1) if size else 0.0 for size in sizes)
