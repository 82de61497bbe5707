//! The properties that the fuzz targets look at, on their seeds and on random and mutated bytes.

mod batch;
mod money;

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
