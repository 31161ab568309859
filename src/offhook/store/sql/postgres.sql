-- The hot statements of the PostgreSQL record. Batches come as arrays, one per column; a statement
-- with several writes is one transaction and one round trip.

-- name: accept
-- Sessions ($1..$12), their first events ($13..$15), requests ($16..$23) and what the sessions can
-- be found by ($24..$27). Ids that are stored
-- already change nothing: a batch whose answer was lost with the connection may be sent again.
WITH s AS (
    INSERT INTO sessions (
        session_id, sub_account_id, status, created_at, valid_until, ready_since, waits_for,
        node, epoch, channels, event_count, document
    )
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
        $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::text[])
    ON CONFLICT DO NOTHING
), e AS (
    INSERT INTO events (session_id, number, document)
    SELECT * FROM unnest($13::text[], $14::bigint[], $15::text[])
    ON CONFLICT DO NOTHING
), t AS (
    INSERT INTO session_terms (sub_account_id, term, created_at, session_id)
    SELECT * FROM unnest($24::text[], $25::text[], $26::bigint[], $27::text[])
    ON CONFLICT DO NOTHING
)
INSERT INTO requests (
    call_flow_request_id, sub_account_id, at, body, http_status, answer, session_id, idempotency_key
)
SELECT * FROM unnest(
    $16::text[], $17::text[], $18::bigint[], $19::bytea[], $20::int[], $21::bytea[], $22::text[],
    $23::text[])
ON CONFLICT DO NOTHING;

-- name: remember_keys
-- Note Idempotency-Keys (sub-account, key, request, time) that are new or older than $5
-- microseconds; returns those noted. Waits for another node that is noting the same key.
INSERT INTO idempotency AS i (sub_account_id, idempotency_key, call_flow_request_id, at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (sub_account_id, idempotency_key) DO UPDATE
SET call_flow_request_id = excluded.call_flow_request_id, at = excluded.at
WHERE i.at <= excluded.at - $5::bigint
RETURNING sub_account_id, idempotency_key;

-- name: first_requests
-- The requests that keys named first.
SELECT r.call_flow_request_id, r.sub_account_id, r.at, r.body, r.http_status, r.answer,
    r.session_id, i.idempotency_key
FROM unnest($1::text[], $2::text[]) AS u (sub_account_id, idempotency_key)
JOIN idempotency AS i USING (sub_account_id, idempotency_key)
JOIN requests AS r ON r.call_flow_request_id = i.call_flow_request_id;

-- name: save
-- New state of sessions ($1..$7: session, node, epoch, status, channels, events added, document)
-- where they still run and are that node's; with it their events ($8..$10: session, offset,
-- document), deliveries ($11: session saved, $12..$24: the row) and what they can be found by
-- ($25..$28), and what those that end have used ($29: session saved, $30..$40: the row). Returns what
-- was written.
-- A save whose answer was lost with the connection is made again: where the document and the last
-- event stand there already, nothing is written (see: repeated).
-- The share lock on the node's row keeps its next registration waiting until this is committed.
-- (status || '' keeps the planner off the partial index by node: it would read every session that
-- the node runs for every row of the batch.)
WITH u AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[]
    ) AS u (session_id, node, epoch, status, channels, added, document)
), n AS (
    SELECT name, epoch FROM nodes WHERE name = ANY ($2::text[]) FOR KEY SHARE
), w AS (
    UPDATE sessions AS s
    SET status = u.status, channels = u.channels, event_count = s.event_count + u.added,
        document = u.document
    FROM u JOIN n ON n.name = u.node AND n.epoch = u.epoch
    WHERE s.session_id = u.session_id AND s.status || '' = 'RUNNING'
        AND s.node = u.node AND s.epoch = u.epoch
        AND NOT (s.document = u.document AND EXISTS (
            SELECT 1 FROM events AS v JOIN unnest($8::text[], $9::bigint[], $10::text[])
                AS x (session_id, number, document)
                ON x.session_id = s.session_id AND x.number = u.added AND x.document = v.document
            WHERE v.session_id = s.session_id AND v.number = s.event_count))
    RETURNING s.session_id, s.event_count - u.added AS before
), e AS (
    INSERT INTO events (session_id, number, document)
    SELECT w.session_id, w.before + x.number, x.document
    FROM unnest($8::text[], $9::bigint[], $10::text[]) AS x (session_id, number, document)
    JOIN w USING (session_id)
), o AS (
    INSERT INTO outbox (
        delivery_id, sub_account_id, type, session_id, url, payload, created_at, give_up_at,
        state, next_at, owner, attempts, history
    )
    SELECT x.delivery_id, x.sub_account_id, x.type, x.session_id, x.url, x.payload, x.created_at,
        x.give_up_at, x.state, x.next_at, x.owner, x.attempts, x.history
    FROM unnest(
        $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bytea[],
        $18::bigint[], $19::bigint[], $20::text[], $21::bigint[], $22::text[], $23::int[],
        $24::text[]
    ) AS x (saved, delivery_id, sub_account_id, type, session_id, url, payload, created_at,
        give_up_at, state, next_at, owner, attempts, history)
    JOIN w ON w.session_id = x.saved
    ON CONFLICT DO NOTHING
), t AS (
    INSERT INTO session_terms (sub_account_id, term, created_at, session_id)
    SELECT x.sub_account_id, x.term, x.created_at, x.session_id
    FROM unnest($25::text[], $26::text[], $27::bigint[], $28::text[])
        AS x (sub_account_id, term, created_at, session_id)
    JOIN w USING (session_id)
    ON CONFLICT DO NOTHING
), c AS (
    INSERT INTO usage_days AS d (
        sub_account_id, day, node, direction, country, currency, calls, answered, seconds,
        billable_seconds, cost
    )
    SELECT x.sub_account_id, x.day, x.node, x.direction, x.country, x.currency,
        sum(x.calls)::bigint, sum(x.answered)::bigint, sum(x.seconds)::bigint,
        sum(x.billable_seconds)::bigint, sum(x.cost)::bigint
    FROM unnest(
        $29::text[], $30::text[], $31::text[], $32::text[], $33::text[], $34::text[], $35::text[],
        $36::bigint[], $37::bigint[], $38::bigint[], $39::bigint[], $40::bigint[]
    ) AS x (saved, sub_account_id, day, node, direction, country, currency, calls, answered,
        seconds, billable_seconds, cost)
    JOIN w ON w.session_id = x.saved
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (sub_account_id, day, node, direction, country, currency) DO UPDATE
    SET calls = d.calls + excluded.calls, answered = d.answered + excluded.answered,
        seconds = d.seconds + excluded.seconds,
        billable_seconds = d.billable_seconds + excluded.billable_seconds,
        cost = d.cost + excluded.cost
)
SELECT session_id FROM w;

