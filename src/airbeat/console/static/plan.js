// Draw, plan, see, export, upload, fly and search: one page, whose state lies with the console.

/* global L */
import { get, me, post } from "./api.js";
import { MAP_OPTIONS, addBase } from "./basemap.js";
import { Asker } from "./plan-ask.js";
import { Editor, length, metres, size, square } from "./plan-draw.js";
import { Flight } from "./plan-fly.js";
import { Shown } from "./plan-show.js";
import { t } from "./words.js";

const $ = (id) => document.getElementById(id);
const BUSY_MS = 600, QUIET_MS = 4000;
const NAMES = () => ({ area: t("Area"), fence: t("Fence"), keepout: t("Keep-out"), line: t("Line"), home: t("Take-off place"), place: t("Place") });
const NUMBERS = ["height_m", "gsd_cm_px", "speed_m_s", "max_height_m", "margin_m", "radius_m", "width_m"];

let map, editor, shown, flight, asker, state, kept = "", opened = "", wanted = new Set(), timer = null;

function say(words) { $("said").textContent = words; }

async function guarded(action) {
  try {
    say("");
    await action();
  } catch (error) {
    say(error instanceof TypeError ? t("the console does not answer") : error.message);
  }
}

// Tabs

function tab(name) {
  for (const button of $("tabs").children) button.setAttribute("aria-selected", button.dataset.tab === name);
  for (const one of ["draw", "mission", "plan", "fly"]) $(`tab-${one}`).hidden = one !== name;
  if (name !== "draw") editor.cancel();
}

// Drawing

function drawn() {
  const spot = ([lat, lon]) => ({ lat, lon }), ring = (r) => r.map(spot), { shapes, home, place } = editor.drawing;
  const of = (role) => shapes.filter((s) => s.role === role);
  return {
    area: of("area").map((s) => s.rings.map(ring)),
    inclusion: of("fence").map((s) => ring(s.rings[0])),
    exclusion: of("keepout").map((s) => ring(s.rings[0])),
    line: of("line").flatMap((s) => ring(s.rings[0])),
    place: place && spot(place),
    home: home && spot(home),
  };
}

function taken(drawing) {
  const pair = (s) => [s.lat, s.lon], ring = (r) => r.map(pair);
  const shapes = [
    ...drawing.area.map((rings) => ({ role: "area", rings: rings.map(ring) })),
    ...drawing.inclusion.map((r) => ({ role: "fence", rings: [ring(r)] })),
    ...drawing.exclusion.map((r) => ({ role: "keepout", rings: [ring(r)] })),
  ];
  if (drawing.line.length) shapes.push({ role: "line", rings: [ring(drawing.line)] });
  return { shapes, home: drawing.home && pair(drawing.home), place: drawing.place && pair(drawing.place) };
}

function shapesList() {
  const names = NAMES(), entry = (role, words, choose) => {
    const item = document.createElement("li"), button = document.createElement("button"), swatch = document.createElement("span");
    button.type = "button"; swatch.className = `swatch ${role}`;
    button.append(swatch, `${names[role]}${words}`);
    button.addEventListener("click", choose);
    item.append(button);
    return item;
  };
  const items = editor.drawing.shapes.map((s, at) => {
    const corners = s.rings.reduce((n, r) => n + r.length, 0), round = metres(length(s.rings[0], s.role !== "line"));
    const words = s.role === "line" ? t(": {length}, {corners} corners", { length: round, corners }) : t(": {size}, {length} round, {corners} corners", { size: square(size(s.rings)), length: round, corners });
    const item = entry(s.role, words, () => { editor.cancel(); editor.choose(at); });
    item.firstChild.setAttribute("aria-pressed", at === editor.at);
    return item;
  });
  for (const which of ["home", "place"]) {
    const at = editor.drawing[which];
    if (at) items.push(entry(which, `: ${at[0].toFixed(6)}, ${at[1].toFixed(6)}`, () => map.panTo(at)));
  }
  $("shapes").replaceChildren(...items);
}

function changed() {
  shapesList();
  $("undo").disabled = !editor.past.length && !editor.points.length;
  sessionStorage.setItem("airbeat-drawing", JSON.stringify({ drawing: editor.drawing, kept }));
}

function chosen() {
  $("delete-shape").disabled = editor.at === null;
  $("delete-corner").disabled = editor.corner === null;
  shapesList();
}

function tool(name) {
  if (editor.tool === name) editor.cancel(); else { shown.hide(); editor.start(name); }
  tools();
}

function tools() {
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === editor.tool);
}

async function loaded(answer) {
  kept = answer.kept;
  editor.load(taken(answer.drawing));
  choose(answer.choices);
  const notes = answer.keeps.map((k) => t("kept from the file: {what}", { what: k }));
  $("notes").replaceChildren(...[...notes, ...answer.notes].map((n) => { const li = document.createElement("li"); li.textContent = n; return li; }));
  shown.hide();
  fit();
}

