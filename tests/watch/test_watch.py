"""``whoops watch`` as a program: when it ends, with which status, and what it writes where."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.probing import ask, open_session, probing, replayed, run, seen
from tests.servers import scripts
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.scripted import Connection, ScriptedServer
from tests.watching import clean_environment, watch_for_people, watching
from tui.facts.codec import decode

# Exit statuses (design §3). 2, a usage error, is in tests/test_cli.py.


async def test_0_where_somebody_here_asked_for_every_end(echo: str) -> None:
    _, status = await run(echo, echo, "--do", "0 close 4000 on purpose")
    assert status == 0


async def test_1_where_something_ended_that_nobody_asked_to(echo: str) -> None:
    with ScriptedServer(scripts.closes(1000, "", scripts.truncated)) as server:
        _, status = await run(echo, server.url, "--do", "0.3 close", "--close-timeout", "1")
    assert status == 1


async def test_3_where_a_session_never_became_ready(echo: str) -> None:
    (port,) = free_ports(1)
    _, status = await run(echo, f"ws://{LOOPBACK}:{port}/", "--do", "0 close")
    assert status == 3


async def test_1_comes_before_3() -> None:
    (port,) = free_ports(1)
    with ScriptedServer(scripts.drops(scripts.truncated)) as server:
        _, status = await run(server.url, f"ws://{LOOPBACK}:{port}/")
    assert status == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_130_where_it_was_interrupted(number: signal.Signals, echo: str) -> None:
    async with probing(echo) as watch:
        await seen(watch, "open")
        os.kill(watch.process.pid, number)
        assert await watch.finish() == 130
    assert watch.the("stop")["why"] == "signal"
    close = watch.the("close")
    assert (close["initiator"], close["clean"], close["asked"]) == ("local", True, True)


async def test_a_second_signal_ends_it_at_once() -> None:
    with ScriptedServer(scripts.after_upgrade(Connection.hold)) as server:
        async with watching(server.url, "--close-timeout", "60") as watch:
            await seen(watch, "open")
            os.kill(watch.process.pid, signal.SIGINT)
            await seen(watch, "frame", dir="out", opcode=8)
            os.kill(watch.process.pid, signal.SIGINT)
            assert await watch.finish(within=5) == 130
    assert not watch.stderr, watch.stderr.decode()


# When it ends.


@pytest.mark.alone
async def test_duration_counts_from_the_start(echo: str) -> None:
    watch, status = await run(echo, "--duration", "0.6")
    stop = watch.the("stop")
    assert (status, stop["why"]) == (0, "duration")
    assert 0.59 <= stop["m"] - watch.lines[0]["m"] < 0.7


async def test_duration_ends_a_session_that_is_still_connecting() -> None:
    with ScriptedServer(Connection.hold) as server:
        watch, status = await run(server.url, "--duration", "0.4")
    assert (status, watch.the("end")["detail"]) == (3, "stopped")


@pytest.mark.alone
async def test_it_ends_with_its_last_session_and_lingers_if_told(echo: str) -> None:
    started = asyncio.get_running_loop().time()
    await run(echo, "--do", "0 close")
    at_once = asyncio.get_running_loop().time()
    await run(echo, "--do", "0 close", "--linger", "1")
    lingered = asyncio.get_running_loop().time()
    assert at_once - started < 1.5 and lingered - at_once > 1


async def test_the_end_of_stdin_ends_it_and_only_with_stdin_is_it_read(echo: str) -> None:
    async with probing(echo, "--stdin") as watch:
        await seen(watch, "open")
        assert await watch.finish() == 0
    assert watch.the("stop")["why"] == "eof"
    async with probing(echo, "--duration", "0.6") as deaf:
        await deaf.command("quit")
        assert await deaf.finish() == 0
    assert deaf.the("stop")["why"] == "duration" and not deaf.of("command")


async def test_a_session_opened_later_has_the_options_of_the_command_line(echo: str, tmp_path: Path) -> None:
    """As those that stand there have, and from the profile and the environment too; its own keys are stronger."""
    profile = tmp_path / "profile.toml"
    profile.write_text("[defaults]\nno-postmortem = true\n")
    words = (
        "--stdin",
        "-p",
        str(profile),
        "--ping-interval",
        "0.3",
        "--ping-timeout",
        "7",
        "--origin",
        "http://a.test",
    )
    async with probing(*words, WHOOPS_CLOSE_TIMEOUT="3") as watch:
        await open_session(watch, name="A", url=echo, ping_timeout=9, origin=None)
        await seen(watch, "frame", "A", opcode=10, dir="in")
        assert await watch.finish() == 0
    assert watch.the("target", "A")["spec"] == {
        "close-timeout": 3.0, "no-postmortem": True, "ping-interval": 0.3, "ping-timeout": 9.0
    }  # fmt: skip


async def test_stdin_keeps_it_alive_without_any_session(echo: str) -> None:
    (port,) = free_ports(1)
    async with probing(f"ws://{LOOPBACK}:{port}/", "--stdin") as watch:
        await seen(watch, "end")
        await ask(watch, "mark still here")
        assert await watch.finish() == 3


async def test_a_frozen_session_does_not_hold_up_the_end(echo: str) -> None:
    async with probing(echo, "--stdin") as watch:
        await seen(watch, "open")
        await ask(watch, "freeze 1000")
        await watch.command("quit")
        assert await watch.finish(within=5) == 0
    assert watch.the("close")["clean"] is True


# What is written where.


async def test_a_recording_holds_the_facts_as_they_were_written(echo: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    watch, _ = await run(echo, "--record", str(path), "--do", "0 send hello", "--do", "0.1 close")
    recorded = path.read_bytes().splitlines(keepends=True)
    facts = [raw for raw, line in zip(watch.raw, watch.lines, strict=True) if not line.get("finding")]
    assert recorded == facts and len(facts) < len(watch.raw)
    findings = [raw for raw, line in zip(watch.raw, watch.lines, strict=True) if line.get("finding")]
    assert replayed([decode(raw) for raw in recorded]) == findings
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_stomp_recording_replays_to_the_same_findings(broker: str, tmp_path: Path) -> None:
    """Findings that time alone triggers stand at the same place as well."""
    path = tmp_path / "run.jsonl"
    orders = ("--do", "0.6 hold-beats", "--do", "2.2 release-beats", "--do", "2.4 freeze 0.3")
    watch, _ = await run(
        "-n", "2", broker, "--heart-beat", "1000,1000", "--subscribe", "/topic/a", *orders, "--do", "0.1 send hello",
        "--record", str(path), "--duration", "3.2",
    )  # fmt: skip
    facts = [decode(raw) for raw in path.read_bytes().splitlines()]
    findings = [raw for raw, line in zip(watch.raw, watch.lines, strict=True) if line.get("finding")]
    assert replayed(facts) == findings
    assert {"late", "recovered", "negotiated"} <= {line["state"] for line in watch.of("heartbeat")}


async def test_facts_only(echo: str) -> None:
    watch, _ = await run(echo, "--facts", "--do", "0 close")
    assert watch.of("end") and not [line for line in watch.lines if line.get("finding")]


async def test_a_summary_goes_to_stderr_beside_json_and_to_stdout_for_people(echo: str) -> None:
    async with watching(f"bob={echo}", "--summary", "--do", "0 close 4000") as watch:
        assert await watch.finish() == 0
    assert watch.stderr.startswith(b"bob: closed") and watch.stderr.count(b"\n") == 1 and b"4000" in watch.stderr
    said = await watch_for_people(f"bob={echo}", "--summary", "--do", "0 close 4000", "--lang", "zh")
    lines = said.out.decode().splitlines()
    assert (said.status, said.err) == (0, b"")
    assert lines[-1].startswith("bob：已关闭") and "4000" in lines[-1]
    assert all("bob" in line for line in lines)


async def test_a_reader_that_goes_away_ends_it(echo: str) -> None:
    async with watching(echo) as watch:
        await seen(watch, "open")
        transport = watch.process._transport  # type: ignore[attr-defined]
        transport.get_pipe_transport(1).close()
        async with asyncio.timeout(5):
            await watch.process.wait()
    assert b"Traceback" not in watch.stderr


async def test_a_full_disk_is_said_and_the_sessions_go_on(echo: str) -> None:
    async with watching(echo, "--record", "/dev/full", "--do", "0.3 close") as watch:
        assert await watch.finish() == 0
    assert watch.stderr.decode().count("/dev/full") == 1 and b"No space left" in watch.stderr
    assert watch.the("close")["clean"] is True


async def test_a_recording_that_fills_the_disk_stops_at_a_whole_line(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    path = tmp_path / "rec.jsonl"

    def floods(connection: Connection) -> None:
        for _ in range(1000):
            connection.frame(Opcode.TEXT, b"x" * 100)
        scripts.truncated(connection)

    with ScriptedServer(scripts.after_upgrade(floods)) as server:
        whoops = f"{sys.executable} -m tui watch {server.url} --json --record {path}"
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", f"ulimit -f 64; exec {whoops}", env=clean_environment(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=1 << 26,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    facts = [line for line in out.splitlines(keepends=True) if b'"finding":true' not in line]
    kept = path.read_bytes()
    assert kept.endswith(b"\n") and b"".join(facts).startswith(kept) and len(kept) < len(b"".join(facts))
    [said] = err.decode().splitlines()
    assert f"the recording stops at byte {len(kept)}" in said and str(path) in said and "the sessions go on" in said


@pytest.mark.parametrize(("lang", "words"), [([], "reserved opcode"), (["--lang", "zh"], "保留的操作码")])
async def test_a_note_is_english_in_json_unless_another_language_is_asked_for(lang: list[str], words: str) -> None:
    with ScriptedServer(scripts.answering(b"\x83\x01a")) as server:
        async with watching(server.url, "--close-timeout", "0.3", *lang) as watch:
            await watch.finish()
    assert [note["key"] for note in watch.of("note")] == ["note.frame_error_reserved_opcode"]
    assert words in watch.the("note")["text"]
