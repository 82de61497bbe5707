//! The properties that the fuzz targets look at, on their seeds and on random and mutated bytes.

mod notice;
mod signature;

use proptest::prelude::*;

/// The seeds of a fuzz target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!seeds.is_empty());
    seeds
}

/// A seed with some of its bytes replaced, and its end cut off or another seed's added.
fn mutated(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let seeds = prop::sample::select(corpus(target));
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    (seeds.clone(), seeds, changes, any::<prop::sample::Index>()).prop_map(|(mut bytes, other, changes, cut)| {
        bytes.extend_from_slice(&other);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        bytes
    })
}

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
