"""The small JSON messages that tick in the lab: made-up prices, the same ones in every run."""

import json
import math

SYMBOLS = ("WHO", "OPS")


def price(number: int) -> bytes:
    """The ``number``-th message, from 1."""
    symbol = SYMBOLS[number % len(SYMBOLS)]
    value = round(100 + 5 * math.sin(number / 3) + 0.01 * number, 2)
    return json.dumps({"symbol": symbol, "price": value, "n": number}, separators=(",", ":")).encode()
