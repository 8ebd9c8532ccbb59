//! Data as CSV files, and back.
//!
//! Losses are in single precision, so that what is read is what was found, to the bit.

use super::{Arm, ArmEnds, Data, LearningCurve, Raster, Settings, Start, ToyError};
use crate::Rule;
use resurge_report::csv;
use resurge_report::write_atomically;
use std::borrow::Cow;
use std::fmt::Display;
use std::io::Error as IoError;
use std::path::Path;
use std::str::FromStr;

/// The files of [`Data::write`].
///
/// ```
/// let directory = std::path::Path::new("../resurge/examples/results/toy");
/// assert!(resurge_experiments::toy::DATA_FILES.iter().all(|name| directory.join(name).exists()));
/// ```
pub const DATA_FILES: [&str; 6] =
    ["settings.json", "seeds.csv", "losses.csv", "spikes.csv", "curves.csv", "rasters.csv"];

impl Settings {
    fn read(path: &Path) -> Result<Self, ToyError> {
        let text = std::fs::read(path).map_err(|source| ToyError::File { path: path.to_owned(), source })?;
        let settings: Self = serde_json::from_slice(&text).map_err(|error| ToyError::Damaged {
            path: path.to_owned(),
            line: error.line(),
            problem: error.to_string(),
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether a directory holds the data of a finished run with these settings, all [`DATA_FILES`].
    ///
    /// # Errors
    /// [`ToyError::OtherRun`] for data of other settings, which would be overwritten; [`ToyError::File`] and
    /// [`ToyError::Damaged`] for settings that cannot be read.
    ///
    /// ```
    /// use resurge_experiments::Seeds;
    /// use resurge_experiments::toy::{Settings, sweep};
    ///
    /// let directory = tempfile::tempdir()?;
    /// let seeds = Seeds::first(2);
    /// let settings = Settings { inputs: 20, updates: 2, seeds, per_decade: 1, ..Settings::default() };
    /// assert!(!settings.are_finished_in(directory.path())?);
    /// let stop = std::sync::atomic::AtomicBool::new(false);
    /// sweep(&settings, &directory.path().join("journal"), &stop, |_| {})?.write(directory.path())?;
    /// assert!(settings.are_finished_in(directory.path())?);
    /// let error = Settings { seeds: Seeds::first(3), ..settings }.are_finished_in(directory.path()).unwrap_err();
    /// assert!(error.to_string().contains("seeds is 1-2 there and 1-3 here"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn are_finished_in(&self, directory: &Path) -> Result<bool, ToyError> {
        let path = directory.join(DATA_FILES[0]);
        if !path.exists() {
            return Ok(false);
        }
        if let Some((setting, there, here)) = Self::read(&path)?.first_difference(self) {
            return Err(ToyError::OtherRun { path, setting: setting.into(), there, here });
        }
        Ok(DATA_FILES.iter().all(|name| directory.join(name).exists()))
    }
}

impl Data {
    /// Writes the data into a directory: [`DATA_FILES`], which `docs/results/toy.md` describes.
    ///
    /// # Errors
    /// [`ToyError::File`].
    ///
    /// ```
    /// use resurge_experiments::toy::Data;
    ///
    /// let (data, directory) = (Data::read("../resurge/examples/results/toy".as_ref())?, tempfile::tempdir()?);
    /// data.write(directory.path())?;
    /// assert_eq!(Data::read(directory.path())?, data); // to the bit
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, directory: &Path) -> Result<(), ToyError> {
        let settings = serde_json::to_string_pretty(&self.settings).map(|text| text + "\n");
        let contents = [
            settings.map_err(IoError::from),
            self.seeds_table(),
            self.ends_table(|ends| &ends.losses),
            self.ends_table(|ends| &ends.spikes),
            self.curves_table(),
            self.rasters_table(),
        ];
        for (name, text) in DATA_FILES.into_iter().zip(contents) {
            let path = directory.join(name);
            text.and_then(|text| write_atomically(&path, text.as_bytes()))
                .map_err(|source| ToyError::File { path, source })?;
        }
        Ok(())
    }

    /// Reads what [`Data::write`] wrote.
    ///
    /// # Errors
    /// [`ToyError::File`] for a file that cannot be read, [`ToyError::Damaged`] for one that does not belong to the
    /// settings beside it.
    ///
    /// ```
    /// use resurge_experiments::toy::Data;
    ///
    /// assert_eq!(Data::read("../resurge/examples/results/toy".as_ref())?.settings.seeds.0.len(), 3);
    /// let error = Data::read("/no/such/place".as_ref()).unwrap_err();
    /// assert!(error.to_string().starts_with("/no/such/place/settings.json: "));
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn read(directory: &Path) -> Result<Self, ToyError> {
        let settings = Settings::read(&directory.join(DATA_FILES[0]))?;
        let losses = read_ends(directory, DATA_FILES[2], &settings)?;
        let spikes = read_ends(directory, DATA_FILES[3], &settings)?;
        let ends = settings.arms().into_iter().zip(losses).zip(spikes);
        Ok(Self {
            starts: read_seeds(directory, &settings)?,
            ends: ends.map(|((arm, losses), spikes)| ArmEnds { arm, losses, spikes }).collect(),
            curves: read_curves(directory, &settings)?,
            rasters: read_rasters(directory)?,
            settings,
        })
    }

    fn seeds_table(&self) -> Result<String, IoError> {
        let norms = self.settings.rules.iter().map(|rule| format!("norm_{rule}"));
        let header = ["seed", "loss", "silent_loss", "target_spikes", "spikes"].map(String::from);
        let row = |s: &Start| {
            let counts = [s.target_spikes.to_string(), s.spikes.to_string()];
            let losses = [s.seed.to_string(), s.loss.to_string(), s.silent_loss.to_string()];
            losses.into_iter().chain(counts).chain(s.norms.iter().map(f32::to_string)).collect()
        };
        csv(&header.into_iter().chain(norms).collect::<Vec<_>>(), self.starts.iter().map(row))
    }

    /// A row for each arm and rate, with a column for each seed.
    fn ends_table<T: Display>(&self, of: impl Fn(&ArmEnds) -> &Vec<Vec<T>>) -> Result<String, IoError> {
        let seeds = self.settings.seeds.0.iter().map(|seed| format!("seed_{seed}"));
        let header =
            ["reset_gradient", "optimiser", "scaling", "rate"].map(String::from).into_iter().chain(seeds);
        let rates = self.settings.rates();
        let mut rows = Vec::new();
        for ends in &self.ends {
            for (rate, values) in rates.iter().zip(of(ends)) {
                let values = values.iter().map(T::to_string);
                rows.push(arm_fields(ends.arm, *rate).into_iter().chain(values).collect());
            }
        }
        csv(&header.collect::<Vec<_>>(), rows)
    }

    fn curves_table(&self) -> Result<String, IoError> {
        let header = ["reset_gradient", "optimiser", "scaling", "rate", "updates", "mean", "low", "high"];
        let mut rows = Vec::new();
        for curve in &self.curves {
            for (updates, values) in &curve.points {
                let values = values.iter().map(f32::to_string);
                let fields = arm_fields(curve.arm, curve.rate).into_iter().chain([updates.to_string()]);
                rows.push(fields.chain(values).collect());
            }
        }
        csv(&header.map(String::from), rows)
    }

    fn rasters_table(&self) -> Result<String, IoError> {
        let steps = |raster: &Raster| raster.steps.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
        let row = |raster: &Raster| vec![raster.seed.to_string(), raster.of.clone(), steps(raster)];
        csv(&["seed", "of", "steps"].map(String::from), self.rasters.iter().map(row))
    }
}

fn arm_fields(arm: Arm, rate: f64) -> Vec<String> {
    vec![arm.rule.name(), arm.optimiser.name().into(), arm.scaling.name().into(), rate.to_string()]
}

/// A rule as it is spelled today, and any other text as it is.
fn spelled(text: &str) -> Cow<'_, str> {
    text.parse::<Rule>().map_or(text.into(), |rule| rule.name().into())
}

