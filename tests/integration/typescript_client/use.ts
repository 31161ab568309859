// Uses the generated types against a running server: node use.js URL KEY. Compiled in strict mode, so
// that what the types do not allow fails before anything is sent.
import createClient from "openapi-fetch";
import type { components, paths, webhooks } from "./schema.js";

type Action = components["schemas"]["CallflowAction"];
type VcaEvent = webhooks["VCA"]["post"]["requestBody"]["content"]["application/json"];

declare const process: { argv: string[]; exit(code: number): never };

const [url, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
const path = { subAccountId: "acme_corp" };

const call: Action = { action: "makeCall", params: { source: "+6512341234", destination: "+12025550101" } };
const ask: Action = { action: "sayAndCapture", params: { promptMessage: "Press 1", language: "en", maxDigits: 1 } };
// @ts-expect-error an action that does not exist
const wrong: Action = { action: "sing", params: {} };

function check(holds: boolean, what: string): void {
  if (!holds) {
    console.error(what);
    process.exit(1);
  }
}

function answer(event: VcaEvent): components["schemas"]["CallflowDecision"] {
  return event.payload.dtmf === "1" ? { callflow: [{ action: "hangup" }] } : {};
}

function describe(action: Action): string {
  // The discriminator narrows the type.
  return action.action === "sayAndCapture" ? action.params.promptMessage : action.action;
}

const created = await client.POST("/api/v1/subaccounts/{subAccountId}/callflows", {
  params: { path },
  body: { callflow: [call, ask], clientRequestId: "mine" },
});
check(created.data?.sessionStatus === "CREATED", `not created: ${JSON.stringify(created.error)}`);
const refused = await client.POST("/api/v1/subaccounts/{subAccountId}/callflows", {
  params: { path },
  body: { callflow: [wrong] },
});
check(refused.response.status === 400, "an unknown action was accepted");
const listed = await client.GET("/api/v1/subaccounts/{subAccountId}/sessions", {
  params: { path, query: { clientRequestId: "mine", limit: 5 } },
});
check(listed.data?.sessions[0]?.sessionId === created.data?.sessionId, "the session is not listed");
check(describe(ask) === "Press 1", "the discriminator does not tell the actions apart");
check(typeof answer === "function", "no answer");
console.log("all calls answered as their types say");
