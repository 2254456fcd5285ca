// Distances on the map: each click adds a point, the words say the last leg and all of them.

/* global L */
import { t } from "./words.js";

const metres = (m) => (m < 1000 ? `${m.toFixed(0)} m` : `${(m / 1000).toFixed(2)} km`);

function bearing(from, to) {
  const rad = Math.PI / 180, dLon = (to.lng - from.lng) * rad, a = from.lat * rad, b = to.lat * rad;
  const deg = Math.atan2(Math.sin(dLon) * Math.cos(b), Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(dLon)) / rad;
  return ((deg + 360) % 360).toFixed(0).padStart(3, "0");
}

export class Measure {
  constructor(map, button, output) {
    this.map = map;
    this.button = button;
    this.output = output;
    this.on = false;
    this.line = L.polyline([], { color: "#000", weight: 3, dashArray: "1 6", interactive: false });
    this.dots = L.layerGroup();
    map.on("click", (e) => { if (this.on) this.add(e.latlng); });
  }

  toggle() {
    this.on = !this.on;
    this.button.setAttribute("aria-pressed", String(this.on));
    this.map.getContainer().style.cursor = this.on ? "crosshair" : "";
    this.line.setLatLngs([]);
    this.dots.clearLayers();
    for (const layer of [this.line, this.dots]) this.on ? layer.addTo(this.map) : layer.remove();
    this.map.doubleClickZoom[this.on ? "disable" : "enable"]();
    this.output.textContent = this.on ? t("press the map at the first place") : "";
  }

  add(at) {
    this.line.addLatLng(at);
    L.circleMarker(at, { radius: 4, color: "#000", fillColor: "#fff", fillOpacity: 1, interactive: false }).addTo(this.dots);
    const points = this.line.getLatLngs();
    if (points.length < 2) { this.output.textContent = t("press the map at the next place"); return; }
    const legs = points.slice(1).map((p, n) => points[n].distanceTo(p));
    const last = metres(legs.at(-1)), way = bearing(points.at(-2), at);
    this.output.textContent = legs.length === 1
      ? t("{leg} at {bearing}°", { leg: last, bearing: way })
      : t("{all} in all; last leg {leg} at {bearing}°", { all: metres(legs.reduce((a, b) => a + b)), leg: last, bearing: way });
  }
}
