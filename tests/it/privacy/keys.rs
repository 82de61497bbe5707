//! The installation's keys change, and what is stored of persons is read all the while.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::souk::Souk;

fn key(name: &str, seed: u8) -> String {
    format!("{name}:{}", STANDARD.encode([seed; 32]))
}

/// Starts all processes again, with these keys.
async fn with_keys(souk: &mut Souk, keys: Option<&str>) {
    souk.stop();
    souk.set_env("SOUK_DATA_KEYS", keys);
    souk.resume().await;
}

/// How many persons are under the keys whose names begin like this.
fn under(souk: &Souk, name: &str) -> u64 {
    let told = souk.command(&["keys", "status"]);
    told.lines()
        .filter_map(|line| line.strip_prefix(name)?.split_once(": ")?.1.split_once(" persons")?.0.parse::<u64>().ok())
        .sum()
}

const ANOTHER: &str = "another secret than that of this installation";

/// Nothing starts with another master secret.
fn refuses_another_secret(souk: &Souk, why: &str) {
    for command in [&["serve"][..], &["worker"], &["keys", "rotate"]] {
        let output =
            souk.souk(command).env("SOUK_CACHE", "off").env("SOUK_SECRET", ANOTHER).output().expect("souk runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {told}");
        assert!(told.contains(why) && !told.contains(ANOTHER), "{told}");
    }
}

#[tokio::test]
async fn persons_are_read_while_the_keys_change_and_nothing_starts_without_one() {
    let mut souk = Souk::start().await;
    let shopper = souk.shopper().await;
    let me = shopper.client().get("/api/v1/me").await.expect(200);
    assert_eq!(me["email"], shopper.email());
    let persons = under(&souk, "secret-");
    assert!(persons >= 2, "the administrator and a shopper: {persons}");

    // From the key of the master secret to one of its own.
    with_keys(&mut souk, Some(&key("first", 1))).await;
    assert_eq!(shopper.client().get("/api/v1/me").await.expect(200), me, "the old key still opens");
    souk.shopper().await;
    assert_eq!((under(&souk, "secret-"), under(&souk, "first")), (persons, 1), "what is new is under the first");
    let told = souk.command(&["keys", "rotate"]);
    assert!(told.starts_with(&format!("{persons} keys are wrapped anew")), "{told}");
    assert_eq!((under(&souk, "secret-"), under(&souk, "first")), (0, persons + 1));
    assert_eq!(shopper.client().get("/api/v1/me").await.expect(200), me);
    assert!(souk.command(&["keys", "rotate"]).starts_with("0 keys are wrapped anew"), "nothing is left to do");
    let entries = "SELECT CAST(changes AS text) FROM audit_entry WHERE operation = 'cli:keys rotate'";
    let entries = souk.database().words(entries).await;
    assert!(entries.len() == 1 && entries[0].contains("\"first\""), "what was done is entered: {entries:?}");
    assert!(entries[0].contains(&persons.to_string()), "{entries:?}");

    // And on to the next, until the first can be taken out.
    with_keys(&mut souk, Some(&[key("second", 2), key("first", 1)].join(","))).await;
    souk.command(&["keys", "rotate"]);
    with_keys(&mut souk, Some(&key("second", 2))).await;
    assert_eq!(shopper.client().get("/api/v1/me").await.expect(200), me);

    // Without the key that persons are under nothing starts, and what is missing is named.
    souk.stop();
    souk.set_env("SOUK_DATA_KEYS", Some(&key("third", 3)));
    for command in [&["serve"][..], &["worker"], &["keys", "rotate"]] {
        // More than one process on the embedded database takes no cache.
        let output = souk.souk(command).env("SOUK_CACHE", "off").output().expect("souk runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {told}");
        assert!(told.contains("The key second wraps") && !told.contains(&STANDARD.encode([3; 32])), "{told}");
    }
    assert!(souk.command(&["keys", "status"]).contains("NOT CONFIGURED"));

    // Nor with another master secret, which persons are found by, though no key follows from it.
    souk.set_env("SOUK_DATA_KEYS", Some(&key("second", 2)));
    refuses_another_secret(&souk, "database has been written with");
    souk.database().execute("DELETE FROM installation", []).await;
    refuses_another_secret(&souk, "database has been written with");
    let (other, this) = (souk.souk(&["keys", "rotate"]), souk.souk(&["keys", "rotate"]));
    let of = |mut command: std::process::Command, secret: Option<&str>| {
        if let Some(secret) = secret {
            command.env("SOUK_SECRET", secret);
        }
        move || command.output().expect("souk runs").status.code()
    };
    // Of several first starts at once the one with the right secret is right.
    let (other, this) = (of(other, Some(ANOTHER)), of(this, None));
    let (other, this) = tokio::join!(tokio::task::spawn_blocking(other), tokio::task::spawn_blocking(this));
    assert_eq!((other.expect("it ends"), this.expect("it ends")), (Some(2), Some(0)));
    souk.set_env("SOUK_DATA_KEYS", Some("third:short"));
    let output = souk.souk(&["keys", "status"]).output().expect("souk runs");
    assert_eq!(output.status.code(), Some(2), "a key that is none is wrong configuration");
    with_keys(&mut souk, Some(&key("second", 2))).await;
    assert_eq!(shopper.client().get("/api/v1/me").await.expect(200), me);
}
