"""The host a server runs on: it loses its power, comes back, runs out of descriptors, or its program stands still."""

import os
import resource
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.probing import seen
from tests.servers.child import installed
from tests.servers.frozen import frozen
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, Routed, routed
from tests.servers.takes import Take
from tests.servers.test_nat import BEATS, NODE, PYTHON, STOMP, leave, talk
from tests.servers.test_ways import answered, assert_gave_up
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


def power_off(hosts: Routed, *programs: subprocess.Popen[bytes]) -> None:
    """The host is gone, and so is what ran on it: nobody hears of it."""
    hosts.server.ip("link", "set", "eth0", "down")
    hosts.server.run(installed("ss", "iproute2"), "-K", "state", "established")  # nor will its kernel remember
    for program in programs:
        program.kill()
        program.wait()


def power_on(hosts: Routed) -> None:
    """The host is there again, as it was before anything was started on it."""
    hosts.server.ip("link", "set", "eth0", "up")
    hosts.server.ip("route", "replace", "default", "via", "10.78.2.1")


def begin(hosts: Routed, kind: str) -> subprocess.Popen[bytes]:
    """Starts a server of that kind on it."""
    if kind == "stomp":
        return hosts.start_stomp()
    return hosts.start_node() if kind == "node" else hosts.start_python()


async def it_loses_its_power(take: Take, recorder: Recorder, *, beats: bool) -> None:
    """After three seconds the router tells that nobody has the next address; TCP waits for its own patience."""
    with routed() as hosts:
        hosts.be_patient(4)
        programs = (hosts.start_stomp(), hosts.start_node())
        url = STOMP if beats else NODE
        words = ("-n", "2", *(BEATS if beats else talk(take.one_of(0.7, 0.9), 6)))
        async with watching(url, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A1", "A2")
            power_off(hosts, *programs)
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    assert_gave_up(watch, "A1", "A2")
    recorder.keep(take.of(f"host-power-lost{'-under-beats' if beats else ''}"), watch)


async def it_loses_its_power_for_a_moment(take: Take, recorder: Recorder, *, kind: str, again: bool) -> None:
    """It is back before anybody gave up, and knows of no connection: the next word of ours meets a RST."""
    with routed() as hosts:
        hosts.be_patient(8)
        url = {"python": PYTHON, "stomp": STOMP, "node": NODE}[kind]
        program = begin(hosts, kind)
        words = (*BEATS, *talk(take.one_of(0.6, 0.8), 12, "A1"), *(("--reconnect", "--stdin") if again else ()))
        async with watching(
            url, "-n", "2", *words, *(() if kind == "stomp" else ("--ping-interval", "1.1")), on=hosts.client.words,
            **({} if again else POSTMORTEM),
        ) as watch:  # fmt: skip
            await answered(watch, take, "A1", "A2")
            power_off(hosts, program)
            await seen(watch, "tcp_info", "A1", when="silent")
            begin(hosts, kind)
            power_on(hosts)
            await seen(watch, "close", count=2)
            if again:
                await seen(watch, "open", "A1", count=2)
                await seen(watch, "open", "A2", count=2)
            await watch.finish(60)
    for session in ("A1", "A2"):
        close = watch.of("close", session)[0]
        assert (close["transport"]["how"], close["initiator"], close["code"]) == ("reset", "remote", 1006)
    recorder.keep(take.of(f"host-power-back-{kind}{'-reconnect' if again else ''}"), watch)


async def it_is_rebooted(take: Take, recorder: Recorder) -> None:
    """In order: its programs get SIGTERM and end their sockets, then it is away, then all is there again."""
    with routed() as hosts:
        node, stomp = hosts.start_node(), hosts.start_stomp()
        words = (*BEATS, *talk(0.6, 12, "ws"), "--reconnect", "--stdin")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words) as watch:
            await answered(watch, take, "ws", "stomp")
            for program in (node, stomp):
                program.terminate()
                program.wait()
            await seen(watch, "close", "ws")
            await seen(watch, "close", "stomp")
            hosts.server.ip("link", "set", "eth0", "down")
            await seen(watch, "end", count=4)
            hosts.start_node()
            hosts.start_stomp()
            power_on(hosts)
            await seen(watch, "open", "ws", count=2)
            await seen(watch, "open", "stomp", count=2)
            await watch.finish(60)
    for session in ("ws", "stomp"):
        close = watch.of("close", session)[0]
        assert (close["transport"]["how"], close["initiator"], close["code"]) == ("fin", "remote", 1006)
    recorder.keep(take.of("host-rebooted"), watch)


