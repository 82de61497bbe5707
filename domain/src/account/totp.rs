//! A second factor: codes that a device works out of a shared secret and the time (RFC 6238, with
//! SHA-1, 30 seconds and 6 digits, which is what all devices know), and codes for when it is lost.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha1::Sha1;
use souk_entity::id::{TotpResetId, UserId};
use souk_entity::status::{NotificationKind, UserRole};
use souk_entity::{recovery_code, refresh_token, totp, totp_reset, user};
use url::Url;
use uuid::Uuid;

use super::address::require_confirmed;
use super::proof::{Proof, hold_sign_in};
use super::{membership, revoke, token, token_hash};
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::keyed_hash::keyed_hash;
use crate::notification::About;
use crate::store::Tx;

/// Seconds for which a code is shown.
const STEP: i64 = 30;

/// So many steps a device's clock may be off, either way.
const OFF: i64 = 1;

/// So many recovery codes are given.
pub const RECOVERY_CODES: usize = 10;

/// So many resets of a person are shown.
pub const RESETS_SHOWN: u64 = 100;

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, 4).
const SECRET_BYTES: usize = 20;

/// Works the secrets of devices out of the master secret, so that none is stored.
#[derive(Clone, Debug)]
pub struct TotpSecrets(Arc<SecretString>);

impl TotpSecrets {
    /// Of the installation's master secret.
    pub fn new(master: &SecretString) -> Self {
        Self(Arc::new(master.clone()))
    }

    fn of(&self, row: &totp::Model) -> TotpSecret {
        let purpose = format!("totp\0{}\0{}", row.user_id, row.nonce);
        let mac = keyed_hash(self.0.expose_secret().as_bytes(), purpose.as_bytes());
        let mut secret = Box::new([0; SECRET_BYTES]);
        secret.copy_from_slice(&mac[..SECRET_BYTES]);
        TotpSecret(SecretBox::new(secret))
    }
}

/// What a device and we know.
#[derive(Debug)]
pub struct TotpSecret(SecretBox<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// As a person types it into a device.
    pub fn reveal(&self) -> String {
        BASE32_NOPAD.encode(self.0.expose_secret())
    }

    /// As a device reads it from a picture; `label` says whose it is.
    ///
    /// # Errors
    /// [`Code::Internal`] never, in practice.
    pub fn uri(&self, label: &str) -> Result<String> {
        let mut uri = Url::parse("otpauth://totp/").map_err(Error::internal)?;
        uri.set_path(&format!("/souk:{label}"));
        uri.query_pairs_mut().append_pair("secret", &self.reveal()).append_pair("issuer", "souk");
        Ok(uri.into())
    }

    /// The code of a time step.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn code(&self, step: i64) -> u32 {
        let mut mac = Hmac::<Sha1>::new_from_slice(self.0.expose_secret()).expect("HMAC takes keys of any length");
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let at = usize::from(digest[19] & 0x0f);
        let word = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]);
        (word & 0x7fff_ffff) % 1_000_000
    }

    /// The step of a shown code, if it is of about now and later than the last one used.
    fn step(&self, shown: &str, now: DateTime<Utc>, last: i64) -> Option<i64> {
        let shown = shown.trim();
        if shown.len() != 6 || !shown.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let shown: u32 = shown.parse().ok()?;
        let present = now.timestamp().div_euclid(STEP);
        (present - OFF..=present + OFF).filter(|step| *step > last).find(|step| self.code(*step) == shown)
    }
}

/// What a person has of a second factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Since when signing in takes a code; `None`: it does not.
    pub enabled_at: Option<DateTime<Utc>>,
    /// Recovery codes that are left.
    pub recovery_codes: u64,
}

/// What a person has of a second factor.
///
/// # Errors
/// The database's.
pub async fn state(db: &impl ConnectionTrait, user: UserId) -> Result<State> {
    let row = totp::Entity::find_by_id(user).one(db).await?;
    let left = recovery_code::Entity::find()
        .filter(recovery_code::Column::UserId.eq(user))
        .filter(recovery_code::Column::UsedAt.is_null())
        .count(db)
        .await?;
    Ok(State { enabled_at: row.and_then(|row| row.confirmed_at), recovery_codes: left })
}