function fit() {
  const bounds = editor.bounds();
  if (bounds.isValid()) map.fitBounds(bounds, { padding: [40, 40], maxZoom: 18, animate: false });
}

// Mission

function options(select, values, words = (v) => v) {
  select.replaceChildren(...values.map((v) => { const o = document.createElement("option"); o.value = v; o.textContent = words(v); return o; }));
}

function choose(values) {
  const form = $("tab-mission");
  for (const [key, value] of Object.entries(values)) {
    const field = form.elements[key];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = value;
    else if (key.endsWith("_overlap")) field.value = Math.round(value * 100);
    else if (field.tagName === "SELECT" && value === "") inFile(field);
    else field.value = value ?? "";
  }
  needs();
}

// A camera or airframe that the loaded file spells out, and no profile names.
function inFile(select) {
  if (![...select.options].some((o) => o.value === "")) select.prepend(new Option(t("as in the file"), ""));
  select.value = "";
}

function choices() {
  const form = new FormData($("tab-mission")), values = { surveyed: form.has("surveyed") };
  for (const key of ["name", "pattern", "camera", "airframe", "autopilot"]) values[key] = form.get(key) || "";
  for (const key of NUMBERS) values[key] = form.get(key) ? Number(form.get(key)) : null;
  for (const key of ["side_overlap", "front_overlap"]) values[key] = Number(form.get(key)) / 100;
  values.speed_m_s ??= 8;
  return values;
}

function needs() {
  const pattern = $("tab-mission").elements.pattern.value;
  document.querySelector('[data-for="radius"]').hidden = state.patterns[pattern] !== "place";
  document.querySelector('[data-for="width"]').hidden = pattern !== "corridor";
}

async function plan() {
  const { job } = await post("/api/act/plan", { drawing: drawn(), choices: choices(), kept });
  wanted.add(job);
  await refreshed();
}

// What the console knows

async function refreshed() {
  clearTimeout(timer);
  try {
    const before = state;
    state = await get("/api/act");
    $("link-state").textContent = "";
    if (!before) once();
    await told();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    $("link-state").textContent = t("NO WORD FROM THE CONSOLE");
  } finally {
    const busy = state && state.jobs.some((j) => j.state === "running" || j.state === "asking");
    timer = setTimeout(() => guarded(refreshed), busy ? BUSY_MS : QUIET_MS);
  }
}

function once() {
  const form = $("tab-mission").elements, autopilot = (name) => `${name} (${state.airframes[name]})`;
  options(form.pattern, Object.keys(state.patterns), (p) => t(p));
  options(form.camera, state.cameras);
  options(form.airframe, Object.keys(state.airframes), autopilot);
  options(form.autopilot, ["", ...state.autopilots], (a) => a || t("of the airframe"));
  form.camera.value = "embedded-12mp";
  options($("format"), Object.keys(state.formats), (key) => state.formats[key]);
  options($("aircraft"), state.aircraft);
  flight.once(state);
  needs();
}

async function told() {
  options($("earlier"), state.earlier);
  $("earlier-row").hidden = !state.earlier.length;
  const before = $("plans").value;
  if ([...$("plans").options].map((o) => o.value).join() !== state.plans.map((p) => p.id).join()) {
    options($("plans"), state.plans.map((p) => p.id), (id) => { const p = state.plans.find((q) => q.id === id); return `${id}: ${p.name}`; });
    $("plans").value = before || opened;
  }
  for (const job of state.jobs) {
    if (!wanted.has(job.id) || !["done", "failed", "cancelled"].includes(job.state)) continue;
    wanted.delete(job.id);
    if (job.result && job.result.plan) { await open(job.result.plan); tab("plan"); }
  }
  jobs();
  flight.told(state, opened);
  const asking = state.jobs.find((j) => j.state === "asking");
  asker.settle(state.jobs);
  if (asking && state.control) asker.show(asking);
}

function jobs() {
  const active = state.jobs.filter((j) => ["running", "asking"].includes(j.state)), last = state.jobs[0];
  const shownJobs = active.length ? active : last && last.state !== "done" ? [last] : [];
  $("jobs").replaceChildren(...shownJobs.map((job) => {
    const box = document.createElement("div"), title = document.createElement("p"), row = document.createElement("div");
    box.className = "job"; row.className = "row";
    const words = { running: job.label, asking: t("waits for a yes"), failed: job.error, cancelled: [t("cancelled"), ...job.said.slice(-1)].join(". "), done: t("done") };
    title.textContent = `${job.title} (${job.by}): ${words[job.state]}`;
    title.className = job.state === "failed" ? "bad" : "";
    box.append(title);
    if (job.state === "running") {
      const bar = document.createElement("progress");
      bar.value = job.share;
      box.append(bar);
    }
    if (job.may_cancel) {
      const cancel = document.createElement("button");
      cancel.type = "button"; cancel.textContent = t("Cancel");
      cancel.addEventListener("click", () => guarded(async () => { await post("/api/act/cancel", { job: job.id }); await refreshed(); }));
      row.append(cancel);
    }
    if (row.childElementCount) box.append(row);
    return box;
  }));
}

