# SPDX-License-Identifier: MIT
"""Requests that must not be served, as data: (name, bytes, what may come of it).

What may come of it is a set of statuses; None stands for a connection that is closed without an
answer, or not answered while more could come.
"""
GET = b"GET /api/v1/runs HTTP/1.1\r\n"
POST = b"POST /api/v1/runs HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
END = b"\r\n"

UNREADABLE = {400, None}  # a request line without any blank is closed without an answer


def _request_lines():
    for name, line in (
        ("no target", b"GET HTTP/1.1"),
        ("no version", b"GET /api/v1/runs"),
        ("only a method", b"GET"),
        ("HTTP/0.9", b"GET /api/v1/runs HTTP/0.9"),
        ("HTTP/2", b"GET /api/v1/runs HTTP/2.0"),
        ("HTTP/3.7", b"GET /api/v1/runs HTTP/3.7"),
        ("HTTP/11.1", b"GET /api/v1/runs HTTP/11.1"),
        ("lower-case version", b"GET /api/v1/runs http/1.1"),
        ("version without number", b"GET /api/v1/runs HTTP/"),
        ("another protocol", b"GET /api/v1/runs FTP/1.1"),
        ("text behind the version", b"GET /api/v1/runs HTTP/1.1 x"),
        ("two versions", b"GET /api/v1/runs HTTP/1.1 HTTP/1.1"),
        ("blanks before the method", b"  GET /api/v1/runs HTTP/1.1"),
        ("blanks between", b"GET  /api/v1/runs  HTTP/1.1"),
        ("a tab between", b"GET\t/api/v1/runs HTTP/1.1"),
        ("a blank in the target", b"GET /api/v1/runs /x HTTP/1.1"),
        ("noise", b"\x80\x81\x82\xff"),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2"),
        ("SOCKS", b"\x05\x01\x00"),
        ("HTTP/2's preface", b"PRI * HTTP/2.0"),
        ("NULs", b"\0\0\0\0"),
    ):
        yield "line: " + name, line + END + HOST + END, UNREADABLE | {404, 405, 421, 505}


def _targets():
    for target in (b"http://localhost/api/v1/runs", b"http://evil.example/api/v1/runs",
                   b"https://localhost/", b"localhost:8765", b"api/v1/runs", b"?limit=1", b"#x", b"\\x",
                   b"//\0", b"/api/v1/runs\0", b"/api\0/v1/runs", b"/api/v1/runs?x=\0", b"/%00",
                   b"/api/v1/runs/%00", b"/api/v1/runs?limit=%00", b"/api/v1/runs?%00=1"):
        yield f"target: {target}", b"GET " + target + b" HTTP/1.1\r\n" + HOST + END, {400}
    yield "target: CONNECT", b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + END, {400}
    yield "target: too many parameters", (b"GET /api/v1/runs?" + b"&a=1" * 65 + b" HTTP/1.1\r\n" +
                                          HOST + END), {400}
    for size in (8193, 20000, 100000):
        yield f"target: {size} bytes", (b"GET /" + b"x" * (size - 1) + b" HTTP/1.1\r\n" + HOST +
                                        END), {414, None}
    for target in (b"/api/v1/runs/../runs", b"/./api/v1/runs", b"/api/v1//runs", b"/api/v1/runs/",
                   b"/API/v1/runs", b"/api%2fv1/runs", b"/api/v1/runs;x", b"/etc/passwd",
                   b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/api/v1/runs/a/b/c/d/e/f/g/h",
                   b"/api/v1/runs%0d%0aX: y", b"/%c0%ae%c0%ae/", b"/\xff\xfe"):
        yield f"path: {target}", b"GET " + target + b" HTTP/1.1\r\n" + HOST + END, {404}


