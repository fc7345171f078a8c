# SPDX-License-Identifier: MIT
"""The endpoints as such, errors, and what the service tells about itself: tests/contract/service.py."""
import harness
from contract import tests_of

Service = tests_of("service")

if __name__ == "__main__":
    harness.main()
