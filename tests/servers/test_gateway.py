"""How a home-made gateway with JSON Web Tokens ends its users' sessions: expiry, newer logins, limits, deployments."""

import asyncio
import os
import signal

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.again import back
from tests.servers.node_apps import Gateway
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.watching import POSTMORTEM, Line

pytestmark = [pytest.mark.real, pytest.mark.extra]


def assert_said(close: Line, code: int, reason: str) -> None:
    """The gateway's Close said so."""
    assert (close["received"], close["code"]) == ({"code": code, "reason": reason}, code)
    assert close["initiator"] == "remote"


@pytest.mark.parametrize(
    ("code", "reason"), [(4401, "Unauthorized"), (1008, "token expired"), (3000, "jwt expired"), (4001, "")]
)
async def test_a_token_runs_out(start: Starter, recorder: Recorder, take: Take, code: int, reason: str) -> None:
    """The shorter token ends; the longer one of the same user's other tab, or another's, does not."""
    server = start(Gateway, expired=(code, reason), tick=take.one_of(None, 500))
    users = take.one_of(("anna", "anna"), ("anna", "bert"))
    short, long = server.of(users[0], take.one_of(2, 3, 4)), server.of(users[1])
    async with probing(f"short={short}", f"long={long}", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "close", "short")
        await ask(watch, "send hello", "long")
        await seen(watch, "frame", "long", dir="in", text='{"echo":"hello"}')
        assert await watch.finish() == 1
    assert_said(watch.the("close", "short"), code, reason)
    recorder.keep(take.of(f"gateway-token-runs-out-{code}"), watch)


async def test_a_token_runs_out_and_does_not_let_back_in(start: Starter, recorder: Recorder, take: Take) -> None:
    """Coming back with the same token is answered 401."""
    server = start(Gateway, expired=(4401, "Token expired"), tick=400)
    async with probing(server.of("anna", take.one_of(2, 3)), "--stdin", "--reconnect", **POSTMORTEM) as watch:
        await seen(watch, "http", status=401, c=2)
        await seen(watch, "close", c=2)
        assert await watch.finish() == 1
    assert_said(watch.of("close")[0], 4401, "Token expired")
    recorder.keep(take.of("gateway-token-runs-out-reconnect"), watch)


@pytest.mark.parametrize("late", [None, (4401, "")])
async def test_a_token_that_is_no_good(
    start: Starter, recorder: Recorder, take: Take, late: tuple[int, str] | None
) -> None:
    """Answered 401 before the upgrade, or by a Close right after it."""
    server = start(Gateway, late=late)
    token = take.one_of("none", server.token("anna")[:-4] + "AAAA")
    watch, status = await run(f"{server.url}?token={token}", **POSTMORTEM)
    assert status == (1 if late else 3)
    if late:
        assert watch.the("close")["code"] == 4401
    else:
        assert watch.the("http", dir="in")["status"] == 401
    recorder.keep(take.of(f"gateway-bad-token-{'close' if late else '401'}"), watch)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(4000, "Replaced by new connection"), (1008, "Signed in from another device"), (4409, "")],
)
async def test_a_newer_login(start: Starter, recorder: Recorder, take: Take, code: int, reason: str) -> None:
    server = start(Gateway, single=(code, reason), tick=take.one_of(None, 700))
    targets = (f"elder={server.of('anna')}", f"other={server.of('bert')}")
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in ("elder", "other"):
            await seen(watch, "frame", session, dir="in")
        await asyncio.sleep(take.between(0.5, 2))
        await open_session(watch, name="younger", url=server.of("anna"))
        await seen(watch, "frame", "younger", dir="in")
        await seen(watch, "close", "elder")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "elder"), code, reason)
    recorder.keep(take.of(f"gateway-newer-login-{code}"), watch)


