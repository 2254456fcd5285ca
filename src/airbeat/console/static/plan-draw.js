// Drawing on the map: polygons, a line and places, corner by corner, with undo. Positions are [lat, lon] degrees.

/* global L */
import { t } from "./words.js";

export const COLOURS = { area: "#1f6feb", fence: "#1a7f37", keepout: "#cf222e", line: "#bc4c00" };
const NEAR_PX = 10;
const MOST_UNDO = 100;
const MOST_MIDDLES = 150;
const MOST_LABELS = 60;

// Metres a degree of latitude and of longitude, WGS84 series.
function scale(lat) {
  const p = (lat * Math.PI) / 180;
  return [
    111132.954 - 559.822 * Math.cos(2 * p) + 1.175 * Math.cos(4 * p),
    111412.84 * Math.cos(p) - 93.5 * Math.cos(3 * p) + 0.118 * Math.cos(5 * p),
  ];
}

export function distance(a, b) {
  const [north, east] = scale((a[0] + b[0]) / 2);
  return Math.hypot((b[0] - a[0]) * north, (b[1] - a[1]) * east);
}

export function length(points, closed) {
  const ends = closed ? [...points.slice(1), points[0]] : points.slice(1);
  return ends.reduce((sum, end, i) => sum + distance(points[i], end), 0);
}

export function size(rings) {
  const [north, east] = scale(rings[0][0][0]), [lat0, lon0] = rings[0][0];
  const one = (ring) => Math.abs(ring.reduce((sum, p, i) => {
    const q = ring[(i + 1) % ring.length];
    return sum + (p[1] - lon0) * east * (q[0] - lat0) * north - (q[1] - lon0) * east * (p[0] - lat0) * north;
  }, 0)) / 2;
  return rings.slice(1).reduce((left, hole) => left - one(hole), one(rings[0]));
}

export const metres = (m) => (m < 1000 ? `${m.toFixed(m < 100 ? 1 : 0)} m` : `${(m / 1000).toFixed(2)} km`);
export const square = (m2) => (m2 < 10000 ? `${m2.toFixed(0)} m²` : m2 < 1e6 ? `${(m2 / 10000).toFixed(2)} ha` : `${(m2 / 1e6).toFixed(3)} km²`);

export class Editor {
  // changed() is called after every change, chosen() when another shape or corner is chosen, told(words) while drawing.
  constructor(map, { changed, chosen, told }) {
    Object.assign(this, { map, changed, chosen, told });
    this.drawing = { shapes: [], home: null, place: null };
    this.tool = null; this.points = []; this.at = null; this.corner = null; this.past = [];
    this.shown = L.layerGroup().addTo(map);
    this.rubber = L.layerGroup().addTo(map);
    map.on("click", (e) => this.clicked(e.latlng));
    map.on("dblclick", () => { if (this.tool) this.finish(); });
    map.on("mousemove", (e) => this.moved(e.latlng));
    map.on("zoomend", () => this.draw());
  }

  load(drawing) { this.remember(); this.drawing = drawing; this.choose(null); this.redrawn(); }

  start(tool) {
    this.cancel();
    this.tool = tool;
    this.choose(null);
    this.map.doubleClickZoom.disable();
    this.map.getContainer().classList.add("drawing");
    this.hint();
  }

  cancel() {
    this.tool = null; this.points = [];
    this.rubber.clearLayers();
    this.map.doubleClickZoom.enable();
    this.map.getContainer().classList.remove("drawing");
    this.hint();
  }

  hint() {
    const n = this.points.length;
    if (!this.tool) { this.told(t("Choose what to draw, or click a shape to change it.")); return; }
    if (this.tool === "home" || this.tool === "place") { this.told(t("Click the place on the map.")); return; }
    const open = this.tool === "line";
    let words = t("Click corner after corner; double-click, Enter or the first corner ends. Backspace takes one back, Esc all.");
    if (n > 1) words = t("{length} so far", { length: metres(length(this.points, false)) }) + (n > 2 && !open ? `, ${square(size([this.points]))}` : "") + ". " + words;
    this.told(words);
  }

