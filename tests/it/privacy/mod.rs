//! Personal data: sealed with a key per person, and gone when that is destroyed.

mod erasure;
mod files;
mod imports;
mod keys;
mod traces;
mod views;
