//! People: their addresses, and what their second factors rest on.

use super::{Invariant, rows};

pub(super) const INVARIANTS: &[Invariant] = &[
    rows(
        "person_has_one_default_address",
        18,
        "Of a person's addresses one at most is where goods go by default, and one at most where bills go.",
        "SELECT 'goods' AS what, user_id AS id FROM user_address WHERE is_default_shipping \
             GROUP BY user_id HAVING count(*) > 1 \
         UNION ALL SELECT 'bills', user_id FROM user_address WHERE is_default_billing \
             GROUP BY user_id HAVING count(*) > 1",
    ),
    rows(
        "accepted_invitation_tells_no_address",
        18,
        "Whom an invitation was for is forgotten once it is accepted or taken back.",
        "SELECT id FROM seller_invitation \
         WHERE (email IS NOT NULL OR email_index IS NOT NULL) AND (accepted_at IS NOT NULL OR revoked_at IS NOT NULL)",
    ),
    rows(
        "team_is_not_too_large",
        11,
        "At most 100 people act for a seller.",
        "SELECT seller_id AS id FROM seller_member GROUP BY seller_id HAVING count(*) > 100",
    ),
    rows(
        "address_book_is_not_too_large",
        18,
        "A person keeps 50 addresses at most.",
        "SELECT user_id AS id FROM user_address GROUP BY user_id HAVING count(*) > 50",
    ),
    rows(
        "erased_person_keeps_nothing",
        18,
        "Of an erased person there is no address, telephone number or second factor.",
        "SELECT u.id AS id FROM app_user u JOIN person_key k ON k.id = u.id WHERE k.erased_at IS NOT NULL \
             AND (u.phone IS NOT NULL OR EXISTS (SELECT 1 FROM user_address a WHERE a.user_id = u.id) \
                 OR EXISTS (SELECT 1 FROM totp t WHERE t.user_id = u.id))",
    ),
    rows(
        "recovery_codes_are_of_a_second_factor_that_is_on",
        18,
        "A second factor that is on has ten recovery codes, used or not, and there are none without one.",
        "SELECT t.user_id AS id FROM totp t \
             LEFT JOIN recovery_code c ON c.user_id = t.user_id GROUP BY t.user_id, t.confirmed_at \
             HAVING count(c.code_hash) <> CASE WHEN t.confirmed_at IS NULL THEN 0 ELSE 10 END \
         UNION ALL SELECT c.user_id FROM recovery_code c \
             WHERE NOT EXISTS (SELECT 1 FROM totp t WHERE t.user_id = c.user_id)",
    ),
    rows(
        "second_factor_was_turned_on_by_a_code",
        18,
        "A second factor that is on has a code that was used.",
        "SELECT user_id AS id FROM totp WHERE confirmed_at IS NOT NULL AND last_step <= 0",
    ),
    rows(
        "second_factor_is_reset_by_another_and_audited",
        18,
        "Who ends a second factor for somebody is somebody else, and has an audit entry of it, of the same transaction.",
        "SELECT r.id AS id FROM totp_reset r WHERE r.reset_by = r.user_id OR NOT EXISTS (SELECT 1 FROM audit_subject s \
             JOIN audit_entry e ON e.id = s.entry_id \
             WHERE s.kind = 'user' AND s.subject_id = r.user_id AND e.actor_id = r.reset_by \
                 AND e.occurred_at = r.reset_at)",
    ),
];
