// The map: plan, flown lines, footprints and candidates over a graticule; no tile is ever fetched.

/* global L */
import { get } from "./api.js";

const MARK = { person: "P", clue: "C", no: "N", unsure: "U" };

export class DeskMap {
  constructor(element, chosen) {
    this.chosen = chosen;
    this.pins = new Map();
    this.map = L.map(element, { attributionControl: false, zoomSnap: 0.25, maxZoom: 24, renderer: L.canvas() });
    this.map.setView([0, 0], 2);
    this.grid = L.layerGroup().addTo(this.map);
    this.map.on("moveend", () => this.graticule());
    L.control.scale({ imperial: false }).addTo(this.map);
    this.groups = { footprints: L.featureGroup(), planned: L.featureGroup(), flown: L.featureGroup(), candidates: L.featureGroup() };
    Object.values(this.groups).forEach((g) => g.addTo(this.map));
    L.control.layers(null, { "photographed": this.groups.footprints, "planned": this.groups.planned, "flown": this.groups.flown, "candidates": this.groups.candidates }, { collapsed: true }).addTo(this.map);
  }

  async load(fit = true) {
    const layers = await get("/api/layers");
    for (const name of ["footprints", "planned", "flown"]) this.groups[name].clearLayers();
    const put = (name, style) => L.geoJSON(layers[name], {
      style, pointToLayer: (f, at) => L.circleMarker(at, { radius: 3, color: "#333", weight: 1 }),
      onEachFeature: (f, layer) => layer.bindTooltip(document.createTextNode(f.properties.title || f.properties.name || "").textContent ? escaped(f.properties.title || f.properties.name) : ""),
    }).addTo(this.groups[name]);
    put("footprints", { color: "#0072b2", weight: 0.5, fillOpacity: 0.06 });
    put("planned", (f) => ({ color: f.properties.stroke || "#333", weight: 1.5, dashArray: f.geometry.type.includes("Line") ? "6 4" : null, fillOpacity: 0.03 }));
    put("flown", { color: "#000", weight: 2 });
    if (fit) this.fit();
  }

  fit() {
    const bounds = L.latLngBounds([]);
    Object.values(this.groups).forEach((g) => { const b = g.getBounds(); if (b.isValid()) bounds.extend(b); });
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [12, 12] });
  }

  candidates(rows, here) {
    const there = new Set(rows.map((r) => r.id));
    for (const [id, pin] of this.pins) if (!there.has(id)) { pin.remove(); this.groups.candidates.removeLayer(pin); this.pins.delete(id); }
    for (const row of rows) {
      if (row.lat_deg === null) continue;
      let pin = this.pins.get(row.id);
      if (!pin) {
        pin = L.marker([row.lat_deg, row.lon_deg], { keyboard: false }).addTo(this.groups.candidates);
        pin.on("click", () => this.chosen(row.id));
        pin.bindTooltip(escaped(row.id));
        this.pins.set(row.id, pin);
      }
      else if (pin.getLatLng().lat !== row.lat_deg || pin.getLatLng().lng !== row.lon_deg) pin.setLatLng([row.lat_deg, row.lon_deg]);
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

  graticule() {
    this.grid.clearLayers();
    const b = this.map.getBounds(), span = b.getNorth() - b.getSouth();
    const step = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001].find((s) => s < span / 3) || 0.00005;
    const style = { color: "#9aa3ad", weight: 0.6, interactive: false }, digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const label = (at, text) => L.marker(at, { interactive: false, keyboard: false, icon: L.divIcon({ className: "graticule", html: text, iconSize: [0, 0] }) }).addTo(this.grid);
    for (let lat = Math.ceil(b.getSouth() / step) * step; lat < b.getNorth(); lat += step) {
      L.polyline([[lat, b.getWest()], [lat, b.getEast()]], style).addTo(this.grid);
      label([lat, b.getWest()], `${lat.toFixed(digits)}°`);
    }
    for (let lon = Math.ceil(b.getWest() / step) * step; lon < b.getEast(); lon += step) {
      L.polyline([[b.getSouth(), lon], [b.getNorth(), lon]], style).addTo(this.grid);
      label([b.getNorth(), lon], `${lon.toFixed(digits)}°`);
    }
  }
}

// Names come from files: what Leaflet takes as HTML must not be able to be any.
export function escaped(text) {
  const node = document.createElement("span");
  node.textContent = text;
  return node.innerHTML;
}