/// A CSV file that is being read; it names itself in errors.
struct Table {
    path: std::path::PathBuf,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn open(directory: &Path, name: &str) -> Result<Self, ToyError> {
        let path = directory.join(name);
        let bytes = std::fs::read(&path).map_err(|source| ToyError::File { path: path.clone(), source })?;
        let rows = csv::Reader::from_reader(&bytes[..]).records().collect::<Result<_, _>>();
        match rows {
            Ok(rows) => Ok(Self { path, rows }),
            Err(error) => {
                let line = error.position().map_or(1, |at| at.line() as usize);
                Err(ToyError::Damaged { path, line, problem: error.to_string() })
            }
        }
    }

    /// The error of a row, counted from 0 below the header.
    fn damaged(&self, row: usize, problem: impl Display) -> ToyError {
        ToyError::Damaged { path: self.path.clone(), line: row + 2, problem: problem.to_string() }
    }

    fn expect_rows(&self, count: usize) -> Result<(), ToyError> {
        match self.rows.len() == count {
            true => Ok(()),
            false => {
                let found = self.rows.len();
                Err(self.damaged(found, format!("{found} rows, where these settings have {count}")))
            }
        }
    }

    fn field<T: FromStr<Err: Display>>(&self, row: usize, column: usize) -> Result<T, ToyError> {
        let text = self.rows[row].get(column).unwrap_or("");
        text.parse().map_err(|error| self.damaged(row, format!("column {}, {text:?}: {error}", column + 1)))
    }

