// The desk's map: plan, flown lines, footprints and candidates over what lies under every map.

/* global L */
import { get } from "./api.js";
import { addBase, escaped, MAP_OPTIONS } from "./basemap.js";
import { t } from "./words.js";

const MARK = { person: "P", clue: "C", no: "N", unsure: "U" };

export class DeskMap {
  constructor(element, chosen) {
    this.chosen = chosen;
    this.pins = new Map();
    this.map = L.map(element, { ...MAP_OPTIONS, renderer: L.canvas() });
    this.map.setView([0, 0], 2);
    this.groups = { footprints: L.featureGroup(), planned: L.featureGroup(), flown: L.featureGroup(), candidates: L.featureGroup() };
    Object.values(this.groups).forEach((g) => g.addTo(this.map));
    const { footprints, planned, flown, candidates } = this.groups;
    const names = { [t("photographed")]: footprints, [t("planned")]: planned, [t("flown")]: flown, [t("candidates")]: candidates };
    this.layers = L.control.layers(null, names, { collapsed: true }).addTo(this.map);
  }

  async load() {
    await addBase(this.map, this.layers);
    const layers = await get("/api/layers");
    const put = (name, style) => L.geoJSON(layers[name], {
      style, pointToLayer: (f, at) => L.circleMarker(at, { radius: 3, color: "#333", weight: 1 }),
      onEachFeature: (f, layer) => layer.bindTooltip(document.createTextNode(f.properties.title || f.properties.name || "").textContent ? escaped(f.properties.title || f.properties.name) : ""),
    }).addTo(this.groups[name]);
    put("footprints", { color: "#0072b2", weight: 0.5, fillOpacity: 0.06 });
    put("planned", (f) => ({ color: f.properties.stroke || "#333", weight: 1.5, dashArray: f.geometry.type.includes("Line") ? "6 4" : null, fillOpacity: 0.03 }));
    put("flown", { color: "#000", weight: 2 });
    this.fit();
  }

  fit() {
    const bounds = L.latLngBounds([]);
    Object.values(this.groups).forEach((g) => { const b = g.getBounds(); if (b.isValid()) bounds.extend(b); });
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [12, 12] });
  }

  candidates(rows, here) {
    for (const row of rows) {
      if (row.lat_deg === null) continue;
      let pin = this.pins.get(row.id);
      if (!pin) {
        pin = L.marker([row.lat_deg, row.lon_deg], { keyboard: false }).addTo(this.groups.candidates);
        pin.on("click", () => this.chosen(row.id));
        pin.bindTooltip(escaped(row.id));
        this.pins.set(row.id, pin);
      }
      const look = `pin ${row.verdict || ""} ${row.id === here ? "here" : ""}`;
      if (pin.look !== look) {
        pin.look = look;
        pin.setIcon(L.divIcon({ className: look, html: MARK[row.verdict] || "", iconSize: [18, 18] }));
      }
    }
  }

  centre(row) {
    if (row.lat_deg === null) return;
    if (this.ring) this.ring.remove();
    this.ring = L.circle([row.lat_deg, row.lon_deg], { radius: row.ce90_m || 1, color: "#d55e00", weight: 1, fill: false }).addTo(this.map);
    if (!this.map.getBounds().contains([row.lat_deg, row.lon_deg])) this.map.panTo([row.lat_deg, row.lon_deg], { animate: false });
  }
}