/// Begins a second factor; it counts for nothing until [`confirm`]. Asked for again before, there
/// is another secret. Returned with the account, by whose e-mail address a device names it.
///
/// # Errors
/// As [`Proof::hold`]; [`Code::Forbidden`] for those who act neither for a seller nor for the marketplace,
/// and for an address that is not confirmed;
/// [`Code::AlreadyExists`] when they have one.
pub async fn begin(tx: &Tx, secrets: &TotpSecrets, proof: &Proof) -> Result<(TotpSecret, user::Model)> {
    let (user, person) = (proof.user(), proof.hold(tx).await?);
    if person.role == UserRole::Customer && membership(&**tx, user).await?.is_none() {
        return Err(Error::new(Code::Forbidden, "A second factor is for sellers' and operators' accounts."));
    }
    // Who has registered somebody else's address would lock them out of it for good.
    require_confirmed(&person)?;
    if let Some(before) = totp::Entity::find_by_id(user).one(&**tx).await? {
        if before.confirmed_at.is_some() {
            return Err(Error::new(Code::AlreadyExists, "There is a second factor; disable that one first."));
        }
        totp::Entity::delete_by_id(user).exec(&**tx).await?;
    }
    let nonce = hex::encode(rand::random::<[u8; 16]>());
    let row = totp::Model { user_id: user, nonce, confirmed_at: None, last_step: 0, created_at: tx.now };
    totp::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    audit::note(tx, "user", user, Fields::new().made("second_factor_begun_at", tx.now));
    Ok((secrets.of(&row), person))
}

/// Turns a second factor on with its first code, and ends every sign-in but `kept`: none goes on that
/// was made without one. Returns the recovery codes, of which only hashes are kept.
///
/// # Errors
/// [`Code::Unauthenticated`] when `kept` has ended; [`Code::IllegalTransition`] when none is begun; [`Code::WrongCode`].
pub async fn confirm(tx: &Tx, secrets: &TotpSecrets, user: UserId, kept: Uuid, code: &str) -> Result<Vec<String>> {
    hold_sign_in(tx, user, kept).await?;
    let row = lock(tx, user).await?.filter(|row| row.confirmed_at.is_none());
    let row = row.ok_or_else(|| Error::new(Code::IllegalTransition, "No second factor is begun; begin one first."))?;
    let step = secrets.of(&row).step(code, tx.now, row.last_step).ok_or_else(wrong)?;
    use_step(tx, user, step, Some(tx.now)).await?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| new_recovery_code()).collect();
    let rows = codes.iter().map(|code| recovery_code::ActiveModel {
        user_id: Set(user),
        code_hash: Set(recovery_hash(user, code)),
        used_at: Set(None),
    });
    recovery_code::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    revoke(tx, refresh_token::Column::UserId.eq(user).and(refresh_token::Column::FamilyId.ne(kept))).await?;
    audit::note(tx, "user", user, Fields::new().changed("second_factor_since", None, Some(tx.now)));
    tell(tx, NotificationKind::TotpEnabled, user).await?;
    Ok(codes)
}

/// Ends a second factor by one of its codes.
///
/// # Errors
/// As [`Proof::hold`]; [`Code::IllegalTransition`] when there is none; [`Code::WrongCode`].
pub async fn disable(tx: &Tx, secrets: &TotpSecrets, proof: &Proof, code: &str) -> Result<()> {
    let user = proof.hold(tx).await?.id;
    match check(tx, secrets, user, Some(code)).await? {
        Check::Right => remove(tx, user).await,
        Check::NotAsked => Err(none()),
        Check::Missing | Check::Wrong => Err(wrong()),
    }
}

