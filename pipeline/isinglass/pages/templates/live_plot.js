"use strict";
// The diagram on its canvas: cells, a curve or points, with axes, colour bar, and what stands at a place.

const PALETTE = JSON.parse(document.getElementById("palette").textContent);
const FONT = "13px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";
const [PENDING, DONE, FAILED, SKIPPED] = [0, 1, 2, 3];
const LOOKS = {
  pending: "pending", failed: "failed, none done", undefined: "done, but undefined", skipped: "skipped by the workflow",
  torn: "unreadable", some: "some failed", unasked: "not asked for",
};

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function unpack(text, Kind) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Kind(bytes.buffer);
}

function number(value, error) {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isFinite(error) && error > 0) {
    const size = Math.max(Math.abs(value), error), digits = 1 - Math.floor(Math.log10(error));
    if (size >= 1e-3 && size < 1e6 && digits <= 12) return `${value.toFixed(Math.max(digits, 0))} ± ${error.toFixed(Math.max(digits, 0))}`;
    return `${value.toExponential(3)} ± ${error.toExponential(1)}`;
  }
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

function plain(value) {
  const near = Number(value.toPrecision(10)), size = Math.abs(near);
  if (!size || (size >= 1e-4 && size < 1e6)) return String(near).replace("-", "−");
  const [mantissa, power] = near.toExponential().split("e");
  const raised = [...String(Number(power))].map((c) => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]).join("");
  return (Number(mantissa) === 1 ? "10" : `${mantissa}·10`).replace("-", "−") + raised;
}

function nice(low, high, most) {
  const rough = (high - low) / Math.max(most, 1), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((s) => s >= rough * 0.999) || 10 * power;
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) out.push({ at: k * step, text: plain(k * step) });
  return out;
}

function ticks(axis, low, high, most) {
  if (axis.names) {
    const order = axis.order && axis.order.length ? axis.order : axis.words;
    const at = axis.order && axis.order.length ? order.map((_, i) => i) : axis.at;
    return order.map((text, i) => ({ at: at[i], text: text.length > 18 ? `${text.slice(0, 17)}…` : text }));
  }
  if (!axis.log) return nice(low, high, most);
  if (axis.at.length <= 8 && axis.words.length === axis.at.length) return axis.at.map((at, i) => ({ at, text: axis.words[i] }));
  const out = [];
  for (let k = Math.floor(low); k <= Math.ceil(high); k++) {
    for (let n = 1; n < 10; n++) {
      const at = k + Math.log10(n), told = n === 1 || (high - low < 2 && (n === 2 || n === 5));
      if (at >= low - 1e-9 && at <= high + 1e-9) out.push({ at, text: told ? plain(n * 10 ** k) : "" });
    }
  }
  return out;
}

class Plot {
  constructor(canvas) {
    this.canvas = canvas;
    this.focus = null;
  }

  // `view` as the server sends it; `words`: labels of x, y and value, and the fixed range of colour or null
  show(view, words) {
    this.words = words;
    this.view = view;
    const v = this.v = { ...view, mean: unpack(view.mean, Float32Array), error: unpack(view.error, Float32Array) };
    for (const name of ["samples", "torn", "asked", "states"]) v[name] = unpack(view[name], Int32Array);
    v.n = v.mean.length;
    [v.rows, v.columns] = view.shape;
    v.flat = view.kind === "curve" || (view.kind === "points" && !view.y);
    this.focus = this.focus !== null && this.focus < v.n ? this.focus : null;
    this.draw();
  }

  state(i, which) { return this.v.states[which * this.v.n + i]; }

  look(i) {
    const v = this.v;
    if (v.torn[i] && !Number.isFinite(v.mean[i])) return "torn";
    if (this.state(i, DONE)) return Number.isFinite(v.mean[i]) ? "value" : "undefined";
    if (this.state(i, FAILED)) return "failed";
    if (this.state(i, SKIPPED)) return "skipped";
    return v.asked[i] ? "pending" : "unasked";
  }

