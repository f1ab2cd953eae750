//! Queues, agents, offers and routing.
