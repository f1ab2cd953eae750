//! SIP and SDP without IO: messages, digest, transactions, dialogs, registrar.
