# SPDX-License-Identifier: MIT
"""The man pages against what they are made from: every function, every command, every option."""
import re
import shutil
import subprocess

import harness
import header

MAN = harness.BUILD_DIR / "man"


def shown(page):
    """A page as a reader has it, in one line."""
    text = page.read_text(encoding="utf-8")
    target = re.match(r"\.so (\S+)", text)
    if target:
        text = (MAN / target.group(1)).read_text(encoding="utf-8")
    text = re.sub(r"\\f[BPIR]|\\&", "", text)
    return " ".join(text.replace("\\-", "-").replace("\\e", "\\").split())


class ManualTest(harness.TestCase):
    def test_every_function_is_documented_and_has_a_page(self):
        overview = shown(MAN / "man3" / "telemetry.3")
        for function in header.functions():
            with self.subTest(function=function.name):
                page = shown(MAN / "man3" / f"{function.name}.3")
                names, what = re.search(r"\.SH NAME (.*?) - (.*?) ?\.SH SYNOPSIS", page).groups()
                self.assertIn(function.name, names.split(", "))
                self.assertGreater(len(what), 8, "the comment's first sentence")
                synopsis, description = re.search(
                    r"\.SH SYNOPSIS (.*?) \.SH DESCRIPTION(.*?)\.SH SEE ALSO", page).groups()
                self.assertRegex(synopsis, rf"\b{function.name}\(.*?\);")
                self.assertGreater(len(description), 10)
                self.assertIn(f".BR {function.name} (3)", overview)

    def test_no_page_is_of_a_function_that_is_not_there(self):
        pages = {page.stem for page in (MAN / "man3").iterdir()}
        self.assertEqual(pages, {"telemetry"} | {f.name for f in header.functions()})

    def test_all_types_and_constants_are_on_some_page(self):
        pages = " ".join(shown(page) for page in (MAN / "man3").iterdir())
        text = header.HEADER.read_text(encoding="utf-8")
        names = re.findall(r"\b(TEL_E_\w+) =|^#define (TEL_(?!API)\w+)[ (]|^\} (tel_\w+);|"
                           r"^typedef \w+ (tel_\w+_fn)\(", text, re.M)
        self.assertGreater(len(names), 25)
        for name in {name for group in names for name in group if name}:
            self.assertTrue(re.search(rf"\b{name}\b", pages), name)

    def test_every_command_has_a_page_with_all_its_options(self):
        listed = self.run_program("telemetry", "--help").stdout
        commands = re.findall(r"^  ([a-z]+)[, ] ", listed, re.M)
        self.assertGreaterEqual(set(commands), {"run", "list", "show", "schema"})
        overview = shown(MAN / "man1" / "telemetry.1")
        for command in commands:
            self.assertIn(f"telemetry-{command} (1)", overview)
            self.check_options(MAN / "man1" / f"telemetry-{command}.1", "telemetry", command)
        self.check_options(MAN / "man8" / "telemetryd.8", "telemetryd")

    def check_options(self, page, *command):
        said = self.run_program(*command, "--help").stdout
        options = re.findall(r"^ +(-\S.*?)  +\S", said, re.M)
        self.assertGreater(len(options), 5, said)
        for option in options:
            self.assertIn(f".B {option} ", shown(page))

    def test_the_pages_are_sound(self):
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        for page in MAN.glob("man?/*"):
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "error", page], cwd=MAN,
                                    capture_output=True, text=True, check=False)
            self.assertEqual((result.returncode, result.stdout), (0, ""), page)


if __name__ == "__main__":
    harness.main()
