"""Networks that work badly: they lose packets, are slow, or let through small packets alone."""

import pytest

from tests.probing import seen
from tests.servers.network import SERVER, network
from tests.servers.python import command
from tests.servers.recordings import Recorder
from tests.servers.takes import Take
from tests.servers.together import together
from tests.watching import watching

pytestmark = pytest.mark.real

URL = f"ws://{SERVER}:8080/"
PLAIN = "--no-compression"
"""Deflate would make a packet of what should be many."""
PATIENT = 8
"""Retransmissions after which the client's kernel gives up where it is to live with losses: some 100 s."""


def talk(count: int, every: float = 0.2) -> tuple[str, ...]:
    """The options that have a session say something so often."""
    return tuple(f"--do={every * n:.1f} send number {n}" for n in range(1, count + 1))


async def loses_and_lives(take: Take, recorder: Recorder) -> None:
    """Every third packet of ours has to be said again; all answers come, late."""
    every, count = take.one_of(2, 3, 4), take.one_of(26, 30, 34)
    with network("a") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=None)):
        hosts.be_patient(PATIENT)
        async with watching(URL, *talk(count), "--stdin", on=hosts.client) as watch:
            await seen(watch, "frame", opcode=1, dir="in")
            hosts.lose_every(every)
            await seen(watch, "frame", opcode=1, dir="in", count=count)
            await watch.command("quit")
            assert await watch.finish() == 0
    assert watch.of("tcp_info", when="resent") and watch.of("tcp_info")[-1]["twice"] == 0
    recorder.keep(take.of("network-loss-lived-through"), watch)


async def loses_and_dies(take: Take, recorder: Recorder) -> None:
    """Packets of both directions are lost, then nearly all: some of what we say arrives, until something does not."""
    percent, answers = take.one_of(20, 30, 40), take.one_of(3, 4, 5)
    with network("b") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=None)):
        hosts.be_patient(4)
        async with watching(URL, *talk(30), on=hosts.client) as watch:
            await seen(watch, "frame", opcode=1, dir="in", count=2)
            hosts.lose(percent)
            await seen(watch, "frame", opcode=1, dir="in", count=2 + answers)
            hosts.be_patient(2)
            hosts.lose(90)
            assert await watch.finish(60) == 1
    end = watch.the("end")
    assert (end["how"], end["errno"], watch.the("close")["initiator"]) == ("timeout", "ETIMEDOUT", "none")
    recorder.keep(take.of("network-loss-died-of"), watch)


async def loses_one(take: Take, recorder: Recorder) -> None:
    """One packet is lost, and said again unless it was a mere acknowledgement: nobody notices."""
    lost = take.one_of(1, 2, 3)
    with network("c") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=None)):
        hosts.be_patient(PATIENT)
        async with watching(URL, *talk(8), "--stdin", on=hosts.client) as watch:
            await seen(watch, "frame", opcode=1, dir="in")
            hosts.lose_one(lost)
            await seen(watch, "frame", opcode=1, dir="in", count=8)
            await watch.command("quit")
            assert await watch.finish() == 0
    recorder.keep(take.of("network-one-packet-lost"), watch)


async def slow_and_impatient(take: Take, recorder: Recorder) -> None:
    """Our ping waits behind what we send, for longer than we wait for its pong."""
    size, timeout = take.one_of(30_000, 40_000, 60_000), take.between(1, 1.8)
    with network("d") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=None)):
        hosts.be_patient(PATIENT)
        pings = ("--ping-interval", "0.5", "--ping-timeout", str(timeout), "--close-timeout", "0.5")
        async with watching(URL, PLAIN, *pings, "--stdin", on=hosts.client) as watch:
            await seen(watch, "frame", opcode=10, dir="in")
            hosts.slow_down(64)
            await watch.command(f"send-repeat x {size}")
            await seen(watch, "close")
            assert await watch.finish() == 1
    close = watch.the("close")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    assert watch.of("tcp_info")[-1]["outq"] > 0
    recorder.keep(take.of("network-slow-link-ping-timeout"), watch)


