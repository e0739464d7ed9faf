"""Services on Node that tell their clients why they go: logins, tokens, rates, idle rules, deploys."""

import pytest

from tests.probing import seen
from tests.servers.between import says
from tests.servers.pond import run, told
from tests.servers.recordings import Recorder
from tests.servers.roach import shop_afar
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_schema_is_not_met(start: Starter, recorder: Recorder) -> None:
    """A message that is no JSON of theirs: 4400 and what is wrong with it; one of two on another host."""
    with shop_afar(start) as (hosts, shop):

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "bad", dir="in", opcode=1, text='{"qty":"three"}')
            shop.tell("say", "bad", text='{"error":"qty: expected number, received string"}')
            shop.ends([4400, "invalid message: qty: expected number"], "bad")

        tables = {
            "good": shop.of("good", *says(1.1, 7, 'send {"qty":3}')),
            "bad": shop.of("bad", '0.8 send {"qty":3}', '2.4 send {"qty":"three"}'),
        }
        watch = await run(tables, "bad", strike=strike, on=hosts.client.words)
    told(watch, 4400, "bad")
    recorder.keep("roach-afar-invalid-message-4400", watch)
