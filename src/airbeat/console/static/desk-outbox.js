// Decisions on their way to the log. They are sent one after another, in the order of the keys; each counts only
// when the console has said that it is kept. Where one fails, none of those behind it is sent.

const LATE_MS = 3000;

export class Outbox {
  // send(item) resolves to the console's answer; settled(item, answer) hears of each that is kept, failed(error,
  // items) of those that are not, the first of which was sent; changed(late) of every change.
  constructor({ send, settled, failed, changed }) {
    Object.assign(this, { send, settled, failed, changed, items: [], late: false, running: null });
  }

  get size() { return this.items.length; }

  // What is on its way for a candidate, the latest.
  of(candidate) { return this.items.findLast((item) => item.candidate === candidate && !item.undo); }

  add(item) {
    this.items.push(item);
    this.changed(this.late);
    this.running ||= this.run().finally(() => { this.running = null; });
  }

  // Once nothing is on its way.
  async idle() { while (this.running) await this.running; }

  async run() {
    while (this.items.length) {
      const [item] = this.items, late = setTimeout(() => { this.late = true; this.changed(true); }, LATE_MS);
      let answer, error = null;
      try {
        answer = await this.send(item);
      } catch (failure) {
        error = failure;
      }
      clearTimeout(late);
      this.late = false;
      const done = error ? this.items.splice(0) : this.items.splice(0, 1);
      this.changed(false);
      await (error ? this.failed(error, done) : this.settled(item, answer));
    }
  }
}
