// Calls every operation of a running server through the package: node every_operation.mjs URL KEY OPERATOR_KEY SUB_ACCOUNT
// NUMBER. Prints what was answered well, one `METHOD path` a line.
import assert from "node:assert/strict";
import * as offhook from "offhook";
import { Client, hangup, makeCall, say } from "offhook";

const [url, apiKey, operatorKey, subAccount, number] = process.argv.slice(2);
const [SOURCE, PHONE] = ["+6512341234", "+12025550101"];

const fetch = async (target, options) => {
  const answer = await globalThis.fetch(target, options);
  if (answer.ok) console.log(options.method ?? "GET", new URL(target).pathname);
  return answer;
};
const client = new Client({ url, apiKey, subAccount, fetch });
const operator = new Client({ url, apiKey: operatorKey, subAccount, fetch });

async function all(items) {
  const found = [];
  for await (const each of items) found.push(each);
  return found;
}

async function until(look) {
  for (const deadline = Date.now() + 30000; Date.now() < deadline; ) {
    const found = await look();
    if (found?.length) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not happen");
}

async function aCall() {
  const talk = [makeCall({ source: SOURCE, destination: PHONE }), say("Hello", { language: "en-US", repetition: 3 })];
  assert.equal((await client.validateCallflow(talk)).sessionStatus, "VALID");
  const asked = { clientRequestId: "order-1", idempotencyKey: "once", validUntil: new Date(Date.now() + 3600e3) };
  const first = await client.sendCallflow(talk, asked);
  assert.equal((await client.sendCallflow(talk, asked)).sessionId, first.sessionId);
  const seen = [];
  for await (const event of client.followSession(first.sessionId)) {
    seen.push(event.event);
    if (event.event === "CALL_CONNECTED") break;
  }
  const goodbye = [say("Goodbye", { language: "en-US" }), hangup()];
  assert.equal((await client.replaceCallflow(first.sessionId, goodbye)).sessionStatus, "RUNNING");
  seen.push(...(await all(client.followSession(first.sessionId, { after: seen.length }))).map((event) => event.event));
  assert.deepEqual([seen[0], seen.at(-1)], ["SESSION_QUEUED", "SESSION_ENDED"]);
  assert.equal((await client.getSession(first.sessionId)).events.length, seen.length);
  assert.deepEqual(await all(client.followSession(first.sessionId, { after: seen.length })), []);
  const { callFlowRequestId } = first;
  assert.equal((await client.getRequest(callFlowRequestId)).callFlowRequestId, callFlowRequestId);
  return first.sessionId;
}

async function olderRequests() {
  const params = { source: SOURCE, destination: PHONE, text: "Hello", language: "en-US", repetition: 3 };
  for (const name of ["sendCall", "sendOldestCall"]) {
    const accepted = await client[name]([{ action: "say", params }]);
    assert.equal(accepted.uid, accepted.sessionId);
    assert.equal((await client.endSession(accepted.sessionId)).sessionId, accepted.sessionId);
  }
  const page = await client.listSessions({ limit: 1 });
  assert.equal((await client.listSessions({ limit: 1, cursor: page.nextCursor })).sessions.length, 1);
  assert.equal((await all(client.iterSessions({ limit: 1 }))).length, 3);
}

async function settings() {
  await client.putWebhook({ type: "VRU", url: "http://127.0.0.1:9/vru" });
  assert.deepEqual((await client.listWebhooks()).webhooks.map((hook) => hook.type).sort(), ["VRU", "VSS"]);
  assert.match((await client.rotateWebhookSecret("VRU")).secret, /^whsec_/);
  await client.deleteWebhook("VRU");
  const template = [makeCall({ source: SOURCE, destination: "{{number}}" }), say("Hello {{name}}", { language: "en-US" })];
  const parameters = [{ name: "number" }, { name: "name" }];
  assert.deepEqual((await client.putScenario("hello", template, { parameters })).callflow, template);
  assert.deepEqual((await client.getScenario("hello")).callflow, template);
  assert.equal((await client.listScenarios()).scenarios.length, 1);
  await client.deleteScenario("hello");
  const callflows = { hours: [say("Nine to six", { language: "en-US" })] };
  await client.putMenu("open", { first: "hours", callflows, numbers: [number] });
  assert.equal((await client.getMenu("open")).first, "hours");
  assert.equal((await client.listMenus()).menus.length, 1);
  await client.deleteMenu("open");
  const audio = silence();
  assert.equal((await client.putMedia("jingle.wav", audio)).size, audio.length);
  assert.deepEqual(Buffer.from(await client.getMedia("jingle.wav")), audio);
  assert.equal((await client.listMedia()).media.length, 1);
  await client.deleteMedia("jingle.wav");
  await client.putOptOut("+12025550177");
  assert.equal((await client.getOptOut("+12025550177")).way, "API");
  assert.equal((await client.listOptOuts()).optOuts.length, 1);
  assert.equal((await all(client.iterOptOuts({ limit: 1 }))).length, 1);
  await client.deleteOptOut("+12025550177");
  await client.putRecordingPushConfig({ protocol: "SFTP", host: "127.0.0.1", username: "u", password: "p" });
  assert.equal((await client.getRecordingPushConfig()).host, "127.0.0.1");
  await client.deleteRecordingPushConfig();
  assert.ok((await client.listSpeechProfiles()).speechProfiles.length);
  assert.equal((await client.getNumber(number)).payload.msisdn, (await client.listNumbers()).numbers[0].msisdn);
  assert.deepEqual((await client.getUsage({ month: "2026-01" })).usage, []);
}

async function campaigns() {
  const template = [makeCall({ source: SOURCE, destination: "{{number}}" }), say("Hello {{name}}", { language: "en-US" })];
  const targets = [{ number: PHONE, parameters: { name: "Ann" } }];
  const made = await client.createCampaign(template, { pace: 0.01, retries: { busyAfter: null }, targets, start: false });
  assert.deepEqual([made.state, made.retries.busyAfter], ["DRAFT", null]);
  const id = made.campaignId;
  assert.equal((await client.uploadTargets(id, "number,name\n+12025550102,Bob\n+12025550101,Ann\n")).added, 1);
  assert.equal((await client.uploadTargets(id, [{ number: "+12025550103" }, "+12025550104"])).added, 2);
  const states = { start: "RUNNING", pause: "PAUSED", resume: "RUNNING", cancel: "CANCELED" };
  for (const [order, state] of Object.entries(states)) assert.equal((await client.orderCampaign(id, order)).state, state);
  assert.equal((await client.getCampaign(id)).total, 4);
  assert.equal((await client.listCampaigns()).campaigns[0].campaignId, id);
  assert.equal((await client.listTargets(id, { limit: 2 })).targets.length, 2);
  assert.equal((await all(client.iterTargets(id, { limit: 2 }))).length, 4);
  assert.match(await client.getResults(id), /^number,/);
}

async function afterwards(sessionId) {
  assert.deepEqual((await client.listRecordings(sessionId)).recordings, []);
  await client.eraseRecordings(sessionId);
  const [delivered] = await until(async () => (await client.listDeliveries("VSS", { state: "delivered" })).deliveries);
  assert.equal((await client.redeliver("VSS", delivered.deliveryId)).deliveryId, delivered.deliveryId);
  const { jobId } = await client.startExport({ from: "2026-01-01", format: "csv" });
  const [link] = await until(async () => (await client.getExport(jobId)).data);
  assert.match(new TextDecoder().decode(await client.downloadExport(link)), /^SessionId,/);
  assert.equal(await client.cancelExport(jobId), undefined);
}

async function refusals() {
  const wrong = client.sendCallflow([say("Hello", { language: "en-US" })]);
  await assert.rejects(wrong, (error) => {
    assert.ok(error instanceof offhook.CallflowInvalid && error instanceof offhook.OffhookError);
    assert.deepEqual([error.statusCode, error.httpStatus, error.problems[0].path], [-1013, 422, "$.callflow[0]"]);
    return error.name === "CallflowInvalid";
  });
  await assert.rejects(client.getSession("unknown"), offhook.UnknownResource);
  await assert.rejects(new Client({ url, apiKey: "wrong", subAccount }).listSessions(), offhook.KeyNotAccepted);
  await assert.rejects(client.listSessions({ limt: 1 }), /no parameter limt/);
  await assert.rejects(client.getSession(), /sessionId is missing/);
  await assert.rejects(client.endSession(".."), /not a name/);
}

async function administration(sessionId) {
  assert.equal((await client.getHealth()).status, "ok");
  assert.equal((await client.getReadiness()).status, "ready");
  assert.match(await client.getMetrics(), /offhook_/);
  assert.ok((await operator.getStatus()).nodes.length);
  const voice = (await operator.listNodes()).nodes.find((node) => node.role === "voice").name;
  await operator.drainNode({ name: voice, drain: true });
  await operator.drainNode({ name: voice, drain: false });
  assert.deepEqual((await operator.listPhones()).phones, []);
  assert.equal((await operator.getAnySession(sessionId)).sessionId, sessionId);
  assert.ok((await operator.listAllSessions()).sessions.length);
  assert.ok((await all(operator.iterAllSessions({ subAccountId: subAccount }))).length >= 3);
  assert.equal((await operator.getSessionLog(sessionId)).sessionId, sessionId);
  assert.ok((await operator.orderCapture({ number: PHONE, rtp: false })).captureId);
  assert.ok((await operator.getSipTrace(sessionId)).messages.length);
  assert.ok((await operator.getSessionPcap(sessionId)).length);
  assert.ok((await operator.getUsageOfAll()).totals);
  const name = `${subAccount}_branch`;
  await operator.putSubAccount(name, { accountId: "acme" });
  assert.equal((await operator.getSubAccount(name)).subAccountId, name);
  assert.ok((await operator.listSubAccounts()).subAccounts.length >= 2);
  await operator.assignNumber(name, "+6568332051", { referenceId: "second" });
  assert.equal((await operator.listAssignedNumbers(name)).numbers.length, 1);
  await operator.withdrawNumber(name, "+6568332051");
  const key = await operator.createKey({ name: "app", accountId: "acme", scopes: ["sessions:read"] });
  const fresh = await operator.rotateKey(key.keyId, { overlapSeconds: 0 });
  assert.ok((await operator.listKeys()).keys.some((one) => one.keyId === fresh.keyId));
  await operator.revokeKey(fresh.keyId);
  await operator.deleteSubAccount(name);
  assert.equal((await operator.eraseNumber({ number: "+12025550188", subAccountId: subAccount })).sessions, 0);
}

function silence() {
  const head = Buffer.from("524946460000000057415645666d7420100000000100010040 1f0000803e0000020010006461746100000000".replace(/ /g, ""), "hex");
  const audio = Buffer.concat([head, Buffer.alloc(3200)]);
  audio.writeUInt32LE(audio.length - 8, 4);
  audio.writeUInt32LE(3200, 40);
  return audio;
}

const sessionId = await aCall();
await olderRequests();
await settings();
await campaigns();
await afterwards(sessionId);
await refusals();
await administration(sessionId);
