//! The properties that the fuzz targets look at, on their seeds and on random and mutated bytes.

mod notice;
#[path = "../../../domain/tests/fuzzed/seeds.rs"]
mod seeds;
mod signature;

use proptest::prelude::*;

use seeds::{corpus, mutated};

#[test]
fn the_seeds_are_accepted_only_as_signed() {
    corpus("signature").iter().for_each(|seed| signature::check(seed));
}

#[test]
fn the_seeds_are_read_as_their_words_say() {
    corpus("notice").iter().for_each(|seed| notice::check(seed));
}

proptest! {
    #[test]
    fn any_bytes_are_accepted_only_as_signed(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        signature::check(&bytes);
    }

    #[test]
    fn mutated_seeds_are_accepted_only_as_signed(bytes in mutated("signature")) {
        signature::check(&bytes);
    }

    #[test]
    fn any_bytes_are_read_as_their_words_say(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        notice::check(&bytes);
    }

    #[test]
    fn mutated_seeds_are_read_as_their_words_say(bytes in mutated("notice")) {
        notice::check(&bytes);
    }
}