-- name: add_usage
-- What ended sessions have used, added to the rows of usage_days.
INSERT INTO usage_days AS d (
    sub_account_id, day, node, direction, country, currency, calls, answered, seconds,
    billable_seconds, cost
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
ON CONFLICT (sub_account_id, day, node, direction, country, currency) DO UPDATE
SET calls = d.calls + excluded.calls, answered = d.answered + excluded.answered,
    seconds = d.seconds + excluded.seconds,
    billable_seconds = d.billable_seconds + excluded.billable_seconds,
    cost = d.cost + excluded.cost;

-- name: repeated
-- Of saves that wrote nothing ($1..$5: session, document, last event, node, epoch): those that an
-- earlier attempt had written.
SELECT s.session_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
    AS u (session_id, document, event, node, epoch)
JOIN sessions AS s USING (session_id)
JOIN events AS v ON v.session_id = s.session_id AND v.number = s.event_count
WHERE s.document = u.document AND v.document = u.event AND s.node = u.node AND s.epoch = u.epoch;

-- name: late_facts
-- Events that came after a session had ended or had changed its node: ($1, $2: session, events added), ($3..$5:
-- session, offset, document).
WITH w AS (
    UPDATE sessions AS s SET event_count = s.event_count + u.added
    FROM unnest($1::text[], $2::bigint[]) AS u (session_id, added)
    WHERE s.session_id = u.session_id
    RETURNING s.session_id, s.event_count - u.added AS before
)
INSERT INTO events (session_id, number, document)
SELECT w.session_id, w.before + x.number, x.document
FROM unnest($3::text[], $4::bigint[], $5::text[]) AS x (session_id, number, document)
JOIN w USING (session_id);

-- name: write
-- What was decided under locks held since: sessions ($1..$9: session, status, ready since, waits
-- for, node, epoch, channels, event count, document), events ($10..$12), deliveries ($13..$25),
-- buckets ($26..$29).
WITH w AS (
    UPDATE sessions AS s
    SET status = u.status, ready_since = u.ready_since, waits_for = u.waits_for, node = u.node,
        epoch = u.epoch, channels = u.channels, event_count = u.event_count, document = u.document
    FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[],
        $8::bigint[], $9::text[]
    ) AS u (session_id, status, ready_since, waits_for, node, epoch, channels, event_count,
        document)
    WHERE s.session_id = u.session_id
), e AS (
    INSERT INTO events (session_id, number, document)
    SELECT * FROM unnest($10::text[], $11::bigint[], $12::text[])
), o AS (
    INSERT INTO outbox (
        delivery_id, sub_account_id, type, session_id, url, payload, created_at, give_up_at,
        state, next_at, owner, attempts, history
    )
    SELECT * FROM unnest(
        $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::bytea[],
        $19::bigint[], $20::bigint[], $21::text[], $22::bigint[], $23::text[], $24::int[],
        $25::text[])
    ON CONFLICT DO NOTHING
)
INSERT INTO buckets (kind, name, tokens, at)
SELECT * FROM unnest($26::text[], $27::text[], $28::float8[], $29::bigint[])
ON CONFLICT (kind, name) DO UPDATE SET tokens = excluded.tokens, at = excluded.at;

