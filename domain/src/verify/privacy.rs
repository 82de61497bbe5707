//! Personal data: sealed with a key per person, and of an erased person nothing is left to open or to find.

use super::{Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "person_has_a_key",
        18,
        "Everybody with an account, and every order of a guest, has a key that their data is sealed with.",
        "SELECT 'account' AS what, u.id AS id FROM app_user u \
         WHERE NOT EXISTS (SELECT 1 FROM person_key k WHERE k.id = u.id) \
         UNION ALL SELECT 'guest', o.id FROM orders o \
         WHERE o.user_id IS NULL AND NOT EXISTS (SELECT 1 FROM person_key k WHERE k.id = o.id)",
    ),
    rows(
        "erased_person_has_no_key",
        18,
        "A person's key is there until they are erased, and gone from then on.",
        "SELECT id FROM person_key WHERE (erased_at IS NULL) <> (wrapped_key IS NOT NULL) \
             OR (erased_at IS NULL) <> (wrapped_by IS NOT NULL)",
    ),
    rows(
        "erased_person_is_found_by_nothing",
        18,
        "An erased person has no sign-in, and neither an account nor an order is found by their address.",
        "SELECT 'account' AS what, u.id AS id FROM app_user u JOIN person_key k ON k.id = u.id \
         WHERE k.erased_at IS NOT NULL AND (u.email_index IS NOT NULL OR u.is_active \
             OR EXISTS (SELECT 1 FROM refresh_token r WHERE r.user_id = u.id AND r.revoked_at IS NULL)) \
         UNION ALL SELECT 'order', o.id FROM orders o JOIN person_key k ON k.id = coalesce(o.user_id, o.id) \
         WHERE k.erased_at IS NOT NULL AND o.email_index IS NOT NULL",
    ),
    rows(
        "account_is_found_by_its_address",
        18,
        "Whoever has an account and is not erased is found by their address.",
        "SELECT u.id AS id FROM app_user u JOIN person_key k ON k.id = u.id \
         WHERE k.erased_at IS NULL AND u.email_index IS NULL",
    ),
];
