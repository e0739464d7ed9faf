"""The probe as a whole: commands in words and JSON, one answer each; sessions come and go, on one loop."""

import json
import os
from pathlib import Path

import pytest
import trustme

from tests.probing import ask, open_session, probing, run, seen
from tests.servers import scripts
from tests.servers.scripted import Connection, ScriptedServer
from tests.serving import brokering
from tests.watching import Watch
from tui.client.commands import VERBS
from tui.knowledge.catalogue import LANGUAGES, phrase
from tui.lab.policy import Policy


def answered(watch: Watch, number: object) -> list[dict[str, object]]:
    """The answers to the command with that id."""
    return [line for line in watch.of("command") if line["id"] == number]


async def test_words_and_json_are_answered_once_each(echo: str) -> None:
    async with probing(f"bob={echo}", f"eve={echo}", "--stdin") as watch:
        await seen(watch, "open", "bob")
        await seen(watch, "open", "eve")
        await watch.command("bob: send in words")
        await watch.command('{"cmd":"send in JSON","s":"eve","id":"x1"}')
        await watch.command('{"cmd":"bob: send named inside","id":2}')
        await watch.command("")
        await watch.command("mark both of them")
        await watch.command('{"cmd":"quit","id":9}')
        assert await watch.finish() == 0
    answers = [(line.get("s"), line["id"], line["do"], line["ok"], line["why"]) for line in watch.of("command")]
    assert answers == [
        ("bob", None, "send in words", True, None), ("eve", "x1", "send in JSON", True, None),
        ("bob", 2, "send named inside", True, None), ("bob", None, "mark both of them", True, None),
        ("eve", None, "mark both of them", True, None), (None, 9, "quit", True, None),
    ]  # fmt: skip
    assert watch.the("stop")["why"] == "quit"
    texts = [(frame["s"], frame["text"]) for frame in watch.of("frame", dir="out", opcode=1)]
    assert texts == [("bob", "in words"), ("eve", "in JSON"), ("bob", "named inside")]


async def test_what_is_no_command_is_refused_with_its_id(echo: str) -> None:
    lines = [
        ("jump", "command.unknown_verb", None),
        ('{"cmd":"jump","id":1}', "command.unknown_verb", 1),
        ('{"cmd":"close soon","id":2}', "command.bad_code", 2),
        ('{"cmd":"subscribe","id":3}', "command.missing_argument", 3),
        ('{"cmd":"quit now","id":4}', "command.too_many", 4),
        ('{"cmd":"open","id":5}', "command.open_wants_session", 5),
        ('{"cmd":', "command.bad_json", None),
        ('{"do":"send x"}', "command.bad_json", None),
        ('{"cmd":"send x","s":"nobody","id":6}', "command.no_session", 6),
        ("nobody: send x", "command.no_session", None),
        ('{"cmd":"subscribe /a","id":7}', "command.no_stomp", 7),
        ("\udcff\udcfe", "command.unknown_verb", None),
    ]  # fmt: skip
    async with probing(echo, "--stdin") as watch:
        await seen(watch, "open")
        assert watch.process.stdin is not None
        watch.process.stdin.write(b"".join(line.encode(errors="surrogateescape") + b"\n" for line, *_ in lines))
        await seen(watch, "command", count=len(lines))
        assert await watch.finish() == 0
    said = watch.of("command")
    assert [(line["why"], line["id"], line["ok"]) for line in said] == [
        (key, number, False) for _, key, number in lines
    ]
    for line in said:
        for lang in LANGUAGES:
            assert phrase(line["why"], lang, **line.get("args", {}))


async def test_a_torn_open_shows_no_secret() -> None:
    async with probing("--stdin") as watch:
        await watch.command('{"cmd":"open","session":{"url":"ws://me:hunter2@127.0.0.1:1/","passcode":"hunter2"')
        await watch.command('{"cmd":"opne","session":{"passcode":"hunter2"}}')
        for table in (
            {"url": "ws://me:hunter2@127.0.0.1:0/"}, {"url": "ws://h/", "passcode": 5, "user": "hunter2"},
            {"url": "ws://h/", "header": ["Authorization Bearer hunter2"]},
            {"url": "ws://h/", "cookie": ["a=hunter2\n"]},
            {"url": "ws://h/", "do": [r"1 stomp-fram CONNECT\npasscode:hunter2\n\n\0"]},
        ):  # fmt: skip
            assert (await open_session(watch, **table))["ok"] is False
        assert await watch.finish() == 0
    assert b"hunter2" not in b"".join(watch.raw)