-- name: insert_terms
-- What sessions can be found by.
INSERT INTO session_terms (sub_account_id, term, created_at, session_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
ON CONFLICT DO NOTHING;

-- name: lock
-- One holder over all nodes until the transaction ends.
SELECT pg_advisory_xact_lock($1::bigint);

-- name: node_epoch
-- The epoch that counts for a node's name; it cannot grow until the transaction commits.
SELECT epoch FROM nodes WHERE name = $1::text FOR KEY SHARE;

-- name: lock_node
-- Wait for the node's writes under way before its epoch grows; where it runs, and its last heartbeat.
SELECT place, heartbeat_at FROM nodes WHERE name = $1::text FOR UPDATE;

-- name: register_node
-- Begin a new epoch.
INSERT INTO nodes AS n (name, role, epoch, heartbeat_at, place)
VALUES ($1::text, $2::text, 1, $3::bigint, $4::text)
ON CONFLICT (name) DO UPDATE
SET role = excluded.role, epoch = n.epoch + 1, heartbeat_at = excluded.heartbeat_at,
    place = excluded.place
RETURNING epoch;

-- name: heartbeat
-- The node lives (0: it has retired).
UPDATE nodes SET heartbeat_at = $1::bigint WHERE name = $2::text AND epoch = $3::bigint
RETURNING epoch;

-- name: anything_waiting
-- Whether a claim is worth the lock, and the node's epoch.
SELECT EXISTS (SELECT 1 FROM sessions WHERE status = 'QUEUED') AS waiting,
    (SELECT epoch FROM nodes WHERE name = $1::text) AS epoch;

-- name: expired_waiting
-- Waiting sessions that are past their validUntil.
SELECT session_id, ready_since, waits_for, event_count, document FROM sessions
WHERE status = 'QUEUED' AND valid_until IS NOT NULL AND valid_until <= $1::bigint
ORDER BY valid_until LIMIT $2::int FOR UPDATE SKIP LOCKED;

-- name: waiting_groups
-- Every (sub-account, missing trunk) with waiting sessions, each found by one step of the index.
WITH RECURSIVE g AS (
    (SELECT sub_account_id, waits_for FROM sessions WHERE status = 'QUEUED'
        ORDER BY sub_account_id, waits_for LIMIT 1)
    UNION ALL
    SELECT n.sub_account_id, n.waits_for FROM g CROSS JOIN LATERAL (
        SELECT s.sub_account_id, s.waits_for FROM sessions AS s
        WHERE s.status = 'QUEUED'
            AND (s.sub_account_id, s.waits_for) > (g.sub_account_id, g.waits_for)
        ORDER BY s.sub_account_id, s.waits_for LIMIT 1) AS n
)
SELECT sub_account_id, waits_for FROM g;

-- name: waiting_in_groups
-- The oldest waiting sessions of each group.
SELECT c.* FROM unnest($1::text[], $2::text[]) AS g (sub_account_id, waits_for)
CROSS JOIN LATERAL (
    SELECT session_id, ready_since, waits_for, event_count, document FROM sessions AS s
    WHERE s.status = 'QUEUED' AND s.sub_account_id = g.sub_account_id
        AND s.waits_for = g.waits_for
    ORDER BY s.created_at, s.session_id LIMIT $3::int FOR UPDATE SKIP LOCKED) AS c;

-- name: settled
-- Of the sessions a claim may have written ($1): those that run and are this node's.
SELECT session_id FROM sessions
WHERE session_id = ANY ($1::text[]) AND status = 'RUNNING' AND node = $2::text
    AND epoch = $3::bigint;

-- name: usage
-- Running sessions and the channels they hold.
SELECT sub_account_id, channels, count(*) AS sessions FROM sessions WHERE status = 'RUNNING'
GROUP BY sub_account_id, channels;

-- name: channels_of
-- The channels one session holds.
SELECT channels FROM sessions WHERE session_id = $1::text AND status = 'RUNNING';

-- name: passed_over
-- Of sessions: which nodes leave them alone, and since when.
SELECT session_id, node, epoch, since FROM passed_over WHERE session_id = ANY ($1::text[]);

-- name: opted_out
-- Which of (sub-account, number) are on the opt-out lists.
SELECT o.sub_account_id, o.number
FROM unnest($1::text[], $2::text[]) AS u (sub_account_id, number)
    JOIN opt_outs AS o ON o.sub_account_id = u.sub_account_id AND o.number = u.number;

-- name: campaign_grows
-- A campaign whose list may grow; locked, so that positions follow each other.
SELECT 1 FROM campaigns
WHERE campaign_id = $1 AND state NOT IN ('COMPLETED', 'CANCELED') FOR UPDATE;

-- name: add_targets
-- Numbers that are not on the list yet: (number, parameters); how many.
WITH last AS (
    SELECT coalesce(max(position), 0) AS position FROM campaign_targets WHERE campaign_id = $1
), added AS (
    INSERT INTO campaign_targets (
        campaign_id, position, number, parameters, state, attempts, undialled, due_at)
    SELECT $1, last.position + u.place, u.number, u.parameters, 'WAITING', 0, 0, $4::bigint
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS u (number, parameters, place), last
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) FROM added;

-- name: campaign_runs
-- A running campaign under this process's lease; locked until its calls are stored.
SELECT 1 FROM campaigns
WHERE campaign_id = $1 AND owner = $2 AND state = 'RUNNING' FOR UPDATE;

-- name: campaign_held
-- A campaign under this process's lease; locked.
SELECT 1 FROM campaigns WHERE campaign_id = $1 AND owner = $2 FOR UPDATE;

-- name: call_targets
-- Numbers that still wait are called by sessions: (position, attempts, session).
UPDATE campaign_targets AS t
SET state = 'CALLING', attempts = t.attempts + 1, session_id = u.session_id
FROM unnest($2::bigint[], $3::int[], $4::text[]) AS u (position, attempts, session_id)
WHERE t.campaign_id = $1 AND t.position = u.position AND t.state = 'WAITING'
    AND t.attempts = u.attempts
RETURNING t.position;

-- name: settle_targets
-- What follows the ends of attempts, of those that are the one under way.
UPDATE campaign_targets AS t
SET state = u.state, outcome = u.outcome, detail = u.detail, ended_at = u.ended_at,
    due_at = coalesce(u.due_at, t.due_at), undialled = u.undialled
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::int[])
    AS u (position, session_id, state, outcome, detail, ended_at, due_at, undialled)
