//! Diagnoses and maps as files.

use super::{Comparison, DiagnoseError, Diagnosis, PhaseMap, Spread};
use resurge_report::csv;
use resurge_report::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Error as IoError;
use std::path::Path;

/// The files of [`Diagnosis::write`].
///
/// ```
/// let directory = std::path::Path::new("../resurge/examples/results/diagnose");
/// assert!(resurge_experiments::diagnose::DIAGNOSIS_FILES.iter().all(|name| directory.join(name).exists()));
/// ```
pub const DIAGNOSIS_FILES: [&str; 2] = ["diagnosis.json", "diagnosis.csv"];

/// The files of [`PhaseMap::write`].
///
/// ```
/// let directory = std::path::Path::new("../resurge/examples/results/diagnose");
/// assert!(resurge_experiments::diagnose::MAP_FILES.iter().all(|name| directory.join(name).exists()));
/// ```
pub const MAP_FILES: [&str; 2] = ["map.json", "map.csv"];

impl Diagnosis {
    /// Writes [`DIAGNOSIS_FILES`] into a directory: all that there is, and the same as a table.
    ///
    /// # Errors
    /// [`DiagnoseError::File`].
    ///
    /// ```
    /// use resurge_experiments::diagnose::{DIAGNOSIS_FILES, Diagnosis};
    ///
    /// let diagnosis = Diagnosis::read("../resurge/examples/results/diagnose".as_ref())?;
    /// let directory = tempfile::tempdir()?;
    /// diagnosis.write(directory.path())?;
    /// assert!(DIAGNOSIS_FILES.iter().all(|name| directory.path().join(name).exists()));
    /// assert_eq!(Diagnosis::read(directory.path())?, diagnosis);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, directory: &Path) -> Result<(), DiagnoseError> {
        write(directory, DIAGNOSIS_FILES, self, self.table())
    }

    /// Reads what [`Diagnosis::write`] wrote.
    ///
    /// # Errors
    /// [`DiagnoseError::File`], [`DiagnoseError::Damaged`].
    ///
    /// ```
    /// use resurge_experiments::diagnose::Diagnosis;
    ///
    /// assert_eq!(Diagnosis::read("../resurge/examples/results/diagnose".as_ref())?.samples, 4);
    /// assert!(Diagnosis::read("/no/such/place".as_ref()).unwrap_err().to_string().contains("diagnosis.json"));
    /// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
    /// ```
    pub fn read(directory: &Path) -> Result<Self, DiagnoseError> {
        read(directory, DIAGNOSIS_FILES[0])
    }

    /// A row for each comparison: `what` is `gradient` (of the weights), `adjoint` (of the potentials), `lag` (the same
    /// by lag), or `product` (root mean square of products of so many temporal Jacobians); layer `all` is the network.
    fn table(&self) -> Result<String, IoError> {
        let known = |x: Option<f64>| x.map(|x| x.to_string()).unwrap_or_default();
        let row = |layer: &str, what: &str, lag: Option<usize>, c: Comparison| {
            let lag = lag.map(|lag| lag.to_string()).unwrap_or_default();
            let numbers = [c.full.to_string(), c.detached.to_string(), known(c.missing), known(c.cosine)];
            [layer.to_owned(), what.to_owned(), lag].into_iter().chain(numbers).collect::<Vec<_>>()
        };
        let mut rows = vec![row("all", "gradient", None, self.gradient)];
        rows.extend(self.lags.iter().map(|lag| row("all", "lag", Some(lag.lag), lag.adjoint)));
        for layer in &self.layers {
            rows.push(row(&layer.name, "gradient", None, layer.gradient));
            rows.push(row(&layer.name, "adjoint", None, layer.adjoint));
            rows.extend(layer.lags.iter().map(|lag| row(&layer.name, "lag", Some(lag.lag), lag.adjoint)));
            for (step, (&full, &detached)) in layer.full.along.iter().zip(&layer.detached.along).enumerate() {
                let product = Comparison { full, detached, missing: None, cosine: None };
                rows.push(row(&layer.name, "product", Some(step + 1), product));
            }
        }
        csv(&["layer", "what", "lag", "full", "detached", "missing", "cosine"].map(String::from), rows)
    }
}

