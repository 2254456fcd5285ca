// A plan as it was made: line, footprints and fence on the map, its figures, what the checks found, its files.

/* global L */
import { post } from "./api.js";
import { escaped } from "./basemap.js";
import { element, findingWords, list } from "./plan-ask.js";
import { t } from "./words.js";

const $ = (id) => document.getElementById(id);

export class Shown {
  constructor(map, editor, guarded) {
    Object.assign(this, { map, editor, guarded });
    this.plan = null;
    this.layer = L.layerGroup();
    $("export").addEventListener("click", () => guarded(() => this.write()));
    $("format").addEventListener("change", () => { $("aircraft").hidden = $("format").value !== "dji"; });
  }

  hide() { this.layer.remove(); this.map.addLayer(this.editor.shown); }

  async show(plan) {
    this.plan = plan;
    this.editor.cancel();
    this.editor.choose(null);
    this.map.removeLayer(this.editor.shown);
    $("no-plan").hidden = true;
    $("planned").hidden = false;
    $("plan-name").textContent = plan.name;
    $("rows").replaceChildren(...plan.rows.flatMap(([label, value]) => [element("dt", label), element("dd", value)]));
    $("findings").replaceChildren(...(plan.findings.length ? plan.findings.map((f) => this.finding(f)) : [element("li", t("The checks found nothing."), "good")]));
    $("plan-notes").replaceChildren(...plan.notes.map((n) => element("li", n)));
    $("edit").disabled = !plan.sketch;
    $("export").disabled = !plan.ok;
    $("sortie-row").hidden = plan.sorties < 2;
    $("sortie").replaceChildren(...Array.from({ length: plan.sorties }, (_, n) => new Option(String(n + 1), String(n + 1))));
    $("exported").replaceChildren(...(plan.ok ? [] : [element("p", t("The checks found errors: it is neither exported, uploaded nor flown."), "bad")]));
    this.draw(plan);
  }

  finding(f) {
    const item = element("li", findingWords(f), f.severity);
    if (f.place) {
      const there = element("button", t("show"));
      there.type = "button";
      there.addEventListener("click", () => this.map.setView(f.place, Math.max(this.map.getZoom(), 18)));
      item.append(there);
    }
    return item;
  }

  draw(plan) {
    this.layer.clearLayers();
    const rings = plan.footprints.map((ring) => ring.map(([lon, lat]) => [lat, lon]));
    if (rings.length) L.polygon(rings.map((r) => [r]), { color: "#0072b2", weight: 0.7, fillOpacity: 0.05, fillRule: "nonzero", interactive: false }).addTo(this.layer);
    for (const features of plan.layers) {
      L.geoJSON(features, {
        style: (f) => ({ color: f.properties.stroke || "#333", weight: f.geometry.type.includes("Line") ? 2.5 : 1.5, fillOpacity: 0.03 }),
        pointToLayer: (f, at) => L.circleMarker(at, { radius: 3, color: "#333", weight: 1 }),
        onEachFeature: (f, layer) => { const words = f.properties.title || f.properties.name; if (words) layer.bindTooltip(escaped(words)); },
      }).addTo(this.layer);
    }
    for (const f of plan.findings.filter((one) => one.place)) {
      L.marker(f.place, { icon: L.divIcon({ className: "mark-finding", iconSize: [12, 12] }), title: f.message, zIndexOffset: 900 }).addTo(this.layer);
    }
    L.marker([plan.home.lat, plan.home.lon], { icon: L.divIcon({ className: "mark-home", html: "H", iconSize: [20, 20] }), title: t("take-off place"), interactive: false }).addTo(this.layer);
    this.layer.addTo(this.map);
    const bounds = L.latLngBounds(plan.layers.flat().flatMap((f) => { const b = L.geoJSON(f).getBounds(); return b.isValid() ? [b.getSouthWest(), b.getNorthEast()] : []; }));
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [20, 20], animate: false });
  }

  async write() {
    const answer = await post("/api/act/export", {
      plan: this.plan.id, sortie: Number($("sortie").value || 1), format: $("format").value, aircraft: $("aircraft").value,
    });
    const link = element("a", answer.file);
    link.href = `/plan-file/${encodeURIComponent(answer.file)}`;
    link.download = answer.file;
    const head = element("p", `${answer.format}: `);
    head.append(link, answer.losses.length ? t(", holds all but {n} things:", { n: answer.losses.length }) : t(", holds everything"));
    const lines = [...answer.losses, ...answer.lacking.map((l) => t("before it can be flown: {lack}", { lack: l })), ...(answer.others ? [answer.others] : [])];
    $("exported").replaceChildren(head, list(lines.map((l) => element("li", l))));
  }

}
