"""SockJS's transports, for tests that hold over every one of them."""

import pytest

over_all_transports = pytest.mark.parametrize("transport", ["websocket", "xhr-streaming", "xhr-polling"])
