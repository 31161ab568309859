// A session's page: the pointer on the timeline and the moments beside it, waveforms, and fresh facts while it runs.
"use strict";
import { writeTimes } from "./console.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
let at = 0;

function point(share) {
  const timeline = document.querySelector(".timeline");
  const svg = timeline.querySelector("svg");
  at = Math.min(1, Math.max(0, share));
  const line = svg.querySelector(".pointer");
  line.setAttribute("x1", `${at * 100}%`);
  line.setAttribute("x2", `${at * 100}%`);
  line.setAttribute("visibility", "visible");
  const wanted = at * Number(timeline.dataset.seconds) * 1000;
  const moments = [...document.querySelectorAll(".moments > li")];
  let nearest = null;
  for (const one of moments) {
    one.classList.remove("at");
    const far = Math.abs(Number(one.dataset.ms) - wanted);
    if (nearest === null || far < nearest.far) nearest = { one, far };
  }
  if (!nearest) return;
  nearest.one.classList.add("at");
  const list = nearest.one.parentElement;
  list.scrollTo({ top: nearest.one.offsetTop - list.offsetTop - 80, behavior: calm ? "auto" : "smooth" });
}

function listen() {
  const timeline = document.querySelector(".timeline");
  const svg = timeline.querySelector("svg");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    point((event.clientX - box.left) / box.width);
  });
  timeline.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const seconds = Number(timeline.dataset.seconds) * 1000;
    const places = [...new Set([...document.querySelectorAll(".moments > li")].map((one) => Number(one.dataset.ms) / seconds))];
    const next = step > 0 ? places.find((place) => place > at + 1e-6) : places.findLast((place) => place < at - 1e-6);
    if (next !== undefined) point(next);
  });
  for (const one of document.querySelectorAll(".moments > li")) {
    one.addEventListener("click", () => point(Number(one.dataset.ms) / 1000 / Number(timeline.dataset.seconds)));
  }
}

async function drawWave(card) {
  const svg = card.querySelector("svg.waveform");
  if (!svg || svg.childNodes.length) return;
  const answer = await fetch(card.dataset.src);
  if (!answer.ok) return;
  const context = new OfflineAudioContext(1, 1, 8000);
  let sound;
  try {
    sound = await context.decodeAudioData(await answer.arrayBuffer());
  } catch {
    return;
  }
  const half = 32 / sound.numberOfChannels;
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
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    shape.setAttribute("class", "wave");
    shape.setAttribute("d", path);
    svg.append(shape);
  }
  card.dataset.drawn = String(Math.round(sound.duration * 1000));
  const audio = card.querySelector("audio");
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    audio.currentTime = ((event.clientX - box.left) / box.width) * sound.duration;
    audio.play();
  });
}

async function freshen() {
  const before = document.getElementById("session");
  if (!before?.hasAttribute("data-running")) return;
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
        listen();
        for (const card of document.querySelectorAll(".recording")) drawWave(card);
      }
    }
  } catch {
    // the server is away: what is shown stays, and it is asked again
  }
  setTimeout(freshen, 1000);
}

listen();
for (const card of document.querySelectorAll(".recording")) drawWave(card);
freshen();
