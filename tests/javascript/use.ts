// Compiled in strict mode, never run: what the package's types allow, and what they do not.
import { CallflowInvalid, Client, hangup, makeCall, say, sayAndCapture } from "offhook";
import type { Action, SessionStatus, SessionView } from "offhook";
import { Receiver, answer } from "offhook/receiver";
import type { WebhookEvent } from "offhook/receiver";

const client = new Client({ url: "http://127.0.0.1:8080", apiKey: "key", timeout: 1000 });
// @ts-expect-error milliseconds are a number
new Client({ timeout: "1s" });

const flow: Action[] = [
  makeCall({ source: "+1", destination: "+2", ringTimeout: 30 }),
  say("Hello", { language: "en-GB" }),
  sayAndCapture("Press 1", { language: "en", maxDigits: 1 }),
  hangup(),
];
// @ts-expect-error there is no such member
say("Hello", { voice: "Jenny" });
// @ts-expect-error a call needs a destination
makeCall({ source: "+1" });
// @ts-expect-error an action that does not exist
const sung: Action = { action: "sing", params: {} };

export async function use(): Promise<string[]> {
  const accepted = await client.sendCallflow(flow, { clientRequestId: "mine", validUntil: new Date() });
  // @ts-expect-error only validate leaves it out, so it may be absent
  const id: string = accepted.sessionId;
  // @ts-expect-error there is no such parameter
  await client.listSessions({ limt: 1 });
  // @ts-expect-error one of four orders
  await client.orderCampaign("c", "stop");
  // @ts-expect-error a key needs an account
  await client.createKey({ name: "app" });
  await client.createCampaign([{ action: "makeCall", params: { source: "{{from}}", destination: "{{number}}" } }]);
  await client.uploadTargets("c", [{ number: "+1", parameters: { name: "Ann", order: 1 } }, "+2", 3]);
  const found: string[] = [];
  for await (const session of client.iterSessions({ status: "COMPLETED" })) found.push(describe(session));
  for await (const event of client.followSession("s", { after: 1 })) found.push(event.event);
  const file: Uint8Array = await client.getMedia("jingle.wav");
  const nothing: void = await client.cancelExport("j");
  return [...found, String(file.length), String(nothing), id, String(sung)];
}

function describe(session: SessionView): string {
  const newer: SessionStatus = "A_STATUS_TO_COME";
  return `${session.sessionId} ${session.callCount + 1} ${newer}`;
}

export function explain(error: unknown): string[] {
  if (!(error instanceof CallflowInvalid)) throw error;
  return error.problems.map((problem) => `${problem.path} ${problem.statusCode.toFixed()}`);
}

export function decide(headers: Record<string, string>, body: Uint8Array): object {
  const { id, event }: { id: string; event: WebhookEvent } = new Receiver(["whsec_x"]).receive(headers, body);
  switch (event.eventType) {
    case "CALL_ACTION":
      return answer(event.payload.dtmf === "1" ? flow : [], { clientActionId: id });
    case "SESSION_SUMMARY":
      return { ended: event.payload.sessionStatus, calls: Object.keys(event.payload.details) };
    case "VIRTUAL_NUMBER_UPDATE":
      return event.payload.virtualNumbers.map((number) => number.msisdn);
    case "UNKNOWN":
      return { newer: event.name };
    default:
      // @ts-expect-error neither of the two that are left has it
      return event.payload.dtmf;
  }
}
