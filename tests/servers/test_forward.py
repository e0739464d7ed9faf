"""Through real forward proxies, SOCKS5 and HTTP CONNECT, let through and refused."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.forward import Connect, Login, Socks
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = pytest.mark.real

CREW = Login("anna", "crew")
KINDS = {"socks5": Socks, "socks5h": Socks, "http": Connect}


def through(kind: str, port: int, login: Login | None = None) -> tuple[str, str]:
    """The option that sends a session through a proxy."""
    who = f"{login.user}:{login.password}@" if login else ""
    return "--proxy", f"{kind}://{who}{LOOPBACK}:{port}"


@pytest.mark.parametrize("kind", KINDS)
async def test_with_a_login(echo_port: int, start: Starter, recorder: Recorder, kind: str) -> None:
    proxy = start(KINDS[kind], CREW)
    words = through(kind, proxy.port, CREW)
    watch, status = await run(f"ws://{LOOPBACK}:{echo_port}/", *words, "--do", "0 send hello", "--do", "0.2 close")
    assert status == 0
    assert [frame["text"] for frame in watch.of("frame", opcode=1)] == ["hello", "hello"]
    fact = watch.the("proxy")
    assert (fact["ok"], fact["url"]) == (True, f"{kind}://{LOOPBACK}:{proxy.port}")
    assert str(echo_port) in proxy.log
    assert CREW.password not in b"".join(watch.raw).decode()
    recorder.keep(f"proxy-{kind}", watch)


def assert_refused(watch: Watch, status: int | None) -> None:
    """The proxy's own answer is what ended it."""
    fact, end = watch.the("proxy"), watch.the("end")
    assert (fact["ok"], fact.get("status")) == (False, status)
    assert (end["how"], end["phase"]) == ("proxy", "proxy")
    assert not watch.of("http")


async def test_connect_without_the_login_it_wants(echo_port: int, start: Starter, recorder: Recorder) -> None:
    proxy = start(Connect, CREW)
    watch, status = await run(f"ws://{LOOPBACK}:{echo_port}/", *through("http", proxy.port))
    assert status == 3
    assert_refused(watch, 407)
    recorder.keep("proxy-407", watch)


async def test_connect_with_a_wrong_login(echo_port: int, start: Starter) -> None:
    """tinyproxy's answer to that is a 401, as if it were the server."""
    proxy = start(Connect, CREW)
    words = through("http", proxy.port, Login("anna", "wrong"))
    watch, status = await run(f"ws://{LOOPBACK}:{echo_port}/", *words)
    assert status == 3
    assert_refused(watch, 401)


async def test_socks_with_a_wrong_login(echo_port: int, start: Starter, recorder: Recorder) -> None:
    proxy = start(Socks, CREW)
    words = through("socks5", proxy.port, Login("anna", "wrong"))
    watch, status = await run(f"ws://{LOOPBACK}:{echo_port}/", *words)
    assert status == 3
    assert_refused(watch, None)
    recorder.keep("proxy-socks-wrong-login", watch)


@pytest.mark.parametrize("kind", ["socks5", "http"])
async def test_nobody_where_it_should_connect_to(start: Starter, recorder: Recorder, kind: str) -> None:
    proxy = start(KINDS[kind])
    watch, status = await run(f"ws://{LOOPBACK}:1/", *through(kind, proxy.port))
    assert status == 3
    assert_refused(watch, 500 if kind == "http" else 5)
    recorder.keep(f"proxy-{kind}-refused", watch)


async def test_tls_through_a_tunnel(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    proxy, nginx = start(Connect), start(Nginx, echo_port, certificate=certificate)
    words = (*through("http", proxy.port), "--cacert", str(certificate.ca))
    watch, status = await run(f"wss://localhost:{nginx.port}/", *words, "--do", "0 close")
    assert status == 0
    assert watch.the("tls")["servername"] == "localhost"
    assert f"CONNECT localhost:{nginx.port}" in proxy.log


async def test_a_tunnel_that_says_nothing_ends(echo_port: int, start: Starter, recorder: Recorder) -> None:
    proxy = start(Connect, idle=1)
    watch, status = await run(f"ws://{LOOPBACK}:{echo_port}/", *through("http", proxy.port))
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"], close["transport"]["how"]) == (1006, "remote", "fin")
    assert 0.9 <= close["idle_any"] <= 2.2
    recorder.keep("proxy-idle", watch)


async def test_the_proxy_is_killed(echo_port: int, start: Starter, recorder: Recorder) -> None:
    proxy = start(Socks)
    async with probing(
        f"ws://{LOOPBACK}:{echo_port}/", *through("socks5", proxy.port), "--stdin", **POSTMORTEM
    ) as watch:
        await seen(watch, "open")
        await ask(watch, "send hello")
        await seen(watch, "frame", dir="in", text="hello")
        proxy.stop()
        await seen(watch, "postmortem")
        assert await watch.finish() == 1
    assert (watch.the("close")["code"], watch.the("close")["initiator"]) == (1006, "remote")
    recorder.keep("proxy-killed", watch)
