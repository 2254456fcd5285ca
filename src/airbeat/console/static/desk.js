// The review desk: one candidate at a time, keyboard first, several desks at once.

import { Refused, get, me, post } from "./api.js";
import { DeskAct } from "./desk-act.js";
import { DeskMap } from "./map.js";
import { Viewer } from "./viewer.js";
import { t } from "./words.js";

const $ = (id) => document.getElementById(id);
const VERDICTS = { p: "person", c: "clue", n: "no", u: "unsure" };
const MARK = { person: "P", clue: "C", no: "N", unsure: "U" };

const desk = { rows: [], byId: new Map(), counts: {}, event: 0, generation: 0, here: null, detail: null, mine: [], trail: [] };
let map, viewer, act;

// A cut-out's name changes with its content, so that none is shown that was kept from before.
function cutOut(row) { return `/picture/crop/${encodeURIComponent(row.id)}?of=${encodeURIComponent(row.crop)}`; }

function say(words) { $("said").textContent = words; }

async function refreshed() {
  const now = await get("/api/candidates");
  desk.rows = now.candidates;
  desk.byId = new Map(desk.rows.map((r) => [r.id, r]));
  desk.counts = now.counts;
  desk.searched = now.searched;
  desk.event = Math.max(desk.event, now.event);
  if (desk.generation && desk.generation !== now.generation) guarded(() => map.load(false));
  desk.generation = now.generation;
  drawList();
  drawCounts(now);
  map.candidates(desk.rows, desk.here);
  act.shown(desk.byId.get(desk.here));
}

function drawCounts(now) {
  const c = desk.counts;
  const reviewed = c.unreviewed ? t("{n} of {all} not reviewed", { n: c.unreviewed, all: c.candidates }) : t("all {n} reviewed", { n: c.candidates });
  $("unreviewed").textContent = c.candidates ? reviewed : t("no candidates");
  $("unreviewed").className = c.unreviewed ? "" : "none";
  const words = [t("{n} persons", { n: c.person }), t("{n} clues", { n: c.clue }), t("{n} unsure", { n: c.unsure }), t("{n} no", { n: c.no })];
  if (now.second_look) words.push(t("{n} open for you", { n: c.open_for_you }), t("{n} disputed", { n: c.disputed }));
  if (c.not_searched) words.push(t("{n} files were not searched", { n: c.not_searched }));
  $("counts").textContent = words.join(" · ");
}

const SHOWN = {
  open: (r) => r.open || r.id === desk.here,
  all: () => true,
  found: (r) => r.verdict === "person" || r.verdict === "clue",
  disputed: (r) => r.disputed,
};

function drawList() {
  const wanted = desk.rows.filter(SHOWN[$("filter").value]);
  const list = document.createDocumentFragment();
  for (const row of wanted) {
    const item = document.createElement("li"), button = document.createElement("button"), mark = document.createElement("span");
    button.type = "button";
    button.dataset.id = row.id;
    button.setAttribute("aria-current", row.id === desk.here);
    mark.className = `mark ${row.verdict || ""}`;
    mark.textContent = MARK[row.verdict] || "·";
    button.append(mark, `${row.id}  ${row.score.toFixed(2)}${row.disputed ? `  ${t("disputed")}` : ""}`);
    if (row.claimed_by) {
      const busy = document.createElement("span");
      busy.className = "busy"; busy.textContent = row.claimed_by;
      button.append(busy);
    }
    item.append(button);
    list.append(item);
  }
  $("list").replaceChildren(list);
}

async function show(id) {
  const row = desk.byId.get(id);
  if (!row) return;
  if (desk.here && desk.here !== id) desk.trail.push(desk.here);
  desk.here = id;
  $("title").textContent = t("Candidate {id}, score {score}", { id: row.id, score: row.score.toFixed(2) });
  $("crop").src = cutOut(row);
  $("crop").alt = t("cut-out of candidate {id}", { id: row.id });
  const place = row.lat_deg === null ? t("no position") : `${row.lat_deg.toFixed(6)}, ${row.lon_deg.toFixed(6)}` + (row.ce90_m === null ? "" : ` ± ${row.ce90_m.toFixed(0)} m (CE90)`);
  const decided = row.decision ? ` · ${t(row.decision.verdict)} (${row.decision.reviewer}${row.decision.note ? `: ${row.decision.note}` : ""})` : "";
  $("facts").textContent = `${place} · ${t("in {n} of {all} photographs", { n: row.looks, all: row.frames_over_it })}${decided}`;
  $("measured").textContent = "";
  for (const old of $("list").querySelectorAll('[aria-current="true"]')) old.setAttribute("aria-current", "false");
  const entry = $("list").querySelector(`[data-id="${CSS.escape(id)}"]`);
  if (entry) { entry.setAttribute("aria-current", "true"); entry.scrollIntoView({ block: "nearest" }); }
  map.candidates(desk.rows, id);
  map.centre(row);
  act.shown(row);
  // Whole photographs are large: they are asked for once the reviewer stays, and what comes next is there by then.
  await new Promise((done) => { setTimeout(done, 80); });
  if (desk.here !== id) return;
  ahead();
  const detail = await get(`/api/candidates/${encodeURIComponent(id)}`);
  if (desk.here !== id) return;
  desk.detail = detail;
  const look = detail.looks.find((l) => l.sha256 && l.xyxy_px);
  if (look) frame(look.file, look.sha256, look.xyxy_px, look.gsd_m_px);
  near(detail);
}

