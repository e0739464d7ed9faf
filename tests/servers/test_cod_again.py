"""Programs that are held on another host, and words that resemble others."""

import pytest

from tests.servers.ashore import side_by_side
from tests.servers.between import says
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.test_cod_clocks import PINGS, worded
from tests.servers.test_cod_still import fastify_afar_is_held

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_all(start: Starter, recorder: Recorder) -> None:
    """Several at a time."""
    busy = says(1.0, 12)
    await side_by_side(
        (
            fastify_afar_is_held(start, recorder),
            worded(recorder, "cod-afar-only-one-session-4010", 4010, "only one active session per user", 3.3, do=busy),
            worded(recorder, "cod-afar-token-expired-4401", 4401, "TokenExpiredError: jwt expired", 3.8, **PINGS),
            worded(recorder, "cod-afar-idle-players-leave-4006", 4006, "AFK", 4.6, do=["0.4 send hello"]),
            worded(recorder, "cod-afar-match-timeout-4012", 4012, "match timeout: no opponent found", 3.5, do=busy),
        )
    )