  range() {
    const v = this.v;
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < v.n; i++) {
      if (this.look(i) !== "value") continue;
      const e = v.flat && Number.isFinite(v.error[i]) ? v.error[i] : 0;
      low = Math.min(low, v.mean[i] - e);
      high = Math.max(high, v.mean[i] + e);
    }
    if (this.words.limits && !v.flat) return [Math.min(low, this.words.limits[0]), Math.max(high, this.words.limits[1])];
    if (low > high) return [0, 1];
    if (low === high) { const half = 0.05 * Math.abs(low) || 0.5; return [low - half, high + half]; }
    const margin = v.flat ? 0.06 * (high - low) : 0;
    return [low - margin, high + margin];
  }

  shade(value) {
    const [low, high] = this.limits;
    return PALETTE[Math.max(0, Math.min(255, Math.floor(256 * (value - low) / (high - low))))];
  }

  draw() {
    const v = this.v;
    if (!v) return;
    const canvas = this.canvas, width = canvas.clientWidth || 600, height = Math.round(Math.min(Math.max(0.62 * width, 300), 560));
    const ratio = window.devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const c = this.c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.font = FONT;
    c.fillStyle = colour("paper");
    c.fillRect(0, 0, width, height);
    this.limits = this.range();
    const value = { names: false, log: false, at: [], words: [], edges: this.limits };
    const yAxis = this.yAxis = v.flat ? value : v.y;
    const ends = (axis) => {
      const last = axis.edges.length - 1, n = axis.at.length - 1, margin = 0.03 * (axis.at[n] - axis.at[0]);
      if (v.kind === "curve" && !axis.names && margin > 0) return [axis.at[0] - margin, axis.at[n] + margin];
      return [axis.edges[0], axis.edges[last]];
    };
    const [x0, x1] = ends(v.x), [y0, y1] = ends(yAxis);
    const yTicks = ticks(yAxis, y0, y1, Math.max(3, height / 70));
    const wide = Math.max(0, ...yTicks.map((t) => c.measureText(t.text).width));
    const bar = v.flat ? [] : nice(...this.limits, Math.max(3, height / 80));
    const barWide = Math.max(0, ...bar.map((t) => c.measureText(t.text).width));
    const left = Math.min(wide, 0.3 * width) + 44, right = width - (v.flat ? 16 : barWide + 74);
    let xTicks = ticks(v.x, x0, x1, Math.max(3.5, (right - left) / 80));
    const need = xTicks.reduce((sum, t) => sum + (t.text ? c.measureText(t.text).width + 10 : 0), 0);
    const slant = v.x.names && need > right - left;
    const tall = slant ? Math.min(90, 0.7 * Math.max(...xTicks.map((t) => c.measureText(t.text).width)) + 8) : 14;
    const top = 12, bottom = height - tall - 40;
    this.box = { left, right, top, bottom };
    this.px = (x) => left + (x - x0) / (x1 - x0) * (right - left);
    this.py = (y) => bottom - (y - y0) / (y1 - y0) * (bottom - top);
    if (v.kind === "cells") this.cells(); else this.marks();
    // axes
    c.strokeStyle = c.fillStyle = colour("ink");
    c.lineWidth = 1;
    c.strokeRect(left - 0.5, top - 0.5, right - left + 1, bottom - top + 1);
    c.textAlign = "center";
    c.textBaseline = "top";
    let last = -Infinity;
    for (const t of xTicks) {
      const at = this.px(t.at), half = c.measureText(t.text).width / 2;
      if (at < left - 1 || at > right + 1) continue;
      c.fillRect(Math.round(at), bottom + 1, 1, t.text ? 5 : 3);
      if (!t.text || (!slant && at - half < last + 6)) continue;
      if (slant) {
        c.save(); c.translate(at, bottom + 9); c.rotate(-Math.PI / 4); c.textAlign = "right"; c.fillText(t.text, 0, 0); c.restore();
      } else { c.fillText(t.text, at, bottom + 9); last = at + half; }
    }
    c.fillText(this.fit(this.words.x, right - left + 40), (left + right) / 2, height - 18);
    c.textAlign = "right";
    c.textBaseline = "middle";
    last = Infinity;
    for (const t of yTicks) {
      const at = this.py(t.at);
      if (at < top - 1 || at > bottom + 1) continue;
      c.fillRect(left - (t.text ? 6 : 4), Math.round(at), t.text ? 5 : 3, 1);
      if (t.text && at < last - 12) { c.fillText(this.fit(t.text, 0.3 * width), left - 9, at); last = at; }
    }
    this.upright(v.flat ? this.words.value : this.words.y, 14, (top + bottom) / 2, bottom - top);
    if (!v.flat) this.bar(bar, right + 18, top, bottom, width);
    if (this.focus !== null) this.ring(this.focus);
  }

  fit(text, most) {
    if (this.c.measureText(text).width <= most) return text;
    while (text.length > 1 && this.c.measureText(`${text}…`).width > most) text = text.slice(0, -1);
    return `${text}…`;
  }

  upright(text, x, y, most) {
    const c = this.c;
    c.save();
    c.translate(x, y);
    c.rotate(-Math.PI / 2);
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(this.fit(text, most), 0, 0);
    c.restore();
  }

  bar(marks, x, top, bottom, width) {
    const c = this.c, [low, high] = this.limits, at = (value) => bottom - (value - low) / (high - low) * (bottom - top);
    for (let y = Math.floor(top); y < bottom; y++) {
      c.fillStyle = PALETTE[Math.max(0, Math.min(255, Math.floor(256 * (bottom - y - 0.5) / (bottom - top))))];
      c.fillRect(x, y, 14, 1);
    }
    c.fillStyle = c.strokeStyle = colour("ink");
    c.strokeRect(x - 0.5, top - 0.5, 15, bottom - top + 1);
    c.textAlign = "left";
    c.textBaseline = "middle";
    for (const t of marks) {
      c.fillRect(x + 15, Math.round(at(t.at)), 4, 1);
      c.fillText(t.text, x + 22, at(t.at));
    }
    this.upright(this.words.value, width - 9, (top + bottom) / 2, bottom - top);
  }

  edges(i) {
    const v = this.v, column = i % v.columns, row = Math.floor(i / v.columns);
    const x0 = Math.round(this.px(v.x.edges[column])), x1 = Math.round(this.px(v.x.edges[column + 1]));
    const y1 = Math.round(this.py(v.y.edges[row])), y0 = Math.round(this.py(v.y.edges[row + 1]));
    return [x0, y0, x1 - x0, y1 - y0];
  }

  cells() {
    const v = this.v, c = this.c;
    for (let i = 0; i < v.n; i++) {
      const box = this.edges(i), look = this.look(i);
      if (look === "value") { c.fillStyle = this.shade(v.mean[i]); c.fillRect(...box); } else fill(c, look, ...box);
      if (look === "value" && this.state(i, FAILED) && box[2] >= 6 && box[3] >= 6) fill(c, "some", ...box);
    }
  }

  place(i) {
    const v = this.v, x = this.px(v.x.at[v.kind === "points" ? i : i % v.columns]);
    if (!v.flat) return [x, this.py(v.y.at[i])];
    return [x, this.look(i) === "value" ? this.py(v.mean[i]) : this.box.bottom - 8];
  }

  marks() {
    const v = this.v, c = this.c;
    c.save();
    c.beginPath();
    c.rect(this.box.left, this.box.top, this.box.right - this.box.left, this.box.bottom - this.box.top);
    c.clip();
    const many = v.n > 400, r = many ? 2.5 : 4.5;
    c.lineWidth = 1.5;
    if (v.kind === "curve" && !v.x.names) {
      c.strokeStyle = colour("accent");
      c.beginPath();
      let on = false;
      for (let i = 0; i < v.n; i++) {
        if (this.look(i) !== "value") { on = false; continue; }
        c[on ? "lineTo" : "moveTo"](...this.place(i));
        on = true;
      }
      c.stroke();
    }
    for (let i = 0; i < v.n; i++) {
      const [x, y] = this.place(i), look = this.look(i);
      if (look !== "value") {
        if (look !== "unasked") fill(c, look, Math.round(x - r), Math.round(y - r), Math.round(2 * r), Math.round(2 * r));
        continue;
      }
      c.strokeStyle = colour(v.flat ? "accent" : "edge");
      if (v.flat && v.error[i] > 0) {
        c.beginPath();
        for (const s of [-1, 1]) {
          const end = this.py(v.mean[i] + s * v.error[i]);
          c.moveTo(x, y); c.lineTo(x, end); c.moveTo(x - 3, end); c.lineTo(x + 3, end);
        }
        c.stroke();
      }
      c.beginPath();
      c.arc(x, y, v.flat ? Math.min(r, 3.5) : r + 1.5, 0, 2 * Math.PI);
      c.fillStyle = v.flat ? colour("accent") : this.shade(v.mean[i]);
      c.fill();
      if (!v.flat) { c.lineWidth = 1; c.stroke(); c.lineWidth = 1.5; }
      if (this.state(i, FAILED)) fill(c, "some", x + r - 2, y - r - 4, 8, 8);
    }
    c.restore();
  }

  ring(i) {
    const c = this.c;
    let box;
    if (this.v.kind === "cells") box = this.edges(i);
    else { const [x, y] = this.place(i); box = [x - 8, y - 8, 16, 16]; }
    for (const [name, width] of [["paper", 4], ["ink", 2]]) {
      c.strokeStyle = colour(name);
      c.lineWidth = width;
      c.strokeRect(...box);
    }
    c.lineWidth = 1;
  }

  // what stands at a place of the canvas: an index, or null
  find(x, y) {
    const v = this.v, b = this.box;
    if (!v || x < b.left || x > b.right || y < b.top || y > b.bottom) return null;
    if (v.kind === "cells") {
      const within = (edges, map, at) => edges.findIndex((e, k) => k + 1 < edges.length && (map(e) - at) * (map(edges[k + 1]) - at) <= 0);
      const column = within(v.x.edges, this.px, x), row = within(v.y.edges, this.py, y);
      return column < 0 || row < 0 ? null : row * v.columns + column;
    }
    let best = null, least = v.kind === "curve" ? Infinity : 400;
    for (let i = 0; i < v.n; i++) {
      const [px, py] = this.place(i), far = v.kind === "curve" ? (px - x) ** 2 : (px - x) ** 2 + (py - y) ** 2;
      if (far < least) { least = far; best = i; }
    }
    return best;
  }

  move(right, up) {
    const v = this.v;
    if (!v) return;
    if (this.focus === null) this.focus = 0;
    else if (v.kind === "cells") {
      const column = Math.min(Math.max(this.focus % v.columns + right, 0), v.columns - 1);
      const row = Math.min(Math.max(Math.floor(this.focus / v.columns) + up, 0), v.rows - 1);
      this.focus = row * v.columns + column;
    } else this.focus = Math.min(Math.max(this.focus + right + up, 0), v.n - 1);
    this.draw();
  }

  centre(i) {
    if (this.v.kind !== "cells") return this.place(i);
    const [x, y, w, h] = this.edges(i);
    return [x + w / 2, y + h / 2];
  }

  tell(i) {
    const v = this.v, w = this.words, points = v.kind === "points", where = [];
    const named = (axis, k) => axis.words.length ? axis.words[k] : plain(axis.log ? 10 ** axis.at[k] : axis.at[k]);
    const unit = (units) => units === "1" ? "" : ` ${units}`;
    where.push(`${w.xName} = ${named(v.x, points ? i : i % v.columns)}${unit(w.xUnits)}`);
    if (v.y) where.push(`${w.yName} = ${named(v.y, points ? i : Math.floor(i / v.columns))}${unit(w.yUnits)}`);
    const several = v.several, lines = [where.join(", ")], look = this.look(i);
    if (look === "value") {
      const n = v.samples[i], told = several ? `mean of ${n} point${n === 1 ? "" : "s"}` : n > 1 ? `standard error over ${n} samples` : "one sample: no error";
      lines.push(`${w.valueName} = ${number(v.mean[i], v.error[i])}${unit(w.units)} (${told})`);
    } else lines.push(LOOKS[look]);
    if (v.torn[i] && look === "value") lines.push("a part is unreadable");
    const counts = [[DONE, "done"], [FAILED, "failed"], [PENDING, "pending"], [SKIPPED, "skipped"]];
    const told = counts.map(([k, word]) => [this.state(i, k), word]).filter(([n, word]) => n || word === "done");
    lines.push(`simulations: ${told.map(([n, word]) => `${n} ${word}`).join(", ")}`);
    return lines.join("\n");
  }

  // in words, for who does not see it
  summary() {
    const v = this.v, count = {};
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < v.n; i++) {
      const look = this.look(i);
      count[look] = (count[look] || 0) + 1;
      if (look === "value") { low = Math.min(low, v.mean[i]); high = Math.max(high, v.mean[i]); }
    }
    const w = this.words, over = v.y ? `${w.xName} and ${w.yName}` : w.xName;
    const others = Object.keys(LOOKS).filter((k) => count[k]).map((k) => `${count[k]} ${LOOKS[k]}`);
    const shown = count.value || 0, between = shown ? `, values from ${number(low)} to ${number(high)}` : "";
    return { shown, looks: count, text: `${w.valueName} over ${over}: ${shown} of ${v.n} ${v.kind === "cells" ? "cells" : "points"} have a value${between}${others.map((o) => `, ${o}`).join("")}` };
  }
}

