"""An ASGI application for uvicorn. What it hears over a WebSocket is what it does.

``close CODE [REASON]``, ``raise``, ``return`` (the callable ends without a close), ``block SECONDS`` (the event loop
stands still), ``exit`` (the process ends), ``pid`` (it says which process serves this client); anything else comes
back. On the paths /refuse, /raise and /deny it does not let the client in: by ``websocket.close``, by failing, by a
response of its own. It imports nothing of anybody's, so that it runs anywhere; ``uvicorn.py`` and ``asgi_hosts.py``
start it.
"""

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

Event = dict[str, Any]


async def application(
    scope: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]
) -> None:
    """One connection."""
    if scope["type"] == "lifespan":
        for done in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{done}.complete"})
        return
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"Not Found"})
        return
    await receive()
    match scope["path"]:
        case "/refuse":
            await send({"type": "websocket.close", "code": 1008})
            return
        case "/raise":
            raise RuntimeError("no way to the database")
        case "/deny":
            await send({"type": "websocket.http.response.start", "status": 402, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b"Payment Required"})
            return
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        message: str = event.get("text") or ""
        match message.split(" ", 2):
            case ["close", code, *reason]:
                await send({"type": "websocket.close", "code": int(code), "reason": "".join(reason)})
            case ["raise"]:
                raise RuntimeError(message)
            case ["return"]:
                return
            case ["block", seconds]:
                time.sleep(float(seconds))  # noqa: ASYNC251 - this is the fault
            case ["exit"]:
                os._exit(3)
            case ["pid"]:
                await send({"type": "websocket.send", "text": str(os.getpid())})
            case _:
                await send({"type": "websocket.send", "text": message})
