"""Verdicts on what never opened: names, TCP, outbound proxies, TLS, answers to the upgrade, later SockJS requests."""

import pytest

from tests.diagnosis.test_verdict import head, last
from tests.session.tape import Tape
from tui.facts import facts
from tui.facts.facts import Alert, CloseNotify
from tui.protocols.websocket import PING, PONG


@pytest.mark.parametrize(
    ("url", "status", "said", "causes"),
    [
        ("ws://shop.test/feed", 404, "No such domain", ["dns-failure"]),
        ("ws://shop.test/feed", 1, "General SOCKS server failure", ["dns-failure", "upstream-down"]),
        ("ws://192.0.2.1/feed", 1, "General SOCKS server failure", ["upstream-down", "host-unreachable"]),
        ("ws://192.0.2.1/feed", 503, "Connect failed", ["upstream-down", "connection-refused"]),
        ("ws://192.0.2.1/feed", 5, "Connection refused", ["connection-refused", "upstream-down"]),
        ("ws://shop.test/feed", 504, "Gateway Timeout", ["upstream-timeout"]),
        ("ws://shop.test/feed", 503, "Service Unavailable", ["upstream-down", "dns-failure"]),
    ],
)
def test_an_outbound_proxy_that_did_not_connect_us(url: str, status: int, said: str, causes: list[str]) -> None:
    tape = Tape(url).at(0.1).add(facts.Proxy, url="http://192.0.2.7:3128", ok=False, status=status, error=said)
    verdict = last("A", tape.end("proxy", "proxy"))
    assert [cause.cause for cause in verdict.causes[:2]] == causes


@pytest.mark.parametrize(
    ("why", "causes"),
    [
        ("ERR_CONNECT_FAIL 111", ["upstream-down", "connection-refused"]),
        ("ERR_CONNECT_FAIL 110", ["upstream-timeout"]),
        ("ERR_DNS_FAIL 0", ["dns-failure"]),
        ("edge; error=connection_refused", ["upstream-down", "connection-refused"]),
        ("edge; error=destination_ip_prohibited", ["forbidden"]),
    ],
)
def test_an_outbound_proxy_that_says_why_it_did_not(why: str, causes: list[str]) -> None:
    tape = Tape().at(0.1).add(facts.Proxy, url="http://192.0.2.7:3128", ok=False, status=503, error="–", why=why)
    verdict = last("A", tape.end("proxy", "proxy"))
    assert [cause.cause for cause in verdict.causes[:2]] == causes


@pytest.mark.parametrize(
    ("how", "phase", "fields", "cause", "side"),
    [
        ("dns", "dns", {"errno": "EAI_NONAME"}, "dns-failure", "client"),
        ("dns", "dns", {"errno": "EAI_AGAIN"}, "dns-failure", "network"),
        ("refused", "tcp", {"errno": "ECONNREFUSED"}, "connection-refused", "server"),
        ("timeout", "tcp", {}, "connect-timeout", "network"),
        ("timeout", "dns", {}, "dns-failure", "network"),
        ("unreachable", "tcp", {"errno": "EHOSTUNREACH"}, "host-unreachable", "network"),
        ("unreachable", "http", {"errno": "EHOSTUNREACH"}, "host-unreachable", "network"),
        ("refused", "tls", {"errno": "ECONNREFUSED"}, "network-blackhole", "network"),
        ("tls", "http", {"alert": Alert(name="certificate_required", number=116, dir="in"),
                         "close_notify": CloseNotify(in_=False, out=False)}, "tls-client-cert-required", "config"),
        ("tls", "tls", {"alert": Alert(name="protocol_version", number=70, dir="in")},
         "tls-handshake-failed", "config"),
    ],
)  # fmt: skip
def test_what_never_opened(
    how: facts.How, phase: facts.Phase, fields: dict[str, object], cause: str, side: str
) -> None:
    tape = Tape("wss://shop.test/feed").end(how, phase, **fields)  # type: ignore[arg-type]
    assert head(last("A", tape)) == (cause, side)


@pytest.mark.parametrize(
    ("code", "cause", "side"),
    [
        (10, "tls-cert-expired", "config"), (9, "tls-cert-not-yet-valid", "config"),
        (62, "tls-hostname-mismatch", "config"), (20, "tls-cert-untrusted", "config"),
        (18, "tls-cert-untrusted", "config"),
    ],
)  # fmt: skip
def test_a_certificate_that_does_not_verify(code: int, cause: str, side: str) -> None:
    tape = Tape("wss://shop.test/feed").add(facts.Tls, ok=False, error="no", verify_code=code).end("tls", "tls")
    assert head(last("A", tape)) == (cause, side)


