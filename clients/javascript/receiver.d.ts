import type { Action } from "./generated/actions.js";
import type { VcaEvent, VcsEvent, VnuEvent, VruEvent, VssEvent } from "./generated/types.js";

export * from "./generated/actions.js";
export type { VcaEvent, VcsEvent, VnuEvent, VruEvent, VssEvent } from "./generated/types.js";

/** The delivery was not signed with this secret, was altered, or is too old: answer 401. */
export class BadSignature extends Error {}
/** The body is no event of Offhook: answer 400. */
export class BadPayload extends Error {}

/** An event of a newer server: answer 200. */
export interface UnknownEvent {
  eventType: "UNKNOWN";
  /** Its `eventType`. */
  name: string;
  payload: { [name: string]: unknown };
}

export type WebhookEvent = VcaEvent | VcsEvent | VssEvent | VruEvent | VnuEvent | UnknownEvent;

/** Headers of node:http, Express, or fetch. */
export type HeadersOfAny =
  | { get(name: string): string | null | undefined }
  | { [name: string]: string | string[] | undefined };

/** One genuine delivery. */
export interface SignedDelivery {
  /** The same in every attempt: deliveries come at least once, so keep what you have handled. */
  id: string;
  event: WebhookEvent;
}

/** Takes deliveries that were signed with one of your secrets (`whsec_…`). `tolerance`: seconds; default 300. */
export class Receiver {
  constructor(secrets: string | readonly string[], options?: { tolerance?: number });
  /**
   * A delivery's event. `body`: as it came, before any JSON parser. Throws BadSignature (answer 401) and BadPayload
   * (answer 400).
   */
  receive(headers: HeadersOfAny, body: string | Uint8Array, options?: { now?: number }): SignedDelivery;
}

/** The event of a body that was proved otherwise. Throws BadPayload. */
export function readEvent(body: string | Uint8Array): WebhookEvent;

/** The answer of a VCA, to be sent as JSON: what the call does next; nothing: it is hung up. */
export function answer(
  callflow?: readonly Action[],
  options?: { clientActionId?: string },
): { callflow?: readonly Action[]; clientActionId?: string };
