"""How a chat on gorilla/websocket and net/http ends its clients: deadlines, slow readers, panics, restarts, limits."""

import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.endings import PING, PONG, assert_cut, assert_said, dropped, exchange
from tests.servers.golang import Gorilla
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_no_pong_before_its_read_deadline(start: Starter, recorder: Recorder, take: Take) -> None:
    """The example's two clocks: PongWait after the last pong it closes TCP without a Close."""
    every, patience = take.between(0.8, 1.2), take.between(2, 3)
    server = start(Gorilla, PongWait=patience, PingPeriod=every)
    targets = (f"held={server.url}", f"well={server.url}")
    async with probing(*targets, "--stdin", "--do", "1.3 held: hold-pongs", **POSTMORTEM) as watch:
        await dropped(watch, "held")
        await exchange(watch, "well")
        assert await watch.finish() == 1
    assert_cut(watch.the("close", "held"))
    assert len(watch.of("frame", "held", dir="in", opcode=PING)) >= 2
    recorder.keep(take.of("gorilla-no-pong"), watch)


async def test_a_read_deadline_and_no_pings(start: Starter, recorder: Recorder, take: Take) -> None:
    """A program that forgot to ping: its news do not put its read deadline off."""
    patience, every = take.between(2, 3.5), take.between(0.5, 0.9)
    server = start(Gorilla, PongWait=patience, Says=every)
    talk = [word for at in ("0.3", "0.9", "1.6") for word in ("--do", f"{at} send typing")]
    async with probing(server.url, "--reconnect", "--stdin", *talk, **POSTMORTEM) as watch:
        await seen(watch, "close", count=2)
        await watch.finish()
    for close in watch.of("close")[:2]:
        assert_cut(close)
        assert patience - 0.4 <= close["idle_tx"] <= patience + 3
        assert close["idle_rx"] < patience - 0.5
    recorder.keep(take.of("gorilla-read-deadline"), watch)


async def test_a_client_that_the_hub_finds_slow(start: Starter, recorder: Recorder, take: Take) -> None:
    """Its channel is full: the hub drops it, and the write pump's empty Close comes after what was queued."""
    server = start(Gorilla, Kernel=1 << 14)
    async with probing(f"slow={server.url}", f"loud={server.url}", "--stdin", **POSTMORTEM) as watch:
        await exchange(watch, "slow")
        await exchange(watch, "loud")
        await ask(watch, f"freeze {take.between(2.5, 3.5)}", "slow")
        await ask(watch, f"send flood {take.one_of(60, 80)} 10000", "loud")
        await seen(watch, "close", "slow")
        await exchange(watch, "loud")
        assert await watch.finish() == 1
    assert watch.the("close", "slow")["initiator"] == "remote"
    recorder.keep(take.of("gorilla-slow-client"), watch)


async def test_a_write_that_takes_too_long(start: Starter, recorder: Recorder, take: Take) -> None:
    """The write deadline passes in the middle of a message that a client does not read."""
    server = start(Gorilla, Kernel=1 << 16, WriteWait=take.between(0.6, 1.2))
    async with probing(f"slow={server.url}", f"loud={server.url}", "--stdin", **POSTMORTEM) as watch:
        await exchange(watch, "slow")
        await exchange(watch, "loud")
        await ask(watch, f"freeze {take.between(3, 4)}", "slow")
        await ask(watch, "send flood 1 2000000", "loud")
        await dropped(watch, "slow")
        assert await watch.finish() == 1
    close = watch.the("close", "slow")
    assert_cut(close, "fin", "reset")
    recorder.keep(take.of("gorilla-write-deadline"), watch)


async def test_a_panic_ends_it_for_all(start: Starter, recorder: Recorder, take: Take) -> None:
    """The example's pumps are goroutines of its own: a panic in one is nobody's to recover."""
    server, other = start(Gorilla), start(Gorilla)
    targets = (f"anna={server.url}", f"bert={server.url}", f"else={other.url}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert", "else"):
            await exchange(watch, session)
        await ask(watch, "send panic", take.one_of("anna", "bert"))
        await dropped(watch, "anna", "bert")
        await exchange(watch, "else", "still here")
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_cut(watch.the("close", session), "fin", "reset")
    assert "index out of range" in server.log
    recorder.keep(take.of("gorilla-panic"), watch)