@pytest.mark.parametrize(
    ("status", "headers", "body", "cause", "side"),
    [
        (200, [], "<html>hello", "not-websocket", "config"), (301, [("Location", "/x")], None, "redirect", "config"),
        (400, [], "The plain HTTP request was sent to HTTPS port", "tls-expected", "client"),
        (400, [], 'Can "Upgrade" only to "WebSocket".', "proxy-strips-upgrade", "proxy"),
        (401, [], None, "auth-failed", "client"), (403, [], None, "forbidden", "config"),
        (404, [], None, "not-found", "client"), (407, [], None, "proxy-auth", "config"),
        (426, [("Sec-WebSocket-Version", "8")], None, "version-mismatch", "client"),
        (426, [], None, "proxy-strips-upgrade", "proxy"), (429, [], None, "rate-limited", "client"),
        (431, [], None, "headers-too-big", "config"), (500, [], None, "upgrade-rejected", "server"),
        (502, [], None, "upstream-down", "server"), (503, [("Server", "nginx")], None, "upstream-down", "server"),
        (503, [("Retry-After", "60")], "down for maintenance", "server-unavailable", "server"),
        (503, [("Server", "nginx/1.24.0")], "Service Temporarily Unavailable", "server-unavailable", "server"),
        (504, [], None, "upstream-timeout", "server"), (418, [], None, "upgrade-rejected", "server"),
    ],
)  # fmt: skip
def test_an_http_answer(status: int, headers: list[tuple[str, str]], body: str | None, cause: str, side: str) -> None:
    tape = Tape().add(facts.Http, dir="out", method="GET", target="/feed", status=None)
    tape.add(facts.Http, dir="in", status=status, headers=headers, body=body).end("http", "http")
    assert head(last("A", tape)) == (cause, side)


@pytest.mark.parametrize(
    ("status", "ms", "cause", "side"),
    [
        (401, 3, "auth-expired", "server"), (403, 3, "forbidden", "config"), (413, 3, "message-too-big", "client"),
        (429, 3, "rate-limited", "client"), (500, 3, "server-error", "server"), (502, 3, "upstream-down", "server"),
        (504, 5000, "idle-timeout-proxy", "proxy"), (504, 60_000, "server-freeze", "server"),
        (521, 3, "upstream-down", "server"), (522, 3, "upstream-timeout", "server"),
        (523, 3, "upstream-down", "server"), (524, 100_000, "server-freeze", "server"),
    ],
)  # fmt: skip
def test_a_later_request_of_a_sockjs_session(status: int, ms: float, cause: str, side: str) -> None:
    tape = Tape("https://shop.test/feed")
    tape.add(facts.Transport, name="xhr-polling", url="https://shop.test/feed/0/x/xhr")
    tape.add(facts.Bytes, dir="in", size=2, text="o\n")
    tape.add(facts.Http, dir="out", method="POST", target="/feed/0/x/xhr", status=None)
    tape.add(facts.Http, dir="in", status=status, ms=ms).end("http")
    assert head(last("A", tape)) == (cause, side)


def test_a_foreign_origin_is_blamed_for_a_403() -> None:
    headers = [("Host", "shop.test"), ("Origin", "https://elsewhere.test")]
    tape = Tape().add(facts.Http, dir="out", method="GET", target="/feed", status=None, headers=headers)
    verdict = last("A", tape.add(facts.Http, dir="in", status=403).end("http", "http"))
    assert [one.cause for one in verdict.causes[:2]] == ["origin-rejected", "forbidden"]


@pytest.mark.parametrize(
    ("raw", "cause"),
    [("SSH-2.0-OpenSSH_9.2\r\n", "wrong-port"), ("\x15\x03\x01\x00\x02", "tls-expected"), ("????", "not-websocket")],
)
def test_bytes_that_are_no_http(raw: str, cause: str) -> None:
    tape = Tape().add(facts.Http, dir="out", method="GET", target="/feed", status=None)
    tape.add(facts.Http, dir="in", status=None, raw=raw).end("http", "http")
    assert last("A", tape).cause == cause


def test_gorilla_refuses_nothing_but_an_origin_with_403() -> None:
    """It names its version with each refusal; a proxy before it may have changed the Host."""
    headers = [("Host", "shop.test"), ("Origin", "http://shop.test")]

    def refused(*answered: tuple[str, str]) -> str:
        tape = Tape().add(facts.Http, dir="out", method="GET", target="/feed", status=None, headers=headers)
        answer: list[tuple[str, str]] = list(answered)
        return last("A", tape.add(facts.Http, dir="in", status=403, headers=answer).end("http", "http")).cause

    assert refused(("Sec-Websocket-Version", "13")) == "origin-rejected"
    assert refused() == "forbidden"


