# SPDX-License-Identifier: MIT
"""Calling the shared library from Python, in a process of its own.

Python is not built with the sanitizers, so that a process which loads a library that is needs them
preloaded: a test starts itself again, with these settings.
"""
import ctypes
import os
import subprocess
import unittest

import harness


def settings():
    """Environment variables of a process that loads the library."""
    sanitize = os.environ.get("TELEMETRY_SANITIZE", "")
    result = {"TELEMETRY_BUILD_DIR": str(harness.BUILD_DIR)}
    if "thread" in sanitize:
        raise unittest.SkipTest("Python cannot be watched by that sanitizer")
    if sanitize:
        result["LD_PRELOAD"] = subprocess.check_output(
            ["cc", "-print-file-name=libasan.so"], text=True).strip()
        result["ASAN_OPTIONS"] = "detect_leaks=0:use_sigaltstack=0"
    return result


def path():
    """The shared library."""
    return str(harness.BUILD_DIR / "lib" / "libtelemetry.so")


def load():
    return ctypes.CDLL(path(), use_errno=True)
