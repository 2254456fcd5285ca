// The live map: what is planned, flown, photographed, searched and found, and where the vehicles are now.

/* global L */
import { Alerts } from "./alerts.js";
import { get, me } from "./api.js";
import { addBase, escaped, MAP_OPTIONS } from "./basemap.js";
import { Craft, STALE_S, ageWords } from "./craft.js";
import { Measure } from "./measure.js";
import { t } from "./words.js";

const $ = (id) => document.getElementById(id);
const MARK = { person: "P", clue: "C", no: "N", unsure: "U" };
const CROWD = { green: "●", blue: "■", yellow: "▲", orange: "◆", red: "⬢" };
const SIGNS = { home: "H", rally: "R", "last-seen": "L" };
const STYLES = {
  area: { color: "#0072b2", weight: 2, fillOpacity: 0.04 },
  unseen: { color: "#0072b2", weight: 1, dashArray: "2 4", fillOpacity: 0.04 },
  "fence-inclusion": { color: "#009e73", weight: 3, fill: false },
  "fence-exclusion": { color: "#d55e00", weight: 3, dashArray: "2 6", fillOpacity: 0.15 },
  path: { color: "#cc79a7", weight: 2, dashArray: "7 5" },
};
const GROUPS = { area: "area", unseen: "area", "fence-inclusion": "fence", "fence-exclusion": "fence", path: "planned", waypoint: "planned", rally: "rally" };

// Words that come as values: t("person") t("clue") t("no") t("unsure") t("not reviewed") t("embedded vehicle")
// t("autopilot") t("file") t("raised") t("escalated") t("lowered") t("green") t("blue") t("yellow") t("orange")
// t("red") t("No ground is cleared: a person may be where a search found nothing.")
const NEVER_S = 8;

const page = { vehicles: [], crafts: new Map(), pins: new Map(), layers: null, case: null, heard: performance.now(), after: "0-0" };
const raised = { stale: new Set(), low: new Set(), candidates: null };
let map, control, groups, alerts, measure;

// --- layers

function build() {
  map = L.map($("map"), { ...MAP_OPTIONS, renderer: L.canvas() });
  map.setView([0, 0], 2);
  map.createPane("ground").style.zIndex = 250;
  const names = ["area", "fence", "footprints", "planned", "flown", "rally", "segments", "candidates", "vehicles"];
  groups = Object.fromEntries(names.map((name) => [name, L.featureGroup().addTo(map)]));
  groups.probability = L.layerGroup();
  groups.pod = L.layerGroup();
  groups.tracks = L.featureGroup().addTo(groups.flown);
  groups.records = L.featureGroup().addTo(groups.flown);
  groups.searched = L.featureGroup().addTo(groups.footprints);
  groups.taken = L.featureGroup().addTo(groups.footprints);
  control = L.control.layers(null, {
    [t("area")]: groups.area, [t("fence")]: groups.fence, [t("planned")]: groups.planned, [t("flown")]: groups.flown,
    [t("photographed")]: groups.footprints, [t("home and rally points")]: groups.rally, [t("candidates")]: groups.candidates,
    [t("vehicles")]: groups.vehicles,
  }).addTo(map);
  map.on("dragstart", () => { $("follow").value = ""; });
}

function letter(at, sign, words, group) {
  const icon = L.divIcon({ className: "letter-mark", html: sign, iconSize: [18, 18] });
  return L.marker(at, { keyboard: false, icon }).bindTooltip(escaped(words)).addTo(group);
}

const footprint = (feature, group) => L.geoJSON(feature, { style: { color: "#56b4e9", weight: 0.7, fillOpacity: 0.12 }, interactive: false }).addTo(group);

