# SPDX-License-Identifier: MIT
"""The tables of tests/contract leave nothing out that the service says of itself."""
import harness
from contract import cases_of
from openapi import Description

TABLES = ("create", "update", "batches", "lists", "service")
# These follow from how the service is set up, or from the state it is in: e2e.service_* has them.
OF_THE_SERVICE = {"401", "413", "421", "429", "500", "503"}


class Complete(harness.ServiceTestCase):
    def setUp(self):
        super().setUp()
        self.description = Description(self.service.get("/openapi.json").json())
        self.exchanges = [step for table in TABLES for case in cases_of(table)
                          for step in case.steps if hasattr(step, "method")]

    def of_operation(self, operation):
        return [exchange for exchange in self.exchanges
                if self.description.operation(exchange.method, exchange.path) is operation]

    def test_every_answer_of_every_operation_is_given_somewhere(self):
        for path, method, operation in self.description.operations():
            with self.subTest(f"{method} {path}"):
                given = {str(exchange.status) for exchange in self.of_operation(operation)}
                self.assertEqual(set(operation["responses"]) - OF_THE_SERVICE - given, set())

    def test_every_parameter_is_given_somewhere(self):
        for path, method, operation in self.description.operations():
            queries = [exchange.path.partition("?")[2] for exchange in self.of_operation(operation)]
            names = {pair.partition("=")[0] for query in queries for pair in query.split("&")}
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    self.assertIn(parameter["name"], names, f"{method} {path}")

    def test_every_case_asks_something(self):
        for table in TABLES:
            for case in cases_of(table):
                self.assertTrue(case.steps, case.says)


if __name__ == "__main__":
    harness.main()
