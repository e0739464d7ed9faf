"""Close codes that programs on Node's ws send, and what the probe sees of them."""

import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.node import NodeEndings
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.watching import Line

pytestmark = pytest.mark.real


def assert_said(close: Line, code: int, reason: str = "") -> None:
    """The server's Close said so, and TCP ended in order."""
    assert (close["received"], close["code"]) == ({"code": code, "reason": reason}, code)
    assert (close["initiator"], close["clean"], close["transport"]["how"]) == ("remote", True, "fin")


@pytest.mark.parametrize(
    ("name", "code", "reasons"),
    [
        extra("going-away", 1001, ("", "going away", "rolling update")),
        extra("unsupported-data", 1003, ("", "binary frames only", "unsupported payload")),
        extra("policy", 1008, ("", "Policy Violation")),
        extra("policy-with-a-reason", 1008, ("message not allowed in this state", "tenant blocked by policy")),
        extra("server-error", 1011, ("", "Internal error", "Unexpected condition")),
        ("restart", 1012, ("", "Service Restart", "deploying 4.2.1")),
        extra("try-again-later", 1013, ("", "Try again later", "overloaded")),
        extra("own-code", 4000, ("bye", "game over", "")),
        extra("own-low-code", 3500, ("", "room closed", "match finished")),
        extra("own-high-code", 4999, ("", "see the log", "code 17")),
        extra("kick-without-a-word", 1000, ("",)),
        ("kick", 1000, ("removed by an administrator", "kicked by moderator")),
        extra("permission-denied", 4403, ("Forbidden", "forbidden: not a member of this room", "permission denied")),
        extra("session-expired", 4440, ("session expired", "Session timed out", "your session has expired")),
        extra("invalid-token", 4401, ("invalid token", "authentication failed: bad token")),
    ],
)
async def test_it_says_why(
    node_endings: NodeEndings, recorder: Recorder, take: Take, name: str, code: int, reasons: tuple[str, ...]
) -> None:
    reason = take.one_of(*reasons)
    after = take.between(0.1, 0.6)
    watch, status = await run(node_endings.url, "--do", f"{after} send close {code} {reason}".rstrip())
    assert status == 1
    assert_said(watch.the("close"), code, reason)
    recorder.keep(take.of(f"node-closes-{name}"), watch)


@pytest.mark.extra
async def test_a_close_without_a_code(node_endings: NodeEndings, recorder: Recorder, take: Take) -> None:
    watch, status = await run(node_endings.url, "--do", f"{take.between(0.1, 0.6)} send close")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["received"]) == (1005, {"code": None, "reason": ""})
    recorder.keep(take.of("node-closes-without-a-code"), watch)


@pytest.mark.parametrize(("name", "code"), [("maintenance", 1012), extra("overload", 1013), extra("stop", 1001)])
async def test_everybody_is_sent_away_but_for_another_server_s_client(
    node_endings: NodeEndings, start: Starter, recorder: Recorder, take: Take, name: str, code: int
) -> None:
    other = start(PythonWs)
    targets = (f"anna={node_endings.url}", f"bert={node_endings.url}", f"else={other.url}")
    async with probing(*targets, "--stdin") as watch:
        for session in ("anna", "bert", "else"):
            await seen(watch, "open", session)
        await ask(watch, f"send everybody {code} {name}", take.one_of("anna", "bert"))
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        await ask(watch, "send still here", "else")
        await seen(watch, "frame", "else", dir="in", text="still here")
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_said(watch.the("close", session), code, name)
    recorder.keep(take.of(f"node-sends-everybody-away-{name}"), watch)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [("kicked", 1000, "kicked by admin"), extra("throttled", 4029, "you are sending too fast")],
)
@pytest.mark.extra
async def test_one_of_two_is_sent_away(
    node_endings: NodeEndings, recorder: Recorder, take: Take, name: str, code: int, reason: str
) -> None:
    """The command comes over a third connection, as from an administrator's page."""
    async with probing(f"anna={node_endings.url}", f"bert={node_endings.url}", "--stdin") as watch:
        for session in ("anna", "bert"):
            await seen(watch, "open", session)
            await ask(watch, "send hello", session)
            await seen(watch, "frame", session, dir="in", text="hello")
        await ask(watch, f"send others {code} {reason}", "bert")
        await seen(watch, "close", "anna")
        await ask(watch, "send still here", "bert")
        await seen(watch, "frame", "bert", dir="in", text="still here")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "anna"), code, reason)
    recorder.keep(take.of(f"node-one-of-two-{name}"), watch)


