"""From a name to a socket: what does not resolve, does not listen, or answers at the second address only."""

import socket

import pytest

from tests.probing import run
from tests.servers.ports import free_ports
from tests.serving import LOOPBACK, echo, serving


async def test_a_name_that_does_not_exist() -> None:
    watch, status = await run("ws://nosuchhost.invalid/")
    assert status == 3
    resolved, end, close = watch.the("resolved"), watch.the("end"), watch.the("close")
    assert (resolved["host"], resolved["addresses"]) == ("nosuchhost.invalid", [])
    assert resolved["error"].startswith("EAI_")
    assert (end["how"], end["phase"], end["errno"]) == ("dns", "dns", resolved["error"])
    assert (close["initiator"], close["age"], close["code"]) == ("none", None, 1006)
    assert not watch.of("tcp")


async def test_nobody_listens() -> None:
    (port,) = free_ports(1)
    watch, status = await run(f"ws://{LOOPBACK}:{port}/")
    assert status == 3
    tcp, end = watch.the("tcp"), watch.the("end")
    assert (tcp["role"], tcp["errno"], tcp["remote"], tcp["local"]) == (
        "attempt", "ECONNREFUSED", f"{LOOPBACK}:{port}", None,
    )  # fmt: skip
    assert (end["how"], end["phase"], end["errno"]) == ("refused", "tcp", "ECONNREFUSED")
    assert watch.the("close")["initiator"] == "none"


async def test_a_backlog_that_is_full_meets_the_open_timeout() -> None:
    with socket.create_server((LOOPBACK, 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        watch, status = await run(f"ws://{LOOPBACK}:{address[1]}/", "--open-timeout", "0.4")
        for one in waiting:
            one.close()
    end = watch.the("end")
    assert (status, end["how"], end["phase"], end["detail"]) == (3, "timeout", "tcp", "open-timeout")


async def test_the_second_address_is_tried() -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)}
    async with serving(echo) as url:
        watch, status = await run(url.replace(LOOPBACK, "localhost"), "--do", "0 close")
    assert status == 0
    assert set(watch.the("resolved")["addresses"]) == addresses
    assert watch.the("tcp", role="main")["remote"] == url[5:-1]
    for attempt in watch.of("tcp", role="attempt"):
        assert attempt["errno"] == "ECONNREFUSED"


@pytest.mark.parametrize("option", ["--connect-to"])
async def test_connect_to_another_address_than_the_urls(option: str) -> None:
    async with serving(echo) as url:
        watch, status = await run("ws://nosuchhost.invalid/", option, url[5:-1], "--do", "0 close")
    assert status == 0
    assert watch.the("tcp")["remote"] == url[5:-1]
    host = [value for name, value in watch.of("http", dir="out")[0]["headers"] if name == "Host"]
    assert host == ["nosuchhost.invalid"]


async def test_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", 0))
        port = listener.getsockname()[1]
    watch, _ = await run(f"ws://[::1]:{port}/")
    assert watch.the("tcp")["remote"] == f"[::1]:{port}"
