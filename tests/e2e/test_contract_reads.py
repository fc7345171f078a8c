# SPDX-License-Identifier: MIT
"""What can be asked for: tests/contract/lists.py."""
import harness
from contract import tests_of

Lists = tests_of("lists")

if __name__ == "__main__":
    harness.main()
