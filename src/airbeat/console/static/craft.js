// Vehicles: arrows on the map and cards beside it, with the age of what is known of them.

/* global L */
import { t } from "./words.js";

export const STALE_S = 3;
const ARROW = "M 17 1 L 30 32 L 17 25 L 4 32 Z";

const shown = (value, unit, digits = 0) => (value === null || value === undefined ? "–" : `${value.toFixed(digits)}\u00a0${unit}`);

export function ageWords(row) {
  if (row.age_s === null) return t("NEVER HEARD");
  const age = row.age_s < 90 ? `${row.age_s.toFixed(0)}\u00a0s` : `${(row.age_s / 60).toFixed(0)}\u00a0min`;
  return row.stale ? t("STALE: nothing heard for {age}", { age }) : t("heard {age} ago", { age });
}

export class Craft {
  constructor(name, markers, tracks) {
    this.name = name;
    this.markers = markers;
    this.tracks = tracks;
    this.mark = null;
    this.line = null;
    this.card = document.createElement("li");
    this.card.dataset.name = name;
    this.parts = ["b", "span", "p", "p"].map((kind) => document.createElement(kind));
    this.card.append(...this.parts);
  }

  track(points) {
    const places = points.map(([lon, lat]) => [lat, lon]);
    if (this.line) this.line.setLatLngs(places);
    else this.line = L.polyline(places, { color: "#000", weight: 2.5, interactive: false }).addTo(this.tracks);
  }

  // A row as the console sends it, its age counted on by this page's clock.
  show(row) {
    const [name, kind, numbers, age] = this.parts;
    const item = row.mission_item === null ? "" : t("item {n} of {all}", { n: row.mission_item, all: row.mission_items ?? "–" });
    const armed = row.armed === null ? "" : row.armed ? t("armed") : t("disarmed");
    name.textContent = row.name;
    kind.textContent = `  ${[row.kind === row.name ? "" : t(row.kind), row.mode, armed, item].filter(Boolean).join(" · ")}`;
    numbers.textContent = t("height {height} · {speed} · battery {battery}", {
      height: shown(row.height_above_home_m, "m"), speed: shown(row.speed_m_s, "m/s", 1), battery: shown(row.battery_percent, "%"),
    });
    age.textContent = `${row.stale ? "⚠ " : ""}${ageWords(row)}`;
    age.className = "age";
    this.card.className = row.stale ? "stale" : "";
    if (row.lat_deg === null) return;
    this.place(row);
  }

  place(row) {
    const at = [row.lat_deg, row.lon_deg];
    if (!this.mark) this.build(at);
    this.mark.setLatLng(at);
    this.shape.setAttribute("transform", `rotate(${row.heading_deg ?? 0} 17 17)`);
    this.box.className = row.stale ? "craft-mark stale" : "craft-mark";
    const words = [row.name, shown(row.height_above_home_m, "m"), shown(row.battery_percent, "%")];
    this.label.textContent = `${words.join(" · ")} · ${row.stale ? `⚠ ${ageWords(row)}` : `${row.age_s.toFixed(0)}\u00a0s`}`;
    if (!row.stale) this.grow(at);
  }

  build(at) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("width", "34");
    svg.setAttribute("height", "34");
    this.shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    this.shape.setAttribute("d", ARROW);
    svg.append(this.shape);
    this.box = document.createElement("div");
    this.label = document.createElement("span");
    this.box.append(svg, this.label);
    this.mark = L.marker(at, {
      keyboard: false, zIndexOffset: 1000, icon: L.divIcon({ className: "", html: this.box, iconSize: [0, 0] }),
    }).addTo(this.markers);
  }

  grow(at) {
    if (!this.line) this.track([]);
    const last = this.line.getLatLngs().at(-1);
    if (!last || last.lat !== at[0] || last.lng !== at[1]) this.line.addLatLng(at);
  }

  remove() {
    this.card.remove();
    for (const layer of [this.mark, this.line]) if (layer) layer.remove();
  }
}
