//! A ladder: one column for us, one for each peer, one arrow a message; the messages in full below.

use std::fmt::Write as _;
use std::net::SocketAddr;

use model::Zone;

use super::TracedMessage;

/// Peers with a column of their own; the others share the last.
const COLUMNS: usize = 5;
/// Characters from one column to the next.
const WIDTH: usize = 36;

pub(super) fn print(messages: &[TracedMessage], zone: &Zone) -> String {
    let mut text = String::new();
    let Some(first) = messages.first() else {
        return "No messages are kept of that: they may be too old 没有保留相关信令，可能已过期\n".to_owned();
    };
    let mut peers: Vec<SocketAddr> = Vec::new();
    for message in messages {
        if !peers.contains(&message.peer) {
            peers.push(message.peer);
        }
    }
    let others = peers.len().saturating_sub(COLUMNS);
    peers.truncate(COLUMNS);
    // A String takes everything.
    let _ = write!(text, "{:32}{:WIDTH$}", "", format!("Hotline {}", first.local));
    for peer in &peers {
        let _ = write!(text, "{:WIDTH$}", peer.to_string());
    }
    let _ = writeln!(text, "{}", if others > 0 { format!("(+{others})") } else { String::new() });
    for message in messages {
        let column = peers.iter().position(|peer| *peer == message.peer).unwrap_or(peers.len());
        let arrow = arrow(message, (column + 1) * WIDTH - 1);
        let _ = writeln!(text, "{:32}{arrow}", zone.show(message.at));
    }
    for message in messages {
        let way = if message.received { "←" } else { "→" };
        let TracedMessage { at, transport, local, peer, cut, .. } = message;
        let _ = writeln!(text, "\n{} {local} {way} {peer} {transport}", zone.show(*at));
        for line in message.text.lines() {
            let _ = writeln!(text, "  {}", shown(line));
        }
        if *cut {
            let _ = writeln!(text, "  … (cut 已截断)");
        }
    }
    text
}

/// `|----- INVITE 1 ----->` or the other way, `width` characters.
fn arrow(message: &TracedMessage, width: usize) -> String {
    let label = format!(" {} ", shown(&label(&message.text)));
    let label: String = label.chars().take(width.saturating_sub(6)).collect();
    let rest = width.saturating_sub(label.chars().count() + 3);
    let (left, right) = ("-".repeat(rest / 2), "-".repeat(rest - rest / 2));
    if message.received { format!("|<{left}{label}{right}|") } else { format!("|{left}{label}{right}>|") }
}

/// The method, or the status with the method that it answers, and whether there is SDP.
fn label(text: &str) -> String {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let cseq = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("cseq").then(|| value.trim().to_owned())
    });
    let cseq = cseq.unwrap_or_default();
    let sdp = if body.starts_with("v=0") { " (SDP)" } else { "" };
    match first.strip_prefix("SIP/2.0 ") {
        Some(status) => format!("{status} ({cseq}){sdp}"),
        None => format!("{} ({cseq}){sdp}", first.split(' ').next().unwrap_or_default()),
    }
}

/// Hostile text: control characters must not reach a terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

#[cfg(test)]
mod tests {
    use model::Time;

    use super::*;

    #[test]
    fn each_message_is_an_arrow_in_the_column_of_its_peer() {
        let message = |received, peer: &str, text: &str| TracedMessage {
            at: Time::from_unix_ms(1_800_000_000_123),
            received,
            transport: "udp",
            local: "127.0.0.1:5060".parse().unwrap(),
            peer: peer.parse().unwrap(),
            sip_call_id: "1".to_owned(),
            cut: false,
            text: text.to_owned(),
        };
        let messages = [
            message(true, "127.0.0.1:5090", "INVITE sip:a SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"),
            message(false, "127.0.0.1:5091", "INVITE sip:b SIP/2.0\r\nCSeq: 7 INVITE\r\n\r\n"),
            message(true, "127.0.0.1:5091", "SIP/2.0 200 O\u{1b}[2JK\r\nCSeq: 7 INVITE\r\n\r\n"),
        ];
        let text = print(&messages, &"+08:00".parse::<model::UtcOffset>().unwrap().into());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("127.0.0.1:5090") && lines[0].contains("127.0.0.1:5091"), "{text}");
        assert!(lines[1].contains("|<-") && lines[1].contains("INVITE (1 INVITE) (SDP)"), "{text}");
        assert!(lines[2].contains("->|") && lines[2].chars().count() > lines[1].chars().count(), "{text}");
        assert!(lines[1].starts_with("2027-01-15T16:00:00.123+08:00"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
