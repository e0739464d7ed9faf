"""RabbitMQ and ActiveMQ on the far side of a router: boxes that forget or reject, ways gone dark, routes lost."""

import asyncio

import pytest

from tests.servers.afar import Afar
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, elsewhere, join, leave, over
from tests.servers.looks import every
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.test_far_boxes import port_of
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_strict_router_forgets_busy_flows(afar: Afar, recorder: Recorder) -> None:
    """Its administrator empties its table; what comes on a flow it does not know is swallowed."""
    with routed(afar.host) as hosts:
        hosts.be_patient(4)
        hosts.router.set(net__netfilter__nf_conntrack_tcp_loose=0)
        hosts.router.wall("ct state invalid drop", name="strict")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "4000,4000")
            await join(watch, afar, "tcp", "rabbitmq-tcp", "3000,3000")
            await join(watch, afar, "amq", "activemq", "3500,3500")
            await beaten(watch, 1, "web", "tcp", "amq")
            hosts.forget_flows()
            await over(watch, "web", "tcp", "amq")
            await leave(watch, status=1)
    for close in watch.of("close"):
        assert (close["initiator"], close["transport"]["how"]) == ("none", "timeout")
    recorder.keep("lines-strict-router-flushed", watch)


async def test_a_liberal_router_forgets_busy_flows(afar: Afar, recorder: Recorder) -> None:
    """It takes the next beat for the first packet of a new flow: nobody is dropped."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "tcp", "rabbitmq-tcp", "3000,3000")
            await join(watch, afar, "amq", "activemq", "4000,4000")
            await beaten(watch, 2, "tcp", "amq")
            hosts.forget_flows()
            await beaten(watch, 3, "tcp", "amq")
            await leave(watch, "tcp", "amq", status=0)
    recorder.keep("lines-liberal-router-flushed", watch)


async def test_only_we_beat_and_a_box_remembers(afar: Afar, recorder: Recorder) -> None:
    """The broker says nothing at all for a quarter of a minute; our beats keep the flow in the firewall's memory."""
    with routed(afar.host) as hosts:
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=4, net__netfilter__nf_conntrack_tcp_loose=0
        )
        hosts.router.wall("ct state invalid drop", name="strict")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "mute", "rabbitmq-tcp", "2000,0", subscribe=["/queue/mute"])
            await watch.until(
                lambda line: line["type"] == "stomp" and line["command"] == "beat" and line["dir"] == "out", count=7
            )
            await watch.command("mute: stomp-send /queue/mute here we are")
            await watch.until(lambda line: line["type"] == "stomp" and line["command"] == "MESSAGE")
            await leave(watch, "mute", status=0)
    recorder.keep("lines-half-idle-and-remembered", watch)


async def test_a_box_forgets_an_idle_subscriber_and_resets(afar: Afar, recorder: Recorder) -> None:
    """No beats agreed; a publisher that is never quiet for long is remembered."""
    with routed(afar.host) as hosts:
        hosts.router.set(
            net__netfilter__nf_conntrack_tcp_timeout_established=4, net__netfilter__nf_conntrack_tcp_loose=0
        )
        hosts.router.wall("ct state invalid reject with tcp reset", name="strict")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            sends = every(1.3, "stomp-send /queue/orders more", 14)[1::2]
            await join(watch, afar, "publisher", "activemq", "0,0", do=sends)
            await join(watch, afar, "idle", "activemq", "0,0", do=["8.6 stomp-send /queue/other hello"])
            await over(watch, "idle")
            await leave(watch, "publisher", status=1)
    close = watch.the("close", "idle")
    assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep("lines-activemq-idle-forgotten-reset", watch)


async def test_a_firewall_resets_a_live_flow(afar: Afar, recorder: Recorder) -> None:
    """One ActiveMQ session is cut by its port; another to the same broker and one to RabbitMQ live."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            for name in ("cut", "twin"):
                await join(watch, afar, name, "activemq", "2000,2000")
            await join(watch, afar, "rabbit", "rabbitmq", "3000,3000")
            await beaten(watch, 2, "cut", "twin")
            hosts.router.wall(f"tcp sport {port_of(watch, 'cut')} reject with tcp reset")
            await over(watch, "cut")
            await leave(watch, "twin", "rabbit", status=1)
    close = watch.the("close", "cut")
    assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep("lines-activemq-flow-reset", watch)


async def test_a_firewall_prohibits_a_port_midway(afar: Afar, recorder: Recorder) -> None:
    """A rule that came with a rollout: STOMP over WebSocket is answered by ICMP from now on, STOMP over TCP passes."""
    with routed(afar.host) as hosts:
        hosts.be_patient(4)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "2000,2000")
            await join(watch, afar, "tcp", "rabbitmq-tcp", "2000,2000")
            await beaten(watch, 2, "web", "tcp")
            hosts.router.wall(f"tcp dport {afar.port('rabbitmq')} reject with icmp type admin-prohibited")
            await over(watch, "web")
            await leave(watch, "tcp", status=1)
    assert watch.the("close", "web")["initiator"] == "none"
    recorder.keep("lines-rabbitmq-port-prohibited", watch)


async def test_all_is_dark_and_the_user_leaves(afar: Afar, recorder: Recorder) -> None:
    """With a kernel as patient as Linux' own: no session has ended when the user has had enough."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", "--close-timeout", "1.5", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "tcp", "rabbitmq-tcp", "2000,2000")
            await join(watch, afar, "amq", "activemq", "3000,3000")
            await beaten(watch, 2, "tcp", "amq")
            hosts.router.wall("drop")
            await asyncio.sleep(13)  # how long the user looks on
            await leave(watch, "tcp", "amq")
    assert watch.of("tcp_info", "tcp", when="silent")[-1]["unacked"] >= 1
    recorder.keep("lines-brokers-dark-and-left", watch)


