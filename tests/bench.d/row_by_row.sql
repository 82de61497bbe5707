-- The rows of one placement, a statement for each row: the limit of the statement-by-statement way.
-- The numbers of one placement: a cart that nobody else takes, and its three offers of two sellers.
\set n :n + 1
\set cart :client_id * :share + :n
\set hash :cart * 2654435761 % 4294967296
\set first :hash % 50
\set second (:first + 1 + :hash / 50 % 49) % 50
\set pick :hash / 2450 % 20
\set offer1 :first * 20 + :pick
\set offer2 :first * 20 + (:pick + 1 + :hash / 49000 % 19) % 20
\set offer3 :second * 20 + :hash / 931000 % 20
-- Stock is locked in the order of ids, so that placements do not deadlock.
\set low least(:offer1, :offer2, :offer3)
\set high greatest(:offer1, :offer2, :offer3)
\set middle :offer1 + :offer2 + :offer3 - :low - :high
\set seller1 100000000000 + :first
\set seller2 100000000000 + :second
\set offer1 100000000000 + :offer1
\set offer2 100000000000 + :offer2
\set offer3 100000000000 + :offer3
\set low 100000000000 + :low
\set middle 100000000000 + :middle
\set high 100000000000 + :high
-- Ids rise like those of souk, in one range per client.
\set order 100000000000 + :cart
\set two 100000000000 + :cart * 2
\set twob :two + 1
\set three 100000000000 + :cart * 3
\set threeb :three + 1
\set threec :three + 2

SELECT actor, route, key, fingerprint, status_code, body, created_at FROM idempotency_key WHERE actor = 'guest:0000000000000000000000000000000000000000000000000000' || :order AND route = 'placeOrder' AND key = ('00000009-0000-7000-8000-' || :order)::uuid::text;
BEGIN;
UPDATE cart SET status = 'completed', version = version + 1, updated_at = now()
WHERE id = ('00000009-0000-7000-8000-' || :order)::uuid AND guest_token_hash IS NOT NULL AND status = 'open' AND expires_at > now()
RETURNING id, user_id, guest_token_hash, currency, status, ship_to_country, ship_to_region, expires_at, version, created_at, updated_at;
SELECT o.id AS offer_id, o.seller_id, s.name AS seller_name, s.status AS seller_status, v.id AS variant_id, p.name AS product_name,
  p.category_id, p.tax_class, p.active AS product_active, v.name AS variant_name, v.sku, v.weight_grams, l.quantity, o.price, o.currency,
  o.active AS offer_active, s.commission_tax_ppm, s.return_window_days, c.shipping_method_id AS chosen_method_id,
  i.id AS level_id, i.on_hand - i.reserved AS available
FROM cart_line l
JOIN offer o ON o.id = l.offer_id
JOIN product_variant v ON v.id = o.variant_id
JOIN product p ON p.id = v.product_id
JOIN seller s ON s.id = o.seller_id
LEFT JOIN cart_shipping c ON c.cart_id = l.cart_id AND c.seller_id = o.seller_id
LEFT JOIN inventory_level i ON i.offer_id = o.id
WHERE l.cart_id = ('00000009-0000-7000-8000-' || :order)::uuid;
SELECT m.id, m.seller_id, m.name, m.pricing, m.price, m.free_over, m.min_days, m.max_days, w.up_to_grams, w.price AS step_price
FROM shipping_method m LEFT JOIN shipping_weight_step w ON w.shipping_method_id = m.id
WHERE m.seller_id IN (('00000002-0000-7000-8000-' || :seller1)::uuid, ('00000002-0000-7000-8000-' || :seller2)::uuid)
  AND m.currency = 'USD' AND m.active AND (m.shipping_zone_id IS NULL OR EXISTS (SELECT 1 FROM shipping_zone_place z
    WHERE z.shipping_zone_id = m.shipping_zone_id AND z.country = 'GB' AND z.region IN ('', '')))
