// Whether a request is sent again, and when. Sent again is only what cannot act twice: GET, PUT, DELETE, and what
// carries an idempotency key. Of all others only what the server has not begun: not reached, or 429.

const FIRST_WAIT = 250;
const LONGEST_BACKOFF = 8000;
const LONGEST_WAIT = 30000;
const REPEATED = new Set([429, 502, 503, 504]);
// Nothing of the request left this machine.
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

/** Milliseconds until the next attempt after `sent` attempts; null: the failure is final. */
export function afterFault(rule, sent, error, repeatable) {
  if (sent > rule.retries || !(repeatable || neverSent(error))) return null;
  return backoff(sent);
}

/** The same after an answer; null: it is final, good or bad. `retryAfter`: seconds, or undefined. */
export function afterAnswer(rule, sent, status, retryAfter, repeatable) {
  if (sent > rule.retries || !(repeatable ? REPEATED.has(status) : status === 429)) return null;
  if (retryAfter === undefined) return backoff(sent);
  return retryAfter * 1000 <= LONGEST_WAIT ? retryAfter * 1000 : null;
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function neverSent(error) {
  const cause = error?.cause;
  const each = cause?.errors ?? [cause]; // of several addresses
  return each.length > 0 && each.every((one) => NOT_SENT.has(one?.code));
}

function backoff(sent) {
  return Math.min(FIRST_WAIT * 2 ** (sent - 1), LONGEST_BACKOFF) * (0.5 + Math.random() / 2);
}