async function open(id) {
  opened = id;
  location.hash = id;
  $("plans").value = id;
  await shown.show(await get(`/api/act/plans/${encodeURIComponent(id)}`));
  flight.told(state, opened);
}

async function name() {
  const asked = $("name-dialog");
  asked.showModal();
  await new Promise((done) => { asked.onclose = done; });
  return $("name").value.trim() ? post("/api/me", { name: $("name").value }) : name();
}

function wire() {
  $("tabs").addEventListener("click", (e) => { if (e.target.dataset.tab) { tab(e.target.dataset.tab); tools(); } });
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => tool(button.dataset.tool));
  $("undo").addEventListener("click", () => editor.undo());
  $("delete-corner").addEventListener("click", () => editor.deleteCorner());
  $("delete-shape").addEventListener("click", () => editor.deleteShape());
  $("fence-round").addEventListener("click", () => guarded(async () => {
    const { ring } = await post("/api/act/fence", { drawing: drawn() });
    editor.replace("fence", ring.map((s) => [s.lat, s.lon]));
  }));
  $("goto").addEventListener("submit", (e) => { e.preventDefault(); guarded(async () => go($("goto-place").value)); });
  $("file").addEventListener("change", () => guarded(async () => { await upload($("file").files[0]); $("file").value = ""; }));
  $("open-earlier").addEventListener("click", () => guarded(async () => loaded(await post(`/api/act/open/${encodeURIComponent($("earlier").value)}`, {}))));
  $("tab-mission").elements.pattern.addEventListener("change", needs);
  for (const [one, other] of [["height_m", "gsd_cm_px"], ["gsd_cm_px", "height_m"]]) {
    $("tab-mission").elements[one].addEventListener("input", (e) => { if (e.target.value) $("tab-mission").elements[other].value = ""; });
  }
  $("tab-mission").addEventListener("submit", (e) => { e.preventDefault(); guarded(plan); });
  $("plans").addEventListener("change", () => guarded(() => open($("plans").value)));
  $("edit").addEventListener("click", () => {
    const { sketch } = shown.plan;
    if (!sketch) { say(t("this plan was not drawn here")); return; }
    kept = sketch.kept;
    editor.load(taken(sketch.drawing)); choose(sketch.choices); shown.hide(); tab("draw"); fit();
  });
  document.addEventListener("keydown", (e) => {
    if (e.target.matches("input, select, dialog *")) return;
    const undo = (e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z";
    if (undo) editor.undo();
    else if (e.key === "Escape") { editor.cancel(); tools(); }
    else if (e.key === "Enter" && editor.tool) { editor.finish(); tools(); }
    else if (e.key === "Backspace" && editor.tool) editor.back();
    else if (e.key === "Delete" || e.key === "Backspace") { if (editor.corner) editor.deleteCorner(); else editor.deleteShape(); } else return;
    e.preventDefault();
  });
  $("who").addEventListener("click", () => guarded(async () => { $("who").textContent = (await name()).name; }));
}

function go(words) {
  const [lat, lon] = words.split(/[\s,;]+/).map(Number);
  if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) throw new Error(t("write latitude and longitude in degrees: 49.3950, 8.7310"));
  map.setView([lat, lon], 17, { animate: false });
}

async function upload(file) {
  const response = await post("/api/act/read", file);
  await loaded(response);
}

async function begin() {
  map = L.map($("plan-map"), MAP_OPTIONS).setView([48, 9], 5);
  await addBase(map);
  editor = new Editor(map, { changed: () => { changed(); tools(); }, chosen: () => { if (editor) chosen(); }, told: (words) => { $("hint").textContent = words; } });
  editor.hint();
  shown = new Shown(map, editor, guarded);
  asker = new Asker(guarded);
  flight = new Flight(map, guarded, refreshed);
  wire();
  let self = await me();
  if (!self.name) self = await name();
  $("operation").textContent = $("operation").title = self.operation;
  $("who").textContent = self.name;
  const before = JSON.parse(sessionStorage.getItem("airbeat-drawing") || "null");
  if (before) { ({ kept } = before); editor.drawing = before.drawing; editor.redrawn(); fit(); }
  await refreshed();
  const asked = location.hash.slice(1);
  const known = state.plans.some((p) => p.id === asked);
  if (known) { await open(asked); tab(state.jobs.some((j) => j.kind === "fly" && j.about.plan === asked) ? "fly" : "plan"); }
}

const leaflet = document.createElement("script");
leaflet.src = "/static/leaflet/leaflet.js";
leaflet.onload = () => guarded(begin);
document.head.append(leaflet);
