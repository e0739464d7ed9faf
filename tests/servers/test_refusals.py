"""Sessions that never open, or are told at once why not: what stands in the way, and what the verdict makes of it."""

import datetime
import os
import signal
from pathlib import Path

import pytest

from tests.probing import run
from tests.servers import certificates
from tests.servers.nginx import Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonWs
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = pytest.mark.real

LOGIN = ("--login", "guest", "--passcode", "guest", "--vhost", "/", "--open-timeout", "2")
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def cause(watch: Watch) -> str:
    """The first cause of the last verdict."""
    return str(watch.of("verdict")[-1]["cause"])


@pytest.mark.parametrize(
    ("name", "rule", "expected"),
    [
        ("404", "return 404", "not-found"),
        ("403", "deny all", "forbidden"),
        ("401", "return 401", "auth-failed"),
        ("429", "return 429", "rate-limited"),
        ("301", "return 301 https://shop.example$request_uri", "redirect"),
        ("503", "return 503", "server-unavailable"),
        ("200", "return 200 hello", "not-websocket"),
    ],
)
async def test_nginx_answers_the_upgrade_itself(
    echo_port: int, start: Starter, recorder: Recorder, name: str, rule: str, expected: str
) -> None:
    nginx = start(Nginx, echo_port, rules=f"location /feed {{ {rule}; }}")
    watch, status = await run(f"ws://{LOOPBACK}:{nginx.port}/feed")
    assert status == 3
    assert watch.the("http", dir="in")["status"] == int(name)
    recorder.keep(f"nginx-{name}", watch)
    assert cause(watch) == expected


async def test_nginx_waits_in_vain_for_who_is_behind_it(start: Starter, recorder: Recorder) -> None:
    server = start(PythonWs)
    nginx = start(Nginx, server.port, 1)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        watch, status = await run(f"ws://{LOOPBACK}:{nginx.port}/")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert status == 3
    assert watch.the("http", dir="in")["status"] == 504
    recorder.keep("nginx-504", watch)
    assert cause(watch) == "upstream-timeout"


async def test_more_headers_than_nginx_takes(echo_port: int, start: Starter, recorder: Recorder) -> None:
    nginx = start(Nginx, echo_port)
    watch, status = await run(f"ws://{LOOPBACK}:{nginx.port}/", "-H", f"X-Trace: {'x' * 40_000}")
    assert status == 3
    recorder.keep("nginx-headers-too-big", watch)
    assert cause(watch) == "headers-too-big"


@pytest.mark.parametrize(
    ("name", "names", "from_", "until", "expected"),
    [
        ("expired", (), NOW - 30 * DAY, NOW - 2 * DAY, "tls-cert-expired"),
        ("not-yet-valid", (), NOW + 2 * DAY, NOW + 30 * DAY, "tls-cert-not-yet-valid"),
        ("other-host", ("shop.example",), None, None, "tls-hostname-mismatch"),
    ],
)
async def test_a_certificate_that_does_not_hold(
    echo_port: int,
    start: Starter,
    recorder: Recorder,
    tmp_path: Path,
    name: str,
    names: tuple[str, ...],
    from_: datetime.datetime | None,
    until: datetime.datetime | None,
    expected: str,
) -> None:
    certificate = certificates.issue(tmp_path, *names, not_before=from_, not_after=until)
    nginx = start(Nginx, echo_port, certificate=certificate)
    watch, status = await run(f"wss://localhost:{nginx.port}/", "--cacert", str(certificate.ca))
    assert status == 3
    recorder.keep(f"nginx-tls-{name}", watch)
    assert cause(watch) == expected


async def test_tls_to_a_port_that_speaks_none(echo_port: int, start: Starter, recorder: Recorder) -> None:
    nginx = start(Nginx, echo_port)
    watch, status = await run(f"wss://localhost:{nginx.port}/")
    assert status == 3
    recorder.keep("nginx-no-tls", watch)
    assert cause(watch) == "tls-not-spoken"


async def test_a_port_where_another_protocol_waits_for_its_own_words(broker: RabbitMq, recorder: Recorder) -> None:
    """RabbitMQ's STOMP port takes the upgrade for a frame and waits for its NUL (80 of 80 runs): not a byte comes."""
    watch, status = await run(f"ws://{LOOPBACK}:{broker.stomp_port}/", "--open-timeout", "2")
    assert status == 3
    recorder.keep("rabbitmq-websocket-to-stomp-port", watch)
    assert cause(watch) == "handshake-timeout"


async def test_a_port_where_another_protocol_answers(broker: RabbitMq, recorder: Recorder) -> None:
    watch, status = await run(f"ws://{LOOPBACK}:{broker.amqp_port}/", "--open-timeout", "2")
    assert status == 3
    recorder.keep("rabbitmq-websocket-to-amqp-port", watch)
    assert cause(watch) == "wrong-port"


async def test_a_name_nobody_knows(recorder: Recorder) -> None:
    watch, status = await run("ws://shop.invalid/feed")
    assert status == 3
    recorder.keep("dns-nobody", watch)
    assert cause(watch) == "dns-failure"


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("no-such-vhost", (*LOGIN[:4], *LOGIN[6:], "--vhost", "nowhere"), "vhost-not-found"),
        ("no-common-version", (*LOGIN, "--connect-header", "accept-version: 3.0"), "version-mismatch"),
    ],
)
async def test_rabbitmq_says_what_it_does_not_have(
    broker: RabbitMq, recorder: Recorder, name: str, args: tuple[str, ...], expected: str
) -> None:
    watch, status = await run(broker.url, *args)
    assert status == 3
    assert watch.of("stomp", command="ERROR")
    recorder.keep(f"rabbitmq-{name}", watch)
    assert cause(watch) == expected


async def test_text_that_is_no_utf_8(start: Starter, recorder: Recorder) -> None:
    server = start(PythonWs)
    watch, status = await run(server.url, "--do", "0.1 raw-frame 818200000000c328")
    assert status == 1
    assert watch.the("close")["code"] == 1007
    recorder.keep("python-ws-no-utf8", watch)
    assert cause(watch) == "invalid-utf8"


async def test_a_server_that_hangs_before_its_101(start: Starter, recorder: Recorder) -> None:
    server = start(PythonWs)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        watch, status = await run(server.url, "--open-timeout", "2")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert status == 3
    recorder.keep("python-ws-frozen-before-the-upgrade", watch)
    assert cause(watch) in ("handshake-timeout", "server-freeze")


async def test_we_abort(start: Starter, recorder: Recorder) -> None:
    server = start(PythonWs)
    watch, _ = await run(server.url, "--do", "0.1 send hello", "--do", "0.3 abort")
    recorder.keep("python-ws-local-abort", watch)
    assert cause(watch) == "local-abort"