/// Ends the second factor of somebody who has lost it. `by` is the administrator who does it, never
/// their own; the reason is kept beside the audit's entry, which holds nobody's words.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] when there is none; [`Code::Forbidden`] for oneself, and when `by` is no
/// administrator any more.
pub async fn reset(tx: &Tx, user: UserId, by: UserId, reason: String) -> Result<totp_reset::Model> {
    if user == by {
        return Err(Error::new(Code::Forbidden, "Another administrator has to do this; nobody resets their own."));
    }
    // In the order of their ids: two who reset each other's take turns.
    let locked = user::Entity::find()
        .filter(user::Column::Id.is_in([user, by]))
        .order_by_asc(user::Column::Id)
        .lock_exclusive()
        .all(&**tx)
        .await?;
    if !locked.iter().any(|person| person.id == by && person.role == UserRole::Admin && person.is_active) {
        return Err(Error::new(Code::Forbidden, "This takes the role admin."));
    }
    if !locked.iter().any(|person| person.id == user) {
        return Err(Error::not_found("user"));
    }
    if lock(tx, user).await?.is_none_or(|row| row.confirmed_at.is_none()) {
        return Err(none());
    }
    remove(tx, user).await?;
    let row = totp_reset::Model { id: TotpResetId::at(tx.now), user_id: user, reset_by: by, reason, reset_at: tx.now };
    totp_reset::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// How often administrators have ended a person's second factor, the latest first, at most
/// [`RESETS_SHOWN`].
///
/// # Errors
/// The database's.
pub async fn resets(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<totp_reset::Model>> {
    Ok(totp_reset::Entity::find()
        .filter(totp_reset::Column::UserId.eq(user))
        .order_by_desc(totp_reset::Column::Id)
        .limit(RESETS_SHOWN)
        .all(db)
        .await?)
}

/// Ends what a person has of a second factor, if they have any, and tells them. The account has to be locked.
///
/// # Errors
/// The database's.
pub(super) async fn disown(tx: &Tx, user: UserId) -> Result<()> {
    match lock(tx, user).await? {
        Some(row) if row.confirmed_at.is_some() => remove(tx, user).await,
        Some(_) => delete(tx, user).await,
        None => Ok(()),
    }
}

/// Forgets what there is of a person's second factor, and what was said of them when it was ended. The
/// account has to be locked.
///
/// # Errors
/// The database's.
pub(crate) async fn forget(tx: &Tx, user: UserId) -> Result<()> {
    delete(tx, user).await?;
    totp_reset::Entity::update_many()
        .col_expr(totp_reset::Column::Reason, Expr::value(""))
        .filter(totp_reset::Column::UserId.eq(user))
        .exec(&**tx)
        .await?;
    Ok(())
}

async fn delete(tx: &Tx, user: UserId) -> Result<()> {
    recovery_code::Entity::delete_many().filter(recovery_code::Column::UserId.eq(user)).exec(&**tx).await?;
    totp::Entity::delete_by_id(user).exec(&**tx).await?;
    Ok(())
}

async fn remove(tx: &Tx, user: UserId) -> Result<()> {
    delete(tx, user).await?;
    audit::note(tx, "user", user, Fields::new().changed("second_factor_ended_at", None, Some(tx.now)));
    tell(tx, NotificationKind::TotpDisabled, user).await
}

async fn tell(tx: &Tx, kind: NotificationKind, user: UserId) -> Result<()> {
    let about = About { user_id: Some(user), ..About::default() };
    token::tell(tx, kind, format!("{kind}:{user}:{}", tx.now.timestamp_micros()), about).await
}

/// What a code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The account has no second factor.
    NotAsked,
    /// It has one, and no code was shown.
    Missing,
    /// The code is wrong or used.
    Wrong,
    /// The code is right, and used now.
    Right,
}

/// Checks a code of the device, or a recovery code, and uses it up.
///
/// # Errors
/// The database's.
pub async fn check(tx: &Tx, secrets: &TotpSecrets, user: UserId, code: Option<&str>) -> Result<Check> {
    let row = lock(tx, user).await?.filter(|row| row.confirmed_at.is_some());
    let Some(row) = row else { return Ok(Check::NotAsked) };
    let Some(code) = code else { return Ok(Check::Missing) };
    if let Some(step) = secrets.of(&row).step(code, tx.now, row.last_step) {
        use_step(tx, user, step, row.confirmed_at).await?;
        return Ok(Check::Right);
    }
    let used = recovery_code::Entity::update_many()
        .col_expr(recovery_code::Column::UsedAt, Expr::value(Some(tx.now)))
        .filter(recovery_code::Column::UserId.eq(user))
        .filter(recovery_code::Column::CodeHash.eq(recovery_hash(user, code)))
        .filter(recovery_code::Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(if used.rows_affected == 1 { Check::Right } else { Check::Wrong })
}

/// Whoever checks a code of the same person waits here, so that a code is used once.
async fn lock(tx: &Tx, user: UserId) -> Result<Option<totp::Model>> {
    Ok(totp::Entity::find_by_id(user).lock_exclusive().one(&**tx).await?)
}

async fn use_step(tx: &Tx, user: UserId, step: i64, confirmed_at: Option<DateTime<Utc>>) -> Result<()> {
    let row = totp::ActiveModel {
        user_id: Set(user),
        last_step: Set(step),
        confirmed_at: Set(confirmed_at),
        ..Default::default()
    };
    totp::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// 80 random bits, so that its hash needs no salt and no slowness.
fn new_recovery_code() -> String {
    let letters = BASE32_NOPAD.encode(&rand::random::<[u8; 10]>());
    let groups: Vec<&str> = [0, 4, 8, 12].iter().filter_map(|at| letters.get(*at..at + 4)).collect();
    groups.join("-")
}

/// However it is typed.
fn recovery_hash(user: UserId, code: &str) -> String {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    token_hash(&format!("recovery code\0{user}\0{}", letters.to_ascii_uppercase()))
}

fn wrong() -> Error {
    Error::new(Code::WrongCode, "The code is wrong, over or used; wait for the next one.")
}

fn none() -> Error {
    Error::new(Code::IllegalTransition, "There is no second factor.")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret(SecretBox::new(Box::new(*b"12345678901234567890")))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, the last six of eight digits.
        for (seconds, code) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(secret().code(seconds / STEP), code, "{seconds}");
            assert_eq!(secret().step(&format!("{code:06}"), at(seconds), 0), Some(seconds / STEP));
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_before_and_after_and_once() {
        let code = "081804";
        let step = 1_111_111_109 / STEP;
        for (off, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let now = at((step + off) * STEP);
            assert_eq!(secret().step(code, now, 0), good.then_some(step), "{off}");
            assert_eq!(secret().step(code, now, step), None, "used");
        }
        for wrong in ["", "81804", "0818040", "08180a", "+81804", "081805"] {
            assert_eq!(secret().step(wrong, at(step * STEP), 0), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_differ_by_person_and_time_of_making() {
        let secrets = TotpSecrets::new(&SecretString::from("a master secret of the tests"));
        let row = |user: u128, nonce: &str| totp::Model {
            user_id: UserId(Uuid::from_u128(user)),
            nonce: nonce.into(),
            confirmed_at: None,
            last_step: 0,
            created_at: at(0),
        };
        let revealed = secrets.of(&row(1, "a")).reveal();
        assert_eq!(revealed.len(), 32);
        assert_ne!(revealed, secrets.of(&row(1, "b")).reveal());
        assert_ne!(revealed, secrets.of(&row(2, "a")).reveal());
    }

    #[test]
    fn a_device_reads_whose_secret_it_is() {
        let uri = secret().uri("ann+shop@example.org").unwrap();
        let expected = "otpauth://totp/souk:ann+shop@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=souk";
        assert_eq!(uri, expected);
        assert!(secret().uri("a?b#c").unwrap().contains("souk:a%3Fb%23c?secret="));
    }

    #[test]
    fn recovery_codes_are_known_however_they_are_typed() {
        let user = UserId(Uuid::from_u128(1));
        let code = new_recovery_code();
        assert_eq!(code.len(), 19);
        let typed = format!(" {}", code.to_lowercase().replace('-', " "));
        assert_eq!(recovery_hash(user, &code), recovery_hash(user, &typed));
        assert_ne!(recovery_hash(user, &code), recovery_hash(UserId(Uuid::from_u128(2)), &code));
    }
}
