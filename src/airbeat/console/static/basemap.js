// What lies under every map: base maps from this machine's files, and a graticule. No tile comes from elsewhere.

/* global L */
import { get } from "./api.js";
import { t } from "./words.js";

const STEPS_DEG = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001, 0.00005];

export const MAP_OPTIONS = { attributionControl: false, zoomSnap: 0.25, minZoom: 1, maxZoom: 24 };

// Names come from files: what Leaflet takes as HTML must not be able to be any.
export function escaped(text) {
  const node = document.createElement("span");
  node.textContent = text;
  return node.innerHTML;
}

// A graticule that follows the map, the base maps that the console was given, and a scale. Where there is a
// control of layers they are added to it; where there is none but a choice, one is made. Resolves to the base
// layers by name, with an empty one for the graticule alone.
export async function addBase(map, control = null) {
  const grid = L.layerGroup().addTo(map);
  map.on("moveend", () => drawGraticule(map, grid));
  L.control.scale({ imperial: false }).addTo(map);
  map.whenReady(() => drawGraticule(map, grid));
  const { bases } = await get("/api/bases");
  const layers = new Map(bases.map((base) => [base.name, tiles(base)]));
  layers.set(t("graticule only"), L.layerGroup());
  if (bases.length) {
    L.control.attribution({ prefix: false, position: "bottomright" }).addTo(map);
    layers.values().next().value.addTo(map);
    const choice = control || L.control.layers(null, null).addTo(map);
    for (const [name, layer] of layers) choice.addBaseLayer(layer, escaped(name));
  }
  return layers;
}

function tiles(base) {
  return L.tileLayer(`/base/${base.number}/{z}/{x}/{y}`, {
    bounds: base.bounds && L.latLngBounds(base.bounds),
    maxNativeZoom: base.max_zoom,
    maxZoom: MAP_OPTIONS.maxZoom,
    attribution: escaped(base.attribution),
    className: "base-tile",
  });
}

function drawGraticule(map, grid) {
  grid.clearLayers();
  const b = map.getBounds(), span = b.getNorth() - b.getSouth();
  const step = STEPS_DEG.find((s) => s < span / 3) || STEPS_DEG.at(-1);
  const style = { color: "#9aa3ad", weight: 0.6, interactive: false }, digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const label = (at, degrees) => L.marker(at, {
    interactive: false, keyboard: false,
    icon: L.divIcon({ className: "graticule", html: `${degrees.toFixed(digits)}°`, iconSize: [0, 0] }),
  }).addTo(grid);
  for (let lat = Math.ceil(b.getSouth() / step) * step; lat < b.getNorth(); lat += step) {
    L.polyline([[lat, b.getWest()], [lat, b.getEast()]], style).addTo(grid);
    label([lat, b.getWest()], lat);
  }
  for (let lon = Math.ceil(b.getWest() / step) * step; lon < b.getEast(); lon += step) {
    L.polyline([[b.getSouth(), lon], [b.getNorth(), lon]], style).addTo(grid);
    label([b.getNorth(), lon], lon);
  }
}
