// The page: asks for the state, fills in what it tells, and lets one choose what is shown.

const part = (id) => document.getElementById(id);
const plot = new Plot(part("plot"));
const labelled = (label, units) => units === "1" ? label : `${label} (${units})`;
let about = null, have = "", wake = null, announced = "", choice = null, poll = 1;
let ask = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function list(id, items) {
  const all = part(id), kept = [...all.children].map((e) => e.textContent);
  if (kept.length === items.length && kept.every((text, i) => text === items[i])) return;
  all.replaceChildren(...items.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function options(select, items, value) {
  select.replaceChildren(...items.map(([name, text]) => new Option(text, name, false, name === value)));
}

function facts() {
  part("title").textContent = about.title;
  document.title = `${about.title}: live`;
  part("lead").textContent = `${about.folder}, generation ${about.generation}, model ${about.model}; asked ${about.created}`;
  const rows = [
    ["points", `${about.points}${about.skipped ? `, and ${about.skipped} skipped by the workflow` : ""}`],
    ["each", `${about.samples} sample${about.samples > 1 ? "s" : ""} × ${about.replicas} replica${about.replicas > 1 ? "s" : ""}`],
    ["seed", String(about.seed)], ["blocks", String(about.blocks)],
    ...about.axes.map((a) => [labelled(a.label, a.units), `axis${about.listed ? " (a list of points)" : `, ${a.size} values`}: ${a.meaning}`]),
    ...about.fixed.map((f) => [f.name, f.units === "1" ? f.value : `${f.value} ${f.units}`]),
  ];
  part("facts").replaceChildren(...rows.map(([name, value]) => {
    const row = document.createElement("tr"), head = document.createElement("th"), cell = document.createElement("td");
    head.scope = "row"; head.textContent = name; cell.textContent = value;
    row.append(head, cell);
    return row;
  }));
}

function controls() {
  const shown = about.observables.find((o) => o.name === choice.observable);
  options(part("observable"), about.observables.map((o) => [o.name, labelled(o.label, o.units)]), choice.observable);
  const axes = about.axes.map((a) => [a.name, labelled(a.label, a.units)]);
  options(part("x"), axes, choice.x);
  options(part("y"), [...axes.filter(([name]) => name !== choice.x), ["-", "the value, as a curve"]], choice.y);
  const sliders = about.axes.filter((a) => a.name in choice.at && a.size > 1)
    .map((a) => [`at.${a.name}`, a.label, a.units, a.size, a.values, choice.at[a.name]]);
  (shown ? shown.dims : []).forEach((d, i) => {
    if (d.size > 1) sliders.push([`own.${d.name}`, d.name.replaceAll("_", " "), d.units, d.size, d.values, choice.own[i]]);
  });
  part("sliders").replaceChildren(...sliders.map(([name, label, units, size, values, value]) => {
    const box = document.createElement("label"), input = document.createElement("input"), out = document.createElement("output");
    const told = (k) => values ? (units === "1" ? values[k] : `${values[k]} ${units}`) : `no. ${Number(k) + 1} of ${size}`;
    Object.assign(input, { type: "range", min: 0, max: size - 1, step: 1, name });
    input.value = value;
    const say = () => { out.textContent = told(input.value); input.setAttribute("aria-valuetext", told(input.value)); };
    input.addEventListener("input", () => { say(); choose({ [name]: input.value }); });
    say();
    box.append(`${label} = `, out, input);
    return box;
  }));
}

function draw(view) {
  const shown = about.observables.find((o) => o.name === choice.observable);
  const axis = (name) => about.axes.find((a) => a.name === name) || { label: "", units: "1" };
  const x = axis(choice.x), y = axis(choice.y);
  plot.show(view, {
    x: labelled(x.label, x.units), y: labelled(y.label, y.units), value: labelled(shown.label, shown.units),
    xName: x.label, yName: y.label, valueName: shown.label, xUnits: x.units, yUnits: y.units, units: shown.units,
    limits: ["memory", "coherence", "blind_coherence"].includes(shown.role) ? [0, 1] : null,
  });
  const several = view.several ? " Several points share a cell, which shows the mean of their means." : "";
  const bars = plot.v.flat ? "; bars: standard error" : "";
  part("caption").textContent = `${shown.label}${shown.meaning && shown.meaning !== shown.label ? ` (${shown.meaning})` : ""}: mean over the done simulations, replicas within their sample${bars}.${several}`;
  const told = plot.summary();
  part("plot").setAttribute("aria-label", told.text);
  part("plot").dataset.shown = told.shown;
  legend(told.looks);
  hover();
}

function legend(looks) {
  const some = [...Array(plot.v.n).keys()].some((i) => plot.look(i) === "value" && plot.state(i, FAILED));
  const there = Object.keys(LOOKS).filter((k) => k === "some" ? some : looks[k]);
  part("legend").replaceChildren(...there.map((look) => {
    const item = document.createElement("li"), swatch = document.createElement("canvas"), ratio = window.devicePixelRatio || 1;
    swatch.width = swatch.height = 16 * ratio;
    swatch.setAttribute("aria-hidden", "true");
    const c = swatch.getContext("2d");
    c.scale(ratio, ratio);
    if (look === "some") { c.fillStyle = PALETTE[170]; c.fillRect(0, 0, 16, 16); }
    fill(c, look, 0, 0, 16, 16);
    c.strokeStyle = colour("edge");
    c.strokeRect(0.5, 0.5, 15, 15);
    item.append(swatch, LOOKS[look]);
    return item;
  }));
}

function hover(spoken = false) {
  const tip = part("tip"), i = plot.focus;
  tip.hidden = i === null;
  if (i === null) return;
  const text = plot.tell(i), [x, y] = plot.centre(i), width = part("plot").clientWidth;
  tip.textContent = text;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(0, Math.min(x + 14, width - box.width))}px`;
  tip.style.top = `${y - box.height - 14 > 0 ? y - box.height - 14 : y + 18}px`;
  if (spoken) part("heard").textContent = text.replaceAll("\n", "; ");
}

function failures(state) {
  part("failed-part").hidden = !state.failures.length;
  const key = JSON.stringify(state.failures), all = part("failures");
  if (all.dataset.key !== key) {
    all.dataset.key = key;
    all.replaceChildren(...state.failures.map((f) => {
      const item = document.createElement("li"), what = document.createElement("div"), pre = document.createElement("pre"), code = document.createElement("code");
      what.textContent = `${f.label}: ${f.error}`;
      code.textContent = f.command;
      pre.tabIndex = 0;
      pre.append(code);
      item.append(what, pre);
      return item;
    }));
  }
  part("failed-more").textContent = state.more_failures ? `and ${state.more_failures} more: ${state.status_command}` : "";
}

function fill_in(state) {
  part("says").textContent = state.says;
  document.body.dataset.word = state.word;
  const mood = { complete: "good", stopped: "warn", gone: "bad", unreadable: "bad" };
  part("says").className = state.word === "complete" && (state.failed || state.unreadable.length) ? "warn" : mood[state.word] || "";
  announce(state);
  if (state.total === undefined) return;
  const share = (n) => state.total ? 100 * n / state.total : 100;
  part("bar-done").style.width = `${share(state.done)}%`;
  part("bar-failed").style.width = `${share(state.failed)}%`;
  part("progress").setAttribute("aria-valuenow", Math.floor(share(state.done + state.failed)));
  part("numbers").textContent = [
    `${state.done} of ${state.total} simulations done (${Math.floor(share(state.done))} %)`, `${state.failed} failed`, `${state.pending} pending`,
    ...(state.rate ? [`${state.rate} simulations/s`] : []), ...(state.left ? [`about ${state.left} left at this rate`] : []),
  ].join(", ");
  failures(state);
  part("unreadable-part").hidden = !state.unreadable.length;
  list("unreadable", state.unreadable);
  part("verify").textContent = state.verify_command;
  const work = [...state.work, ...state.idle, ...(state.more_work ? [`and ${state.more_work} more blocks`] : []), ...state.dead.map((d) => `died with it: ${d}`)];
  part("work-part").hidden = !work.length || state.word === "complete";
  list("work", work);
  part("shares-part").hidden = !state.shares.length;
  list("shares", state.shares);
}

function announce(state) {
  const tenth = state.total ? Math.floor(10 * (state.done + state.failed) / state.total) : 0, key = `${state.word} ${state.word === "working" ? tenth : ""}`;
  if (key === announced) return;
  announced = key;
  part("told").textContent = state.total ? `${state.says}. ${10 * tenth} % computed, ${state.failed} failed` : state.says;
}

function choose(change) {
  ask = { ...ask, ...change };
  history.replaceState(null, "", `#${new URLSearchParams(ask)}`);
  if (wake) wake();
}

async function look() {
  const asked = ask, words = new URLSearchParams({ ...asked, have, scene: about ? about.scene : "" });
  let state;
  try {
    const answer = await fetch(`state.json?${words}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(`answer ${answer.status}`);
    state = await answer.json();
  } catch {
    fill_in({ word: "gone", says: "The server of this page has ended: the same isinglass watch shows the run again." });
    return 3;
  }
  fill_in(state);
  if (state.total === undefined) { about = null; have = ""; return state.poll; }
  const before = JSON.stringify([choice, about && about.scene]);
  choice = state.choice;
  if (state.about) { about = { ...state.about, scene: state.scene }; facts(); }
  const shape = (c) => c && JSON.stringify([c.observable, c.x, c.y, Object.keys(c.at)]);
  const [old] = JSON.parse(before);
  if (state.about || shape(old) !== shape(choice)) { controls(); if (shape(old) !== shape(choice)) plot.focus = null; }
  if (state.view) draw(state.view);
  else if (!choice.observable) part("caption").textContent = "This model has no observable that is a number.";
  have = state.have;
  return asked === ask ? state.poll : 0;
}

async function follow() {
  for (;;) {
    poll = await look();
    await new Promise((resolve) => {
      wake = resolve;
      if (!document.hidden) setTimeout(resolve, 1000 * poll);
    });
    wake = null;
  }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden && wake) wake(); });
document.addEventListener("theme", () => { plot.draw(); if (plot.v) legend(plot.summary().looks); });
new ResizeObserver(() => { plot.draw(); hover(); }).observe(part("plot").parentElement);
part("controls").addEventListener("submit", (e) => e.preventDefault());
part("observable").addEventListener("change", (e) => choose({ observable: e.target.value }));
part("x").addEventListener("change", (e) => choose({ x: e.target.value, y: e.target.value === choice.y ? choice.x : choice.y }));
part("y").addEventListener("change", (e) => choose({ x: choice.x, y: e.target.value }));
part("plot").addEventListener("pointermove", (e) => {
  const box = part("plot").getBoundingClientRect(), i = plot.find(e.clientX - box.left, e.clientY - box.top);
  if (i !== plot.focus) { plot.focus = i; plot.draw(); hover(); }
});
part("plot").addEventListener("pointerleave", () => { plot.focus = null; plot.draw(); hover(); });
part("plot").addEventListener("keydown", (e) => {
  const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (e.key === "Escape") { plot.focus = null; plot.draw(); hover(); }
  if (!moves[e.key]) return;
  e.preventDefault();
  plot.move(...moves[e.key]);
  hover(true);
});
follow();
