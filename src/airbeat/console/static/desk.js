// The review desk: one candidate at a time, keyboard first, several desks at once.

import { Refused, get, me, post } from "./api.js";
import { DeskAct } from "./desk-act.js";
import { CandidateList } from "./desk-list.js";
import { Outbox } from "./desk-outbox.js";
import { DeskMap } from "./map.js";
import { Viewer } from "./viewer.js";
import { t } from "./words.js";

const $ = (id) => document.getElementById(id);
const VERDICTS = { p: "person", c: "clue", n: "no", u: "unsure" };
// How many candidates are claimed besides the one that is looked at: a key shows the next at once, and no more
// than this and one may be on their way to the log.
const AHEAD = 2;

const desk = { rows: [], byId: new Map(), counts: {}, event: 0, generation: 0, here: null, mine: [], saving: new Set(), held: [], heldUntil: 0 };
const outbox = new Outbox({ send, settled, failed, changed: drawSaving });
const list = new CandidateList($("list"), (id) => guarded(() => show(id)));
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
  drawFacts();
  map.candidates(desk.rows, desk.here);
  act.shown(desk.byId.get(desk.here));
}

function drawCounts(now) {
  const c = desk.counts;
  const reviewed = c.unreviewed ? t("{n} of {all} not reviewed", { n: c.unreviewed, all: c.candidates }) : t("all {n} reviewed", { n: c.candidates });
  $("unreviewed").textContent = c.candidates ? reviewed : t("no candidates");
  $("unreviewed").className = c.unreviewed ? "" : "none";
  const words = [t("persons {n}", { n: c.person }), t("clues {n}", { n: c.clue }), t("unsure {n}", { n: c.unsure }), t("no {n}", { n: c.no })];
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
  list.draw(desk.rows.filter(SHOWN[$("filter").value]), onItsWay);
}

// The verdict on a candidate that is being saved.
function onItsWay(id) { return outbox.of(id)?.verdict; }

// What is not in the log yet stands at the top, in red once it takes long.
function drawSaving(late) {
  const ids = new Set(outbox.items.map((item) => item.candidate)), names = [...ids].join(", ");
  const words = late ? t("NOT SAVED YET: {names}", { names }) : t("saving {names} …", { names });
  $("saving").textContent = names && words;
  $("saving").className = late ? "late" : "";
  for (const id of new Set([...ids, ...desk.saving])) list.redraw(desk.byId.get(id), onItsWay);
  desk.saving = ids;
  drawFacts();
}

function drawFacts() {
  const row = desk.byId.get(desk.here);
  if (!row) { $("facts").textContent = ""; return; }
  const place = row.lat_deg === null ? t("no position") : `${row.lat_deg.toFixed(6)}, ${row.lon_deg.toFixed(6)}` + (row.ce90_m === null ? "" : ` ± ${row.ce90_m.toFixed(0)} m (CE90)`);
  const facts = [place, t("in {n} of {all} photographs", { n: row.looks, all: row.frames_over_it })];
  const way = outbox.of(row.id);
  if (way) facts.push(`${t(way.verdict)}: ${t("saving …")}`);
  else if (row.decision) facts.push(`${t(row.decision.verdict)} (${row.decision.reviewer}${row.decision.note ? `: ${row.decision.note}` : ""})`);
  $("facts").textContent = facts.join(" · ");
}

async function show(id) {
  const row = desk.byId.get(id);
  if (!row) return;
  if (desk.here !== id) { viewer.clear(); forget($("near")); $("frame-title").textContent = "\u00a0"; }
  desk.here = id;
  $("title").textContent = t("Candidate {id}, score {score}", { id: row.id, score: row.score.toFixed(2) });
  $("crop").src = cutOut(row);
  $("crop").alt = t("cut-out of candidate {id}", { id: row.id });
  $("measured").textContent = "";
  drawFacts();
  list.show(id);
  map.candidates(desk.rows, id);
  map.centre(row);
  act.shown(row);
  // Whole photographs are large: they are asked for once the reviewer stays, and what comes next is there by then.
  await new Promise((done) => { setTimeout(done, 80); });
  if (desk.here !== id) return;
  ahead();
  const detail = await get(`/api/candidates/${encodeURIComponent(id)}`);
  if (desk.here !== id) return;
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
  forget($("near"));
  $("near").append(all);
}