async def its_program_stands_still_for_a_moment(take: Take, recorder: Recorder) -> None:
    """Pongs come late, one second or two, and nobody minds."""
    with routed() as hosts:
        node = hosts.start_node()
        hosts.start_python()
        pings = ("--ping-interval", "0.8", "--ping-timeout", "6", "--stdin")
        async with watching(f"A={NODE}", f"B={PYTHON}", *pings, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            with frozen(node.pid):
                pongs = len(watch.of("frame", "B", opcode=10, dir="in"))
                await seen(watch, "frame", "B", opcode=10, dir="in", count=pongs + take.one_of(2, 3))
            pongs = len(watch.of("frame", "A", opcode=10, dir="in"))
            await seen(watch, "frame", "A", opcode=10, dir="in", count=pongs + 4)
            assert await leave(watch) == 0
    recorder.keep(take.of("host-program-frozen-for-a-moment"), watch)


async def its_program_stands_still_for_too_long(take: Take, recorder: Recorder) -> None:
    """We give up; it wakes a moment later and answers all it has been asked, our Close too."""
    with routed() as hosts:
        node = hosts.start_node()
        hosts.start_stomp()
        pings = ("--ping-interval", "0.6", "--ping-timeout", str(take.between(1.2, 2)), "--stdin", *BEATS)
        async with watching(f"A={NODE}", f"B={STOMP}", *pings, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            with frozen(node.pid):
                await seen(watch, "frame", "A", opcode=8, dir="out")
            await seen(watch, "close", "A")
            assert not watch.of("close", "B")
            assert await leave(watch) == 1
    close = watch.the("close", "A")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep(take.of("host-program-thawed-too-late"), watch)


def allow_no_more_descriptors(pid: int) -> None:
    """The process keeps what it has open and gets no more."""
    used = 1 + max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, used))


async def it_has_no_descriptors_left(take: Take, recorder: Recorder, *, kind: str) -> None:
    """The first session is served. For the second its kernel accepts, and its program cannot."""
    with routed() as hosts:
        program = begin(hosts, kind)
        url = NODE if kind == "node" else PYTHON
        words = ("--stagger", "1.5", "--stdin", "--open-timeout", str(take.between(2, 3)), *talk(0.7, 8, "A"))
        async with watching(f"A={url}", f"B={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "open", "A")
            allow_no_more_descriptors(program.pid)
            await seen(watch, "close", "B")
            assert not watch.of("close", "A")
            assert await leave(watch) in (1, 3)
    assert watch.the("end", "B")["phase"] == "http"
    recorder.keep(take.of(f"host-no-descriptors-{kind}"), watch)


async def its_backlog_is_full(take: Take, recorder: Recorder) -> None:
    """A program that stands still, and others who came before: no SYN is answered any more."""
    with routed() as hosts:
        python = hosts.start_python(backlog=1)
        hosts.start_node()
        seconds = take.between(2, 3.5)
        os.kill(python.pid, signal.SIGSTOP)
        with hosts.client.inside():
            crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex((SERVER, 8081))
        words = ("--open-timeout", str(seconds), "--stdin")
        async with watching(f"late={PYTHON}", f"other={NODE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "late")
            assert await leave(watch) == 3
        for one in crowd:
            one.close()
    end = watch.the("end", "late")
    assert (end["how"], end["phase"]) == ("timeout", "tcp")
    recorder.keep(take.of("host-backlog-full"), watch)


async def test_its_power(take: Take, recorder: Recorder) -> None:
    await together(
        (
            it_loses_its_power(take, recorder, beats=False),
            it_loses_its_power(take, recorder, beats=True),
            it_loses_its_power_for_a_moment(take, recorder, kind="python", again=False),
            it_loses_its_power_for_a_moment(take, recorder, kind="stomp", again=False),
            it_loses_its_power_for_a_moment(take, recorder, kind="node", again=True),
            it_is_rebooted(take, recorder),
        )
    )


async def test_its_programs(take: Take, recorder: Recorder) -> None:
    await together(
        (
            its_program_stands_still_for_a_moment(take, recorder),
            its_program_stands_still_for_too_long(take, recorder),
            it_has_no_descriptors_left(take, recorder, kind="node"),
            it_has_no_descriptors_left(take, recorder, kind="python"),
            its_backlog_is_full(take, recorder),
        )
    )
