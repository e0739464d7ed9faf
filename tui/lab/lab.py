"""A whole lab, running: broker, driver, listeners and tickers. ``serve`` and the tests start it."""

import asyncio
import errno
import itertools
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tui.knowledge.catalogue import Language
from tui.lab import tcp_listener, websocket_listener
from tui.lab.broker import Broker
from tui.lab.driver import Driver
from tui.lab.errors import LabError
from tui.lab.policy import Policy
from tui.lab.prices import price
from tui.lab.rejection import Rejected
from tui.lab.story import Ticker
from tui.lab.websocket_listener import ECHO_PATH, SOCKJS_ECHO_PATH, SOCKJS_PATH, STOMP_PATH

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def running(
    policy: Policy | None = None, *, tickers: tuple[Ticker, ...] = (), port: int = 0, lang: Language = "en"
) -> AsyncIterator[Mapping[str, str]]:
    """A lab on loopback while the context lasts; gives its URLs: ``stomp``, ``sockjs``, ``tcp``, ``echo`` and
    ``sockjs_echo``.

    Args:
        port: the WebSocket's; 0 for any free one. TCP has a free one of its own.

    Raises:
        LabError: the port cannot be listened on.
    """
    if not 0 <= port <= 65535:
        raise LabError("lab.bad_port", port=port)
    policy = policy or Policy()
    driver = Driver(Broker(policy, epoch=time.time() - asyncio.get_running_loop().time()))
    async with AsyncExitStack() as stack:
        try:
            listening = websocket_listener.listening(driver, policy, LOOPBACK, port, lang)
            bound = await stack.enter_async_context(listening)
            tcp = await stack.enter_async_context(tcp_listener.listening(driver, LOOPBACK))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise LabError("lab.port_in_use", port=port) from None
            raise LabError("lab.cannot_listen", port=port, error=error.strerror or str(error)) from None
        stack.callback(driver.stop)
        stack.push_async_callback(_stop, [asyncio.create_task(_tick(driver, ticker)) for ticker in tickers])
        yield {
            "stomp": f"stomp+ws://{LOOPBACK}:{bound}{STOMP_PATH}",
            "sockjs": f"stomp+http://{LOOPBACK}:{bound}{SOCKJS_PATH}",
            "tcp": f"stomp://{LOOPBACK}:{tcp}",
            "echo": f"ws://{LOOPBACK}:{bound}{ECHO_PATH}",
            "sockjs_echo": f"http://{LOOPBACK}:{bound}{SOCKJS_ECHO_PATH}",
        }


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _tick(driver: Driver, ticker: Ticker) -> None:
    for number in itertools.count(1):
        await asyncio.sleep(ticker.every)
        with suppress(Rejected):  # nobody empties a queue
            driver.publish(ticker.destination, price(number), [("content-type", "application/json")])
