// What requests and answers hold. Made by `python -m scripts.clients`: do not edit.


/** A callflow that passed the judgement. */
export interface CallflowAccepted {
  /** Absent from `validate`: nothing was created. */
  sessionId?: string;
  /** `CREATED`; from `validate` `VALID`; where it replaces another, `RUNNING`. */
  sessionStatus: string;
  /** Of this request; `GET /requests/{callFlowRequestId}` shows it again for 30 days. */
  callFlowRequestId: string;
  /** As the request spelled it. */
  validUntil?: string;
  /** 1. */
  statusCode: number;
  /** `Created`. */
  statusMessage: string;
  /** The same as `statusMessage`. */
  message: string;
}

/** What became of a request to a `/calls` path. */
export interface QueueingState {
  /** `queued` where a session was created. */
  state: "queued" | "rejected" | (string & {});
}

/** A callflow that passed the judgement, as the `/calls` paths answer it. */
export interface CallAccepted {
  /** Absent from `validate`: nothing was created. */
  sessionId?: string;
  /** `CREATED`; from `validate` `VALID`; where it replaces another, `RUNNING`. */
  sessionStatus: string;
  /** Of this request; `GET /requests/{callFlowRequestId}` shows it again for 30 days. */
  callFlowRequestId: string;
  /** As the request spelled it. */
  validUntil?: string;
  /** 1. */
  statusCode: number;
  /** `Created`. */
  statusMessage: string;
  /** The same as `statusMessage`. */
  message: string;
  /** The session's id again, under the name of v1.1. */
  uid: string;
  /** The number that is called, E.164 with `+`; absent for a scenario without a makeCall. */
  destination?: string;
  /** As given. */
  clientRequestId?: string;
  /** `queued`. */
  status: QueueingState;
}

/** One problem of a rejected callflow. */
export interface CallflowProblem {
  /** From the table of codes. */
  statusCode: number;
  /** A JSONPath such as `$.callflow[1].params.maxDigits`. */
  path: string;
  /** What is wrong there. */
  message: string;
  /** The page on the code, on this server. */
  help?: string;
}

/** `errorDetails`. */
export interface ErrorView {
  /** From the table of runtime codes. */
  errorCode: number;
  /** The code's text. */
  errorMsg: string;
  /** The action's name. */
  action?: string;
  /** Of the request that started it. */
  callFlowRequestId: string;
  /** Of -2010: which limit or rule kept it from dialling. */
  reason?: string;
  /** What exactly was wrong, and where; only here, never on the webhook. */
  detail?: string;
}

/** What STIR/SHAKEN says about a caller's number, by the names of 3GPP TS 24.229 §7.2A.20. */
export type Verstat = "No-TN-Validation" | "TN-Validation-Failed" | "TN-Validation-Passed" | (string & {});

/** How well the caller's provider knows the caller (RFC 8588 §4). */
export type Attestation = "A" | "B" | "C" | (string & {});

/** The verdict on the Identity header of a call from outside. */
export interface CallerVerification {
  /** How it ended; absent while it runs. */
  result: Verstat;
  /** Of a signature that holds. */
  attestation?: Attestation;
  /** Why a signature does not hold, in words. */
  reason?: string;
}

/** One trunk that a leg was tried over, and what came back. */
export interface TrunkTriedView {
  /** Name of the trunk it used. */
  trunk: string;
  /** Absent: the far end gave no final response. */
  sipCode?: number;
  /** The far end's reason phrase, where the call did not connect. */
  sipReason?: string;
  /** In words where there is no code: `no response from udp:192.0.2.1:5060 for 32 s`. */
  detail?: string;
}

/** `callQuality`. */
export interface QualityView {
  /** 1 to 4.4, by the E-model. */
  mos: number;
  /** 0 to 1: 0.01 is 1 %. */
  packetLossRate: number;
  /** Whole milliseconds. */
  jitter: number;
}

/** One call of a session. */
export interface LegView {
  /** The call's (leg's) id. */
  callId: string;
  /** `INBOUND` or `OUTBOUND`. */
  callDirection: string;
  /** `PSTN`, or `VOIP` for a user of this server. */
  callType: string;
  /** The calling number, E.164 with `+`, or `anonymous`. */
  source: string;
  /** The called number, E.164 with `+`. */
  destination: string;
  /** Name of the trunk it used. */
  trunk?: string;
  /** When it was dialled or came: ISO 8601, UTC. */
  initiatedTimestamp?: string;
  /** When it was answered: ISO 8601, UTC. */
  connectedTimestamp?: string;
  /** When it ended: ISO 8601, UTC. */
  disconnectedTimestamp?: string;
  /** Absent while the leg is up or being tried. */
  callStatus?: string;
  /** SIP status of the call. */
  sipCode?: number;
  /** Of a call from outside, where callers are verified (STIR/SHAKEN). */
  callerVerification?: CallerVerification;
  /** Of a leg that did not connect, as the three below: the far end's reason phrase. */
  sipReason?: string;
  /** Q.850 cause of the refusal, from its Reason header (RFC 3326). */
  q850Cause?: number;
  /** The first Warning header of the refusal. */
  warning?: string;
  /** Why the leg did not connect, or what was wrong with its audio, in words. */
  detail?: string;
  /** Each trunk that was tried without an answer, and what came back. */
  trunksTried?: TrunkTriedView[];
  /** Whole seconds connected; absent while it is up. */
  callDuration?: number;
  /** How well it could be heard, the worse direction; absent where no media flowed. */
  callQuality?: QualityView;
}

/** One session, as a list shows it. */
export interface SessionView {
  /** The session's id. */
  sessionId: string;
  /** The sub-account's id. */
  subAccountId: string;
  /** Of the request that started it. */
  callFlowRequestId: string;
  /** Status of the session. */
  sessionStatus: string;
  /** When the request was accepted: ISO 8601, UTC. */
  createdTimestamp: string;
  /** When a voice node took it: ISO 8601, UTC. */
  startTime?: string;
  /** When the session ended: ISO 8601, UTC. */
  endTime?: string;
  /** The action that was begun last. */
  lastAction?: string;
  /** How many calls (legs) it has. */
  callCount: number;
  /** As the request gave it. */
  clientRequestId?: string;
  /** As the request gave it. */
  clientBatchId?: string;
  /** When it is too late to call: ISO 8601. */
  validUntil?: string;
  /** Why the session ended `ERROR`. */
  errorDetails?: ErrorView;
  /** The session's calls, in the order they were made. */
  legs?: LegView[];
}

