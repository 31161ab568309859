// The methods of the client. Made by `python -m scripts.clients`: do not edit.

import type { Action } from "./actions.js";
import type * as types from "./types.js";

export interface Operations {
  /** Submit a callflow. */
  sendCallflow(callflow: readonly Action[], params?: {
    /** When it is too late to call: ISO 8601; UTC without an offset. */ validUntil?: string | Date;
    /** Of a VCA answer: your name for this list of actions, which webhooks repeat. Ignored in a submitted request. */ clientActionId?: string;
    /** Your name for this request; webhooks repeat it. */ clientRequestId?: string;
    /** Your name for the batch it belongs to; webhooks repeat it. */ clientBatchId?: string;
    /** The same key within 24 hours calls once. */ idempotencyKey?: string;
  }): Promise<types.CallflowAccepted>;
  /** Submit a v1.1 request. */
  sendCall(callflow: readonly object[], params?: {
    /** When it is too late to call: ISO 8601; UTC without an offset. */ validUntil?: string | Date;
    /** Of a VCA answer: your name for this list of actions, which webhooks repeat. Ignored in a submitted request. */ clientActionId?: string;
    /** Your name for this request; webhooks repeat it. */ clientRequestId?: string;
    /** Your name for the batch it belongs to; webhooks repeat it. */ clientBatchId?: string;
    /** The same key within 24 hours calls once. */ idempotencyKey?: string;
  }): Promise<types.CallAccepted>;
  /** Submit a v1.1 request, the oldest path. */
  sendOldestCall(callflow: readonly object[], params?: {
    /** When it is too late to call: ISO 8601; UTC without an offset. */ validUntil?: string | Date;
    /** Of a VCA answer: your name for this list of actions, which webhooks repeat. Ignored in a submitted request. */ clientActionId?: string;
    /** Your name for this request; webhooks repeat it. */ clientRequestId?: string;
    /** Your name for the batch it belongs to; webhooks repeat it. */ clientBatchId?: string;
    /** The same key within 24 hours calls once. */ idempotencyKey?: string;
  }): Promise<types.CallAccepted>;
  /** Judge a callflow; nothing is stored, nothing dialled. */
  validateCallflow(callflow: readonly Action[], params?: {
    /** When it is too late to call: ISO 8601; UTC without an offset. */ validUntil?: string | Date;
    /** Of a VCA answer: your name for this list of actions, which webhooks repeat. Ignored in a submitted request. */ clientActionId?: string;
    /** Your name for this request; webhooks repeat it. */ clientRequestId?: string;
    /** Your name for the batch it belongs to; webhooks repeat it. */ clientBatchId?: string;
  }): Promise<types.CallflowAccepted>;
  /** Replace what runs on a live call by this callflow. */
  replaceCallflow(sessionId: string, callflow: readonly Action[], params?: {
    /** When it is too late to call: ISO 8601; UTC without an offset. */ validUntil?: string | Date;
    /** Of a VCA answer: your name for this list of actions, which webhooks repeat. Ignored in a submitted request. */ clientActionId?: string;
    /** Your name for this request; webhooks repeat it. */ clientRequestId?: string;
    /** Your name for the batch it belongs to; webhooks repeat it. */ clientBatchId?: string;
  }): Promise<types.CallflowAccepted>;
  /** List sessions, newest first. */
  listSessions(params?: {
    /** Only sessions in this status. */ status?: types.SessionStatus;
    /** Source or destination of any call of the session. */ number?: string;
    /** Created at or after this time: ISO 8601, or so long ago (`1h`, `2d`). */ since?: string;
    /** Created before this time: ISO 8601, or so long ago (`1h`, `2d`). */ until?: string;
    /** The request's own `clientRequestId`. */ clientRequestId?: string;
    /** The request's own `clientBatchId`. */ clientBatchId?: string;
    /** SIP status of any call of the session. */ sipCode?: number;
    /** `nextCursor` of the page before. */ cursor?: string;
    limit?: number;
  }): Promise<types.SessionList>;
  /** All of listSessions, asked for page by page. */
  iterSessions(params?: {
    /** Only sessions in this status. */ status?: types.SessionStatus;
    /** Source or destination of any call of the session. */ number?: string;
    /** Created at or after this time: ISO 8601, or so long ago (`1h`, `2d`). */ since?: string;
    /** Created before this time: ISO 8601, or so long ago (`1h`, `2d`). */ until?: string;
    /** The request's own `clientRequestId`. */ clientRequestId?: string;
    /** The request's own `clientBatchId`. */ clientBatchId?: string;
    /** SIP status of any call of the session. */ sipCode?: number;
    limit?: number;
  }): AsyncGenerator<types.SessionView, void, undefined>;
  /** Show a session with its legs, actions, events and webhook deliveries. */
  getSession(sessionId: string): Promise<types.SessionAnswer>;
  /** End a session now. */
  endSession(sessionId: string): Promise<types.EndedAnswer>;
  /** Show a callflow request and its answer, rejected ones included. */
  getRequest(callFlowRequestId: string): Promise<types.RequestAnswer>;
  /** List the speech profiles. */
  listSpeechProfiles(): Promise<types.SpeechProfileList>;
  /** List the webhooks. */
  listWebhooks(): Promise<types.WebhookList>;
  /** Create a webhook, or replace the one of its type. */
  putWebhook(params: {
    /** The webhook's type. */ type: types.WebhookType;
    /** Where it goes; a password in it is shown as `***`. */ url: string;
    /** Sent as `Authorization` with every delivery; never shown again. */ httpAuthHeader?: string | null;
    /** Whether events are sent. */ enabled?: boolean | null;
    /** Another name of `enabled`. */ active?: boolean | null;
    /** Standard Webhooks signing secret, `whsec_` and base64 of 24 to 64 bytes; absent: the one the webhook has, or a new one. */ secret?: string | null;
    /** VCA: asked where `url` does not answer within 6 s; it has the rest of the 10 s. */ fallbackUrl?: string | null;
  }): Promise<types.WebhookList>;
  /** Replace the signing secret; both are valid for a time. */
  rotateWebhookSecret(type: types.WebhookType, params?: {
    /** `whsec_` and base64 of 24 to 64 bytes; absent: one is made. */ secret?: string;
    /** How long deliveries are signed with the old one as well. */ overlapSeconds?: number;
  }): Promise<types.SecretAnswer>;
  /** Delete the webhook of a type. */
  deleteWebhook(type: types.WebhookType): Promise<types.WebhookDeleted>;
  /** List the deliveries of a webhook type, newest first. */
  listDeliveries(type: types.WebhookType, params?: {
    state?: types.ListedState;
    cursor?: string;
    limit?: number;
  }): Promise<types.DeliveryList>;
  /** All of listDeliveries, asked for page by page. */
  iterDeliveries(type: types.WebhookType, params?: {
    state?: types.ListedState;
    limit?: number;
  }): AsyncGenerator<types.DeliveryView, void, undefined>;
  /** Send a delivery again, whatever became of it. */
  redeliver(type: types.WebhookType, deliveryId: string): Promise<types.Redelivered>;
  /** List the scenarios. */
  listScenarios(): Promise<types.ScenarioList>;
  /** Show a scenario. */
  getScenario(name: string): Promise<types.ScenarioAnswer>;
  /** Create or replace a scenario. */
  putScenario(name: string, callflow: readonly object[], params?: {
    /** What a request may fill in. */ parameters?: types.ParameterBody[];
  }): Promise<types.ScenarioAnswer>;
  /** Delete a scenario. */
  deleteScenario(name: string): Promise<types.ScenarioAnswer>;
  /** List the virtual numbers. */
  listNumbers(): Promise<types.NumberList>;
  /** Check one virtual number. */
  getNumber(number: string): Promise<types.NumberAnswer>;
  /** List the numbers that opted out, newest first. */
  listOptOuts(params?: {
    /** `nextCursor` of the page before. */ cursor?: string;
    limit?: number;
  }): Promise<types.OptOutList>;
  /** All of listOptOuts, asked for page by page. */
  iterOptOuts(params?: {
    limit?: number;
  }): AsyncGenerator<types.OptOutView, void, undefined>;
  /** Show whether a number opted out. */
  getOptOut(number: string): Promise<types.OptOutAnswer>;
  /** Put a number on the opt-out list. */
  putOptOut(number: string): Promise<types.OptOutAnswer>;
  /** Take a number off the opt-out list. */
  deleteOptOut(number: string): Promise<types.OptOutAnswer>;
  /** List the recordings of a session. */
  listRecordings(sessionId: string): Promise<types.RecordingList>;
  /** Erase the recordings of a session from this server. */
  eraseRecordings(sessionId: string): Promise<types.RecordingsErased>;
  /** Show where recordings are uploaded to. */
  getRecordingPushConfig(): Promise<types.PushView>;
  /** Set where recordings are uploaded to. */
  putRecordingPushConfig(params: {
    /** `S3`, `SFTP`, `FTP` or `FTPS`, in any case. */ protocol: string;
    /** A host name or address. S3: a region, or the URL of an endpoint. */ host: string;
    /** Absent: the protocol's own. */ port?: number | null;
    /** S3: the id of the access key. */ username: string;
    /** S3: the secret of the access key. SFTP: a password, or a private key in PEM. Absent: the one that is there, if host and user stay the same. */ password?: string | null;
    /** A folder. S3: the bucket, then a prefix. */ path?: string;
    /** SFTP: the key of the server, `SHA256:…` or `ssh-ed25519 AAAA…`. Absent: the key that the server shows first is the one. */ hostKey?: string | null;
  }): Promise<types.PushChanged>;
  /** Let recordings stay on this server. */
  deleteRecordingPushConfig(): Promise<types.PushChanged>;
  /** Minutes, calls, answer rate and cost by day and country. */
  getUsage(params?: {
    /** A month such as `2026-11`; absent: this month, unless `since` is there. */ month?: string;
    /** A day such as `2026-11-28` (UTC), included. */ since?: string;
    /** A day such as `2026-11-28` (UTC), included. */ until?: string;
  }): Promise<types.UsageAnswer>;
  /** List the campaigns, newest first. */
  listCampaigns(params?: {
    /** `nextCursor` of the page before. */ cursor?: string;
    limit?: number;
  }): Promise<types.CampaignList>;
  /** All of listCampaigns, asked for page by page. */
  iterCampaigns(params?: {
    limit?: number;
  }): AsyncGenerator<types.CampaignView, void, undefined>;
  /** Create a campaign, with its list or without. */
  createCampaign(callflow: readonly object[], params?: {
    /** The name. */ name?: string;
    /** `clientRequestId` of each session; may hold placeholders too. */ clientRequestId?: string;
    /** Calls started a second. */ pace?: number;
    /** Calls at once; absent: as many as the sub-account and its trunks allow. */ maxCalls?: number;
    /** Windows in the callee's own time zone, besides those of the sub-account. */ callingHours?: types.CallingWindowBody[];
    retries?: types.RetriesBody;
    /** The list, or its beginning; a plain number has no parameters. */ targets?: (types.TargetBody | string | number)[];
    /** Whether to call at once; absent: if `targets` are given. */ start?: boolean;
  }): Promise<types.CampaignAnswer>;
  /** Show a campaign and its progress. */
  getCampaign(campaignId: string): Promise<types.CampaignAnswer>;
  /** List the numbers of a campaign with their results. */
  listTargets(campaignId: string, params?: {
    /** Only numbers in this state. */ targetState?: types.TargetState;
    /** a final status such as `NO_ANSWER`: only numbers whose last session ended so. */ outcome?: string;
    /** `nextCursor` of the page before. */ cursor?: string;
    limit?: number;
  }): Promise<types.TargetList>;
  /** All of listTargets, asked for page by page. */
  iterTargets(campaignId: string, params?: {
    /** Only numbers in this state. */ targetState?: types.TargetState;
    /** a final status such as `NO_ANSWER`: only numbers whose last session ended so. */ outcome?: string;
    limit?: number;
  }): AsyncGenerator<types.TargetView, void, undefined>;
  /** Start, pause, resume or cancel a campaign. */
  orderCampaign(campaignId: string, order: "start" | "pause" | "resume" | "cancel"): Promise<types.CampaignAnswer>;
  /** The results of a campaign as CSV. */
  getResults(campaignId: string, params?: {
    /** Only numbers in this state. */ targetState?: types.TargetState;
  }): Promise<string>;
  /** List the menus. */
  listMenus(): Promise<types.MenuList>;
  /** Show a menu. */
  getMenu(name: string): Promise<types.MenuAnswer>;
  /** Create or replace a menu, and bind numbers to it. */
  putMenu(name: string, params: {
    /** The callflow that a call begins with. */ first: string;
    /** Each callflow's actions, by name; 1 to 200 of them. */ callflows: { [name: string]: ({ [name: string]: unknown })[] };
    /** What follows a callflow; at most 2000 rows. */ table?: types.MenuRowBody[];
    /** Numbers of the sub-account, in any spelling; they leave the menu they had. */ numbers?: string[];
  }): Promise<types.MenuAnswer>;
  /** Delete a menu. */
  deleteMenu(name: string): Promise<types.MenuAnswer>;
  /** List the audio files of the library. */
  listMedia(): Promise<types.MediaList>;
  /** Download an audio file of the library. */
  getMedia(name: string): Promise<Uint8Array>;
  /** Delete an audio file of the library. */
  deleteMedia(name: string): Promise<types.MediaAnswer>;
  /** Export the call log as a file. */
  startExport(params?: {
    /** A date, or a date-time with `Z`, an offset, or neither (then UTC). Absent: seven days ago. */ from?: string;
    /** As `from`; a date is included whole. Absent: now. */ to?: string;
    /** Only sessions with a call from or to this number. */ phoneNumber?: string;
    /** Rows at the most; 0 or absent: all. */ limit?: number;
    /** `csv` (default) or `parquet`. */ format?: types.ExportFormat;
  }): Promise<types.ExportStarted>;
  /** Show an export and where to download it. */
  getExport(jobId: string): Promise<types.ExportStatus>;
  /** Cancel an export. */
  cancelExport(jobId: string): Promise<void>;
  /** List the sub-accounts. */
  listSubAccounts(): Promise<types.SubAccountList>;
  /** Show a sub-account. */
  getSubAccount(subAccountId: string): Promise<types.SubAccountAnswer>;
  /** Create or replace a sub-account. */
  putSubAccount(subAccountId: string, params: {
    /** a name of 1 to 64 letters, digits, . _ - &. */ accountId: string;
    /** The numbers. */ numbers?: types.NumberBody[];
    /** Allowed caller IDs beside the numbers, E.164 with `+`. */ callerIds?: string[];
    /** Countries or prefixes; absent: everywhere a route leads. */ coverage?: string[] | null;
    /** a whole number, 1 to 2,000,000,000. */ maxCalls?: number | null;
    /** a number above 0, up to 1,000,000. */ cps?: number | null;
    /** Whether calls may withhold the caller ID. */ withheldCallerId?: boolean;
    /** How webhooks carry captured digits; absent: `object`. */ dtmfEventData?: "object" | "string" | (string & {}) | null;
    /** a whole number, 1 to 2,000,000,000. */ dailyMinutes?: number | null;
    /** an amount in quotes, up to 6 decimals, such as "0.035". */ dailyCost?: string | null;
    /** Empty: at any time. */ callingHours?: types.CallingWindowBody[];
    /** Whether callflows outside of the calling hours wait, or end `ERROR` -2010. */ outsideHours?: types.OutsideHours;
    /** `{"callflow": […]}` of say, playFile and hangup: heard when the VCA webhook did not answer. */ lastResort?: { [name: string]: unknown } | null;
    /** How called persons opt out of voice messages; absent: they cannot, and no list counts. */ optOut?: types.OptOutBody | null;
  }): Promise<types.SubAccountAnswer>;
  /** Delete a sub-account. */
  deleteSubAccount(subAccountId: string): Promise<types.AdminDone>;
  /** List the API keys, without their secrets. */
  listKeys(): Promise<types.KeyList>;
  /** Make an API key; shown once. */
  createKey(params: {
    /** The name. */ name: string;
    /** a name of 1 to 64 letters, digits, . _ - &. */ accountId: string;
    /** Absent: every sub-account of the account. */ subAccountIds?: string[] | null;
    /** Absent: everything. */ scopes?: types.Scope[] | null;
    /** ISO 8601; absent: never. */ expiresAt?: string | null;
  }): Promise<types.KeyMade>;
  /** Revoke a key. */
  revokeKey(keyId: string): Promise<types.AdminDone>;
  /** Replace a key by a new one that opens the same. */
  rotateKey(keyId: string, params?: {
    /** How long the old one still works. */ overlapSeconds?: number;
  }): Promise<types.KeyMade>;
  /** Erase what is stored of a phone number. */
  eraseNumber(params: {
    /** a phone number in E.164, such as "+6512341234". */ number: string;
    /** 3 to 50 of letters, digits, - . _ &. */ subAccountId: string;
    /** Where the answer before ended. */ cursor?: string;
  }): Promise<types.ErasureAnswer>;
  /** The processes of the installation. */
  listNodes(): Promise<types.ClusterNodes>;
  /** Let a voice node begin no sessions, or begin them again. */
  drainNode(params: {
    /** As `GET /admin/v1/nodes` names it. */ name: string;
    /** True: begin none. False: begin them again. */ drain: boolean;
  }): Promise<types.ClusterNodes>;
  /** The registered phones. */
  listPhones(): Promise<types.RegisteredPhones>;
  /** List the numbers of a sub-account. */
  listAssignedNumbers(subAccountId: string): Promise<types.AssignedNumbers>;
  /** Assign a number to a sub-account, or change it. */
  assignNumber(subAccountId: string, number: string, params?: {
    /** The operator's id of the number. */ referenceId?: string;
    /** The same as `enabled`. */ active?: boolean;
    /** Record every session that begins with a call to this number. */ recordInbound?: boolean;
    /** Absent: as the numbering plan of its country says. */ numberType?: "FIXED_LINE" | "MOBILE" | "FIXED_LINE_OR_MOBILE" | "TOLL_FREE" | "PREMIUM_RATE" | "SHARED_COST" | "VOIP" | "PERSONAL_NUMBER" | "UAN" | "UNKNOWN" | (string & {}) | null;
    /** a day such as "2027-01-31". */ expires?: string;
    /** an amount in quotes, up to 6 decimals, such as "0.035". */ rentalPrice?: string;
    /** an amount in quotes, up to 6 decimals, such as "0.035". */ incomingRate?: string;
    /** a whole number of seconds, 1 to 3600. */ billingUnit?: number;
    /** a currency of ISO 4217, such as "EUR". */ billingCurrency?: string;
    /** a name of 1 to 64 letters, digits, . _ - &. */ trunk?: string;
    /** Whether the state of its trunk counts for its status. */ healthCheck?: boolean;
    /** a whole number of seconds, 60 to 604800. */ testCallEvery?: number;
    /** Calls to it with a caller that STIR/SHAKEN does not vouch for: accepted, refused where the signature does not hold, or refused without a signature too. */ unverifiedCallers?: types.UnverifiedCallers;
  }): Promise<types.AssignedNumber>;
  /** Take a number from a sub-account. */
  withdrawNumber(subAccountId: string, number: string): Promise<types.AssignedNumber>;
  /** The installation at a glance. */
  getStatus(): Promise<types.StatusAnswer>;
  /** The SIP messages of a session. */
  getSipTrace(sessionId: string): Promise<types.SipTraceAnswer>;
  /** List the sessions of all sub-accounts, newest first. */
  listAllSessions(params?: {
    /** Only sessions of this sub-account. */ subAccountId?: string;
    /** SIP status of any call of the session. */ sipCode?: number;
    /** Only sessions in this status. */ status?: types.SessionStatus;
    /** Created at or after this time: ISO 8601, or so long ago (`1h`, `2d`). */ since?: string;
    /** Created before this time: ISO 8601, or so long ago (`1h`, `2d`). */ until?: string;
    /** Source or destination of any call of the session. */ number?: string;
    /** The request's own `clientBatchId`. */ clientBatchId?: string;
    /** The request's own `clientRequestId`. */ clientRequestId?: string;
    limit?: number;
    /** `nextCursor` of the page before. */ cursor?: string;
  }): Promise<types.SessionList>;
  /** All of listAllSessions, asked for page by page. */
  iterAllSessions(params?: {
    /** Only sessions of this sub-account. */ subAccountId?: string;
    /** SIP status of any call of the session. */ sipCode?: number;
    /** Only sessions in this status. */ status?: types.SessionStatus;
    /** Created at or after this time: ISO 8601, or so long ago (`1h`, `2d`). */ since?: string;
    /** Created before this time: ISO 8601, or so long ago (`1h`, `2d`). */ until?: string;
    /** Source or destination of any call of the session. */ number?: string;
    /** The request's own `clientBatchId`. */ clientBatchId?: string;
    /** The request's own `clientRequestId`. */ clientRequestId?: string;
    limit?: number;
  }): AsyncGenerator<types.SessionView, void, undefined>;
  /** Show a session of any sub-account. */
  getAnySession(sessionId: string): Promise<types.SessionAnswer>;
  /** What was logged about a session. */
  getSessionLog(sessionId: string): Promise<types.SessionLogAnswer>;
  /** Capture the packets of a session. */
  orderCapture(params?: {
    /** A session that runs or waits. */ sessionId?: string;
    /** The next session with a call from or to this number. */ number?: string;
    /** Of audio. */ seconds?: number;
    /** False: SIP only. */ rtp?: boolean;
  }): Promise<types.CaptureAnswer>;
  /** The packets of a session, for Wireshark. */
  getSessionPcap(sessionId: string): Promise<Uint8Array>;
  /** Usage of every sub-account. */
  getUsageOfAll(params?: {
    /** A month such as `2026-11`; absent: this month, unless `since` is there. */ month?: string;
    /** A day such as `2026-11-28` (UTC), included. */ since?: string;
    /** A day such as `2026-11-28` (UTC), included. */ until?: string;
  }): Promise<types.UsageAnswer>;
  /** Whether the process is alive. */
  getHealth(): Promise<types.ProcessHealth>;
  /** Whether new callflows are accepted and served. */
  getReadiness(): Promise<types.Health>;
  /** Figures of all processes of this machine as Prometheus text. */
  getMetrics(): Promise<string>;
}