WHERE t.campaign_id = $1 AND t.position = u.position AND CASE WHEN u.session_id IS NULL
    THEN t.state = 'WAITING' ELSE t.state = 'CALLING' AND t.session_id = u.session_id END
RETURNING t.position;

-- name: count_targets
-- Add to the counts of a campaign: (name, how many).
INSERT INTO campaign_counts AS c (campaign_id, name, count)
SELECT $1, u.name, u.count FROM unnest($2::text[], $3::bigint[]) AS u (name, count)
ON CONFLICT (campaign_id, name) DO UPDATE SET count = c.count + excluded.count;

-- name: live_nodes
-- The voice nodes heard of since then; few enough to read whole.
SELECT name, epoch FROM nodes WHERE role = 'voice' AND heartbeat_at >= $1::bigint;

-- name: latest_heartbeats
-- The last heartbeat of each role; few rows.
SELECT role, max(heartbeat_at) AS heartbeat_at FROM nodes WHERE heartbeat_at > 0 GROUP BY role;

-- name: nodes
-- Every registered process; few rows.
SELECT name, role, epoch, heartbeat_at FROM nodes ORDER BY name;

-- name: running_by_node
-- Running sessions of each node.
SELECT node, count(*) AS sessions FROM sessions WHERE status = 'RUNNING' GROUP BY node;

