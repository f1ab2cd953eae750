//! Tests of the whole: see the folder `tests` beside this one. Tests of one crate live in that crate.