/** A page of sessions, newest first. */
export interface SessionList {
  /** The sessions. */
  sessions: SessionView[];
  /** Give it as `cursor` to get the next page; absent on the last. */
  nextCursor?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** Life of a session (``spec/execution.md``, "Session and legs"). */
export type SessionStatus = "BUSY" | "CANCELED" | "COMPLETED" | "COMPLETED_UNSUBSCRIBED" | "COMPLETED_UNSUB_ERROR" | "ERROR" | "FAILED" | "NO_ANSWER" | "QUEUED" | "RUNNING" | "UNSUBSCRIBED_CONTACT" | (string & {});

/** One action that was begun. */
export interface ActionView {
  /** Its place in the callflow it came in, from 0. */
  index: number;
  /** The action's name. */
  action: string;
  /** When it began: ISO 8601, UTC. */
  started: string;
  /** When it ended: ISO 8601, UTC; absent while it runs. */
  ended?: string;
  /** How it ended; absent while it runs. */
  result?: string;
}

/** What a webhook delivery carries. */
export type OutboxType = "VCS" | "VSS" | "VRU" | "VNU" | "DTMF" | (string & {});

/** Where a webhook delivery stands. */
export type DeliveryState = "pending" | "leased" | "delivered" | "dead" | "dropped" | (string & {});

/** One attempt of a delivery. */
export interface DeliveryAttempt {
  /** When: ISO 8601, UTC. */
  at: string;
  /** None: no answer. */
  httpStatus: number | null;
  /** What exactly was wrong. */
  detail: string;
}

/** One webhook delivery. */
export interface DeliveryView {
  /** Also the header `webhook-id` and the payload's `eventId`. */
  deliveryId: string;
  /** The webhook's type; `DTMF` for a `dtmfCallbackUrl`. */
  type: OutboxType;
  /** Where it goes: the webhook's URL as it is now, or that of the action; null when there is none now. */
  url: string | null;
  /** `pending`, `delivered`, `dead` (given up, can be sent again) or `dropped` (too old). */
  state: DeliveryState;
  /** When the event happened. */
  createdAt: string;
  /** When it is tried next. */
  nextAt: string | null;
  /** What was sent and what came back, oldest first. */
  attempts: DeliveryAttempt[];
  /** The JSON body. */
  payload: unknown;
}

/** One session with all that is known of it. */
export interface SessionAnswer {
  /** The session's id. */
  sessionId: string;
  /** The sub-account's id. */
  subAccountId: string;
  /** Of the request that started it. */
  callFlowRequestId: string;
  /** Status of the session. */
  sessionStatus: string;
  /** When the request was accepted: ISO 8601, UTC. */
  createdTimestamp: string;
  /** When a voice node took it: ISO 8601, UTC. */
  startTime?: string;
  /** When the session ended: ISO 8601, UTC. */
  endTime?: string;
  /** The action that was begun last. */
  lastAction?: string;
  /** How many calls (legs) it has. */
  callCount: number;
  /** As the request gave it. */
  clientRequestId?: string;
  /** As the request gave it. */
  clientBatchId?: string;
  /** When it is too late to call: ISO 8601. */
  validUntil?: string;
  /** Why the session ended `ERROR`. */
  errorDetails?: ErrorView;
  /** The session's calls, in the order they were made. */
  legs?: LegView[];
  /** Every action that was begun, in order. */
  actions: ActionView[];
  /** Every event with its `number` and `timestamp`, in order. */
  events: ({ [name: string]: unknown })[];
  /** Every webhook delivery with its attempts. */
  deliveries: DeliveryView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** What became of an order to end a session. */
export interface EndedAnswer {
  /** The session's id. */
  sessionId: string;
  /** Final, or `RUNNING` while the phone is still being hung up (HTTP 202). */
  sessionStatus: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** What was asked and what was answered. */
export interface RequestAnswer {
  /** Of the request that started it. */
  callFlowRequestId: string;
  /** The sub-account's id. */
  subAccountId: string;
  /** ISO 8601, UTC, milliseconds. */
  timestamp: string;
  /** The body as received (inflated); bytes that are no UTF-8 are shown as U+FFFD. */
  request: string;
  /** HTTP status of the answer. */
  httpStatus: number;
  /** The JSON answer. */
  answer: { [name: string]: unknown };
  /** The session's id. */
  sessionId?: string;
  /** The request's `Idempotency-Key`. */
  idempotencyKey?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One element of `GET …/speech-profiles` (`spec/api.md`). */
export interface ListedProfile {
  /** What `voiceProfile` of a callflow names. */
  speechProfileCode: string;
  /** BCP 47. */
  localeCode: string;
  /** The locale in English. */
  localeDescription: string;
  /** `F` or `M`; absent: unknown. */
  gender: string;
  /** The engine that speaks it here: `kokoro`. */
  engine: string;
  /** The engine's own name of the voice. */
  voice: string;
}

/** Every profile whose language an installed engine speaks. */
export interface SpeechProfileList {
  /** The profiles, by code. */
  speechProfiles: ListedProfile[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** The five webhook types (``spec/webhooks.md``). */
export type WebhookType = "VCA" | "VCS" | "VSS" | "VRU" | "VNU" | (string & {});

/** One webhook. */
export interface WebhookView {
  /** The webhook's type. */
  type: WebhookType;
  /** Where it goes; a password in it is shown as `***`. */
  url: string;
  /** Whether events are sent. */
  enabled: boolean;
  /** The same as `enabled`. */
  active: boolean;
  /** Whether an `Authorization` header is sent; it is never shown. */
  httpAuthHeaderAvailable: boolean;
  /** VCA: asked where `url` does not answer. */
  fallbackUrl?: string;
  /** Until then deliveries are signed with the replaced secret as well. */
  previousSecretUntil?: string;
  /** Only in the answer that created it. */
  secret?: string;
}

/** The sub-account's webhooks. */
export interface WebhookList {
  /** The sub-account's id. */
  subAccountId: string;
  /** How many there are. */
  count: number;
  /** The webhooks. */
  webhooks: WebhookView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** The secret that deliveries are signed with from now on. */
export interface SecretAnswer {
  /** The webhook's type. */
  type: WebhookType;
  /** Shown in this answer only. */
  secret: string;
  /** Until then each delivery has a second signature, made with the old secret. */
  previousSecretUntil?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** The webhook that is gone. */
export interface WebhookDeleted {
  /** The sub-account's id. */
  subAccountId: string;
  /** The webhook's type. */
  type: WebhookType;
  /** Where it goes; a password in it is shown as `***`. */
  url: string;
  /** Whether events are sent. */
  enabled: boolean;
  /** Whether an `Authorization` header is sent; it is never shown. */
  httpAuthHeaderAvailable: boolean;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** A page of deliveries, newest first. */
export interface DeliveryList {
  /** Each with its attempts and the payload as sent. */
  deliveries: DeliveryView[];
  /** Give it as `cursor` to get the next page; absent on the last. */
  nextCursor?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** Which deliveries are listed. */
export type ListedState = "pending" | "delivered" | "dead" | "dropped" | (string & {});

/** A delivery that is due again. */
export interface Redelivered {
  /** The delivery's id. */
  deliveryId: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One declared parameter. */
export interface ParameterBody {
  /** The name. */
  name: string;
  /** Whether a request must give it. */
  required?: boolean;
  /** The value where the request gives none. */
  default?: string | null;
  /** A regular expression in RE2 syntax that the whole value must match. */
  pattern?: string | null;
}

/** One scenario. */
export interface ScenarioView {
  /** The name. */
  name: string;
  /** The actions, in the order they run. */
  callflow: ({ [name: string]: unknown })[];
  /** What a request may fill in. */
  parameters?: ParameterBody[];
}

/** All scenarios of the sub-account. */
export interface ScenarioList {
  /** The scenarios. */
  scenarios: ScenarioView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One scenario, asked for by name. */
export interface ScenarioAnswer {
  /** The name. */
  name: string;
  /** The actions, in the order they run. */
  callflow: ({ [name: string]: unknown })[];
  /** What a request may fill in. */
  parameters?: ParameterBody[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** ``operationalStatus`` (``spec/webhooks.md``). */
export type OperationalStatus = "Active" | "Unhealthy" | "Expiring" | "Inactive" | (string & {});

/** Why a number is healthy, or is not. */
export type HealthStatus = "HEALTHY" | "NOT_CHECKED_YET" | "CHECK_DISABLED" | "INACTIVE" | "TRUNK_DOWN" | "TEST_CALL_FAILED" | (string & {});

/** Whether calls to and from the number can work. */
export interface HealthView {
  /** Whether calls to and from the number can work. */
  isHealthy: boolean;
  /** Why. */
  status: HealthStatus;
  /** When its trunk last answered or failed to, or the last test call was; absent: never. */
  lastCheckedTime?: string;
}

/** One virtual number. */
export interface NumberView {
  /** E.164 with `+`. */
  msisdn: string;
  /** When it was assigned to the sub-account. */
  dateCreated: string;
  /** When something about it changed last. */
  dateUpdated: string;
  /** ISO 3166-1 alpha-2; absent: it belongs to no country. */
  countryCode?: string;
  /** `Active`, `Expiring` (within 30 days) or `Inactive`; `numberHealth` tells whether it works. */
  operationalStatus: OperationalStatus;
  /** The operator's id of the number. */
  referenceId?: string;
  /** For a month. */
  rentalPrice: number;
  /** For a minute of a call to it. */
  incomingRate: number;
  /** Seconds in which calls to it are billed. */
  billingUnit: number;
  /** ISO 4217 code. */
  billingCurrency: string;
  /** Where this number is. */
  uri: string;
  /** `FIXED_LINE`, `MOBILE`, `TOLL_FREE` …. */
  numberType: string;
  /** Whether its health is checked. */
  numberHealthCheckEnabled: boolean;
  /** Health of the number. */
  numberHealth: HealthView;
}

/** All of them. */
export interface NumberList {
  /** How many numbers there are. */
  totalNumbers: number;
  /** The latest `dateUpdated`; absent: there are no numbers. */
  lastUpdatedAt?: string;
  /** The numbers. */
  numbers: NumberView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One number. */
export interface NumberAnswer {
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
  /** ISO 8601, UTC, milliseconds. */
  timestamp: string;
  /** The body. */
  payload: NumberView;
}

/** How a number came onto the list. */
export type OptOutWay = "KEY" | "API" | (string & {});

/** One number on the list. */
export interface OptOutView {
  /** E.164 with `+`. */
  number: string;
  /** When it came onto the list. */
  timestamp: string;
  /** `KEY`: the called person pressed the opt-out key; `API`: it was put there. */
  way: OptOutWay;
  /** The session in which the key was pressed. */
  sessionId?: string;
}

/** A page of the list, newest first. */
export interface OptOutList {
  /** The numbers. */
  optOuts: OptOutView[];
  /** Give it as `cursor` to get the next page; absent on the last. */
  nextCursor?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One number, asked for by itself. */
export interface OptOutAnswer {
  /** E.164 with `+`. */
  number: string;
  /** When it came onto the list. */
  timestamp: string;
  /** `KEY`: the called person pressed the opt-out key; `API`: it was put there. */
  way: OptOutWay;
  /** The session in which the key was pressed. */
  sessionId?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One recording. */
export interface RecordingView {
  /** The recording's id. */
  recordingId: string;
  /** The session's id. */
  sessionId: string;
  /** Another name of `sessionId`. */
  sessionid: string;
  /** The sub-account's id. */
  subAccountId: string;
  /**
   * `PROCESSING`, `PROCESSING_FAILED`, `UPLOAD_COMPLETED`, `UPLOAD_FAILED`, `CALLBACK_COMPLETED` or
   * `CALLBACK_FAILED`.
   */
  status: string;
  /** Where it was uploaded to; without a push configuration a link to this server that expires. */
  externalFileUrl?: string;
  /** Whole seconds; absent while it is processed. */
  duration?: number;
  /** When it began: ISO 8601, UTC. */
  startRecordingTime: string;
  /** Why it is not where it belongs, or what is odd about it. */
  detail?: string;
}

/** The recordings of a session, oldest first. */
export interface RecordingList {
  /** The recordings, oldest first. */
  recordings: RecordingView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** The recordings that are gone. */
export interface RecordingsErased {
  /** The session's id. */
  sessionId: string;
  /** The recordings that are gone. */
  recordingIds: string[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** How recordings are uploaded. */
export type PushProtocol = "S3" | "SFTP" | "FTP" | "FTPS" | (string & {});

/** Where recordings are uploaded to. */
export interface PushView {
  /** The sub-account's id. */
  subAccountId: string;
  /** How they are uploaded. */
  protocol: PushProtocol;
  /** The server; S3: a region, or the URL of an endpoint. */
  host: string;
  /** The one that was given, or the protocol's own. */
  port: number;
  /** The user; S3: the id of the access key. */
  username: string;
  /** Always true; the password itself is never shown. */
  passwordSet: boolean;
  /** The folder; S3: the bucket, then a prefix. */
  path: string;
  /** SFTP: the key that the server must show. Absent: the first one will be it. */
  hostKeyFingerprint?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** What it is now, or was. */
export interface PushChanged {
  /** The sub-account's id. */
  subAccountId: string;
  /** How they are uploaded. */
  protocol: PushProtocol;
  /** The server; S3: a region, or the URL of an endpoint. */
  host: string;
  /** The one that was given, or the protocol's own. */
  port: number;
  /** The user; S3: the id of the access key. */
  username: string;
  /** Always true; the password itself is never shown. */
  passwordSet: boolean;
  /** The folder; S3: the bucket, then a prefix. */
  path: string;
  /** SFTP: the key that the server must show. Absent: the first one will be it. */
  hostKeyFingerprint?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
  /** Whether it was deleted. */
  delete: boolean;
}

/** What some calls come to. */
export interface UsageSum {
  /** Of `cost`; absent: the calls had no rate, or were not answered. */
  currency?: string;
  /** Calls dialled and taken. */
  calls: number;
  /** Those that were answered. */
  answered: number;
  /** Answered of all, 0 to 1. */
  answerRate: number;
  /** Seconds connected. */
  seconds: number;
  /** Seconds billed, by the increments of the rates. */
  billableSeconds: number;
  /** An exact decimal, as text. */
  cost: string;
}

/** The calls of one day with one country, in one direction. */
export interface UsageRow {
  /** Of `cost`; absent: the calls had no rate, or were not answered. */
  currency?: string;
  /** Calls dialled and taken. */
  calls: number;
  /** Those that were answered. */
  answered: number;
  /** Answered of all, 0 to 1. */
  answerRate: number;
  /** Seconds connected. */
  seconds: number;
  /** Seconds billed, by the increments of the rates. */
  billableSeconds: number;
  /** An exact decimal, as text. */
  cost: string;
  /** Whose calls. */
  subAccountId: string;
  /** On which the calls were initiated (UTC). */
  day: string;
  /** `INBOUND` or `OUTBOUND`. */
  direction: string;
  /** Of the other side, ISO 3166-1; absent: unknown. */
  countryCode?: string;
}

/** What the sub-account may spend a day, and has spent today (UTC). */
export interface BudgetView {
  /** Billed minutes; absent: no limit. */
  dailyMinutes?: number;
  /** In the currency of the rates; absent: no limit. */
  dailyCost?: string;
  /** Billed minutes of today. */
  spentMinutes: string;
  /** Of today, in the currency of the rates. */
  spentCost: string;
  /** Of the limit that is nearest: 1 is all of it. */
  usedPart: number;
}

/** Usage of a period. */
export interface UsageAnswer {
  /** First day. */
  since: string;
  /** Last day, included. */
  until: string;
  /** One for each currency. */
  totals: UsageSum[];
  /** By sub-account, day, country and direction. */
  usage: UsageRow[];
  /** Only of a sub-account that has one. */
  budget?: BudgetView;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** Where a campaign stands. */
export type CampaignState = "DRAFT" | "RUNNING" | "PAUSED" | "COMPLETED" | "CANCELED" | (string & {});

/** Hours in which the sub-account may call, in the callee's own time zone. */
export interface CallingWindowBody {
  /** Days and ranges of days: `["mon-fri", "sun"]`; absent: every day. */
  days?: string[];
  /** a time of day such as "09:00"; "24:00" is the end of the day. */
  opens: string;
  /** a time of day such as "09:00"; "24:00" is the end of the day. */
  closes: string;
}

/** Which outcomes are tried again, and when. */
export interface RetriesBody {
  /** Seconds after a call that was busy; null: it is not tried again. */
  busyAfter?: number | null;
  /** Seconds after a call without an answer; null: it is not tried again. */
  noAnswerAfter?: number | null;
  /** Retries of one number at the most, both kinds together. */
  most?: number;
}

/** One campaign with its progress. */
export interface CampaignView {
  /** Also the `clientBatchId` of its sessions. */
  campaignId: string;
  /** The name. */
  name?: string;
  /** `DRAFT`, `RUNNING`, `PAUSED`, `COMPLETED` or `CANCELED`. */
  state: CampaignState;
  /** Calls started a second. */
  pace: number;
  /** Sessions at once; absent: no limit. */
  maxCalls?: number;
  /** Windows in the callee's own time zone. */
  callingHours?: CallingWindowBody[];
  /** Which outcomes are tried again, and when. */
  retries: RetriesBody;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  startedAt?: string;
  /** When the last number was done, or it was canceled: ISO 8601, UTC. */
  endedAt?: string;
  /** Numbers on the list. */
  total: number;
  /** Numbers that wait for their first call or for a retry. */
  waiting: number;
  /** Numbers that are being called. */
  calling: number;
  /** Numbers that are not called any more. */
  done: number;
  /** Sessions made so far. */
  attempts: number;
  /** How many numbers are done, by the status of their last session, or `NOT_VALID`. */
  outcomes: { [name: string]: number };
}

/** A page of campaigns, newest first. */
export interface CampaignList {
  /** The campaigns. */
  campaigns: CampaignView[];
  /** Give it as `cursor` to get the next page; absent on the last. */
  nextCursor?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One line that cannot be used. */
export interface ListProblem {
  /** From 1, as an editor counts it; in JSON the element. */
  line: number;
  /** Why. */
  what: string;
}

/** One campaign, asked for by its id. */
export interface CampaignAnswer {
  /** Also the `clientBatchId` of its sessions. */
  campaignId: string;
  /** The name. */
  name?: string;
  /** `DRAFT`, `RUNNING`, `PAUSED`, `COMPLETED` or `CANCELED`. */
  state: CampaignState;
  /** Calls started a second. */
  pace: number;
  /** Sessions at once; absent: no limit. */
  maxCalls?: number;
  /** Windows in the callee's own time zone. */
  callingHours?: CallingWindowBody[];
  /** Which outcomes are tried again, and when. */
  retries: RetriesBody;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  startedAt?: string;
  /** When the last number was done, or it was canceled: ISO 8601, UTC. */
  endedAt?: string;
  /** Numbers on the list. */
  total: number;
  /** Numbers that wait for their first call or for a retry. */
  waiting: number;
  /** Numbers that are being called. */
  calling: number;
  /** Numbers that are not called any more. */
  done: number;
  /** Sessions made so far. */
  attempts: number;
  /** How many numbers are done, by the status of their last session, or `NOT_VALID`. */
  outcomes: { [name: string]: number };
  /** The template. */
  callflow: ({ [name: string]: unknown })[];
  /** Lines of the given list that cannot be used and were left out, at most 100. */
  problems?: ListProblem[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One number of the list. */
export interface TargetBody {
  /** With its country code, in any spelling. */
  number: string | number;
  /** What the template's placeholders stand for. */
  parameters?: { [name: string]: string | number | boolean | null };
}

/** Where one number of a list stands. */
export type TargetState = "WAITING" | "CALLING" | "DONE" | (string & {});

/** One number of the list with what became of it. */
export interface TargetView {
  /** Its place in the list; grows, with gaps. */
  position: number;
  /** E.164 with `+`. */
  number: string;
  /** What the template's placeholders stand for. */
  parameters?: { [name: string]: string };
  /** `WAITING` (for its first call, or a retry), `CALLING` or `DONE`. */
  state: TargetState;
  /** Sessions made for it so far. */
  attempts: number;
  /** Status of its last session that has ended; `NOT_VALID`: it has no valid callflow. */
  outcome?: string;
  /** What exactly was wrong. */
  detail?: string;
  /** The last session. */
  sessionId?: string;
  /** Of a WAITING one: not called before this time. */
  dueAt?: string;
  /** When the last session ended. */
  endedAt?: string;
}

/** A page of the list, in its order. */
export interface TargetList {
  /** The numbers. */
  targets: TargetView[];
  /** Give it as `cursor` to get the next page; absent on the last. */
  nextCursor?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** What became of a list that was uploaded. */
export interface UploadAnswer {
  /** The campaign's id. */
  campaignId: string;
  /** Numbers that were added. */
  added: number;
  /** Numbers that were on the list already. */
  duplicates: number;
  /** Lines that cannot be used. */
  rejected: number;
  /** The first 100 of them. */
  problems: ListProblem[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One row of the table. */
export interface MenuRowBody {
  /** The callflow that has ended. */
  menu: string;
  /** The digits of its last sayAndCapture, `none`, or `invalid` for digits without a row of their own. */
  on: string;
  /** The callflow that follows. */
  next: string;
}

/** One menu. */
export interface MenuView {
  /** The name. */
  name: string;
  /** The callflow that a call begins with. */
  first: string;
  /** Each callflow's actions, by name. */
  callflows: { [name: string]: ({ [name: string]: unknown })[] };
  /** What follows a callflow. */
  table?: MenuRowBody[];
  /** The numbers that it answers. */
  numbers?: string[];
}

/** All menus of the sub-account. */
export interface MenuList {
  /** The menus, by name. */
  menus: MenuView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One menu, asked for by name. */
export interface MenuAnswer {
  /** The name. */
  name: string;
  /** The callflow that a call begins with. */
  first: string;
  /** Each callflow's actions, by name. */
  callflows: { [name: string]: ({ [name: string]: unknown })[] };
  /** What follows a callflow. */
  table?: MenuRowBody[];
  /** The numbers that it answers. */
  numbers?: string[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One file of the library. */
export interface MediaView {
  /** The name. */
  name: string;
  /** What `fileUrl` of a playFile names it by: `offhook:name`. */
  fileUrl: string;
  /** Octets. */
  size: number;
  /** Of the content, hexadecimal. */
  sha256: string;
  /** When it was put there: ISO 8601, UTC. */
  timestamp: string;
}

/** All files of the sub-account. */
export interface MediaList {
  /** The files, by name. */
  media: MediaView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One file, after a change. */
export interface MediaAnswer {
  /** The name. */
  name: string;
  /** What `fileUrl` of a playFile names it by: `offhook:name`. */
  fileUrl: string;
  /** Octets. */
  size: number;
  /** Of the content, hexadecimal. */
  sha256: string;
  /** When it was put there: ISO 8601, UTC. */
  timestamp: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** The job that makes the file. */
export interface ExportStarted {
  /** For `GET /messages/exports/{jobId}`. */
  jobId: string;
}

/** The form of the file. */
export type ExportFormat = "csv" | "parquet" | (string & {});

/** Where a job stands (``spec/api.md``). */
export type ExportState = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "empty" | "error" | (string & {});

/** Where a job stands. */
export interface ExportStatus {
  /** `succeeded`, `empty`, `failed`, `cancelled` and `error` are final. */
  status: ExportState;
  /** Links to the file, of a succeeded job: one of CSV, one or more of Parquet. They need no key. */
  data?: string[];
  /** When the links end: ISO 8601, UTC. */
  expires?: string;
  /** Written so far. */
  rows: number;
}

/** What becomes of calls with a caller that STIR/SHAKEN does not vouch for. */
export type UnverifiedCallers = "accept" | "refuse_failed" | "refuse" | (string & {});

/** A number the sub-account owns. */
export interface NumberBody {
  /** The operator's id of the number. */
  referenceId?: string | null;
  /** The same as `enabled`. */
  active?: boolean;
  /** Record every session that begins with a call to this number. */
  recordInbound?: boolean;
  /** Absent: as the numbering plan of its country says. */
  numberType?: "FIXED_LINE" | "MOBILE" | "FIXED_LINE_OR_MOBILE" | "TOLL_FREE" | "PREMIUM_RATE" | "SHARED_COST" | "VOIP" | "PERSONAL_NUMBER" | "UAN" | "UNKNOWN" | (string & {}) | null;
  /** a day such as "2027-01-31". */
  expires?: string | null;
  /** an amount in quotes, up to 6 decimals, such as "0.035". */
  rentalPrice?: string;
  /** an amount in quotes, up to 6 decimals, such as "0.035". */
  incomingRate?: string | null;
  /** a whole number of seconds, 1 to 3600. */
  billingUnit?: number | null;
  /** a currency of ISO 4217, such as "EUR". */
  billingCurrency?: string | null;
  /** a name of 1 to 64 letters, digits, . _ - &. */
  trunk?: string | null;
  /** Whether the state of its trunk counts for its status. */
  healthCheck?: boolean;
  /** a whole number of seconds, 60 to 604800. */
  testCallEvery?: number | null;
  /**
   * Calls to it with a caller that STIR/SHAKEN does not vouch for: accepted, refused where the signature
   * does not hold, or refused without a signature too.
   */
  unverifiedCallers?: UnverifiedCallers;
  /** a phone number in E.164, such as "+6512341234". */
  msisdn: string;
}

/** What happens to a callflow outside of the calling hours. */
export type OutsideHours = "queue" | "refuse" | (string & {});

/** The key that opts out of voice messages, and what is said about it. */
export interface OptOutBody {
  /** one key of a phone, such as "9". */
  key: string;
  /** a text of 1 to 3000 characters. */
  prompt?: string;
  /** a text of 1 to 3000 characters. */
  confirmation?: string;
  /** Of both texts. */
  voiceProfile?: string;
  /** a language such as "en" or "en-GB". */
  language?: string;
  /** an http or https URL. */
  webhook?: string;
  /** Sent as `Authorization` with it; never shown. */
  httpAuthHeader?: string;
  /**
   * Whether there is one; true without `httpAuthHeader` in a request: the stored one stays, if the webhook
   * stays.
   */
  httpAuthHeaderAvailable?: boolean;
}

/** A sub-account as it stands. */
export interface SubAccountView {
  /** a name of 1 to 64 letters, digits, . _ - &. */
  accountId: string;
  /** The numbers. */
  numbers?: NumberBody[];
  /** Allowed caller IDs beside the numbers, E.164 with `+`. */
  callerIds?: string[];
  /** Countries or prefixes; absent: everywhere a route leads. */
  coverage?: string[];
  /** a whole number, 1 to 2,000,000,000. */
  maxCalls?: number;
  /** a number above 0, up to 1,000,000. */
  cps?: number;
  /** Whether calls may withhold the caller ID. */
  withheldCallerId?: boolean;
  /** How webhooks carry captured digits; absent: `object`. */
  dtmfEventData?: "object" | "string" | (string & {}) | null;
  /** a whole number, 1 to 2,000,000,000. */
  dailyMinutes?: number;
  /** an amount in quotes, up to 6 decimals, such as "0.035". */
  dailyCost?: string;
  /** Empty: at any time. */
  callingHours?: CallingWindowBody[];
  /** Whether callflows outside of the calling hours wait, or end `ERROR` -2010. */
  outsideHours?: OutsideHours;
  /** `{"callflow": […]}` of say, playFile and hangup: heard when the VCA webhook did not answer. */
  lastResort?: { [name: string]: unknown };
  /** How called persons opt out of voice messages; absent: they cannot, and no list counts. */
  optOut?: OptOutBody;
  /** The sub-account's id. */
  subAccountId: string;
}

/** All sub-accounts. */
export interface SubAccountList {
  /** The sub-accounts. */
  subAccounts: SubAccountView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One sub-account. */
export interface SubAccountAnswer {
  /** a name of 1 to 64 letters, digits, . _ - &. */
  accountId: string;
  /** The numbers. */
  numbers?: NumberBody[];
  /** Allowed caller IDs beside the numbers, E.164 with `+`. */
  callerIds?: string[];
  /** Countries or prefixes; absent: everywhere a route leads. */
  coverage?: string[];
  /** a whole number, 1 to 2,000,000,000. */
  maxCalls?: number;
  /** a number above 0, up to 1,000,000. */
  cps?: number;
  /** Whether calls may withhold the caller ID. */
  withheldCallerId?: boolean;
  /** How webhooks carry captured digits; absent: `object`. */
  dtmfEventData?: "object" | "string" | (string & {}) | null;
  /** a whole number, 1 to 2,000,000,000. */
  dailyMinutes?: number;
  /** an amount in quotes, up to 6 decimals, such as "0.035". */
  dailyCost?: string;
  /** Empty: at any time. */
  callingHours?: CallingWindowBody[];
  /** Whether callflows outside of the calling hours wait, or end `ERROR` -2010. */
  outsideHours?: OutsideHours;
  /** `{"callflow": […]}` of say, playFile and hangup: heard when the VCA webhook did not answer. */
  lastResort?: { [name: string]: unknown };
  /** How called persons opt out of voice messages; absent: they cannot, and no list counts. */
  optOut?: OptOutBody;
  /** The sub-account's id. */
  subAccountId: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** It was done. */
export interface AdminDone {
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** A key without its secret. */
export interface KeyView {
  /** The key's id. */
  keyId: string;
  /** The name. */
  name: string;
  /** The account that the sub-account or key belongs to. */
  accountId: string;
  /** The sub-accounts that the key opens; absent: all of the account. */
  subAccountIds?: string[];
  /** What the key may do; `*` is everything. */
  scopes: string[];
  /** ISO 8601, UTC. */
  createdAt: string;
  /** When the key stops working: ISO 8601; absent: never. */
  expiresAt?: string;
  /** When the key was last used: ISO 8601, UTC, to the minute. */
  lastUsedAt?: string;
  /** When it was revoked: ISO 8601, UTC. */
  revokedAt?: string;
}

/** All stored keys, revoked and expired ones included. */
export interface KeyList {
  /** The keys. */
  keys: KeyView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** A new key: the only answer that shows it. */
export interface KeyMade {
  /** The key itself; it is shown this once. */
  key: string;
  /** The key's id. */
  keyId: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** What a key may be limited to; ``*`` is all of them. */
export type Scope = "callflows:write" | "sessions:read" | "sessions:write" | "settings:read" | "settings:write" | (string & {});

/** What was erased. */
export interface ErasureAnswer {
  /** With timelines, requests, webhooks, SIP messages and recordings. */
  sessions: number;
  /** Requests without a session that named the number. */
  requests: number;
  /** Requests, of all sub-accounts, that were looked through for it. */
  requestsLookedAt: number;
  /** Places in lists of campaigns. */
  campaignTargets: number;
  /** Sessions that stay: they have not ended, or a webhook of theirs is still tried. */
  left: string[];
  /** Recordings on other machines, which delete them within an hour. */
  recordingsElsewhere: number;
  /** Absent: everything was looked at. */
  nextCursor?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** What a registered process does. */
export type NodeRole = "voice" | "api" | (string & {});

/** One process of the installation. */
export interface ClusterNode {
  /** Machine, SIP address and worker; of an API process, with `/api`. */
  name: string;
  role: NodeRole;
  /** Whether its heartbeats come. */
  up: boolean;
  /** Of Offhook; absent: it has said nothing of itself. */
  version?: string;
  /** When it started. */
  since?: string;
  /** Sessions that run there. */
  sessions: number;
  /** How many may run there at once. */
  capacity?: number;
  /** When it was told to begin no sessions; absent: it begins them. */
  drainedSince?: string;
}

/** All of them, by name. */
export interface ClusterNodes {
  /** The processes. */
  nodes: ClusterNode[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One registered phone of a user of `[[sip_users]]`. */
export interface RegisteredPhone {
  /** Its name in the configuration. */
  user: string;
  /** That rings it, with `+`; absent: the user has none, or is not configured here any more. */
  number?: string;
  /** Where its REGISTER came from, and where calls go: `udp:198.51.100.7:5060`. */
  address: string;
  /** The URI that it gives. */
  contact: string;
  /** What it calls itself; may be empty. */
  userAgent: string;
  /** First, without a break since. */
  registeredAt: string;
  /** When the key stops working: ISO 8601; absent: never. */
  expiresAt: string;
  /** The node that it registered with. */
  node: string;
}

/** All of them, by user, the newest first. */
export interface RegisteredPhones {
  /** Empty when none is registered. */
  phones: RegisteredPhone[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** The numbers of a sub-account. */
export interface AssignedNumbers {
  /** The numbers. */
  numbers: NumberBody[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One number, as it is assigned now. */
export interface AssignedNumber {
  /** The operator's id of the number. */
  referenceId?: string;
  /** The same as `enabled`. */
  active?: boolean;
  /** Record every session that begins with a call to this number. */
  recordInbound?: boolean;
  /** Absent: as the numbering plan of its country says. */
  numberType?: "FIXED_LINE" | "MOBILE" | "FIXED_LINE_OR_MOBILE" | "TOLL_FREE" | "PREMIUM_RATE" | "SHARED_COST" | "VOIP" | "PERSONAL_NUMBER" | "UAN" | "UNKNOWN" | (string & {}) | null;
  /** a day such as "2027-01-31". */
  expires?: string;
  /** an amount in quotes, up to 6 decimals, such as "0.035". */
  rentalPrice?: string;
  /** an amount in quotes, up to 6 decimals, such as "0.035". */
  incomingRate?: string;
  /** a whole number of seconds, 1 to 3600. */
  billingUnit?: number;
  /** a currency of ISO 4217, such as "EUR". */
  billingCurrency?: string;
  /** a name of 1 to 64 letters, digits, . _ - &. */
  trunk?: string;
  /** Whether the state of its trunk counts for its status. */
  healthCheck?: boolean;
  /** a whole number of seconds, 60 to 604800. */
  testCallEvery?: number;
  /**
   * Calls to it with a caller that STIR/SHAKEN does not vouch for: accepted, refused where the signature
   * does not hold, or refused without a signature too.
   */
  unverifiedCallers?: UnverifiedCallers;
  /** a phone number in E.164, such as "+6512341234". */
  msisdn: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** A process of the installation. */
export interface NodeView {
  /** Machine, SIP address and worker; of an API process, with `/api`. */
  name: string;
  /** `voice` runs calls, `api` answers requests. */
  role: NodeRole;
  /** Whether its heartbeats come. */
  up: boolean;
  /** It grows with each start. */
  epoch: number;
  /** Absent: it has ended in an orderly way. */
  heartbeatAt?: string;
  /** Sessions that run there. */
  sessions: number;
}

/** A trunk and its use. */
export interface TrunkView {
  /** As the configuration names it. */
  name: string;
  /** Where its calls go. */
  address: string;
  /** By calls of all nodes. */
  channelsUsed: number;
  /** The limit; absent: none. */
  channels?: number;
  /** Calls a second at most; absent: no limit. */
  cps?: number;
  /** Whether it answers calls and OPTIONS, on every node; absent: it was not called or asked yet. */
  up?: boolean;
  /** Since when it is so. */
  since?: string;
  /** Why it counts as down, in words. */
  detail?: string;
}

/** The installation at a glance. */
export interface StatusAnswer {
  /** Of the process that answers. */
  version: string;
  /** By name. */
  nodes: NodeView[];
  /** Of the configuration. */
  trunks: TrunkView[];
  /** On all nodes. */
  sessionsRunning: number;
  /** Those that wait to be dialled. */
  sessionsQueued: number;
  /** Since when the first of them waits. */
  oldestQueuedAt?: string;
  /** Waiting sessions that a node leaves to others: it does not know their sub-account or route. */
  sessionsPassedOver: number;
  /** Deliveries that wait for an attempt; counted to 100,000. */
  webhooksPending: number;
  /** When the first of them fell due, or falls due. */
  oldestWebhookAt?: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One SIP message, without digests and media keys. */
export interface SipMessageView {
  /** When it went or came: ISO 8601, UTC. */
  at: string;
  /** False: received. */
  sent: boolean;
  /** Our own address. */
  near: string;
  /** The other side's address. */
  far: string;
  /** The message, head and body. */
  text: string;
}

/** What was said on the wire. */
export interface SipTraceAnswer {
  /** Of the session they belong to. */
  sessionId: string;
  /** In order. */
  messages: SipMessageView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** One line that a process logged about a session. */
export interface LogLineView {
  /** ISO 8601, UTC. */
  at: string;
  /** `api`, `voice-0` …. */
  process: string;
  /** `info`, `warning`, `error` …. */
  level: string;
  /** Without credentials, phone numbers and spoken texts. */
  text: string;
}

/** What was logged about a session. */
export interface SessionLogAnswer {
  /** Of the session that the lines are about. */
  sessionId: string;
  /** In the order of time; none: nothing worth a line happened. */
  lines: LogLineView[];
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** An order that waits for its session on every voice node. */
export interface CaptureAnswer {
  /** Of the order. */
  captureId: string;
  /** When an order that found no session is void. */
  expiresAt: string;
  /** 0 where all is well. */
  statusCode: number;
  /** `ok`, or what was done. */
  statusMessage: string;
}

/** Why new callflows are accepted and served, or why not; the first that holds. */
export type Readiness = "draining" | "starting" | "no database" | "database cannot be written" | "no voice node" | "ready" | (string & {});

/** State of the process, and of what it needs. */
export interface ProcessHealth {
  /** `ok` as long as it answers at all; of `/readyz` `ready`, or the reason why not. */
  status: string;
  /** What `/readyz` says. */
  readiness: Readiness;
}

/** State of the process in a word. */
export interface Health {
  /** `ok` as long as it answers at all; of `/readyz` `ready`, or the reason why not. */
  status: string;
}

/** ``callDirection``. */
export type Direction = "INBOUND" | "OUTBOUND" | (string & {});

/** The DTMF digits of a sayAndCapture. */
export interface Digits {
  /** The digits; null when none were captured. */
  dtmf: string | null;
}

/** A question: what shall the call do next?. */
export interface CallActionPayload {
  /** `INBOUND` or `OUTBOUND`. */
  callDirection: Direction;
  /** `PSTN`, or `VOIP` for a user of this server. */
  callType: "PSTN" | "VOIP" | (string & {});
  /** The calling number, E.164 with `+`, or `anonymous`. */
  source: string;
  /** The called number, E.164 with `+`. */
  destination: string;
  /** Absent where the caller is withheld. */
  sourceFormat?: "MSISDN" | (string & {}) | null;
  /** How `destination` is written. */
  destinationFormat?: "MSISDN" | (string & {}) | null;
  /** ISO 3166-1 alpha-2. */
  sourceCountryCode?: string | null;
  /** ISO 3166-1 alpha-2. */
  destinationCountryCode?: string | null;
  /** Outbound: reference id of the number used. */
  sourceRefId?: string | null;
  /** Inbound: reference id of the number called. */
  destinationRefId?: string | null;
  /** Also the header `webhook-id`; the same over retries. */
  eventId: string;
  /** Of the call (leg) that the event is about. */
  callId: string;
  /** The session's id. */
  sessionId: string;
  /** The sub-account's id. */
  subAccountId: string;
  /** Whole seconds connected. */
  callDuration: number;
  /** SIP status of the call that the event is about. */
  sipCode: number;
  /** ISO 8601, UTC, milliseconds. */
  timestamp: string;
  /** Of the callflow that runs (VCS) or that has just ended (VCA), if it had one. */
  clientActionId?: string | null;
  /** As the request gave it. */
  clientRequestId?: string | null;
  /** As the request gave it. */
  clientBatchId?: string | null;
  /** `CALL_RECEIVED` for a new inbound call. */
  callStatus: "ACTION_COMPLETED" | "CALL_RECEIVED" | (string & {});
  /** The digits; a bare string where the sub-account's `dtmfEventData` is `string`. */
  eventData: string | Digits | null;
  /** The digits again; null when none were captured. */
  dtmf: string | null;
  /** Of a call from outside, where the operator verifies callers (STIR/SHAKEN). */
  callerVerification?: CallerVerification | null;
}

/** The body of a VCA request. */
export interface VcaEvent {
  /** `VOICE`. */
  namespace: "VOICE";
  /** `CALL_ACTION`. */
  eventType: "CALL_ACTION";
  /** `Action request of a call`. */
  description: string;
  /** 5. */
  version: number;
  payload: CallActionPayload;
}

/** Something happened to a call. */
export interface CallStatusPayload {
  /** `INBOUND` or `OUTBOUND`. */
  callDirection: Direction;
  /** `PSTN`, or `VOIP` for a user of this server. */
  callType: "PSTN" | "VOIP" | (string & {});
  /** The calling number, E.164 with `+`, or `anonymous`. */
  source: string;
  /** The called number, E.164 with `+`. */
  destination: string;
  /** Absent where the caller is withheld. */
  sourceFormat?: "MSISDN" | (string & {});
  /** How `destination` is written. */
  destinationFormat?: "MSISDN" | (string & {});
  /** ISO 3166-1 alpha-2. */
  sourceCountryCode?: string;
  /** ISO 3166-1 alpha-2. */
  destinationCountryCode?: string;
  /** Outbound: reference id of the number used. */
  sourceRefId?: string;
  /** Inbound: reference id of the number called. */
  destinationRefId?: string;
  /** Also the header `webhook-id`; the same over retries. */
  eventId: string;
  /** Of the call (leg) that the event is about. */
  callId: string;
  /** The session's id. */
  sessionId: string;
  /** The sub-account's id. */
  subAccountId: string;
  /** Whole seconds connected. */
  callDuration: number;
  /** SIP status of the call that the event is about. */
  sipCode: number;
  /** ISO 8601, UTC, milliseconds. */
  timestamp: string;
  /** Of the callflow that runs (VCS) or that has just ended (VCA), if it had one. */
  clientActionId?: string;
  /** As the request gave it. */
  clientRequestId?: string;
  /** As the request gave it. */
  clientBatchId?: string;
  /** What happened; `CALL_UPDATED` is ringing, or bridged. */
  callStatus: "CALL_CONNECTED" | "CALL_DISCONNECTED" | "CALL_INITIATED" | "CALL_RECEIVED" | "CALL_UPDATED" | "DTMF_RECEIVED" | (string & {});
  /** Of `DTMF_RECEIVED`: the digits. */
  eventData?: string | Digits | null;
}

/** The body of a VCS request. */
export interface VcsEvent {
  /** `VOICE`. */
  namespace: "VOICE";
  /** `CALL_STATUS`. */
  eventType: "CALL_STATUS";
  /** `Status update of a call`. */
  description: string;
  /** 5. */
  version: number;
  payload: CallStatusPayload;
}

/** Why a session ended `ERROR`. */
export interface SummaryError {
  /** The code's text. */
  errorMsg: string;
  /** From the table of runtime codes. */
  errorCode: number;
  /** In which action. */
  action?: string;
  /** Of the request that started it. */
  callFlowRequestId?: string;
  /** Of -2010: which limit or rule kept it from dialling. */
  reason?: string;
}

/** Outcome of one leg (``spec/execution.md``, "How it ends"). */
export type CallStatus = "BUSY" | "CANCELED" | "COMPLETED" | "ERROR" | "FAILED" | "NO_ANSWER" | (string & {});

/** How well the call could be heard, the worse direction. */
export interface SummaryQuality {
  /** 1 to 4.4, by the E-model. */
  mos: number;
  /** 0 to 1: 0.01 is 1 %. */
  packetLossRate: number;
  /** Whole milliseconds. */
  jitter: number;
}

/** One call (leg) of the session. */
export interface SummaryCall {
  /** `INBOUND` or `OUTBOUND`. */
  callDirection: Direction;
  /** `PSTN`, or `VOIP` for a user of this server. */
  callType: "PSTN" | "VOIP" | (string & {});
  /** The calling number, E.164 with `+`, or `anonymous`. */
  source: string;
  /** The called number, E.164 with `+`. */
  destination: string;
  /** Absent where the caller is withheld. */
  sourceFormat?: "MSISDN" | (string & {});
  /** How `destination` is written. */
  destinationFormat?: "MSISDN" | (string & {});
  /** ISO 3166-1 alpha-2. */
  sourceCountryCode?: string;
  /** ISO 3166-1 alpha-2. */
  destinationCountryCode?: string;
  /** Outbound: reference id of the number used. */
  sourceRefId?: string;
  /** Inbound: reference id of the number called. */
  destinationRefId?: string;
  /** The call's (leg's) id. */
  callId: string;
  /** When it was dialled or came: ISO 8601, UTC. */
  initiatedTimestamp?: string;
  /** Only if it was connected. */
  connectedTimestamp?: string;
  /** When it ended: ISO 8601, UTC. */
  disconnectedTimestamp?: string;
  /** How the call ended. */
  callStatus?: CallStatus;
  /** Whole seconds connected. */
  callDuration: number;
  /** Only if media flowed. */
  callQuality?: SummaryQuality;
}

/** A session has ended. */
export interface SessionSummaryPayload {
  /** The session's id. */
  sessionId: string;
  /** The sub-account's id. */
  subAccountId: string;
  /** Final. */
  sessionStatus: SessionStatus;
  /** ISO 8601, UTC, whole seconds. */
  startTime: string;
  /** ISO 8601, UTC, whole seconds. */
  endTime?: string;
  /** The action that was begun last. */
  lastAction?: string;
  /** How many calls (legs) it made and took. */
  callCount: number;
  /** As the request gave it. */
  clientRequestId?: string;
  /** As the request gave it. */
  clientBatchId?: string;
  /** Only with `ERROR`. */
  errorDetails?: SummaryError;
  /** One member for each call, in the order they were made: `callA` to `callJ`. */
  details: { [name: string]: SummaryCall };
}

/** The body of a VSS request. */
export interface VssEvent {
  /** `VOICE`. */
  namespace: "VOICE";
  /** `SESSION_SUMMARY`. */
  eventType: "SESSION_SUMMARY";
  /** `Summary of a completed call session`. */
  description: string;
  /** 5. */
  version: number;
  payload: SessionSummaryPayload;
}

/** A recording was put where it belongs, or could not be. */
export interface RecordingPayload {
  /** The session's id. */
  sessionId: string;
  /** Also part of the file's name. */
  recordingId: string;
  /** Whole seconds. */
  durationSeconds: number;
  /** Where it was put. */
  filePath: string;
  /** What became of it. */
  status: "UPLOAD_COMPLETED" | "UPLOAD_FAILED" | (string & {});
}

/** The body of a VRU request. */
export interface VruEvent {
  /** `VOICE`. */
  namespace: "VOICE";
  /** `CALL_RECORDING_STATUS`. */
  eventType: "CALL_RECORDING_STATUS";
  /** `Call recording status updated`. */
  description: string;
  /** 5. */
  version: number;
  payload: RecordingPayload;
}

/** One virtual number. */
export interface NumberChange {
  /** The number, E.164 with `+`. */
  msisdn: string;
  /** ISO 8601. */
  updatedTimestamp: string;
  /** ISO 3166-1 alpha-2. */
  countryCode?: string;
  /** Status of the number. */
  operationalStatus?: "Active" | "Expiring" | "Inactive" | "Unhealthy" | (string & {});
  /** The operator's id of the number. */
  referenceId?: string;
  /** Price of the number. */
  rentalPrice?: number;
  /** Price of a billing unit of an incoming call. */
  incomingRate?: number;
  /** Seconds. */
  billingUnit?: number;
  /** ISO 4217 code. */
  billingCurrency?: string;
  /** Whether its health is checked. */
  numberHealthCheckEnabled?: boolean;
  /** Whether this number has changed. */
  updateStatus?: "NO_CHANGE" | "UPDATED" | (string & {});
}

/** Virtual numbers have changed. */
export interface NumbersPayload {
  /** The sub-account's id. */
  subAccountId: string;
  /** Of the sub-account. */
  totalNumbers: number;
  /** All numbers, or those that have changed. */
  updateEventType: "SNAPSHOT" | "UPDATES" | (string & {});
  /** The numbers. */
  virtualNumbers: NumberChange[];
}

/** The body of a VNU request. */
export interface VnuEvent {
  /** `VOICE`. */
  namespace: "VOICE";
  /** `VIRTUAL_NUMBER_UPDATE`. */
  eventType: "VIRTUAL_NUMBER_UPDATE";
  /** `Status of account virtual number(s) updated`. */
  description: string;
  /** 5. */
  version: number;
  payload: NumbersPayload;
}
