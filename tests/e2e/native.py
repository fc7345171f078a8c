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


def address_sanitizer():
    """The library that has to be loaded before all others; "" where none is needed."""
    if not harness.SANITIZE:
        return ""
    return subprocess.check_output(["cc", "-print-file-name=libasan.so"], text=True).strip()


def settings():
    """Environment variables of a process that loads the library."""
    result = {"TELEMETRY_BUILD_DIR": str(harness.BUILD_DIR)}
    if "thread" in harness.SANITIZE:
        raise unittest.SkipTest("Python cannot be watched by that sanitizer")
    if harness.SANITIZE:
        result["LD_PRELOAD"] = address_sanitizer()
        result["ASAN_OPTIONS"] = "detect_leaks=0:use_sigaltstack=0"
    return result


def path():
    """The shared library."""
    return str(harness.BUILD_DIR / "lib" / "libtelemetry.so")


def load():
    return ctypes.CDLL(path(), use_errno=True)
