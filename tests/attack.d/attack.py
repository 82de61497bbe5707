"""Throws generated requests at a souk that runs, as every actor. Started by tests/attack."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import secrets
import sqlite3
import subprocess
import sys
import time
import uuid

import requests

HERE = pathlib.Path(__file__).parent
PASSWORD = "demo-password"
STAFF = "password of a staff"

# What is excluded for every actor, because it would end the run's own meaning; the last actor does these.
ENDINGS = {
    # End the sign-in that the actor asks with, and all later answers would be 401.
    "signOutEverywhere", "endSession", "changePassword", "changeEmail",
    # Take from accounts and sellers, picked among those of the run, what they ask with.
    "setUserActive", "setUserRole", "suspendSeller", "rejectSeller", "adminRevokeApiKey", "revokeApiKey",
}

# OpenAPI 3.0 can tell of a stream only as the list of its events, and schemathesis holds each event against that list;
# tests/it/batches/watched.rs reads them.
STREAMS = {"followBatch", "adminFollowBatch"}

# What answers are held against. Left out of schemathesis' list, and why:
#   positive_data_acceptance   most of what a schema allows is refused by the state of things: an id of
#                              nothing is 404, an order that is paid cannot be edited
#   negative_data_rejection    its cases are told from good ones by the document alone, and what follows a
#                              document-valid prefix (a cookie, an unknown header) is rightly ignored;
#                              tests/it/input refuses unknown fields, parameters and bounds one by one
#   ignored_auth               looks at 2xx with a credential taken away, which is right where the document
#                              has an empty alternative (createCart); tests/it/access/matrix.rs asks this of
#                              every operation as fifty kinds of actors
#   missing_required_header    there is no such header
#   use_after_free, ensure_resource_availability, object_level_authorization
#                              look at sequences, which are not generated here
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "unsupported_method",
    "allow_header_conformance",
]


class Api:
    """The live API, as one actor."""

    def __init__(self, base, headers=None):
        self.base, self.headers = base, headers or {}

    def ask(self, method, path, body=None):
        answer = requests.request(method, self.base + path, json=body, headers=self.headers, timeout=30)
        if not answer.ok:
            sys.exit(f"{method} {path} answers {answer.status_code}: {answer.text}")
        return answer.json()

    def bearer(self, token):
        return Api(self.base, {"Authorization": f"Bearer {token}"})

    def register(self, email, password):
        session = self.ask("POST", "/api/v1/auth/register", {"email": email, "password": password, "name": email})
        return self.bearer(session["access_token"])

    def sign_in(self, email, password):
        session = self.ask("POST", "/api/v1/auth/sign-in", {"email": email, "password": password})
        return self.bearer(session["access_token"])

    def key(self, path, scopes):
        made = self.ask("POST", path, {"name": "Attack", "scopes": scopes, "expires_in_days": 1})
        return self.bearer(made["secret"])


def people(base, database):
    """Everybody who asks: names, headers and the seller whose rows are theirs."""
    anyone = Api(base)
    admin = anyone.sign_in("admin@demo.example", PASSWORD)
    owner = anyone.sign_in("lisbon-tiles@demo.example", PASSWORD)
    seller = owner.ask("GET", "/api/v1/seller")["seller"]["id"]
    stock(owner, admin)

    def operator(role):
        email = f"{role}@attack.example"
        user = anyone.register(email, STAFF).ask("GET", "/api/v1/me")["id"]
        admin.ask("PUT", f"/api/v1/admin/users/{user}/role", {"role": role})
        # The first token was a customer's.
        return anyone.sign_in(email, STAFF)

    # Nobody can be invited to a team yet.
    staff = anyone.register("staff@attack.example", STAFF)
    with sqlite3.connect(database, timeout=30) as rows:
        rows.execute(
            "INSERT INTO seller_member (seller_id, user_id, role, catalogue, orders, money, created_at) "
            "SELECT ?, ?, 'staff', 1, 1, 0, created_at FROM seller WHERE id = ?",
            (uuid.UUID(seller).bytes, uuid.UUID(staff.ask("GET", "/api/v1/me")["id"]).bytes, uuid.UUID(seller).bytes),
        )
        # Only with a confirmed address does anybody make keys.
        rows.execute("UPDATE app_user SET email_verified_at = created_at WHERE email_verified_at IS NULL")
    offer = owner.ask("GET", "/api/v1/seller/offers")["items"][0]["id"]
    cart = anyone.ask("POST", "/api/v1/carts", {"currency": "USD", "lines": [{"offer_id": offer, "quantity": 1}]})
    guest = Api(base, {"X-Guest-Token": cart["guest_token"]})
    shopper = anyone.sign_in("ann@demo.example", PASSWORD)
    shopper.ask("POST", "/api/v1/carts", {"currency": "USD", "lines": [{"offer_id": offer, "quantity": 2}]})
    both = [f"{area}:{mode}" for area in ("catalogue", "orders", "money", "webhooks") for mode in ("read", "write")]
    all_of = [
        f"{area}:{mode}"
        for area in ("orders", "refunds", "catalogue", "sellers", "money", "operations")
        for mode in ("read", "write")
    ]
    actors = [
        ("anonymous", anyone),
        ("guest", guest),
        ("shopper", shopper),
        ("seller's owner", owner),
        ("seller's staff", staff),
        ("seller's key", owner.key("/api/v1/seller/api-keys", both)),
        ("read-only operator", operator("read_only")),
        ("manager", operator("manager")),
        ("administrator", operator("admin")),
        ("operator's key", admin.key("/api/v1/admin/api-keys", all_of)),
    ]
    return actors, ("leaving administrator", anyone.sign_in("admin@demo.example", PASSWORD)), seller


def stock(owner, admin):
    """Rows of kinds that the demo's story has none of."""
    admin.ask("POST", "/api/v1/admin/categories", {"name": "Tiles", "slug": "tiles"})
    zone = admin.ask("POST", "/api/v1/admin/tax-zones", {"name": "Portugal", "country": "PT", "prices_include_tax": True})
    rate = {"name": "IVA", "percent": "23", "tax_class": "standard"}
    admin.ask("POST", f"/api/v1/admin/tax-zones/{zone['id']}/rates", rate)
    owner.ask("POST", "/api/v1/seller/shipping-zones", {"name": "Home", "places": [{"country": "PT"}]})
    endpoint = {"url": "https://hooks.example.com/souk", "event_types": ["seller_order.*"]}
    owner.ask("POST", "/api/v1/seller/webhook-endpoints", endpoint)
    owner.ask("PUT", "/api/v1/seller/payout-account", {"account": "acct_of_tiles"})