  clicked(latlng) {
    const at = [latlng.lat, latlng.lng];
    if (!this.tool) { if (this.at !== null) this.choose(null); return; }
    if (this.tool === "home" || this.tool === "place") {
      this.remember();
      this.drawing[this.tool] = at;
      this.cancel();
      this.redrawn();
      return;
    }
    if (this.points.length > 2 && this.tool !== "line" && this.near(at, this.points[0])) { this.finish(); return; }
    if (this.points.length && this.near(at, this.points.at(-1), 4)) return;
    this.points.push(at);
    this.moved(latlng);
    this.hint();
  }

  near(a, b, px = NEAR_PX) { return this.map.latLngToContainerPoint(a).distanceTo(this.map.latLngToContainerPoint(b)) < px; }

  moved(latlng) {
    if (!this.points.length) return;
    this.rubber.clearLayers();
    const here = [latlng.lat, latlng.lng], colour = COLOURS[this.tool];
    L.polyline([...this.points, here], { color: colour, weight: 2, interactive: false }).addTo(this.rubber);
    if (this.tool !== "line" && this.points.length > 1) L.polyline([here, this.points[0]], { color: colour, weight: 1, dashArray: "4 4", interactive: false }).addTo(this.rubber);
    this.points.forEach((p) => L.marker(p, { interactive: false, icon: L.divIcon({ className: "corner", iconSize: [9, 9] }) }).addTo(this.rubber));
    this.label(this.points.at(-1), here, this.rubber);
  }

  label(a, b, layer) {
    const px = this.map.latLngToContainerPoint(a).distanceTo(this.map.latLngToContainerPoint(b));
    if (px < 46) return;
    const middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    L.marker(middle, { interactive: false, keyboard: false, icon: L.divIcon({ className: "measure", html: metres(distance(a, b)), iconSize: [0, 0], iconAnchor: [14, -6] }) }).addTo(layer);
  }

  finish() {
    const least = this.tool === "line" ? 2 : 3, points = this.points, role = this.tool;
    if (points.length < least) return;
    this.remember();
    if (role === "line") this.drawing.shapes = this.drawing.shapes.filter((s) => s.role !== "line");
    this.drawing.shapes.push({ role, rings: [points] });
    this.cancel();
    this.choose(this.drawing.shapes.length - 1);
    this.redrawn();
  }

  back() {
    this.points.pop();
    this.rubber.clearLayers();
    if (this.points.length) this.moved(L.latLng(this.points.at(-1)));
    this.hint();
  }

  // What is there

  choose(at, corner = null) {
    this.at = at; this.corner = corner;
    this.draw();
    this.chosen();
  }

  get shape() { return this.at === null ? null : this.drawing.shapes[this.at]; }

  draw() {
    this.shown.clearLayers();
    this.drawing.shapes.forEach((shape, at) => this.outline(shape, at));
    if (this.shape) this.corners(this.shape);
    this.mark("home", "mark-home", "H", t("take-off place"));
    this.mark("place", "mark-place", "", t("place"));
  }

  outline(shape, at) {
    const style = { color: COLOURS[shape.role], weight: at === this.at ? 3 : 2, fillOpacity: shape.role === "fence" ? 0 : 0.1, dashArray: shape.role === "fence" ? "8 4" : null };
    const line = shape.role === "line" ? L.polyline(shape.rings[0], style) : L.polygon(shape.rings, style);
    line.on("click", (e) => { if (this.tool) return; L.DomEvent.stopPropagation(e); this.choose(at); });
    line.addTo(this.shown);
    shape.line = undefined;
    Object.defineProperty(shape, "line", { value: line, enumerable: false, configurable: true, writable: true });
  }

  corners(shape) {
    const count = shape.rings.reduce((n, r) => n + r.length, 0);
    shape.rings.forEach((ring, r) => {
      const open = shape.role === "line", last = open ? ring.length - 1 : ring.length;
      ring.forEach((p, i) => this.handle(shape, r, i, p));
      for (let i = 0; i < last; i += 1) {
        const q = ring[(i + 1) % ring.length];
        if (count <= MOST_LABELS) this.label(ring[i], q, this.shown);
        if (count <= MOST_MIDDLES) this.middle(shape, r, i, [(ring[i][0] + q[0]) / 2, (ring[i][1] + q[1]) / 2]);
      }
    });
  }