ORDER BY m.id, w.up_to_grams;
SELECT p.*, t.offer_id AS offer FROM promotion p
LEFT JOIN promotion_offer t ON t.promotion_id = p.id AND t.offer_id IN (SELECT offer_id FROM cart_line WHERE cart_id = ('00000009-0000-7000-8000-' || :order)::uuid)
WHERE p.seller_id IS NULL AND p.code IS NULL AND p.active AND p.starts_at <= now() AND (p.ends_at IS NULL OR p.ends_at > now())
UNION ALL
SELECT p.*, t.offer_id AS offer FROM promotion p
LEFT JOIN promotion_offer t ON t.promotion_id = p.id AND t.offer_id IN (SELECT offer_id FROM cart_line WHERE cart_id = ('00000009-0000-7000-8000-' || :order)::uuid)
WHERE p.seller_id IN (SELECT o.seller_id FROM cart_line l JOIN offer o ON o.id = l.offer_id WHERE l.cart_id = ('00000009-0000-7000-8000-' || :order)::uuid)
  AND p.code IS NULL AND p.active AND p.starts_at <= now() AND (p.ends_at IS NULL OR p.ends_at > now())
UNION ALL
SELECT p.*, t.offer_id AS offer FROM cart_promotion c JOIN promotion p ON p.id = c.promotion_id
LEFT JOIN promotion_offer t ON t.promotion_id = p.id AND t.offer_id IN (SELECT offer_id FROM cart_line WHERE cart_id = ('00000009-0000-7000-8000-' || :order)::uuid)
WHERE c.cart_id = ('00000009-0000-7000-8000-' || :order)::uuid;
SELECT z.region, z.prices_include_tax, r.* FROM tax_zone z
LEFT JOIN tax_rate r ON r.tax_zone_id = z.id AND z.region IN ('', '') AND r.starts_at <= now() AND (r.ends_at IS NULL OR r.ends_at > now())
WHERE z.country = 'GB' AND (z.region IN ('', '') OR NOT EXISTS (SELECT 1 FROM tax_zone o WHERE o.country = 'GB' AND o.region IN ('', '')))
ORDER BY z.region, r.starts_at;
SELECT * FROM commission_rule
WHERE (seller_id IS NULL OR seller_id IN (('00000002-0000-7000-8000-' || :seller1)::uuid, ('00000002-0000-7000-8000-' || :seller2)::uuid))
  AND (currency IS NULL OR currency = 'USD') AND starts_at <= now() AND (ends_at IS NULL OR ends_at > now());
