//! The actors of the matrix: one line each.

use chrono::TimeDelta;
use jsonwebtoken::Algorithm;
use sea_orm::Value as Sql;
use serde_json::{Value, json};
use souk_domain::Clock;
use uuid::Uuid;

use crate::access::credentials::{changed, claims_of, key, token};
use crate::souk::client::PASSWORD;
use crate::souk::{Client, Seller, Shopper, Souk, long_ago, text};

/// Somebody who asks.
pub struct Actor {
    /// Their name in the matrix.
    pub name: String,
    /// How they ask.
    pub client: Client,
    /// Whose rows are theirs.
    pub owner: Option<&'static str>,
}

/// What a member of a team is trusted with.
#[derive(Clone, Copy)]
struct Trust {
    catalogue: bool,
    orders: bool,
    money: bool,
}

const NOTHING: Trust = Trust { catalogue: false, orders: false, money: false };
const EVERYTHING: Trust = Trust { catalogue: true, orders: true, money: true };

/// Those with whom the market was made.
pub struct Known<'a> {
    /// The sellers A and B.
    pub sellers: [&'a Seller; 2],
    /// The shoppers with accounts, A and B.
    pub shoppers: [&'a Shopper; 2],
    /// The guests A and B.
    pub guests: [&'a Shopper; 2],
}

/// Everybody.
pub async fn all(souk: &Souk, known: &Known<'_>) -> Vec<Actor> {
    let mut all = Vec::new();
    let mut add = |name: &str, client: Client, owner: Option<&'static str>| {
        all.push(Actor { name: name.to_owned(), client, owner });
    };
    let (anyone, shop) = (souk.anyone(), &known.sellers[0].id);
    add("anonymous", anyone.clone(), None);
    add("guest_a", known.guests[0].client(), Some("guest_a"));
    add("guest_b", known.guests[1].client(), Some("guest_b"));
    add("guest_of_nothing", anyone.guest(&"0".repeat(64)), None);
    add("shopper_a", known.shoppers[0].client(), Some("shopper_a"));
    add("shopper_b", known.shoppers[1].client(), Some("shopper_b"));
    add("owner_a", known.sellers[0].client.clone(), Some("seller_a"));
    add("owner_b", known.sellers[1].client.clone(), Some("seller_b"));
    let trusts = [
        ("staff_catalogue", Trust { catalogue: true, ..NOTHING }),
        ("staff_orders", Trust { orders: true, ..NOTHING }),
        ("staff_money", Trust { money: true, ..NOTHING }),
        ("staff_nothing", NOTHING),
    ];
    for (name, trust) in trusts {
        let session = Session::register(souk, name).await;
        session.join(souk, shop, trust).await;
        add(name, session.client(souk), Some("seller_a"));
    }
    for (seller, name) in known.sellers.iter().zip(["member_a", "member_b"]) {
        let trust = Trust { catalogue: true, orders: true, ..NOTHING };
        Session::register(souk, name).await.join(souk, &seller.id, trust).await;
    }
    let suspended = souk.seller("A Suspended Seller").await;
    decide(souk, &suspended.id, "suspend").await;
    add("suspended", suspended.client, None);
    let rejected = Seller::apply(Session::register(souk, "rejected").await.client(souk), "A Rejected Seller").await;
    decide(souk, &rejected.id, "reject").await;
    add("rejected", rejected.client, None);
    for role in ["read_only", "manager"] {
        add(role, souk.operator(role).await.0, None);
    }
    let admin = souk.admin().await.client.clone();
    add("admin", admin.clone(), None);

    // Credentials that would be let in everywhere, were they not over.
    let mut over = Vec::new();
    for (name, operator) in
        ["expired", "signed_out", "closed"].into_iter().flat_map(|name| [(name, false), (name, true)])
    {
        let suffix = if operator { "_admin" } else { "" };
        let mut session = Session::register(souk, &format!("{name}{suffix}")).await;
        if operator {
            souk.set_role(&session.user, "admin").await;
            session = session.again(souk).await;
        } else {
            session.join(souk, shop, EVERYTHING).await;
        }
        over.push((format!("{name}{suffix}"), name, session));
    }
    souk.confirm_addresses().await;
    let of_closed = over.iter().find(|(name, ..)| name == "closed_admin").expect("one").2.client(souk);
    let of_closed = operator_key(&of_closed, &["orders:read", "orders:write"]).await;
    for (name, end, session) in over {
        match end {
            "expired" => {
                let past = (Clock::System.now() - TimeDelta::hours(1)).timestamp();
                let claims = changed(&claims_of(&session.access), json!({"iat": past - 600, "exp": past}));
                add(&name, anyone.bearer(&token(Algorithm::HS256, &key(), &claims)), None);
            }
            "signed_out" => {
                anyone.post("/api/v1/auth/sign-out", json!({"refresh_token": session.refresh})).await.expect(200);
                add(&name, session.client(souk), None);
            }
            _ => {
                let path = format!("/api/v1/admin/users/{}/active", session.user);
                admin.put(&path, json!({"is_active": false})).await.expect(200);
                add(&name, session.client(souk), None);
            }
        }
    }

    let owner = &known.sellers[0].client;
    for area in ["catalogue", "orders", "money", "webhooks"] {
        for mode in ["read", "write"] {
            let secret = seller_key(owner, &[&format!("{area}:{mode}")]).await;
            add(&format!("key_{area}_{mode}"), anyone.bearer(&secret), Some("seller_a"));
        }
    }
    for area in ["orders", "refunds", "catalogue", "sellers", "money", "operations"] {
        for mode in ["read", "write"] {
            let secret = operator_key(&admin, &[&format!("{area}:{mode}")]).await;
            add(&format!("op_key_{area}_{mode}"), anyone.bearer(&secret), None);
        }
    }
    let every = ["catalogue:read", "catalogue:write", "orders:read", "orders:write", "money:read", "money:write"];
    let (revoked, expired) = (seller_key(owner, &every).await, seller_key(owner, &every).await);
    end_key(souk, &revoked, "revoked_at").await;
    end_key(souk, &expired, "expires_at").await;
    add("key_revoked", anyone.bearer(&revoked), None);
    add("key_expired", anyone.bearer(&expired), None);
    let revoked = operator_key(&admin, &["orders:read", "money:write"]).await;
    end_key(souk, &revoked, "revoked_at").await;
    add("op_key_revoked", anyone.bearer(&revoked), None);
    add("op_key_of_closed", anyone.bearer(&of_closed), None);
    let (reader, id) = souk.operator("admin").await;
    let secret = operator_key(&reader, &["orders:read", "orders:write"]).await;
    souk.set_role(&id, "read_only").await;
    add("op_key_of_reader", anyone.bearer(&secret), None);
    all
}

/// A sign-in with what it was given.
struct Session {
    email: String,
    user: String,
    access: String,
    refresh: String,
}

impl Session {
    async fn register(souk: &Souk, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        let session = souk.anyone().post("/api/v1/auth/register", body).await.expect(201);
        Self::of(souk, email, &session).await
    }

    /// Another sign-in, whose token knows of a new role.
    async fn again(self, souk: &Souk) -> Self {
        let body = json!({"email": self.email, "password": PASSWORD});
        let session = souk.anyone().post("/api/v1/auth/sign-in", body).await.expect(200);
        Self::of(souk, self.email, &session).await
    }

    async fn of(souk: &Souk, email: String, session: &Value) -> Self {
        let (access, refresh) = (text(&session["access_token"]).to_owned(), text(&session["refresh_token"]).to_owned());
        let me = souk.anyone().bearer(&access).get("/api/v1/me").await.expect(200);
        Self { email, user: text(&me["id"]).to_owned(), access, refresh }
    }

    fn client(&self, souk: &Souk) -> Client {
        souk.anyone().bearer(&self.access)
    }

    /// Joins a seller's team.
    async fn join(&self, souk: &Souk, seller: &str, trust: Trust) {
        let id = |text: &str| -> Sql { text.parse::<Uuid>().expect("an id").into() };
        let sql = "INSERT INTO seller_member (seller_id, user_id, role, catalogue, orders, money, created_at) \
                   VALUES ($1, $2, 'staff', $3, $4, $5, $6)";
        let values = [
            id(seller),
            id(&self.user),
            trust.catalogue.into(),
            trust.orders.into(),
            trust.money.into(),
            long_ago().into(),
        ];
        souk.database().execute(sql, values).await;
    }
}

async fn decide(souk: &Souk, seller: &str, decision: &str) {
    let path = format!("/api/v1/admin/sellers/{seller}/{decision}");
    souk.admin().await.client.post(&path, json!({"reason": "For the matrix"})).await.expect(200);
}

async fn seller_key(client: &Client, scopes: &[&str]) -> String {
    make_key(client, "/api/v1/seller/api-keys", "A system", scopes).await
}

async fn operator_key(client: &Client, scopes: &[&str]) -> String {
    make_key(client, "/api/v1/admin/api-keys", "A system", scopes).await
}

/// Makes a key and returns its secret.
pub async fn make_key(client: &Client, path: &str, name: &str, scopes: &[&str]) -> String {
    let made = client.post(path, json!({"name": name, "scopes": scopes, "expires_in_days": 30})).await.expect(201);
    text(&made["secret"]).to_owned()
}

/// Ends a key some time ago: by its `expires_at` or its `revoked_at`.
async fn end_key(souk: &Souk, secret: &str, column: &str) {
    let begin = long_ago();
    let sql = format!("UPDATE api_key SET created_at = $1, {column} = $2 WHERE key_hash = $3");
    let hash = souk_domain::account::token_hash(secret);
    let rows = souk.database().execute(&sql, [begin.into(), (begin + TimeDelta::days(1)).into(), hash.into()]).await;
    assert_eq!(rows, 1);
}