@pytest.mark.parametrize("secure", [False, extra(True)])
async def test_a_planned_stop(
    start: Starter, recorder: Recorder, take: Take, secure: bool, request: pytest.FixtureRequest
) -> None:
    words: tuple[str, ...] = ()
    if secure:
        certificate = request.getfixturevalue("certificate")
        server = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
        words = ("--cacert", str(certificate.ca))
    else:
        server = start(NodeEndings)
    url = server.tls_url if secure else server.url
    async with probing(f"anna={url}", f"bert={url}", *words, "--stdin") as watch:
        for session in ("anna", "bert"):
            await seen(watch, "open", session)
        await ask(watch, "send hello", take.one_of("anna", "bert"))
        await seen(watch, "frame", dir="in", text="hello")
        os.kill(server.pid, signal.SIGTERM)
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_said(watch.the("close", session), 1001, "shutting down")
    recorder.keep(take.of(f"node-planned-stop-{'tls' if secure else 'plain'}"), watch)


@pytest.mark.parametrize(
    ("name", "code", "reasons"),
    [
        ("token", 4401, ("token expired", "jwt expired", "Access token has expired")),
        extra("own-token-code", 4001, ("token expired", "auth token expired")),
        extra("session", 4440, ("session expired", "HTTP session expired")),
    ],
)
async def test_what_let_it_in_runs_out(
    start: Starter, recorder: Recorder, take: Take, name: str, code: int, reasons: tuple[str, ...]
) -> None:
    """One session is busy, the other is not: age ends both."""
    lasts = take.between(1, 2.5)
    server = start(NodeEndings, expires=(lasts * 1000, code, take.one_of(*reasons)))
    busy = ("--do", "0.3 busy: send a", "--do", "0.6 busy: send b", "--do", "0.9 busy: send c")
    watch, status = await run(f"busy={server.url}", f"quiet={server.url}", *busy)
    assert status == 1
    for session in ("busy", "quiet"):
        close = watch.the("close", session)
        assert close["code"] == code
        assert close["age"] == pytest.approx(lasts, abs=1)
    recorder.keep(take.of(f"node-expired-{name}"), watch)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [("4429", 4429, "rate limit exceeded"), extra("1008", 1008, "too many messages"), extra("1013", 1013, "slow down")],
)
async def test_too_many_messages(
    start: Starter, recorder: Recorder, take: Take, name: str, code: int, reason: str
) -> None:
    most = take.one_of(3, 5, 8)
    server = start(NodeEndings, limit=(most, code, reason))
    async with probing(server.url, "--stdin") as watch:
        await seen(watch, "open")
        for number in range(2 * most + 1):
            await watch.command(f"send {number}")
        await seen(watch, "close")
        assert await watch.finish() == 1
    assert_said(watch.the("close"), code, reason)
    recorder.keep(take.of(f"node-too-many-messages-{name}"), watch)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        extra("4409", 4409, "Conflict: another session of this user was opened"),
        extra("4001", 4001, "logged in elsewhere"),
        extra("1008", 1008, "duplicate login"),
        ("1000", 1000, "replaced by a newer connection"),
    ],
)
async def test_a_newer_login_takes_its_place(
    start: Starter, recorder: Recorder, take: Take, name: str, code: int, reason: str
) -> None:
    server = start(NodeEndings, one=(code, reason))
    targets = (f"older={server.url}?user=anna", f"other={server.url}?user=bert", f"newer={server.url}?user=anna")
    stagger = str(take.between(0.3, 0.9))
    async with probing(*targets, "--stagger", stagger, "--stdin") as watch:
        await seen(watch, "close", "older")
        for session in ("newer", "other"):
            await seen(watch, "open", session)
            await ask(watch, "send still here", session)
            await seen(watch, "frame", session, dir="in", text="still here")
        assert await watch.finish() == 1
    assert_said(watch.the("close", "older"), code, reason)
    recorder.keep(take.of(f"node-newer-login-{name}"), watch)


@pytest.mark.extra
async def test_a_planned_stop_that_a_busy_client_reads_late(start: Starter, recorder: Recorder, take: Take) -> None:
    """The server stops listening at once; ws gives its clients 30 s to answer its Close."""
    server = start(NodeEndings)
    async with probing(server.url, "--do", f"0.1 freeze {take.between(1, 2)}", "--stdin") as watch:
        await seen(watch, "command")
        os.kill(server.pid, signal.SIGTERM)
        await seen(watch, "close")
        assert await watch.finish() == 1
    assert_said(watch.the("close"), 1001, "shutting down")
    recorder.keep(take.of("node-planned-stop-read-late"), watch)
