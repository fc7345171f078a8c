# SPDX-License-Identifier: MIT
"""The same run through clients that others made: curl, requests, and those of Python's library."""
import http.client
import json
import shutil
import subprocess
import urllib.request

import requests

import harness
from harness import a_run


def by_curl(url, method, path, body):
    result = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "-X", method, "-w", "%{http_code}", url + path]
        + (["-d", json.dumps(body)] if body is not None else []),
        capture_output=True, text=True, check=True, timeout=harness.PATIENCE_SECONDS,
    )
    return int(result.stdout[-3:]), json.loads(result.stdout[:-3])


def by_curl_chunked(url, method, path, body):
    """As for a body whose length is not known: sent in chunks, after asking whether to send it."""
    result = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "-X", method, "-w", "%{http_code}", url + path]
        + (["-T", "-", "-H", "Expect: 100-continue"] if body is not None else []),
        input=json.dumps(body), capture_output=True, text=True, check=True,
        timeout=harness.PATIENCE_SECONDS,
    )
    return int(result.stdout[-3:]), json.loads(result.stdout[:-3])


def by_requests(url, method, path, body):
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(method, url + path, json=body,
                                   timeout=harness.PATIENCE_SECONDS)
        return response.status_code, response.json()


def by_urllib(url, method, path, body):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(
        url + path, None if body is None else json.dumps(body).encode(), method=method
    )
    with opener.open(request, timeout=harness.PATIENCE_SECONDS) as response:
        return response.status, json.loads(response.read())


def by_http_client(url, method, path, body):
    connection = http.client.HTTPConnection(url.removeprefix("http://"),
                                            timeout=harness.PATIENCE_SECONDS)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class Clients(harness.ServiceTestCase):
    def record_a_run(self, send):
        run = a_run(product="ä")
        path = f"/api/v1/runs/{run['event_id']}"
        self.assertEqual(send(self.service.url, "POST", "/api/v1/runs", run)[0], 201)
        self.assertEqual(send(self.service.url, "POST", "/api/v1/runs", run)[0], 200)
        status, body = send(self.service.url, "PATCH", path, {"status": "completed"})
        self.assertEqual((status, body["fields_updated"]), (200, ["status"]))
        status, body = send(self.service.url, "POST", "/api/v1/runs/batch", [run, a_run()])
        self.assertEqual((status, body["inserted"], body["duplicates"]), (200, 1, 1))
        status, body = send(self.service.url, "GET", path, None)
        self.assertEqual((status, body["status"], body["product"]), (200, "success", "ä"))

    def test_curl(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        self.record_a_run(by_curl)
        self.record_a_run(by_curl_chunked)

    def test_requests(self):
        self.record_a_run(by_requests)

    def test_urllib(self):
        self.record_a_run(by_urllib)

    def test_http_client(self):
        self.record_a_run(by_http_client)


if __name__ == "__main__":
    harness.main()
