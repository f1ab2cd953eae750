//! Call flows compiled from text, one session per caller.
