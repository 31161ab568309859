// The list of calls: rows change in place, over server-sent events; without them it asks again and again.
"use strict";
const table = document.getElementById("live");
const body = table.tBodies[0];
const none = document.getElementById("none");
const state = document.getElementById("live-state");
const count = document.getElementById("count");
const columns = table.tHead.rows[0].cells.length;

function cell(row, place, text) {
  const td = row.cells[place];
  if (td.textContent !== text) td.textContent = text;
}

function made(call) {
  const row = document.createElement("tr");
  row.dataset.id = call.id;
  for (let place = 0; place < columns; place++) row.insertCell();
  const link = document.createElement("a");
  link.href = `${table.dataset.session}/${encodeURIComponent(call.id)}`;
  const tag = document.createElement("span");
  tag.className = "state going";
  const shape = document.createElement("span");
  shape.setAttribute("aria-hidden", "true");
  shape.textContent = "▶";
  tag.append(shape, " ", document.createElement("span"));
  link.append(tag);
  row.cells[0].append(link);
  row.cells[1].className = "number";
  row.cells[2].className = row.cells[3].className = "tel";
  return row;
}

function written(row, call) {
  const tag = row.cells[0].querySelector(".state");
  const text = `▶ ${call.doing}`;
  if (tag.textContent !== text) {
    const shape = document.createElement("span");
    shape.setAttribute("aria-hidden", "true");
    shape.textContent = "▶";
    tag.replaceChildren(shape, ` ${call.doing}`);
  }
  row.cells[1].dataset.since = call.since;
  const texts = [call.source, call.destination, call.action];
  if (columns === 8) texts.push(call.account);
  texts.push(call.trunk, call.node);
  texts.forEach((text, place) => cell(row, place + 2, text));
}

function show(board) {
  const known = new Map([...body.rows].map((row) => [row.dataset.id, row]));
  let before = null;
  for (const call of board.calls) {
    const row = known.get(call.id) ?? made(call);
    known.delete(call.id);
    written(row, call);
    const next = before ? before.nextElementSibling : body.firstElementChild;
    if (next !== row) body.insertBefore(row, next);
    before = row;
  }
  for (const gone of known.values()) gone.remove();
  count.textContent = `${board.calls.length}${board.more ? "+" : ""}`;
  none.hidden = board.calls.length > 0;
  table.dataset.fresh = String(Date.now());
  tick();
}

function tick() {
  for (const td of body.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(td.dataset.since)) / 1000));
    const text = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (td.textContent !== text) td.textContent = text;
  }
}

let polling = null;
async function poll() {
  try {
    const answer = await fetch(table.dataset.poll, { headers: { accept: "application/json" } });
    if (answer.status === 401) return location.reload();
    if (answer.ok) show(await answer.json());
    state.textContent = answer.ok ? "asked every 3 s" : "not up to date";
  } catch {
    state.textContent = "not up to date: the server does not answer";
  }
}

function follow() {
  const stream = new EventSource(table.dataset.stream);
  stream.addEventListener("calls", (event) => {
    clearInterval(polling);
    polling = null;
    state.textContent = "live";
    show(JSON.parse(event.data));
  });
  stream.addEventListener("error", () => {
    if (polling === null) {
      poll();
      polling = setInterval(poll, 3000);
    }
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 10000);
  });
  addEventListener("pagehide", () => stream.close());
}

setInterval(tick, 1000);
tick();
follow();
