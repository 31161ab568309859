// The playground: blocks and JSON change each other, the judge answers as you type, a run is followed.
"use strict";
import { closeDesk, desk, openDesk } from "./hand.js";
import { element, idOfTab, listProblems, post, say } from "./playground_parts.js";

const root = document.getElementById("playground");
const editor = document.getElementById("json");
const blocks = document.getElementById("blocks");
const problems = document.getElementById("problems");
const verdict = document.getElementById("verdict");
const code = document.getElementById("code");
const runner = document.getElementById("run");
const examples = JSON.parse(root.dataset.examples);
const KEPT = `offhook-playground-${root.dataset.account}`;
const NEW = {
  say: { action: "say", params: { text: "Hello.", language: "en-US" } },
  sayAndCapture: { action: "sayAndCapture", params: { promptMessage: "Press a key.", language: "en-US", minDigits: 1, maxDigits: 1 } },
  playFile: { action: "playFile", params: { fileUrl: "https://example.com/sound.mp3" } },
  makeCall: { action: "makeCall", params: { source: "+6512341234", destination: "+12025550101" } },
  hangup: { action: "hangup" },
};
const SHOWN = { say: ["text"], sayAndCapture: ["promptMessage", "maxDigits"], playFile: ["fileUrl"], makeCall: ["source", "destination"] };
let language = "curl";
let dragged = -1;

function read() {
  try {
    const document = JSON.parse(editor.value);
    return Array.isArray(document?.callflow) ? document : null;
  } catch {
    return null;
  }
}

function write(document) {
  editor.value = JSON.stringify(document, null, 2);
  drawBlocks();
  changed();
}

function moved(from, to) {
  const flow = read();
  if (!flow || to < 0 || to >= flow.callflow.length || from === to) return;
  const [action] = flow.callflow.splice(from, 1);
  flow.callflow.splice(to, 0, action);
  write(flow);
  blocks.children[to]?.querySelector("button")?.focus();
}

function drawBlocks() {
  const flow = read();
  if (!flow) return;
  blocks.replaceChildren(
    ...flow.callflow.map((action, place) => {
      const name = String(action?.action ?? "?");
      const item = element("li", undefined, { draggable: "true" });
      item.dataset.place = String(place);
      const head = element("div", undefined, { class: "row" });
      head.append(element("b", `${place + 1}. ${name}`));
      for (const [text, label, step] of [["↑", "up", -1], ["↓", "down", 1]]) {
        const button = element("button", text, { type: "button", class: "quiet", "aria-label": `Move ${name} ${label}` });
        button.addEventListener("click", () => moved(place, place + step));
        head.append(button);
      }
      const gone = element("button", "✕", { type: "button", class: "quiet", "aria-label": `Remove ${name}` });
      gone.addEventListener("click", () => {
        const now = read();
        now.callflow.splice(place, 1);
        write(now);
      });
      head.append(gone);
      item.append(head);
      for (const key of SHOWN[name] ?? []) {
        const id = `block-${place}-${key}`;
        const field = element("div", undefined, { class: "field" });
        const input = element("input", undefined, { id, type: typeof action.params?.[key] === "number" ? "number" : "text" });
        input.value = action.params?.[key] ?? "";
        input.addEventListener("input", () => {
          const now = read();
          const params = (now.callflow[place].params ??= {});
          params[key] = input.type === "number" && input.value !== "" ? Number(input.value) : input.value;
          editor.value = JSON.stringify(now, null, 2);
          changed();
        });
        field.append(element("label", key, { for: id }), input);
        item.append(field);
      }
      item.addEventListener("dragstart", () => (dragged = place));
      item.addEventListener("dragover", (event) => event.preventDefault());
      item.addEventListener("drop", (event) => {
        event.preventDefault();
        moved(dragged, place);
      });
      return item;
    }),
  );
}

let waiting = null;
let asked = 0;
function changed() {
  localStorage.setItem(KEPT, editor.value);
  writeCode();
  clearTimeout(waiting);
  waiting = setTimeout(judge, 250);
}

