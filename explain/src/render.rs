//! The tree as text for a terminal, and as JSON for a program.

use jiff::Timestamp;

use crate::node::{Node, State};

/// As JSON, indented.
#[must_use]
pub fn json(node: &Node) -> String {
    serde_json::to_string_pretty(node).unwrap_or_default()
}

/// As text. Ages are counted from `now`.
#[must_use]
pub fn text(node: &Node, now: Timestamp) -> String {
    let mut out = String::new();
    write(&mut out, node, now, "", "");
    out
}

/// `first` stands before the node's own line, `rest` before all others of it.
fn write(out: &mut String, node: &Node, now: Timestamp, first: &str, rest: &str) {
    line(out, first, &own(node, now));
    let bar = if node.children.is_empty() { "  " } else { "│ " };
    let details = [("waits for", &node.waits_for), ("next", &node.next)];
    for (what, text) in details {
        if let Some(text) = text {
            line(out, &format!("{rest}{bar}  "), &format!("{what}: {text}"));
        }
    }
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (branch, trunk) = if index == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        write(
            out,
            child,
            now,
            &format!("{rest}{branch}"),
            &format!("{rest}{trunk}"),
        );
    }
}

fn line(out: &mut String, before: &str, text: &str) {
    out.push_str(before);
    // Words of others may hold line breaks, which would break the tree.
    out.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    out.push('\n');
}

fn own(node: &Node, now: Timestamp) -> String {
    let state = match node.state {
        State::Ready => "ready",
        State::Waiting => "waiting",
        State::Stuck => "stuck",
        State::Deleting => "being deleted",
        State::Missing => "missing",
    };
    let since = node.since.map(|since| format!(" for {}", age(since, now)));
    let why = match (node.reason.is_empty(), node.message.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!(": {}", node.message),
        (false, true) => format!(", {}", node.reason),
        (false, false) => format!(", {}: {}", node.reason, node.message),
    };
    format!("{} {state}{}{why}", node.title(), since.unwrap_or_default())
}

/// As kubectl writes it: two units at most would say no more.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(since.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_kubectl_writes_them() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ago = |seconds: i64| age(Timestamp::from_second(1_000_000 - seconds).unwrap(), now);
        assert_eq!(ago(-5), "0s");
        assert_eq!(ago(119), "119s");
        assert_eq!(ago(120), "2m");
        assert_eq!(ago(7_200), "2h");
        assert_eq!(ago(200_000), "2d");
    }

    #[test]
    fn words_of_others_stay_on_one_line() {
        let node = Node::open("pool", "a", State::Stuck, "Reason", "one\n  two");
        assert_eq!(
            text(&node, Timestamp::UNIX_EPOCH),
            "pool/a stuck, Reason: one two\n"
        );
    }
}
