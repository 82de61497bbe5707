-- What is sold: 50 sellers with one shipping method, one warehouse and 20 offers each, and stock
-- that does not run out. Written as the API would write it; `souk verify` agrees afterwards.
--
-- An id is a kind (2 seller, 3 product, ...) and a number above 100000000000, so that pgbench, which
-- knows integers only, can make ids by joining two texts.
\set ON_ERROR_STOP on
BEGIN;
CREATE FUNCTION bench_id(kind text, number bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS
$$ SELECT ('0000000' || kind || '-0000-7000-8000-' || (100000000000 + number))::uuid $$;

INSERT INTO seller (id, name, status, auto_accept, accept_within_hours, return_window_days, commission_tax_ppm, payout_interval, payout_minimum, payout_hold_days, reserve_ppm, reserve_days, version, created_at, updated_at)
SELECT bench_id('2', s), 'Seller ' || s, 'approved', false, 48, 30, 0, 'weekly', 0, 0, 0, 0, 2, now(), now()
FROM generate_series(0, 49) s;

INSERT INTO status_history (id, entity_kind, entity_id, version, from_status, to_status, actor_kind, occurred_at)
SELECT gen_random_uuid(), 'seller', bench_id('2', s), v, CASE v WHEN 2 THEN 'applied' END,
       CASE v WHEN 1 THEN 'applied' ELSE 'approved' END, 'system', now()
FROM generate_series(0, 49) s, generate_series(1, 2) v;

INSERT INTO event (id, type, entity_kind, entity_id, version, seller_id, data, occurred_at)
SELECT gen_random_uuid(), CASE v WHEN 1 THEN 'seller.applied' ELSE 'seller.approved' END, 'seller', bench_id('2', s), v, bench_id('2', s),
       jsonb_build_object('status', CASE v WHEN 1 THEN 'applied' ELSE 'approved' END), now()
FROM generate_series(0, 49) s, generate_series(1, 2) v;

INSERT INTO warehouse (id, seller_id, name, line1, city, postal_code, country, created_at)
SELECT bench_id('6', s), bench_id('2', s), 'Main', '1 Dock Road', 'London', 'E16 1AA', 'GB', now()
FROM generate_series(0, 49) s;

INSERT INTO shipping_method (id, seller_id, name, pricing, price, currency, min_days, max_days, active, created_at)
SELECT bench_id('8', s), bench_id('2', s), 'Standard', 'flat', 499, 'USD', 2, 4, true, now()
FROM generate_series(0, 49) s;

INSERT INTO product (id, created_by_seller_id, name, search_name, description, tax_class, active, created_at, updated_at)
SELECT bench_id('3', n), bench_id('2', n / 20), 'Linen shirt no. ' || n, 'linen shirt no. ' || n, 'A shirt of washed linen.', 'standard', true, now(), now()
FROM generate_series(0, 999) n;

INSERT INTO product_variant (id, product_id, sku, name, weight_grams, created_at)
SELECT bench_id('4', n), bench_id('3', n), 'SHIRT-' || lpad(n::text, 4, '0') || '-M', 'Medium, blue', 350, now()
FROM generate_series(0, 999) n;

INSERT INTO offer (id, variant_id, seller_id, price, currency, active, version, created_at, updated_at)
SELECT bench_id('5', n), bench_id('4', n), bench_id('2', n / 20), 1999, 'USD', true, 1, now(), now()
FROM generate_series(0, 999) n;

INSERT INTO inventory_level (id, offer_id, warehouse_id, on_hand, reserved, low_stock_threshold, updated_at)
SELECT bench_id('7', n), bench_id('5', n), bench_id('6', n / 20), 1000000000, 0, 0, now()
FROM generate_series(0, 999) n;

INSERT INTO stock_movement (id, inventory_level_id, delta, reason, source_id, occurred_at)
SELECT gen_random_uuid(), bench_id('7', n), 1000000000, 'adjustment', gen_random_uuid(), now()
FROM generate_series(0, 999) n;
COMMIT;
