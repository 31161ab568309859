// The package without a server: when it sends again, what it reads, and which deliveries it takes. `node --test`.
import assert from "node:assert/strict";
import test from "node:test";
import { Client, NoAnswer, OffhookError, ServerFailed, hangup, makeCall, say } from "offhook";
import { BadPayload, BadSignature, Receiver, answer } from "offhook/receiver";

const ACCEPTED = { sessionId: "s", sessionStatus: "CREATED" };
const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers });
const cut = () => new TypeError("fetch failed", { cause: Object.assign(new Error("cut"), { code: "ECONNRESET" }) });
const refused = () => new TypeError("fetch failed", { cause: Object.assign(new Error("no"), { code: "ECONNREFUSED" }) });

/** A client whose requests have these outcomes, and the requests. */
function scripted(...outcomes) {
  const asked = [];
  const fetch = async (url, options) => {
    asked.push({ url, ...options });
    const outcome = outcomes.shift();
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return [new Client({ url: "http://server/", apiKey: "key", subAccount: "acme", fetch }), asked];
}

test("a callflow is sent again with the same key", async () => {
  const [client, asked] = scripted(cut(), json(503, { status: "draining" }, { "retry-after": "0" }), json(200, ACCEPTED));
  const flow = [makeCall({ source: "+1", destination: "+2" }), say("Hello", { language: "en" }), hangup()];
  assert.deepEqual(await client.sendCallflow(flow, { clientRequestId: "mine" }), ACCEPTED);
  assert.equal(asked.length, 3);
  assert.equal(new Set(asked.map((each) => each.headers["idempotency-key"])).size, 1);
  assert.ok(asked[0].headers["idempotency-key"].length >= 20);
  assert.equal(asked[0].url, "http://server/api/v1/subaccounts/acme/callflows");
  assert.equal(asked[0].headers.authorization, "Bearer key");
  assert.deepEqual(JSON.parse(asked[0].body), { callflow: flow, clientRequestId: "mine" });
});

test("what may have acted is not sent again", async () => {
  for (const outcome of [cut(), json(503, { status: "draining" }), json(502, "")]) {
    const [client, asked] = scripted(outcome);
    await assert.rejects(client.orderCampaign("c", "start"), OffhookError);
    assert.equal(asked.length, 1);
  }
});

test("what was not begun is sent again", async () => {
  for (const outcome of [refused(), json(429, {}, { "retry-after": "0" })]) {
    const [client, asked] = scripted(outcome, json(200, {}));
    await client.orderCampaign("c", "start");
    assert.equal(asked.length, 2);
  }
});

test("retries end, and a long Retry-After is not waited for", async () => {
  const [client, asked] = scripted(refused(), refused(), refused());
  await assert.rejects(client.getHealth(), (error) => error instanceof NoAnswer && /healthz: no/.test(error.message));
  assert.equal(asked.length, 3);
  const [patient, once] = scripted(json(503, { status: "later" }, { "retry-after": "31" }));
  await assert.rejects(patient.getHealth(), (error) => error instanceof ServerFailed && error.retryAfter === 31);
  assert.equal(once.length, 1);
});

test("a name is escaped, a query is encoded, absent members are left out", async () => {
  const [client, asked] = scripted(json(200, {}), json(200, {}));
  await client.getNumber("+65 1/2");
  assert.ok(asked[0].url.endsWith("/numbers/%2B65%201%2F2"));
  await client.listSessions({ clientRequestId: "A&B", limit: 2, cursor: undefined });
  assert.ok(asked[1].url.endsWith("/sessions?clientRequestId=A%26B&limit=2"));
});

test("what is no Offhook is no answer", async () => {
  await assert.rejects(scripted(new Response("<html>"))[0].getHealth(), NoAnswer);
  await assert.rejects(scripted(json(502, "x"), json(502, "x"), json(502, "x"))[0].getHealth(), /HTTP 502/);
});

test("pages that do not end are refused", async () => {
  const [client] = scripted(json(200, { sessions: [], nextCursor: "a" }), json(200, { sessions: [], nextCursor: "a" }));
  await assert.rejects(async () => {
    for await (const each of client.iterSessions()) assert.fail(each);
  }, /same page/);
});

const frame = (number, event) => `: hello\n\nid: ${number}\ndata: {"number":${number},"event":"${event}","timestamp":"t"}\r\n\r\n`;

/** A stream in pieces of one byte, which then breaks or ends. */
function stream(text, broken) {
  return new Response(new ReadableStream({
    start(controller) {
      for (const byte of new TextEncoder().encode(text)) controller.enqueue(Uint8Array.of(byte));
    },
    pull(controller) {
      broken ? controller.error(cut()) : controller.close();
    },
  }, { highWaterMark: 0 }));
}

test("a stream that breaks goes on behind the last event", async () => {
  const [client, asked] = scripted(stream(frame(1, "ÄÖ\u2028"), true), stream(frame(2, "SESSION_ENDED"), false));
  const seen = [];
  for await (const event of client.followSession("s")) seen.push([event.number, event.event]);
  assert.deepEqual(seen, [[1, "ÄÖ\u2028"], [2, "SESSION_ENDED"]]);
  assert.deepEqual(asked.map((each) => each.headers["last-event-id"]), [undefined, "1"]);
});

test("a stream outlives a restart of the server", async () => {
  const gone = [refused(), json(500, {}), json(503, {}, { "retry-after": "0" })];
  const [client] = scripted(stream(": quiet\n\n", false), json(500, {}), ...gone, stream(frame(1, "SESSION_ENDED"), false));
  const seen = [];
  for await (const event of client.followSession("s")) seen.push(event.number);
  assert.deepEqual(seen, [1]);
});

test("what is no event is refused", async () => {
  for (const text of ["data: x\n\n", "data: {}\n\n", "data: null\n\n"]) {
    const [client] = scripted(stream(text, false));
    await assert.rejects(client.followSession("s").next(), NoAnswer);
  }
});

test("another sub-account has the same server and key", async () => {
  const [client, asked] = scripted(json(200, {}));
  await client.forSubAccount("other").getUsage();
  assert.ok(asked[0].url.includes("/subaccounts/other/usage"));
  assert.equal(asked[0].headers.authorization, "Bearer key");
});

test("a receiver needs a secret", () => {
  for (const secret of [undefined, [], "", "whsec_", "whsec_YWJj", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]) {
    assert.throws(() => new Receiver(secret), TypeError);
  }
});

test("the answer of a VCA", () => {
  assert.deepEqual(answer(), {});
  assert.deepEqual(answer([hangup()]), { callflow: [{ action: "hangup" }] });
  assert.deepEqual(answer([hangup()], { clientActionId: "a" }), { clientActionId: "a", callflow: [{ action: "hangup" }] });
});

// Deliveries that the server's own code has signed; `cases` comes from the Python test.
const { secret, other, now, cases } = JSON.parse(process.env.OFFHOOK_SIGNED);
for (const { name, headers, body, outcome } of cases) {
  test(`a delivery: ${name}`, () => {
    const receive = (secrets, given) => new Receiver(secrets).receive(given, Buffer.from(body, "base64"), { now });
    if (outcome === "BadSignature") assert.throws(() => receive(secret, headers), BadSignature);
    else if (outcome === "BadPayload") assert.throws(() => receive(secret, headers), BadPayload);
    else {
      const { id, event } = receive(secret, headers);
      assert.deepEqual([id, event.eventType], ["d-1", outcome]);
      assert.equal(receive([other, secret], new Headers(headers)).id, "d-1");
      const upper = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toUpperCase(), value]));
      assert.equal(receive(secret, upper).id, "d-1");
      assert.throws(() => receive(other, headers), BadSignature);
    }
  });
}
