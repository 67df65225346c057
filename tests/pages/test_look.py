"""The shared look: contrast, headings, escaping, nothing from the network."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment, UndefinedError

from isinglass.pages import look

TEMPLATES = Path(look.__file__).parent / "templates"


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def page(**content: object) -> str:
    """A page of the shared look, made as `look.render` makes one."""
    child = "{% extends 'base.html.j2' %}{% block title %}{{ title }}{% endblock %}"
    child += "{% block main %}{{ text }}{% endblock %}"
    made = look._templates()
    both = Environment(autoescape=True, undefined=made.undefined)
    both.loader = DictLoader({"child": child, "base.html.j2": (TEMPLATES / "base.html.j2").read_text(encoding="utf-8")})
    return both.get_template("child").render(light=look.LIGHT, dark=look.DARK, **content)


def test_contrast_is_known() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known grey that just fails


@pytest.mark.parametrize("colours", [look.LIGHT, look.DARK], ids=["light", "dark"])
def test_text_is_legible_on_every_ground(colours: dict[str, str]) -> None:
    for text, ground in itertools.product(look.TEXTS, look.GROUNDS):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for ground in look.GROUNDS:
        assert contrast(colours["edge"], colours[ground]) >= 3, ground
    assert look.LIGHT.keys() == look.DARK.keys()


def test_every_variable_that_a_style_uses_is_declared() -> None:
    for path in TEMPLATES.glob("*.j2"):
        used = set(re.findall(r"var\(--([a-z]+)\)", path.read_text(encoding="utf-8")))
        assert used <= look.LIGHT.keys(), path.name


def test_text_is_escaped_and_a_missing_one_is_an_error() -> None:
    evil = "<script>alert(1)</script>"
    text = page(title=evil, text=evil)
    assert evil not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    with pytest.raises(UndefinedError):
        page(title="a page without its text")


def test_a_page_needs_no_network() -> None:
    found: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if name in ("src", "href"))

    text = page(title="t", text="x")
    Links().feed(text)
    assert all(value.startswith(("#", "data:")) for value in found), found
    assert "@import" not in text
    assert "url(" not in text
