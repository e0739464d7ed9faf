from typing import get_args

import pytest
from textual.app import App
from textual.theme import BUILTIN_THEMES

from tui.screens import themes
from tui.view.lines import ROLES, Role
from tui.widgets.palette import role_styles, role_variable


@pytest.mark.parametrize("theme", [theme.name for theme in themes.ours()])
def test_our_themes_know_every_role(theme: str) -> None:
    [found] = [each for each in themes.ours() if each.name == theme]
    assert {role_variable(role) for role in ROLES} <= set(found.variables)


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
async def test_every_theme_of_the_library_can_be_used(name: str) -> None:
    app: App[None] = App()
    async with app.run_test():
        app.theme = name
        assert set(role_styles(app.theme_variables)) == set(get_args(Role))
