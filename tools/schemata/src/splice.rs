//! A source file with all of its mutants in it.

use crate::sites::{Kind, Site};
use std::collections::HashSet;
use std::ops::Range;

/// A file as it is compiled, and what of it belongs to which mutant.
#[derive(Debug, Default)]
pub struct Spliced {
    pub text: String,
    /// The code of each mutant.
    pub arms: Vec<(Range<usize>, u32)>,
    /// The whole of each place, by its index.
    pub places: Vec<(Range<usize>, usize)>,
}

/// Puts the mutants of a file into it. Those of `sites[i]` are numbered from `first[i]`; those in `without` are left
/// out.
///
/// In an alternative stands the original code of what it keeps: one mutant is active at a time, so that those inside
/// are not needed there, and the text does not grow with the depth of nesting but as its sum.
pub fn splice(source: &str, sites: &[Site], first: &[u32], without: &HashSet<u32>) -> Spliced {
    let mut splicer = Splicer { source, sites, first, without, next: 0, out: Spliced::default() };
    splicer.piece(0..source.len());
    splicer.out
}

struct Splicer<'a> {
    source: &'a str,
    sites: &'a [Site],
    first: &'a [u32],
    without: &'a HashSet<u32>,
    next: usize,
    out: Spliced,
}

impl Splicer<'_> {
    fn push(&mut self, text: &str) {
        self.out.text.push_str(text);
    }

    /// A part of the source with the places in it.
    fn piece(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while let Some(site) = self.sites.get(self.next) {
            // What is put in at the very end is behind the piece.
            if site.range.start >= range.end {
                break;
            }
            let index = self.next;
            self.next += 1;
            self.push(&self.source[at..site.range.start]);
            self.site(index);
            at = site.range.end;
        }
        self.push(&self.source[at..range.end]);
    }

    fn site(&mut self, index: usize) {
        let site = &self.sites[index];
        let base = self.first[index];
        let count = site.alternatives.len() as u32;
        let live: Vec<u32> = (0..count).filter(|i| !self.without.contains(&(base + i))).collect();
        if live.is_empty() {
            return self.piece(site.range.clone());
        }
        let start = self.out.text.len();
        let chosen = format!("crate::__schemata::at({base}).wrapping_sub({base})");
        match site.kind {
            Kind::Value | Kind::Statement => {
                // The code as it stands comes first: it says what type the others have to be.
                self.push(&format!("(match {chosen} {{ {count}.. => {{ "));
                self.piece(site.range.clone());
                self.push(if site.kind == Kind::Statement { "; }" } else { " }" });
                for i in live {
                    let code = &site.alternatives[i as usize].code;
                    self.arm(base + i, &format!(" {i} => {{ {code} }}"));
                }
                self.push(" _ => panic!(\"not viable\") })");
            }
            Kind::Jump(lead) => {
                self.push(&format!("{lead} match {chosen} {{"));
                for i in live {
                    let code = &site.alternatives[i as usize].code;
                    self.arm(base + i, &format!(" {i} => {{ {code} }}"));
                }
                self.push(" _ => {} }");
            }
            Kind::Never(lead) => {
                self.arm(base, &format!("{lead}{chosen} != 0"));
            }
        }
        self.out.places.push((start..self.out.text.len(), index));
    }

    fn arm(&mut self, mutant: u32, code: &str) {
        let start = self.out.text.len();
        self.push(code);
        self.out.arms.push((start..self.out.text.len(), mutant));
    }
}
