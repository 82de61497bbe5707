//! Violations among personal data.

use uuid::Uuid;

use super::{Gardener, LONG_AGO};
use crate::market::Market;

impl Gardener {
    pub(super) fn privacy(&mut self, market: &Market) {
        let owner = market.shops[0].user;
        let order = &market.mixed.order;
        let shopper: Uuid = order.person().0;
        let (owner_id, shopper_id) = (self.id(owner), self.id(shopper));
        self.plant("person_has_a_key", owner, format!("DELETE FROM person_key WHERE id = {owner_id}"));
        let orphan =
            format!("UPDATE orders SET user_id = NULL, guest_token_hash = 'x' WHERE id = {}", self.id(order.id));
        self.plant("person_has_a_key", order.id, orphan);

        let half = format!("erased_at = {LONG_AGO}");
        self.change("erased_person_has_no_key", "person_key", owner, &half);
        self.change("erased_person_has_no_key", "person_key", owner, "wrapped_key = NULL");
        self.change("erased_person_has_no_key", "person_key", owner, "wrapped_by = NULL");

        let erase = |id: &str| {
            format!(
                "UPDATE person_key SET erased_at = {LONG_AGO}, wrapped_key = NULL, wrapped_by = NULL WHERE id = {id}; \
                 UPDATE app_user SET email_index = NULL, is_active = false WHERE id = {id}; \
                 UPDATE refresh_token SET revoked_at = {LONG_AGO} WHERE user_id = {id}; \
                 UPDATE orders SET email_index = NULL WHERE user_id = {id};"
            )
        };
        let found = "erased_person_is_found_by_nothing";
        let and = |id: &str, more: &str| format!("{} {more}", erase(id));
        let index = format!("UPDATE app_user SET email_index = 'x' WHERE id = {owner_id}");
        self.plant(found, owner, and(&owner_id, &index));
        self.plant(
            found,
            owner,
            and(&owner_id, &format!("UPDATE app_user SET is_active = true WHERE id = {owner_id}")),
        );
        let index = format!("UPDATE orders SET email_index = 'x' WHERE id = {}", self.id(order.id));
        self.plant(found, order.id, and(&shopper_id, &index));

        self.change("account_is_found_by_its_address", "app_user", owner, "email_index = NULL");
    }
}
