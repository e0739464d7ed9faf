"""Firewalls, NATs and boxes on the way to servers on another host: they swallow, refuse, reset or forget."""

import pytest

from tests.servers.between import opened, says
from tests.servers.eels import PYTHON, STOMP, looking
from tests.servers.lines import beaten, leave, within
from tests.servers.pond import settled
from tests.servers.recordings import Recorder
from tests.servers.routed import routed

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_reject_rule_by_reset(recorder: Recorder) -> None:
    """A firewall answers by RST for one port of a host, whose other port is well."""
    with routed() as hosts:
        hosts.start_stomp(beat_every=900, wants=900)
        hosts.start_python()
        async with looking(hosts) as watch:
            await opened(
                watch,
                open={"url": PYTHON, "do": says(1.3, 9)},
                shut={"url": STOMP, "heart_beat": "900,900", "subscribe": ["/topic/a"]},
            )
            await beaten(watch, 3, "shut")
            hosts.router.wall("tcp dport 8082 reject with tcp reset")
            await within(watch, 10, "close", "shut")
            await settled(watch, "shut")
            await leave(watch, "open", status=1)
    assert watch.the("close", "shut")["transport"]["how"] == "reset"
    recorder.keep("loach-reject-by-rst-one-port-stomp", watch)
