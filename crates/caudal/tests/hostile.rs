//! Hostile ring: broken input, broken disks and folders, absurd configuration.
//! Relies on a small pipeline whose good records surround the damage, so that it shows when damage spreads.
//! Never accepts a panic, a hang, an unexplained exit code, or a subscriber's number in what an operator's log would hold.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

#[path = "hostile/collecting.rs"]
mod collecting;
#[path = "hostile/configuration.rs"]
mod configuration;
#[path = "hostile/damage.rs"]
mod damage;
#[path = "hostile/folders.rs"]
mod folders;
#[path = "hostile/input.rs"]
mod input;
#[path = "hostile/site.rs"]
mod site;
