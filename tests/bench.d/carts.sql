-- Empties what placements write and makes `carts` new carts, so that each measurement begins alike.
-- A cart has three lines of two sellers, chosen by a hash of its number that pgbench computes too,
-- and belongs to a guest of its own. Straight into the tables, as making them is not measured.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
-- No triggers: history refuses to be emptied, and the foreign keys of a million prepared rows, which are all right, would
-- take a minute to check.
SET LOCAL session_replication_role = replica;
TRUNCATE orders, order_address, seller_order, order_line, reservation, job, idempotency_key, cart, cart_line, cart_shipping CASCADE;
-- keys of guests, of whom nothing is left
DELETE FROM person_key WHERE id NOT IN (SELECT id FROM app_user);
TRUNCATE status_history, event;
INSERT INTO status_history (id, entity_kind, entity_id, version, from_status, to_status, actor_kind, occurred_at)
SELECT gen_random_uuid(), 'seller', id, v, CASE v WHEN 2 THEN 'applied' END, CASE v WHEN 1 THEN 'applied' ELSE 'approved' END, 'system', now()
FROM seller, generate_series(1, 2) v;
INSERT INTO event (id, type, entity_kind, entity_id, version, seller_id, data, occurred_at)
SELECT gen_random_uuid(), CASE v WHEN 1 THEN 'seller.applied' ELSE 'seller.approved' END, 'seller', id, v, id,
       jsonb_build_object('status', CASE v WHEN 1 THEN 'applied' ELSE 'approved' END), now()
FROM seller, generate_series(1, 2) v;
UPDATE inventory_level SET reserved = 0;

CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS
SELECT n, h % 50 AS s, (h % 50 + 1 + h / 50 % 49) % 50 AS t,
       h / 2450 % 20 AS a, (h / 2450 % 20 + 1 + h / 49000 % 19) % 20 AS b, h / 931000 % 20 AS c
FROM (SELECT n, n * 2654435761 % 4294967296 AS h FROM generate_series(0::bigint, :carts - 1) n) hashed;

INSERT INTO cart (id, guest_token_hash, currency, status, expires_at, version, created_at, updated_at)
SELECT bench_id('9', n), encode(sha256(convert_to('guest-of-the-benchmark-' || (100000000000 + n), 'UTF8')), 'hex'),
       'USD', 'open', now() + interval '7 days', 1, now(), now()
FROM chosen ORDER BY n;

INSERT INTO cart_line (cart_id, offer_id, quantity, added_at)
SELECT bench_id('9', n), bench_id('5', offer), 1, now()
FROM chosen, LATERAL (VALUES (s * 20 + a), (s * 20 + b), (t * 20 + c)) AS line (offer) ORDER BY n;

INSERT INTO cart_shipping (cart_id, seller_id, shipping_method_id)
SELECT bench_id('9', n), bench_id('2', seller), bench_id('8', seller)
FROM chosen, LATERAL (VALUES (s), (t)) AS part (seller) ORDER BY n;
COMMIT;

-- Not the tables that are empty: plans made for a table that is known to be empty would read all of
-- it for each foreign key, long after it has filled.
VACUUM ANALYZE cart, cart_line, cart_shipping, inventory_level;
CHECKPOINT;
