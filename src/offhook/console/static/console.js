// What all pages share: keys, times in the reader's zone, copying, light and dark.
"use strict";
const two = (number) => String(number).padStart(2, "0");

export function writeTimes(root = document) {
  for (const tag of root.querySelectorAll("time[data-form]")) {
    const at = new Date(tag.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    tag.textContent = tag.dataset.form === "clock" ? clock : `${day} ${clock}`;
  }
}

export function formToken() {
  return document.querySelector('meta[name="form-token"]')?.content ?? "";
}

function move(step) {
  const rows = [...document.querySelectorAll("table.rows tbody tr:not([hidden])")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const next = Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step));
  rows[at]?.classList.remove("at");
  rows[next].classList.add("at");
  rows[next].scrollIntoView({ block: "nearest" });
  rows[next].querySelector("a")?.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") {
    document.activeElement?.blur();
    document.querySelector("table.rows tr.at")?.classList.remove("at");
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("find")?.focus();
  } else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard?.writeText(copy.dataset.copy);
    const before = copy.textContent;
    copy.textContent = "✓";
    setTimeout(() => (copy.textContent = before), 900);
  }
  if (event.target.closest("[data-theme-switch]")) {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `offhook_theme=${root.dataset.theme}; path=/console; max-age=31536000; samesite=strict`;
  }
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.asks ?? event.submitter?.dataset.asks;
  if (question && !confirm(question)) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

writeTimes();
