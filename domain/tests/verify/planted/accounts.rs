//! Violations among what people have told us of themselves, and their second factors.

use uuid::Uuid;

use super::{Gardener, LONG_AGO};
use crate::market::Market;

impl Gardener {
    pub fn accounts(&mut self, market: &Market) {
        let (person, other) = (Uuid::now_v7(), Uuid::now_v7());
        let invariant = "person_has_one_default_address";
        for flags in ["TRUE, FALSE", "FALSE, TRUE"] {
            self.plant(invariant, person, self.kept(person, flags) + &self.kept(person, flags));
        }
        let many: String = (0..51).map(|_| self.kept(person, "FALSE, FALSE")).collect();
        self.plant("address_book_is_not_too_large", person, many);

        let shop = market.shops[0].seller;
        for over in ["accepted_at", "revoked_at"] {
            let invitation = Uuid::now_v7();
            let sql = format!(
                "INSERT INTO seller_invitation (id, seller_id, invited_by, email, email_index, catalogue, orders, money, \
                 token_hash, created_at, expires_at, {over}) VALUES ({}, {}, {}, '', 'x', FALSE, FALSE, FALSE, 'x', \
                 {LONG_AGO}, {LONG_AGO}, {LONG_AGO})",
                self.id(invitation),
                self.id(shop),
                self.id(person)
            );
            self.plant("accepted_invitation_tells_no_address", invitation, sql);
        }
        let team: String = (0..100).map(|_| self.member(shop.into())).collect();
        self.plant("team_is_not_too_large", shop, team);

        let (invariant, owner) = ("erased_person_keeps_nothing", market.shops[0].user);
        let id = self.id(owner);
        let erase = format!(
            "UPDATE person_key SET erased_at = {LONG_AGO}, wrapped_key = NULL, wrapped_by = NULL WHERE id = {id}; "
        );
        for left in [
            self.kept(owner.into(), "FALSE, FALSE"),
            self.factor(owner.into(), "NULL", 0),
            format!("UPDATE app_user SET phone = name WHERE id = {id}"),
        ] {
            self.plant(invariant, owner, erase.clone() + &left);
        }

        let invariant = "recovery_codes_are_of_a_second_factor_that_is_on";
        self.plant(invariant, person, self.codes(person, 10));
        self.plant(invariant, person, self.factor(person, LONG_AGO, 1));
        self.plant(invariant, person, self.factor(person, LONG_AGO, 1) + &self.codes(person, 9));
        self.plant(invariant, person, self.factor(person, "NULL", 0) + &self.codes(person, 1));
        let unused = self.factor(person, LONG_AGO, 0) + &self.codes(person, 10);
        self.plant("second_factor_was_turned_on_by_a_code", person, unused);

        let invariant = "second_factor_is_reset_by_another_and_audited";
        for by in [person, other] {
            let (id, user, by) = (Uuid::now_v7(), self.id(person), self.id(by));
            let row = self.id(id);
            let sql = format!(
                "INSERT INTO totp_reset (id, user_id, reset_by, reason, reset_at) \
                 VALUES ({row}, {user}, {by}, 'lost', {LONG_AGO})"
            );
            self.plant(invariant, id, sql);
        }
    }

    fn member(&self, seller: Uuid) -> String {
        let (seller, person) = (self.id(seller), self.id(Uuid::now_v7()));
        format!(
            "INSERT INTO seller_member (seller_id, user_id, role, catalogue, orders, money, created_at) \
             VALUES ({seller}, {person}, 'staff', FALSE, FALSE, FALSE, {LONG_AGO}); "
        )
    }

    fn kept(&self, person: Uuid, flags: &str) -> String {
        let (id, person) = (self.id(Uuid::now_v7()), self.id(person));
        format!(
            "INSERT INTO user_address (id, user_id, address, is_default_shipping, is_default_billing, created_at, \
             updated_at) VALUES ({id}, {person}, '', {flags}, {LONG_AGO}, {LONG_AGO}); "
        )
    }

    fn factor(&self, person: Uuid, confirmed_at: &str, last_step: i64) -> String {
        let person = self.id(person);
        format!(
            "INSERT INTO totp (user_id, nonce, confirmed_at, last_step, created_at) \
             VALUES ({person}, 'nonce', {confirmed_at}, {last_step}, {LONG_AGO}); "
        )
    }

    fn codes(&self, person: Uuid, count: usize) -> String {
        let person = self.id(person);
        let insert = |n| {
            format!("INSERT INTO recovery_code (user_id, code_hash, used_at) VALUES ({person}, 'hash {n}', NULL); ")
        };
        (0..count).map(insert).collect()
    }
}
