"""A whole lab, running: broker, driver, listeners and tickers. ``serve`` and the tests start it."""

import asyncio
import errno
import itertools
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from websockets.asyncio.server import Server

from tui.knowledge.catalogue import Language
from tui.lab.broker import Broker
from tui.lab.driver import Driver
from tui.lab.errors import LabError
from tui.lab.policy import Policy
from tui.lab.prices import price
from tui.lab.stories import Ticker
from tui.lab.websocket_listener import ECHO_PATH, STOMP_PATH, listen

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def running(
    policy: Policy | None = None, *, tickers: tuple[Ticker, ...] = (), port: int = 0, lang: Language = "en"
) -> AsyncIterator[Mapping[str, str]]:
    """A lab on loopback while the context lasts; gives its URLs, ``stomp`` and ``echo``.

    Args:
        port: 0 for any free one.

    Raises:
        LabError: the port cannot be listened on.
    """
    driver = Driver(Broker(policy))
    server = await _listen(driver, port, lang)
    ticking = [asyncio.create_task(_tick(driver, ticker)) for ticker in tickers]
    bound = _port(server)
    try:
        yield {
            "stomp": f"stomp+ws://{LOOPBACK}:{bound}{STOMP_PATH}",
            "echo": f"ws://{LOOPBACK}:{bound}{ECHO_PATH}",
        }
    finally:
        for task in ticking:
            task.cancel()
        await asyncio.gather(*ticking, return_exceptions=True)
        server.close()  # 1001 to every client
        await server.wait_closed()
        driver.stop()


async def _listen(driver: Driver, port: int, lang: Language) -> Server:
    if not 0 <= port <= 65535:
        raise LabError("lab.bad_port", port=port)
    try:
        return await listen(driver, LOOPBACK, port, lang)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise LabError("lab.port_in_use", port=port) from None
        raise LabError("lab.cannot_listen", port=port, error=error.strerror or str(error)) from None


def _port(server: Server) -> int:
    raw: socket.socket = next(iter(server.sockets))
    port: int = raw.getsockname()[1]
    return port


async def _tick(driver: Driver, ticker: Ticker) -> None:
    for number in itertools.count(1):
        await asyncio.sleep(ticker.every)
        driver.publish(ticker.destination, price(number), [("content-type", "application/json")])
