"""What schemathesis cannot know of souk: the ids that there are, and how webhooks are signed. It counts answers, too."""

import atexit
import hashlib
import hmac
import json
import os
import random
import sqlite3
import time
import uuid

import schemathesis

chance = random.Random(int(os.environ["SOUK_ATTACK_SEED"]))
seller = uuid.UUID(os.environ["SOUK_ATTACK_SELLER"]).bytes
answers = {}
pools = {}

# Tables by the segment of the path before the id; for sellers' paths only their rows, if there is a condition.
TABLES = {
    "api-keys": "api_key", "audit": "audit_entry", "batches": "batch", "commission-rules": "commission_rule",
    "event-consumers": "event_consumer", "jobs": "job", "notifications": "notification", "orders": "orders",
    "payouts": "payout", "promotions": "promotion", "refund-approvals": "refund_approval", "refunds": "refund",
    "schedules": "schedule", "seller-orders": "seller_order", "sellers": "seller", "tax-zones": "tax_zone",
    "tax-exemptions": "tax_exemption", "rates": "tax_rate", "users": "app_user", "webhook-endpoints": "webhook_endpoint",
    "deliveries": "webhook_delivery", "carts": "cart", "products": "product", "returns": "return_request",
    "shipments": "shipment", "offers": "offer", "shipping-methods": "shipping_method", "shipping-zones": "shipping_zone",
}
FIELDS = {
    "offer_id": "offer", "variant_id": "product_variant", "warehouse_id": "warehouse", "product_id": "product",
    "category_id": "category", "parent_id": "category", "seller_order_id": "seller_order", "line_id": "order_line",
    "cart_id": "cart", "user_id": "app_user", "seller_id": "seller", "owner_seller_id": "seller",
    "shipping_method_id": "shipping_method", "shipping_zone_id": "shipping_zone", "order_id": "orders",
    "rate_id": "tax_rate", "delivery_id": "webhook_delivery",
}
EXPLAINED = {"order_line": "order_line", "seller_order": "seller_order", "refund": "refund", "payout": "payout"}


def ids(table, own):
    """The ids of a table's rows, as they were some seconds ago; only the seller's if `own`."""
    read, known = pools.get((table, own), (0, []))
    if time.monotonic() - read < 5:
        return known
    with sqlite3.connect(f"file:{os.environ['SOUK_ATTACK_DATABASE']}?mode=ro", uri=True, timeout=30) as rows:
        columns = {column[1] for column in rows.execute(f"PRAGMA table_info({table})")}
        key = "id" if "id" in columns else "name"
        found = []
        if own and "seller_id" in columns:
            found = rows.execute(f"SELECT {key} FROM {table} WHERE seller_id = ? ORDER BY {key} LIMIT 12", (seller,)).fetchall()
        if not found:
            found = rows.execute(f"SELECT {key} FROM {table} ORDER BY {key} LIMIT 12").fetchall()
            found += rows.execute(f"SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 4").fetchall()
    known = [str(uuid.UUID(bytes=row[0])) if isinstance(row[0], bytes) else row[0] for row in found]
    pools[table, own] = (time.monotonic(), known)
    return known


def one(table, own):
    known = ids(table, own)
    return chance.choice(known) if known else None


def real_path(case):
    """Ids of rows that there are, in place of those that were made up."""
    own = case.path.startswith("/api/v1/seller")
    segments = case.path.split("/")
    for name in case.path_parameters or {}:
        before = segments[segments.index("{" + name + "}") - 1]
        if name in FIELDS:
            found = one(FIELDS[name], own)
        elif before in ("carriers", "payments"):
            found = "simulated"
        elif name == "kind":
            found = chance.choice(sorted(EXPLAINED))
        elif before == "{kind}":
            found = one(EXPLAINED[case.path_parameters["kind"]], own)
        elif name == "code":
            found = "WELCOME10"
        elif before == "orders" and own:
            found = one("seller_order", own)
        else:
            found = one(TABLES[before], own) if before in TABLES else None
        if found is not None:
            case.path_parameters[name] = found


def real_fields(value, own):
    if isinstance(value, dict):
        for name, field in value.items():
            if name in FIELDS and isinstance(field, str):
                value[name] = one(FIELDS[name], own) or field
            else:
                real_fields(field, own)
    elif isinstance(value, list):
        for item in value:
            real_fields(item, own)


def signed(case, kwargs):
    """A webhook as the simulated companies sign it: of a payment or a parcel, or of any bytes."""
    event = {"id": f"evt_{chance.getrandbits(48):x}", "type": "payment.updated", "created": int(time.time())}
    if "payments" in case.path:
        event["data"] = {"payment": {"id": one("simulated_payment", False) or "pay_of_nobody"}}
    else:
        status = chance.choice(["in_transit", "exception", "delivered"])
        scan = {"status": status, "description": "", "location": "", "occurred_at": "2026-01-01T00:00:00Z"}
        event |= {"tracking_number": "SIM0", "scans": [scan]}
    body = json.dumps(event).encode() if chance.random() < 0.7 else bytes(chance.randrange(256) for _ in range(40))
    secret = hashlib.sha256(b"simulator webhooks\0" + os.environ["SOUK_ATTACK_SECRET"].encode()).hexdigest()
    at = str(int(time.time()))
    code = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    case.body = body
    case.headers["Souk-Simulator-Signature"] = f"t={at},v1={code}"


@schemathesis.serializer("application/x-ndjson", "text/csv")
def rows(ctx, value):
    """A file for bulk work: the document says no more of it than that it is bytes."""
    if isinstance(value, bytes):
        return value
    return json.dumps(value, default=str).encode() + b"\n"


@schemathesis.hook
def before_call(ctx, case, kwargs):
    # Some are left as they are made: ids of nothing, and webhooks of nobody.
    if case.meta is None or case.meta.generation.mode.value != "positive" or chance.random() < 0.15:
        return
    real_path(case)
    if isinstance(case.body, (dict, list)):
        real_fields(case.body, case.path.startswith("/api/v1/seller"))
    if case.path.startswith("/api/v1/webhooks/"):
        signed(case, kwargs)
    # A version that was made up only ever finds that it is not this one.
    if case.headers:
        case.headers.pop("If-Match", None)


@schemathesis.hook
def after_call(ctx, case, response):
    operation = case.operation.definition.raw.get("operationId", case.operation.label)
    counts = answers.setdefault(operation, {})
    status = str(response.status_code)
    counts[status] = counts.get(status, 0) + 1


@atexit.register
def write_report():
    with open(os.environ["SOUK_ATTACK_REPORT"], "w", encoding="utf-8") as report:
        json.dump(answers, report)
