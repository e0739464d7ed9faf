"""nginx, HAProxy and stunnel stopped, restarted, reloaded and killed, whole or by their workers."""

import os
import signal
from pathlib import Path

import pytest

from tests.probing import ask, seen
from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.between import (
    TCP,
    Edited,
    Table,
    assert_cut,
    direct,
    opened,
    ready,
    restarted,
    says,
    sockjs,
    staged,
    stomp,
    stomps,
    web_stomp,
    ws,
    wss,
)
from tests.servers.child import Daemon, children
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, beaten
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel, StunnelClient
from tests.waiting import eventually
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def again(watch: Watch, *sessions: str) -> None:
    """Returns once each has been let in for the second time."""
    for name in sessions:
        url = watch.of("target", name)[0]["url"]
        if url.startswith("stomp"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        elif url.startswith("http"):
            await seen(watch, "sockjs", name, kind="o", count=2)
        else:
            await seen(watch, "open", name, count=2)


async def test_nginx_is_told_to_quit(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """It listens no more, and those who are in have some time left, beating or not."""
    nginx = start(Nginx, broker.port, shutdown_timeout=1.8)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "brisk", 2)
        os.kill(nginx.pid, signal.SIGQUIT)

    watch = await staged(
        {
            "direct": direct(broker),
            "brisk": web_stomp(nginx.port, "900,900"),
            "slow": web_stomp(nginx.port, "10000,10000"),
        },
        "brisk",
        "slow",
        strike=strike,
        ok=False,
    )
    assert_cut(watch, "brisk", "slow")
    recorder.keep("between-nginx-quit", watch)


async def test_haproxys_worker_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its master ends with it. TLS ends without a goodbye."""
    server = start(NodeWs)
    haproxy = start(HaProxy, server.port, certificate=certificate)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", count=4)
        for worker in children(haproxy.pid):
            os.kill(worker, signal.SIGKILL)

    watch = await staged(
        {
            "busy": wss(haproxy.port, certificate, do=says(0.45, 4)),
            "idle": wss(haproxy.port, certificate),
            "direct": ws(server.port),
        },
        "busy",
        "idle",
        strike=strike,
        ok=False,
    )
    assert_cut(watch, "busy", "idle")
    recorder.keep("between-haproxy-worker-killed", watch)


async def test_haproxy_is_told_to_stop_softly(start: Starter, recorder: Recorder) -> None:
    """``hard-stop-after`` ends those who are left."""
    server = start(NodeWs)
    haproxy = start(HaProxy, server.port, hard_stop=2.2)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", count=2)
        os.kill(haproxy.pid, signal.SIGUSR1)

    watch = await staged(
        {"busy": ws(haproxy.port, do=says(0.7, 5)), "idle": ws(haproxy.port), "direct": ws(server.port)},
        "busy",
        "idle",
        strike=strike,
        ok=False,
    )
    assert_cut(watch, "busy", "idle")
    recorder.keep("between-haproxy-soft-stop", watch)


@pytest.mark.parametrize("kind", ["nginx-xhr-streaming", "haproxy-stomp", "stunnel-stomps"])
async def test_it_is_restarted(
    certificate: Certificate,
    activemq: ActiveMq,
    broker: RabbitMq,
    start: Starter,
    recorder: Recorder,
    kind: str,
) -> None:
    """Who reconnects is served as soon as it is there again."""
    proxy: Daemon
    back: Table = {"reconnect": True}
    match kind:
        case "nginx-xhr-streaming":
            server = start(SockJsNode, heartbeat_delay=700)
            proxy = start(Nginx, server.port, certificate=certificate, rules="proxy_buffering off;")
            url = f"https://localhost:{proxy.port}/echo"
            table = sockjs(proxy.port, "xhr-streaming", **back) | {"url": url, "cacert": str(certificate.ca)}
            tables = {"A": table, "B": table}
        case "haproxy-stomp":
            proxy = start(HaProxy, activemq.port, options=TCP)
            tables = {
                "A": stomp(proxy.port, "1000,1000", CREW, **back),
                "B": stomp(proxy.port, "0,0", CREW, **back),
                "direct": direct(activemq),
            }
        case _:
            proxy = start(Stunnel, broker.stomp_port, certificate)
            tables = {
                "A": stomps(proxy.port, "600,600", certificate, **back),
                "B": stomps(proxy.port, "0,5000", certificate, **back),
            }

    async def strike(watch: Watch) -> None:
        if kind == "nginx-xhr-streaming":
            await seen(watch, "sockjs", "B", kind="h", count=2)
        else:
            await beaten(watch, "A", 2)
        restarted(proxy)
        await again(watch, "A", "B")

    watch = await staged(tables, "A", "B", strike=strike)
    assert_cut(watch, "A", "B")
    recorder.keep(f"between-{kind}-restarted", watch)


async def test_a_newcomer_survives_the_reload(start: Starter, recorder: Recorder) -> None:
    """Those of nginx's old worker end together, though not equally old; who came after the reload has a new one."""
    server = start(NodeWs)
    nginx = start(Nginx, server.port, shutdown_timeout=1.9)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "elder", dir="in", count=2)
        await opened(watch, younger=ws(nginx.port))
        nginx.reload()
        eventually(lambda: "gracefully shutting down" in nginx.log)  # until then the old worker may take who comes
        await opened(watch, newcomer=ws(nginx.port))
        await seen(watch, "close", "younger")
        await ask(watch, "send still here", "newcomer")
        await seen(watch, "frame", "newcomer", dir="in", text="still here")

    watch = await staged({"elder": ws(nginx.port, do=says(0.55, 5))}, "elder", "younger", strike=strike)
    assert_cut(watch, "elder", "younger")
    recorder.keep("between-nginx-reload-newcomer-lives", watch)