@pytest.mark.parametrize(("target", "second"), [("/feed?token=***", "auth-failed"), ("/feed", "origin-rejected")])
def test_a_403_to_one_who_brought_a_token(target: str, second: str) -> None:
    tape = Tape().add(facts.Http, dir="out", method="GET", target=target, status=None)
    verdict = last("A", tape.add(facts.Http, dir="in", status=403).end("http", "http"))
    assert [one.cause for one in verdict.causes[:2]] == ["forbidden", second]


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (
            401,
            '{"error":"session_expired","message":"Your session has expired, please sign in again"}',
            "session-expired",
        ),
        (403, '{"message":"the role auditor is missing"}', "forbidden"),
        (400, '{"message":"your token was revoked"}', "auth-expired"),
    ],
)
def test_a_refusal_that_says_why_in_json(status: int, body: str, cause: str) -> None:
    tape = Tape().add(facts.Http, dir="out", method="GET", target="/feed", status=None)
    assert last("A", tape.add(facts.Http, dir="in", status=status, body=body).end("http", "http")).cause == cause


def test_our_own_proxy_does_not_listen() -> None:
    tape = Tape().add(facts.Proxy, url="http://192.0.2.7:3128", ok=False, error="ECONNREFUSED")
    assert head(last("A", tape.end("refused", "tcp", errno="ECONNREFUSED"))) == ("connection-refused", "client")


@pytest.mark.parametrize(("header", "cause"), [("Retry-After", "server-unavailable"), ("Server", "rate-limited")])
def test_a_503_beside_one_that_lives(header: str, cause: str) -> None:
    """No limit says when it will be over."""
    answered = [(header, "7200"), ("Content-Type", "application/json")]
    tape = Tape().add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
    tape.add(facts.Http, dir="out", method="GET", target="/feed", status=None)
    tape.add(facts.Http, dir="in", status=503, headers=answered).end("http", "http")
    assert last("A", tape, Tape(name="B").open()).cause == cause


def test_nobody_listens_at_a_socket_that_is_a_file() -> None:
    tape = Tape("ws://localhost/feed", unix_socket="/run/agent.sock").end("refused", "tcp", errno="ECONNREFUSED")
    open_one = Tape("ws://localhost/feed", "B", unix_socket="/run/other.sock").open()
    assert head(last("A", tape, open_one)) == ("connection-refused", "server")


@pytest.mark.parametrize(("outq", "cause"), [(90, "upstream-down"), (0, "tls-expected")])
def test_hung_up_before_our_first_words_had_arrived(outq: int, cause: str) -> None:
    tape = Tape("stomp://shop.test").add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5", ms=1.0)
    said = "CONNECT\naccept-version:1.2\nhost:shop\n\n\0"
    tape.add(facts.Bytes, dir="out", size=len(said), text=said).at(0.01).eof().add(
        facts.TcpInfo, when="end", outq=outq, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=0.1,
        last_ack_ms=0.0, last_data_ms=0.0, state="CLOSE", segments=1,
    )  # fmt: skip
    causes = [one.cause for one in last("A", tape.end()).causes]
    assert cause in causes[:2] and (causes[0] == "upstream-down") == bool(outq)


def test_a_certificate_of_ours_that_a_proxy_does_not_take() -> None:
    tape = (
        Tape("wss://shop.test/feed")
        .at(0.1)
        .add(
            facts.Http,
            dir="in",
            status=400,
            headers=[("Server", "nginx/1.22.1")],
            body="400 The SSL certificate error",
        )
    )
    verdict = last("A", tape.end("http", "http"))
    assert [one.cause for one in verdict.causes[:2]] == ["tls-handshake-failed", "tls-client-cert-required"]


@pytest.mark.parametrize(
    ("answer", "cause"), [("WELCOME\nversion:1.2\n\n\0", "protocol-error"), ("\n", "handshake-timeout")]
)
def test_a_connect_that_is_answered_otherwise(answer: str, cause: str) -> None:
    tape = Tape("stomp+ws://shop.test/feed").open("v12.stomp").at(0.1)
    tape.text("out", "CONNECT\naccept-version:1.2\n\n\0").text("in", answer)
    assert last("A", tape.at(10).end("timeout")).cause == cause


@pytest.mark.parametrize(("rtt_in_ms", "listed"), [(1600.0, True), (30.0, False)])
def test_a_pong_that_waits_behind_a_flood_is_late_for_that(rtt_in_ms: float, *, listed: bool) -> None:
    tape = Tape().open().at(1).frame("out", PING, b"x")
    tape.at(2).closing("out", 1011, "keepalive ping timeout").frame("in", PONG, b"x").add(
        facts.TcpInfo, when="end", outq=0, notsent=0, unacked=0, retrans=0, total_retrans=0, rtt_ms=40.0,
        last_ack_ms=9.0, last_data_ms=9.0, state="ESTABLISHED", rtt_in_ms=rtt_in_ms,
    )  # fmt: skip
    found = last("A", tape.at(7).end("local"))
    late = next(one for one in found.causes if one.cause == "client-ping-timeout")
    assert ("verdict.narrow_way_in" in [reason.key for reason in late.against]) == listed