-- name: tenancy_version
-- Asked by every process each second.
SELECT version FROM versions WHERE name = 'tenancy';

-- name: waiting_figures
-- The length and age of the queue.
SELECT count(*) AS sessions, min(created_at) AS oldest FROM sessions WHERE status = 'QUEUED';

-- name: pending_figures
-- Webhooks that wait for an attempt; those after the first 100,000 are not counted.
SELECT count(*) AS deliveries, min(next_at) AS oldest
FROM (SELECT next_at FROM outbox WHERE state = 'pending' LIMIT 100000) AS pending;

-- name: passed_over_count
-- Waiting sessions that some node leaves alone.
SELECT count(DISTINCT p.session_id) AS sessions
FROM passed_over AS p JOIN sessions AS s ON s.session_id = p.session_id
WHERE s.status = 'QUEUED';

-- name: pass_over
-- A node leaves sessions alone: (session, node, epoch, since).
INSERT INTO passed_over (session_id, node, epoch, since)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (session_id, node) DO UPDATE SET epoch = excluded.epoch, since = excluded.since;

-- name: forget_marks
-- The node ('': every node) knows the session now, or it left the queue: (session, node).
DELETE FROM passed_over AS p USING unnest($1::text[], $2::text[]) AS u (session_id, node)
WHERE p.session_id = u.session_id AND u.node IN ('', p.node);

-- name: owners
-- Every sub-account with sessions, each found by one step of the index.
WITH RECURSIVE g AS (
    (SELECT sub_account_id FROM sessions WHERE sub_account_id > ''
        ORDER BY sub_account_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.sub_account_id FROM sessions AS s
        WHERE s.sub_account_id > g.sub_account_id ORDER BY s.sub_account_id LIMIT 1)
    FROM g WHERE g.sub_account_id IS NOT NULL
)
SELECT sub_account_id FROM g WHERE sub_account_id IS NOT NULL;

-- name: buckets
-- Token buckets as they were left; few enough to read whole.
SELECT kind, name, tokens, at FROM buckets;

-- name: put_buckets
-- Token buckets after a leg that does not queue.
INSERT INTO buckets (kind, name, tokens, at)
SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $4::bigint[])
ON CONFLICT (kind, name) DO UPDATE SET tokens = excluded.tokens, at = excluded.at;

-- name: waiting_session
-- A session, if it still waits; no node claims it until the transaction commits.
SELECT event_count FROM sessions WHERE session_id = $1::text AND status = 'QUEUED' FOR UPDATE;

-- name: orphans
-- Running sessions whose node is gone: superseded, retired, or silent ($1..$3: name, epoch and the last
-- heartbeat, if it is still the last).
SELECT s.document FROM sessions AS s LEFT JOIN nodes AS n ON n.name = s.node
WHERE s.status = 'RUNNING' AND (
    n.epoch IS DISTINCT FROM s.epoch OR n.heartbeat_at = 0
    OR (n.name, n.epoch, n.heartbeat_at) IN (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])))
LIMIT $4::int;