// Pictures that nobody waits for any more are not loaded: a decision would wait behind them.
function forget(pictures) {
  for (const image of pictures.querySelectorAll("img")) image.removeAttribute("src");
  pictures.replaceChildren();
}

async function next() {
  await outbox.idle();
  const { here } = desk;
  const answer = await post("/api/claim", { order: $("order").value, after: desk.here || "", ahead: AHEAD });
  hold(answer.candidate, answer);
  if (desk.here === here) await turnTo(answer.candidate);  // else the reviewer has gone on meanwhile
}

// What the console keeps for this desk, and for how long.
function hold(first, { ahead, claimed_s }) {
  desk.held = first === null ? [] : [first, ...ahead];
  desk.heldUntil = Date.now() + 900 * claimed_s;
  for (const row of desk.held.map((id) => desk.byId.get(id))) if (row) new Image().src = cutOut(row);
}

// Those of them that can come next.
function promised() {
  if (Date.now() > desk.heldUntil) return [];
  return desk.held.filter((id) => id !== desk.here && desk.byId.get(id)?.open && !outbox.of(id));
}

async function turnTo(candidate) {
  if (candidate === null) {
    // Nothing stays chosen: a key pressed once more must not decide anew on what was decided.
    unchosen();
    const left = desk.rows.filter((r) => r.open).length;
    say(left ? t("others look at the last {n}", { n: left }) : t("nothing is left for you to review"));
    $("title").textContent = left ? t("Waiting for what others leave") : t("Nothing is left for you to review");
    if (!desk.rows.length) $("title").textContent = desk.searched ? t("{n} photographs searched, no candidates; they are not cleared", { n: desk.searched }) : t("Nothing was searched yet: plan and fly, or run airbeat detect into this folder");
    if (!desk.rows.length) say("");
    return;
  }
  say("");
  if (!desk.byId.has(candidate)) await refreshed();
  await show(candidate);
}

function unchosen() {
  desk.here = null;
  list.mark(null);
  act.shown(undefined);
}

// The cut-outs that are likely to come next, so that the next key shows a picture at once.
function ahead() {
  const at = desk.rows.findIndex((r) => r.id === desk.here);
  const open = desk.rows.slice(at + 1).filter((r) => r.open && !r.claimed_by).slice(0, 3);
  for (const row of new Set([...promised().map((id) => desk.byId.get(id)), ...open, ...desk.rows.slice(at + 1, at + 3), ...desk.rows.slice(Math.max(at - 1, 0), at)])) new Image().src = cutOut(row);
}

// The next candidate is shown at once; this one counts as decided when the console has said so.
async function decide(verdict) {
  const candidate = desk.here;
  if (!desk.byId.has(candidate)) return;
  outbox.add({ candidate, verdict, note: $("note").value, seen_event: desk.event, generation: desk.generation, despite: false });
  $("note").value = "";
  await goOn();
}

async function goOn() {
  const [following] = promised();
  if (following) { say(""); await show(following); return; }
  unchosen();
  $("title").textContent = t("Saving …");
}

async function send({ candidate, undo: takesBack, ...said }) {
  if (takesBack) return post("/api/undo", { candidate, generation: said.generation });
  const keep = [...new Set([desk.here, ...desk.held])].filter((id) => id && id !== candidate).slice(0, AHEAD + 1);
  const body = { candidate, ...said, order: $("order").value, keep, ahead: AHEAD };
  try {
    return await post("/api/decide", body);
  } catch (error) {
    const now = error instanceof Refused && error.status === 409 && error.answer.now;
    if (!now) throw error;
    return await insisted(candidate, said.verdict, now) ? post("/api/decide", { ...body, despite: true }) : null;
  }
}

async function insisted(candidate, verdict, now) {
  $("conflict-words").textContent = t("{reviewer} decided meanwhile that {candidate} is: {now}. You say: {you}.", { reviewer: now.reviewer, candidate, now: t(now.verdict), you: t(verdict) });
  return await closed($("conflict-dialog")) === "despite";
}

// What a dialog was closed with; while it is open no key decides anything.
async function closed(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => { dialog.onclose = done; });
  return dialog.returnValue;
}

