-- The hot statements of the SQLite record. {values} stands for the rows of a batch, as
-- "(?, ?), (?, ?)"; where a statement answers for a batch it answers with one JSON array, because
-- every row fetched costs a switch of threads. Ids that are stored already change nothing.

-- name: insert_sessions
-- New sessions, waiting or (inbound) running.
INSERT INTO sessions (
    session_id, sub_account_id, status, created_at, valid_until, ready_since, waits_for,
    node, epoch, channels, event_count, document
) VALUES {values} ON CONFLICT DO NOTHING;

-- name: insert_events
-- Facts of a timeline, numbered by the caller.
INSERT INTO events (session_id, number, document) VALUES {values} ON CONFLICT DO NOTHING;

-- name: insert_requests
-- What was asked and answered.
INSERT INTO requests (
    call_flow_request_id, sub_account_id, at, body, http_status, answer, session_id, idempotency_key
) VALUES {values} ON CONFLICT DO NOTHING;

-- name: insert_outbox
-- Webhook deliveries to be made.
INSERT INTO outbox (
    delivery_id, sub_account_id, type, session_id, url, payload, created_at, give_up_at,
    state, next_at, owner, attempts, history
) VALUES {values} ON CONFLICT DO NOTHING;

-- name: insert_terms
-- What sessions can be found by.
INSERT INTO session_terms (sub_account_id, term, created_at, session_id)
VALUES {values} ON CONFLICT DO NOTHING;

-- name: add_usage
-- What ended sessions have used, added to the rows of usage_days.
INSERT INTO usage_days (
    sub_account_id, day, node, direction, country, currency, calls, answered, seconds,
    billable_seconds, cost
) VALUES {values}
ON CONFLICT (sub_account_id, day, node, direction, country, currency) DO UPDATE
SET calls = calls + excluded.calls, answered = answered + excluded.answered,
    seconds = seconds + excluded.seconds,
    billable_seconds = billable_seconds + excluded.billable_seconds, cost = cost + excluded.cost;

-- name: known_keys
-- Of (sub-account, Idempotency-Key, oldest time that still counts): the request each named first.
SELECT json_group_array(json_array(i.sub_account_id, i.idempotency_key, i.call_flow_request_id))
FROM (VALUES {values}) AS u
JOIN idempotency AS i ON i.sub_account_id = u.column1 AND i.idempotency_key = u.column2
WHERE i.at > u.column3;

-- name: remember_keys
-- Keys that are new, or older than 24 hours.
INSERT OR REPLACE INTO idempotency (sub_account_id, idempotency_key, call_flow_request_id, at)
VALUES {values};

-- name: request_by_id
-- One request, whole.
SELECT call_flow_request_id, sub_account_id, at, body, http_status, answer, session_id,
    idempotency_key
FROM requests WHERE call_flow_request_id = ?;

-- name: owned_sessions
-- Of (session, node, epoch): each stored session's event count, and whether it is still that
-- node's to write (it runs, is claimed by it, and the node's epoch is not over).
SELECT json_group_array(json_array(s.session_id, s.event_count,
    s.status = 'RUNNING' AND s.node = u.column2 AND s.epoch = u.column3
    AND EXISTS (SELECT 1 FROM nodes AS n WHERE n.name = s.node AND n.epoch = s.epoch)))
FROM (VALUES {values}) AS u
JOIN sessions AS s ON s.session_id = u.column1;

-- name: update_sessions
-- New state of sessions: (session, status, channels, event count, document).
UPDATE sessions
SET status = u.column2, channels = u.column3, event_count = u.column4, document = u.column5
FROM (VALUES {values}) AS u
WHERE sessions.session_id = u.column1;

-- name: count_events
-- Late facts were added to a session that had ended or had changed its node: (session, event count).
UPDATE sessions SET event_count = u.column2
FROM (VALUES {values}) AS u
WHERE sessions.session_id = u.column1;