  handle(shape, r, i, at) {
    const chosen = this.corner && this.corner[0] === r && this.corner[1] === i;
    const handle = L.marker(at, { draggable: true, keyboard: false, icon: L.divIcon({ className: `corner${chosen ? " chosen" : ""}`, iconSize: [13, 13] }) });
    handle.on("click", (e) => { L.DomEvent.stopPropagation(e); this.choose(this.at, [r, i]); });
    handle.on("contextmenu", (e) => { L.DomEvent.stopPropagation(e); this.corner = [r, i]; this.deleteCorner(); });
    handle.on("dragstart", () => this.remember());
    handle.on("drag", () => { const p = handle.getLatLng(); shape.rings[r][i] = [p.lat, p.lng]; this.reshape(shape); });
    handle.on("dragend", () => { this.choose(this.at, [r, i]); this.redrawn(); });
    handle.addTo(this.shown);
  }

  middle(shape, r, i, at) {
    const handle = L.marker(at, { draggable: true, keyboard: false, icon: L.divIcon({ className: "middle", iconSize: [9, 9] }) });
    handle.on("dragstart", () => { this.remember(); shape.rings[r].splice(i + 1, 0, at); });
    handle.on("drag", () => { const p = handle.getLatLng(); shape.rings[r][i + 1] = [p.lat, p.lng]; this.reshape(shape); });
    handle.on("dragend", () => { this.choose(this.at, [r, i + 1]); this.redrawn(); });
    handle.addTo(this.shown);
  }

  reshape(shape) { shape.line.setLatLngs(shape.role === "line" ? shape.rings[0] : shape.rings); }

  mark(which, className, html, title) {
    const at = this.drawing[which];
    if (!at) return;
    const mark = L.marker(at, { draggable: true, title, zIndexOffset: 500, icon: L.divIcon({ className, html, iconSize: [20, 20] }) });
    mark.on("dragstart", () => this.remember());
    mark.on("dragend", () => { const p = mark.getLatLng(); this.drawing[which] = [p.lat, p.lng]; this.redrawn(); });
    mark.addTo(this.shown);
  }

  // Changes

  add(role, ring) { this.remember(); this.drawing.shapes.push({ role, rings: [ring] }); this.choose(this.drawing.shapes.length - 1); this.redrawn(); }

  replace(role, ring) {
    this.remember();
    this.drawing.shapes = [...this.drawing.shapes.filter((s) => s.role !== role), { role, rings: [ring] }];
    this.choose(null);
    this.redrawn();
  }

  deleteCorner() {
    if (!this.shape || !this.corner) return;
    const [r, i] = this.corner, ring = this.shape.rings[r], least = this.shape.role === "line" ? 2 : 3;
    if (ring.length <= least) { this.told(t("A shape keeps {least} corners; delete the shape instead.", { least })); return; }
    this.remember();
    ring.splice(i, 1);
    this.choose(this.at);
    this.redrawn();
  }

  deleteShape() {
    if (!this.shape) return;
    this.remember();
    this.drawing.shapes.splice(this.at, 1);
    this.choose(null);
    this.redrawn();
  }

  copy() { return JSON.stringify(this.drawing); }

  remember() { this.past.push(this.copy()); if (this.past.length > MOST_UNDO) this.past.shift(); }

  undo() {
    if (this.tool && this.points.length) { this.back(); return; }
    const before = this.past.pop();
    if (before === undefined) return;
    this.drawing = JSON.parse(before);
    this.choose(null);
    this.redrawn();
  }

  redrawn() { this.draw(); this.changed(); }

  bounds() {
    const all = this.drawing.shapes.flatMap((s) => s.rings.flat());
    for (const which of ["home", "place"]) if (this.drawing[which]) all.push(this.drawing[which]);
    return L.latLngBounds(all);
  }
}
