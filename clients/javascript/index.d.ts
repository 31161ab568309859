import type { Operations } from "./generated/operations.js";
import type { CallflowProblem, MediaAnswer, TargetBody, UploadAnswer } from "./generated/types.js";

export * from "./generated/actions.js";
export type * from "./generated/types.js";
export type { Operations } from "./generated/operations.js";

export interface ClientOptions {
  /** Where the server is; absent: OFFHOOK_URL, or http://127.0.0.1:8080. */
  url?: string;
  /** Absent: OFFHOOK_API_KEY. */
  apiKey?: string;
  /** Absent: OFFHOOK_SUBACCOUNT, or demo. */
  subAccount?: string;
  /** Milliseconds for one attempt; default 30000. */
  timeout?: number;
  /** How often a request is sent again at most, and only one that cannot act twice; default 2. */
  retries?: number;
  /** Another fetch, for proxies and tests. */
  fetch?: typeof globalThis.fetch;
}

/** One event of a session. */
export interface LiveEvent {
  /** 1, 2, 3 …: give it as `after` to go on behind it. */
  number: number;
  /** Its name, such as CALL_CONNECTED; SESSION_ENDED is the last. */
  event: string;
  /** ISO 8601, UTC, milliseconds. */
  timestamp: string;
  [member: string]: unknown;
}

/** The API of a server: a method for every operation. Every failure is an OffhookError. */
export interface Client extends Operations {}
export class Client {
  constructor(options?: ClientOptions);
  readonly url: string;
  readonly subAccount: string;
  /** The same server and key for another sub-account. */
  forSubAccount(subAccount: string): Client;
  /** Put a wav or mp3 file into the library, at most 5120 KiB. */
  putMedia(name: string, data: Uint8Array): Promise<MediaAnswer>;
  /** Add numbers to the list of a campaign: an array, or the text or bytes of a CSV file; at most 8 MiB a request. */
  uploadTargets(
    campaignId: string,
    targets: string | Uint8Array | readonly (TargetBody | string | number)[],
  ): Promise<UploadAnswer>;
  /** A file of an export: `link` is one of `data` of getExport. */
  downloadExport(link: string): Promise<Uint8Array>;
  /** The session's events as they happen, to its end. A connection that is lost is made anew. */
  followSession(sessionId: string, options?: { after?: number }): AsyncGenerator<LiveEvent, void, undefined>;
}

/** A request did not succeed. */
export class OffhookError extends Error {}
/** The server could not be reached, did not answer in time, or what answered is no Offhook. */
export class NoAnswer extends OffhookError {}
/** The server refused the request, or failed. */
export class RequestRefused extends OffhookError {
  /** The server's text. */
  readonly said: string;
  readonly httpStatus: number;
  /** The API's own code, such as -1014; of most endpoints the HTTP status. */
  readonly statusCode: number;
  /** X-Request-Id; of a callflow its callFlowRequestId. */
  readonly requestId?: string;
  /** Under which the server's log has the cause of a 500. */
  readonly errorId?: string;
  /** Seconds after which to ask again. */
  readonly retryAfter?: number;
  /** Of a callflow: all that is wrong with it, each with its path. */
  readonly problems: CallflowProblem[];
}
/** HTTP 400, 413 or 422. */
export class RequestInvalid extends RequestRefused {}
/** The callflow is not valid. */
export class CallflowInvalid extends RequestInvalid {}
/** HTTP 401. */
export class KeyNotAccepted extends RequestRefused {}
/** HTTP 403. */
export class KeyNotAllowed extends RequestRefused {}
/** HTTP 404. */
export class UnknownResource extends RequestRefused {}
/** HTTP 409. */
export class StateConflict extends RequestRefused {}
/** HTTP 429. */
export class TooMany extends RequestRefused {}
/** HTTP 5xx. */
export class ServerFailed extends RequestRefused {}