-- name: decide_sessions
-- What a claim decided: (session, status, ready since, waits for, node, epoch, channels,
-- event count, document).
UPDATE sessions
SET status = u.column2, ready_since = u.column3, waits_for = u.column4, node = u.column5,
    epoch = u.column6, channels = u.column7, event_count = u.column8, document = u.column9
FROM (VALUES {values}) AS u
WHERE sessions.session_id = u.column1;

-- name: node_epoch
-- The epoch that counts for a node's name.
SELECT epoch FROM nodes WHERE name = ?;

-- name: node_place
-- Where a node runs, and its last heartbeat.
SELECT place, heartbeat_at FROM nodes WHERE name = ?;

-- name: register_node
-- Begin a new epoch.
INSERT INTO nodes (name, role, epoch, heartbeat_at, place) VALUES (?1, ?2, 1, ?3, ?4)
ON CONFLICT (name) DO UPDATE SET role = ?2, epoch = epoch + 1, heartbeat_at = ?3, place = ?4
RETURNING epoch;

-- name: heartbeat
-- The node lives (0: it has retired).
UPDATE nodes SET heartbeat_at = ? WHERE name = ? AND epoch = ?;

-- name: expired_waiting
-- Waiting sessions that are past their validUntil.
SELECT session_id, ready_since, waits_for, event_count, document FROM sessions
WHERE status = 'QUEUED' AND valid_until IS NOT NULL AND valid_until <= ?
ORDER BY valid_until LIMIT ?;

-- name: waiting_groups
-- Every (sub-account, missing trunk) with waiting sessions, each found by one step of the index.
WITH RECURSIVE g (sub_account_id, waits_for) AS (
    SELECT * FROM (
        SELECT sub_account_id, waits_for FROM sessions WHERE status = 'QUEUED'
        ORDER BY sub_account_id, waits_for LIMIT 1)
    UNION ALL
    SELECT s.sub_account_id, s.waits_for FROM g JOIN sessions AS s ON s.rowid = (
        SELECT n.rowid FROM sessions AS n
        WHERE n.status = 'QUEUED'
            AND (n.sub_account_id, n.waits_for) > (g.sub_account_id, g.waits_for)
        ORDER BY n.sub_account_id, n.waits_for LIMIT 1)
)
SELECT sub_account_id, waits_for FROM g;

-- name: waiting_in_group
-- The oldest waiting sessions of one group.
SELECT session_id, ready_since, waits_for, event_count, document FROM sessions
WHERE status = 'QUEUED' AND sub_account_id = ? AND waits_for = ?
ORDER BY created_at, session_id LIMIT ?;

-- name: usage
-- Running sessions and the channels they hold.
SELECT sub_account_id, channels, count(*) AS sessions FROM sessions WHERE status = 'RUNNING'
GROUP BY sub_account_id, channels;

-- name: channels_of
-- The channels one session holds.
SELECT channels FROM sessions WHERE session_id = ? AND status = 'RUNNING';

-- name: passed_over
-- Of sessions: which nodes leave them alone, and since when.
SELECT json_group_array(json_array(p.session_id, p.node, p.epoch, p.since))
FROM (VALUES {values}) AS u JOIN passed_over AS p ON p.session_id = u.column1;

-- name: opted_out
-- Which of (sub-account, number) are on the opt-out lists.
SELECT json_group_array(json_array(o.sub_account_id, o.number))
FROM (VALUES {values}) AS u
    JOIN opt_outs AS o ON o.sub_account_id = u.column1 AND o.number = u.column2;

-- name: campaign_grows
-- A campaign whose list may grow.
SELECT 1 FROM campaigns WHERE campaign_id = ? AND state NOT IN ('COMPLETED', 'CANCELED');

-- name: last_target
-- The last position of a list.
SELECT max(position) FROM campaign_targets WHERE campaign_id = ?;

-- name: add_targets
-- Numbers that are not on the list yet: (campaign, position, number, parameters, due).
INSERT INTO campaign_targets (
    campaign_id, position, number, parameters, state, attempts, undialled, due_at)
