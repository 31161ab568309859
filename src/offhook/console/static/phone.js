// The phone in the browser: its news come as server-sent events, its sound by WebRTC.
"use strict";
import { formToken } from "./console.js";

const root = document.getElementById("web-phone");
const part = (name) => document.getElementById(name);
const [user, power, said, alarm] = ["user", "switch", "phone-said", "phone-alert"].map(part);
const [answer, hangUp, mute, call, level, pressed] = ["answer", "hang-up", "mute", "call", "level", "pressed"].map(part);
const player = part("far-side");
const keys = [...root.querySelectorAll("[data-key]")];
const TITLE = document.title;
const ANSWERED_WITHIN = 10_000; // ms for the server's half of the sound
const KEY_TIME = 120; // ms
const IN_CALL = ["connecting", "calling", "talking"];
let id = "";
let news = null; // EventSource
let sound = null; // { context, microphone }
let talk = null; // { connection, late, asked: a call that the server does not know of yet }
let state = "off";
let ringing = 0;

const WORDS = {
  registering: () => "The phone is being registered.",
  ready: ({ text }) => (text ? `${text}. The phone is ready.` : "The phone is ready: it rings when somebody calls."),
  refused: ({ text }) => text,
  ringing: ({ peer }) => `${peer || "Somebody"} calls.`,
  connecting: ({ peer }) => `Connecting with ${peer}.`,
  calling: ({ peer }) => `Calling ${peer}.`,
  talking: ({ peer }) => `Talking with ${peer || "the other side"}.`,
};

function show(next, text) {
  if (state !== next) pressed.value = next === "talking" ? "none" : pressed.value;
  state = root.dataset.state = next;
  if (said.textContent !== text) said.textContent = text;
  alarm.textContent = next === "ringing" ? text : "";
  document.title = next === "ringing" ? `☎ ${text}` : TITLE;
  const busy = IN_CALL.includes(next);
  answer.disabled = next !== "ringing" || talk !== null;
  hangUp.disabled = !busy && next !== "ringing";
  hangUp.textContent = next === "ringing" ? "Decline" : "Hang up";
  mute.disabled = !busy;
  call.disabled = next !== "ready" || talk !== null;
  user.disabled = next !== "off";
  for (const key of keys) key.disabled = next !== "talking";
  power.textContent = next === "off" ? "Switch on" : "Switch off";
  power.classList.toggle("main", next === "off");
  ring(next === "ringing");
}

function ring(on) {
  if (on === ringing > 0 || !sound) return;
  clearInterval(ringing);
  ringing = on ? setInterval(ringOnce, 3000) : 0;
  if (!on) return;
  ringOnce();
  if (document.activeElement === document.body || root.contains(document.activeElement)) answer.focus();
}

function ringOnce() {
  const { context } = sound;
  for (const [frequency, start] of [[440, 0], [480, 0], [440, 0.6], [480, 0.6]]) {
    const tone = new OscillatorNode(context, { frequency });
    const loud = new GainNode(context, { gain: 0.05 });
    tone.connect(loud).connect(context.destination);
    tone.start(context.currentTime + start);
    tone.stop(context.currentTime + start + 0.4);
  }
}

async function order(wish, fields = {}) {
  const address = `${root.dataset.order}/${encodeURIComponent(user.value)}/${id}/${wish}`;
  const headers = { "x-form-token": formToken(), "content-type": "application/json" };
  const reply = await fetch(address, { method: "POST", headers, body: JSON.stringify(fields) }).catch(() => null);
  if (reply?.ok) return true;
  const told = await reply?.json().catch(() => null);
  said.textContent = told?.problem ?? "The server does not answer.";
  return false;
}

async function switchOn() {
  if (!window.isSecureContext) {
    said.textContent = "Browsers give the microphone only to pages of https: or of this machine itself.";
    return;
  }
  power.disabled = true;
  said.textContent = "The browser asks whether this page may use the microphone.";
  try {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
    sound = { context: new AudioContext(), microphone };
    await sound.context.resume();
  } catch (error) {
    said.textContent = `The browser gives no microphone (${error.name}): allow it for this page and switch on again.`;
    return;
  } finally {
    power.disabled = false;
  }
  id = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
  news = new EventSource(`${root.dataset.line}/${encodeURIComponent(user.value)}/${id}`);
  news.addEventListener("news", (event) => hear(JSON.parse(event.data)));
  news.addEventListener("error", () => {
    hush();
    if (news?.readyState === EventSource.CLOSED) switchOff("The server does not let this browser be a phone: load the page again.");
    else show("registering", "The connection to the server is lost: trying again.");
  });
  show("registering", "The phone is being registered.");
}