    fn fields<T: FromStr<Err: Display>>(&self, row: usize, from: usize) -> Result<Vec<T>, ToyError> {
        (from..self.rows[row].len()).map(|column| self.field(row, column)).collect()
    }

    /// Makes sure that a row begins with an arm, and with a rate where one is given. Its rule may be spelled as in
    /// earlier versions.
    fn expect_arm(&self, row: usize, arm: Arm, rate: Option<f64>) -> Result<(), ToyError> {
        let mut expected = arm_fields(arm, rate.unwrap_or(0.0));
        expected.truncate(if rate.is_some() { 4 } else { 3 });
        let found =
            self.rows[row].iter().take(1).map(spelled).chain(self.rows[row].iter().skip(1).map(Cow::from));
        match found.zip(&expected).all(|(found, expected)| found == *expected) {
            true => Ok(()),
            false => Err(self.damaged(row, format!("expected the row of {}", expected.join(",")))),
        }
    }
}

fn read_seeds(directory: &Path, settings: &Settings) -> Result<Vec<Start>, ToyError> {
    let table = Table::open(directory, DATA_FILES[1])?;
    table.expect_rows(settings.seeds.0.len())?;
    let row = |row| {
        let norms: Vec<f32> = table.fields(row, 5)?;
        if norms.len() != settings.rules.len() {
            return Err(table.damaged(row, "not one norm for each rule"));
        }
        Ok(Start {
            seed: table.field(row, 0)?,
            loss: table.field(row, 1)?,
            silent_loss: table.field(row, 2)?,
            target_spikes: table.field(row, 3)?,
            spikes: table.field(row, 4)?,
            norms,
        })
    };
    (0..table.rows.len()).map(row).collect()
}

