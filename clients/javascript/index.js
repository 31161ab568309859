// The client of an Offhook server: every operation of its API as a method (docs/clients.md).
import { NoAnswer, OffhookError, ServerFailed, refusal } from "./failures.js";
import { OPERATIONS } from "./generated/operations.js";
import { readEvents } from "./live_events.js";
import { afterAnswer, afterFault, pause } from "./retrying.js";

export * from "./failures.js";
export * from "./generated/actions.js";

const SUB_ACCOUNT = "/api/v1/subaccounts/{subAccountId}";
const environment = globalThis.process?.env ?? {};
// Node.js 18 has no global of this name.
const { randomUUID } = globalThis.crypto ? { randomUUID: () => globalThis.crypto.randomUUID() } : await import("node:crypto");

export class Client {
  #fetch;
  #headers;

  constructor({ url, apiKey, subAccount, timeout = 30000, retries = 2, fetch } = {}) {
    this.url = (url ?? environment.OFFHOOK_URL ?? "http://127.0.0.1:8080").replace(/\/+$/, "");
    this.subAccount = subAccount ?? environment.OFFHOOK_SUBACCOUNT ?? "demo";
    this.timeout = timeout;
    this.retries = retries;
    this.#fetch = fetch ?? ((...request) => globalThis.fetch(...request));
    const key = apiKey ?? environment.OFFHOOK_API_KEY;
    this.#headers = key ? { authorization: `Bearer ${key}` } : {};
  }

