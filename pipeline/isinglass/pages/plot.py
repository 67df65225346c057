"""The Bokeh plot of a report: empty glyphs and tools, as JSON that `Bokeh.embed` reads."""

from __future__ import annotations

from typing import Any

TIPS = [("at", "@where"), ("value", "@told"), ("simulations", "@counts"), ("again", "@command")]


def item(content: dict[str, Any], sentence: str) -> dict[str, Any]:
    """The plot for what `diagram.content` gathered; `sentence` describes it for those who do not see it."""
    from bokeh.core.types import ID
    from bokeh.embed import json_item
    from bokeh.models import (
        ColumnDataSource,
        DataRange1d,
        FixedTicker,
        Grid,
        HoverTool,
        LinearColorMapper,
        LogAxis,
        LogScale,
    )
    from bokeh.models.annotations import ColorBar, Legend, LegendItem
    from bokeh.palettes import Cividis256
    from bokeh.plotting import figure

    kind, shown = content["kind"], content["shown"]
    listed = kind == "points"
    coloured = kind == "map" or (listed and len(shown) == 2)
    mapper = LinearColorMapper(palette=list(Cividis256), low=0, high=1, nan_color="rgba(0,0,0,0)", name="mapper")
    names = [content["labels"].get(s, s) if listed else content["axes"][s]["label"] for s in shown]
    plot = figure(
        height=520, sizing_mode="stretch_width", tools="pan,wheel_zoom,box_zoom,reset,save,tap", name="plot",
        x_axis_label=names[0], y_axis_label=names[1] if coloured else "", toolbar_location="above",
        active_scroll=None, output_backend="canvas", x_axis_type="log" if shown[0] in content["log"] else "linear",
        y_axis_type="log" if coloured and shown[-1] in content["log"] else "linear",
    )  # fmt: skip
    plot.toolbar.logo = None
    tip: dict[str, list[Any]] = {"where": [], "told": [], "counts": [], "command": [], "index": []}

    keys: list[Any] = []
    dots: list[Any] = []
    ranges = ["default"]

    def source(name: str, **columns: list[Any]) -> ColumnDataSource:
        return ColumnDataSource(columns, name=name)

    if kind == "map":
        cells = source("cells", left=[], right=[], bottom=[], top=[], value=[], **tip)
        empty = source("empty", left=[], right=[], bottom=[], top=[], fill=[], hatch=[])
        box: dict[str, Any] = {"left": "left", "right": "right", "bottom": "bottom", "top": "top"}
        plot.quad(**box, source=empty, fill_color="fill", line_color=None, hatch_pattern="hatch", hatch_color="#777777",
                  hatch_alpha=0.8, hatch_scale=8)  # fmt: skip
        shade: Any = {"field": "value", "transform": mapper}  # lines of the same colour close the seams between cells
        drawn: Any = plot.quad(**box, source=cells, line_color=shade, line_width=1, fill_color=shade,
                          nonselection_fill_alpha=1, selection_line_color="#d55e00")  # fmt: skip
        for span, axis in ((plot.x_range, shown[0]), (plot.y_range, shown[1])):
            ends = content["axes"][axis]["edges"]
            span.update(start=ends[0], end=ends[-1])  # theory may run beyond the map
    else:
        cells = source("cells", x=[], y=[], value=[], low=[], high=[], colour=[], label=[], **tip)
        curves = source("curves", xs=[], ys=[], colour=[])
        if kind == "lines" and any(v["name"] in content["log"] for v in content["variables"]):
            ranges.append("log")  # a second y axis on the same data: the script shows one of the two
            plot.extra_y_ranges, plot.extra_y_scales = {"log": DataRange1d(name="range-log")}, {"log": LogScale()}
            upright = LogAxis(y_range_name="log", visible=False, name="axis-log")
            plot.add_layout(upright, "left")
            plot.add_layout(Grid(axis=upright, y_range_name="log", dimension=1, visible=False, name="grid-log"))
        fill: Any = {"field": "value", "transform": mapper} if coloured else "colour"
        for on in ranges:
            plot.segment(x0="x", x1="x", y0="low", y1="high", source=cells, line_color="colour", line_width=1.5,
                         y_range_name=on)  # fmt: skip
            plot.multi_line(xs="xs", ys="ys", source=curves, line_color="colour", line_width=1, y_range_name=on)
            drawn = plot.scatter(x="x", y="y", source=cells, size=9 if coloured else 7, fill_color=fill,
                                 line_color="colour", nonselection_fill_alpha=1, y_range_name=on)  # fmt: skip
            dots.append(drawn)
            if kind == "lines" and len(shown) == 2:
                keys.append(drawn)
    theory = source("theory", xs=[], ys=[], label=[], dash=[], colour=[], halo=[])
    if not listed:
        ways: dict[str, Any] = {"xs": "xs", "ys": "ys", "source": theory}
        for on in ranges:
            plot.multi_line(**ways, line_color="halo", line_width=4, line_alpha=0.7, y_range_name=on)
            keys.append(plot.multi_line(**ways, line_color="colour", line_dash="dash", line_width=2, y_range_name=on))
    if kind == "map":
        found = source("measured", x=[], y=[], x0=[], x1=[], y0=[], y1=[], label=[])
        plot.segment(x0="x0", x1="x1", y0="y0", y1="y1", source=found, line_color="#d55e00", line_width=2)
        look: dict[str, Any] = {"size": 7, "fill_color": "white", "line_color": "#d55e00", "line_width": 2}
        keys.append(plot.scatter(x="x", y="y", source=found, **look))
    if coloured:
        plot.add_layout(ColorBar(color_mapper=mapper, width=14, name="bar"), "right")
    for place, axis in zip(shown, (plot.xaxis, plot.yaxis) if kind == "map" else (plot.xaxis,), strict=False):
        about = content["axes"].get(place, {"numeric": True})
        if place in content["log"] and len(about["places"]) <= 8:
            axis.ticker = FixedTicker(ticks=about["places"], minor_ticks=[])
            axis.major_label_overrides = dict(zip(about["places"], map("{:.4g}".format, about["places"]), strict=True))
        if not about["numeric"]:
            axis.ticker = FixedTicker(ticks=about["places"])
            axis.major_label_overrides = dict(zip(about["places"], about["values"], strict=True))
            axis.major_label_orientation = 0.6
    items = [LegendItem(label={"field": "label"}, renderers=[r]) for r in keys]
    plot.add_layout(Legend(items=items, name="legend", orientation="horizontal", ncols=2), "below")
    for glyph in plot.renderers:
        glyph.name = f"scale-{glyph.y_range_name}"
    plot.add_tools(HoverTool(renderers=dots or [drawn], tooltips=TIPS, name="hover"))
    return dict(json_item(plot, ID("plot")))


def library() -> str:
    """The script of Bokeh itself, so that the page needs no network. Its core alone: no widgets, no formulas."""
    from bokeh.resources import Resources

    return "\n".join(Resources(mode="inline", components=["bokeh"], minified=True, log_level="error").js_raw).replace(
        "</script", "<\\/script"
    )