SELECT u.column1, u.column2, u.column3, u.column4, 'WAITING', 0, 0, u.column5
FROM (VALUES {values}) AS u WHERE true ON CONFLICT DO NOTHING;

-- name: campaign_runs
-- A running campaign under this process's lease.
SELECT 1 FROM campaigns WHERE campaign_id = ? AND owner = ? AND state = 'RUNNING';

-- name: campaign_held
-- A campaign under this process's lease.
SELECT 1 FROM campaigns WHERE campaign_id = ? AND owner = ?;

-- name: call_target
-- A number that still waits is called by this session.
UPDATE campaign_targets SET state = 'CALLING', attempts = attempts + 1, session_id = ?
WHERE campaign_id = ? AND position = ? AND state = 'WAITING' AND attempts = ?
RETURNING position;

-- name: settle_target
-- What follows the end of an attempt, if it is the one under way.
UPDATE campaign_targets SET state = ?, outcome = ?, detail = ?, ended_at = ?,
    due_at = coalesce(?, due_at), undialled = ?
WHERE campaign_id = ? AND position = ? AND CASE WHEN ? IS NULL THEN state = 'WAITING'
    ELSE state = 'CALLING' AND session_id = ? END
RETURNING position;

-- name: count_targets
-- Add to the counts of campaigns: (campaign, name, how many).
INSERT INTO campaign_counts (campaign_id, name, count)
SELECT u.column1, u.column2, u.column3 FROM (VALUES {values}) AS u WHERE true
ON CONFLICT (campaign_id, name) DO UPDATE SET count = count + excluded.count;

-- name: live_nodes
-- The voice nodes heard of since then; few enough to read whole.
SELECT name, epoch FROM nodes WHERE role = 'voice' AND heartbeat_at >= ?;

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
SELECT count(*) AS sessions, min(created_at) AS oldest
FROM sessions INDEXED BY sessions_waiting WHERE status = 'QUEUED';

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
INSERT OR REPLACE INTO passed_over (session_id, node, epoch, since) VALUES {values};

-- name: forget_marks
-- The node ('': every node) knows the session now, or it left the queue: (session, node).
DELETE FROM passed_over WHERE (session_id, node) IN (
    SELECT p.session_id, p.node
    FROM (VALUES {values}) AS u JOIN passed_over AS p ON p.session_id = u.column1
    WHERE u.column2 IN ('', p.node));

