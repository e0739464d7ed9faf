"""Programs on Node's ws that drop their clients, die under them or stand still, and what the probe sees of it."""

import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.frozen import freeze
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings
from tests.servers.python import PythonWs
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.watching import Line, Watch

pytestmark = pytest.mark.real

LOOK = {"WHOOPS_NO_POSTMORTEM": ""}
"""Has the probe look after a drop whether the server still answers."""


def secure(certificate: Certificate) -> dict[str, str]:
    """The program's options that make it speak TLS."""
    return {"cert": str(certificate.chain), "key": str(certificate.key)}


def assert_dropped(close: Line, how: str) -> None:
    """TCP ended that way, and no Close came."""
    assert (close["code"], close["synthetic"], close["received"]) == (1006, True, None)
    assert (close["initiator"], close["transport"]["how"]) == ("remote", how)


async def dropped(watch: Watch, *sessions: str) -> None:
    """Returns when they have dropped and the probe has looked whether their server still answers."""
    for session in sessions:
        await seen(watch, "close", session)
        await seen(watch, "postmortem", session)


async def exchange(watch: Watch, session: str) -> None:
    """A message that comes back, once the session is open."""
    await seen(watch, "open", session)
    await ask(watch, "send hello", session)
    await seen(watch, "frame", session, dir="in", text="hello")


@pytest.mark.parametrize(("word", "how"), [("terminate", "fin"), ("reset", "reset")])
async def test_one_client_is_dropped(
    node_endings: NodeEndings, recorder: Recorder, take: Take, word: str, how: str
) -> None:
    at = take.between(0.1, 0.8)
    watch, status = await run(node_endings.url, "--do", f"{at} send {word}", **LOOK)
    assert status == 1
    assert_dropped(watch.the("close"), how)
    recorder.keep(take.of(f"node-{word}"), watch)


@pytest.mark.parametrize(("word", "how"), [("terminate", "fin"), extra("reset", "reset")])
@pytest.mark.extra
async def test_one_of_two_is_dropped(
    node_endings: NodeEndings, recorder: Recorder, take: Take, word: str, how: str
) -> None:
    async with probing(f"anna={node_endings.url}", f"bert={node_endings.url}", "--stdin") as watch:
        for session in ("anna", "bert"):
            await exchange(watch, session)
        await ask(watch, f"send {word}", "anna")
        await seen(watch, "close", "anna")
        await exchange(watch, "bert")
        assert await watch.finish() == 1
    assert_dropped(watch.the("close", "anna"), how)
    recorder.keep(take.of(f"node-{word}-one-of-two"), watch)


@pytest.mark.extra
async def test_everybody_is_dropped_but_for_another_server_s_client(
    node_endings: NodeEndings, start: Starter, recorder: Recorder, take: Take
) -> None:
    """The process lives on, and lets them in again."""
    other = start(PythonWs)
    targets = (f"anna={node_endings.url}", f"bert={node_endings.url}", f"else={other.url}")
    async with probing(*targets, "--stdin", **LOOK) as watch:
        for session in ("anna", "bert", "else"):
            await exchange(watch, session)
        await ask(watch, "send terminate-everybody", take.one_of("anna", "bert"))
        await dropped(watch, "anna", "bert")
        await ask(watch, "send still here", "else")
        await seen(watch, "frame", "else", dir="in", text="still here")
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_dropped(watch.the("close", session), "fin")
    recorder.keep(take.of("node-terminate-everybody"), watch)


async def test_a_client_of_a_tls_server_is_dropped(
    start: Starter, certificate: Certificate, recorder: Recorder, take: Take
) -> None:
    """``terminate`` ends TCP below TLS: no close_notify. A TLS socket of Node's cannot be reset."""
    server = start(NodeEndings, **secure(certificate))
    words = ("--cacert", str(certificate.ca), "--do", f"{take.between(0.1, 0.8)} send terminate")
    watch, status = await run(server.tls_url, *words, **LOOK)
    assert status == 1
    close = watch.the("close")
    assert_dropped(close, "fin")
    recorder.keep(take.of("node-terminate-tls"), watch)


@pytest.mark.parametrize("word", ["exit", extra("throw")])
async def test_its_process_ends_in_a_handler(start: Starter, recorder: Recorder, take: Take, word: str) -> None:
    server = start(NodeEndings)
    watch, status = await run(server.url, "--do", f"{take.between(0.1, 0.8)} send {word}", **LOOK)
    assert status == 1
    assert_dropped(watch.the("close"), "fin")
    recorder.keep(take.of(f"node-{word}"), watch)


@pytest.mark.parametrize("word", ["throw", extra("exit")])
@pytest.mark.extra
async def test_the_message_of_one_ends_the_process_for_all(
    start: Starter, recorder: Recorder, take: Take, word: str
) -> None:
    server, other = start(NodeEndings), start(PythonWs)
    targets = (f"anna={server.url}", f"bert={server.url}", f"else={other.url}")
    async with probing(*targets, "--stdin", **LOOK) as watch:
        for session in ("anna", "bert", "else"):
            await exchange(watch, session)
        await ask(watch, f"send {word}", take.one_of("anna", "bert"))
        await dropped(watch, "anna", "bert")
        await ask(watch, "send still here", "else")
        await seen(watch, "frame", "else", dir="in", text="still here")
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_dropped(watch.the("close", session), "fin")
    recorder.keep(take.of(f"node-{word}-for-all"), watch)