async function judge() {
  const turn = ++asked;
  let told;
  try {
    const answer = await post(root.dataset.judge, editor.value);
    if (answer.status === 401) return location.reload();
    told = await answer.json();
  } catch {
    return say(verdict, "the server does not answer", "failed");
  }
  if (turn !== asked) return;
  const errors = listProblems(told, verdict, problems);
  for (const item of blocks.children) item.classList.remove("fault");
  for (const error of errors) {
    const place = /^\$\.callflow\[(\d+)\]/.exec(error.path ?? "");
    if (place) blocks.children[Number(place[1])]?.classList.add("fault");
  }
}

function writeCode() {
  const address = `${root.dataset.base}/api/v1/subaccounts/${root.dataset.account}/callflows`;
  const body = editor.value.trim();
  const texts = {
    curl: `curl -X POST '${address}' \\\n  -H "Authorization: Bearer $OFFHOOK_API_KEY" -H 'Content-Type: application/json' \\\n  -d '${body.replaceAll("'", `'\\''`)}'`,
    Python: `import json, os, urllib.request\n\ncallflow = json.loads(r'''${body.replaceAll("'''", "\\u0027\\u0027\\u0027")}''')\nrequest = urllib.request.Request(\n    ${JSON.stringify(address)},\n    json.dumps(callflow).encode(),\n    {"Authorization": "Bearer " + os.environ["OFFHOOK_API_KEY"], "Content-Type": "application/json"},\n)\nprint(json.load(urllib.request.urlopen(request)))`,
    JavaScript: `const answer = await fetch(${JSON.stringify(address)}, {\n  method: "POST",\n  headers: { Authorization: \`Bearer \${process.env.OFFHOOK_API_KEY}\`, "Content-Type": "application/json" },\n  body: JSON.stringify(${body}),\n});\nconsole.log(await answer.json());`,
  };
  code.textContent = texts[language];
  document.getElementById("copy-code").dataset.copy = texts[language];
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}

async function run() {
  const flow = read();
  const number = document.getElementById("phone").value;
  const first = flow?.callflow.find((action) => action?.action === "makeCall");
  if (number && first?.params && first.params.destination !== number) {
    first.params.destination = number;
    write(flow);
  }
  runner.disabled = true;
  if (number) await hold(number);
  const outcome = document.getElementById("outcome");
  if (number && phone.dataset.state === "taken") {
    outcome.textContent = "Another browser has this phone: choose another number, or take it over.";
    outcome.className = "notice failed";
    runner.disabled = false;
    return;
  }
  const own = desk();
  const answer = await post(own ? `${root.dataset.run}?desk=${own}` : root.dataset.run, editor.value);
  const told = await answer.json();
  const link = document.getElementById("session-link");
  const session = told.answer?.sessionId;
  document.getElementById("happened").replaceChildren();
  if (!session) {
    outcome.textContent = told.answer?.statusMessage ?? told.problem ?? "It was not accepted.";
    outcome.className = "notice failed";
    runner.disabled = false;
    return judge();
  }
  link.hidden = false;
  link.href = `${root.dataset.page}/${encodeURIComponent(session)}`;
  if (told.ticket) openDesk(session, told.ticket);
  await follow(session, outcome);
  closeDesk();
  runner.disabled = false;
}

async function follow(session, outcome) {
  const list = document.getElementById("happened");
  for (;;) {
    const answer = await fetch(`${root.dataset.session}/${encodeURIComponent(session)}`, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const now = await answer.json();
    outcome.textContent = now.sentence;
    outcome.className = `notice ${now.final ? (now.status.startsWith("COMPLETED") ? "good" : "failed") : "going"}`;
    for (const one of now.moments.slice(list.children.length)) {
      const item = element("li");
      item.append(element("span", `${one.seconds.toFixed(1)} s `, { class: "when" }));
      if (one.details) {
        const more = element("details");
        const head = element("summary");
        head.append(element("b", one.name), ` ${one.facts}`);
        more.append(head, element("pre", one.details));
        item.append(more);
      } else item.append(element("b", one.name), ` ${one.facts}`);
      list.append(item);
      list.scrollTop = list.scrollHeight;
    }
    if (now.final) return;
    await new Promise((wake) => setTimeout(wake, 500));
  }
}

// --- the phone on the screen

const phone = document.getElementById("screen-phone");
const phoneState = document.getElementById("phone-state");
const hangUp = document.getElementById("hang-up");
const level = document.getElementById("level");
const screenId = idOfTab("screen");
const takeOver = document.getElementById("take-over");
const STATES = {
  held: "It waits for a call.",
  taken: "Another browser has this phone. Choose another number, or take it over while no call is on it.",
  ringing: "It rings …",
  talking: "Talking: you hear the call.",
  over: "The call is over.",
};
let line = null;
let sound = null;
let next = 0;

function phoneAddress(number) {
  return `${phone.dataset.phone}/${encodeURIComponent(number)}/${screenId}`;
}

function hear(encoded) {
  const octets = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const samples = new Int16Array(octets.buffer, 0, octets.length >> 1);
  if (!samples.length) return;
  const buffer = sound.context.createBuffer(1, samples.length, 8000);
  const into = buffer.getChannelData(0);
  for (let place = 0; place < samples.length; place++) into[place] = samples[place] / 32768;
  const source = sound.context.createBufferSource();
  source.buffer = buffer;
  source.connect(sound.analyser);
  const now = sound.context.currentTime;
  if (next < now + 0.02 || next > now + 1.5) next = now + 0.2;
  source.start(next);
  next += buffer.duration;
}

function show() {
  if (!sound) return;
  const samples = new Float32Array(sound.analyser.fftSize);
  sound.analyser.getFloatTimeDomainData(samples);
  const loud = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
  level.value = Math.min(1, loud * 4);
  level.dataset.most = String(Math.max(Number(level.dataset.most ?? 0), loud));
  setTimeout(show, 50);
}

function hold(number) {
  if (line?.number === number && line.stream.readyState !== EventSource.CLOSED) return Promise.resolve();
  line?.stream.close();
  if (!sound) {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.connect(context.destination);
    sound = { context, analyser };
    show();
  }
  sound.context.resume();
  const stream = new EventSource(phoneAddress(number));
  line = { number, stream };
  return new Promise((ready) => {
    stream.addEventListener("state", (event) => {
      phoneState.textContent = STATES[event.data] ?? event.data;
      hangUp.disabled = event.data !== "talking";
      takeOver.hidden = event.data !== "taken";
      phone.dataset.state = event.data;
      ready();
    });
    stream.addEventListener("sound", (event) => hear(event.data));
    stream.addEventListener("error", () => ready());
    setTimeout(ready, 3000);
  });
}

function order(name) {
  if (line) post(`${phoneAddress(line.number)}/${encodeURIComponent(name)}`, "");
}

phone.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]")?.dataset.key;
  if (key) order(`key:${key}`);
});
hangUp.addEventListener("click", () => order("hangup"));
takeOver.addEventListener("click", () => order("take"));
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^[0-9*#]$/.test(event.key) && phone.dataset.state === "talking") order(`key:${event.key}`);
});

editor.addEventListener("input", () => {
  drawBlocks();
  changed();
});
document.getElementById("example").addEventListener("change", (event) => {
  write({ callflow: structuredClone(examples[Number(event.target.value)].callflow) });
});
document.getElementById("palette").addEventListener("click", (event) => {
  const name = event.target.closest("[data-add]")?.dataset.add;
  const flow = read() ?? { callflow: [] };
  if (!name) return;
  flow.callflow.push(structuredClone(NEW[name]));
  write(flow);
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    language = button.dataset.language;
    writeCode();
  });
}
runner.addEventListener("click", run);
editor.value = localStorage.getItem(KEPT) || JSON.stringify({ callflow: examples[0].callflow }, null, 2);
drawBlocks();
changed();
