// From a confirmed candidate: a closer look is planned, units are ranked, and a drone is sent after a yes.

import { get, post } from "./api.js";
import { Asker, element, list } from "./plan-ask.js";
import { t } from "./words.js";

const $ = (id) => document.getElementById(id);
const LOOK_MS = 500;
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.round(s % 60)).padStart(2, "0")}`;

export class DeskAct {
  // here() is the candidate that is looked at, guarded runs an action and says what goes wrong.
  constructor(here, guarded) {
    Object.assign(this, { here, guarded });
    this.asker = new Asker(guarded);
    $("look").addEventListener("click", () => guarded(() => this.look()));
    $("dispatch").addEventListener("click", () => guarded(() => this.dispatch(false)));
    guarded(async () => { this.state = await get("/api/act"); this.shown(this.row); });
  }

  // Only what somebody confirmed is looked at closer or flown to.
  shown(row) {
    this.row = row;
    const confirmed = Boolean(row) && ["person", "clue"].includes(row.verdict) && row.lat_deg !== null;
    $("look").disabled = !confirmed;
    $("dispatch").disabled = !confirmed;
    $("dispatch").hidden = !(this.state && this.state.dispatch);
  }

  async look() {
    const candidate = this.here();
    const result = await this.done(await post("/api/act/look", { candidate }), t("Planning a closer look at {candidate} …", { candidate }));
    const link = element("a", t("See it, export it, fly it"));
    link.href = `/plan#${result.plan}`;
    this.say([element("p", result.ok ? t("The closer look at {candidate} is planned.", { candidate }) : t("The closer look at {candidate} is planned, and the checks found errors.", { candidate })), link]);
  }

  async dispatch(send) {
    const candidate = this.here();
    const result = await this.done(await post("/api/act/dispatch", { candidate, send }), send ? t("Asking before anything flies …") : t("Asking where the units are …"));
    const rows = result.units.map((u) => {
      const row = document.createElement("tr");
      const told = u.arrival_s === null ? u.why_not : [u.kind === "drone" ? t("fly {m} m, {deg}°", { m: u.way_m.toFixed(0), deg: u.bearing_deg.toFixed(0) }) : t("go {m} m, {deg}°", { m: u.way_m.toFixed(0), deg: u.bearing_deg.toFixed(0) }), ...u.notes].join("; ");
      row.append(element("td", u.unit), element("td", u.kind), element("td", u.arrival_s === null ? "–" : clock(u.arrival_s)), element("td", u.ring), element("td", told));
      return row;
    });
    const table = document.createElement("table"), head = document.createElement("tr");
    head.append(...[t("unit"), "", t("there in"), t("ring"), t("told")].map((w) => element("th", w)));
    table.append(head, ...rows);
    const parts = [element("p", t("Who is at {candidate} first:", { candidate })), table];
    if (result.words) parts.unshift(element("p", result.words, "good"));
    if (result.unreached.length) parts.push(list(result.unreached.map((u) => element("li", `${u.unit}: ${u.why}`)), "told"));
    if (!result.sent && result.units.some((u) => u.kind === "drone" && u.arrival_s !== null)) {
      const button = element("button", t("Send the first drone …"));
      button.type = "button"; button.id = "send";
      button.addEventListener("click", () => this.guarded(() => this.dispatch(true)));
      parts.push(button);
    }
    this.say(parts);
  }

  say(parts) {
    $("act-words").replaceChildren(...parts);
    if (!$("act-dialog").open) $("act-dialog").showModal();
  }

  // The result of a job, once it has ended; what it asks is asked here.
  async done({ job }, words) {
    this.say([element("p", words)]);
    for (;;) {
      const { jobs } = await get("/api/act"), mine = jobs.find((j) => j.id === job);
      this.asker.settle(jobs);
      if (mine.state === "asking") this.asker.show(mine);
      if (mine.state === "done") return mine.result;
      if (mine.state === "failed" || mine.state === "cancelled") {
        $("act-dialog").close();
        throw new Error(mine.error || t("cancelled"));
      }
      $("act-words").replaceChildren(element("p", words), element("p", [mine.label, ...mine.said.slice(-1)].join(" · ")));
      await new Promise((later) => { setTimeout(later, LOOK_MS); });
    }
  }
}