async function drawLayers() {
  const layers = await get("/api/layers");
  for (const name of ["area", "fence", "planned", "rally"]) groups[name].clearLayers();
  groups.records.clearLayers();
  groups.searched.clearLayers();
  for (const feature of layers.planned) {
    const { kind, title } = feature.properties;
    const group = groups[GROUPS[kind] || "rally"];
    if (feature.geometry.type === "Point") {
      const at = [feature.geometry.coordinates[1], feature.geometry.coordinates[0]];
      if (SIGNS[kind]) letter(at, SIGNS[kind], title, group);
      else L.circleMarker(at, { radius: 2.5, color: "#cc79a7", weight: 1 }).bindTooltip(escaped(title)).addTo(group);
    } else {
      L.geoJSON(feature, { style: STYLES[kind] || STYLES.path }).bindTooltip(escaped(title), { sticky: true }).addTo(group);
    }
  }
  for (const feature of layers.flown) {
    L.geoJSON(feature, { style: { color: "#000", weight: 2.5 } }).bindTooltip(escaped(feature.properties.name), { sticky: true }).addTo(groups.records);
  }
  for (const feature of layers.footprints) footprint(feature, groups.searched);
  for (const name of ["area", "fence"]) groups[name].eachLayer((layer) => layer.bringToBack());
}

