// What the client throws. All of it is an OffhookError.

/** A request did not succeed. */
export class OffhookError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The server could not be reached, did not answer in time, or what answered is no Offhook. */
export class NoAnswer extends OffhookError {}

/** The server refused the request, or failed. */
export class RequestRefused extends OffhookError {
  constructor(said) {
    super(`${said.message} (code ${said.statusCode}, HTTP ${said.httpStatus})`);
    this.said = said.message;
    this.httpStatus = said.httpStatus;
    this.statusCode = said.statusCode;
    this.requestId = said.requestId;
    this.errorId = said.errorId;
    this.retryAfter = said.retryAfter;
    this.problems = said.problems;
  }
}

export class RequestInvalid extends RequestRefused {}
export class CallflowInvalid extends RequestInvalid {}
export class KeyNotAccepted extends RequestRefused {}
export class KeyNotAllowed extends RequestRefused {}
export class UnknownResource extends RequestRefused {}
export class StateConflict extends RequestRefused {}
export class TooMany extends RequestRefused {}
export class ServerFailed extends RequestRefused {}

const BY_STATUS = {
  400: RequestInvalid,
  401: KeyNotAccepted,
  403: KeyNotAllowed,
  404: UnknownResource,
  409: StateConflict,
  413: RequestInvalid,
  422: RequestInvalid,
  429: TooMany,
};

/** The error for an answer that is not 2xx. */
export function refusal(httpStatus, text, requestId, retryAfter) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  const members = body !== null && typeof body === "object" ? body : {};
  const problems = Array.isArray(members.errors) ? members.errors : [];
  let Kind = BY_STATUS[httpStatus] ?? (httpStatus >= 500 ? ServerFailed : RequestRefused);
  if (Kind === RequestInvalid && problems.length > 0) Kind = CallflowInvalid;
  const message = members.statusMessage ?? members.message ?? members.status;
  return new Kind({
    message: typeof message === "string" ? message : `HTTP ${httpStatus}`,
    httpStatus,
    statusCode: typeof members.statusCode === "number" ? members.statusCode : httpStatus,
    requestId: members.callFlowRequestId ?? requestId,
    errorId: members.errorId,
    retryAfter,
    problems,
  });
}
