"""What a network does to a session, on hosts in namespaces: nothing answers, nothing is told, no way leads there."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.servers.network import CLIENT, SERVER, Network, network
from tests.servers.python import command
from tests.servers.recordings import Recorder
from tests.watching import Line, watching

pytestmark = pytest.mark.real

URL = f"ws://{SERVER}:8080/"


@pytest.fixture
def hosts() -> Iterator[Network]:
    with network() as hosts:
        child = subprocess.Popen([*hosts.server, *command(SERVER, 8080, ping_interval=None)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        yield hosts
        child.kill()
        child.wait()
        child.stdout.close()


def opened(line: Line) -> bool:
    return str(line["type"]) == "open"


async def test_a_path_that_swallows_everything_ends_in_a_timeout(hosts: Network, recorder: Recorder) -> None:
    async with watching(URL, "--stdin", on=hosts.client) as watch:
        await watch.until(opened)
        hosts.blackhole()
        await watch.command("send is anybody there")
        await watch.until(lambda line: line["type"] == "end")
        assert await watch.finish() == 1
    end, close = watch.the("end"), watch.the("close")
    assert (end["how"], end["phase"], end["errno"]) == ("timeout", "open", "ETIMEDOUT")
    assert (close["code"], close["synthetic"], close["initiator"]) == (1006, True, "none")
    info = watch.of("tcp_info", when="silent")
    assert info and info[-1]["unacked"] >= 1 and info[-1]["total_retrans"] >= 1 and info[-1]["outq"] > 0
    recorder.keep("network-blackhole", watch)


async def test_an_interface_that_goes_down_shows_in_the_route(hosts: Network, recorder: Recorder) -> None:
    async with watching(URL, "--stdin", on=hosts.client) as watch:
        await watch.until(opened)
        hosts.unplug()
        await watch.command("send is anybody there")
        await watch.until(lambda line: line["type"] == "end")
        assert await watch.finish() == 1
    assert watch.of("route", when="open")[0]["local"] is not None
    assert watch.of("route", when="end")[-1]["error"] == "ENETUNREACH"
    assert watch.the("close")["initiator"] == "none"
    assert watch.the("end")["how"] in ("timeout", "unreachable")
    recorder.keep("network-interface-down", watch)


async def test_no_way_leads_there(hosts: Network, recorder: Recorder) -> None:
    async with watching("ws://192.0.2.1:8080/", on=hosts.client) as watch:
        assert await watch.finish() == 3
    end = watch.the("end")
    assert (end["how"], end["phase"], end["errno"]) == ("unreachable", "tcp", "ENETUNREACH")
    recorder.keep("network-unreachable", watch)


async def test_nobody_answers_the_connect(hosts: Network, recorder: Recorder) -> None:
    hosts.blackhole()
    async with watching(URL, "--open-timeout", "2", on=hosts.client) as watch:
        assert await watch.finish() == 3
    end = watch.the("end")
    assert (end["how"], end["phase"], end["detail"]) == ("timeout", "tcp", "open-timeout")
    assert watch.the("close")["initiator"] == "local"
    recorder.keep("network-connect-timeout", watch)


async def test_a_firewall_that_swallows_what_is_said(hosts: Network, recorder: Recorder) -> None:
    async with watching(URL, "--stdin", on=hosts.client) as watch:
        await watch.until(opened)
        hosts.drop(8080)
        await watch.command("send is anybody there")
        await watch.until(lambda line: line["type"] == "end")
        assert await watch.finish() == 1
    assert (watch.the("end")["how"], watch.the("end")["errno"]) == ("timeout", "ETIMEDOUT")
    assert watch.of("tcp_info", when="silent")[-1]["unacked"] >= 1
    recorder.keep("network-drop", watch)


async def test_a_firewall_that_rejects_what_is_said(hosts: Network, recorder: Recorder) -> None:
    async with watching(URL, "--stdin", on=hosts.client) as watch:
        await watch.until(opened)
        hosts.reject(8080)
        await watch.command("send is anybody there")
        await watch.until(lambda line: line["type"] == "end")
        assert await watch.finish() == 1
    end, close = watch.the("end"), watch.the("close")
    assert (end["how"], end["phase"], end["errno"]) == ("reset", "open", "ECONNRESET")
    assert (close["code"], close["synthetic"], close["initiator"]) == (1006, True, "remote")
    recorder.keep("network-reject", watch)


async def test_a_firewall_that_forgets_an_idle_flow(hosts: Network, recorder: Recorder) -> None:
    hosts.forget_idle_flows(1)
    async with watching(URL, "--do", "2.5 send is anybody there", on=hosts.client) as watch:
        await watch.until(lambda line: line["type"] == "end")
        assert await watch.finish() == 1
    end, close = watch.the("end"), watch.the("close")
    assert (end["how"], end["phase"], end["errno"]) == ("timeout", "open", "ETIMEDOUT")
    assert (close["code"], close["initiator"]) == (1006, "none")
    assert close["idle_rx"] > 2.5
    recorder.keep("network-flow-forgotten", watch)


async def test_a_firewall_that_answers_on_a_forgotten_flow_with_a_reset(hosts: Network, recorder: Recorder) -> None:
    hosts.forget_idle_flows(1, reset=True)
    async with watching(URL, "--do", "2.5 send is anybody there", on=hosts.client) as watch:
        await watch.until(lambda line: line["type"] == "end")
        assert await watch.finish() == 1
    assert (watch.the("end")["how"], watch.the("end")["errno"]) == ("reset", "ECONNRESET")
    assert watch.the("close")["idle_tx"] < 0.5 < 2.4 < watch.the("close")["idle_rx"]
    recorder.keep("network-flow-forgotten-reset", watch)


async def test_pings_keep_a_flow_from_being_forgotten(hosts: Network) -> None:
    hosts.forget_idle_flows(1)
    words = ("--ping-interval", "0.4", "--duration", "2.5", "--do", "2.2 send hello")
    async with watching(URL, *words, on=hosts.client) as watch:
        assert await watch.finish() == 0
    assert watch.of("frame", dir="in", text="hello")


async def test_the_far_end_is_unplugged(hosts: Network, recorder: Recorder) -> None:
    async with watching(URL, "--stdin", on=hosts.client) as watch:
        await watch.until(opened)
        hosts.unplug_far_end()
        await watch.command("send is anybody there")
        await watch.until(lambda line: line["type"] == "end")
        assert await watch.finish() == 1
    assert watch.the("end")["how"] in ("timeout", "unreachable")
    assert watch.the("close")["initiator"] == "none"
    # Our own interface stands, so a way still leads there: that is how it differs from being unplugged ourselves.
    assert watch.of("route")[-1]["local"] == CLIENT
    recorder.keep("network-no-carrier", watch)