def _methods():
    for method in (b"PUT", b"DELETE", b"TRACE", b"get", b"Get", b"PROPFIND", b"X" * 100, b"GETS", b"$"):
        yield f"method: {method[:20]}", method + b" /api/v1/runs HTTP/1.1\r\n" + HOST + END, {405}
    yield "method: GET of a batch", b"GET /api/v1/runs/batch HTTP/1.1\r\n" + HOST + END, {405}
    yield "method: PATCH of all", b"PATCH /api/v1/runs HTTP/1.1\r\n" + HOST + END, {405}
    yield "method: POST of health", b"POST /health HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", {405}


def _hosts():
    yield "host: none", GET + END, {400}
    yield "host: none in HTTP/1.0", b"GET /api/v1/runs HTTP/1.0\r\n\r\n", {400}
    for second in (b"localhost", b"evil.example", b""):
        yield f"host: a second {second}", GET + HOST + b"Host: " + second + END + END, {400}
        yield f"host: a second, spelled otherwise {second}", GET + HOST + b"hOST:" + second + END + END, {400}
    yield "host: three", GET + HOST * 3 + END, {400}
    for host in (b"", b"evil.example", b"localhost.evil.example", b"evil.localhost", b"0.0.0.0",
                 b"127.0.0.1.nip.io", b"[::]", b"localhost:x", b"localhost:80:80", b"user@localhost",
                 b"localhost/", b"localhost, evil", b"localhost evil", b"2130706433", b"127.1", b"[::1",
                 b"::1", b"localhost.", b"\xff", b"x" * 5000):
        yield f"host: {host[:30]}", GET + b"Host: " + host + END + END, {421}
    yield "host: with NUL", GET + b"Host: localhost\0\r\n\r\n", {400}
    yield "host: with NUL inside", GET + b"Host: localhost\0evil\r\n\r\n", {400}


def _headers():
    for name, header in (
        ("no colon", b"nonsense"),
        ("NUL in a name", b"X\0Y: z"),
        ("only a colon", b":"),
        ("no name", b": x"),
    ):
        yield "header: " + name, GET + HOST + header + END + END, UNREADABLE
    for name, header in (
        ("a blank before the colon", b"X : y"),
        ("a tab before the colon", b"X\t: y"),
        ("a folded line", b"X: y\r\n z"),
        ("a folded line by a tab", b"X: y\r\n\tz"),
        ("a name in quotes", b'"X": y'),
        ("a name with a slash", b"X/Y: z"),
        ("a name in brackets", b"(X): y"),
        ("a name with a letter that is none", b"X\xe9: y"),
        ("NUL in a value", b"X: y\0z"),
        ("NUL at the end of a value", b"X: y\0"),
        ("NUL as a value", b"X: \0"),
        ("NUL in the token", b"Authorization: Bearer x\0y"),
        ("NUL in the length", b"Content-Length: 0\0"),
    ):
        yield "header: " + name, GET + HOST + header + END + END, {400}
        if b"\0" not in header:
            yield "header: first " + name, GET + header + END + HOST + END, {400}
    yield "header: NUL, the last", GET + HOST + b"Y: z\r\nX: y\0z\r\n\r\n", {400}
    yield "header: folded Host", GET + b"Host:\r\n localhost\r\n\r\n", {400}
    yield "header: a blank before the first", GET + b" " + HOST + END, {400}
    yield "header: too large", GET + HOST + b"X: " + b"x" * 40000 + END + END, {431}
    yield "header: far too large", GET + HOST + b"X: " + b"x" * 200000 + END + END, {431, None}
    yield "header: too many", GET + HOST + b"X: y\r\n" * 10000 + END, {431, None}
    yield "header: a name that is too large", GET + HOST + b"x" * 40000 + b": y\r\n\r\n", {431, None}


