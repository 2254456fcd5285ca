// Uploading and flying: the vehicle, what it says, what may be ordered, and the search of its photographs.

/* global L */
import { post } from "./api.js";
import { element, list } from "./plan-ask.js";
import { t } from "./words.js";

const $ = (id) => document.getElementById(id);
const OTHER = "…";
const TRACK = { color: "#1a1a1a", weight: 3, interactive: false };

export class Flight {
  constructor(map, guarded, refreshed) {
    Object.assign(this, { map, guarded, refreshed });
    this.plan = "";
    this.job = "";
    this.drawn = "";
    this.track = L.polyline([], TRACK);
    this.mark = L.marker([0, 0], { interactive: false, zIndexOffset: 1000, icon: L.divIcon({ className: "mark-vehicle", iconSize: [16, 16] }) });
    const act = (path, more) => guarded(async () => { await post(path, { plan: this.plan, vehicle: this.vehicle(), speedup: Number($("speedup").value), ...more }); await refreshed(); });
    $("upload").addEventListener("click", () => act("/api/act/upload", { sortie: Number($("sortie").value || 1) }));
    $("fly").addEventListener("click", () => act("/api/act/fly", {}));
    $("resume").addEventListener("click", () => act("/api/act/fly", { resume: true }));
    $("search").addEventListener("click", () => guarded(async () => { await post("/api/act/search", {}); await refreshed(); }));
    $("vehicle").addEventListener("change", () => this.rows());
    $("speedup").addEventListener("change", () => sessionStorage.setItem("airbeat-speedup", $("speedup").value));
    for (const button of document.querySelectorAll("[data-wish]")) {
      button.addEventListener("click", () => guarded(async () => { await post("/api/act/order", { job: this.job, wish: button.dataset.wish }); await refreshed(); }));
    }
  }

  once(state) {
    $("no-control").hidden = state.control;
    $("control").hidden = !state.control;
    $("vehicle").replaceChildren(...[...state.vehicles, OTHER].map((v) => new Option(v === OTHER ? t("another address …") : v === "embedded" ? t("embedded (simulated, for training)") : v, v)));
    $("speedup").replaceChildren(...state.speedups.map((s) => new Option(s === 0 ? t("as fast as it can") : s === 1 ? t("as in reality") : t("{n} times as fast", { n: s }), String(s))));
    $("speedup").value = sessionStorage.getItem("airbeat-speedup") || "1";
    this.rows();
  }

  rows() {
    $("address-row").hidden = $("vehicle").value !== OTHER;
    $("speedup-row").hidden = $("vehicle").value !== "embedded";
  }

  vehicle() { return $("vehicle").value === OTHER ? $("address").value.trim() : $("vehicle").value; }

  told(state, plan) {
    this.plan = plan;
    const known = state.plans.find((p) => p.id === plan), mine = state.jobs.filter((j) => j.about.plan === plan && ["upload", "fly"].includes(j.kind));
    const busy = state.jobs.some((j) => ["upload", "fly"].includes(j.kind) && ["running", "asking"].includes(j.state) && j.about.vehicle === this.vehicle());
    $("fly-plan").textContent = !known ? t("Plan something first, or choose a plan.") : known.ok ? t("Plan: {name}", { name: known.name }) : t("The checks found errors in {name}: it does not fly.", { name: known.name });
    for (const id of ["upload", "fly", "resume"]) $(id).disabled = !known || !known.ok || busy;
    const flown = mine.find((j) => j.kind === "fly" && j.result);
    $("resume").hidden = !(flown && flown.result.may_go_on);
    this.flying(state.jobs.find((j) => ["fly", "send"].includes(j.kind) && j.state === "running" && j.live.phase));
    this.outcome(mine);
    this.photographs(state);
  }

  flying(job) {
    $("flight").hidden = !job;
    if (!job) { this.mark.remove(); return; }
    if (this.job !== job.id) { this.job = job.id; this.track.setLatLngs([]).addTo(this.map); }
    const live = job.live, number = (v, digits, unit) => (v === null || v === undefined ? "–" : `${v.toFixed(digits).replace(/^-(?=[0.]*$)/, "")} ${unit}`);
    const left = live.eta_s === undefined ? "–" : `${Math.floor(live.eta_s / 60)}:${String(Math.round(live.eta_s % 60)).padStart(2, "0")}`;
    const rows = [
      [t("now"), `${job.label}, ${live.mode || "–"}`], [t("height"), number(live.height_m, 0, "m")], [t("speed"), number(live.speed_m_s, 1, "m/s")],
      [t("battery"), live.battery_share === null || live.battery_share === undefined ? "–" : `${(live.battery_share * 100).toFixed(0)} %`],
      [t("item"), t("{item} of {items}", { item: live.item ?? "–", items: live.items ?? "–" })], [t("left"), `${left} min`], [t("photographs"), String(live.photos ?? 0)],
    ];
    $("flight-title").textContent = job.title;
    $("flight-rows").replaceChildren(...rows.flatMap(([k, v]) => [element("dt", k), element("dd", v)]));
    for (const button of document.querySelectorAll("[data-wish]")) button.disabled = !live.flying;
    if (typeof live.lat === "number") {
      this.track.addLatLng([live.lat, live.lon]);
      this.mark.setLatLng([live.lat, live.lon]).addTo(this.map);
    }
  }

  outcome(mine) {
    const box = [];
    const upload = mine.find((j) => j.kind === "upload" && j.result), flown = mine.find((j) => j.kind === "fly" && ["done", "failed"].includes(j.state));
    if (upload) {
      const r = upload.result;
      box.push(element("h2", r.verified ? t("On {vehicle}: verified", { vehicle: r.vehicle }) : t("On {vehicle}: {outcome}", { vehicle: r.vehicle, outcome: r.outcome }), r.verified ? "good" : "bad"));
      box.push(list([...r.lines.map((l) => element("li", l.words, l.good ? "" : "bad")), ...r.notes.map((n) => element("li", n))], "told"));
    }
    if (flown && flown.result) {
      const r = flown.result;
      if (flown.id !== this.drawn) { this.drawn = flown.id; this.track.setLatLngs(r.track).addTo(this.map); }
      box.push(element("h2", `${r.outcome}: ${r.explanation}`, r.outcome === "completed" ? "good" : "bad"));
      if (!r.landed) box.push(element("p", t("THE VEHICLE IS NOT KNOWN TO HAVE LANDED, AND NOBODY HERE WATCHES IT ANY MORE. Take over with the transmitter's mode switch, or with another ground station."), "bad"));
      const facts = [t("{seconds} s in the air, {photos} photographs", { seconds: Math.round(r.duration_s ?? 0), photos: r.photos }), ...flown.said];
      box.push(list(facts.map((f) => element("li", f)), "told"));
    } else if (flown) box.push(element("p", flown.error, "bad"));
    $("outcome").replaceChildren(...box);
  }

  photographs(state) {
    const search = state.jobs.find((j) => j.kind === "search"), running = search && search.state === "running";
    $("photographs").textContent = state.photographs ? t("{n} photographs of embedded flights.", { n: state.photographs }) : t("None yet. What other cameras took, airbeat detect searches into this folder.");
    $("search").disabled = !state.photographs || running;
    const done = search && search.result;
    $("to-desk").hidden = !done;
    $("searched").textContent = running ? search.label : done ? t("{frames} photographs searched: {candidates} candidates, none confirmed yet.", done) : "";
  }
}
