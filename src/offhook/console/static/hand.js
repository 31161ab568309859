// Deciding by hand: what the call asks, the next callflow, how long there is, and what became of it.
"use strict";
import { idOfTab, listProblems, post } from "./playground_parts.js";

const root = document.getElementById("playground");
const panel = document.getElementById("hand");
const byHand = document.getElementById("by-hand");
const state = document.getElementById("hand-state");
const left = document.getElementById("hand-left");
const seconds = document.getElementById("hand-seconds");
const question = document.getElementById("hand-question");
const answer = document.getElementById("hand-answer");
const pick = document.getElementById("hand-pick");
const verdict = document.getElementById("hand-verdict");
const problems = document.getElementById("hand-problems");
const send = document.getElementById("hand-send");
const WAITS = "The call asks here what comes next, when its callflow is over.";
const PICKS = [
  { callflow: [{ action: "say", params: { text: "Thank you. Goodbye.", language: "en-US" } }, { action: "hangup" }] },
  { callflow: [{ action: "sayAndCapture", params: { promptMessage: "Press one to go on.", language: "en-US", minDigits: 1, maxDigits: 1 } }] },
  { callflow: [{ action: "hangup" }] },
  { callflow: [] },
];
const deskId = idOfTab("desk");
let stream = null;
let where = "";
let ticket = "";
let asked = null;
let ends = 0;
let fine = false;

export function desk() {
  return byHand.checked ? deskId : "";
}

export function openDesk(session, given) {
  closeDesk();
  where = `${root.dataset.hand}/${encodeURIComponent(session)}/${deskId}`;
  ticket = `?ticket=${given}`;
  stream = new EventSource(where + ticket);
  stream.addEventListener("news", (event) => told(JSON.parse(event.data)));
}

export function closeDesk() {
  stream?.close();
  stream = null;
  rest(WAITS);
}

function told(news) {
  if (news.state === "asked") {
    asked = news.eventId;
    ends = Date.now() + news.seconds * 1000;
    left.max = news.seconds;
    try {
      question.textContent = JSON.stringify(JSON.parse(news.question), null, 2);
    } catch {
      question.textContent = news.question;
    }
    panel.classList.add("asks");
    state.textContent = "The call asks: what comes next?";
    ready();
    tick();
  } else if (news.eventId === asked) {
    const over = "Too late, or the caller has hung up: it went on as if your server had not answered.";
    rest(news.state === "answered" ? "Answered: the call goes on." : over);
  }
}

function rest(text) {
  asked = null;
  panel.classList.remove("asks");
  state.textContent = text;
  left.value = 0;
  seconds.textContent = "";
  ready();
}

function ready() {
  send.disabled = asked === null || !fine;
}

function tick() {
  if (asked === null) return;
  const more = Math.max(0, (ends - Date.now()) / 1000);
  left.value = more;
  seconds.textContent = `${more.toFixed(0)} s left`;
  if (more > 0) setTimeout(tick, 200);
  else send.disabled = true;
}

let waiting = null;
let turns = 0;
function changed() {
  fine = false;
  ready();
  clearTimeout(waiting);
  waiting = setTimeout(judge, 150);
}

async function judge() {
  const turn = ++turns;
  const reply = await post(`${root.dataset.judge}?decision=1`, answer.value);
  if (reply.status === 401) return location.reload();
  const told = await reply.json();
  if (turn !== turns) return;
  fine = told.fine === true;
  listProblems(told, verdict, problems);
  ready();
}

send.addEventListener("click", async () => {
  if (asked === null) return;
  send.disabled = true;
  const reply = await post(`${where}/${encodeURIComponent(asked)}${ticket}`, answer.value);
  if (reply.ok) return;
  listProblems(await reply.json(), verdict, problems);
  ready();
});

byHand.addEventListener("change", () => (panel.hidden = !byHand.checked));
answer.addEventListener("input", changed);
pick.addEventListener("change", () => {
  const place = Number(pick.value);
  if (place < PICKS.length) answer.value = JSON.stringify(PICKS[place], null, 2);
  else {
    try {
      const flow = JSON.parse(document.getElementById("json").value);
      answer.value = JSON.stringify({ callflow: flow.callflow.filter((one) => one.action !== "makeCall") }, null, 2);
    } catch {
      answer.value = document.getElementById("json").value;
    }
  }
  changed();
});
answer.value = JSON.stringify(PICKS[0], null, 2);
panel.hidden = !byHand.checked;
rest(WAITS);
changed();
