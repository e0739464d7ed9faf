"""Happy eyeballs: the order, the stagger, and a fact for every attempt."""

import asyncio
import socket
from typing import Any

import pytest

from tests.servers.ports import free_ports
from tests.serving import LOOPBACK
from tui.facts import facts
from tui.probe.dialling import DialError
from tui.probe.eyeballs import STAGGER, Candidate, first_to_connect, in_order


def candidate(host: str, port: int) -> Candidate:
    entry = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]
    return Candidate(*entry)


class Said(list[dict[str, Any]]):
    def __call__(self, kind: type[facts.Fact], **fields: Any) -> None:
        assert kind is facts.Tcp
        self.append(fields)


class Full:
    """An address whose backlog is full: an attempt at it goes on and on."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0), backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self._waiting = [socket.socket() for _ in range(3)]
        for one in self._waiting:
            one.setblocking(False)
            one.connect_ex((LOOPBACK, self.port))

    def close(self) -> None:
        for one in (self._listener, *self._waiting):
            one.close()


def test_ipv6_first_and_the_families_in_turns() -> None:
    found = [candidate(host, 1) for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1", "::2")]
    assert [one.address[0] for one in in_order(found)] == ["::1", "127.0.0.1", "::2", "127.0.0.2", "127.0.0.3"]


async def test_the_next_begins_at_once_where_one_fails() -> None:
    (closed,) = free_ports(1)
    said = Said()
    with socket.create_server((LOOPBACK, 0)) as listener:
        open_ = listener.getsockname()[1]
        sock = await first_to_connect([candidate(LOOPBACK, closed), candidate(LOOPBACK, open_)], said, "info")
        assert sock.getpeername() == (LOOPBACK, open_)
        sock.close()
    assert [(one["role"], one.get("errno")) for one in said] == [("attempt", "ECONNREFUSED"), ("info", None)]
    assert said[1]["ms"] < STAGGER * 1000


async def test_a_slow_address_is_overtaken_and_says_so() -> None:
    full, said = Full(), Said()
    with socket.create_server((LOOPBACK, 0)) as listener:
        started = asyncio.get_running_loop().time()
        sock = await first_to_connect(
            [candidate(LOOPBACK, full.port), candidate(LOOPBACK, listener.getsockname()[1])], said, "main"
        )
        assert asyncio.get_running_loop().time() - started >= STAGGER
        sock.close()
    full.close()
    assert [(one["role"], one.get("errno")) for one in said] == [("main", None), ("attempt", "ECANCELED")]
    assert said[1]["ms"] >= STAGGER * 1000


async def test_attempts_that_the_open_timeout_ends_are_facts() -> None:
    full, said = Full(), Said()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(STAGGER * 1.5):
            await first_to_connect([candidate(LOOPBACK, full.port)] * 2, said, "main")
    full.close()
    assert [(one["role"], one["errno"]) for one in said] == [("attempt", "ECANCELED")] * 2


async def test_where_none_connects_the_last_error_counts() -> None:
    (closed,) = free_ports(1)
    said = Said()
    with pytest.raises(DialError) as caught:
        await first_to_connect([candidate(LOOPBACK, closed)] * 2, said, "main")
    assert (caught.value.how, caught.value.errno, len(said)) == ("refused", "ECONNREFUSED", 2)