async def slow_and_asked(take: Take, recorder: Recorder) -> None:
    """Our pong waits behind what we send, for longer than the server waits for it."""
    size, timeout = take.one_of(30_000, 40_000, 60_000), take.between(1, 1.8)
    serves = command(SERVER, 8080, ping_interval=0.5, ping_timeout=timeout)
    with network("e") as hosts, hosts.serving(serves):
        hosts.be_patient(PATIENT)
        async with watching(URL, PLAIN, "--stdin", on=hosts.client) as watch:
            await seen(watch, "frame", opcode=10, dir="out")
            hosts.slow_down(64)
            await watch.command(f"send-repeat x {size}")
            await seen(watch, "close")
            assert await watch.finish() == 1
    assert watch.the("close")["initiator"] == "remote"
    recorder.keep(take.of("network-slow-link-pong-late"), watch)


async def slow_and_left(take: Take, recorder: Recorder) -> None:
    """What we say waits for seconds in our own kernel, and is still there when the user leaves."""
    size = take.one_of(30_000, 40_000, 60_000)
    with network("i") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=None)):
        hosts.be_patient(PATIENT)
        async with watching(URL, PLAIN, *talk(2), "--stdin", "--close-timeout", "0.5", on=hosts.client) as watch:
            await seen(watch, "frame", opcode=1, dir="in", count=2)
            hosts.slow_down(64)
            await watch.command(f"send-repeat x {size}")
            await seen(watch, "tcp_info", when="silent", count=2)
            await watch.command("quit")
            assert await watch.finish() == 0
    assert watch.of("tcp_info", when="silent")[-1]["outq"] > 0
    recorder.keep(take.of("network-slow-link-left"), watch)


async def large_one_of_ours(take: Take, recorder: Recorder) -> None:
    """Small messages come back; the large one is never acknowledged."""
    limit, size = take.one_of(600, 900, 1300), take.one_of(3000, 9000, 30000)
    with network("f") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=None)):
        hosts.be_patient(2)
        hosts.lose_long(limit)
        words = (*talk(3), "--do", f"0.9 send-repeat x {size}")
        async with watching(URL, PLAIN, *words, on=hosts.client) as watch:
            assert await watch.finish() == 1
    assert (watch.the("end")["how"], watch.the("end")["errno"]) == ("timeout", "ETIMEDOUT")
    assert len(watch.of("frame", opcode=1, dir="in")) == 3
    recorder.keep(take.of("network-mtu-large-send"), watch)


async def large_one_of_ours_while_the_server_pings(take: Take, recorder: Recorder) -> None:
    """What the server says still comes, and nothing of ours arrives any more."""
    limit, size = take.one_of(600, 900, 1300), take.one_of(3000, 9000, 30000)
    with network("g") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=0.4, ping_timeout=None)):
        hosts.be_patient(3)
        hosts.lose_long(limit)
        async with watching(URL, PLAIN, *talk(2), "--do", f"0.9 send-repeat x {size}", on=hosts.client) as watch:
            assert await watch.finish() == 1
    assert (watch.the("end")["how"], watch.the("end")["errno"]) == ("timeout", "ETIMEDOUT")
    recorder.keep(take.of("network-mtu-large-send-pinged"), watch)


async def large_one_of_theirs(take: Take, recorder: Recorder) -> None:
    """Our kernel's words are acknowledged, and all the server says waits behind what never arrives."""
    limit, size = take.one_of(600, 900, 1300), take.one_of(3000, 9000, 30000)
    with network("h") as hosts, hosts.serving(command(SERVER, 8080, ping_interval=None)):
        hosts.be_patient(PATIENT)
        hosts.lose_long(limit, hook="output")
        pings = ("--ping-interval", "0.4", "--ping-timeout", str(take.between(1, 2)), "--close-timeout", "0.5")
        async with watching(
            URL, PLAIN, *pings, *talk(2), "--do", f"0.9 send flood 1 {size} 30", on=hosts.client
        ) as watch:
            assert await watch.finish() == 1
    close = watch.the("close")
    assert (close["initiator"], close["sent"]["code"], close["received"]) == ("local", 1011, None)
    assert len(watch.of("frame", opcode=1, dir="in")) == 2
    recorder.keep(take.of("network-mtu-large-answer"), watch)


RUNS = (
    loses_and_lives,
    loses_and_dies,
    loses_one,
    slow_and_impatient,
    slow_and_asked,
    slow_and_left,
    large_one_of_ours,
    large_one_of_ours_while_the_server_pings,
    large_one_of_theirs,
)


@pytest.mark.extra
async def test_all_at_once(take: Take, recorder: Recorder) -> None:
    await together(run(take, recorder) for run in RUNS)