INSERT INTO person_key (id, wrapped_by, wrapped_key, created_at)
VALUES (('0000000a-0000-7000-8000-' || :order)::uuid, 'secret-0123456789ab', decode(repeat('5e', 73), 'hex'), now());
INSERT INTO orders (id, number, cart_id, guest_token_hash, email, email_index, currency, status, items_total, discount_total, shipping_total, tax_added_total, tax_total, total, payment_due_at, version, placed_at, updated_at)
VALUES (('0000000a-0000-7000-8000-' || :order)::uuid, 'ORD-' || :order, ('00000009-0000-7000-8000-' || :order)::uuid, '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', decode(repeat('5e', 56), 'hex'), '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', 'USD', 'pending', 5997, 0, 998, 0, 0, 6995, now() + interval '30 minutes', 1, now(), now());
INSERT INTO order_address (order_id, kind, details, country)
VALUES (('0000000a-0000-7000-8000-' || :order)::uuid, 'shipping', decode(repeat('5e', 180), 'hex'), 'GB');
INSERT INTO order_address (order_id, kind, details, country)
VALUES (('0000000a-0000-7000-8000-' || :order)::uuid, 'billing', decode(repeat('5e', 180), 'hex'), 'GB');
INSERT INTO seller_order (id, order_id, seller_id, number, currency, status, items_total, discount_total, shipping_price, shipping_discount, shipping_platform_discount, shipping_total, shipping_tax, shipping_tax_added, tax_added_total, tax_total, total, platform_discount_total, commission_total, commission_tax_total, shipping_method_id, shipping_method_name, return_window_days, version, created_at, updated_at)
VALUES (('0000000b-0000-7000-8000-' || :two)::uuid, ('0000000a-0000-7000-8000-' || :order)::uuid, ('00000002-0000-7000-8000-' || :seller1)::uuid, 'ORD-' || :order || '-1', 'USD', 'pending', 3998, 0, 499, 0, 0, 499, 0, 0, 0, 0, 4497, 0, 400, 0, ('00000008-0000-7000-8000-' || :seller1)::uuid, 'Standard', 30, 1, now(), now());
INSERT INTO seller_order (id, order_id, seller_id, number, currency, status, items_total, discount_total, shipping_price, shipping_discount, shipping_platform_discount, shipping_total, shipping_tax, shipping_tax_added, tax_added_total, tax_total, total, platform_discount_total, commission_total, commission_tax_total, shipping_method_id, shipping_method_name, return_window_days, version, created_at, updated_at)
VALUES (('0000000b-0000-7000-8000-' || :twob)::uuid, ('0000000a-0000-7000-8000-' || :order)::uuid, ('00000002-0000-7000-8000-' || :seller2)::uuid, 'ORD-' || :order || '-2', 'USD', 'pending', 1999, 0, 499, 0, 0, 499, 0, 0, 0, 0, 2498, 0, 200, 0, ('00000008-0000-7000-8000-' || :seller2)::uuid, 'Standard', 30, 1, now(), now());
INSERT INTO order_line (id, seller_order_id, seller_id, offer_id, position, product_name, variant_name, sku, weight_grams, quantity, unit_price, discount, platform_discount, tax_class, tax, tax_added, total, commission_rule_id, commission_rate_ppm, commission_flat, commission, commission_tax_ppm, commission_tax, cancelled_quantity, shipped_quantity, delivered_quantity, returned_quantity, refunded_quantity)
VALUES (('0000000c-0000-7000-8000-' || :three)::uuid, ('0000000b-0000-7000-8000-' || :two)::uuid, ('00000002-0000-7000-8000-' || :seller1)::uuid, ('00000005-0000-7000-8000-' || :offer1)::uuid, 1, 'Linen shirt no. 123', 'Medium, blue', 'SHIRT-0123-M', 350, 1, 1999, 0, 0, 'standard', 0, 0, 1999, '00000000-0000-7000-8000-000000000001'::uuid, 100000, 0, 200, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO order_line (id, seller_order_id, seller_id, offer_id, position, product_name, variant_name, sku, weight_grams, quantity, unit_price, discount, platform_discount, tax_class, tax, tax_added, total, commission_rule_id, commission_rate_ppm, commission_flat, commission, commission_tax_ppm, commission_tax, cancelled_quantity, shipped_quantity, delivered_quantity, returned_quantity, refunded_quantity)
VALUES (('0000000c-0000-7000-8000-' || :threeb)::uuid, ('0000000b-0000-7000-8000-' || :two)::uuid, ('00000002-0000-7000-8000-' || :seller1)::uuid, ('00000005-0000-7000-8000-' || :offer2)::uuid, 2, 'Linen shirt no. 123', 'Medium, blue', 'SHIRT-0123-M', 350, 1, 1999, 0, 0, 'standard', 0, 0, 1999, '00000000-0000-7000-8000-000000000001'::uuid, 100000, 0, 200, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO order_line (id, seller_order_id, seller_id, offer_id, position, product_name, variant_name, sku, weight_grams, quantity, unit_price, discount, platform_discount, tax_class, tax, tax_added, total, commission_rule_id, commission_rate_ppm, commission_flat, commission, commission_tax_ppm, commission_tax, cancelled_quantity, shipped_quantity, delivered_quantity, returned_quantity, refunded_quantity)
VALUES (('0000000c-0000-7000-8000-' || :threec)::uuid, ('0000000b-0000-7000-8000-' || :twob)::uuid, ('00000002-0000-7000-8000-' || :seller2)::uuid, ('00000005-0000-7000-8000-' || :offer3)::uuid, 3, 'Linen shirt no. 123', 'Medium, blue', 'SHIRT-0123-M', 350, 1, 1999, 0, 0, 'standard', 0, 0, 1999, '00000000-0000-7000-8000-000000000001'::uuid, 100000, 0, 200, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :two)::uuid, 1, ('0000000c-0000-7000-8000-' || :three)::uuid, 'base', NULL::uuid, 'quantity at the unit price', 1999, NULL::bigint, 0, 1999);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :two)::uuid, 2, ('0000000c-0000-7000-8000-' || :three)::uuid, 'commission', '00000000-0000-7000-8000-000000000001'::uuid, 'Standard commission', 1999, 100000, 0, 200);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :two)::uuid, 3, ('0000000c-0000-7000-8000-' || :threeb)::uuid, 'base', NULL::uuid, 'quantity at the unit price', 1999, NULL::bigint, 0, 1999);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :two)::uuid, 4, ('0000000c-0000-7000-8000-' || :threeb)::uuid, 'commission', '00000000-0000-7000-8000-000000000001'::uuid, 'Standard commission', 1999, 100000, 0, 200);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :two)::uuid, 5, NULL::uuid, 'shipping', ('00000008-0000-7000-8000-' || :seller1)::uuid, 'Standard', 499, NULL::bigint, 0, 499);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :twob)::uuid, 1, ('0000000c-0000-7000-8000-' || :threec)::uuid, 'base', NULL::uuid, 'quantity at the unit price', 1999, NULL::bigint, 0, 1999);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :twob)::uuid, 2, ('0000000c-0000-7000-8000-' || :threec)::uuid, 'commission', '00000000-0000-7000-8000-000000000001'::uuid, 'Standard commission', 1999, 100000, 0, 200);
INSERT INTO price_step (seller_order_id, position, order_line_id, kind, rule_id, label, base, rate_ppm, rounding_ppm, amount)
VALUES (('0000000b-0000-7000-8000-' || :twob)::uuid, 3, NULL::uuid, 'shipping', ('00000008-0000-7000-8000-' || :seller2)::uuid, 'Standard', 499, NULL::bigint, 0, 499);
INSERT INTO reservation (id, order_line_id, inventory_level_id, quantity, open_quantity, status, expires_at, created_at, updated_at)
VALUES (('0000000d-0000-7000-8000-' || :three)::uuid, ('0000000c-0000-7000-8000-' || :three)::uuid, ('00000007-0000-7000-8000-' || :offer1)::uuid, 1, 1, 'held', now() + interval '30 minutes', now(), now());
INSERT INTO reservation (id, order_line_id, inventory_level_id, quantity, open_quantity, status, expires_at, created_at, updated_at)
VALUES (('0000000d-0000-7000-8000-' || :threeb)::uuid, ('0000000c-0000-7000-8000-' || :threeb)::uuid, ('00000007-0000-7000-8000-' || :offer2)::uuid, 1, 1, 'held', now() + interval '30 minutes', now(), now());
INSERT INTO reservation (id, order_line_id, inventory_level_id, quantity, open_quantity, status, expires_at, created_at, updated_at)
VALUES (('0000000d-0000-7000-8000-' || :threec)::uuid, ('0000000c-0000-7000-8000-' || :threec)::uuid, ('00000007-0000-7000-8000-' || :offer3)::uuid, 1, 1, 'held', now() + interval '30 minutes', now(), now());
INSERT INTO status_history (id, entity_kind, entity_id, version, to_status, actor_kind, occurred_at)
VALUES (('0000000e-0000-7000-8000-' || :three)::uuid, 'order', ('0000000a-0000-7000-8000-' || :order)::uuid, 1, 'pending', 'shopper', now());
INSERT INTO status_history (id, entity_kind, entity_id, version, to_status, actor_kind, occurred_at)
VALUES (('0000000e-0000-7000-8000-' || :threeb)::uuid, 'seller_order', ('0000000b-0000-7000-8000-' || :two)::uuid, 1, 'pending', 'shopper', now());
INSERT INTO status_history (id, entity_kind, entity_id, version, to_status, actor_kind, occurred_at)
VALUES (('0000000e-0000-7000-8000-' || :threec)::uuid, 'seller_order', ('0000000b-0000-7000-8000-' || :twob)::uuid, 1, 'pending', 'shopper', now());
INSERT INTO event (id, type, entity_kind, entity_id, version, order_id, seller_id, data, occurred_at)
VALUES (('0000000f-0000-7000-8000-' || :three)::uuid, 'order.created', 'order', ('0000000a-0000-7000-8000-' || :order)::uuid, 1, ('0000000a-0000-7000-8000-' || :order)::uuid, NULL::uuid, '{"total": 6995, "number": "ORD-2026-123456", "status": "pending", "currency": "USD"}'::jsonb, now());
INSERT INTO event (id, type, entity_kind, entity_id, version, order_id, seller_id, data, occurred_at)
VALUES (('0000000f-0000-7000-8000-' || :threeb)::uuid, 'seller_order.created', 'seller_order', ('0000000b-0000-7000-8000-' || :two)::uuid, 1, ('0000000a-0000-7000-8000-' || :order)::uuid, ('00000002-0000-7000-8000-' || :seller1)::uuid, '{"total": 6995, "number": "ORD-2026-123456", "status": "pending", "currency": "USD"}'::jsonb, now());
INSERT INTO event (id, type, entity_kind, entity_id, version, order_id, seller_id, data, occurred_at)
VALUES (('0000000f-0000-7000-8000-' || :threec)::uuid, 'seller_order.created', 'seller_order', ('0000000b-0000-7000-8000-' || :twob)::uuid, 1, ('0000000a-0000-7000-8000-' || :order)::uuid, ('00000002-0000-7000-8000-' || :seller2)::uuid, '{"total": 6995, "number": "ORD-2026-123456", "status": "pending", "currency": "USD"}'::jsonb, now());
INSERT INTO job (id, kind, queue, unique_key, payload, status, attempts, max_attempts, run_at, created_at, updated_at)
VALUES (('00000010-0000-7000-8000-' || :order)::uuid, 'expire_order', 'money', 'expire-order:' || ('0000000a-0000-7000-8000-' || :order)::uuid, ('{"task": "expire_order", "order_id": "' || ('0000000a-0000-7000-8000-' || :order)::uuid || '"}')::jsonb, 'queued', 0, 20, now() + interval '30 minutes', now(), now()) ON CONFLICT (unique_key) DO NOTHING;
INSERT INTO idempotency_key (actor, route, key, fingerprint, status_code, body, created_at)
VALUES ('guest:0000000000000000000000000000000000000000000000000000' || :order, 'placeOrder', ('00000009-0000-7000-8000-' || :order)::uuid::text, '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', 201, :body, now());
UPDATE inventory_level SET reserved = reserved + 1, updated_at = now()
WHERE id = ('00000007-0000-7000-8000-' || :low)::uuid AND on_hand - reserved >= 1;
UPDATE inventory_level SET reserved = reserved + 1, updated_at = now()
WHERE id = ('00000007-0000-7000-8000-' || :middle)::uuid AND on_hand - reserved >= 1;
UPDATE inventory_level SET reserved = reserved + 1, updated_at = now()
WHERE id = ('00000007-0000-7000-8000-' || :high)::uuid AND on_hand - reserved >= 1;
COMMIT;
