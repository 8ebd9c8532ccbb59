//! The names of leaves, and the lines of nodes.

use crate::ProgramFile;
use crate::node::{Frame, Kind, Node};

impl ProgramFile {
    pub(crate) fn leaf_name(&self, node: usize) -> &str {
        match &self.nodes[node].kind {
            Kind::Leaf(leaf) => &leaf.name,
            _ => "",
        }
    }

    /// Whether more than the leaves' gradients is recorded.
    pub(crate) fn has_inner_cotangents(&self) -> bool {
        let inner = |node: &Node| node.cotangent.is_some() && !matches!(node.kind, Kind::Leaf(_));
        self.nodes.iter().any(inner)
    }

    /// The line of a node, and the lines that called it.
    pub(crate) fn frames(&self, site: Option<usize>) -> &[Frame] {
        site.and_then(|site| self.sites.get(site)).map_or(&[][..], |frames| frames)
    }

    /// The same in one text.
    pub(crate) fn place(&self, site: Option<usize>) -> String {
        match self.frames(site) {
            [] => "an unknown line".into(),
            [first, rest @ ..] => {
                rest.iter().take(2).fold(first.to_string(), |text, frame| format!("{text} under {frame}"))
            }
        }
    }
}