@pytest.mark.parametrize("secret", [False, extra(True)])
@pytest.mark.parametrize("looks", [True, extra(False)])
async def test_it_is_killed(
    start: Starter, certificate: Certificate, recorder: Recorder, take: Take, looks: bool, secret: bool
) -> None:
    server = start(NodeEndings, **secure(certificate) if secret else {})
    url, trust = (server.tls_url, ("--cacert", str(certificate.ca))) if secret else (server.url, ())
    async with probing(f"anna={url}", f"bert={url}", *trust, "--stdin", **LOOK if looks else {}) as watch:
        for session in ("anna", "bert"):
            await exchange(watch, session)
        os.kill(server.pid, signal.SIGKILL)
        if looks:
            await dropped(watch, "anna", "bert")
        for session in ("anna", "bert"):
            await seen(watch, "close", session)
        assert await watch.finish() == 1
    for session in ("anna", "bert"):
        assert_dropped(watch.the("close", session), "fin")
    recorder.keep(take.of(f"node-sigkill{'-tls' if secret else ''}{'-looked-after' if looks else ''}"), watch)


@pytest.mark.parametrize("secret", [False, extra(True)])
async def test_it_is_killed_before_it_read_everything(
    start: Starter, certificate: Certificate, recorder: Recorder, take: Take, secret: bool
) -> None:
    """What its kernel held for it turns the end into a reset."""
    server = start(NodeEndings, **secure(certificate) if secret else {})
    url, trust = (server.tls_url, ("--cacert", str(certificate.ca))) if secret else (server.url, ())
    async with probing(f"busy={url}", f"quiet={url}", *trust, "--stdin", **LOOK) as watch:
        for session in ("busy", "quiet"):
            await exchange(watch, session)
        freeze(server.pid)
        await ask(watch, f"send-repeat x {take.one_of(1, 500, 20_000)}", "busy")
        await seen(watch, "frame", "busy", count=2, dir="out", opcode=1)
        os.kill(server.pid, signal.SIGKILL)
        await dropped(watch, "busy", "quiet")
        assert await watch.finish() == 1
    assert_dropped(watch.the("close", "busy"), "reset")
    assert_dropped(watch.the("close", "quiet"), "fin")
    recorder.keep(take.of(f"node-sigkill-unread{'-tls' if secret else ''}"), watch)


@pytest.mark.extra
async def test_it_is_killed_in_the_middle_of_a_message(start: Starter, recorder: Recorder, take: Take) -> None:
    """We read late: what its kernel had taken from it still comes, what it held itself is lost."""
    server = start(NodeEndings)
    async with probing(f"slow={server.url}", f"other={server.url}", "--stdin", **LOOK) as watch:
        for session in ("slow", "other"):
            await exchange(watch, session)
        await ask(watch, f"freeze {take.between(1.5, 2.5)}", "slow")
        await ask(watch, "send flood-others 12000000", "other")
        await ask(watch, "send its turn is after the flood's", "other")
        await seen(watch, "frame", "other", dir="in", text="its turn is after the flood's")
        os.kill(server.pid, signal.SIGKILL)
        await dropped(watch, "slow", "other")
        assert await watch.finish() == 1
    for session in ("slow", "other"):
        assert_dropped(watch.the("close", session), "fin")
    assert watch.the("close", "slow")["transport"]["undecoded"] > 0
    recorder.keep(take.of("node-sigkill-mid-message"), watch)


@pytest.mark.parametrize("secret", [False, extra(True)])
async def test_a_frame_that_is_cut_off(
    start: Starter, certificate: Certificate, recorder: Recorder, take: Take, secret: bool
) -> None:
    """The program writes a part of a frame and ends the socket in order."""
    server = start(NodeEndings, **secure(certificate) if secret else {})
    url, trust = (server.tls_url, ("--cacert", str(certificate.ca))) if secret else (server.url, ())
    part = take.one_of("81", "817e10", "817e1000" + "61" * 200, "820548")
    watch, status = await run(url, *trust, "--do", f"{take.between(0.1, 0.8)} send cut {part}")
    assert status == 1
    close = watch.the("close")
    assert_dropped(close, "fin")
    assert close["transport"]["undecoded"] == len(part) // 2
    recorder.keep(take.of(f"node-truncated-frame{'-tls' if secret else ''}"), watch)


async def test_its_close_is_its_last_act(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(NodeEndings)
    code, reason = take.one_of((1001, "shutting down"), (1000, ""), (1011, "Internal error"))
    orders = ("--do", f"0.2 send hang {code} {reason}".rstrip(), "--close-timeout", str(take.between(1, 2.5)))
    try:
        watch, status = await run(server.url, *orders)
    finally:
        os.kill(server.pid, signal.SIGKILL)
    assert status == 1
    close = watch.the("close")
    assert (close["received"], close["initiator"]) == ({"code": code, "reason": reason}, "remote")
    assert close["transport"]["how"] == "local" and close["sent"] is not None
    recorder.keep(take.of("node-close-and-hang"), watch)


@pytest.mark.extra
async def test_it_answers_our_close_and_never_ends_tcp(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(NodeEndings)
    orders = ("--do", "0.1 send hang-when-answered", "--do", f"{take.between(0.4, 0.9)} close 1000 done")
    try:
        watch, status = await run(server.url, *orders, "--close-timeout", str(take.between(1, 2.5)))
    finally:
        os.kill(server.pid, signal.SIGKILL)
    assert status == 0
    close = watch.the("close")
    assert (close["received"], close["initiator"]) == ({"code": 1000, "reason": "done"}, "local")
    assert close["transport"]["how"] == "local"
    recorder.keep(take.of("node-answers-and-hangs"), watch)
