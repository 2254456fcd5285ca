// The list of candidates; only what has changed is drawn again, since a thousand are in it.

import { t } from "./words.js";

export const MARK = { person: "P", clue: "C", no: "N", unsure: "U" };

function element(name, className, words) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = words;
  return made;
}

export class CandidateList {
  constructor(list, chosen) {
    Object.assign(this, { list, items: new Map(), ids: [], here: null });
    list.addEventListener("click", (e) => {
      const button = e.target.closest("button[data-id]");
      if (button) { chosen(button.dataset.id); button.blur(); }
    });
  }

  // saving(id) is the verdict that is on its way to the log, or undefined.
  draw(rows, saving) {
    this.ids = rows.map((row) => row.id);
    const wanted = new Set(this.ids);
    for (const [id, item] of this.items) if (!wanted.has(id)) { item.remove(); this.items.delete(id); }
    let at = this.list.firstElementChild;
    for (const row of rows) {
      const item = this.item(row, saving(row.id));
      if (item === at) at = at.nextElementSibling;
      else this.list.insertBefore(item, at);
    }
    this.mark(this.here);
  }

  redraw(row, saving) {
    if (row && this.items.has(row.id)) this.item(row, saving(row.id));
  }

  item(row, verdict) {
    let item = this.items.get(row.id);
    if (!item) {
      item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.id = row.id;
      button.setAttribute("aria-current", "false");
      item.append(button);
      this.items.set(row.id, item);
    }
    const shown = verdict || row.verdict || "";
    const look = JSON.stringify([shown, Boolean(verdict), row.score, row.disputed, row.claimed_by]);
    if (item.look === look) return item;
    item.look = look;
    const parts = [element("span", verdict ? `mark ${verdict} saving` : `mark ${shown}`, MARK[shown] || "·")];
    parts.push(`${row.id}  ${row.score.toFixed(2)}${row.disputed ? `  ${t("disputed")}` : ""}`);
    if (verdict) parts.push(element("span", "busy", t("saving …")));
    else if (row.claimed_by) parts.push(element("span", "busy", row.claimed_by));
    item.firstElementChild.replaceChildren(...parts);
    return item;
  }

  // Which one is looked at.
  mark(id) {
    this.items.get(this.here)?.firstElementChild.setAttribute("aria-current", "false");
    this.here = id;
    this.items.get(id)?.firstElementChild.setAttribute("aria-current", "true");
  }

  show(id) {
    this.mark(id);
    const item = this.items.get(id);
    if (!item) return;
    // Only the list is moved: on a narrow page it lies below what is looked at.
    const { top, bottom } = item.getBoundingClientRect(), view = this.list.getBoundingClientRect();
    if (top < view.top) this.list.scrollTop -= view.top - top;
    else if (bottom > view.bottom) this.list.scrollTop += bottom - view.bottom;
  }
}