// --- the case

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}\u00a0%`;

function searchedWords(s) {
  if (!s.pod_high) return t("{name}: not searched yet; the person is here with {poa}", { name: s.name, poa: percent(s.poa_after) });
  return t("{name}: searched with POD {low} to {high}; {gap} of it in no photograph; the person is here with {poa}", {
    name: s.name, low: percent(s.pod_low), high: percent(s.pod_high), gap: percent(s.gap), poa: percent(s.poa_after),
  });
}

async function drawCase() {
  const found = await get("/api/case");
  $("case").hidden = found === null;
  if (found === null) return;
  const first = page.caseNumber === undefined;
  page.caseNumber = found.version;
  const picture = (name) => L.imageOverlay(`/picture/case/${name}?v=${found.version}`, found.bounds, { pane: "ground", className: `case-${name}` });
  for (const name of ["poa", "pod"]) {
    const group = groups[name === "poa" ? "probability" : "pod"];
    group.clearLayers();
    picture(name).addTo(group);
  }
  groups.segments.clearLayers();
  const outline = { color: "#333", weight: 1.2, dashArray: "1 3", fillOpacity: 0 };
  for (const feature of found.segments) {
    if (!feature.geometry.coordinates || !feature.geometry.coordinates.length) continue;
    L.geoJSON(feature, { style: outline }).bindTooltip(escaped(searchedWords(feature.properties)), { sticky: true, className: "segment-words" }).addTo(groups.segments);
  }
  letter([found.last_known.lat_deg, found.last_known.lon_deg], SIGNS["last-seen"], t("last known place"), groups.segments);
  for (const place of found.launches) letter([place.lat_deg, place.lon_deg], SIGNS.home, place.name, groups.segments);
  $("case-words").textContent = found.updates
    ? t("{name}: updated {n} times; all searches together would have found the person with {low} to {high}", {
      name: found.name, n: found.updates, low: percent(found.opos_low), high: percent(found.opos_high),
    })
    : t("{name}: not searched yet", { name: found.name });
  $("case-note").textContent = found.trouble ? `⚠ ${found.trouble}` : t(found.note);
  if (!first) return;
  control.addOverlay(groups.probability, t("probability map"));
  control.addOverlay(groups.pod, t("searched: POD"));
  control.addOverlay(groups.segments, t("segments"));
  (found.updates ? groups.pod : groups.probability).addTo(map);
  scale(t("the person is within the darkest colours with"), found.poa_scale.map((s) => [s.colour, `${s.share_percent} %`]));
  scale(t("searched with POD of at least"), found.pod_scale.map((s) => [s.colour, s.from_percent ? `${s.from_percent} %` : t("above 0")]));
}

function scale(words, steps) {
  const box = document.createElement("div"), list = document.createElement("ul");
  box.className = "scale";
  box.append(words, list);
  for (const [colour, label] of steps) {
    const item = document.createElement("li"), patch = document.createElement("i");
    patch.style.background = colour;
    item.append(patch, label);
    list.append(item);
  }
  $("scales").append(box);
}

// --- candidates

async function drawCandidates() {
  const { candidates } = await get("/api/live/candidates");
  const known = raised.candidates;
  raised.candidates = new Set(candidates.map((row) => row.id));
  for (const row of candidates) {
    if (known && !known.has(row.id)) candidateAlert(row.id, row.score);
    if (row.lat_deg === null) continue;
    const words = t("candidate {id}, score {score}: {verdict}", { id: row.id, score: row.score.toFixed(2), verdict: t(row.verdict || "not reviewed") });
    let pin = page.pins.get(row.id);
    if (!pin) {
      pin = L.marker([row.lat_deg, row.lon_deg], { title: "", alt: row.id }).addTo(groups.candidates);
      pin.bindTooltip("");
      page.pins.set(row.id, pin);
    }
    pin.setTooltipContent(escaped(words));
    if (pin.verdict === row.verdict) continue;
    pin.verdict = row.verdict;
    pin.setIcon(L.divIcon({ className: `pin ${row.verdict || "unreviewed"}`, html: MARK[row.verdict] || "?", iconSize: [18, 18] }));
  }
}

function candidateAlert(id, score) {
  if (typeof score !== "number" || score < Number($("alert-score").value)) return;
  alerts.raise("◎", t("new candidate {id}, score {score}", { id, score: score.toFixed(2) }));
}

// --- vehicles

// The rows as of now: what the console says, made older by the time since it said so.
function aged() {
  const silent = Math.max((performance.now() - page.heard) / 1000 - 1.5, 0);
  return page.vehicles.map((row) => {
    if (row.age_s === null || silent === 0) return row;
    const age = row.age_s + silent;
    return { ...row, age_s: age, stale: age > STALE_S };
  });
}

function drawVehicles() {
  const rows = aged(), names = new Set(rows.map((row) => row.name));
  for (const [name, craft] of page.crafts) if (!names.has(name)) { craft.remove(); page.crafts.delete(name); }
  for (const row of rows) {
    let craft = page.crafts.get(row.name);
    if (!craft) {
      craft = new Craft(row.name, groups.vehicles, groups.tracks);
      page.crafts.set(row.name, craft);
      $("vehicles").append(craft.card);
    }
    if (row.track) { craft.track(row.track); delete row.track; }
    craft.show(row);
    watch(row);
  }
  $("no-vehicles").hidden = rows.length > 0;
  drawFollow(rows);
}

function drawFollow(rows) {
  const choice = $("follow"), names = rows.map((row) => row.name);
  const there = [...choice.options].slice(1).map((option) => option.value);
  if (there.join("\n") !== names.join("\n")) {
    const now = choice.value;
    choice.replaceChildren(choice.options[0], ...names.map((name) => new Option(name, name)));
    choice.value = names.includes(now) ? now : "";
  }
  const row = rows.find((r) => r.name === choice.value);
  if (row && row.lat_deg !== null) map.panTo([row.lat_deg, row.lon_deg], { animate: true });
}

function watch(row) {
  const { name } = row, limit = Number($("alert-battery").value);
  // The console may only just have begun to listen for it.
  if (row.age_s === null && performance.now() < NEVER_S * 1000) return;
  if (row.stale && !raised.stale.has(name)) {
    raised.stale.add(name);
    alerts.raise("⚠", `${name}: ${ageWords(row)}`);
  } else if (!row.stale && raised.stale.delete(name)) {
    alerts.raise("✓", t("{name} is heard again", { name }), { serious: false });
  }
  if (row.battery_percent === null) return;
  if (row.battery_percent < limit && !raised.low.has(name)) {
    raised.low.add(name);
    alerts.raise("▼", t("{name}: battery at {n} %", { name, n: row.battery_percent }));
  } else if (row.battery_percent > limit + 5) {
    raised.low.delete(name);
  }
}

// --- what happens

function took(now) {
  page.heard = performance.now();
  page.vehicles = now.vehicles;
  for (const feature of now.footprints) footprint(feature, groups.taken);
  page.after = `${now.log}-${now.photographs}`;
  drawVehicles();
}

function said(event, fresh) {
  const item = document.createElement("li");
  item.textContent = `${event.time_utc.slice(11, 19)} UTC  ${event.words}`;
  $("log").prepend(item);
  while ($("log").children.length > 100) $("log").lastChild.remove();
  if (!fresh) return;
  if (event.kind === "candidate.found" && !(raised.candidates && raised.candidates.has(event.candidate))) {
    raised.candidates?.add(event.candidate);
    candidateAlert(event.candidate, event.score);
  }
  if (event.kind === "crowd.alert") {
    const words = t("gathering at {zone}: alert {what} to {colour}", { zone: event.zone, what: t(event.what), colour: t(event.colour) });
    alerts.raise(CROWD[event.colour] || "●", words, { serious: event.what !== "lowered" });
  }
}

function changed(now) {
  const work = [];
  if (now.layers !== null && now.layers !== page.layers) { page.layers = now.layers; work.push(guarded(drawLayers)); }
  if (now.case !== page.case) { page.case = now.case; work.push(guarded(drawCase)); }
  return Promise.all(work);
}

// Begun anew, with whole tracks, when the console answers again.
function lost() {
  $("link-state").textContent = t("⚠ NO WORD FROM THE CONSOLE");
  setTimeout(() => begun().then(listen, lost), 2000);
}

async function begun() {
  const now = await get("/api/live");
  groups.taken.clearLayers();
  took(now);
  $("log").replaceChildren();
  now.said.forEach((event) => said(event, false));
  await changed(now);
  await guarded(drawCandidates);
}

function listen() {
  const source = new EventSource(`/api/live/events?after=${page.after}`);
  source.onopen = () => { $("link-state").textContent = ""; };
  source.onerror = () => {
    source.close();
    lost();
  };
  source.onmessage = (message) => {
    const now = JSON.parse(message.data);
    took(now);
    now.said.forEach((event) => said(event, true));
    changed(now);
    if (now.said.length) guarded(drawCandidates);
  };
}

async function guarded(action) {
  try {
    await action();
  } catch (error) {
    $("link-state").textContent = error instanceof TypeError ? t("⚠ NO WORD FROM THE CONSOLE") : `⚠ ${error.message}`;
  }
}

function showAll() {
  const bounds = L.latLngBounds([]);
  for (const group of Object.values(groups)) {
    const b = group.getBounds && group.getBounds();
    if (b && b.isValid()) bounds.extend(b);
  }
  $("follow").value = "";
  if (bounds.isValid()) map.fitBounds(bounds, { padding: [24, 24], animate: false });
}

function print() {
  $("printed").textContent = t("as of {time}", { time: new Date().toLocaleString([], { hour12: false }) });
  document.body.classList.add("printing");
  map.invalidateSize({ animate: false });
  setTimeout(() => { window.print(); document.body.classList.remove("printing"); map.invalidateSize({ animate: false }); }, 700);
}

async function begin() {
  alerts = new Alerts($("alerts"), $("no-alerts"), $("sound"));
  build();
  measure = new Measure(map, $("measure"), $("measured"));
  $("operation").textContent = $("operation").title = (await me()).operation;
  await addBase(map, control);
  setInterval(drawVehicles, 1000);
  await begun().then(listen, lost);
  showAll();
}

$("fit").addEventListener("click", showAll);
$("print").addEventListener("click", print);
$("measure").addEventListener("click", () => measure.toggle());
$("follow").addEventListener("change", drawVehicles);
for (const id of ["alert-score", "alert-battery"]) {
  $(id).value = localStorage.getItem(`airbeat-${id}`) ?? $(id).value;
  $(id).addEventListener("change", () => localStorage.setItem(`airbeat-${id}`, $(id).value));
}

const leaflet = document.createElement("script");
leaflet.src = "/static/leaflet/leaflet.js";
leaflet.onload = () => guarded(begin);
document.head.append(leaflet);