function switchOff(text) {
  news?.close();
  news = null;
  hush();
  ring(false);
  for (const track of sound?.microphone.getTracks() ?? []) track.stop();
  sound?.context.close();
  sound = null;
  show("off", text);
}

// An event of the server.
function hear(told) {
  if (told.digit) pressed.value = (pressed.value === "none" ? "" : pressed.value) + told.digit;
  if (told.sdp && talk) {
    clearTimeout(talk.late);
    talk.connection.setRemoteDescription({ type: "answer", sdp: told.sdp }).catch(() => order("hangup"));
  }
  if (talk && IN_CALL.includes(told.state)) talk.asked = false;
  // News from before the server has the order do not end what it asks for.
  else if (told.state !== "ringing" && !talk?.asked) hush();
  show(told.state, WORDS[told.state]?.(told) ?? told.state);
}

// Begin to talk: the browser makes the offer, whoever calls.
async function speak(wish, fields) {
  if (talk) return;
  const connection = new RTCPeerConnection({ iceServers: JSON.parse(root.dataset.ice) });
  talk = { connection, late: 0, asked: wish === "call" };
  answer.disabled = call.disabled = true;
  for (const track of sound.microphone.getTracks()) connection.addTrack(track, sound.microphone);
  connection.addEventListener("track", (event) => listen(event.streams[0] ?? new MediaStream([event.track])));
  setMuted(false);
  try {
    await connection.setLocalDescription();
  } catch (error) {
    hush();
    said.textContent = `The browser cannot talk: ${error.message}`;
    return;
  }
  talk.late = setTimeout(() => {
    hush();
    order("hangup");
  }, ANSWERED_WITHIN);
  if (!(await order(wish, { ...fields, sdp: connection.localDescription.sdp }))) hush();
}

function listen(stream) {
  player.srcObject = stream;
  player.play().catch(() => {});
  const analyser = new AnalyserNode(sound.context, { fftSize: 2048 });
  new MediaStreamAudioSourceNode(sound.context, { mediaStream: stream }).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const spectrum = new Uint8Array(analyser.frequencyBinCount);
  const mine = talk;
  const look = () => {
    if (talk !== mine) return;
    if (player.paused) player.play().catch(() => {}); // Chromium mutes a stream that nothing plays
    analyser.getFloatTimeDomainData(samples);
    analyser.getByteFrequencyData(spectrum);
    level.value = Math.min(1, 2 * samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0));
    const loudest = spectrum.indexOf(Math.max(...spectrum));
    level.dataset.hertz = level.value > 0.02 ? Math.round((loudest * sound.context.sampleRate) / analyser.fftSize) : "";
    level.dataset.most = Math.max(level.value, Number(level.dataset.most ?? 0)).toFixed(3);
    setTimeout(look, 100);
  };
  look();
}

function hush() {
  if (!talk) return;
  clearTimeout(talk.late);
  talk.connection.close();
  talk = null;
  player.srcObject = null;
  level.value = 0;
}

function setMuted(muted) {
  for (const track of sound?.microphone.getAudioTracks() ?? []) track.enabled = !muted;
  mute.setAttribute("aria-pressed", String(muted));
  mute.textContent = muted ? "Unmute" : "Mute";
}

function press(key) {
  const sender = talk?.connection.getSenders().find((one) => one.dtmf);
  if (sender?.dtmf.canInsertDTMF) sender.dtmf.insertDTMF(sender.dtmf.toneBuffer + key, KEY_TIME);
}

power.addEventListener("click", () => (state === "off" ? switchOn() : switchOff("The phone is off.")));
answer.addEventListener("click", () => speak("answer", {}));
hangUp.addEventListener("click", () => order("hangup"));
mute.addEventListener("click", () => setMuted(mute.getAttribute("aria-pressed") !== "true"));
part("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  if (state === "ready") speak("call", { number: part("number").value });
});
root.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]")?.dataset.key;
  if (key) press(key);
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^[0-9*#]$/.test(event.key) && state === "talking") press(event.key);
  else if (event.key === "m" && !mute.disabled) mute.click();
});