// the look of what has no value; never by colour alone
function fill(c, look, x, y, w, h) {
  c.save();
  c.beginPath();
  c.rect(x, y, w, h);
  c.clip();
  const grounds = { pending: "pending", failed: "failed", undefined: "edge", skipped: "skipped", torn: "warn" };
  if (grounds[look]) { c.fillStyle = colour(grounds[look]); c.fillRect(x, y, w, h); }
  c.lineWidth = 1;
  const lines = (strokes) => { c.beginPath(); for (const [a, b, d, e] of strokes) { c.moveTo(a, b); c.lineTo(d, e); } c.stroke(); };
  if (look === "pending") {
    c.strokeStyle = colour("line");
    const strokes = [];
    for (let k = Math.floor((x - y - h) / 8) * 8; k < x + w - y; k += 8) strokes.push([k + y, y, k + y + h, y + h]);
    lines(strokes);
  } else if (look === "failed" || look === "torn") {
    c.strokeStyle = colour("paper");
    c.lineWidth = Math.min(w, h) > 12 ? 2 : 1;
    const m = look === "failed" ? 0.25 : 0.2, [a, b] = [Math.min(w, 24) * (0.5 - m), Math.min(h, 24) * (0.5 - m)], [p, q] = [x + w / 2, y + h / 2];
    lines(look === "failed" ? [[p - a, q - b, p + a, q + b], [p - a, q + b, p + a, q - b]] : [[p, q - b, p, q + b / 3], [p, q + 0.7 * b, p, q + b]]);
  } else if (look === "undefined") {
    c.strokeStyle = colour("paper");
    lines([[x + 0.3 * w, y + h / 2, x + 0.7 * w, y + h / 2]]);
  } else if (look === "some") {
    const s = Math.min(10, w / 2, h / 2);
    c.fillStyle = colour("failed");
    c.strokeStyle = colour("paper");
    c.beginPath();
    c.moveTo(x + w - s, y); c.lineTo(x + w, y); c.lineTo(x + w, y + s); c.closePath();
    c.fill(); c.stroke();
  } else if (look === "unasked") {
    c.fillStyle = colour("paper");
    c.fillRect(x, y, w, h);
  }
  c.restore();
}
