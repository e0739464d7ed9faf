"""Sessions whose token runs out while they are open, at a broker that looks at it again and at a program that closes.

RabbitMQ 3.10 does not end such a session: it refuses the next thing that asks for a permission, and keeps what it knows
of a destination for up to a minute (``channel_tick_interval``). Over TCP the ERROR's body names the token, over
WebSocket the client is told 1000 "STOMP died". A token that has run out before the login is a wrong passcode.
"""

from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, run, seen
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter, starting
from tests.servers.takes import Take, extra
from tests.servers.tokens import Issuer

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Who gives the tokens."""
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate, issuer: Issuer) -> Iterator[RabbitMq]:
    """A RabbitMQ that takes tokens and looks at them again every second."""
    with starting(tmp_path_factory.mktemp("shop")) as start:
        oauth2 = ("rabbitmq_auth_backend_oauth2",)
        broker = start(RabbitMq, certificate, plugins=oauth2, conf=issuer.rabbitmq_conf)
        broker.ctl("eval", "application:set_env(rabbit, channel_tick_interval, 1000).")
        yield broker


def named(transport: str, what: str) -> str:
    """The scenario's name."""
    return f"rabbitmq-{what}" if transport == "ws" else f"rabbitmq-{transport}-{what}"


@pytest.mark.extra
@pytest.mark.parametrize(
    ("what", "transport", "words"),
    [
        ("token-expired-read", "tcp", "subscribe /queue/new"),
        ("token-expired-read", "ws", "subscribe /queue/new"),
        ("token-expired-write", "tcp", "stomp-send /topic/news hello"),
        ("token-expired-write", "ws", "stomp-send /topic/news hello"),
    ],
)
async def test_a_token_that_runs_out_at_rabbitmq(
    shop: RabbitMq, issuer: Issuer, recorder: Recorder, take: Take, what: str, transport: str, words: str
) -> None:
    """One of two has a token that runs out; what both did before, they may not do after."""
    seconds = take.between(3, 4.5)
    url, beat = shop.at(transport), take.one_of("0,0", "1000,1000")
    shared = {"login": "anna", "vhost": "/", "heart_beat": beat}
    token = issuer.token(seconds)
    async with probing("--stdin") as watch:
        await open_session(watch, name="fresh", url=url, passcode=issuer.token(600), **shared)
        later = [f"{seconds + 2} {words}"]
        await open_session(watch, name="stale", url=url, passcode=token, do=later, **shared)
        for name in ("fresh", "stale"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await ask(watch, r"stomp-frame SUBSCRIBE\nid:9\ndestination:/topic/news\nreceipt:1\n\n\0", name)
            await seen(watch, "stomp", name, command="RECEIPT")
        await seen(watch, "close", "stale")
        await ask(watch, "stomp-send /topic/news still here", "fresh")
        await seen(watch, "stomp", "fresh", command="MESSAGE")
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "stale")
    assert close["initiator"] == "remote"
    if transport == "ws":
        assert close["received"] == {"code": 1000, "reason": "STOMP died"}
    else:
        assert close["error"] == "access_refused"
        assert "Provided JWT token has expired" in watch.of("bytes", "stale", dir="in")[-1]["text"]
    assert not any(token.encode() in raw for raw in watch.raw)
    recorder.keep(take.of(named(transport, what)), watch)


@pytest.mark.extra
@pytest.mark.parametrize("transport", ["tcp", "ws"])
async def test_a_token_that_has_run_out(
    shop: RabbitMq, issuer: Issuer, recorder: Recorder, take: Take, transport: str
) -> None:
    login = ("--login", "anna", "--passcode", issuer.token(-take.between(1, 90)), "--vhost", "/")
    watch, status = await run(shop.at(transport), *login, "--open-timeout", f"{take.between(2, 4)}")
    assert status == 3
    close = watch.the("close")
    assert (close["error"], close["transport"]["how"]) == ("Bad CONNECT", "timeout")
    recorder.keep(take.of(named(transport, "token-expired-before-login")), watch)


@pytest.mark.extra
@pytest.mark.parametrize(
    ("what", "code", "reason"),
    [
        ("4401", 4401, "token expired"),
        extra("4001", 4001, "Session token has expired, sign in again"),
        extra("3000-expired", 3000, "auth token expired"),
        extra("1008-expired", 1008, "JWT expired"),
        extra("1000-expired", 1000, "JWT expired"),
    ],
)
async def test_a_program_that_closes_when_the_token_runs_out(
    start: Starter, recorder: Recorder, take: Take, what: str, code: int, reason: str
) -> None:
    """Both sessions are as old as their tokens when they are closed, the busy one too."""
    age = take.between(1.5, 4)
    server = start(NodeWs, tokenLasts=round(age * 1000), tokenEnd=[code, reason])
    arguments = ("--stagger", f"{take.between(0.3, 1)}", "--stdin")
    async with probing(f"idle={server.url}", f"busy={server.url}", *arguments) as watch:
        await seen(watch, "open", "busy")
        await ask(watch, "send hello", "busy")
        await seen(watch, "close", count=2)
        assert await watch.finish() == 1
    for name in ("idle", "busy"):
        close = watch.the("close", name)
        assert close["received"] == {"code": code, "reason": reason}
        assert close["initiator"] == "remote"
        assert age - 0.2 <= close["age"] <= age + 1.5
    recorder.keep(take.of(f"node-ws-token-{what}"), watch)