function frame(file, sha256, box, gsd) {
  $("frame-title").textContent = file;
  viewer.show(`/picture/frame/${sha256}`, box, gsd);
}

function near(detail) {
  const all = document.createDocumentFragment();
  for (const place of detail.places) {
    const figure = document.createElement("figure"), image = document.createElement("img"), words = document.createElement("figcaption");
    figure.className = place.has_box ? "" : "missed";
    image.loading = "lazy";
    image.src = `/picture/around/${place.sha256}?x=${place.x_px.toFixed(0)}&y=${place.y_px.toFixed(0)}`;
    image.alt = t("the place in {file}", { file: place.file });
    words.textContent = place.has_box ? place.file : t("{file}: no box here", { file: place.file });
    image.addEventListener("click", () => frame(place.file, place.sha256, [place.x_px - 20, place.y_px - 20, place.x_px + 20, place.y_px + 20], null));
    figure.append(image, words);
    all.append(figure);
  }
  $("near").replaceChildren(all);
}

async function next() {
  const { candidate } = await post("/api/claim", { order: $("order").value, after: desk.here || "" });
  await turnTo(candidate);
}

async function turnTo(candidate) {
  if (candidate === null) {
    // Nothing stays chosen: a key pressed once more must not decide anew on what was decided.
    desk.here = null;
    const left = desk.rows.filter((r) => r.open).length;
    say(left ? t("others look at the last {n}", { n: left }) : t("nothing is left for you to review"));
    $("title").textContent = left ? t("Waiting for what others leave") : t("Nothing is left for you to review");
    if (!desk.rows.length) $("title").textContent = desk.searched ? t("{n} photographs searched, no candidates; they are not cleared", { n: desk.searched }) : t("Nothing was searched yet: plan and fly, or run airbeat detect into this folder");
    if (!desk.rows.length) say("");
    return;
  }
  say("");
  await show(candidate);
}

// The cut-outs that are likely to come next, so that the next key shows a picture at once.
function ahead() {
  const at = desk.rows.findIndex((r) => r.id === desk.here);
  const open = desk.rows.slice(at + 1).filter((r) => r.open && !r.claimed_by).slice(0, 3);
  for (const row of new Set([...open, ...desk.rows.slice(at + 1, at + 3), ...desk.rows.slice(Math.max(at - 1, 0), at)])) new Image().src = cutOut(row);
}

async function decide(verdict, despite = false) {
  const candidate = desk.here, row = desk.byId.get(candidate), order = $("order").value;
  if (!row || desk.busy) return;
  desk.busy = true;
  let answer;
  try {
    answer = await post("/api/decide", { candidate, verdict, note: $("note").value, seen_event: desk.event, despite, order, generation: desk.generation });
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 409) throw error;
    const { now } = error.answer;
    if (!now) { await refreshed(); await show(candidate); say(t(error.message)); return; }
    $("conflict-words").textContent = t("{reviewer} decided meanwhile that {candidate} is: {now}. You say: {you}.", { reviewer: now.reviewer, candidate, now: t(now.verdict), you: t(verdict) });
    $("conflict-dialog").showModal();
    $("conflict-dialog").onclose = () => { if ($("conflict-dialog").returnValue === "despite") guarded(() => decide(verdict, true)); };
    await refreshed();
    return;
  } finally {
    desk.busy = false;
  }
  desk.mine.push(candidate);
  $("note").value = "";
  Object.assign(row, { verdict, open: false, decision: { verdict, note: "", reviewer: $("who").textContent, event: answer.event } });
  const entry = $("list").querySelector(`[data-id="${CSS.escape(candidate)}"] .mark`);
  if (entry) { entry.className = `mark ${verdict}`; entry.textContent = MARK[verdict]; }
  await turnTo(answer.next);
}