def attack(arguments, name, api, seller, only=None):
    """Runs schemathesis as one actor; returns what it said, whether it passed, and what was answered."""
    report = arguments.scratch / f"{name.replace(' ', '-')}.json"
    command = [
        arguments.schemathesis, "--config-file", str(HERE / "schemathesis.toml"), "run", f"{arguments.url}/openapi.json", "--no-color", "--seed", str(arguments.seed),
        "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing" if arguments.coverage else "examples,fuzzing",
        "--max-examples", str(arguments.examples), "--continue-on-failure", "--no-shrink", "--request-timeout", "20",
        "--generation-database", "none", "--warnings", "off",
        "--generation-with-security-parameters", "false", "--suppress-health-check", "all",
        "--output-sanitize", "true",
    ]
    for header, value in api.headers.items():
        command += ["--header", f"{header}: {value}"]
    for operation in sorted(only or ENDINGS | STREAMS):
        command += ["--include-operation-id" if only else "--exclude-operation-id", operation]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
        "SOUK_ATTACK_DATABASE": str(arguments.database), "SOUK_ATTACK_SELLER": seller,
        "SOUK_ATTACK_SECRET": (arguments.database.parent / "secret").read_text(), "SOUK_ATTACK_REPORT": str(report),
        "SOUK_ATTACK_SEED": str(arguments.seed),
    }
    began = time.monotonic()
    ran = subprocess.run(command, env=environment, cwd=arguments.scratch, capture_output=True, text=True, check=False)
    answers = json.loads(report.read_text()) if report.exists() else {}
    return ran.returncode, ran.stdout + ran.stderr, answers, time.monotonic() - began


def tell(name, code, output, answers, seconds):
    """Prints what became of an actor; returns whether all is well."""
    totals, welcome = {}, 0
    for statuses in answers.values():
        welcome += any(status.startswith("2") for status in statuses)
        for status, count in statuses.items():
            totals[status[0]] = totals.get(status[0], 0) + count
    told = ", ".join(f"{status}xx {count}" for status, count in sorted(totals.items()))
    print(f"{name:22} {len(answers):3} operations asked, {welcome:3} with 2xx; answers: {told}; {seconds:.0f} s", flush=True)
    if code != 0:
        print(output, flush=True)
    if not welcome:
        print(f"{name}: nothing was answered with 2xx, so nothing was tried", flush=True)
    return code == 0 and welcome > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--database", required=True, type=pathlib.Path)
    parser.add_argument("--scratch", required=True, type=pathlib.Path)
    parser.add_argument("--schemathesis", required=True)
    parser.add_argument("--examples", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--actor")
    arguments = parser.parse_args()
    actors, last, seller = people(arguments.url, arguments.database)
    if arguments.actor:
        actors = [actor for actor in actors if actor[0] == arguments.actor]
    good, reached = True, {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        running = {pool.submit(attack, arguments, name, api, seller): name for name, api in actors}
        for done in concurrent.futures.as_completed(running):
            good &= tell(running[done], *done.result())
            for operation, statuses in done.result()[2].items():
                reached.setdefault(operation, set()).update(statuses)
    outcome = attack(arguments, last[0], last[1], seller, only=ENDINGS)
    good &= tell(last[0], *outcome)
    for operation, statuses in outcome[2].items():
        reached.setdefault(operation, set()).update(statuses)
    never = sorted(name for name, statuses in reached.items() if not any(s.startswith("2") for s in statuses))
    print(f"{len(reached)} operations asked, {len(reached) - len(never)} with 2xx by somebody")
    if not arguments.actor:
        print(f"never with 2xx: {' '.join(never)}")
    # Otherwise the run would look at refusals only.
    if not arguments.actor and 3 * len(never) > len(reached):
        print("too few operations were answered with 2xx")
        good = False
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
