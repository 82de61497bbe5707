//! The properties that the fuzz targets look at, on their seeds and on random and mutated bytes.

mod batch;
mod money;
mod seeds;

use proptest::prelude::*;

use seeds::{corpus, mutated};

#[test]
fn the_seeds_keep_the_rules_of_money() {
    corpus("money").iter().for_each(|seed| money::check(seed));
}

#[test]
fn the_seeds_are_read_alike_however_they_are_cut() {
    corpus("batch").iter().for_each(|seed| batch::check(seed));
}

proptest! {
    #[test]
    fn any_bytes_keep_the_rules_of_money(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        money::check(&bytes);
    }

    #[test]
    fn any_amount_in_words_keeps_the_rules_of_money(text in "-{0,2}[0-9]{0,21}\\.?[0-9]{0,4}") {
        money::check(text.as_bytes());
    }

    #[test]
    fn mutated_seeds_keep_the_rules_of_money(bytes in mutated("money")) {
        money::check(&bytes);
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        batch::check(&bytes);
    }

    #[test]
    fn mutated_seeds_are_read_alike_however_they_are_cut(bytes in mutated("batch")) {
        batch::check(&bytes);
    }
}