  forSubAccount(subAccount) {
    const apiKey = this.#headers.authorization?.slice("Bearer ".length) ?? "";
    const { url, timeout, retries } = this;
    return new Client({ url, apiKey, subAccount, timeout, retries, fetch: this.#fetch });
  }

  putMedia(name, data) {
    const path = this.#path(`${SUB_ACCOUNT}/media/{name}`, { name });
    return this.#send("PUT", path, { form: "json", data, type: "application/octet-stream" });
  }

  uploadTargets(campaignId, targets) {
    const path = this.#path(`${SUB_ACCOUNT}/campaigns/{campaignId}/targets`, { campaignId });
    const csv = typeof targets === "string" || ArrayBuffer.isView(targets);
    const data = csv ? targets : JSON.stringify(targets);
    return this.#send("POST", path, { form: "json", data, type: csv ? "text/csv" : "application/json" });
  }

  downloadExport(link) {
    const token = link.split(/[?#]/, 1)[0].split("/").pop();
    return this.#send("GET", this.#path(`${SUB_ACCOUNT}/messages/download/{token}`, { token }), { form: "bytes" });
  }

  async *followSession(sessionId, { after = 0 } = {}) {
    const path = this.#path(`${SUB_ACCOUNT}/sessions/{sessionId}/events`, { sessionId });
    for (let failed = 0; ; ) {
      const seen = after;
      try {
        for await (const event of this.#events(path, after)) {
          failed = 0;
          after = event.number;
          yield event;
          if (event.event === "SESSION_ENDED") return;
        }
      } catch (error) {
        if (error instanceof OffhookError && !(error instanceof ServerFailed)) throw error;
        failed += 1;
        // A stream outlives a restart of the server: almost a minute with the usual number of retries.
        const wait = afterFault({ retries: this.retries * 5 }, failed, error, true);
        if (wait === null && error instanceof ServerFailed) throw error;
        if (wait === null) throw new NoAnswer(`GET ${path}: ${describe(error)}`, { cause: error });
        await pause(wait);
        continue;
      }
      if (after === seen && (await this.#isOver(sessionId))) return;
    }
  }

  /** Whether no more events can come; false where the server cannot be asked now. */
  async #isOver(sessionId) {
    try {
      return !isLive(await this.getSession(sessionId));
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof ServerFailed) return false;
      throw error;
    }
  }

  async *#events(path, after) {
    const headers = { ...this.#headers, accept: "text/event-stream" };
    if (after) headers["last-event-id"] = String(after);
    const stop = new AbortController();
    try {
      const answer = await this.#fetch(this.url + path, { headers, signal: stop.signal, redirect: "manual" });
      if (answer.status !== 200) throw refused(answer, await answer.text());
      yield* readEvents(answer.body, stop);
    } finally {
      stop.abort();
    }
  }

  /** Calls an operation of the table: first what the path holds and a callflow, then the rest by name. */
  async _call(name, values) {
    const about = OPERATIONS[name];
    const given = values.slice(about.first.length)[0] ?? {};
    const members = { ...given };
    about.first.forEach((each, index) => {
      if (values[index] === undefined) throw new TypeError(`${name}: ${each} is missing`);
      members[each] = values[index];
    });
    const { idempotencyKey = about.key ? randomUUID() : undefined, ...rest } = members;
    const path = this.#path(about.path, rest);
    const query = pick(rest, about.query);
    const allowed = new Set([...about.first, ...about.query, ...(about.body ?? [])]);
    const unknown = Object.keys(rest).find((each) => !allowed.has(each));
    if (unknown !== undefined) throw new TypeError(`${name}: there is no parameter ${unknown}`);
    const search = new URLSearchParams(query).toString();
    return this.#send(about.method, search ? `${path}?${search}` : path, {
      form: about.form,
      data: about.body ? JSON.stringify(pick(rest, about.body)) : undefined,
      type: "application/json",
      key: idempotencyKey,
    });
  }

  async *_iterate(name, values) {
    const about = OPERATIONS[name];
    const first = values.slice(0, about.first.length);
    const params = values[about.first.length] ?? {};
    for (let cursor; ; ) {
      const page = await this._call(name, [...first, cursor === undefined ? params : { ...params, cursor }]);
      yield* page[about.pagesOf];
      if (page.nextCursor === undefined) return;
      if (page.nextCursor === cursor) throw new OffhookError("the server answers the same page again");
      cursor = page.nextCursor;
    }
  }

  #path(template, names) {
    return template.replace(/\{(\w+)\}/g, (_, name) => {
      const value = String(name === "subAccountId" ? (names[name] ?? this.subAccount) : names[name]);
      if (["", ".", ".."].includes(value)) throw new TypeError(`${name} is ${JSON.stringify(value)}: not a name`);
      return encodeURIComponent(value);
    });
  }

  async #send(method, path, { form, data, type, key }) {
    const headers = { ...this.#headers, accept: "application/json" };
    if (data !== undefined) headers["content-type"] = type;
    if (key !== undefined) headers["idempotency-key"] = key;
    const repeatable = method !== "POST" || key !== undefined;
    for (let sent = 1; ; sent += 1) {
      let wait;
      try {
        const signal = AbortSignal.timeout(this.timeout);
        const request = { method, headers, body: data, signal, redirect: "manual" };
        const answer = await this.#fetch(this.url + path, request);
        const body = new Uint8Array(await answer.arrayBuffer());
        wait = afterAnswer(this, sent, answer.status, retryAfter(answer), repeatable);
        if (wait === null) return read(answer, body, form);
      } catch (error) {
        if (error instanceof OffhookError) throw error;
        wait = afterFault(this, sent, error, repeatable);
        if (wait === null) throw new NoAnswer(`${method} ${this.url}${path}: ${describe(error)}`, { cause: error });
      }
      await pause(wait);
    }
  }
}

for (const [name, about] of Object.entries(OPERATIONS)) {
  Client.prototype[name] = async function (...values) {
    return this._call(name, values);
  };
  if (about.pagesOf !== null) {
    Client.prototype[name.replace(/^list/, "iter")] = function (...values) {
      return this._iterate(name, values);
    };
  }
}

function pick(members, names) {
  return Object.fromEntries(names.filter((name) => members[name] !== undefined).map((name) => [name, members[name]]));
}

function retryAfter(answer) {
  const seconds = Number(answer.headers.get("retry-after") ?? NaN);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function refused(answer, text) {
  return refusal(answer.status, text, answer.headers.get("x-request-id") ?? undefined, retryAfter(answer));
}

function read(answer, body, form) {
  if (!answer.ok) throw refused(answer, new TextDecoder().decode(body));
  if (form === "bytes") return body;
  if (form === "nothing") return undefined;
  const text = new TextDecoder().decode(body);
  if (form === "text") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NoAnswer(`the answer is no JSON: ${error.message}`, { cause: error });
  }
}

function isLive(session) {
  return session.sessionStatus === "QUEUED" || session.sessionStatus === "RUNNING";
}

function describe(error) {
  return error?.cause?.message || error?.cause?.code || error?.message || String(error);
}
