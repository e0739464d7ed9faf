"""Every story is data other parts can use as it is."""

import pytest

from tui.knowledge.catalogue import LANGUAGES, phrase
from tui.lab import stories
from tui.lab.errors import LabError
from tui.options.spec import read_spec

URLS = {"stomp": "stomp+ws://127.0.0.1:1/stomp", "echo": "ws://127.0.0.1:1/echo"}


@pytest.mark.parametrize("story", stories.STORIES.values(), ids=lambda story: story.id)
def test_a_storys_clients_are_session_tables(story: stories.Story) -> None:
    specs = [read_spec(table) for table in story.sessions(URLS)]
    assert len({spec.name for spec in specs}) == len(specs) == 2
    for lang in LANGUAGES:
        assert phrase(story.title, lang)
        assert phrase(story.text, lang)


def test_the_askers_story() -> None:
    alice, bob = (read_spec(table) for table in stories.find(stories.DEFAULT).sessions(URLS))
    assert (alice.name, bob.name) == ("alice", "bob")
    assert alice.url == bob.url == URLS["stomp"]
    assert alice.beats == bob.beats == (2000, 2000)
    assert alice.schedule == []
    ((after, command),) = bob.schedule
    assert (after, command.verb, command.args) == (4.5, "throttle-beats", (60000,))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hiden-tab", "lab: no story is called “hiden-tab”; did you mean hidden-tab?"),
        ("Hidden-Tab", "lab: no story is called “Hidden-Tab”; did you mean hidden-tab?"),
        ("zzz", "lab: no story is called “zzz”; there are: "),
    ],
)
def test_an_unknown_story_is_refused_in_one_line(given: str, said: str) -> None:
    with pytest.raises(LabError) as error:
        stories.find(given)
    assert phrase(error.value.key, "en", **error.value.args_).startswith(said)
