"""Clocks of reverse proxies: silence they do not bear, ages they do not allow."""

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors
from tests.servers.between import Table, says, ws
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.lines import THERE, elsewhere
from tests.servers.node import NodeWs
from tests.servers.outside import there
from tests.servers.pond import cut, run
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_age_by_caddy(start: Starter, recorder: Recorder) -> None:
    """Caddy ends two at 3.4 s though both talk, and one that came back at 3.4 s again; one past it is well."""
    app = start(NodeWs)
    caddy = start(Caddy, app.port, life=3.4)

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "a", count=2)

    tables = {
        "past": ws(app.port, do=says(1.4, 11)),
        "a": ws(caddy.port, do=says(0.7, 9), reconnect=True),
    }
    watch = await run(tables, "a", strike=strike)
    cut(watch, "a")
    recorder.keep("dace-caddy-age-twice", watch)


async def test_an_age_by_envoy_afar(start: Starter, recorder: Recorder) -> None:
    """Envoy's ``max_stream_duration`` of 2.7 s, twice, on another host; another host's session is well."""
    with routed() as hosts, elsewhere(hosts):
        app = await begun(hosts.server, start, NodeWs)
        manager = {"common_http_protocol_options": {"max_stream_duration": "2.7s"}}
        envoy = await begun(hosts.server, start, Envoy, app.port, manager=manager)
        doors(hosts, envoy)
        tables: dict[str, Table] = {
            "third": {"url": THERE, "do": says(1.5, 11)},
            "a": there(envoy.port, do=says(0.6, 9), reconnect=True),
        }

        async def strike(watch: Watch) -> None:
            await seen(watch, "close", "a", count=2)

        watch = await run(tables, "a", strike=strike, on=hosts.client.words)
    recorder.keep("dace-afar-envoy-age-twice", watch)
