//! Seeds of the fuzz targets, as they are and mutated; integrations' tests include this file, too.

use proptest::prelude::*;

/// The seeds of a fuzz target.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!seeds.is_empty());
    seeds
}

/// A seed with some of its bytes replaced, and its end cut off or another seed's added.
pub fn mutated(target: &str) -> impl Strategy<Value = Vec<u8>> {
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
