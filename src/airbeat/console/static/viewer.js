// A photograph that can be zoomed, moved and measured in, on a canvas.

import { t } from "./words.js";

export class Viewer {
  constructor(canvas, told) {
    this.canvas = canvas;
    this.told = told;
    this.image = null;
    this.box = null;
    this.gsd = null;
    this.measuring = false;
    this.points = [];
    this.view = { x: 0, y: 0, scale: 1 };
    canvas.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(e.deltaY < 0 ? 1.25 : 0.8, e.offsetX, e.offsetY); }, { passive: false });
    canvas.addEventListener("pointerdown", (e) => this.down(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerup", () => { this.from = null; });
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  // Nothing is shown, and what was still loading is not waited for.
  clear() {
    this.loading?.abort();
    this.image?.close();
    this.box = null; this.points = []; this.image = null; this.loading = null;
    this.draw();
  }

  // Show a frame; the box [px] is where the candidate is, gsd its metres per pixel or null.
  async show(url, box, gsd) {
    this.clear();
    this.box = box; this.gsd = gsd;
    const loading = this.loading = new AbortController();
    try {
      // Drawn as it comes, twelve megapixels would be decoded between two keys; a bitmap is decoded beside them.
      const response = await fetch(url, { signal: loading.signal });
      if (!response.ok) throw new Error(response.statusText);
      const image = await createImageBitmap(await response.blob());
      if (this.loading !== loading) { image.close(); return; }
      this.image = image;
      this.fit();
    } catch {
      if (this.loading === loading) this.told(t("this photograph is not where the search found it"));
    }
  }

  fit() {
    const { canvas } = this;
    canvas.width = canvas.clientWidth * devicePixelRatio;
    canvas.height = canvas.clientHeight * devicePixelRatio;
    if (this.image) {
      const scale = Math.min(canvas.width / this.image.width, canvas.height / this.image.height);
      this.view = { scale, x: (canvas.width - this.image.width * scale) / 2, y: (canvas.height - this.image.height * scale) / 2 };
    }
    this.draw();
  }

  // Zoom to the candidate.
  near() {
    if (!this.image || !this.box) return;
    const [x0, y0, x1, y1] = this.box;
    const scale = Math.min(this.canvas.width, this.canvas.height) / (6 * Math.max(x1 - x0, y1 - y0, 20));
    this.view = { scale, x: this.canvas.width / 2 - scale * (x0 + x1) / 2, y: this.canvas.height / 2 - scale * (y0 + y1) / 2 };
    this.draw();
  }

  zoom(by, atX = this.canvas.clientWidth / 2, atY = this.canvas.clientHeight / 2) {
    const x = atX * devicePixelRatio, y = atY * devicePixelRatio;
    this.view = { scale: this.view.scale * by, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by };
    this.draw();
  }

  measure() {
    this.measuring = !this.measuring; this.points = [];
    this.canvas.style.cursor = this.measuring ? "crosshair" : "grab";
    this.told(this.measuring ? t("click two points") : "");
    this.draw();
  }

  down(e) {
    if (!this.measuring) { this.from = { x: e.offsetX, y: e.offsetY }; this.canvas.setPointerCapture(e.pointerId); return; }
    const point = [(e.offsetX * devicePixelRatio - this.view.x) / this.view.scale, (e.offsetY * devicePixelRatio - this.view.y) / this.view.scale];
    this.points = this.points.length === 1 ? [this.points[0], point] : [point];
    if (this.points.length === 2) {
      const px = Math.hypot(this.points[1][0] - this.points[0][0], this.points[1][1] - this.points[0][1]);
      const length = { px: px.toFixed(0), metres: (px * this.gsd).toFixed(2), gsd: (this.gsd * 100).toFixed(1) };
      this.told(this.gsd ? t("{metres} m ({px} px at {gsd} cm/px)", length) : t("{px} px; the GSD is not known", length));
    }
    this.draw();
  }

  move(e) {
    if (!this.from) return;
    this.view.x += (e.offsetX - this.from.x) * devicePixelRatio;
    this.view.y += (e.offsetY - this.from.y) * devicePixelRatio;
    this.from = { x: e.offsetX, y: e.offsetY };
    this.draw();
  }

  draw() {
    const g = this.canvas.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.image) return;
    const { x, y, scale } = this.view;
    g.setTransform(scale, 0, 0, scale, x, y);
    g.drawImage(this.image, 0, 0);
    g.lineWidth = 2 / scale * devicePixelRatio;
    if (this.box) {
      const [x0, y0, x1, y1] = this.box, pad = Math.max(6 / scale, (x1 - x0) * 0.3);
      g.strokeStyle = "#d55e00";
      g.strokeRect(x0 - pad, y0 - pad, x1 - x0 + 2 * pad, y1 - y0 + 2 * pad);
    }
    if (this.points.length) {
      g.strokeStyle = "#0072b2"; g.beginPath();
      this.points.forEach(([px, py], i) => (i ? g.lineTo(px, py) : g.moveTo(px, py)));
      if (this.points.length === 1) g.arc(this.points[0][0], this.points[0][1], 4 / scale, 0, 7);
      g.stroke();
    }
  }
}
