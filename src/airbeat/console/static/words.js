// What is shown, in the reader's language: t("{n} candidates", { n: 3 }).

export function t(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}
