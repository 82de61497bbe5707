//! Entries in Redis, for all processes.
//!
//! A subject is one hash: a ticket beside its answers. Forgetting it is deleting the hash; whoever
//! asks next puts a new ticket there. An answer is stored only beside the ticket that was there
//! before the database was read, so what was read before a change cannot be stored after it. A
//! Redis that forgets loses tickets with answers. One that starts from a snapshot, or a replica
//! that takes over, may remember what was forgotten meanwhile: a ticket counts only for the server
//! process that gave it out.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::{AsyncCommands, Client, RedisResult, Script};
use async_trait::async_trait;
use souk_domain::cache::{Kept, Lookup, Subject, Ticket};
use souk_domain::cart::Owner;
use souk_domain::port::PortError;
use souk_domain::vault::Vault;
use souk_entity::id::UserId;

use super::{Shelf, lifetime, owner_words, words};
use crate::line::Line;

/// A question that takes longer has failed; reading the database takes less.
const ASKING: Duration = Duration::from_millis(50);
/// To be told of a change, Redis gets longer: other processes ask it all the while, and the writer
/// is answered only when they cannot read what is old. Much longer than a busy machine pauses.
const TELLING: Duration = Duration::from_secs(1);
/// A ticket with which nothing is kept goes soon: anybody can ask for orders that are not there.
const TICKET: Duration = Duration::from_secs(60);
/// So many pages of one shopper's list are kept.
const MOST_NAMES: usize = 50;
/// A larger answer is not kept, in bytes.
const LARGEST: usize = 256 * 1024;

static FIND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
        local found = redis.call('HMGET', KEYS[1], 'ticket', ARGV[1])
        if not found[1] or string.sub(found[1], 1, #run + 1) ~= run .. ':' then
            found = {run .. ':' .. ARGV[2], false}
            redis.call('DEL', KEYS[1])
            redis.call('HSET', KEYS[1], 'ticket', found[1])
            redis.call('PEXPIRE', KEYS[1], ARGV[3])
        end
        return found",
    )
});

static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('HGET', KEYS[1], 'ticket') ~= ARGV[1] then return 0 end
        local fields = redis.call('HLEN', KEYS[1])
        if fields > tonumber(ARGV[4]) then return 0 end
        redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
        if fields == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
        return 1",
    )
});

pub(super) struct InRedis {
    /// For what is asked and kept.
    asking: Line,
    /// For what is forgotten. A line of its own: a question that was answered late must not keep
    /// Redis from hearing of changes.
    telling: Line,
    prefix: String,
    /// Seals what is kept: answers show addresses, and Redis is no place for those.
    vault: Vault,
}

impl InRedis {
    pub(super) fn new(client: Client, namespace: &str, vault: Vault) -> RedisResult<Self> {
        Ok(Self {
            asking: Line::new(client.clone(), ASKING)?,
            telling: Line::new(client, TELLING)?,
            prefix: format!("souk:{namespace}:cache"),
            vault,
        })
    }

    fn key(&self, subject: &Subject) -> String {
        format!("{}:{}", self.prefix, words(subject))
    }

    /// What binds an answer to where it is kept.
    fn place(&self, subject: &Subject, name: &str) -> String {
        format!("{}\0{name}", self.key(subject))
    }
}

fn away() -> PortError {
    PortError::Unavailable("Redis does not answer".into())
}

#[async_trait]
impl Shelf for InRedis {
    async fn find(&self, subject: &Subject, name: &str) -> Lookup {
        let mut connection = self.asking.connection.clone();
        let fresh = uuid::Uuid::new_v4().to_string();
        let mut find = FIND.key(self.key(subject));
        find.arg(name).arg(fresh).arg(millis(TICKET));
        match self.asking.run(find.invoke_async::<(Option<String>, Option<Vec<u8>>)>(&mut connection)).await {
            Some((ticket, Some(stored))) => {
                match (self.vault.kept(&self.place(subject, name), &stored).and_then(|plain| read(&plain)), ticket) {
                    (Some(kept), _) => Lookup::Kept(kept),
                    // Written by another version of souk, or with another secret.
                    (None, Some(ticket)) => Lookup::Missing(Ticket(ticket)),
                    (None, None) => Lookup::Away,
                }
            }
            Some((Some(ticket), None)) => Lookup::Missing(Ticket(ticket)),
            Some((None, None)) | None => Lookup::Away,
        }
    }

    async fn keep(&self, subject: &Subject, name: &str, ticket: Ticket, answer: &Kept) {
        if answer.body.len() > LARGEST {
            return;
        }
        let Ok(sealed) = self.vault.keep(&self.place(subject, name), &write(answer)) else { return };
        let mut connection = self.asking.connection.clone();
        let mut keep = KEEP.key(self.key(subject));
        keep.arg(ticket.0).arg(name).arg(sealed).arg(MOST_NAMES).arg(millis(lifetime()));
        // What is not kept is read again.
        let _ = self.asking.run(keep.invoke_async::<i64>(&mut connection)).await;
    }

    async fn forget(&self, subjects: &[Subject]) -> Result<(), PortError> {
        if subjects.is_empty() {
            return Ok(());
        }
        let mut connection = self.telling.connection.clone();
        let keys: Vec<String> = subjects.iter().map(|subject| self.key(subject)).collect();
        self.telling.run(connection.unlink::<_, i64>(keys)).await.map(drop).ok_or_else(away)
    }

    async fn clear(&self) -> Result<(), PortError> {
        let mut cursor = 0_u64;
        loop {
            let mut connection = self.telling.connection.clone();
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}:*", self.prefix)).arg("COUNT").arg(1_000);
            let scanned = self.telling.run(scan.query_async::<(u64, Vec<String>)>(&mut connection)).await;
            let (next, keys) = scanned.ok_or_else(away)?;
            if !keys.is_empty() {
                self.telling.run(connection.unlink::<_, i64>(keys)).await.ok_or_else(away)?;
            }
            match next {
                0 => return Ok(()),
                next => cursor = next,
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An answer as it is stored: whose, which version, and the body, on a line each.
fn write(answer: &Kept) -> Vec<u8> {
    let version = answer.version.map(|version| version.to_string()).unwrap_or_default();
    let mut stored = format!("{}\n{version}\n", owner_words(&answer.owner)).into_bytes();
    stored.extend_from_slice(&answer.body);
    stored
}

fn read(stored: &[u8]) -> Option<Kept> {
    let mut lines = stored.splitn(3, |byte| *byte == b'\n');
    let (owner, version) = (str::from_utf8(lines.next()?).ok()?, str::from_utf8(lines.next()?).ok()?);
    let owner = match owner.split_once(':')? {
        ("user", id) => Owner::User(UserId(id.parse().ok()?)),
        ("guest", hash) => Owner::Guest(hash.to_owned()),
        _ => return None,
    };
    let version = if version.is_empty() { None } else { Some(version.parse().ok()?) };
    Some(Kept { owner, version, body: lines.next()?.to_vec() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(
            user in any::<Option<u128>>(),
            version in any::<Option<i64>>(),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let owner = match user {
                Some(id) => Owner::User(UserId(uuid::Uuid::from_u128(id))),
                None => Owner::Guest("ab12".into()),
            };
            let kept = Kept { owner, version, body };
            prop_assert_eq!(read(&write(&kept)), Some(kept));
        }
    }

    #[test]
    fn what_another_version_stored_is_no_answer() {
        for stored in ["", "user:x\n1\n{}", "nobody:1\n1\n{}", "guest:a\nx\n{}", "guest:a"] {
            assert_eq!(read(stored.as_bytes()), None, "{stored}");
        }
    }
}
