//! Orders: what the shopper placed, each seller's part of it, the stock held for it, and the log of all that happened.

use sea_orm_migration::prelude::*;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await?;
        ddl::append_only(manager, "status_history").await?;
        ddl::append_only_but_numbered(manager, "event", EVENT_FIXED, "position").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &[
    "event",
    "status_history",
    "price_step",
    "reservation",
    "order_line",
    "seller_order",
    "order_promotion",
    "order_address",
    "orders",
    "number_sequence",
];

/// What an event says; only its place in the log is written later.
const EVENT_FIXED: &str = "id, type, entity_kind, entity_id, version, order_id, seller_id, data, occurred_at";

const UP: &str = r#"
-- Order numbers are handed out in blocks, so that no placement waits for another one's commit.
CREATE TABLE number_sequence (
    name varchar(40) NOT NULL CONSTRAINT pk_number_sequence PRIMARY KEY,
    next_value bigint NOT NULL
);
INSERT INTO number_sequence (name, next_value) VALUES ('order', 1);

CREATE TABLE orders (
    id {uuid} NOT NULL CONSTRAINT pk_orders PRIMARY KEY,
    number varchar(40) NOT NULL CONSTRAINT uq_orders_number UNIQUE,
    -- a cart becomes at most one order
    cart_id {uuid} NOT NULL CONSTRAINT fk_orders_cart REFERENCES cart (id) CONSTRAINT uq_orders_cart_id UNIQUE,
    user_id {uuid} CONSTRAINT fk_orders_user REFERENCES app_user (id),
    guest_token_hash varchar(64),
    -- sealed with the key of the person, or of a guest who is known by this order alone
    email {bytes} NOT NULL,
    -- a keyed hash of the address, to find it by; NULL: the shopper is erased
    email_index varchar(64),
    currency varchar(3) NOT NULL,
    status varchar(20) NOT NULL,
    items_total bigint NOT NULL,
    discount_total bigint NOT NULL,
    -- after discounts
    shipping_total bigint NOT NULL,
    -- what tax changed of the prices: all of it where they are without tax, nothing where they
    -- contain it, less than nothing where a buyer is exempt from tax that they contain
    tax_added_total bigint NOT NULL,
    -- the tax that total contains
    tax_total bigint NOT NULL,
    total bigint NOT NULL,
    -- sealed
    notes {bytes},
    -- unpaid past this instant, the order is cancelled and its stock released
    payment_due_at {timestamp} NOT NULL,
    cancellation_reason varchar(500),
    version bigint NOT NULL,
    placed_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_orders_status CHECK (status IN ('pending', 'confirmed', 'processing', 'partially_shipped', 'shipped', 'partially_delivered', 'delivered', 'completed', 'cancelled', 'refunded')),
    CONSTRAINT ck_orders_owner CHECK ((user_id IS NULL) <> (guest_token_hash IS NULL)),
    CONSTRAINT ck_orders_total CHECK (total = items_total - discount_total + shipping_total + tax_added_total AND total >= 0),
    CONSTRAINT ck_orders_tax CHECK (tax_total BETWEEN 0 AND total)
);
CREATE INDEX ix_orders_user_id ON orders (user_id, id);
CREATE INDEX ix_orders_status ON orders (status, id);

CREATE TABLE order_address (
    order_id {uuid} NOT NULL CONSTRAINT fk_order_address_order REFERENCES orders (id),
    kind varchar(10) NOT NULL,
    -- sealed: name, street, town, post code, telephone
    details {bytes} NOT NULL,
    -- plain, because tax and shipping go by them
    region varchar(100),
    country varchar(2) NOT NULL,
    CONSTRAINT pk_order_address PRIMARY KEY (order_id, kind),
    CONSTRAINT ck_order_address_kind CHECK (kind IN ('shipping', 'billing'))
);

-- The promotions whose use an order counts.
CREATE TABLE order_promotion (
    order_id {uuid} NOT NULL CONSTRAINT fk_order_promotion_order REFERENCES orders (id),
    promotion_id {uuid} NOT NULL CONSTRAINT fk_order_promotion_promotion REFERENCES promotion (id),
    -- whose use it is, see promotion_shopper
    shopper varchar(64) NOT NULL,
    -- false once the use was given back
    counted boolean NOT NULL,
    CONSTRAINT pk_order_promotion PRIMARY KEY (order_id, promotion_id)
);
CREATE INDEX ix_order_promotion_promotion_id ON order_promotion (promotion_id, shopper);

