// A yes that moves a vehicle: what will happen is listed, and the vehicle's name must be typed.

import { post } from "./api.js";
import { metres } from "./plan-draw.js";
import { t } from "./words.js";

const minutes = (s) => `${Math.floor(s / 60)}:${String(Math.round(s % 60)).padStart(2, "0")}`;

export function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

export function list(items, className = "") {
  const made = element("ul", "", className);
  made.append(...items);
  return made;
}

export const findingWords = (f) => `${t(f.severity)}: ${f.message}${f.remedy ? ` (${f.remedy})` : ""}`;

export class Asker {
  // guarded runs an action and says what goes wrong.
  constructor(guarded) { this.guarded = guarded; this.dialog = null; this.job = ""; }

  // Shows the question of a job, once; returns whether one is shown.
  show(job) {
    if (this.job === job.id) return;
    this.close();
    this.job = job.id;
    this.dialog = this.built(job);
    document.body.append(this.dialog);
    this.dialog.showModal();
  }

  // Closes the dialog where its job asks no more.
  settle(jobs) { if (this.job && !jobs.some((j) => j.id === this.job && j.state === "asking")) this.close(); }

  close() { if (this.dialog) this.dialog.remove(); this.dialog = null; this.job = ""; }

  built(job) {
    const q = job.question, dialog = element("dialog", "", "ask"), word = document.createElement("input");
    const yes = element("button", t("Arm and fly"), "arm"), no = element("button", t("Do not fly"));
    const facts = [t("Plan: {plan}", { plan: q.plan }), t("Vehicle: {vehicle}", { vehicle: q.vehicle })];
    if (q.items) facts.push(t("It arms its motors, takes off and flies {items} mission items.", { items: q.items }));
    if (q.part) facts.push(q.part);
    if (q.length_m) facts.push(t("Length {length}, {time} min", { length: metres(q.length_m), time: minutes(q.duration_s ?? q.arrival_s ?? 0) }));
    if (q.photos) facts.push(t("{photos} photographs", { photos: q.photos }));
    for (const note of q.notes || []) facts.push(note);
    dialog.append(element("h2", q.words), list(facts.map((f) => element("li", f)), "told"));
    if (q.upload) dialog.append(list(q.upload.lines.map((l) => element("li", l.words, l.good ? "good" : "bad")), "told"));
    if (q.findings.length) dialog.append(list(q.findings.map((f) => element("li", findingWords(f), f.severity === "error" ? "bad" : "")), "told"));
    const label = element("label", t("Type the vehicle's name to confirm:") + " ");
    label.append(element("span", q.word, "word"), " ", word);
    word.id = "confirm-word"; word.autocomplete = "off"; word.maxLength = 200;
    yes.type = no.type = "button"; yes.id = "confirm-yes"; no.id = "confirm-no"; yes.disabled = true;
    word.addEventListener("input", () => { yes.disabled = word.value !== q.word; });
    word.addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); if (!yes.disabled) yes.click(); } });
    const answer = (typed) => this.guarded(async () => { await post("/api/act/answer", { job: job.id, word: typed }); this.close(); });
    yes.addEventListener("click", () => answer(word.value));
    no.addEventListener("click", () => answer(""));
    dialog.addEventListener("cancel", (e) => { e.preventDefault(); answer(""); });
    const row = element("div", "", "row");
    row.append(yes, no);
    dialog.append(label, row);
    return dialog;
  }
}
