//! Nobody reaches what is another's: it is answered as if it were not there, and nothing changes.
//! What a role may not do is forbidden, and credentials that are not ours or over count for nothing.

mod accounts;
mod addresses;
mod api_keys;
mod checklist;
mod credentials;
mod holiday;
mod letters;
mod matrix;
mod races;
mod roles;
mod strangers;
mod suspension;
mod team;
mod throttle;
mod totp;
