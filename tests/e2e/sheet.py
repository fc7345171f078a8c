# SPDX-License-Identifier: MIT
"""A strict stand-in for Google Sheets, for the issuer of its tokens, and for a webhook.

Whatever is not exactly as these interfaces want it is answered with an error, and noted in `faults`.
Told to, it misbehaves.
"""
import base64
import http.server
import json
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

COLUMNS = (
    "run_id agent_name agent_owner job_type trigger_type start_time end_time status items_discovered"
    " items_succeeded items_failed duration_ms error_summary product platform product_family subdomain"
    " website website_section item_name git_repo git_branch git_commit_hash git_commit_source"
    " git_commit_author git_commit_timestamp host"
).split()
SCOPE = "https://www.googleapis.com/auth/spreadsheets"
EMAIL = "robot@project.iam.gserviceaccount.com"
KEY_ID = "key-1"
SPREADSHEET = "/v4/spreadsheets/1AbC-_d"
APPEND = SPREADSHEET + "/values/Runs!A1:append"


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_key_file(path, key, token_uri, **changes):
    """Write a service account's key file, private as it should be."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption()).decode()
    account = {"type": "service_account", "project_id": "project", "private_key_id": KEY_ID,
               "private_key": pem, "client_email": EMAIL, "client_id": "1", "token_uri": token_uri}
    path.write_text(json.dumps({**account, **changes}))
    path.chmod(0o600)
    return pem


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Refusal(Exception):
    """What is wrong with a request: the status to answer with, and why."""

    def __init__(self, status, reason):
        super().__init__(f"{status}: {reason}")
        self.status, self.reason = status, reason


def demand(condition, status, reason):
    if not condition:
        raise Refusal(status, reason)


class Sheet:
    """The server. Rows and objects that it took are in `rows`, all as dicts by column. `tls`: an
    ssl.SSLContext, for https.
    """

    def __init__(self, key=None, token=None, expires_in=3599, tls=None):
        self.public_key = key.public_key() if key else None
        self.tokens = {token} if token else set()  # that it takes
        self.wants_token = bool(key or token)
        self.expires_in = expires_in
        self.rows, self.faults, self.requests = [], [], []
        self.misbehaviour = []  # functions of the handler, one for each post to come
        self.issued = 0
        self._released = threading.Event()
        sheet = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                try:
                    sheet.take(self)
                except ConnectionError:  # the client has heard enough
                    self.close_connection = True

            do_GET = do_PUT = do_POST

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self.token_uri = self.url + "/token"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    # ---- what it may be told to do instead of taking a post ----

    def stay_silent(self, handler):
        handler.close_connection = True
        self._released.wait()

    def release(self):
        """Let those go that wait for an answer."""
        self._released.set()

    @staticmethod
    def status(status, body=b"", **headers):
        def answer(handler):
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        return answer

    @staticmethod
    def raw(data):
        def answer(handler):
            handler.wfile.write(data)
            handler.close_connection = True
        return answer

    # ---- a request ----

    def take(self, handler):
        length = int(handler.headers.get("Content-Length", 0))
        body = handler.rfile.read(length)
        path, _, query = handler.path.partition("?")
        self.requests.append((handler.command, handler.path, dict(handler.headers), body))
        try:
            if path == "/token":
                answer = self.issue(handler, body)
            elif self.misbehaviour and handler.command == "POST":
                self.misbehaviour.pop(0)(handler)
                return
            else:
                self.check_token(handler)
                answer = self.serve(handler, path, query, body)
        except Refusal as refusal:
            if refusal.status not in (401, 404):
                self.faults.append(str(refusal))
            self.status(refusal.status, json.dumps(
                {"error": {"code": refusal.status, "message": refusal.reason}}).encode())(handler)
            return
        self.status(200, json.dumps(answer).encode(), **{"Content-Type": "application/json"})(handler)

    def serve(self, handler, path, query, body):
        if handler.command == "GET" and path == SPREADSHEET:
            demand(query == "fields=spreadsheetId", 400, f"query {query}")
            return {"spreadsheetId": path.rsplit("/", 1)[1]}
        demand(handler.command == "POST", 405, f"method {handler.command}")
        demand(handler.headers["Content-Type"] == "application/json", 415, "content type")
        if urllib.parse.unquote(path) == APPEND:
            return self.append(query, json.loads(body))
        demand(path == "/hook", 404, f"no {path} here")
        return self.take_object(json.loads(body))

    def check_token(self, handler):
        given = handler.headers.get("Authorization")
        if self.wants_token:
            demand(given and given.startswith("Bearer ") and given[7:] in self.tokens, 401,
                   "no valid token")
        else:
            demand(given is None, 400, "a token that nobody asked for")

    def append(self, query, body):
        demand(urllib.parse.parse_qs(query, strict_parsing=True) == {"valueInputOption": ["RAW"]},
               400, f"query {query}")
        demand(set(body) == {"majorDimension", "values"} and body["majorDimension"] == "ROWS", 400,
               f"members {list(body)}")
        demand(len(body["values"]) == 1 and len(body["values"][0]) == len(COLUMNS), 400,
               "it must be one row of all columns")
        row = dict(zip(COLUMNS, body["values"][0]))
        self.check_cells(row)
        self.rows.append(row)
        return {"updates": {"updatedRows": 1}}

    def take_object(self, body):
        demand(set(body) <= set(COLUMNS), 400, f"unknown members in {list(body)}")
        demand("" not in body.values(), 400, "an empty value")
        self.check_cells(body)
        self.rows.append(body)
        return {}

    @staticmethod
    def check_cells(cells):
        for name, value in cells.items():
            kinds = (int,) if name.startswith("items_") or name == "duration_ms" else (str,)
            demand(isinstance(value, kinds) and not isinstance(value, bool) or value == "", 400,
                   f"{name} is {value!r}")

    # ---- tokens ----

    def issue(self, handler, body):
        demand(handler.command == "POST", 405, "tokens are posted for")
        demand(handler.headers["Content-Type"] == "application/x-www-form-urlencoded", 400,
               "content type of a token's request")
        demand("Authorization" not in handler.headers, 400, "a token for a token")
        form = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        demand(set(form) == {"grant_type", "assertion"}, 400, f"form {list(form)}")
        demand(form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"], 400, "grant")
        self.check_assertion(form["assertion"][0])
        self.issued += 1
        token = f"issued.{self.issued}-{time.time_ns()}"
        self.tokens.add(token)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}

    def check_assertion(self, assertion):
        header, claims, signature = assertion.split(".")
        try:
            self.public_key.verify(decode(signature), f"{header}.{claims}".encode(),
                                   padding.PKCS1v15(), hashes.SHA256())
        except Exception as error:
            raise Refusal(401, "invalid signature") from error
        header, claims = json.loads(decode(header)), json.loads(decode(claims))
        demand(header == {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}, 400, f"header {header}")
        demand(set(claims) == {"iss", "scope", "aud", "iat", "exp"}, 400, f"claims {list(claims)}")
        demand(claims["iss"] == EMAIL, 400, "issuer")
        demand(claims["scope"] == SCOPE, 400, "scope")
        demand(claims["aud"] == self.token_uri, 400, f"audience {claims['aud']}")
        demand(abs(claims["iat"] - time.time()) < 300, 400, "time of issue")
        demand(0 < claims["exp"] - claims["iat"] <= 3600, 400, "expiry")
