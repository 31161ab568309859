// Receives webhooks in a server of yours: proves, reads and answers them (docs/clients.md).
import { createHmac, timingSafeEqual } from "node:crypto";

export * from "./generated/actions.js";

const KNOWN = new Set(["CALL_ACTION", "CALL_STATUS", "SESSION_SUMMARY", "CALL_RECORDING_STATUS", "VIRTUAL_NUMBER_UPDATE"]);
const TOLERANCE = 300;

/** The delivery was not signed with this secret, was altered, or is too old: answer 401. */
export class BadSignature extends Error {
  constructor() {
    super("The delivery was not signed with this secret, was altered, or is too old.");
    this.name = "BadSignature";
  }
}

/** The body is no event of Offhook: answer 400. */
export class BadPayload extends Error {
  constructor(why) {
    super(`The body is no event of Offhook: ${why}`);
    this.name = "BadPayload";
  }
}

export class Receiver {
  #keys;
  #tolerance;

  constructor(secrets, { tolerance = TOLERANCE } = {}) {
    const all = typeof secrets === "string" ? [secrets] : [...(secrets ?? [])];
    if (all.length === 0) throw new TypeError("a receiver needs the secret of a webhook");
    this.#keys = all.map(keyOf);
    this.#tolerance = tolerance;
  }

  receive(headers, body, { now = Date.now() / 1000 } = {}) {
    const get = typeof headers.get === "function" ? (name) => headers.get(name) : lowerCase(headers);
    const data = typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const id = get("webhook-id");
    const timestamp = get("webhook-timestamp");
    const signatures = get("webhook-signature");
    if (!id || !/^\d{1,15}$/.test(timestamp ?? "") || !signatures) throw new BadSignature();
    if (!(Math.abs(now - Number(timestamp)) <= this.#tolerance)) throw new BadSignature();
    const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), data]);
    const given = signatures.split(" ").map((one) => Buffer.from(one));
    const genuine = this.#keys.some((key) => {
      const expected = Buffer.from(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
      return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
    });
    if (!genuine) throw new BadSignature();
    return { id, event: readEvent(data) };
  }
}

/** The event of a body that was proved otherwise. */
export function readEvent(body) {
  let event;
  try {
    event = JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString("utf8"));
  } catch (error) {
    throw new BadPayload(error.message);
  }
  if (typeof event?.eventType !== "string" || typeof event.payload !== "object" || event.payload === null) {
    throw new BadPayload("eventType or payload is missing");
  }
  return KNOWN.has(event.eventType) ? event : { ...event, eventType: "UNKNOWN", name: event.eventType };
}

/** The answer of a VCA: what the call does next; nothing: it is hung up. */
export function answer(callflow = [], { clientActionId } = {}) {
  if (callflow.length === 0) return {};
  return clientActionId === undefined ? { callflow } : { clientActionId, callflow };
}

function keyOf(secret) {
  const text = String(secret).replace(/^whsec_/, "");
  const key = Buffer.from(text, "base64");
  if (text === String(secret) || key.toString("base64") !== text || key.length < 24 || key.length > 64) {
    throw new TypeError("a webhook secret is whsec_ and the base64 of 24 to 64 bytes; this is not one");
  }
  return key;
}

function lowerCase(headers) {
  const found = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value = found[name];
    return Array.isArray(value) ? value[0] : value;
  };
}
