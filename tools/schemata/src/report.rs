//! The table by file and the list of survivors.

use crate::campaign::{Fate, Results};
use crate::plan::{Mutant, Plan};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is told of a campaign.
pub struct Report<'a> {
    pub plan: &'a Plan,
    /// The mutants that were asked for.
    pub mutants: &'a [Mutant],
    pub results: &'a Results,
    pub unviable: &'a HashSet<u32>,
    pub equivalent: &'a HashMap<u32, &'a str>,
}

#[derive(Default)]
struct Row {
    mutants: usize,
    unviable: usize,
    equivalent: usize,
    caught: usize,
    timeouts: usize,
    missed: usize,
    unreached: usize,
    open: usize,
}

impl Row {
    fn line(&self, name: &str) -> String {
        let Row { mutants, unviable, equivalent, caught, timeouts, missed, unreached, .. } = self;
        let viable = mutants - unviable - equivalent;
        format!(
            "| {name} | {mutants} | {equivalent} | {viable} | {} | {timeouts} | {} |\n",
            caught + timeouts,
            missed + unreached
        )
    }
}

impl Report<'_> {
    /// The table, in Markdown, whether anything is alive, and how many were not run.
    pub fn table(&self) -> (String, bool, usize) {
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        let mut all = Row::default();
        for mutant in self.mutants {
            let name = self.plan.files[mutant.file].path.display().to_string();
            let name = name.replacen("crates/", "", 1).replacen("src/", "", 1);
            for row in [rows.entry(format!("`{name}`")).or_default(), &mut all] {
                row.mutants += 1;
                if self.unviable.contains(&mutant.id) {
                    row.unviable += 1;
                } else if self.equivalent.contains_key(&mutant.id) {
                    row.equivalent += 1;
                } else {
                    match self.fate(mutant) {
                        Some(Fate::Caught) => row.caught += 1,
                        Some(Fate::Timeout) => row.timeouts += 1,
                        Some(Fate::Missed) => row.missed += 1,
                        Some(Fate::Unreached) => row.unreached += 1,
                        None => row.open += 1,
                    }
                }
            }
        }
        let mut text =
            "| File | mutants | equivalent | viable | caught | of these by time | missed |\n\
                        |---|---|---|---|---|---|---|\n"
                .to_owned();
        for (name, row) in &rows {
            text += &row.line(name);
        }
        text += &all.line("all");
        (text, all.missed + all.unreached > 0, all.open)
    }

    fn fate(&self, mutant: &Mutant) -> Option<Fate> {
        self.results.known.get(&mutant.name).map(|record| record.fate)
    }

    /// What lived, in the order of the code.
    pub fn survivors(&self) -> String {
        let mut text = String::new();
        for mutant in self.mutants {
            let counted =
                !self.unviable.contains(&mutant.id) && !self.equivalent.contains_key(&mutant.id);
            match self.fate(mutant) {
                Some(Fate::Missed) if counted => text += &self.plan.describe(mutant),
                Some(Fate::Unreached) if counted => {
                    text += "(no test reaches it) ";
                    text += &self.plan.describe(mutant);
                }
                _ => {}
            }
        }
        text
    }
}