def _repeated():
    run = b'{"event_id":"x","run_id":"r","agent_name":"a","job_type":"j","start_time":"2025-12-10"}'
    for first, second in (
        (b"Authorization: Bearer x", b"Authorization: Bearer y"),
        (b"Authorization: Bearer x", b"authorization:"),
        (b"Origin: http://localhost", b"Origin: http://evil.example"),
        (b"Origin: http://evil.example", b"ORIGIN: http://localhost"),
        (b"Origin: http://localhost", b"Origin:"),
        (b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Site: none"),
        (b"Content-Encoding: identity", b"Content-Encoding: gzip"),
        (b"Content-Encoding:", b"content-encoding: identity"),
        (b"Content-Type: application/json", b"Content-Type: text/plain"),
    ):
        for more in (END, END + b"X: y" + END):
            yield f"repeated: {first} {second} {len(more)}", (
                POST + HOST + b"Content-Length: %d\r\n" % len(run) + first + more + second + END + END + run
            ), {400}


def _lengths():
    two = b"Content-Length: 2\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    for name, headers in (
        ("two", two * 2),
        ("two that differ", two + b"Content-Length: 3\r\n"),
        ("two, spelled otherwise", two + b"content-length:2\r\n"),
        ("one beside chunked", two + chunked),
        ("one behind chunked", chunked + two),
        ("chunked twice", chunked * 2),
        ("gzip, chunked", b"Transfer-Encoding: gzip, chunked\r\n"),
        ("chunked, gzip", b"Transfer-Encoding: chunked, gzip\r\n"),
        ("identity", b"Transfer-Encoding: identity\r\n"),
        ("an empty encoding", b"Transfer-Encoding:\r\n"),
        ("xchunked", b"Transfer-Encoding: xchunked\r\n"),
        ("chunked with a parameter", b"Transfer-Encoding: chunked;q=1\r\n"),
        ("chunked in quotes", b'Transfer-Encoding: "chunked"\r\n'),
        ("a blank before the colon", b"Transfer-Encoding : chunked\r\n"),
        ("a blank before the length's colon", b"Content-Length : 2\r\n"),
        ("folded chunked", b"Transfer-Encoding:\r\n chunked\r\n"),
    ):
        yield "length: " + name, POST + HOST + headers + END + b"{}", {400}
    for length in (b"-1", b"+2", b"2x", b"x", b"0x2", b"2,2", b"2 2", b"1e1", b"2.0", b"\xb2",
                   b"18446744073709551616", b"99999999999999999999999999"):
        yield f"length: {length}", POST + HOST + b"Content-Length: " + length + END + END + b"{}", UNREADABLE | {413}
    yield "length: too large", POST + HOST + b"Content-Length: 16777217\r\n\r\n", {413}
    yield "length: 2 to the 63rd", POST + HOST + b"Content-Length: 9223372036854775807\r\n\r\n", {413}
    for name, body in (
        ("no size", b"\r\n\r\n"),
        ("a size that is none", b"x\r\n{}\r\n0\r\n\r\n"),
        ("a negative size", b"-1\r\n{}\r\n0\r\n\r\n"),
        ("a size that is too small", b"1\r\n{}\r\n0\r\n\r\n"),
        ("a size that is too long", b"ffffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("a size in 0x", b"0x2\r\n{}\r\n0\r\n\r\n"),
    ):
        yield "chunk: " + name, POST + HOST + chunked + END + body, UNREADABLE | {413}


def _bodies():
    for name, body, statuses in (
        ("none", b"", {400}),
        ("no JSON", b"nonsense", {400}),
        ("NULs", b"\0\0", {400}),
        ("bytes that are no UTF-8", b'{"event_id": "\xff"}', {400}),
        ("UTF-16", '{"event_id": "x"}'.encode("utf-16"), {400}),
        ("a byte order mark", b"\xef\xbb\xbf{}", {400}),
        ("an array", b"[]", {422}),
        ("a form", b"event_id=x&run_id=y", {400}),
    ):
        yield "body: " + name, (POST + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body), statuses


def requests():
    for group in (_request_lines, _targets, _methods, _hosts, _headers, _repeated, _lengths, _bodies):
        yield from group()
