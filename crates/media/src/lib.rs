//! Real-time threads, prompts, recording writers.
