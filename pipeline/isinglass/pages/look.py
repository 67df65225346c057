"""The look of all pages: their colours in light and dark, and the one way to fill a template.

A page extends `base.html.j2`. A template that needs a colour writes `var(--ink)`; drawn things (canvas, Bokeh) read the
variable, and draw again at the event `theme` of the document.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

LIGHT = {
    "paper": "#ffffff",
    "surface": "#f2f5f8",
    "ink": "#18212c",
    "muted": "#4d5967",
    "line": "#ccd4dd",
    "edge": "#6f7c8a",
    "accent": "#0a5a99",
    "good": "#1b662f",
    "warn": "#7d4f00",
    "bad": "#ab1f19",
    "pending": "#ffffff",
    "failed": "#d6453d",
    "skipped": "#aab4bf",
}
DARK = {
    "paper": "#11161c",
    "surface": "#1b222b",
    "ink": "#e7ebf0",
    "muted": "#aab5c2",
    "line": "#38434f",
    "edge": "#8592a0",
    "accent": "#83bcff",
    "good": "#78d193",
    "warn": "#f0bd68",
    "bad": "#ff988f",
    "pending": "#11161c",
    "failed": "#f2695f",
    "skipped": "#4b5763",
}
GROUNDS = ("paper", "surface")
TEXTS = ("ink", "muted", "accent", "good", "warn", "bad")
"""Colours of text: each has a contrast of at least 4.5 : 1 with each of the GROUNDS; `edge`, of controls, 3 : 1."""


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("isinglass.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"allow_nan": False}  # JSON has no NaN; keys keep their order, as Bokeh needs
    return made


def render(template: str, **content: Any) -> str:
    """A page from a template of `pages/templates`. Text in `content` is escaped; what is HTML comes as `Markup`."""
    return _templates().get_template(template).render(light=LIGHT, dark=DARK, **content)
