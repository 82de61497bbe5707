//! Personal data: sealed with a key per person, and gone when that is destroyed.

mod erasure;
mod files;
mod imports;
mod keys;
mod promotions;
mod replays;
mod traces;
mod views;
