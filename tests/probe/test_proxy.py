"""Through outbound proxies: what arrives there, and every way one refuses, dies or babbles."""

import ssl

import pytest

from tests.probing import run
from tests.servers import proxies
from tests.servers.ports import free_ports
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.serving import LOOPBACK, echo, serving


async def test_connect_with_a_login_and_tls_inside(tls: ssl.SSLContext, ca_file: str) -> None:
    asked: list[dict[str, str]] = []
    async with serving(echo, ssl=tls) as url:
        with ScriptedServer(proxies.connect(asked, "ann:s3c:ret")) as proxy:
            through = f"http://ann:s3c%3Aret@{LOOPBACK}:{proxy.port}"
            watch, status = await run(url, "--cacert", ca_file, "--proxy", through, "--do", "0 close")
    assert status == 0
    target = url.removeprefix("wss://").rstrip("/")
    assert (asked[0][""], asked[0]["host"]) == (f"CONNECT {target} HTTP/1.1", target)
    assert asked[0]["user-agent"].startswith("whoops/")
    fact = watch.the("proxy")
    assert (fact["ok"], fact["status"], fact["url"]) == (True, 200, f"http://{LOOPBACK}:{proxy.port}")
    assert watch.the("tcp")["remote"] == f"{LOOPBACK}:{proxy.port}"
    kinds = [line["type"] for line in watch.lines]
    assert kinds.index("tcp") < kinds.index("proxy") < kinds.index("tls") < kinds.index("open")
    assert b"s3c" not in b"".join(watch.raw)