@pytest.mark.parametrize("stomp", [False, True])
async def test_every_verb_is_answered(stomp: bool, echo: str, broker: str, tmp_path: Path) -> None:
    """Whatever is asked, in whatever order, is answered; nothing is a crash."""
    words = {
        "send-repeat": "send-repeat x 2", "send-binary": "send-binary 00", "send-file": f"send-file {tmp_path}/none",
        "raw-frame": "raw-frame 8a80 00000000", "stomp-send": "stomp-send /a x", "throttle-beats": "throttle-beats 9",
        "stomp-frame": r"stomp-frame \n", "freeze": "freeze 0.05",
    }  # fmt: skip
    plain = {
        "subscribe": "/a",
        "unsubscribe": "/a",
        "ack": "1",
        "nack": "1",
        "mark": "x",
        "send": "x",
        "send-raw": r"\n",
    }
    last = ["disconnect", "close", "half-close", "reset", "abort"]
    order = [verb for verb in VERBS if verb not in last and verb != "freeze"] + last[:1] + ["freeze"]
    async with probing(broker if stomp else echo, "--stdin", "--close-timeout", "0.3") as watch:
        await (seen(watch, "stomp", command="CONNECTED") if stomp else seen(watch, "open"))
        for verb in order:
            answer = await ask(watch, words.get(verb) or f"{verb} {plain.get(verb, '')}".strip())
            if not stomp:
                assert answer["why"] == ("command.no_stomp" if VERBS[verb].stomp else answer["why"])
        for verb in ("close", "half-close", "abort", "reset", "reconnect", "forget", "mark x"):
            await ask(watch, verb)
        await watch.command("quit")
        await watch.finish()
    assert all(line["why"] is None or phrase(line["why"], "en", **line.get("args", {})) for line in watch.of("command"))


async def test_sessions_come_and_go(echo: str) -> None:
    async with probing("--stdin") as watch:
        answer = await open_session(watch, url=echo, name="bob", do=["0 send hello"])
        assert (answer["ok"], answer["s"]) == (True, "bob")
        await seen(watch, "frame", "bob", dir="in", text="hello")
        assert (await open_session(watch, url=echo, name="bob"))["why"] == "option.duplicate_name"
        unnamed = await open_session(watch, url=echo)
        assert unnamed["s"] == "A"
        await seen(watch, "open", "A")
        assert (await ask(watch, "forget", "bob"))["ok"]
        await seen(watch, "end", "bob")
        assert (await ask(watch, "send x", "bob"))["why"] == "command.no_session"
        assert (await open_session(watch, url=echo, name="bob"))["ok"], "the name is free again"
        await seen(watch, "open", "bob", count=2)
        await watch.command("quit")
        assert await watch.finish() == 0
    ends = watch.of("close")
    assert len(ends) == 3 and all(close["asked"] for close in ends)


async def test_opening_while_the_probe_stops_is_refused(echo: str) -> None:
    """A server that is slow to end must not let a late ``open`` keep the probe alive."""
    with ScriptedServer(scripts.after_upgrade(Connection.hold)) as server:
        async with probing(server.url, "--stdin", "--close-timeout", "0.5") as watch:
            await seen(watch, "open")
            await watch.command("quit")
            await seen(watch, "stop")
            assert (await open_session(watch, url=echo, name="late"))["why"] == "command.stopping"
            assert await watch.finish(within=5) == 0
    assert not watch.of("target", "late")


async def test_reconnect_is_a_second_connection_of_the_session(echo: str) -> None:
    async with probing(f"bob={echo}", "--stdin", "--do", "0 send once") as watch:
        await seen(watch, "frame", dir="in", text="once")
        await ask(watch, "reconnect")
        await seen(watch, "open", c=2)
        await ask(watch, "close")
        await seen(watch, "end", c=2)
        await ask(watch, "reconnect")
        await seen(watch, "open", c=3)
        assert (await ask(watch, "send again"))["c"] == 3
        assert await watch.finish() == 0
    assert [(end["s"], end["c"]) for end in watch.of("end")] == [("bob", 1), ("bob", 2), ("bob", 3)]
    assert len(watch.of("target")) == 1
    assert len(watch.of("frame", dir="out", text="once")) == 1, "--do counts on the first connection only"