CREATE TABLE seller_order (
    id {uuid} NOT NULL CONSTRAINT pk_seller_order PRIMARY KEY,
    order_id {uuid} NOT NULL CONSTRAINT fk_seller_order_order REFERENCES orders (id),
    seller_id {uuid} NOT NULL CONSTRAINT fk_seller_order_seller REFERENCES seller (id),
    number varchar(44) NOT NULL CONSTRAINT uq_seller_order_number UNIQUE,
    currency varchar(3) NOT NULL,
    status varchar(20) NOT NULL,
    items_total bigint NOT NULL,
    discount_total bigint NOT NULL,
    -- the method's price before discounts
    shipping_price bigint NOT NULL,
    shipping_discount bigint NOT NULL,
    -- the part of shipping_discount that the platform makes good
    shipping_platform_discount bigint NOT NULL,
    -- shipping_price - shipping_discount
    shipping_total bigint NOT NULL,
    -- the tax in what is paid for shipping, and what it changed of shipping_total
    shipping_tax bigint NOT NULL,
    shipping_tax_added bigint NOT NULL,
    -- of the lines and of shipping
    tax_added_total bigint NOT NULL,
    tax_total bigint NOT NULL,
    total bigint NOT NULL,
    -- what the platform makes good to the seller, of the lines' discounts and of shipping's
    platform_discount_total bigint NOT NULL,
    commission_total bigint NOT NULL,
    -- value added tax on commission_total
    commission_tax_total bigint NOT NULL,
    shipping_method_id {uuid} CONSTRAINT fk_seller_order_shipping_method REFERENCES shipping_method (id),
    shipping_method_name varchar(100),
    -- the seller accepts or rejects until then
    accept_by {timestamp},
    delivered_at {timestamp},
    return_window_days integer NOT NULL,
    return_window_ends_at {timestamp},
    -- its money can be paid out from then; NULL until it is completed, cancelled or refunded
    payable_at {timestamp},
    cancellation_reason varchar(500),
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_seller_order_order_seller UNIQUE (order_id, seller_id),
    CONSTRAINT uq_seller_order_id_seller UNIQUE (id, seller_id),
    CONSTRAINT ck_seller_order_status CHECK (status IN ('pending', 'confirmed', 'processing', 'partially_shipped', 'shipped', 'partially_delivered', 'delivered', 'completed', 'cancelled', 'refunded')),
    CONSTRAINT ck_seller_order_total CHECK (total = items_total - discount_total + shipping_total + tax_added_total AND total >= 0),
    CONSTRAINT ck_seller_order_tax CHECK (tax_total BETWEEN 0 AND total AND shipping_tax BETWEEN 0 AND tax_total),
    CONSTRAINT ck_seller_order_shipping CHECK (shipping_total = shipping_price - shipping_discount AND shipping_total >= 0
        AND shipping_platform_discount BETWEEN 0 AND shipping_discount),
    CONSTRAINT ck_seller_order_platform_discount CHECK (platform_discount_total BETWEEN 0 AND discount_total + shipping_discount)
);
CREATE INDEX ix_seller_order_seller_id ON seller_order (seller_id, id);
CREATE INDEX ix_seller_order_seller_status ON seller_order (seller_id, status, id);
CREATE INDEX ix_seller_order_shipping_method_id ON seller_order (shipping_method_id);
CREATE INDEX ix_seller_order_accept_by ON seller_order (accept_by, id) WHERE status = 'confirmed' AND accept_by IS NOT NULL;
CREATE INDEX ix_seller_order_return_window_ends_at ON seller_order (return_window_ends_at, id) WHERE status = 'delivered';

CREATE TABLE order_line (
    id {uuid} NOT NULL CONSTRAINT pk_order_line PRIMARY KEY,
    seller_order_id {uuid} NOT NULL,
    seller_id {uuid} NOT NULL,
    offer_id {uuid} NOT NULL,
    position integer NOT NULL,
    product_name varchar(255) NOT NULL,
    variant_name varchar(255) NOT NULL,
    sku varchar(100) NOT NULL,
    weight_grams integer NOT NULL,
    quantity bigint NOT NULL,
    unit_price bigint NOT NULL,
    discount bigint NOT NULL,
    -- the part of discount that the platform makes good to the seller
    platform_discount bigint NOT NULL,
    tax_class varchar(40) NOT NULL,
    -- the tax that total contains
    tax bigint NOT NULL,
    -- what tax changed of the price: see orders.tax_added_total
    tax_added bigint NOT NULL,
    total bigint NOT NULL,
    -- frozen: the rule's terms, and what they came to
    commission_rule_id {uuid},
    commission_rate_ppm bigint NOT NULL,
    commission_flat bigint NOT NULL,
    commission_minimum bigint,
    commission_maximum bigint,
    commission bigint NOT NULL,
    commission_tax_ppm bigint NOT NULL,
    commission_tax bigint NOT NULL,
    cancelled_quantity bigint NOT NULL,
    shipped_quantity bigint NOT NULL,
    delivered_quantity bigint NOT NULL,
    returned_quantity bigint NOT NULL,
    refunded_quantity bigint NOT NULL,
    -- line, offer and seller order agree on the seller
    CONSTRAINT fk_order_line_seller_order FOREIGN KEY (seller_order_id, seller_id) REFERENCES seller_order (id, seller_id),
    CONSTRAINT fk_order_line_offer FOREIGN KEY (offer_id, seller_id) REFERENCES offer (id, seller_id),
    CONSTRAINT uq_order_line_offer UNIQUE (seller_order_id, offer_id),
    -- 0: taken out of the order before it was paid
    CONSTRAINT ck_order_line_quantity CHECK (quantity BETWEEN 0 AND 9999),
    CONSTRAINT ck_order_line_total CHECK (total = quantity * unit_price - discount + tax_added AND total >= 0),
    CONSTRAINT ck_order_line_tax CHECK (tax BETWEEN 0 AND total),
    CONSTRAINT ck_order_line_commission CHECK (commission >= 0 AND commission_tax >= 0),
    CONSTRAINT ck_order_line_discount CHECK (discount >= 0 AND platform_discount BETWEEN 0 AND discount),
    CONSTRAINT ck_order_line_quantities CHECK (cancelled_quantity >= 0 AND returned_quantity >= 0 AND refunded_quantity >= 0
        AND shipped_quantity + cancelled_quantity <= quantity AND delivered_quantity <= shipped_quantity
        AND returned_quantity <= delivered_quantity AND refunded_quantity <= quantity)
);
CREATE INDEX ix_order_line_offer_id ON order_line (offer_id);

