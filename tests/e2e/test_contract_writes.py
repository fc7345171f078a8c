# SPDX-License-Identifier: MIT
"""What may be written, and how it is answered: tests/contract/create.py, update.py, batches.py."""
import harness
from contract import tests_of

Create = tests_of("create")
Update = tests_of("update")
Batches = tests_of("batches")

if __name__ == "__main__":
    harness.main()
