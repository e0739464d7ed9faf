"""A session through ``ssh -L``."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = pytest.mark.real


async def test_the_tunnel_is_closed(echo_port: int, start: Starter, recorder: Recorder) -> None:
    tunnel = start(SshTunnel, echo_port)
    async with probing(f"ws://{LOOPBACK}:{tunnel.port}/", "--stdin", **POSTMORTEM) as watch:
        await seen(watch, "open")
        await ask(watch, "send hello")
        await seen(watch, "frame", dir="in", text="hello")
        tunnel.kill_client()
        await seen(watch, "postmortem")
        assert await watch.finish() == 1
    close = watch.the("close")
    assert (close["code"], close["synthetic"], close["initiator"]) == (1006, True, "remote")
    assert close["transport"]["how"] == "fin"
    recorder.keep("ssh-tunnel-killed", watch)


async def test_nobody_listens_at_its_far_end(start: Starter, recorder: Recorder) -> None:
    tunnel = start(SshTunnel, 1)
    watch, status = await run(f"ws://{LOOPBACK}:{tunnel.port}/")
    assert status == 3
    assert (watch.the("end")["how"], watch.the("end")["phase"]) == ("fin", "http")  # ssh had accepted the connection
    recorder.keep("ssh-tunnel-nobody-listens", watch)
