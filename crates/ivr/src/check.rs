//! Checks of a flow as a whole.

use std::collections::BTreeSet;
use std::rc::Rc;

use text::{Problems, text};

use crate::flow::{Flow, Goto, Node, NodeIndex};

/// Adds a problem for each unreachable node, each loop without input, and each node from which no agent can be reached.
pub(crate) fn graph(flow: &Flow, lines: &[u32], file: &Rc<str>, problems: &Problems) {
    let line = |index: usize| lines.get(index).copied().unwrap_or(0);
    let reachable = reachable_from(flow, flow.start);
    for (nth, (name, node)) in flow.nodes.iter().enumerate() {
        if !reachable.contains(&NodeIndex(nth)) {
            problems.add(
                file,
                line(nth),
                text!("node {name:?} cannot be reached", "节点 {name:?} 无法到达"),
                text!("lead to it from another node, or remove it", "请从其他节点引到这里，或删除它"),
            );
        }
        let from_here = reachable_from(flow, NodeIndex(nth));
        let person = from_here.iter().any(|index| matches!(flow.node(*index).1, Node::Queue(_)));
        let must_have_person = match node {
            // Nobody of an extension may be there.
            Node::Say(_) | Node::Menu(_) | Node::Collect(_) | Node::Dial(_) => true,
            Node::Queue(_) | Node::HangUp(_) => false,
        };
        if must_have_person && !person {
            problems.add(
                file,
                line(nth),
                text!("from node {name:?} no person can be reached", "从节点 {name:?} 无法转到人工"),
                text!("give it a way to a queue", "请为它提供通往队列的路径"),
            );
        }
        if says_for_ever(flow, NodeIndex(nth)) {
            problems.add(
                file,
                line(nth),
                text!("node {name:?} goes round without listening", "节点 {name:?} 循环播放而不收键"),
                text!("put a menu or a queue into the round", "请在循环中加入菜单或队列"),
            );
        }
    }
}

fn exits(node: &Node) -> Vec<NodeIndex> {
    match node {
        Node::Say(say) => vec![say.next],
        Node::Menu(menu) => {
            let chosen = menu.keys.iter().filter_map(|(_, goto)| match goto {
                Goto::Node(index) => Some(index),
                Goto::Repeat | Goto::SwitchLanguage => None,
            });
            chosen.chain([menu.otherwise]).collect()
        }
        Node::Collect(collect) => vec![collect.next, collect.otherwise],
        Node::Dial(dial) => dial.closed.into_iter().chain([dial.otherwise]).collect(),
        Node::Queue(queue) => queue.waited_out.into_iter().collect(),
        Node::HangUp(_) => Vec::new(),
    }
}

fn reachable_from(flow: &Flow, start: NodeIndex) -> BTreeSet<NodeIndex> {
    let mut seen = BTreeSet::from([start]);
    let mut to_visit = vec![start];
    while let Some(index) = to_visit.pop() {
        to_visit.extend(exits(flow.node(index).1).into_iter().filter(|exit| seen.insert(*exit)));
    }
    seen
}

/// True when a way without keys and queues leads back here: the caller would hear the same for ever, or a closed extension
/// would be dialled again without end.
fn says_for_ever(flow: &Flow, start: NodeIndex) -> bool {
    let (mut seen, mut to_visit) = (BTreeSet::new(), vec![start]);
    while let Some(at) = to_visit.pop() {
        let node = flow.node(at).1;
        let goes_on = match node {
            Node::Say(_) | Node::Dial(_) => true,
            Node::Menu(_) | Node::Collect(_) | Node::Queue(_) | Node::HangUp(_) => false,
        };
        let next = exits(node).into_iter().filter(|_| goes_on);
        for next in next.filter(|next| seen.insert(*next)) {
            if next == start {
                return true;
            }
            to_visit.push(next);
        }
    }
    false
}
