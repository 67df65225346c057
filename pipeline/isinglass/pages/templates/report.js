(async () => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const all = read("content"), { kind, shown, over, axes } = all, logarithmic = new Set(all.log);
  const kinds = { f4: Float32Array, u4: Uint32Array };
  const unpack = ({ type, data }) => new kinds[type](Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
  const counts = Object.fromEntries(Object.entries(all.counts).map(([word, n]) => [word, unpack(n)]));
  for (const v of all.variables) { v.value = unpack(v.value); v.error = unpack(v.error); }
  const again = all.again && unpack(all.again);
  await Bokeh.embed.embed_item(read("item"), "plot");
  const model = (name) => Bokeh.documents.at(-1).get_model_by_name(name);
  const plot = model("plot"), logAxis = model("axis-log");
  const cells = model("cells"), empty = model("empty"), theory = model("theory"), measured = model("measured"), curves = model("curves");
  const mapper = model("mapper"), bar = model("bar");
  const palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#8a6d00", "#6a51a3", "#b2182b", "#1b7837", "#4d4d4d"];
  const dashes = ["solid", "dashed", "dotted", "dotdash"];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const quote = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\"'\"'") + "'";
  const listed = kind === "points", total = counts.done.length;

  // Controls: the variable, a value of each further axis; below the plot, the point to read.
  const choice = (parent, id, label, options) => {
    const box = document.createElement("label"), select = document.createElement("select");
    box.append(label); select.id = id;
    options.forEach((text, i) => select.add(new Option(text, i)));
    box.append(select); parent.append(box); parent.hidden = false;
    return select;
  };
  const controls = document.getElementById("controls"), pick = document.getElementById("pick"), at = document.getElementById("at"), undrawn = document.getElementById("undrawn");
  const variable = choice(controls, "variable", "Variable", all.variables.map((v) => v.name));
  const further = over.map((a) => choice(controls, "over-" + a, axes[a].label, axes[a].values));
  const picks = listed
    ? [choice(pick, "pick-point", "Point", Array.from({ length: total }, (_, i) => String(i)))]
    : shown.map((a) => choice(pick, "pick-" + a, "Read at " + axes[a].label, axes[a].values));

  // Arrays are stored in the order (further axes..., second shown axis, first shown axis).
  const sizes = shown.map((a) => listed ? total : axes[a].values.length);
  const base = () => over.reduce((n, a, k) => n * axes[a].values.length + Number(further[k].value), 0);
  const key = () => further.map((f) => f.value).join(",");
  const flat = (i, j) => listed ? i : (base() * (sizes[1] ?? 1) + j) * sizes[0] + i;
  const now = () => all.variables[Number(variable.value)];
  const digits = (x) => Number.isFinite(x) ? String(Number(x.toPrecision(6))) : "–";
  const words = (i, j) => {
    const n = flat(i, j), v = now(), value = v.value[n], error = v.error[n];
    const named = (a, k) => [a, axes[a].values[k]];
    const places = listed ? all.columns.map((c) => [c, all.points[c][i]])
      : [...shown.map((a, k) => named(a, k ? j : i)), ...over.map((a, k) => named(a, Number(further[k].value)))];
    const several = (counts.points?.[n] ?? 1) > 1;
    const unit = v.units === "1" ? "" : " " + v.units;
    const states = ["done", "failed", "pending", "skipped"].map((w) => [w, counts[w]?.[n] ?? 0]).filter(([w, m]) => m || w === "done");
    const told = Number.isFinite(value) ? digits(value) + (Number.isFinite(error) ? " ± " + digits(error) : " (no error known)") + unit
      : states[0][1] ? "undefined" : "not computed";
    return {
      where: (several ? counts.points[n] + " points from " : "") + places.map(([a, x]) => a + " = " + x).join(", "),
      told: v.name + " = " + told,
      counts: states.map(([w, m]) => m + " " + w).join(", ") + "; " + (counts.samples?.[n] ?? 0) + (several ? " samples in all" : " samples"),
      command: all.command + " " + once(n, places).map(([a, x]) => quote(a + "=" + x)).join(" "),
    };
  };
  // The simulation that the command computes: a done one, where the cell has one. Its place is in C order of all.sizes.
  const once = (n, places) => {
    if (!again) return [...places, ["sample", 0], ["replica", 0]];
    const index = [];
    let rest = again[n];
    for (const size of all.sizes.toReversed()) { index.unshift(rest % size); rest = Math.floor(rest / size); }
    const order = listed ? ["point"] : [...over, ...shown.toReversed()];
    const at = new Map(order.map((a, k) => [a, index[k]]));
    const label = listed ? all.columns.map((c) => [c, all.points[c][at.get("point")]])
      : [...shown, ...over].map((a) => [a, (axes[a].all ?? axes[a].values)[at.get(a)]]);
    return [...label, ["sample", index.at(-2)], ["replica", index.at(-1)]];
  };
  const state = (n) => counts.done[n] ? "undefined" : counts.failed?.[n] ? "failed" : counts.pending?.[n] ? "pending" : "skipped";

  const fill = () => {
    const v = now(), own = [];
    const rows = { where: [], told: [], counts: [], command: [], index: [], value: [] };
    const add = (i, j) => {
      const w = words(i, j), n = flat(i, j);
      for (const name of ["where", "told", "counts", "command"]) rows[name].push(w[name]);
      rows.index.push(i + "," + j); rows.value.push(v.value[n]);
      if (Number.isFinite(v.value[n])) own.push(v.value[n]);
      return n;
    };
    if (kind === "map") {
      const box = { left: [], right: [], bottom: [], top: [] }, none = { ...structuredClone(box), fill: [], hatch: [] }, [x, y] = shown.map((a) => axes[a].edges);
      const colours = { failed: css("failed"), skipped: css("skipped") };
      for (let j = 0; j < sizes[1]; j++) for (let i = 0; i < sizes[0]; i++) {
        const n = add(i, j), s = Number.isFinite(v.value[n]) ? "" : state(n);
        for (const b of s ? [box, none] : [box]) { b.left.push(x[i]); b.right.push(x[i + 1]); b.bottom.push(y[j]); b.top.push(y[j + 1]); }
        if (!s) continue;
        none.fill.push(colours[s] ?? "transparent");
        none.hatch.push(s === "pending" ? "right_diagonal_line" : s === "undefined" ? "horizontal_line" : " ");
      }
      cells.data = { ...rows, ...box }; empty.data = none;
    } else {
      const dots = { x: [], y: [], low: [], high: [], colour: [], label: [] }, lines = { xs: [], ys: [], colour: [] };
      const second = !listed && shown.length === 2 ? sizes[1] : 1, flatly = listed && shown.length === 2;
      for (let j = 0; j < second; j++) {
        const colour = flatly ? css("edge") : palette[j % palette.length], xs = [], ys = [];
        for (let i = 0; i < sizes[0]; i++) {
          const n = add(i, j), e = Number.isFinite(v.error[n]) && !flatly ? v.error[n] : 0;
          const x = listed ? (all.places[shown[0]] ?? [])[i] ?? i : axes[shown[0]].places[i];
          const y = flatly ? all.places[shown[1]][i] : v.value[n];
          dots.x.push(x); dots.y.push(y); dots.low.push(y - e); dots.high.push(y + e); dots.colour.push(colour);
          dots.label.push(second > 1 ? axes[shown[1]].label + " = " + axes[shown[1]].values[j] : "simulation");
          xs.push(x); ys.push(y);
        }
        if (!listed && axes[shown[0]].numeric) { lines.xs.push(xs); lines.ys.push(ys); lines.colour.push(colour); }
      }
      const log = kind === "lines" && logarithmic.has(v.name);
      if (log) { // bars that reach zero end at the lowest value shown
        const floor = Math.min(...[...dots.low, ...dots.y].filter((y) => y > 0));
        dots.low = dots.low.map((y) => y > 0 ? y : floor);
        dots.y = dots.y.map((y) => y > 0 ? y : NaN);
        lines.ys = lines.ys.map((ys) => ys.map((y) => y > 0 ? y : NaN));
      }
      const lost = new Map();
      for (let j = 0; j < second; j++) for (let i = 0; i < sizes[0]; i++) {
        const n = flat(i, j);
        if (!Number.isFinite(v.value[n])) lost.set(state(n), (lost.get(state(n)) ?? 0) + 1);
      }
      undrawn.hidden = !lost.size;
      undrawn.textContent = "Points without a value, not drawn: " + [...lost].map(([s, m]) => m + " " + s).join(", ") + ".";
      cells.data = { ...rows, ...dots }; curves.data = lines;
      if (!flatly) for (const axis of plot.left) axis.axis_label = v.label;
      if (logAxis) {
        logAxis.visible = model("grid-log").visible = log;
        for (const part of [plot.left.find((a) => a !== logAxis), ...plot.center.filter((g) => g.dimension === 1 && g.name !== "grid-log")]) part.visible = !log;
        for (const glyph of plot.renderers) glyph.visible = (glyph.name === "scale-log") === log;
        for (const entry of model("legend").items) entry.visible = entry.renderers[0].visible;
      }
    }
    const low = own.reduce((a, b) => Math.min(a, b), Infinity), high = own.reduce((a, b) => Math.max(a, b), -Infinity);
    if (mapper && own.length) { mapper.low = low; mapper.high = high > low ? high : low + (Math.abs(low) || 1) * 1e-6; }
    if (bar) bar.title = v.name + (v.units === "1" ? "" : " (" + v.units + ")");
    const drawn = all.lines.filter((l) => l.key === key() && (!l.variable || l.variable === v.name));
    const names = [...new Set(drawn.map((l) => l.label))];
    if (theory) theory.data = {
      xs: drawn.map((l) => l.x), ys: drawn.map((l) => l.y), label: drawn.map((l) => l.label),
      dash: drawn.map((l) => dashes[names.indexOf(l.label) % dashes.length]), colour: drawn.map(() => kind === "map" ? "#000000" : css("ink")), halo: drawn.map(() => kind === "map" ? "#ffffff" : css("paper")),
    };
    if (measured) {
      const m = { x: [], y: [], x0: [], x1: [], y0: [], y1: [], label: [] };
      for (const b of all.measured.filter((b) => b.key === key())) b.at.forEach((place, k) => {
        const upright = b.along === 1, lo = b.low[k], hi = b.high[k], mid = b.value[k];
        m.x.push(upright ? place : mid); m.y.push(upright ? mid : place); m.label.push(b.name + ", 95 % interval");
        m.x0.push(upright ? place : lo); m.x1.push(upright ? place : hi); m.y0.push(upright ? lo : place); m.y1.push(upright ? hi : place);
      });
      measured.data = m;
    }
    const legend = model("legend");
    if (legend) legend.visible = names.length > 0 || (measured?.data.x.length ?? 0) > 0 || (kind === "lines" && shown.length === 2);
    tell();
  };
  const tell = () => {
    const w = words(Number(picks[0].value), Number(picks[1]?.value ?? 0));
    at.hidden = false;
    at.replaceChildren(...["where", "told", "counts", "command"].map((name) => {
      const line = document.createElement(name === "command" ? "code" : "p");
      line.id = "at-" + name; line.textContent = w[name];
      return line;
    }));
  };
  cells.selected.properties.indices.change.connect(() => {
    const chosen = cells.selected.indices[0];
    if (chosen === undefined) return;
    cells.data.index[chosen].split(",").forEach((n, k) => { if (picks[k]) picks[k].value = n; });
    tell();
  });
  for (const select of [variable, ...further]) select.addEventListener("change", fill);
  for (const select of picks) select.addEventListener("change", tell);

  const dress = () => {
    const ink = css("ink"), muted = css("muted"), line = css("line"), paper = css("paper");
    plot.setv({ background_fill_color: paper, border_fill_color: paper, outline_line_color: css("edge") });
    for (const axis of [...plot.below, ...plot.left].filter((a) => "axis_label_text_color" in a)) axis.setv({
      axis_label_text_color: ink, major_label_text_color: muted, axis_line_color: css("edge"), major_tick_line_color: css("edge"),
      minor_tick_line_color: line, axis_label_text_font_style: "normal", axis_label_text_font_size: "14px", major_label_text_font_size: "12px",
    });
    for (const grid of plot.center) if ("grid_line_color" in grid) grid.grid_line_color = kind === "map" ? null : line;
    bar?.setv({ background_fill_color: paper, major_label_text_color: muted, title_text_color: ink, title_text_font_style: "normal" });
    model("legend")?.setv({ background_fill_color: kind === "map" ? "#ffffff" : paper, label_text_color: kind === "map" ? "#18212c" : ink, border_line_color: line });
    fill();
  };
  document.addEventListener("theme", dress);
  dress();
  document.getElementById("plot").dataset.ready = "yes";
})();
