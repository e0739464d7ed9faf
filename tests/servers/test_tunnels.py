"""Sessions through tunnels that end, and what ``watch`` saw of it: ssh from either side, stunnel's client, socat."""

import signal

import pytest

from tests.probing import probing, run, seen
from tests.servers.child import Daemon
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.socat import Socat
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel, StunnelClient
from tests.servers.takes import Take, extra
from tests.servers.test_idle_proxies import LATE, assert_idle, chatter
from tests.servers.test_proxy_ends import LOOK, assert_cut, talked

pytestmark = pytest.mark.real


@pytest.mark.parametrize("half", [extra("near"), "far"])
async def test_half_of_ssh_ends(echo_port: int, start: Starter, recorder: Recorder, take: Take, half: str) -> None:
    """Everything that went through it ends at once, and its port is shut; what goes another way lives."""
    tunnel = start(SshTunnel, echo_port)
    through = f"ws://{LOOPBACK}:{tunnel.port}/"
    sessions = (f"A={through}", f"B={through}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    talk = chatter(take.one_of(0.3, 0.4), 3, take.one_of("A", "B", "direct"))
    async with probing(*sessions, "--stdin", *talk, **LOOK) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        sign = take.one_of(signal.SIGTERM, signal.SIGKILL)
        if half == "near":
            tunnel.kill_client(sign)
        else:
            tunnel.signal_far_half(sign)
        await seen(watch, "close", count=2)
        await seen(watch, "postmortem", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "A", "B")
    assert watch.of("postmortem", ok=False)[0]["how"] == "refused"
    recorder.keep(take.of(f"ssh-{half}-half-ends"), watch)


async def test_ssh_gives_up_a_silent_far_half(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """``ServerAliveInterval``: what was said stays unanswered for a while, then all that went through it ends."""
    tunnel = start(SshTunnel, echo_port, alive=1)
    through = f"ws://{LOOPBACK}:{tunnel.port}/"
    sessions = (f"A={through}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--stdin", *chatter(take.one_of(0.3, 0.4, 0.6), 4), **LOOK) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "A", dir="in", count=take.one_of(1, 2))
        tunnel.signal_far_half(signal.SIGSTOP)
        try:
            await seen(watch, "postmortem", "A", ok=False)
            assert await watch.finish() == 1
        finally:
            tunnel.signal_far_half(signal.SIGCONT)
    assert_cut(watch, "A")
    assert watch.the("close", "A")["idle_rx"] > 0.8
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of("ssh-server-alive"), watch)


@pytest.mark.extra
async def test_ssh_comes_back(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """Refused while it is away: nobody restarts this one."""
    tunnel = start(SshTunnel, echo_port)
    words = ("--stdin", "--reconnect", *chatter(0.4, 3))
    async with probing(f"ws://{LOOPBACK}:{tunnel.port}/", "-n", "2", *words) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        tunnel.kill_client(take.one_of(signal.SIGTERM, signal.SIGHUP))
        await seen(watch, "end", "A1", how="refused")
        await seen(watch, "end", "A2", how="refused")
        await watch.finish()
    assert_cut(watch, "A1", "A2")
    recorder.keep(take.of("ssh-away-reconnect"), watch)


@pytest.mark.parametrize("kind", ["socat", extra("stunnel-client")])
async def test_a_forwarder_is_killed(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, take: Take, kind: str
) -> None:
    forwarder: Daemon
    if kind == "socat":
        forwarder = start(Socat, echo_port)
    else:
        forwarder = start(StunnelClient, start(Stunnel, echo_port, certificate).port, certificate)
    through = f"ws://{LOOPBACK}:{forwarder.port}/"
    sessions = (f"A={through}", f"B={through}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--stdin", *chatter(0.4, 3, take.one_of("A", "B")), **LOOK) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        forwarder.end(take.one_of(signal.SIGKILL, signal.SIGTERM))
        await seen(watch, "close", count=2)
        await seen(watch, "postmortem", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "A", "B")
    recorder.keep(take.of(f"{kind}-ends"), watch)


async def test_the_far_stunnel_is_killed(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder, take: Take
) -> None:
    """The near one still listens: it accepts who looks, and has nowhere to lead."""
    far = start(Stunnel, echo_port, certificate)
    near = start(StunnelClient, far.port, certificate)
    sessions = (f"A=ws://{LOOPBACK}:{near.port}/", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*sessions, "--stdin", *chatter(0.4, 3, take.one_of("A", "direct")), **LOOK) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        far.end()
        await seen(watch, "postmortem", "A", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "A")
    assert watch.of("postmortem", "A")[0]["ok"] is True
    recorder.keep(take.of("stunnel-far-end-killed"), watch)


@pytest.mark.extra
async def test_socat_has_an_idle_timeout(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    idle = take.between(1.5, 3)
    socat = start(Socat, echo_port, idle=idle)
    watch, status = await run(f"ws://{LOOPBACK}:{socat.port}/", "--do", f"{take.between(0.3, 0.9)} send hello")
    assert status == 1
    assert_idle(watch.the("close"), idle)
    recorder.keep(take.of("socat-idle"), watch)


@pytest.mark.extra
async def test_sshd_ends_silent_channels(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """``ChannelTimeout``: a session that says nothing ends, up to a second early; its busy twin lives in the tunnel."""
    idle = take.one_of(2, 3)
    tunnel = start(SshTunnel, echo_port, rules=f"ChannelTimeout direct-tcpip={idle}")
    through = f"ws://{LOOPBACK}:{tunnel.port}/"
    words = ("--stdin", *chatter(0.5, idle + 3, "busy"))
    async with probing(f"busy={through}", f"quiet={through}", *words) as watch:
        await seen(watch, "close", "quiet")
        assert await watch.finish() == 1
    assert_cut(watch, "quiet")
    assert idle - 1.1 <= watch.the("close", "quiet")["idle_any"] <= idle + LATE
    assert watch.the("close", "busy")["asked"] is True
    recorder.keep(take.of("ssh-channel-idle"), watch)


@pytest.mark.extra
async def test_ssh_is_started_again(echo_port: int, start: Starter, recorder: Recorder, take: Take) -> None:
    """As autossh does: the first attempts are refused or not, then the tunnel stands again."""
    tunnel = start(SshTunnel, echo_port)
    through = f"ws://{LOOPBACK}:{tunnel.port}/"
    names = (f"A={through}", f"B={through}", f"direct=ws://{LOOPBACK}:{echo_port}/")
    async with probing(*names, "--stdin", "--reconnect", *chatter(0.4, 3, take.one_of("A", "direct"))) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        tunnel.kill_client(take.one_of(signal.SIGTERM, signal.SIGKILL))
        await seen(watch, "close", count=2)
        if take.one_of(True, False):
            await seen(watch, "end", how="refused")
        tunnel.begin_client()
        await seen(watch, "open", count=5)
        await watch.finish()
    assert_cut(watch, "A", "B")
    recorder.keep(take.of("ssh-started-again"), watch)
