// A session's page: the pointer on the timeline and what there was at that moment, waveforms, and fresh facts while it runs.
"use strict";
import { writeTimes } from "./console.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
let wanted = null; // milliseconds since the begin

const timelineOf = () => document.querySelector(".timeline");
const lengthOf = () => Number(timelineOf().dataset.seconds) * 1000;
const momentsOf = () => [...document.querySelectorAll(".moments > li")];

function point(milliseconds, chosen = null) {
  const timeline = timelineOf();
  const share = Math.min(1, Math.max(0, milliseconds / lengthOf()));
  wanted = share * lengthOf();
  const line = timeline.querySelector(".pointer");
  line.setAttribute("x1", `${share * 100}%`);
  line.setAttribute("x2", `${share * 100}%`);
  line.setAttribute("visibility", "visible");
  const far = (one) => Math.abs(Number(one.dataset.ms) - wanted);
  const moments = momentsOf();
  for (const one of moments) one.classList.remove("at");
  const least = Math.min(...moments.map(far));
  const nearest = moments.filter((one) => far(one) === least).slice(0, 4); // what came together is shown together
  tellMoment(timeline, share, nearest);
  const at = chosen ?? nearest[0];
  if (!at) return;
  at.classList.add("at");
  const list = at.parentElement;
  if (!chosen) list.scrollTo({ top: at.offsetTop - list.offsetTop - 80, behavior: calm ? "auto" : "smooth" });
}

// What lasted at that moment, row by row, and the nearest message, event or payload beside it.
function tellMoment(timeline, share, nearest) {
  document.getElementById("moment").hidden = false;
  document.getElementById("moment-at").textContent = `${(wanted / 1000).toFixed(3)} s`;
  const lasting = [...timeline.querySelectorAll("svg > rect[data-bar]")].filter((bar) => {
    const begin = parseFloat(bar.getAttribute("x"));
    return begin <= share * 100 && share * 100 <= begin + parseFloat(bar.getAttribute("width"));
  });
  document.getElementById("moment-rows").replaceChildren(
    ...lasting.map((bar) => {
      const item = document.createElement("li");
      item.textContent = bar.querySelector("title").textContent;
      return item;
    }),
  );
  const shown = nearest.map((one) => {
    const copy = document.createElement("div");
    copy.append(...[...one.childNodes].map((child) => child.cloneNode(true)));
    for (const details of copy.querySelectorAll("details")) details.open = true;
    return copy;
  });
  document.getElementById("moment-nearest").replaceChildren(...shown);
}

function listen() {
  const timeline = timelineOf();
  const svg = timeline.querySelector("svg");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    point(((event.clientX - box.left) / box.width) * lengthOf());
  });
  timeline.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const places = [...new Set(momentsOf().map((one) => Number(one.dataset.ms)))];
    const at = wanted ?? 0;
    const next = step > 0 ? places.find((place) => place > at + 0.5) : places.findLast((place) => place < at - 0.5);
    if (next !== undefined) point(next);
  });
  for (const one of momentsOf()) one.addEventListener("click", () => point(Number(one.dataset.ms), one));
}

const waves = new Map(); // what was decoded, by the recording's address: it does not change

async function soundOf(address) {
  if (!waves.has(address)) {
    const answer = await fetch(address);
    if (!answer.ok) return null;
    const context = new OfflineAudioContext(1, 1, 8000);
    try {
      waves.set(address, await context.decodeAudioData(await answer.arrayBuffer()));
    } catch {
      return null;
    }
  }
  return waves.get(address);
}

function pathsOf(sound) {
  const half = 32 / sound.numberOfChannels;
  const paths = [];
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const samples = sound.getChannelData(channel);
    const each = Math.max(1, Math.floor(samples.length / 800));
    const middle = half * (2 * channel + 1);
    let path = "";
    for (let x = 0; x < 800; x++) {
      let loud = 0;
      for (let place = x * each; place < (x + 1) * each && place < samples.length; place++) {
        loud = Math.max(loud, Math.abs(samples[place]));
      }
      const high = Math.max(0.5, loud * half);
      path += `M${x} ${(middle - high).toFixed(1)}h1v${(2 * high).toFixed(1)}h-1z`;
    }
    paths.push(path);
  }
  return paths;
}

async function drawWave(card) {
  const own = card.querySelector("svg.waveform");
  if (!own || own.childNodes.length) return;
  const sound = await soundOf(card.dataset.src);
  if (!sound) return;
  const onAxis = [...document.querySelectorAll("svg.axis-wave")].filter((one) => one.dataset.recording === card.dataset.id);
  const audio = card.querySelector("audio");
  for (const svg of [own, ...onAxis]) {
    for (const path of pathsOf(sound)) {
      const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
      shape.setAttribute("class", "wave");
      shape.setAttribute("d", path);
      svg.append(shape);
    }
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      audio.currentTime = ((event.clientX - box.left) / box.width) * sound.duration;
      audio.play();
    });
  }
  audio.addEventListener("timeupdate", () => {
    const [axis] = onAxis;
    if (!axis || audio.paused) return;
    const begin = parseFloat(axis.getAttribute("x"));
    const width = parseFloat(axis.getAttribute("width"));
    point(((begin + (width * audio.currentTime) / sound.duration) / 100) * lengthOf());
  });
  card.dataset.drawn = String(Math.round(sound.duration * 1000));
}

function draw() {
  listen();
  for (const card of document.querySelectorAll(".recording")) drawWave(card);
}

let asking = false;
async function freshen() {
  const before = document.getElementById("session");
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok && !answer.redirected) {
      const text = await answer.text();
      const after = new DOMParser().parseFromString(text, "text/html").getElementById("session");
      if (after && after.textContent !== before.textContent) {
        const open = new Set([...before.querySelectorAll("details[id][open]")].map((one) => one.id));
        for (const one of after.querySelectorAll("details[id]")) if (open.has(one.id)) one.open = true;
        before.replaceWith(after);
        writeTimes(after);
        draw();
        if (wanted !== null) point(wanted);
      }
    }
  } catch {
    // the server is away: what is shown stays, and it is asked again
  }
  asking = false;
}

const runs = () => document.getElementById("session").hasAttribute("data-running");

function follow() {
  if (!runs()) return;
  const stream = new EventSource(document.getElementById("session").dataset.stream);
  stream.addEventListener("changed", async () => {
    await freshen();
    if (!runs()) stream.close();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return;
    freshen();
    setTimeout(follow, 3000);
  });
  addEventListener("pagehide", () => stream.close());
}

draw();
follow();
