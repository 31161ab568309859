// What the parts of the playground share.
"use strict";
import { formToken } from "./console.js";

export function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// A random id of this tab, that outlives a reload: the phone that it holds stays its own.
export function idOfTab(name) {
  const key = `offhook-${name}`;
  const known = sessionStorage.getItem(key);
  if (known) return known;
  const made = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem(key, made);
  return made;
}

export async function post(address, body) {
  return fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", "x-form-token": formToken() },
    body,
  });
}

export function say(verdict, text, look) {
  verdict.textContent = text;
  verdict.className = `state ${look}`;
}

// The judge's verdict in words, and its problems as a list.
export function listProblems(told, verdict, list) {
  const errors = told.problems ?? [];
  list.replaceChildren(
    ...errors.map((error) => {
      const item = element("li");
      item.append(element("code", error.path ?? ""), ` ${error.message} `);
      item.append(element("a", `what ${error.code} means`, { href: `/docs/codes/${error.help}` }));
      return item;
    }),
  );
  const fine = told.fine === true;
  say(verdict, fine ? "✓ in order" : `✕ ${errors.length || 1} ${errors.length > 1 ? "problems" : "problem"}`, fine ? "good" : "failed");
  if (!fine && !errors.length) list.append(element("li", told.problem ?? ""));
  return errors;
}