@pytest.mark.parametrize(
    ("code", "reason"), [(4029, "Too many connections for this user"), (1008, "connection limit reached")]
)
async def test_one_session_too_many(start: Starter, recorder: Recorder, take: Take, code: int, reason: str) -> None:
    """The user's latest is turned away at once; those he has stay."""
    server = start(Gateway, cap={"most": 2, "code": code, "reason": reason})
    targets = [f"{name}={server.of('anna')}" for name in ("first", "second")]
    async with probing(*targets, "--stdin", **POSTMORTEM) as watch:
        for session in ("first", "second"):
            await seen(watch, "frame", session, dir="in")
        await open_session(watch, name="third", url=server.of("anna"))
        await seen(watch, "close", "third")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "third"), code, reason)
    recorder.keep(take.of(f"gateway-user-cap-{code}"), watch)


@pytest.mark.parametrize(("code", "reason"), [(4290, "rate limit exceeded"), (1008, "Rate limit")])
async def test_too_many_messages(start: Starter, recorder: Recorder, take: Take, code: int, reason: str) -> None:
    most = take.one_of(5, 8, 12)
    server = start(Gateway, rate={"most": most, "code": code, "reason": reason})
    async with probing(f"loud={server.of('anna')}", f"calm={server.of('bert')}", "--stdin", **POSTMORTEM) as watch:
        for session in ("loud", "calm"):
            await seen(watch, "frame", session, dir="in")
        for _ in range(2 * most + 2):
            await watch.command("loud: send hurry")
        await seen(watch, "close", "loud")
        await ask(watch, "send hello", "calm")
        await seen(watch, "frame", "calm", dir="in", text='{"echo":"hello"}')
        assert await watch.finish() == 1
    assert_said(watch.the("close", "loud"), code, reason)
    recorder.keep(take.of(f"gateway-rate-{code}"), watch)


async def test_it_sheds_load(start: Starter, recorder: Recorder, take: Take) -> None:
    """Who comes when it is full is closed with 1013 right after the upgrade, and again when he comes back."""
    reason = take.one_of("server overloaded", "Try again later", "")
    server = start(Gateway, shed={"above": 1, "code": 1013, "reason": reason})
    async with probing(f"first={server.of('anna')}", "--stdin", "--reconnect", **POSTMORTEM) as watch:
        await seen(watch, "frame", "first", dir="in")
        await open_session(watch, name="second", url=server.of("bert"), reconnect=True)
        await seen(watch, "close", "second", c=2)
        assert await watch.finish() == 1
    assert_said(watch.of("close", "second")[0], 1013, reason)
    recorder.keep(take.of("gateway-sheds-load"), watch)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("maintenance-1012", {"stop": (1012, "Service restart")}),
        ("deploy-1001", {"stop": (1001, ""), "drain": 700}),
        ("deploy-mute", {}),
    ],
)
async def test_a_deployment(
    start: Starter, recorder: Recorder, take: Take, name: str, options: dict[str, object]
) -> None:
    """The old process goes, all at once or one after the other, and a new one takes the port; clients come back."""
    server = start(Gateway, tick=take.one_of(None, 600), **options)
    targets = (f"anna={server.of('anna')}", f"bert={server.of('bert')}")
    async with probing(*targets, "--stdin", "--reconnect", **POSTMORTEM) as watch:
        for session in ("anna", "bert"):
            await seen(watch, "frame", session, dir="in")
        await asyncio.sleep(take.between(0.3, 1.5))
        os.kill(server.pid, signal.SIGTERM)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        server.end()
        server.begin()
        for session in ("anna", "bert"):
            await back(watch, session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        close = watch.of("close", session)[0]
        assert close["initiator"] == "remote"
        assert close["code"] == (options["stop"][0] if "stop" in options else 1006)  # type: ignore[index]
    recorder.keep(take.of(f"gateway-{name}"), watch)


async def test_users_that_are_well(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(
        Gateway, tick=take.one_of(600, 900), single=(4000, ""), rate={"most": 20, "code": 4290, "reason": ""}
    )
    async with probing(f"anna={server.of('anna')}", f"bert={server.of('bert')}", "--stdin", **POSTMORTEM) as watch:
        for n in range(6):
            for session in ("anna", "bert"):
                await seen(watch, "open", session)
                await ask(watch, f"send {n}", session)
                await seen(watch, "frame", session, dir="in", text=f'{{"echo":"{n}"}}')
            await asyncio.sleep(take.between(0.3, 0.8))
        assert await watch.finish() == 0
    recorder.keep(take.of("gateway-well"), watch)