async def test_a_file_that_vanishes_meanwhile_harms_nobody(echo: str, authority: trustme.CA, tmp_path: Path) -> None:
    passcode, ca_file = tmp_path / "passcode", tmp_path / "ca.pem"
    passcode.write_text("sesame\n")
    authority.cert_pem.write_to_path(str(ca_file))
    async with (
        brokering(Policy(users={"me": "sesame"}, grace=0)) as url,
        probing(f"bob={url}", "--login", "me", "--passcode-file", str(passcode), "--stdin") as watch,
    ):
        await open_session(watch, url=echo.replace("ws:", "wss:"), name="eve", cacert=str(ca_file))
        await seen(watch, "end", "eve")
        await seen(watch, "stomp", "bob", command="CONNECTED")
        passcode.unlink()
        ca_file.unlink()
        await ask(watch, "reconnect")
        end = await seen(watch, "end", "eve", c=2)
        await seen(watch, "stomp", "bob", command="CONNECTED", c=2)
        assert await watch.finish() == 3
    assert (end["how"], end["phase"]) == ("local", "tls") and str(ca_file) in end["detail"]


async def test_a_session_that_has_ended_can_be_opened_again_while_stdin_is_open() -> None:
    with ScriptedServer(scripts.drops(scripts.truncated)) as server:
        async with probing(server.url, "--stdin") as watch:
            await seen(watch, "end")
            assert (await ask(watch, "send x"))["why"] == "command.not_open"
            await ask(watch, "reconnect")
            await seen(watch, "end", c=2)
            assert await watch.finish() == 1


async def test_a_session_that_is_still_connecting_can_be_given_up() -> None:
    with ScriptedServer(Connection.hold) as server:
        async with probing(server.url, "--stdin") as watch:
            await seen(watch, "http", dir="out")
            assert (await ask(watch, "send x"))["why"] == "command.not_open_yet"
            assert (await ask(watch, "close"))["ok"]
            end = await seen(watch, "end")
            assert await watch.finish() == 3
    assert (end["how"], end["phase"], end["detail"]) == ("local", "http", "stopped")


@pytest.mark.alone
async def test_orders_run_at_their_time_after_ready(echo: str) -> None:
    watch, status = await run(
        f"bob={echo}", f"eve={echo}", "--do", "0.3 send later", "--do", "0.1 bob: send sooner", "--do", "0.5 close"
    )
    assert status == 0
    for name in ("bob", "eve"):
        ready = watch.the("open", name)["m"]
        sent = [(frame["text"], frame["m"] - ready) for frame in watch.of("frame", name, dir="out", opcode=1)]
        assert [text for text, _ in sent] == (["sooner", "later"] if name == "bob" else ["later"])
        for text, at in sent:
            assert 0 <= at - {"sooner": 0.1, "later": 0.3}[text] < 0.1


async def test_many_sessions_share_one_loop_and_no_thread(echo: str) -> None:
    async with probing("-n", "20", echo, "--stdin") as watch:
        await seen(watch, "open", count=20)
        threads = sum(1 for _ in os.scandir(f"/proc/{watch.process.pid}/task"))
        await ask(watch, "send hello")
        await seen(watch, "frame", dir="in", text="hello", count=20)
        await watch.command("quit")
        assert await watch.finish() == 0
    # Names are looked up in threads of asyncio's own; they end with the lookups or are few, never one a session.
    assert threads <= 10
    assert {line["s"] for line in watch.of("open")} == {f"A{number}" for number in range(1, 21)}
    assert json.loads(watch.raw[0])["schema"] == 1


@pytest.mark.alone
async def test_stagger(echo: str) -> None:
    watch, _ = await run("-n", "3", echo, "--stagger", "0.2", "--do", "0.7 close")
    for number, delay in ((1, 0.0), (2, 0.2), (3, 0.4)):
        asked, begun = (watch.the(kind, f"A{number}")["m"] for kind in ("target", "resolved"))
        assert 0.95 * delay <= begun - asked < delay + 0.1
