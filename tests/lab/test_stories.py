"""Every story is data other parts can use as it is."""

from urllib.parse import urlsplit

import pytest

from tui.knowledge.catalogue import LANGUAGES, phrase
from tui.lab import stories
from tui.lab.errors import LabError
from tui.lab.faults import parse_query
from tui.lab.story import Story
from tui.options.spec import read_spec

URLS = {
    "stomp": "stomp+ws://127.0.0.1:1/stomp",
    "sockjs": "stomp+http://127.0.0.1:1/sockjs",
    "tcp": "stomp://127.0.0.1:2",
    "echo": "ws://127.0.0.1:1/echo",
    "sockjs_echo": "http://127.0.0.1:1/sockjs-echo",
}


@pytest.mark.parametrize("story", stories.STORIES.values(), ids=lambda story: story.id)
def test_a_storys_clients_are_session_tables(story: Story) -> None:
    specs = [read_spec(table) for table in story.sessions(URLS)]
    assert len({spec.name for spec in specs}) == len(specs) == 2
    for lang in LANGUAGES:
        assert phrase(story.title, lang)
        assert phrase(story.text, lang)


@pytest.mark.parametrize("story", stories.STORIES.values(), ids=lambda story: story.id)
def test_a_fault_in_a_storys_url_can_be_had(story: Story) -> None:
    for table in story.sessions(URLS):
        parse_query(urlsplit(table["url"]).query)


def test_the_stories_are_told_in_one_evening() -> None:
    assert len(stories.STORIES) >= 10
    assert next(iter(stories.STORIES)) == stories.DEFAULT
    assert max(len(name) for name in stories.STORIES) <= 16, "the column of demo --list"


def test_the_askers_story() -> None:
    alice, bob = (read_spec(table) for table in stories.find(stories.DEFAULT).sessions(URLS))
    assert (alice.name, bob.name) == ("alice", "bob")
    assert alice.url == bob.url == URLS["sockjs"]
    assert alice.beats == bob.beats == (2000, 2000)
    assert alice.schedule == []
    ((after, command),) = bob.schedule
    assert (after, command.verb, command.args) == (4.5, "throttle-beats", (60000,))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hiden-tab", "lab: no story is called “hiden-tab”; did you mean hidden-tab?"),
        ("Hidden-Tab", "lab: no story is called “Hidden-Tab”; did you mean hidden-tab?"),
        ("zzz", "lab: no story is called “zzz”; there are: hidden-tab, "),
    ],
)
def test_an_unknown_story_is_refused_in_one_line(given: str, said: str) -> None:
    with pytest.raises(LabError) as error:
        stories.find(given)
    assert phrase(error.value.key, "en", **error.value.args_).startswith(said)
