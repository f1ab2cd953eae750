//! What follows a call: sampling for quality, tickets, call-backs.