async def test_what_the_target_says_first_is_not_the_proxys() -> None:
    def both_at_once(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\nSSH-2.0-OpenSSH_9.6\r\n")
        connection.read_to_end()

    with ScriptedServer(both_at_once) as proxy:
        watch, _ = await run(
            "ws://nosuchhost.invalid/", "--proxy", f"http://{LOOPBACK}:{proxy.port}", "--open-timeout", "2"
        )
    assert watch.the("http", dir="in")["raw"] == "SSH-2.0-OpenSSH_9.6\r\n"


async def test_407_is_told_apart() -> None:
    with ScriptedServer(proxies.connect([], "ann:secret")) as proxy:
        watch, status = await run("ws://nosuchhost.invalid/", "--proxy", f"{LOOPBACK}:{proxy.port}")
    fact, end = watch.the("proxy"), watch.the("end")
    assert (status, fact["ok"], fact["status"], fact["error"]) == (3, False, 407, "Proxy Authentication Required")
    assert (end["how"], end["phase"], end["detail"]) == ("proxy", "proxy", "407 Proxy Authentication Required")
    assert [one["host"] for one in watch.of("resolved")] == [LOOPBACK], "the target's name is the proxy's to resolve"
    assert watch.the("close")["initiator"] == "remote"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("X-Squid-Error: ERR_CONNECT_FAIL 111", "ERR_CONNECT_FAIL 111"),
        ("proxy-status: edge; error=dns_error", "edge; error=dns_error"),
        ("Via: 1.1 edge", None),
    ],
)
async def test_a_proxy_that_says_why(header: str, why: str | None) -> None:
    def refuses(connection: Connection) -> None:
        connection.read_request()
        connection.send(f"HTTP/1.1 503 Service Unavailable\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode())
        connection.read_to_end()

    with ScriptedServer(refuses) as proxy:
        watch, _ = await run("ws://nosuchhost.invalid/", "--proxy", f"http://{LOOPBACK}:{proxy.port}")
    fact = watch.the("proxy")
    assert (fact["status"], fact["error"], fact.get("why")) == (503, "Service Unavailable", why)


def _closes(connection: Connection) -> None:
    connection.read_request()


def _resets(connection: Connection) -> None:
    connection.read_request()
    connection.reset()


def _babbles(connection: Connection) -> None:
    connection.read_request()
    connection.send(b"220 mail.example ESMTP\r\n\r\n")
    connection.read_to_end()


@pytest.mark.parametrize(
    ("script", "errno", "detail"),
    [
        (_closes, None, "the proxy closed the connection without an answer"),
        (_resets, "ECONNRESET", "Connection reset by peer"),
        (_babbles, None, "what the proxy answered is no HTTP"),
    ],
)
async def test_a_proxy_that_closes_resets_or_babbles(script: Script, errno: str | None, detail: str) -> None:
    with ScriptedServer(script) as proxy:
        watch, status = await run("ws://nosuchhost.invalid/", "--proxy", f"http://{LOOPBACK}:{proxy.port}")
    fact, end = watch.the("proxy"), watch.the("end")
    assert (status, fact["ok"], fact["error"]) == (3, False, errno or detail)
    assert (end["how"], end["phase"], end["errno"], end["detail"]) == ("proxy", "proxy", errno, detail)


@pytest.mark.parametrize("kind", ["http", "socks5h"])
async def test_a_proxy_that_says_nothing_meets_the_open_timeout(kind: str) -> None:
    with ScriptedServer(Connection.hold) as proxy:
        watch, status = await run(
            "ws://nosuchhost.invalid/", "--proxy", f"{kind}://{LOOPBACK}:{proxy.port}", "--open-timeout", "0.4"
        )
    end = watch.the("end")
    assert (status, end["how"], end["phase"], end["detail"]) == (3, "timeout", "proxy", "open-timeout")
    assert watch.the("proxy")["error"] == "the proxy did not answer"


async def test_a_proxy_that_is_not_there() -> None:
    (port,) = free_ports(1)
    watch, status = await run("ws://nosuchhost.invalid/", "--proxy", f"http://{LOOPBACK}:{port}")
    end, fact = watch.the("end"), watch.the("proxy")
    assert (status, end["how"], end["phase"], end["errno"]) == (3, "refused", "tcp", "ECONNREFUSED")
    assert (fact["ok"], fact["error"]) == (False, "ECONNREFUSED")


@pytest.mark.parametrize(("kind", "host"), [("socks5", LOOPBACK), ("socks5h", "localhost")])
async def test_socks5_resolves_here_and_socks5h_there(kind: str, host: str) -> None:
    asked: list[tuple[str, int]] = []
    async with serving(echo) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        target = f"ws://{'localhost' if kind == 'socks5h' else LOOPBACK}:{port}/"
        with ScriptedServer(proxies.socks(asked, ("ann", "secret"))) as proxy:
            through = f"{kind}://ann:secret@{LOOPBACK}:{proxy.port}"
            watch, status = await run(target, "--proxy", through, "--do", "0 close")
    assert (status, asked) == (0, [(host, port)])
    assert (watch.the("proxy")["ok"], watch.the("proxy")["status"]) == (True, 0)
    assert len(watch.of("resolved")) == (2 if kind == "socks5" else 1)
    assert b"secret" not in b"".join(watch.raw)


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        (proxies.socks([], reply=5), 5, "Connection refused by destination host"),
        (proxies.socks([], ("ann", "secret")), None, "No acceptable authentication methods were offered"),
        (_babbles, None, "what the proxy answered is no SOCKS5"),
    ],
)
async def test_what_a_socks_proxy_refuses(script: Script, status: int | None, words: str) -> None:
    def bent(connection: Connection) -> None:
        if script is _babbles:
            connection.take(3)
            connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.read_to_end()
        else:
            script(connection)

    with ScriptedServer(bent) as proxy:
        watch, exit_status = await run("ws://nosuchhost.invalid/", "--proxy", f"socks5h://{LOOPBACK}:{proxy.port}")
    fact, end = watch.the("proxy"), watch.the("end")
    assert (exit_status, fact["ok"], fact.get("status"), fact["error"]) == (3, False, status, words)
    assert (end["how"], end["phase"]) == ("proxy", "proxy")
    assert words in end["detail"]


async def test_a_wrong_socks_login() -> None:
    with ScriptedServer(proxies.socks([], ("ann", "secret"))) as proxy:
        watch, _ = await run("ws://nosuchhost.invalid/", "--proxy", f"socks5h://ann:no@{LOOPBACK}:{proxy.port}")
    assert watch.the("proxy")["error"] == "Username and password authentication failure"
