"""The Bokeh plot of a report: empty glyphs and tools, as JSON that `Bokeh.embed` reads."""

from __future__ import annotations

from typing import Any

TIPS = [("at", "@where"), ("value", "@told"), ("simulations", "@counts"), ("again", "@command")]


def item(content: dict[str, Any], sentence: str) -> dict[str, Any]:
    """The plot for what `diagram.content` gathered; `sentence` describes it for those who do not see it."""
    from bokeh.core.types import ID
    from bokeh.embed import json_item
    from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, LinearColorMapper
    from bokeh.models.annotations import ColorBar, Legend, LegendItem
    from bokeh.palettes import Cividis256
    from bokeh.plotting import figure

    kind, shown = content["kind"], content["shown"]
    listed = kind == "points"
    coloured = kind == "map" or (listed and len(shown) == 2)
    mapper = LinearColorMapper(palette=list(Cividis256), low=0, high=1, nan_color="rgba(0,0,0,0)", name="mapper")
    names = [s if listed else content["axes"][s]["label"] for s in shown]
    plot = figure(
        height=520, sizing_mode="stretch_width", tools="pan,wheel_zoom,box_zoom,reset,save,tap", name="plot",
        x_axis_label=names[0], y_axis_label=names[1] if coloured else "", toolbar_location="above",
        active_scroll=None, output_backend="canvas",
    )  # fmt: skip
    plot.toolbar.logo = None
    tip: dict[str, list[Any]] = {"where": [], "told": [], "counts": [], "command": [], "index": []}

    keys: list[Any] = []

    def source(name: str, **columns: list[Any]) -> ColumnDataSource:
        return ColumnDataSource(columns, name=name)

    if kind == "map":
        cells = source("cells", left=[], right=[], bottom=[], top=[], value=[], fill=[], hatch=[], **tip)
        box: dict[str, Any] = {"left": "left", "right": "right", "bottom": "bottom", "top": "top", "source": cells}
        plot.quad(**box, fill_color="fill", line_color=None, hatch_pattern="hatch", hatch_color="#777777",
                  hatch_alpha=0.8, hatch_scale=8, nonselection_fill_alpha=1)  # fmt: skip
        drawn: Any = plot.quad(**box, line_color=None, fill_color={"field": "value", "transform": mapper},
                          nonselection_fill_alpha=1, selection_line_color="#d55e00")  # fmt: skip
        for span, axis in ((plot.x_range, shown[0]), (plot.y_range, shown[1])):
            ends = content["axes"][axis]["edges"]
            span.update(start=ends[0], end=ends[-1])  # theory may run beyond the map
    else:
        cells = source("cells", x=[], y=[], value=[], low=[], high=[], colour=[], label=[], **tip)
        curves = source("curves", xs=[], ys=[], colour=[])
        plot.segment(x0="x", x1="x", y0="low", y1="high", source=cells, line_color="colour", line_width=1.5)
        plot.multi_line(xs="xs", ys="ys", source=curves, line_color="colour", line_width=1)
        fill: Any = {"field": "value", "transform": mapper} if coloured else "colour"
        drawn = plot.scatter(x="x", y="y", source=cells, size=9 if coloured else 7, fill_color=fill,
                             line_color="colour", nonselection_fill_alpha=1)  # fmt: skip
        if kind == "lines" and len(shown) == 2:
            keys.append(drawn)
    theory = source("theory", xs=[], ys=[], label=[], dash=[], colour=[])
    if not listed:
        plot.multi_line(xs="xs", ys="ys", source=theory, line_color="white", line_width=4, line_alpha=0.7)
        keys.append(
            plot.multi_line(xs="xs", ys="ys", source=theory, line_color="colour", line_dash="dash", line_width=2)
        )
    if kind == "map":
        found = source("measured", x=[], y=[], x0=[], x1=[], y0=[], y1=[], label=[])
        plot.segment(x0="x0", x1="x1", y0="y0", y1="y1", source=found, line_color="#d55e00", line_width=2)
        look: dict[str, Any] = {"size": 7, "fill_color": "white", "line_color": "#d55e00", "line_width": 2}
        keys.append(plot.scatter(x="x", y="y", source=found, **look))
    if coloured:
        plot.add_layout(ColorBar(color_mapper=mapper, width=14, name="bar"), "right")
    for place, axis in zip(shown, (plot.xaxis, plot.yaxis) if kind == "map" else (plot.xaxis,), strict=False):
        about = content["axes"].get(place, {"numeric": True})
        if not about["numeric"]:
            axis.ticker = FixedTicker(ticks=about["places"])
            axis.major_label_overrides = dict(zip(about["places"], about["values"], strict=True))
            axis.major_label_orientation = 0.6
    items = [LegendItem(label={"field": "label"}, renderers=[r]) for r in keys]
    plot.add_layout(Legend(items=items, name="legend", orientation="horizontal", ncols=2), "below")
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=TIPS, name="hover"))
    return dict(json_item(plot, ID("plot")))


def library() -> str:
    """The script of Bokeh itself, so that the page needs no network. Its core alone: no widgets, no formulas."""
    from bokeh.resources import Resources

    return "\n".join(Resources(mode="inline", components=["bokeh"], minified=True, log_level="error").js_raw).replace(
        "</script", "<\\/script"
    )
