"""Servers started one at a time while other runs go on in the same event loop."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Concatenate, ParamSpec, TypeVar

from tests.servers.starting import Server, Starter

Options = ParamSpec("Options")
Kind = TypeVar("Kind", bound=Server)

_one_at_a_time = Lock()


async def up(
    start: Starter, kind: Callable[Concatenate[Path, Options], Kind], *args: Options.args, **options: Options.kwargs
) -> Kind:
    """Starts a server on this host."""

    def there() -> Kind:
        with _one_at_a_time:
            return start(kind, *args, **options)

    return await asyncio.to_thread(there)