impl PhaseMap {
    /// Writes [`MAP_FILES`] into a directory: all that there is, and the same as a table.
    ///
    /// # Errors
    /// [`DiagnoseError::File`].
    ///
    /// ```
    /// use resurge_experiments::diagnose::{MAP_FILES, PhaseMap};
    ///
    /// let map = PhaseMap::read("../resurge/examples/results/diagnose".as_ref())?;
    /// let directory = tempfile::tempdir()?;
    /// map.write(directory.path())?;
    /// assert!(MAP_FILES.iter().all(|name| directory.path().join(name).exists()));
    /// assert_eq!(PhaseMap::read(directory.path())?, map);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, directory: &Path) -> Result<(), DiagnoseError> {
        write(directory, MAP_FILES, self, self.table())
    }

    /// Reads what [`PhaseMap::write`] wrote.
    ///
    /// # Errors
    /// [`DiagnoseError::File`], [`DiagnoseError::Damaged`] for points that are not those of the settings.
    ///
    /// ```
    /// use resurge_experiments::diagnose::PhaseMap;
    ///
    /// assert_eq!(PhaseMap::read("../resurge/examples/results/diagnose".as_ref())?.settings.neurons, 50);
    /// assert!(PhaseMap::read("/no/such/place".as_ref()).unwrap_err().to_string().contains("map.json"));
    /// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
    /// ```
    pub fn read(directory: &Path) -> Result<Self, DiagnoseError> {
        let map: Self = read(directory, MAP_FILES[0])?;
        let damaged =
            |problem: String| DiagnoseError::Damaged { path: directory.join(MAP_FILES[0]), problem };
        map.settings.check().map_err(|error| damaged(error.to_string()))?;
        let settings = &map.settings;
        let grid = settings.rates.iter().flat_map(|&rate| {
            let at = move |&decay: &f64| settings.widths.iter().map(move |&width| [rate, decay, width]);
            settings.decays.iter().flat_map(at)
        });
        match map.cells.iter().map(|cell| [cell.rate, cell.decay, cell.width]).eq(grid) {
            true => Ok(map),
            false => Err(damaged("its cells are not the points of its settings, in their order".into())),
        }
    }

    fn table(&self) -> Result<String, IoError> {
        let names = [
            "gain",
            "measured_rate",
            "missing",
            "cosine",
            "length",
            "growth",
            "full_rms",
            "detached_rms",
            "cut",
        ];
        let ends = |name: &str| [name.to_owned(), format!("{name}_low"), format!("{name}_high")];
        let header: Vec<String> = ["rate", "decay", "width", "met"]
            .map(String::from)
            .into_iter()
            .chain(names.into_iter().flat_map(ends))
            .collect();
        let fields = |spread: Option<Spread>| match spread {
            Some(Spread { median, low, high }) => [median, low, high].map(|x| x.to_string()),
            None => [const { String::new() }; 3],
        };
        let rows = self.cells.iter().map(|c| {
            let point = [c.rate.to_string(), c.decay.to_string(), c.width.to_string(), c.met.to_string()];
            let values = [
                c.gain,
                c.measured_rate,
                c.missing,
                c.cosine,
                c.length,
                c.growth,
                c.full_rms,
                c.detached_rms,
                c.cut,
            ];
            point.into_iter().chain(values.into_iter().flat_map(fields)).collect()
        });
        csv(&header, rows)
    }
}

fn write(
    directory: &Path,
    [json, table]: [&str; 2],
    of: &impl Serialize,
    rows: Result<String, IoError>,
) -> Result<(), DiagnoseError> {
    let text = serde_json::to_string_pretty(of).map(|text| text + "\n").map_err(IoError::from);
    for (name, text) in [(json, text), (table, rows)] {
        let path = directory.join(name);
        text.and_then(|text| write_atomically(&path, text.as_bytes()))
            .map_err(|source| DiagnoseError::File { path, source })?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(directory: &Path, name: &str) -> Result<T, DiagnoseError> {
    let path = directory.join(name);
    let bytes = std::fs::read(&path).map_err(|source| DiagnoseError::File { path: path.clone(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| DiagnoseError::Damaged { path, problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::super::{MapSettings, phase_map};
    use super::*;

    #[test]
    fn a_map_is_read_as_it_was_written_and_damage_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (decays, widths, rates) = (vec![0.5, 0.9], vec![0.3], vec![0.1, 0.95]);
        let settings =
            MapSettings { decays, widths, rates, neurons: 40, repeats: 2, ..MapSettings::default() };
        let map = phase_map(&settings, |_| {}).unwrap();
        map.write(path).unwrap();
        assert_eq!(PhaseMap::read(path).unwrap(), map);
        let table = std::fs::read_to_string(path.join("map.csv")).unwrap();
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!((rows.len(), rows[0].len()), (5, 31));
        assert!(rows.iter().all(|row| row.len() == 31));
        assert_eq!((rows[1][3], rows[4][3], rows[4][4]), ("true", "false", ""));
        let column = rows[0].iter().position(|name| *name == "missing").unwrap();
        assert_eq!(rows[1][column].parse::<f64>().unwrap(), map.cells[0].missing.unwrap().median);

        let text = std::fs::read_to_string(path.join("map.json")).unwrap();
        for (from, to, problem) in [
            ("\"neurons\": 40", "\"neutrons\": 40", "unknown field `neutrons`"),
            ("\"neurons\": 40", "\"neurons\": 0", "neurons is 0"),
            ("\"rate\": 0.1", "\"rate\": 0.2", "not the points of its settings"),
            ("\"cells\": [", "\"cells\": [ {", "line "),
        ] {
            assert!(text.contains(from), "{from}");
            std::fs::write(path.join("map.json"), text.replacen(from, to, 1)).unwrap();
            let error = PhaseMap::read(path).unwrap_err().to_string();
            assert!(error.contains("map.json") && error.contains(problem), "{error}");
        }
        let error = Diagnosis::read(path).unwrap_err().to_string();
        assert!(error.contains("diagnosis.json"), "{error}");
    }
}
