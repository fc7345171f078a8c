# SPDX-License-Identifier: MIT
"""The configuration of the service: where it comes from, and what is said about it."""
import harness
from harness import a_run

TOKEN = "canary-d41d8cd98f00b204"


class Configuration(harness.TestCase):
    def write(self, text, mode=0o600):
        path = self.base / "telemetry.conf"
        path.write_text(text)
        path.chmod(mode)
        return path

    def check(self, *arguments, status=0, **settings):
        result = self.run_program("telemetryd", "--check-config", *arguments, **settings)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertNotIn("listening", result.stderr)
        self.assertFalse((self.base / "db").exists())
        return result

    def test_a_file_is_read_and_the_environment_and_options_win(self):
        path = self.write("# ours\nTELEMETRY_API_PORT=0\nTELEMETRY_API_HOST='127.0.0.3'\n"
                          "TELEMETRY_API_MAX_BODY_MB=1\nTELEMETRY_LOG_LEVEL=DEBUG\n")
        for settings, arguments in (({"TELEMETRY_CONFIG_FILE": path}, ()), ({}, ("-c", str(path)))):
            service = self.start_service("--host", "127.0.0.2", *arguments,
                                         TELEMETRY_LOG_LEVEL="ERROR", **settings)
            self.assertIn("127.0.0.2", service.url)
            large = a_run(error_details="x" * 2_000_000)
            self.assertEqual(service.post(large).status_code, 413)
            service.stop()
            self.assertFalse(any("level=debug" in line for line in service.log))

    def test_check_config_prints_what_is_in_force_and_where_it_comes_from(self):
        path = self.write(f'TELEMETRY_API_AUTH_ENABLED=yes\nTELEMETRY_API_AUTH_TOKEN="{TOKEN}"\n')
        result = self.check("--port", "0", "--config", str(path), TELEMETRY_LOG_LEVEL="debug",
                            TELEMETRY_API_ALLOWED_HOSTS="a, b")
        lines = dict(reversed(line.split(None, 1)) for line in result.stdout.splitlines())
        self.assertEqual(lines["TELEMETRY_API_PORT=0"], "option")
        self.assertEqual(lines["TELEMETRY_LOG_LEVEL=debug"], "environment")
        self.assertEqual(lines['TELEMETRY_API_ALLOWED_HOSTS="a, b"'], "environment")
        self.assertEqual(lines["TELEMETRY_API_AUTH_ENABLED=yes"], "file")
        self.assertEqual(lines["TELEMETRY_API_AUTH_TOKEN=***"], "file")
        self.assertEqual(lines["TELEMETRY_API_MAX_BODY_MB=16"], "default")
        self.assertEqual(lines[f"TELEMETRY_DB_PATH={self.database}"], "default")
        self.assertEqual(result.stderr, "")
        self.assertNotIn(TOKEN, result.stdout)

    def test_every_fault_is_said_at_once_and_is_fatal(self):
        path = self.write("TELEMETRY_API_WORKERS=4\nTELEMETRY_PORT=1\noops\n")
        settings = {"TELEMETRY_CONFIG_FILE": path, "TELEMETRY_API_AUTH_ENABLED": "perhaps",
                    "TELEMETRY_DB_SYNCHRONOUS": "OFF", "TELEMETRY_API_HOST": "0.0.0.0"}
        for arguments in (["--check-config"], []):
            result = self.run_program("telemetryd", *arguments, **settings)
            self.assertEqual(result.returncode, 1)
            for words in (f"{path}:3: it must be KEY=value", f"{path}:2: TELEMETRY_PORT",
                          "TELEMETRY_API_WORKERS must be an integer from 1 to 1",
                          "TELEMETRY_API_AUTH_ENABLED must be true or false",
                          "TELEMETRY_DB_SYNCHRONOUS must be FULL", "TELEMETRY_API_ALLOW_INSECURE"):
                self.assertIn(words, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 6, result.stderr)

    def test_a_file_that_is_not_there_is_fatal(self):
        result = self.check("--config", "/nowhere/telemetry.conf", status=1)
        self.assertIn("/nowhere/telemetry.conf", result.stderr)

    def test_a_secret_in_a_file_for_everybody_is_fatal_and_not_shown(self):
        path = self.write(f"TELEMETRY_API_AUTH_TOKEN={TOKEN}\n", mode=0o644)
        result = self.check("--config", str(path), status=1)
        self.assertIn("TELEMETRY_API_AUTH_TOKEN is secret", result.stderr)
        self.assertNotIn(TOKEN, result.stdout + result.stderr)

    def test_a_token_file_that_others_may_read_is_fatal(self):
        token = self.base / "token"
        token.write_text(TOKEN)
        token.chmod(0o644)
        result = self.check(status=1, TELEMETRY_API_AUTH_ENABLED="true",
                            TELEMETRY_API_AUTH_TOKEN_FILE=token)
        self.assertIn(str(token), result.stderr)
        self.assertIn("chmod 600", result.stderr)

    def test_what_is_printed_cannot_play_tricks_on_a_terminal(self):
        result = self.check(TELEMETRY_API_ALLOWED_HOSTS="\x1b[2Jx\r\ny")
        self.assertNotIn("\x1b", result.stdout)
        self.assertNotIn("\r", result.stdout)

    def test_the_command_takes_the_file_too(self):
        path = self.write(f"TELEMETRY_DB_PATH={self.base}/mine/runs.sqlite\nTELEMETRY_MODE=embedded")
        result = self.run_program("telemetry", "run", "--", "true", TELEMETRY_CONFIG_FILE=path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((self.base / "mine" / "runs.sqlite").is_file())


if __name__ == "__main__":
    harness.main()