// The console has kept it, or, without an answer, the reviewer left it to who was faster.
async function settled({ candidate, verdict, note, undo: takesBack }, answer) {
  if (takesBack) { await takenBack(candidate); return; }
  const row = desk.byId.get(candidate);
  if (answer) {
    desk.mine.push(candidate);
    if (row) Object.assign(row, { verdict, open: false, decision: { verdict, note, reviewer: $("who").textContent, event: answer.event } });
    drawList();
    drawFacts();
    if ("next" in answer) hold(answer.next, answer);
  } else await guarded(refreshed);
  if (desk.here !== null) return;
  // Not awaited: pictures must not hold up what is still on its way.
  if (outbox.size || promised().length) guarded(goOn);
  else guarded(answer && "next" in answer ? () => turnTo(answer.next) : next);
}

async function takenBack(candidate) {
  const at = desk.mine.lastIndexOf(candidate);
  if (at >= 0) desk.mine.splice(at, 1);
  await guarded(refreshed);
  guarded(() => show(candidate));
  say(t("your decision on {candidate} is taken back", { candidate }));
}

// What was not kept is shown undecided again, the first of it on the desk, and nothing goes on before it is read.
async function failed(error, items) {
  const [first] = items;
  if (first.undo && error instanceof Refused && error.status === 404) { say(t("nothing of yours to take back on {candidate}", { candidate: first.candidate })); return; }
  const refused = error instanceof Refused;
  $("unsaved-words").textContent = refused ? t(error.message) : t("The console does not answer.");
  $("unsaved-list").replaceChildren(...items.map((item, at) => {
    const line = document.createElement("li"), unknown = !refused && at === 0;
    line.textContent = `${item.candidate}: ${item.undo ? t("undo") : t(item.verdict)}: ${unknown ? t("not known to be saved; the list shows what the log holds once the console is back") : t("not saved")}`;
    return line;
  }));
  if (first.note && !(refused && error.status === 409)) $("note").value = first.note;
  guarded(() => show(first.candidate));
  guarded(refreshed);
  await closed($("unsaved-dialog"));
}

function undo() {
  const candidate = outbox.items.findLast((item) => !item.undo)?.candidate || desk.mine.at(-1) || desk.here;
  if (candidate) outbox.add({ candidate, undo: true, generation: desk.generation });
}

async function step(by) {
  const { ids } = list;
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
    say(error instanceof TypeError ? t("the console does not answer") : error.message);
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
  source.onopen = () => {
    if ($("link-state").textContent) guarded(caughtUp);
    $("link-state").textContent = "";
  };
  source.onerror = () => { $("link-state").textContent = t("NO WORD FROM THE CONSOLE"); };
  source.onmessage = () => {
    waiting ||= setTimeout(() => { waiting = null; guarded(caughtUp); }, 150);
  };
}

async function caughtUp() {
  await refreshed();
  if (desk.here === null && !outbox.size && desk.rows.some((r) => r.open)) await next();
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
  $("operation").textContent = $("operation").title = self.operation;
  $("who").textContent = self.name;
  await refreshed();
  listen();
  await next();
  await map.load();
}

document.addEventListener("keydown", (e) => {
  if (document.querySelector("dialog[open]")) return;
  if (e.target.matches("input, select") || e.ctrlKey || e.metaKey || e.altKey) {
    if (e.key === "Escape") e.target.blur();
    return;
  }
  if (e.target.matches("button") && e.key === "Enter") return;
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  // A key that is held down decides once: what follows was not looked at yet.
  if ((e.repeat && VERDICTS[key]) || pressed(key)) e.preventDefault();
});
addEventListener("beforeunload", (e) => { if (outbox.size) e.preventDefault(); });
document.querySelector("footer").addEventListener("click", (e) => {
  const button = e.target.closest("button[data-key]");
  if (button) { pressed(button.dataset.key); button.blur(); }
});
$("filter").addEventListener("change", () => { drawList(); $("filter").blur(); });
$("order").addEventListener("change", () => { desk.held = []; $("order").blur(); });
$("invite").addEventListener("click", () => guarded(async () => {
  const { path } = await post("/api/invite", {});
  $("invite-link").textContent = location.origin + path;
  $("invite-dialog").showModal();
}));
$("hand-over").addEventListener("click", () => guarded(async () => {
  await outbox.idle();
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
$("who").addEventListener("click", () => guarded(async () => { await outbox.idle(); $("who").textContent = (await name()).name; await refreshed(); }));

const leaflet = document.createElement("script");
leaflet.src = "/static/leaflet/leaflet.js";
leaflet.onload = () => guarded(begin);
document.head.append(leaflet);