async def test_it_runs_out_of_memory(start: Starter, recorder: Recorder, take: Take) -> None:
    """Under a limit of its address space Go ends with ``out of memory``; nobody starts it again."""
    server = start(Gorilla, limits=(f"--as={take.one_of(2, 3) << 30}",), PingPeriod=0.7)
    async with probing(f"anna={server.url}", f"bert={server.url}", "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await exchange(watch, session)
        await ask(watch, "send grow", "bert")
        await dropped(watch, "anna", "bert")
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_cut(watch.the("close", session), "fin", "reset")
    assert "out of memory" in server.log
    recorder.keep(take.of("gorilla-out-of-memory"), watch)


async def test_shutdown_forgets_its_clients(start: Starter, recorder: Recorder, take: Take) -> None:
    """``http.Server.Shutdown`` knows nothing of hijacked connections: they end with the process, without a Close."""
    server = start(Gorilla, PongWait=3.0, PingPeriod=take.between(0.6, 1))
    async with probing(server.url, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "frame", dir="in", opcode=PING, count=2)
        server.end(signal.SIGTERM)
        await dropped(watch, "A")
        assert await watch.finish() == 1
    assert_cut(watch.the("close"))
    recorder.keep(take.of("gorilla-sigterm"), watch)


async def test_it_is_deployed_anew(start: Starter, recorder: Recorder, take: Take) -> None:
    """SIGTERM and a new process on the port; who reconnects is served again."""
    server, other = start(Gorilla), start(Gorilla)
    targets = (f"anna={server.url}", f"bert={server.url}", f"else={other.url}")
    async with probing(*targets, "--reconnect", "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert", "else"):
            await exchange(watch, session)
        server.end(signal.SIGTERM)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        server.begin()
        for session in ("anna", "bert"):
            await seen(watch, "open", session, count=2)
        await exchange(watch, "else", "still here")
        await watch.finish()
    for session in ("anna", "bert"):
        assert_cut(watch.of("close", session)[0])
    recorder.keep(take.of("gorilla-deployed-anew"), watch)


async def test_no_descriptor_is_left(start: Starter, recorder: Recorder, take: Take) -> None:
    """``accept4: too many open files; retrying``: the kernel takes the connection, nobody answers it."""
    server = start(Gorilla, limits=("--nofile=9",))
    patience = ("--open-timeout", str(take.between(1.5, 3)))
    async with probing(*(f"{name}={server.url}" for name in "ABCD"), "--stagger", "0.3", *patience, "--stdin") as watch:
        await seen(watch, "end", count=3)
        assert await watch.finish() == 3
    assert "too many open files" in server.log
    recorder.keep(take.of("gorilla-no-descriptors"), watch)


async def test_too_many_from_one_address(start: Starter, recorder: Recorder, take: Take) -> None:
    most = take.one_of(1, 2)
    server = start(Gorilla, PerAddress=most)
    names = (*"AB"[:most], "late")
    async with probing(*(f"{name}={server.url}" for name in names), "--stagger", "0.4", "--stdin") as watch:
        await seen(watch, "http", names[-1], dir="in", status=429)
        await exchange(watch, "A")
        assert await watch.finish() == 3
    recorder.keep(take.of("gorilla-per-address"), watch)


async def test_a_foreign_origin(start: Starter, recorder: Recorder, take: Take) -> None:
    """Its Upgrader lets in nobody from another host unless told otherwise: 403 and one line of text."""
    server = start(Gorilla)
    origin = take.one_of("http://ground.example", "https://app.ground.example")
    watch, status = await run(server.url, "--origin", origin)
    assert status == 3
    assert watch.the("http", dir="in")["status"] == 403
    recorder.keep(take.of("gorilla-origin"), watch)


async def test_a_newer_login(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Gorilla, One=True)
    targets = (f"old={server.url}?user=anna", f"bert={server.url}?user=bert", f"new={server.url}?user=anna")
    async with probing(*targets, "--stagger", str(take.between(0.4, 0.8)), "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", "old")
        for session in ("bert", "new"):
            await exchange(watch, session)
        assert await watch.finish() == 1
    assert_said(watch.the("close", "old"), 4000, "replaced by a newer connection of the same user")
    recorder.keep(take.of("gorilla-newer-login"), watch)


async def test_its_token_runs_out(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Gorilla, Expires=take.between(1.5, 2.5))
    async with probing(server.url, "-n", "2", "--stagger", "0.6", "--stdin", "--do", "0.4 send hi") as watch:
        await seen(watch, "close", count=2)
        assert await watch.finish() == 1
    for close in watch.of("close"):
        assert_said(close, 1008, "token expired")
    recorder.keep(take.of("gorilla-token-expires"), watch)


async def test_a_message_over_its_read_limit(start: Starter, recorder: Recorder, take: Take) -> None:
    """The example's ``maxMessageSize`` is 512: a Close 1009 without a reason, then TCP ends."""
    server = start(Gorilla, ReadLimit=512)
    watch, status = await run(server.url, "--do", f"0.4 send-repeat x {take.one_of(513, 2000)}", **POSTMORTEM)
    assert status == 1
    assert watch.the("close")["code"] == 1009
    recorder.keep(take.of("gorilla-read-limit"), watch)


async def test_a_fixed_age(start: Starter, certificate: Certificate, recorder: Recorder, take: Take) -> None:
    """The program closes TCP after so long, whoever talks, over TLS; and again."""
    age = take.between(2, 3)
    server = start(Gorilla, MaxAge=age, Says=0.5, Cert=str(certificate.chain), Key=str(certificate.key))
    talk = [word for at in (0.3, 0.8, 1.3, 1.8) for word in ("--do", f"{at} send typing")]
    words = ("--cacert", str(certificate.ca), "--reconnect", "--stdin")
    async with probing(server.tls_url, *words, *talk, **POSTMORTEM) as watch:
        await seen(watch, "close", count=2)
        await watch.finish()
    for close in watch.of("close")[:2]:
        assert_cut(close)
        assert age - 0.4 <= close["age"] <= age + 2
    recorder.keep(take.of("gorilla-fixed-age"), watch)


async def test_net_http_s_timeouts_are_not_its_websockets(start: Starter, recorder: Recorder, take: Take) -> None:
    """ReadTimeout, WriteTimeout and IdleTimeout end with the upgrade: silence longer than each of them hurts nobody."""
    timeout = take.between(0.8, 1.2)
    server = start(Gorilla, HTTPTimeout=timeout, PongWait=5.0, PingPeriod=take.between(2, 2.5))
    watch, status = await run(server.url, "-n", "2", "--duration", str(3 * timeout + 2))
    assert status == 0
    for close in watch.of("close"):
        assert close["asked"] is True and close["age"] > 2 * timeout
    recorder.keep(take.of("gorilla-nethttp-timeouts"), watch)


async def test_it_stands_still(start: Starter, recorder: Recorder, take: Take) -> None:
    """Held by a debugger, as it were; our pings are not answered, its kernel acknowledges them."""
    server, other = start(Gorilla), start(Gorilla)
    words = ("--ping-interval", "0.8", "--ping-timeout", str(take.between(1.2, 2)), "--stdin")
    try:
        async with probing(f"A={server.url}", f"B={other.url}", *words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "A", dir="in", opcode=PONG, count=take.one_of(1, 2))
            os.kill(server.pid, signal.SIGSTOP)
            await seen(watch, "close", "A")
            await watch.finish()
    finally:
        os.kill(server.pid, signal.SIGCONT)
    recorder.keep(take.of("gorilla-stands-still"), watch)
