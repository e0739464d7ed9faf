"""What a session meets that does not open behind Varnish, lighttpd, nghttpx, hitch, redir, rinetd or HAProxy."""

import datetime
import os
import signal
from pathlib import Path

import pytest

from tests.probing import open_session, probing, seen
from tests.servers import certificates
from tests.servers.child import Daemon
from tests.servers.haproxy import HaProxy
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Rinetd, Varnish, at, front
from tests.servers.nginx import Certificate
from tests.servers.ports import free_ports
from tests.servers.python import PythonWs
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize("kind", ["varnish", "lighttpd"])
async def test_the_upgrade_is_lost_on_the_way(echo_port: int, start: Starter, recorder: Recorder, kind: str) -> None:
    proxy: Daemon = (
        start(Varnish, echo_port, upgrades=False) if kind == "varnish" else start(Lighttpd, echo_port, upgrades=False)
    )
    sessions = (f"A={at(proxy.port)}", f"B={at(proxy.port)}", f"direct={at(echo_port)}")
    async with probing(*sessions, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", "direct")
        await seen(watch, "close", "A")
        await seen(watch, "close", "B")
        await watch.finish()
    recorder.keep(f"{kind}-strips-upgrade", watch)


@pytest.mark.parametrize("kind", ["varnish", "lighttpd", "nghttpx", "redir"])
async def test_nobody_is_behind_it(start: Starter, certificate: Certificate, recorder: Recorder, kind: str) -> None:
    (nobody,) = free_ports(1)
    _, url = front(start, kind, nobody, certificate)
    async with probing(f"A={url}", f"B={url}", **POSTMORTEM) as watch:
        await watch.finish()
    recorder.keep(f"{kind}-nobody-behind", watch)


@pytest.mark.parametrize(
    ("status", "reason", "name", "scenario"),
    [
        (429, "Too Many Requests", "limited", "varnish-429-one-of-two"),
        (403, "Forbidden", "barred", "varnish-403-one-of-two"),
    ],
)
async def test_varnish_answers_one_of_two(
    echo_port: int, start: Starter, recorder: Recorder, status: int, reason: str, name: str, scenario: str
) -> None:
    rule = f'if (req.url ~ "^/{name}") {{ return (synth({status}, "{reason}")); }}'
    varnish = start(Varnish, echo_port, rules=rule)
    sessions = (f"well={at(varnish.port)}", f"{name}={at(varnish.port)}{name}")
    async with probing(*sessions, "--stdin", "--do", "0.4 well: send hello", **POSTMORTEM) as watch:
        await seen(watch, "frame", "well", dir="in", text="hello")
        await seen(watch, "close", name)
        await watch.finish()
    recorder.keep(scenario, watch)


async def test_varnish_says_maintenance(echo_port: int, start: Starter, recorder: Recorder) -> None:
    varnish = start(Varnish, echo_port, rules='return (synth(503, "Down for maintenance"));')
    async with probing(at(varnish.port), **POSTMORTEM) as watch:
        await watch.finish()
    recorder.keep("varnish-503-maintenance", watch)


@pytest.mark.parametrize("kind", ["nghttpx", "varnish"])
async def test_who_is_behind_it_does_not_answer(start: Starter, recorder: Recorder, kind: str) -> None:
    server = start(PythonWs, ping_interval=None)
    proxy: Daemon
    if kind == "nghttpx":
        proxy, scenario = start(Nghttpx, server.port, "backend-read-timeout=2800ms"), "nghttpx-504"
    else:
        proxy, scenario = start(Varnish, server.port, idle=20), "varnish-handshake-timeout"
    os.kill(server.pid, signal.SIGSTOP)
    async with probing(at(proxy.port), "--open-timeout", "4.6", **POSTMORTEM) as watch:
        await watch.finish(within=30)
    os.kill(server.pid, signal.SIGCONT)
    recorder.keep(scenario, watch)


@pytest.mark.parametrize("kind", ["varnish", "nghttpx", "lighttpd"])
async def test_more_headers_than_it_takes(echo_port: int, start: Starter, recorder: Recorder, kind: str) -> None:
    proxy: Daemon
    match kind:
        case "varnish":
            proxy = start(Varnish, echo_port, parameters=("http_req_hdr_len=1000",))
        case "nghttpx":
            proxy = start(Nghttpx, echo_port, "request-header-field-buffer=2K")
        case _:
            proxy = start(Lighttpd, echo_port)
    size = 12000 if kind == "lighttpd" else 3000
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="small", url=at(proxy.port))
        await open_session(watch, name="big", url=at(proxy.port), cookie=[f"basket={'x' * size}"])
        await seen(watch, "open", "small")
        await seen(watch, "close", "big")
        await watch.finish()
    recorder.keep(f"{kind}-headers-too-big", watch)


@pytest.mark.parametrize("name", ["expired", "other-name", "untrusted"])
async def test_hitch_shows_what_does_not_hold(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, tmp_path: Path, name: str
) -> None:
    names = ("shop.example",) if name == "other-name" else ()
    after = NOW - DAY if name == "expired" else None
    shown = certificates.issue(tmp_path, *names, not_before=NOW - 90 * DAY, not_after=after)
    hitch = start(Hitch, echo_port, shown)
    trusted = certificate.ca if name == "untrusted" else shown.ca
    async with probing(f"wss://localhost:{hitch.port}/", "--cacert", str(trusted), **POSTMORTEM) as watch:
        await watch.finish()
    recorder.keep(f"hitch-{name}", watch)


async def test_plain_words_to_hitch(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    hitch = start(Hitch, echo_port, certificate)
    sessions = (f"plain={at(hitch.port)}", f"tls=wss://localhost:{hitch.port}/")
    async with probing(*sessions, "--cacert", str(certificate.ca), "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", "tls")
        await seen(watch, "close", "plain")
        await watch.finish()
    recorder.keep("hitch-plain-to-tls", watch)


async def test_tls_to_varnish(echo_port: int, start: Starter, recorder: Recorder) -> None:
    varnish = start(Varnish, echo_port)
    sessions = (f"plain={at(varnish.port)}", f"tls=wss://localhost:{varnish.port}/")
    async with probing(*sessions, "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open", "plain")
        await seen(watch, "close", "tls")
        await watch.finish()
    recorder.keep("varnish-no-tls", watch)


async def test_the_second_waits_in_haproxys_queue(echo_port: int, start: Starter, recorder: Recorder) -> None:
    limits = "default-server maxconn 1\n    timeout queue 1900ms"
    haproxy = start(HaProxy, echo_port, options=limits)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="first", url=at(haproxy.port))
        await seen(watch, "open", "first")
        await open_session(watch, name="second", url=at(haproxy.port))
        await seen(watch, "close", "second")
        await watch.finish()
    recorder.keep("haproxy-queue-full", watch)


async def test_rinetd_leads_to_another_protocol(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    rinetd = start(Rinetd, broker.amqp_port)
    async with probing(f"wrong={at(rinetd.port)}", **POSTMORTEM) as watch:
        await watch.finish()
    recorder.keep("rinetd-to-amqp", watch)
