"""Frames that break the rules, ours and the server's, by what real libraries say to them and we to theirs."""

import pytest

from tests.probing import probing, run, seen
from tests.servers.node import NodeEndings
from tests.servers.python import PythonWs
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra

pytestmark = [pytest.mark.real, pytest.mark.extra]

UNMASKED = "810141"
RESERVED_OPCODE = "838000000000"
RESERVED_BIT = "c18000000000"
NOTHING_TO_CONTINUE = "808000000000"
LONG_PING = "89fe007e00000000" + "00" * 126
FRAGMENTED_PING = "098000000000"
WRONG_CODE = "88820000000003ed"
NO_UTF8 = "818200000000c328"


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("framing", (RESERVED_OPCODE, RESERVED_BIT, NOTHING_TO_CONTINUE)),
        extra("unmasked", (UNMASKED,)),
        extra("ping", (LONG_PING, FRAGMENTED_PING)),
        extra("close-code", (WRONG_CODE,)),
    ],
)
@pytest.mark.parametrize("server", ["node", extra("python"), extra("rabbitmq"), extra("tomcat")])
async def test_we_break_the_rules(
    request: pytest.FixtureRequest,
    node_endings: NodeEndings,
    start: Starter,
    recorder: Recorder,
    take: Take,
    server: str,
    name: str,
    frames: tuple[str, ...],
) -> None:
    match server:
        case "node":
            url = node_endings.url
        case "python":
            url = start(PythonWs).url
        case "rabbitmq":
            broker: RabbitMq = request.getfixturevalue("broker")
            url = broker.url.removeprefix("stomp+")
        case _:
            spring: Spring = request.getfixturevalue("spring")
            url = spring.ws_url.removeprefix("stomp+")
    at, frame = take.between(0.1, 0.8), take.one_of(*frames)
    words = ("--no-compression", "--close-timeout", "2")
    watch, status = await run(url, *words, "--do", f"{at} raw-frame {frame}")
    assert status == 1
    close = watch.the("close")
    assert close["code"] in (1002, 1006)
    recorder.keep(take.of(f"{server}-breach-{name}"), watch)


@pytest.mark.parametrize(
    ("name", "frames", "code"),
    [
        ("framing", ("8300", "c100", "8000", "9100"), 1002),
        extra("masked", ("818100000000" + "41",), 1002),
        extra("ping", ("897e007e" + "00" * 126, "0900"), 1002),
        extra("close-code", ("880203ed", "880100"), 1002),
        ("no-utf8", ("8102c328", "8104f0288cbc"), 1007),
        extra("no-utf8-reason", ("880403e8c328",), 1007),
    ],
)
async def test_it_breaks_the_rules(
    node_endings: NodeEndings, recorder: Recorder, take: Take, name: str, frames: tuple[str, ...], code: int
) -> None:
    """The bytes come from under ws, as from a program that writes frames of its own."""
    words = ("--no-compression", "--close-timeout", "2")
    watch, status = await run(
        node_endings.url, *words, "--do", f"{take.between(0.1, 0.8)} send raw {take.one_of(*frames)}"
    )
    assert status == 1
    assert watch.the("close")["sent"]["code"] == code
    recorder.keep(take.of(f"node-breaks-{name}"), watch)


@pytest.mark.parametrize("server", ["node", extra("python")])
async def test_a_message_over_our_limit(
    node_endings: NodeEndings, start: Starter, recorder: Recorder, take: Take, server: str
) -> None:
    most = take.one_of(1000, 5000, 20_000)
    words = ("--max-size", str(most), "--no-compression")
    if server == "node":
        watch, status = await run(node_endings.url, *words, "--do", f"0.3 send flood {most + 1}")
    else:
        watch, status = await run(start(PythonWs).url, *words, "--do", f"0.3 send-repeat x {most + 1}")
    assert status == 1
    close = watch.the("close")
    assert (close["sent"]["code"], close["initiator"]) == (1009, "local")
    recorder.keep(take.of(f"{server}-message-over-our-limit"), watch)


@pytest.mark.parametrize("server", ["node", extra("python"), extra("python-with-a-sibling")])
async def test_a_message_over_its_limit(start: Starter, recorder: Recorder, take: Take, server: str) -> None:
    most = take.one_of(1000, 5000, 20_000)
    target = start(NodeEndings, maxPayload=most) if server == "node" else start(PythonWs, max_size=most)
    others = (f"B={target.url}",) if server.endswith("sibling") else ()
    order = f"{take.between(0.1, 0.8)} A: send-repeat x {2 * most}"
    async with probing(f"A={target.url}", *others, "--do", order, "--stdin") as watch:
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    close = watch.the("close", "A")
    assert (close["code"], close["initiator"]) == (1009, "remote")
    recorder.keep(take.of(f"{server}-message-over-its-limit"), watch)


async def test_text_for_node_that_is_no_utf8(node_endings: NodeEndings, recorder: Recorder, take: Take) -> None:
    watch, status = await run(node_endings.url, "--do", f"{take.between(0.1, 0.8)} raw-frame {NO_UTF8}")
    assert status == 1
    assert watch.the("close")["code"] == 1007
    recorder.keep(take.of("node-no-utf8"), watch)


async def test_more_fragments_than_it_takes(start: Starter, recorder: Recorder, take: Take) -> None:
    """ws says 1008, with no reason."""
    most = take.one_of(3, 6, 9)
    server = start(NodeEndings, maxFragments=most)
    fragments = "018000000000" + "008000000000" * most
    watch, status = await run(server.url, "--do", f"{take.between(0.1, 0.8)} raw-frame {fragments}")
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["reason"], close["initiator"]) == (1008, "", "remote")
    recorder.keep(take.of("node-too-many-fragments"), watch)


async def test_binary_for_an_endpoint_of_text(spring: Spring, recorder: Recorder, take: Take) -> None:
    """Spring's SockJS over WebSocket takes text only."""
    url = spring.sockjs_url.removeprefix("stomp+")
    words = ("--sockjs-transport", "websocket", "--do", f"{take.between(0.1, 0.8)} raw-frame 82810000000041")
    watch, status = await run(url, *words)
    assert status == 1
    close = watch.the("close")
    assert (close["code"], close["initiator"]) == (1003, "remote")
    recorder.keep(take.of("spring-sockjs-binary"), watch)
