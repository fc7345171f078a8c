"""The documentation against the sources: names that exist, links that lead somewhere."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class DocumentationTest(unittest.TestCase):
    def test_api_names_point_to_functions_and_tests_that_exist(self):
        header = (ROOT / "include/telemetry.h").read_text()
        tests = "\n".join(p.read_text() for p in (ROOT / "tests").rglob("test_*.[cp]*"))
        page = (ROOT / "docs/api-names.md").read_text()
        rows = [line for line in page.splitlines() if line.startswith("| `")]
        self.assertGreater(len(rows), 40)
        for row in rows:
            _, _, ours, proof, _ = [cell.strip() for cell in row.split("|")]
            for name in re.findall(r"`(tel_\w+)", ours):
                self.assertRegex(header, rf"\b{name}\b", row)
            for name in re.findall(r"`(\w+__\w+|test_\w+)`", proof):
                self.assertRegex(tests, rf"\b{name}\b", row)
            self.assertIn("`", proof, row)

    def test_each_proof_of_a_promise_is_a_test_and_each_file_is_there(self):
        tests = "\n".join(p.read_text() for p in (ROOT / "tests").rglob("test_*.[cp]*"))
        page = (ROOT / "docs/reliability.md").read_text()
        proofs = re.findall(r"`(\w+__\w+|test_\w+)`", page)
        self.assertGreater(len(proofs), 100)
        for name in proofs:
            self.assertRegex(tests, rf"(def|static void) {name}\(", name)
        for path in re.findall(r"`(src/[^`]+)`", page):
            self.assertTrue((ROOT / path).exists(), path)

    def test_links_between_pages_lead_somewhere(self):
        for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]:
            for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
                self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    unittest.main()