async def test_a_reload_brings_a_certificate_nobody_trusts(
    certificate: Certificate, tmp_path: Path, start: Starter, recorder: Recorder
) -> None:
    """The sessions end with the old worker; a look meets the new one's certificate."""
    server = start(NodeWs)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    other = certificates.issue(fresh)
    nginx = start(Edited, server.port, certificate=certificate, shutdown_timeout=1.2)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "busy", dir="in", count=3)
        nginx.edit((str(certificate.chain), str(other.chain)), (str(certificate.key), str(other.key)))

    watch = await staged(
        {"busy": wss(nginx.port, certificate, do=says(0.4, 4)), "idle": wss(nginx.port, certificate)},
        "busy",
        "idle",
        strike=strike,
        stage="tls",
        ok=False,
    )
    assert_cut(watch, "busy", "idle")
    recorder.keep("between-nginx-reload-new-certificate", watch)


@pytest.mark.parametrize("transport", ["xhr-streaming", "xhr-polling"])
async def test_nginxs_worker_is_killed(start: Starter, recorder: Recorder, transport: str) -> None:
    """SockJS over HTTP; its master has another worker at once."""
    server = start(SockJsNode, heartbeat_delay=900)
    nginx = start(Nginx, server.port, rules="proxy_buffering off;")

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "A", kind="h", count=2)
        for worker in children(nginx.pid):
            os.kill(worker, signal.SIGKILL)

    tables = {name: sockjs(nginx.port, transport) for name in ("A", "B")}
    watch = await staged(tables | {"direct": sockjs(server.port, transport)}, "A", "B", strike=strike)
    recorder.keep(f"between-nginx-worker-killed-{transport}", watch)


async def test_stunnel_reads_its_configuration_again(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Who is in stays, who comes is let in."""
    stunnel = start(Stunnel, broker.stomp_port, certificate)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "brisk", 2)
        os.kill(stunnel.pid, signal.SIGHUP)
        eventually(lambda: stunnel.log.count("Configuration successful") > 1)
        await opened(watch, newcomer=stomps(stunnel.port, "1100,1100", certificate))
        await ask(watch, "stomp-send /topic/between.reload here", "idle")
        await beaten(watch, "brisk", 2)

    tables = {"brisk": stomps(stunnel.port, "800,800", certificate), "idle": stomps(stunnel.port, "0,0", certificate)}
    recorder.keep("between-stunnel-reload-spares", await staged(tables, strike=strike, status=0))


async def test_the_far_stunnel_is_stopped(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """The near one still listens, and has nowhere to lead."""
    far = start(Stunnel, broker.stomp_port, certificate)
    near = start(StunnelClient, far.port, certificate)

    async def strike(watch: Watch) -> None:
        await beaten(watch, "brisk", 2)
        far.end(signal.SIGTERM)

    watch = await staged(
        {"direct": direct(broker), "brisk": stomp(near.port, "700,700"), "idle": stomp(near.port, "0,0")},
        "brisk",
        "idle",
        strike=strike,
    )
    assert_cut(watch, "brisk", "idle")
    recorder.keep("between-stunnel-far-end-stopped", watch)


async def test_the_near_stunnel_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    server = start(SockJsNode, heartbeat_delay=1200)
    far = start(Stunnel, server.port, certificate)
    near = start(StunnelClient, far.port, certificate)

    async def strike(watch: Watch) -> None:
        await ready(watch, "polls", "http")
        await seen(watch, "sockjs", "socket", kind="a", dir="in", count=2)
        near.end()

    watch = await staged(
        {
            "socket": sockjs(near.port, "websocket", do=says(0.8, 5)),
            "polls": sockjs(near.port, "xhr-polling"),
            "direct": sockjs(server.port, "websocket"),
        },
        "socket",
        "polls",
        strike=strike,
        ok=False,
    )
    recorder.keep("between-stunnel-near-end-killed", watch)