-- name: orphan
-- A session ($4), if it is an orphan still ($1..$3 as above); its node cannot write it until the
-- transaction commits.
SELECT s.event_count FROM sessions AS s
WHERE s.session_id = $4::text AND s.status = 'RUNNING' AND NOT EXISTS (
    SELECT 1 FROM nodes AS n
    WHERE n.name = s.node AND n.epoch = s.epoch AND n.heartbeat_at > 0
        AND (n.name, n.epoch, n.heartbeat_at) NOT IN (
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])))
FOR UPDATE;

-- name: expire_leases
-- Deliveries whose lease is over are due again.
UPDATE outbox SET state = 'pending', owner = NULL WHERE state = 'leased' AND next_at <= $1::bigint;

-- name: leased_groups
-- How many deliveries are under way to each endpoint.
SELECT sub_account_id, type, count(*) AS leased FROM outbox WHERE state = 'leased'
GROUP BY sub_account_id, type;

-- name: pending_groups
-- Every endpoint with pending deliveries and when its next is due; one index step each.
WITH RECURSIVE g AS (
    (SELECT sub_account_id, type, next_at FROM outbox WHERE state = 'pending'
        ORDER BY sub_account_id, type, next_at LIMIT 1)
    UNION ALL
    SELECT n.sub_account_id, n.type, n.next_at FROM g CROSS JOIN LATERAL (
        SELECT o.sub_account_id, o.type, o.next_at FROM outbox AS o
        WHERE o.state = 'pending' AND (o.sub_account_id, o.type) > (g.sub_account_id, g.type)
        ORDER BY o.sub_account_id, o.type, o.next_at LIMIT 1) AS n
)
SELECT sub_account_id, type, next_at FROM g;

-- name: lease
-- Of each endpoint ($1, $2) take the $3 that have been due (by $4) longest, until $5, for $6.
WITH due AS (
    SELECT c.delivery_id FROM unnest($1::text[], $2::text[], $3::int[]) AS g (sub, type, share)
    CROSS JOIN LATERAL (
        SELECT delivery_id FROM outbox AS o
        WHERE o.state = 'pending' AND o.sub_account_id = g.sub AND o.type = g.type
            AND o.next_at <= $4::bigint
        ORDER BY o.next_at LIMIT g.share FOR UPDATE SKIP LOCKED) AS c
)
UPDATE outbox AS o SET state = 'leased', next_at = $5::bigint, owner = $6::text
FROM due WHERE o.delivery_id = due.delivery_id
RETURNING o.delivery_id, o.sub_account_id, o.type, o.session_id, o.url, o.payload, o.created_at,
    o.give_up_at, o.attempts;

-- name: finish
-- What became of attempts: (delivery, state, next_at, attempts made, history line).
UPDATE outbox AS o
SET state = u.state, next_at = u.next_at, owner = NULL, attempts = o.attempts + u.attempts,
    history = o.history || u.history
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::text[])
    AS u (delivery_id, state, next_at, attempts, history)
WHERE o.delivery_id = u.delivery_id AND o.state IN ('pending', 'leased');

-- name: live_sessions
-- Of each sub-account in $1 the newest $2 sessions that run and the newest $2 that wait, at most $3 in all: first
-- those that run, the newest of each sub-account before the next. Each with its last $4 events.
WITH live AS (
    SELECT c.session_id, c.status, c.place
    FROM unnest($1::text[]) AS o (id) CROSS JOIN (VALUES ('RUNNING'), ('QUEUED')) AS k (status)
    CROSS JOIN LATERAL (
        SELECT session_id, status, row_number() OVER (ORDER BY created_at DESC, session_id DESC) AS place
        FROM sessions WHERE sub_account_id = o.id AND status = k.status
        ORDER BY created_at DESC, session_id DESC LIMIT $2::bigint) AS c
    ORDER BY c.status DESC, c.place LIMIT $3::bigint
)
SELECT s.node, s.document, (
    SELECT json_agg(e.document ORDER BY e.number)::text FROM events AS e
    WHERE e.session_id = s.session_id AND e.number > s.event_count - $4::bigint) AS events
FROM live JOIN sessions AS s ON s.session_id = live.session_id;
