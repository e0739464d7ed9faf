"""sockjs-tornado with a program that ends its clients as they tell it.

    python sockjstornadod.py HOST PORT OPTIONS

OPTIONS: sockjs-tornado's own, such as ``heartbeat_delay``, ``disconnect_delay`` (s) and ``disabled_transports``. The
message ``close`` ends the speaker as its program does, ``close CODE REASON`` with a code of its own; anything else
comes back. SIGTERM ends the process.
"""

import asyncio
import json
import signal
import sys

from sockjs.tornado import SockJSConnection, SockJSRouter
from tornado.web import Application


class Connection(SockJSConnection):  # type: ignore[misc]
    """What a client says it says back."""

    def on_message(self, message: str) -> None:
        """A message of the client's."""
        word, *rest = message.split(" ", 2)
        if word != "close":
            self.send(message)
        elif rest:
            self.session.close(int(rest[0]), rest[1])
        else:
            self.close()


async def main(host: str, port: int, options: dict[str, object]) -> None:
    """Serves until SIGTERM."""
    router = SockJSRouter(Connection, "/echo", options)
    Application(router.urls).listen(port, host)
    print("up", flush=True)  # noqa: T201
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])))