async function undo() {
  const candidate = desk.mine.pop() || desk.here;
  if (!candidate) return;
  try {
    await post("/api/undo", { candidate, generation: desk.generation });
  } catch (error) {
    if (error instanceof Refused && error.status === 404) { say(t("nothing of yours to take back on {candidate}", { candidate })); return; }
    throw error;
  }
  await refreshed();
  await show(candidate);
  say(t("your decision on {candidate} is taken back", { candidate }));
}

async function step(by) {
  const ids = [...$("list").querySelectorAll("button")].map((b) => b.dataset.id);
  const at = ids.indexOf(desk.here);
  const to = ids[Math.min(Math.max(at + by, 0), ids.length - 1)];
  if (to) await show(to);
}

const KEYS = {
  ArrowLeft: () => step(-1), ArrowUp: () => step(-1), ArrowRight: () => step(1), ArrowDown: () => step(1),
  Enter: next, z: undo, m: () => viewer.measure(), "+": () => viewer.zoom(1.4), "-": () => viewer.zoom(0.7), 0: () => viewer.fit(), f: () => viewer.near(),
};

async function guarded(action) {
  try {
    await action();
  } catch (error) {
    say(error instanceof TypeError ? t("the console does not answer; nothing was recorded") : error.message);
  }
}

function pressed(key) {
  if (VERDICTS[key]) guarded(() => decide(VERDICTS[key]));
  else if (KEYS[key]) guarded(KEYS[key]);
  else return false;
  return true;
}

function listen() {
  const source = new EventSource(`/api/events?after=${desk.event}&generation=${desk.generation}`);
  let waiting = null;
  source.onopen = () => { $("link-state").textContent = ""; };
  source.onerror = () => { $("link-state").textContent = t("NO WORD FROM THE CONSOLE"); };
  source.onmessage = () => {
    waiting ||= setTimeout(() => { waiting = null; guarded(caughtUp); }, 150);
  };
}

async function caughtUp() {
  await refreshed();
  if (desk.here === null && desk.rows.some((r) => r.open)) await next();
}

async function name() {
  const asked = $("name-dialog");
  asked.showModal();
  await new Promise((done) => { asked.onclose = done; });
  if ($("name").value.trim()) return post("/api/me", { name: $("name").value });
  return name();
}

async function begin() {
  viewer = new Viewer($("frame"), (words) => { $("measured").textContent = words; });
  map = new DeskMap($("map"), (id) => guarded(() => show(id)));
  act = new DeskAct(() => desk.here, guarded);
  let self = await me();
  if (!self.name) self = await name();
  $("operation").textContent = self.operation;
  $("who").textContent = self.name;
  await refreshed();
  listen();
  await next();
  await map.load();
}

document.addEventListener("keydown", (e) => {
  if (e.target.matches("input, select, dialog *") || e.ctrlKey || e.metaKey || e.altKey) {
    if (e.key === "Escape") e.target.blur();
    return;
  }
  if (e.target.matches("button") && e.key === "Enter") return;
  if (pressed(e.key.length === 1 ? e.key.toLowerCase() : e.key)) e.preventDefault();
});
document.querySelector("footer").addEventListener("click", (e) => {
  const button = e.target.closest("button[data-key]");
  if (button) { pressed(button.dataset.key); button.blur(); }
});
$("list").addEventListener("click", (e) => {
  const button = e.target.closest("button[data-id]");
  if (button) { guarded(() => show(button.dataset.id)); button.blur(); }
});
for (const id of ["filter", "order"]) $(id).addEventListener("change", () => { drawList(); $(id).blur(); });
$("invite").addEventListener("click", () => guarded(async () => {
  const { path } = await post("/api/invite", {});
  $("invite-link").textContent = location.origin + path;
  $("invite-dialog").showModal();
}));
$("hand-over").addEventListener("click", () => guarded(async () => {
  const { files, without_place } = await post("/api/handover", {});
  const words = files.length ? t("{n} files for those who go there; they name persons and clues as decided now.", { n: files.length }) : t("Nothing is confirmed: there is nothing to hand over.");
  $("hand-over-words").textContent = words + (without_place.length ? ` ${t("Without a place, hand over the photographs of: {names}.", { names: without_place.join(", ") })}` : "");
  $("hand-over-files").replaceChildren(...files.map((file) => {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = `/handover/${encodeURIComponent(file)}`; link.download = file; link.textContent = file;
    item.append(link);
    return item;
  }));
  $("hand-over-dialog").showModal();
}));
$("who").addEventListener("click", () => guarded(async () => { $("who").textContent = (await name()).name; await refreshed(); }));

const leaflet = document.createElement("script");
leaflet.src = "/static/leaflet/leaflet.js";
leaflet.onload = () => guarded(begin);
document.head.append(leaflet);
