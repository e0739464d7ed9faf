"""How nats-server ends the clients of its WebSocket listener: pings, logins, limits, operators, slow consumers."""

import base64
import json
import signal
from typing import Any

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.nats import Nats, connect
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM, Line, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

PONGS = [word for at in range(1, 30) for word in ("--do", f"{at * 0.4:.1f} well: send PONG\\r\\n")]
"""The options that have the session ``well`` answer pings, asked or not."""


def text(line: Line) -> str:
    """What a frame says."""
    return str(line["text"]) if "text" in line else base64.b64decode(line.get("b64", "")).decode()


async def heard(watch: Watch, session: str, words: str, *, count: int = 1) -> Line:
    """Waits for a message of the server that holds these words."""
    return await watch.until(
        lambda line: line["type"] == "frame" and line["s"] == session and line["dir"] == "in" and words in text(line),
        count=count,
    )


async def login(watch: Watch, session: str, user: str = "anna", password: str = "crew") -> dict[str, Any]:
    """CONNECT and the first PING and PONG; what the server said of itself and of this client."""
    info = await heard(watch, session, "INFO ")
    await ask(watch, f"send {connect(user, password)}", session)
    await ask(watch, "send PING\\r\\n", session)
    await heard(watch, session, "PONG")
    told: dict[str, Any] = json.loads(text(info).removeprefix("INFO "))
    return told


async def test_it_hears_no_pong(start: Starter, recorder: Recorder, take: Take) -> None:
    """``ping_max`` unanswered PINGs: -ERR 'Stale Connection' and a Close. Its PINGs are messages, not frames."""
    server = start(Nats, f'ping_interval: "1s"\nping_max: {take.one_of(1, 2)}')
    async with probing(f"held={server.url}", f"well={server.url}", *PONGS, "--stdin", **POSTMORTEM) as watch:
        for session in ("held", "well"):
            await login(watch, session)
        await seen(watch, "close", "held")
        assert await watch.finish() == 1
    assert watch.the("close", "held")["initiator"] == "remote"
    assert watch.the("close", "well")["asked"] is True
    recorder.keep(take.of("nats-stale"), watch)


async def test_nobody_logs_in(start: Starter, recorder: Recorder, take: Take) -> None:
    """``authorization.timeout``: -ERR 'Authentication Timeout' and a Close."""
    server = start(Nats, f"authorization: {{ timeout: {take.between(1, 2)} }}")
    watch, status = await run(server.url, **POSTMORTEM)
    assert status == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("nats-no-connect"), watch)


async def test_a_wrong_password(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Nats)
    async with probing(f"A={server.url}", "--stdin") as watch:
        await heard(watch, "A", "INFO ")
        await ask(watch, f"send {connect('anna', take.one_of('guess', 'secret'))}", "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    recorder.keep(take.of("nats-wrong-password"), watch)


async def test_a_message_over_max_payload(start: Starter, recorder: Recorder, take: Take) -> None:
    most = take.one_of(1024, 4096)
    server = start(Nats, f"max_payload: {most}")
    async with probing(f"A={server.url}", f"B={server.url}", "--stdin") as watch:
        for session in ("A", "B"):
            await login(watch, session)
        await ask(watch, f"send PUB news {most + 1}\\r\\n{'x' * (most + 1)}\\r\\n", "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    recorder.keep(take.of("nats-max-payload"), watch)


async def test_no_command_of_its_protocol(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Nats)
    words = take.one_of('{"hello":"there"}', "SUBSCRIBE news", "GET / HTTP/1.1")
    async with probing(f"A={server.url}", "--stdin", **POSTMORTEM) as watch:
        await login(watch, "A")
        await ask(watch, f"send {words}\\r\\n", "A")
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("nats-unknown-operation"), watch)


async def test_max_connections(start: Starter, recorder: Recorder, take: Take) -> None:
    """-ERR 'maximum connections exceeded' to the one too many, after the upgrade."""
    server = start(Nats, "max_connections: 2")
    targets = (f"A={server.url}", f"B={server.url}", f"late={server.url}")
    async with probing(*targets, "--stagger", str(take.between(0.3, 0.8)), "--stdin") as watch:
        await seen(watch, "close", "late")
        assert await watch.finish() == 1
    recorder.keep(take.of("nats-max-connections"), watch)


async def test_lame_duck_mode(start: Starter, recorder: Recorder, take: Take) -> None:
    """SIGUSR2: after a grace it closes its clients one by one, and then ends."""
    grace = take.between(0.5, 1.5)
    server = start(Nats, f'lame_duck_grace_period: "{round(grace * 1000)}ms"\nlame_duck_duration: "30s"')
    async with probing(f"anna={server.url}", f"bert={server.url}", "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await login(watch, session, session)
        server.drain()
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    recorder.keep(take.of("nats-lame-duck"), watch)


async def test_it_is_restarted(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(Nats)
    async with probing(f"anna={server.url}", f"bert={server.url}", "--reconnect", "--stdin") as watch:
        for session in take.one_of(("anna", "bert"), ("bert", "anna")):
            await login(watch, session, session)
        server.end(signal.SIGTERM)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        server.begin()
        for session in ("anna", "bert"):
            await seen(watch, "open", session, count=2)
        await watch.finish()
    recorder.keep(take.of("nats-restarts"), watch)


async def test_it_is_killed(start: Starter, recorder: Recorder, take: Take) -> None:
    server, other = start(Nats), start(Nats)
    async with probing(f"anna={server.url}", f"bert={other.url}", "--stdin", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await login(watch, session, session)
        for _ in range(take.one_of(1, 2)):
            await ask(watch, "send PING\\r\\n", "anna")
        server.end(signal.SIGKILL)
        await seen(watch, "postmortem", "anna")
        await ask(watch, "send PING\\r\\n", "bert")
        await heard(watch, "bert", "PONG", count=2)
        assert await watch.finish() == 1
    recorder.keep(take.of("nats-sigkill"), watch)


async def test_an_operator_kicks_a_client(start: Starter, recorder: Recorder, take: Take) -> None:
    """``$SYS.REQ.SERVER.ID.KICK`` with the client's number, from the system account."""
    server = start(Nats)
    targets = (f"anna={server.url}", f"bert={server.url}", f"operator={server.url}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        told = {name: await login(watch, name, name) for name in ("anna", "bert", "operator")}
        if take.one_of(True, False):
            await ask(watch, "send SUB news 1\\r\\n", "anna")
        order = json.dumps({"cid": told["anna"]["client_id"]})
        subject = f"$SYS.REQ.SERVER.{told['anna']['server_id']}.KICK"
        await ask(watch, f"send PUB {subject} answer {len(order)}\\r\\n{order}\\r\\n", "operator")
        await seen(watch, "close", "anna")
        assert await watch.finish() == 1
    recorder.keep(take.of("nats-kick"), watch)


async def test_a_password_is_changed(start: Starter, recorder: Recorder, take: Take) -> None:
    """A reload of the configuration ends who could not log in any more."""
    server = start(Nats)
    async with probing(f"anna={server.url}", f"bert={server.url}", "--stdin", **POSTMORTEM) as watch:
        for session in take.one_of(("anna", "bert"), ("bert", "anna")):
            await login(watch, session, session)
        server.configure(password="changed")
        server.reload()
        await seen(watch, "close", "anna")
        await ask(watch, "send PING\\r\\n", "bert")
        await heard(watch, "bert", "PONG", count=2)
        assert await watch.finish() == 1
    recorder.keep(take.of("nats-password-changed"), watch)
