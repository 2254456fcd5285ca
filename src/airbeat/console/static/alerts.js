// Alerts: each in words with a symbol in a list, and with a sound unless that is muted.

import { t } from "./words.js";

const MOST = 200;
const KEPT = "airbeat-muted";

export class Alerts {
  constructor(list, empty, button) {
    this.list = list;
    this.empty = empty;
    this.button = button;
    this.muted = localStorage.getItem(KEPT) === "yes";
    button.addEventListener("click", () => this.toggle());
    // Browsers let a page sound only after it was touched; any touch will do.
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => this.allow(), { capture: true });
    this.draw();
  }

  toggle() {
    // The press that lets the page sound at all must not mute it at once.
    if (this.fresh) return;
    this.muted = !this.muted;
    localStorage.setItem(KEPT, this.muted ? "yes" : "no");
    this.allow();
    this.draw();
  }

  allow() {
    this.fresh = !this.muted && !this.context;
    if (!this.fresh) return;
    this.context = new AudioContext();
    this.context.resume().then(() => this.draw());
  }

  draw() {
    const heard = this.context && this.context.state === "running";
    this.button.textContent = this.muted ? t("♪ Sound is off") : heard ? t("♪ Sound is on") : t("♪ Press for sound");
    this.button.setAttribute("aria-pressed", String(!this.muted && Boolean(heard)));
  }

  // One alert; a serious one sounds, others are only written down.
  raise(symbol, words, { serious = true } = {}) {
    const item = document.createElement("li"), time = document.createElement("time"), sign = document.createElement("span");
    const text = document.createElement("span");
    item.className = serious ? "serious" : "";
    time.textContent = new Date().toLocaleTimeString([], { hour12: false });
    sign.className = "symbol";
    sign.textContent = symbol;
    text.textContent = words;
    item.append(time, sign, text);
    this.list.prepend(item);
    while (this.list.children.length > MOST) this.list.lastChild.remove();
    this.empty.hidden = true;
    if (serious) this.sound();
  }

  sound() {
    if (this.muted || !this.context || this.context.state !== "running") return;
    this.list.dataset.sounded = Number(this.list.dataset.sounded || 0) + 1;
    const start = this.context.currentTime;
    for (const [number, hertz] of [880, 660, 880].entries()) {
      const tone = this.context.createOscillator(), loud = this.context.createGain(), at = start + 0.18 * number;
      tone.frequency.value = hertz;
      loud.gain.setValueAtTime(0.0001, at);
      loud.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.15);
      tone.connect(loud).connect(this.context.destination);
      tone.start(at);
      tone.stop(at + 0.16);
    }
  }
}