async def test_what_the_broker_says_is_lost_and_the_user_leaves(afar: Afar, recorder: Recorder) -> None:
    """One of its ports: beats and acknowledgements from there never arrive; the other port's do."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", "--close-timeout", "1", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "3000,3000")
            await join(watch, afar, "tcp", "rabbitmq-tcp", "3000,3000")
            await beaten(watch, 2, "web", "tcp")
            hosts.router.wall(f'iifname "wan" tcp sport {afar.port("rabbitmq")} drop')
            await beaten(watch, 5, "tcp")
            await leave(watch, "web", "tcp")
    recorder.keep("lines-rabbitmq-inbound-dark-and-left", watch)


async def test_what_we_say_to_one_broker_is_lost(afar: Afar, recorder: Recorder) -> None:
    """Our beats and our acknowledgements of ActiveMQ's: a session to RabbitMQ on the same host lives."""
    with routed(afar.host) as hosts:
        hosts.be_patient(5)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "lost", "activemq", "2500,1000")
            await join(watch, afar, "rabbit", "rabbitmq-tcp", "4000,4000")
            await beaten(watch, 3, "lost")
            hosts.router.wall(f'iifname "lan" tcp dport {afar.port("activemq")} drop')
            await over(watch, "lost")
            await leave(watch, "rabbit", status=1)
    recorder.keep("lines-activemq-outbound-dark", watch)


async def test_a_route_is_lost_in_the_middle(afar: Afar, recorder: Recorder) -> None:
    """The router answers that there is no way to the brokers' host; another host behind it is reached."""
    with routed(afar.host) as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        chat = every(3.1, "send still here", 28, "third")
        async with watching(f"third={THERE}", *chat, "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "3000,3000")
            await join(watch, afar, "amq", "activemq", "3500,3500")
            await beaten(watch, 1, "web", "amq")
            hosts.router.ip("route", "replace", "unreachable", f"{SERVER}/32")
            await over(watch, "web", "amq")
            await leave(watch, "third", status=1)
    for session in ("web", "amq"):
        assert watch.the("close", session)["initiator"] == "none"
    recorder.keep("lines-brokers-route-lost", watch)


async def test_the_brokers_host_is_cut_off(afar: Afar, recorder: Recorder) -> None:
    """The cable to it is out at its own end; a host on another cable of the router is reached."""
    with routed(afar.host) as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        chat = every(2.7, "send still here", 24, "third")
        async with watching(f"third={THERE}", *chat, "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "3000,3000")
            await join(watch, afar, "tcp", "rabbitmq-tcp", "3000,3000")
            await beaten(watch, 2, "web", "tcp")
            afar.host.ip("link", "set", f"eth{hosts.number}", "down")
            await over(watch, "web", "tcp")
            await leave(watch, "third", status=1)
    for session in ("web", "tcp"):
        assert watch.the("close", session)["initiator"] == "none"
    recorder.keep("lines-brokers-host-cut-off", watch)


async def test_a_long_dark_moment_under_slow_beats(afar: Afar, recorder: Recorder) -> None:
    """Nine seconds of nothing: beats every ten are late or missed, and both brokers wait for longer."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "tcp", "rabbitmq-tcp", "8000,8000", subscribe=["/queue/night"])
            await join(watch, afar, "amq", "activemq", "20000,5000")
            await beaten(watch, 1, "tcp", "amq")
            hosts.router.wall("drop", name="dark")
            await asyncio.sleep(9)
            hosts.router.no_wall("dark")
            await beaten(watch, 1, "tcp", "amq")
            await watch.command("tcp: stomp-send /queue/night over")
            await watch.until(lambda line: line["type"] == "stomp" and line["command"] == "MESSAGE")
            await leave(watch, "tcp", "amq", status=0)
    recorder.keep("lines-brokers-long-dark-moment", watch)