-- name: owners
-- Every sub-account with sessions, each found by one step of the index.
WITH RECURSIVE g (sub_account_id) AS (
    SELECT * FROM (SELECT sub_account_id FROM sessions WHERE sub_account_id > ''
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
-- Token buckets after a claim.
INSERT OR REPLACE INTO buckets (kind, name, tokens, at) VALUES {values};

-- name: waiting_session
-- The event count of a session, if it still waits.
SELECT event_count FROM sessions WHERE session_id = ? AND status = 'QUEUED';

-- name: orphans
-- Running sessions whose node is gone: superseded, retired, or silent (?1: a JSON list of name, epoch and
-- the last heartbeat, if it is still the last).
SELECT s.document FROM sessions AS s LEFT JOIN nodes AS n ON n.name = s.node
WHERE s.status = 'RUNNING' AND (n.epoch IS NOT s.epoch OR n.heartbeat_at = 0
    OR (n.name, n.epoch, n.heartbeat_at) IN (
        SELECT json_extract(u.value, '$[0]'), json_extract(u.value, '$[1]'),
            json_extract(u.value, '$[2]') FROM json_each(?1) AS u))
LIMIT ?2;

-- name: orphan
-- The event count of a session (?2), if it is an orphan still (?1 as above).
SELECT s.event_count FROM sessions AS s LEFT JOIN nodes AS n ON n.name = s.node
WHERE s.session_id = ?2 AND s.status = 'RUNNING' AND (n.epoch IS NOT s.epoch OR n.heartbeat_at = 0
    OR (n.name, n.epoch, n.heartbeat_at) IN (
        SELECT json_extract(u.value, '$[0]'), json_extract(u.value, '$[1]'),
            json_extract(u.value, '$[2]') FROM json_each(?1) AS u));

-- name: expire_leases
-- Deliveries whose lease is over are due again.
UPDATE outbox SET state = 'pending', owner = NULL WHERE state = 'leased' AND next_at <= ?;

-- name: leased_groups
-- How many deliveries are under way to each endpoint.
-- (+: grouping must not make SQLite choose outbox_by_type, which holds every delivery ever made,
-- over the partial index of the leased ones.)
SELECT sub_account_id, type, count(*) AS leased FROM outbox WHERE state = 'leased'
GROUP BY +sub_account_id, type;

-- name: pending_groups
-- Every endpoint with pending deliveries and when its next is due; one index step each.
WITH RECURSIVE g (sub_account_id, type, next_at) AS (
    SELECT * FROM (
        SELECT sub_account_id, type, next_at FROM outbox WHERE state = 'pending'
        ORDER BY sub_account_id, type, next_at LIMIT 1)
    UNION ALL
    SELECT o.sub_account_id, o.type, o.next_at FROM g JOIN outbox AS o ON o.rowid = (
        SELECT n.rowid FROM outbox AS n
        WHERE n.state = 'pending' AND (n.sub_account_id, n.type) > (g.sub_account_id, g.type)
        ORDER BY n.sub_account_id, n.type, n.next_at LIMIT 1)
)
SELECT sub_account_id, type, next_at FROM g;

-- name: due_in_group
-- The deliveries of one endpoint that have been due longest.
SELECT delivery_id, sub_account_id, type, session_id, url, payload, created_at, give_up_at, attempts
FROM outbox WHERE state = 'pending' AND sub_account_id = ? AND type = ? AND next_at <= ?
ORDER BY next_at LIMIT ?;

-- name: lease
-- Take deliveries: (delivery, end of the lease, owner).
UPDATE outbox SET state = 'leased', next_at = u.column2, owner = u.column3
FROM (VALUES {values}) AS u WHERE outbox.delivery_id = u.column1;

-- name: finish
-- What became of attempts: (delivery, state, next_at, attempts made, history line).
UPDATE outbox
SET state = u.column2, next_at = u.column3, owner = NULL, attempts = attempts + u.column4,
    history = history || u.column5
FROM (VALUES {values}) AS u
WHERE outbox.delivery_id = u.column1 AND outbox.state IN ('pending', 'leased');

-- name: session_by_id
-- One session.
SELECT document FROM sessions WHERE session_id = ? AND sub_account_id = ?;

-- name: events_after
-- A timeline from a number on.
SELECT number, document FROM events WHERE session_id = ? AND number > ? ORDER BY number;

-- name: live_sessions
-- Of each sub-account in ?1 (JSON) the newest ?2 sessions that run and the newest ?2 that wait, at most ?3 in all:
-- first those that run, the newest of each sub-account before the next. Each with its last ?4 events.
WITH kinds (status) AS (VALUES ('RUNNING'), ('QUEUED')), live AS (
    SELECT s.session_id, s.node, s.document, s.event_count
    FROM json_each(?1) AS o CROSS JOIN kinds AS k CROSS JOIN sessions AS s
    WHERE s.session_id IN (
        SELECT session_id FROM sessions WHERE sub_account_id = o.value AND status = k.status
        ORDER BY created_at DESC, session_id DESC LIMIT ?2)
    ORDER BY s.status DESC, row_number() OVER (
        PARTITION BY s.sub_account_id, s.status ORDER BY s.created_at DESC, s.session_id DESC)
    LIMIT ?3
)
SELECT node, document, (
    SELECT json_group_array(e.document) FROM (
        SELECT document FROM events WHERE session_id = live.session_id AND number > live.event_count - ?4
        ORDER BY number) AS e) AS events
FROM live;
