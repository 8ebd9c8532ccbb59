//! `resurge data`: fetching data sets, and checking those that are there.

use super::table::{fold, terminal_width};
use crate::Verdict;
use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use resurge::data::{Dataset, FileReport, Status, check};
use std::path::{Path, PathBuf};

/// Fetch data sets from their publishers, and check the files that are there
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge data fetch mnist
  resurge data check data/mnist")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "fetch")]
    Fetch(Fetch),
    Check(Check),
}

/// Download the official files of a data set
///
/// Files that are there with the right checksum are left alone, and a download that broke off goes on where it stopped.
/// A file gets its name only when it is whole and has the right checksum.
#[cfg(feature = "fetch")]
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge data fetch mnist
  resurge data fetch nmnist --data /scratch/nmnist")]
struct Fetch {
    /// The data set
    #[arg(value_parser = PossibleValuesParser::new(Dataset::ALL.map(Dataset::name)))]
    dataset: String,
    /// The directory of the files of the data set, made if there is none; by default data/DATASET
    #[arg(long, alias = "dir", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Read every file of the data sets in a directory and verify its checksum
///
/// Exit status: 0 when all files of a data set are there and right, 1 when not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge data check data/mnist
  resurge data check downloads --dataset cifar10")]
struct Check {
    /// The directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The data set, by default whichever has files there
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Dataset::ALL.map(Dataset::name)))]
    dataset: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    match &arguments.command {
        #[cfg(feature = "fetch")]
        Command::Fetch(arguments) => arguments.run(),
        Command::Check(arguments) => arguments.run(),
    }
}

#[cfg(feature = "fetch")]
impl Fetch {
    fn run(&self) -> Result<Verdict> {
        let dir = self.data.clone().unwrap_or_else(|| Path::new("data").join(&self.dataset));
        let bar = super::progress::downloading();
        let fetched = resurge::data::fetch::fetch(self.dataset.parse()?, &dir, &mut |progress| {
            if bar.message() != progress.file {
                bar.reset();
                bar.set_message(progress.file.to_owned());
            }
            bar.set_length(progress.total.unwrap_or(progress.done));
            bar.set_position(progress.done);
        });
        bar.finish_and_clear();
        for path in fetched? {
            super::print(&format!("{}\n", path.display()))?;
        }
        super::print(&super::places(&[&dir]))?;
        Ok(Verdict::Holds)
    }
}

impl Check {
    fn run(&self) -> Result<Verdict> {
        super::is_directory(&self.dir, "the files of a data set")?;
        let found = match &self.dataset {
            Some(name) => {
                let dataset = name.parse()?;
                vec![(dataset, check(dataset, &self.dir))]
            }
            None => found_in(&self.dir),
        };
        if found.is_empty() {
            super::say(format_args!(
                "{} holds no file of {}, nor does a folder that other loaders make below it; get one with resurge \
                 data fetch",
                self.dir.display(),
                Dataset::ALL.map(Dataset::name).join(", ")
            ));
            return Ok(Verdict::Fails);
        }
        let mut verdict = Verdict::Holds;
        for (dataset, reports) in found {
            for report in reports {
                let FileReport { path, status, detail } = report;
                let colon = if detail.is_empty() { "" } else { ": " };
                let line = format!("{dataset:13} {status:14} {}{colon}{detail}\n", path.display());
                super::print(&fold(&line, terminal_width()))?;
                if status != Status::Ok {
                    verdict = Verdict::Fails;
                }
            }
        }
        Ok(verdict)
    }
}

/// The data sets that have a file in a directory. MNIST and Fashion-MNIST have the same names: files that both could be
/// are of the one that more are right for, MNIST if equally many; the other may still have a folder of its own.
fn found_in(dir: &Path) -> Vec<(Dataset, Vec<FileReport>)> {
    let mut found: Vec<_> = Dataset::ALL.map(|dataset| (dataset, check(dataset, dir))).into();
    found.retain(|(_, reports)| reports.iter().any(|report| report.status != Status::Missing));
    let reports =
        |dataset| found.iter().find(|(found, _)| *found == dataset).map(|(_, reports)| &reports[..]);
    let (Some(digits), Some(fashion)) = (reports(Dataset::Mnist), reports(Dataset::FashionMnist)) else {
        return found;
    };
    let there = |reports: &[FileReport]| -> Vec<PathBuf> {
        reports.iter().filter(|r| r.status != Status::Missing).map(|r| r.path.clone()).collect()
    };
    let fashions = there(fashion);
    if there(digits).iter().any(|path| fashions.contains(path)) {
        let right = |reports: &[FileReport]| reports.iter().filter(|r| r.status == Status::Ok).count();
        let (other, folder) = match right(fashion) > right(digits) {
            true => (Dataset::Mnist, "MNIST"),
            false => (Dataset::FashionMnist, "FashionMNIST"),
        };
        let own = check(other, &dir.join(folder));
        let own = Some(own).filter(|own| !there(own).is_empty());
        found.retain(|(dataset, _)| *dataset != other);
        found.extend(own.map(|reports| (other, reports)));
    }
    found
}
