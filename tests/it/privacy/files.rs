//! A key that is destroyed is not in the embedded database's files any more, either.

use serde_json::json;

use crate::souk::client::PASSWORD;
use crate::souk::{Setup, Souk, text};

/// Whether the files of the database have these bytes in them.
fn hold(souk: &Souk, bytes: &[u8]) -> bool {
    let files = ["souk.db", "souk.db-wal"].map(|name| std::fs::read(souk.path(name)).unwrap_or_default());
    assert!(!files[0].is_empty(), "the database is a file");
    files.iter().any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn a_destroyed_key_is_in_no_file_of_the_embedded_database() {
    let souk = Souk::start().await;
    if Setup::of_environment() == Setup::Services {
        // What PostgreSQL keeps in its files, it keeps until it vacuums; nothing here could ask it to.
        return;
    }
    let (ann, bob) = (souk.shopper().await, souk.shopper().await);
    let mut keys = Vec::new();
    for shopper in [&ann, &bob] {
        let me = shopper.client().get("/api/v1/me").await.expect(200);
        let id = uuid::Uuid::try_parse(text(&me["id"])).expect("an id");
        let sql = "SELECT hex(wrapped_key) FROM person_key WHERE id = $1";
        let key = souk.database().words_of(sql, [id.into()]).await.remove(0);
        let digits: Vec<char> = key.chars().collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("a byte");
        keys.push(digits.chunks(2).map(byte).collect::<Vec<u8>>());
    }
    souk.settle().await;
    assert!(hold(&souk, &keys[0]) && hold(&souk, &keys[1]), "what is there is found");
    ann.client().post("/api/v1/me/erase", json!({"current_password": PASSWORD})).await.expect(200);
    assert!(!hold(&souk, &keys[0]), "it is gone with the answer");
    assert!(hold(&souk, &keys[1]), "another's stays");
}
