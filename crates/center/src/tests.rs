//! The center in a fake world on a virtual clock: stories, races in both orders, generated sequences.

mod alive;
mod calling;
mod early;
mod extensions;
mod generated;
mod house;
mod inside;
mod late;
mod ledger;
mod limits;
mod lost;
mod model;
mod moves;
mod races;
mod reload;
mod secure;
mod stories;
mod supervision;
mod talking;
mod world;
