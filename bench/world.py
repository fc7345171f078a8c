# SPDX-License-Identifier: MIT
"""Where a benchmark runs: a base directory of its own, services of every kind, the machine."""
import contextlib
import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess
import tempfile

CHUNK_BYTES = 1 << 20
ROOT = pathlib.Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def base_directory(parent=None):
    """A base directory, removed at the end. On the disk of this repository unless said otherwise:
    what is measured is a disk, not a memory."""
    path = tempfile.mkdtemp(prefix="telemetry-bench-", dir=parent or ROOT / "build")
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def environment(base, **settings):
    kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    return {**kept, "HOME": str(base), "TELEMETRY_BASE_DIR": str(base), **settings}


@contextlib.contextmanager
def silent_service():
    """A port that takes connections and never answers; gives the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield listener.getsockname()[1]


def refusing_port():
    """A port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def drop_from_memory(path):
    """Have the kernel keep nothing of a file, as after a start of the machine."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_into_memory(path):
    """Have the kernel keep all of a file that fits, page by page, as the service comes to have it: what
    Linux reads ahead it keeps in large pieces, and a write to one of those costs it twice as much."""
    drop_from_memory(path)
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        while file.read(CHUNK_BYTES):
            pass


def machine():
    """What the figures were made on."""
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(ROOT)], capture_output=True, text=True,
                          check=False).stdout.strip()
    return (f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} cores, "
            f"{int(memory.group(1)) >> 20} GiB, Linux {platform.release()}, {kind}; "
            f"load average {os.getloadavg()[0]:.1f} at the start")