-- How each amount of a seller order came about, in the order of working out.
CREATE TABLE price_step (
    seller_order_id {uuid} NOT NULL CONSTRAINT fk_price_step_seller_order REFERENCES seller_order (id),
    position integer NOT NULL,
    -- NULL: of its shipping
    order_line_id {uuid},
    kind varchar(20) NOT NULL,
    -- what is applied: a promotion, shipping method, tax rate, exemption or commission rule
    rule_id {uuid},
    label varchar(200) NOT NULL,
    -- the amount that it is worked out of
    base bigint NOT NULL,
    rate_ppm bigint,
    -- of an amount divided among lines: the whole, this line's weight and the sum of all weights
    divided bigint,
    weight bigint,
    weights bigint,
    -- what rounding or the largest remainder added, in millionths of a minor unit
    rounding_ppm bigint NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT pk_price_step PRIMARY KEY (seller_order_id, position),
    CONSTRAINT ck_price_step_kind CHECK (kind IN ('base', 'promotion', 'shipping', 'tax', 'tax_included', 'tax_relief', 'commission', 'commission_tax'))
);
CREATE INDEX ix_price_step_order_line_id ON price_step (order_line_id);
CREATE INDEX ix_price_step_promotion ON price_step (rule_id) WHERE kind = 'promotion';

CREATE TABLE reservation (
    id {uuid} NOT NULL CONSTRAINT pk_reservation PRIMARY KEY,
    order_line_id {uuid} NOT NULL CONSTRAINT fk_reservation_order_line REFERENCES order_line (id),
    inventory_level_id {uuid} NOT NULL CONSTRAINT fk_reservation_inventory_level REFERENCES inventory_level (id),
    quantity bigint NOT NULL,
    -- what is still held of it; falls as parcels leave
    open_quantity bigint NOT NULL,
    status varchar(10) NOT NULL,
    -- held until then; NULL once paid for
    expires_at {timestamp},
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_reservation_line_level UNIQUE (order_line_id, inventory_level_id),
    CONSTRAINT ck_reservation_status CHECK (status IN ('held', 'allocated', 'fulfilled', 'released')),
    CONSTRAINT ck_reservation_open_quantity CHECK (open_quantity BETWEEN 0 AND quantity
        AND (open_quantity = 0) = (status IN ('fulfilled', 'released')))
);
CREATE INDEX ix_reservation_inventory_level_id ON reservation (inventory_level_id);
CREATE INDEX ix_reservation_expires_at ON reservation (expires_at) WHERE status = 'held';

CREATE TABLE status_history (
    id {uuid} NOT NULL CONSTRAINT pk_status_history PRIMARY KEY,
    entity_kind varchar(20) NOT NULL,
    entity_id {uuid} NOT NULL,
    version bigint NOT NULL,
    from_status varchar(24),
    to_status varchar(24) NOT NULL,
    actor_kind varchar(20) NOT NULL,
    actor_id {uuid},
    note varchar(500),
    occurred_at {timestamp} NOT NULL,
    CONSTRAINT uq_status_history_version UNIQUE (entity_kind, entity_id, version)
);

CREATE TABLE event (
    id {uuid} NOT NULL CONSTRAINT pk_event PRIMARY KEY,
    type varchar(60) NOT NULL,
    entity_kind varchar(20) NOT NULL,
    entity_id {uuid} NOT NULL,
    version bigint NOT NULL,
    order_id {uuid},
    seller_id {uuid},
    data {json} NOT NULL,
    occurred_at {timestamp} NOT NULL,
    -- its place in the log: dense, given once after the commit, so that no consumer passes over a
    -- transaction that committed late
    position bigint CONSTRAINT uq_event_position UNIQUE,
    CONSTRAINT uq_event_version UNIQUE (entity_kind, entity_id, version)
);
CREATE INDEX ix_event_order_id ON event (order_id);
CREATE INDEX ix_event_unnumbered ON event (id) WHERE position IS NULL;
"#;
