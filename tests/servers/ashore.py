"""Servers on the server host of a ``Routed``, started while other runs go on, and NAT boxes that answer by RST."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from threading import Lock
from typing import Concatenate, ParamSpec, TypeVar

from tests.servers.child import Daemon
from tests.servers.lines import open_doors
from tests.servers.routed import Host, Routed
from tests.servers.starting import Server, Starter

Options = ParamSpec("Options")
Kind = TypeVar("Kind", bound=Server)

_one_at_a_time = Lock()


async def begun(
    host: Host,
    start: Starter,
    kind: Callable[Concatenate[Path, Options], Kind],
    *args: Options.args,
    **options: Options.kwargs,
) -> Kind:
    """Starts a server on a host, on its loopback, and opens no door to it."""

    def there() -> Kind:
        with _one_at_a_time, host.inside():
            return start(kind, *args, **options)

    return await asyncio.to_thread(there)


def doors(hosts: Routed, *servers: Daemon) -> None:
    """Whoever comes to the ports of these servers gets in."""
    open_doors(hosts.server, *(server.port for server in servers))


def forgets(hosts: Routed, seconds: int, *, reset: bool = False) -> None:
    """The router forgets a flow that was quiet for so long; what comes on it then is swallowed, or answered by RST."""
    hosts.router.set(
        net__netfilter__nf_conntrack_tcp_timeout_established=seconds, net__netfilter__nf_conntrack_tcp_loose=0
    )
    hosts.router.wall(f"ct state invalid {'reject with tcp reset' if reset else 'drop'}", name="strict")


async def side_by_side(runs: Iterable[Coroutine[object, object, None]]) -> None:
    """Returns when all have ended; one that fails ends no other.

    Raises:
        ExceptionGroup: what failed.
    """
    ended = await asyncio.gather(*runs, return_exceptions=True)
    if failed := [one for one in ended if isinstance(one, Exception)]:
        raise ExceptionGroup("some runs failed", failed)
