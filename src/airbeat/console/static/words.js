// What is shown, in the reader's language: t("{n} candidates", { n: 3 }). The catalogue comes from the
// console; whoever imports this waits for it. Texts of the page itself are translated once, here.

const COOKIE = "airbeat-language";
const ATTRIBUTES = ["title", "placeholder", "aria-label", "alt"];
const nothing = { language: "en", languages: {}, words: {} };

async function told() {
  try {
    const response = await fetch("/api/words");
    return response.ok ? await response.json() : nothing;
  } catch {
    return nothing;
  }
}

const { language: chosen, languages, words } = await told();
export const language = chosen;

export function t(text, values = {}) {
  const said = Object.hasOwn(words, text) ? words[text] : text;
  return said.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

function translated(text) {
  const bare = text.trim().replace(/\s+/g, " ");
  return Object.hasOwn(words, bare) ? text.replace(text.trim(), () => words[bare]) : text;
}

// The texts and spoken attributes below an element, as far as the catalogue has them.
export function translatePage(root) {
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!["SCRIPT", "STYLE"].includes(node.parentElement.tagName)) node.data = translated(node.data);
  }
  for (const element of root.querySelectorAll(ATTRIBUTES.map((name) => `[${name}]`).join())) {
    for (const name of ATTRIBUTES) {
      if (element.hasAttribute(name)) element.setAttribute(name, translated(element.getAttribute(name)));
    }
  }
}

function choice() {
  const select = document.createElement("select");
  select.id = "language";
  select.setAttribute("aria-label", t("Language"));
  for (const [code, name] of Object.entries(languages)) select.append(new Option(name, code, false, code === chosen));
  select.addEventListener("change", () => {
    document.cookie = `${COOKIE}=${select.value}; path=/; max-age=31536000; samesite=strict`;
    location.reload();
  });
  return select;
}

document.documentElement.lang = chosen.replace("_", "-");
translatePage(document);
if (Object.keys(languages).length > 1) (document.querySelector("header") || document.body).append(choice());
