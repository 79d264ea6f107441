"""Who may ask, and what a browser may do with answers."""

import asyncio
import inspect

import pytest

from backlight.page.app import STATIC, application
from backlight.page.guard import HEADERS, MOST_BYTES, Guard
from tests.page.asgi import HOST, KNOWN, PORT, TOKEN, request, run

HERE = {"host": f"{HOST}:{PORT}"}


@pytest.fixture
def app(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "secret.txt").write_text("not for everybody")
    return application(tmp_path / "runs", PORT, TOKEN, asyncio.Event())


def ask(app, path, body=None, **options):
    return run(request(app, path, body, **options))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer "},
        {"authorization": "Bearer an-old-one"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": "Bearer \u00ff\u00fe"},
        {"cookie": f"token={TOKEN}"},
    ],
)
@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/runs", None), ("/api/playground", {}), ("/api/playground/x/events", None), ("/api/", None)],
)
def test_without_the_token_nobody_gets_below_api(app, headers, path, body):
    answer = ask(app, path, body, headers=HERE | headers)
    assert answer.status == 401
    assert "backlight page" in answer.words


def test_the_token_may_stand_in_the_query_for_who_cannot_set_headers(app):
    assert ask(app, "/api/runs/forms", headers=HERE, query=f"token={TOKEN}").status == 200
    assert ask(app, "/api/runs/forms", headers=HERE, query="token=an-old-one").status == 401
    assert ask(app, "/api/runs/forms", headers=HERE, query="token=%ff%00").status == 401


def test_the_token_is_compared_in_constant_time():
    assert "hmac.compare_digest" in inspect.getsource(Guard.knows_token)


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/runs"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8421", "127.0.0.1", "127.0.0.1:80", "0.0.0.0:8421", ""])
def test_another_host_is_refused(app, path, host):
    answer = ask(app, path, headers=KNOWN | {"host": host})
    assert answer.status == 421
    assert "loopback" in answer.words


def test_both_names_of_loopback_are_answered(app):
    for host in (f"127.0.0.1:{PORT}", f"localhost:{PORT}"):
        own = {"host": host, "origin": f"http://{host}", "authorization": KNOWN["authorization"]}
        assert ask(app, "/api/runs/forms", headers=own).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        f"https://{HOST}:{PORT}",
        f"http://{HOST}",
        f"http://{HOST}:9000",
        f"http://localhost:{PORT}",
        "null",
        "",
    ],
)
def test_a_page_from_elsewhere_is_refused(app, origin):
    answer = ask(app, "/api/playground", {"settings": {}}, headers=KNOWN | {"origin": origin})
    assert answer.status == 403
    assert "another page" in answer.words


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(app, method):
    assert ask(app, "/api/runs", method=method).status == 405


def test_get_does_nothing_where_something_is_to_be_done(app):
    for path in ("/api/playground", "/api/playground/x", "/api/playground/x/backward", "/api/playground/csv"):
        assert ask(app, path).status == 405


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "9" * 5000, "-1", "1.5", "x", "\u00b2", ""])
def test_a_body_that_is_announced_too_long_is_not_read(app, length):
    answer = ask(app, "/api/playground/csv", {"text": "1,2,0"}, headers=KNOWN | {"content-length": length})
    assert answer.status == 413
    assert "1,000,000 bytes" in answer.words


def test_a_body_that_was_not_announced_is_cut_off(app):
    chunk = b'{"text": "' + b"1" * 300_000
    answer = ask(app, "/api/playground/csv", chunks=[chunk, chunk, chunk, chunk, b'"}'])
    assert answer.status == 400
    assert "too long" in answer.words


def test_a_body_just_within_the_limit_is_read(app):
    text = b'{"text": "0,0,0\\n1,1,1"' + b" " * (MOST_BYTES - 24) + b"}"
    assert len(text) == MOST_BYTES
    assert ask(app, "/api/playground/csv", chunks=[text[:500_000], text[500_000:]]).status == 200


def everything_that_is_answered(app):
    """(path, answer): good ones, files, and each kind of error."""
    session = {"settings": {}}
    wanted = [
        ("/", None, KNOWN), ("/static/main.js", None, HERE), ("/static/style.css", None, HERE),
        ("/api/runs/forms", None, KNOWN),
        ("/api/playground/csv", {"text": "0,0,0\n1,1,1"}, KNOWN), ("/api/playground/csv", {"text": "x"}, KNOWN),
        ("/nothing", None, KNOWN), ("/static/nothing.js", None, HERE), ("/api/nothing", None, KNOWN),
        ("/api/playground", None, KNOWN), ("/api/playground", {"settings": {"noise": -1}}, KNOWN),
        ("/api/playground/gone", {"do": "pause"}, KNOWN), ("/api/playground/gone/events", None, KNOWN),
        ("/api/runs", None, HERE), ("/api/runs", None, KNOWN | {"host": "evil.example"}),
        ("/api/runs", None, KNOWN | {"origin": "http://evil.example"}), ("/api/playground", session, KNOWN),
        ("/api/runs", None, KNOWN | {"content-length": "99999999"}),
    ]  # fmt: skip
    return [(path, ask(app, path, body, headers=headers)) for path, body, headers in wanted]


def test_every_answer_carries_the_headers_and_none_the_token(app):
    statuses = set()
    for path, answer in everything_that_is_answered(app):
        statuses.add(answer.status)
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (path, name)
        assert TOKEN.encode() not in answer.body, path
        assert TOKEN not in str(answer.headers), path
    assert statuses == {200, 400, 401, 403, 404, 405, 413, 421}


def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline():
    rules = dict(part.strip().split(" ", 1) for part in HEADERS["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert "http" not in HEADERS["content-security-policy"]


def test_a_mistake_of_the_server_has_the_headers_too(app, monkeypatch):
    monkeypatch.setattr("backlight.page.app.FileResponse", lambda path: 1 / 0)
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/", "root_path": "", "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in KNOWN.items()],
    }  # fmt: skip
    with pytest.raises(ZeroDivisionError):
        run(app(scope, receive, send))
    assert sent[0]["status"] == 500
    assert {name.decode() for name, _ in sent[0]["headers"]} >= set(HEADERS)
    assert b"ZeroDivision" not in sent[1]["body"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/../../guard.py", "/static/%2e%2e/app.py", "/static//etc/passwd",
        "/static/..%2fapp.py",
        "/static/..\\app.py", "/../secret.txt", "/static/../../../../../../../../etc/passwd", "/static/", "/static",
        "/static/\x00", "/secret.txt", "//etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_static(app, path):
    answer = ask(app, path, headers=HERE)
    assert answer.status in (404, 405, 307)
    assert b"import" not in answer.body
    assert b"root:" not in answer.body
    assert answer.headers["content-security-policy"]


def test_static_files_are_what_the_page_needs(app):
    for file in STATIC.iterdir():
        assert ask(app, f"/static/{file.name}", headers=HERE).body == file.read_bytes()
    assert b"<script>" not in (STATIC / "index.html").read_bytes()


def test_another_protocol_is_not_spoken(app):
    async def nothing():
        raise AssertionError("nobody asks")

    async def never(message):
        raise AssertionError("nothing is said")

    run(app({"type": "websocket", "path": "/api/playground", "headers": []}, nothing, never))