/// Values by arm, rate and seed.
fn read_ends<T: FromStr<Err: Display>>(
    directory: &Path,
    name: &str,
    settings: &Settings,
) -> Result<Vec<Vec<Vec<T>>>, ToyError> {
    let table = Table::open(directory, name)?;
    let (arms, rates) = (settings.arms(), settings.rates());
    table.expect_rows(arms.len() * rates.len())?;
    let row = |arm: usize, rate: usize| {
        let row = arm * rates.len() + rate;
        table.expect_arm(row, arms[arm], Some(rates[rate]))?;
        let values = table.fields(row, 4)?;
        match values.len() == settings.seeds.0.len() {
            true => Ok(values),
            false => Err(table.damaged(row, "not one value for each seed")),
        }
    };
    (0..arms.len()).map(|arm| (0..rates.len()).map(|rate| row(arm, rate)).collect()).collect()
}

fn read_curves(directory: &Path, settings: &Settings) -> Result<Vec<LearningCurve>, ToyError> {
    let table = Table::open(directory, DATA_FILES[4])?;
    let (arms, points) = (settings.arms(), settings.recorded().len());
    table.expect_rows(arms.len() * points)?;
    let point = |row: usize, arm: Arm| {
        table.expect_arm(row, arm, None)?;
        Ok((table.field(row, 4)?, [table.field(row, 5)?, table.field(row, 6)?, table.field(row, 7)?]))
    };
    let curve = |(i, arm): (usize, Arm)| {
        let rows = i * points..(i + 1) * points;
        Ok(LearningCurve {
            arm,
            rate: table.field(rows.start, 3)?,
            points: rows.map(|row| point(row, arm)).collect::<Result<_, ToyError>>()?,
        })
    };
    arms.into_iter().enumerate().map(curve).collect()
}

fn read_rasters(directory: &Path) -> Result<Vec<Raster>, ToyError> {
    let table = Table::open(directory, DATA_FILES[5])?;
    let row = |row| {
        let steps = table.field::<String>(row, 2)?;
        let steps = steps.split_whitespace().map(str::parse).collect::<Result<_, _>>();
        Ok(Raster {
            seed: table.field(row, 0)?,
            of: spelled(&table.field::<String>(row, 1)?).into_owned(),
            steps: steps.map_err(|error| table.damaged(row, error))?,
        })
    };
    (0..table.rows.len()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seeds;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn what_is_written_is_read_and_damage_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let settings =
            Settings { inputs: 20, updates: 6, seeds: Seeds::first(3), per_decade: 1, ..Settings::default() };
        let mut data =
            super::super::sweep(&settings, &directory.join("journal"), &AtomicBool::new(false), |_| {})
                .unwrap();
        data.ends[0].losses[1][2] = f32::INFINITY;
        data.write(directory).unwrap();
        assert_eq!(Data::read(directory).unwrap(), data);
        let damages = [
            ("settings.json", "\"seeds\": 3", "\"seeds\": 4", "line 2: not one value for each seed"),
            ("settings.json", "\"seeds\": 3", "\"sheep\": 3", "unknown field `sheep`"),
            ("losses.csv", "inf", "wolf", "line 3: column 7, \"wolf\""),
            ("spikes.csv", "full,sgd", "half,sgd", "line 2: expected the row of full,sgd,raw,0.00001"),
            ("curves.csv", "full,adam", "none,adam", "expected the row of full,adam,raw"),
            ("rasters.csv", "1,target,", "1,target,x ", "line 2: "),
            ("seeds.csv", "1,", "one,", "line 2: column 1, \"one\""),
        ];
        for (file, from, to, problem) in damages {
            let text = std::fs::read_to_string(directory.join(file)).unwrap();
            assert!(text.contains(from), "{file}: {from}");
            std::fs::write(directory.join(file), text.replacen(from, to, 1)).unwrap();
            let error = Data::read(directory).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            std::fs::write(directory.join(file), text).unwrap();
        }
        std::fs::remove_file(directory.join("seeds.csv")).unwrap();
        assert!(Data::read(directory).unwrap_err().to_string().contains("seeds.csv"));
    }
}
