// The documentation's search, theme, copy buttons. Pages are whole without it.
"use strict";
const root = document.body.dataset.root;
const side = document.getElementById("side");
const wide = matchMedia("(min-width: 761px)");
const unfold = () => { side.open = wide.matches; };
wide.addEventListener("change", unfold);
unfold();
side.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

// --- light and dark
const button = document.getElementById("theme");
const themes = ["auto", "light", "dark"];
function stored() {
  try { return localStorage.getItem("offhook-docs-theme") || "auto"; } catch { return "auto"; }
}
function paint(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
}
button.hidden = false;
paint(stored());
button.addEventListener("click", () => {
  const next = themes[(themes.indexOf(stored()) + 1) % themes.length];
  try { localStorage.setItem("offhook-docs-theme", next); } catch { /* private mode */ }
  paint(next);
});

// --- copy
for (const pre of document.querySelectorAll("pre.code")) {
  const block = document.createElement("div");
  block.className = "block";
  pre.replaceWith(block);
  const copy = document.createElement("button");
  copy.type = "button";
  copy.textContent = "Copy";
  copy.addEventListener("click", async () => {
    const text = pre.textContent.replace(/^\$ /gm, "");
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  block.append(pre, copy);
}

// --- search
const field = document.getElementById("search");
const list = document.getElementById("found");
let loading;
let chosen = -1;

function load() {
  loading ??= fetchEntries().catch((error) => { loading = undefined; throw error; });
  return loading;
}

async function fetchEntries() {
  return (await (await fetch(`${root}/static/search.json`)).json())
    .map(([address, title, heading, text]) => ({ address, title, heading, text, low: text.toLowerCase(),
      lowHeading: heading.toLowerCase(), lowTitle: title.toLowerCase() }));
}

function score(entry, words) {
  let sum = 0;
  for (const word of words) {
    let one = 0;
    if (entry.lowHeading.includes(word)) one += entry.lowHeading.startsWith(word) ? 14 : 10;
    if (entry.lowTitle.includes(word)) one += 6;
    const at = entry.low.indexOf(word);
    if (at >= 0) one += /\W/.test(entry.low[at - 1] ?? " ") ? 3 : 1;
    if (!one) return 0;
    sum += one;
  }
  return sum;
}

function excerpt(entry, words) {
  const at = Math.max(0, entry.low.indexOf(words.find((word) => entry.low.includes(word)) ?? "") - 40);
  const line = document.createElement("small");
  let rest = (at ? "… " : "") + entry.text.slice(at, at + 160);
  while (rest) {
    const low = rest.toLowerCase();
    const hits = words.map((word) => [low.indexOf(word), word.length]).filter(([place]) => place >= 0);
    if (!hits.length) break;
    const [place, length] = hits.reduce((one, other) => (other[0] < one[0] ? other : one));
    const mark = document.createElement("mark");
    mark.textContent = rest.slice(place, place + length);
    line.append(rest.slice(0, place), mark);
    rest = rest.slice(place + length);
  }
  line.append(rest);
  return line;
}

function choose(index) {
  const options = list.querySelectorAll("[role=option]");
  chosen = options.length ? (index + options.length) % options.length : -1;
  options.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
  if (chosen >= 0) {
    options[chosen].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", options[chosen].id);
  }
}

async function find() {
  const known = await load();
  // What stands in the field now: more may have been typed while the list was loaded.
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return hide();
  const best = known.map((entry) => [score(entry, words), entry]).filter(([points]) => points)
    .sort(([one], [other]) => other - one).slice(0, 12);
  list.replaceChildren(...best.map(([, entry], at) => {
    const option = document.createElement("li");
    option.id = `found-${at}`;
    option.setAttribute("role", "option");
    const link = document.createElement("a");
    link.href = `${root}/${entry.address}`;
    link.tabIndex = -1;
    link.append(entry.heading === entry.title ? entry.title : `${entry.title} › ${entry.heading}`, excerpt(entry, words));
    option.append(link);
    return option;
  }));
  if (!best.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = "Nothing found.";
    list.append(none);
  }
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  choose(0);
}

function hide() {
  list.hidden = true;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

field.addEventListener("input", find);
field.addEventListener("focus", () => { load(); if (field.value) find(); });
field.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") choose(chosen + 1);
  else if (event.key === "ArrowUp") choose(chosen - 1);
  else if (event.key === "Enter") list.querySelector("[aria-selected=true] a")?.click();
  else if (event.key === "Escape") { hide(); field.blur(); }
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => { if (!event.target.closest(".find")) hide(); });
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  event.preventDefault();
  field.focus();
});
