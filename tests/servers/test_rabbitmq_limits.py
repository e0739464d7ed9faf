"""Sessions of a real RabbitMQ 3.10 under limits, policies and administrators: what its configuration may hold besides.

A WebSocket that has said nothing for ``web_stomp.ws_opts.idle_timeout`` is closed by Cowboy with 1000 and no reason.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.nginx import Certificate
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.takes import Take
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

IDLE = 3.0
LARGEST = 5000


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """A broker with an idle timeout and a limit of frames on its WebSockets, and a user ``temp``."""
    conf = (
        f"web_stomp.ws_opts.idle_timeout = {round(IDLE * 1000)}",
        f"web_stomp.ws_opts.max_frame_size = {LARGEST}",
    )
    broker = RabbitMq(tmp_path_factory.mktemp("strict"), certificate, conf=conf)
    broker.ctl("add_user", "temp", "crew")
    yield broker
    broker.stop()


@pytest.fixture
def temp(strict: RabbitMq) -> RabbitMq:
    """The broker, its user ``temp`` without limits and with every permission."""
    strict.ctl("clear_user_limits", "temp", "all")
    strict.ctl("set_permissions", "temp", ".*", ".*", ".*")
    strict.ctl("change_password", "temp", "crew")
    return strict


TEMP = {"login": "temp", "passcode": "crew", "vhost": "/"}


@pytest.mark.parametrize("speaker", ["nobody", "server"])
async def test_a_websocket_that_says_nothing(strict: RabbitMq, recorder: Recorder, take: Take, speaker: str) -> None:
    """Who beats lives. Messages from the broker do not help him who does not."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name, beat in (("quiet", "0,0"), ("beats", "1000,0")):
            await open_session(
                watch, name=name, url=strict.url, heart_beat=beat, login="guest", passcode="guest", vhost="/"
            )
            await seen(watch, "stomp", name, command="CONNECTED")
            await ask(watch, f"stomp-frame SUBSCRIBE\\nid:1\\ndestination:/topic/{name}\\nreceipt:1\\n\\n\\0", name)
            await seen(watch, "stomp", name, command="RECEIPT")
        while not watch.of("close", "quiet"):
            if speaker == "server":
                await ask(watch, "stomp-send /topic/quiet news", "beats")
            await asyncio.sleep(take.between(0.6, 0.9))
        await seen(watch, "postmortem", "quiet")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "quiet")
    assert (close["initiator"], close["code"]) == ("remote", 1000)
    assert IDLE - 0.5 < close["idle_tx"] < IDLE + 2
    recorder.keep(take.of(f"rabbitmq-ws-idle-{speaker}-talks"), watch)


async def test_a_websocket_frame_over_its_limit(temp: RabbitMq, recorder: Recorder, take: Take) -> None:
    """Cowboy looks at the length on the wire: a message that deflates to less than the limit is taken."""
    beat = take.one_of("1000,1000", "800,0")
    options = (*LOGIN, "--heart-beat", beat, "--no-compression", "--stdin")
    async with probing(f"large={temp.url}", f"small={temp.url}", *options, **POSTMORTEM) as watch:
        for name in ("large", "small"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, f"stomp-send /topic/news {'x' * take.one_of(LARGEST + 1, 3 * LARGEST)}", "large")
        await seen(watch, "close", "large")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "large")
    assert (close["initiator"], close["code"]) == ("remote", 1009)
    recorder.keep(take.of("rabbitmq-ws-frame-too-large"), watch)


async def test_a_user_has_too_many_sessions(temp: RabbitMq, recorder: Recorder, take: Take) -> None:
    """``max-connections`` of a user: those he has stay, the next is told so."""
    temp.ctl("set_user_limits", "temp", '{"max-connections":1}')
    beat = take.one_of("1000,1000", "1500,1500")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="first", url=temp.url, heart_beat=beat, **TEMP)
        await seen(watch, "stomp", "first", command="CONNECTED")
        await open_session(watch, name="second", url=temp.url, heart_beat=beat, **TEMP)
        await seen(watch, "close", "second")
        await watch.command("quit")
        await watch.finish()
    recorder.keep(take.of("rabbitmq-user-limit"), watch)


async def test_permissions_are_revoked_in_mid_session(temp: RabbitMq, recorder: Recorder, take: Take) -> None:
    """What he could do a moment ago is an ERROR now, and the end of the session; the other user's goes on."""
    beat = take.one_of("1000,1000", "1500,1500")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="temp", url=temp.url, heart_beat=beat, **TEMP)
        await open_session(
            watch, name="staff", url=temp.url, heart_beat=beat, login="guest", passcode="guest", vhost="/"
        )
        for name in ("temp", "staff"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await ask(watch, "stomp-send /topic/news before", name)
        await asyncio.sleep(take.between(0.5, 1.5))
        await asyncio.to_thread(temp.ctl, "clear_permissions", "temp")
        await asyncio.to_thread(temp.ctl, "eval", "[P ! reload || P <- []].")
        words = r"stomp-frame SUBSCRIBE\nid:9\ndestination:/queue/fresh\nreceipt:1\n\n\0"
        for name in ("temp", "staff"):
            await ask(watch, words, name)
        await seen(watch, "close", "temp")
        await seen(watch, "stomp", "staff", command="RECEIPT")
        await watch.command("quit")
        assert await watch.finish() == 1
    recorder.keep(take.of("rabbitmq-permissions-revoked"), watch)


async def test_a_password_is_changed_in_mid_session(temp: RabbitMq, recorder: Recorder, take: Take) -> None:
    """The session goes on; a new login with the old password is refused."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await open_session(watch, name="elder", url=temp.url, heart_beat="1000,1000", **TEMP)
        await seen(watch, "stomp", "elder", command="CONNECTED")
        await asyncio.sleep(take.between(0.2, 1.5))
        await asyncio.to_thread(temp.ctl, "change_password", "temp", "other")
        await open_session(watch, name="younger", url=temp.url, heart_beat="1000,1000", **TEMP)
        await seen(watch, "close", "younger")
        await ask(watch, r"stomp-frame SUBSCRIBE\nid:9\ndestination:/queue/fresh\nreceipt:1\n\n\0", "elder")
        await seen(watch, "stomp", "elder", command="RECEIPT")
        await watch.command("quit")
        await watch.finish()
    assert watch.the("close", "elder")["asked"] is True
    recorder.keep(take.of("rabbitmq-password-changed"), watch)


async def test_a_queue_is_full(temp: RabbitMq, recorder: Recorder, take: Take) -> None:
    """A full queue that rejects what comes: publishers with a receipt are not told and nobody is dropped."""
    temp.ctl("set_policy", "short", "^short$", '{"max-length":1,"overflow":"reject-publish"}', "--apply-to", "queues")
    async with probing(f"anna={temp.url}", f"bert={temp.url}", *LOGIN, "--heart-beat", "1000,1000", "--stdin") as watch:
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="CONNECTED")
        for n in range(take.one_of(3, 4)):
            words = f"stomp-frame SEND\\ndestination:/queue/short\\nreceipt:{n}\\n\\nmore\\0"
            await ask(watch, words, take.one_of("anna", "bert"))
            await asyncio.sleep(take.between(0.4, 0.9))
        await watch.command("quit")
        assert await watch.finish() == 0
    recorder.keep(take.of("rabbitmq-queue-full"), watch)
