# SPDX-License-Identifier: MIT
"""telemetry.h as data: its functions, with their parameters and comments."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = ROOT / "include" / "telemetry.h"


class Parameter:
    """A parameter: its type without const (`tel_client *`), and its name."""

    def __init__(self, text):
        text = re.sub(r"\bconst\b", "", text)
        match = re.fullmatch(r"\s*(.*?)(\w+)\s*(\[\w*\])?\s*", text, re.S)
        self.name = match.group(2)
        self.type = " ".join(match.group(1).replace("*", " * ").split())
        if match.group(3):
            self.type += match.group(3)
        self.type = self.type.replace("* *", "**")


class Function:
    """A public function."""

    def __init__(self, result, name, parameters):
        self.result = " ".join(result.replace("*", " * ").split())
        self.name = name
        self.parameters = parameters

    def __repr__(self):
        return self.name


def functions():
    """All functions that the header declares, in its order."""
    text = re.sub(r"/\*.*?\*/", " ", HEADER.read_text(encoding="utf-8"), flags=re.S)
    found = []
    for result, name, inside in re.findall(r"TEL_API\s+([^;(]*?)(\w+)\(([^;]*)\)\s*;", text):
        parts = [] if inside.strip() == "void" else inside.split(",")
        found.append(Function(result, name, [Parameter(part) for part in parts]))
    return found


def run_fields():
    """The members of tel_run_fields behind `size`, in order: (name, is it text)."""
    text = re.sub(r"/\*.*?\*/", " ", HEADER.read_text(encoding="utf-8"), flags=re.S)
    body = re.search(r"typedef struct tel_run_fields \{(.*?)\} tel_run_fields;", text, re.S).group(1)
    members = re.findall(r"(const char \*|int64_t )(\w+);", body)
    return [(name, kind == "const char *") for kind, name in members]
