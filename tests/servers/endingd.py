"""python-websockets in a program that ends its clients: ``python endingd.py HOST PORT OPTIONS``.

What it hears is what it does: ``close CODE [REASON]``, ``raise`` (its handler fails), ``return`` (its handler is done),
``abort`` (TCP ends without a word), ``stall CODE SECONDS`` (its Close, and then the event loop stands still),
``exit`` (its process ends). Anything else comes back. SIGTERM closes every client with 1001. OPTIONS, as JSON:
``answers`` (a status and headers by path, instead of the 101), ``fails`` (a path where its ``process_request`` does)
and the library's own. It imports nothing of this project; ``python.py`` starts it as a child.
"""

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response


async def obey(client: ServerConnection) -> None:
    """Does what it hears."""
    with suppress(ConnectionClosed):
        async for message in client:
            match str(message).split(" ", 2):
                case ["close", code, *reason]:
                    await client.close(int(code), "".join(reason))
                case ["raise"]:
                    raise RuntimeError(message)
                case ["return"]:
                    return
                case ["abort"]:
                    client.transport.abort()
                case ["stall", code, seconds]:
                    closing = asyncio.create_task(client.close(int(code)))
                    await asyncio.sleep(0)  # its Close is on its way
                    time.sleep(float(seconds))  # noqa: ASYNC251 - this is the fault
                    await closing
                case ["exit"]:
                    os._exit(1)
                case _:
                    await client.send(message)


async def main(host: str, port: str, given: str) -> None:
    """Serves until it is told to end."""
    options: dict[str, Any] = json.loads(given)
    answers, fails = options.pop("answers", {}), options.pop("fails", None)

    def process_request(client: ServerConnection, request: Request) -> Response | None:
        if request.path == fails:
            raise RuntimeError(request.path)
        if request.path not in answers:
            return None
        status, headers = answers[request.path]
        response = client.respond(HTTPStatus(status), f"{HTTPStatus(status).phrase}\n")
        response.headers.update(headers)
        return response

    async with serve(obey, host, int(port), process_request=process_request, **options) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        sys.stdout.write("up\n")
        sys.stdout.flush()
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
