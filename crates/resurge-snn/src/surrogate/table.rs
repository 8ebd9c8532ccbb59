//! The table of surrogates, and how one is read and written.

use super::{Surrogate, SurrogateKind, SurrogateScale};
use crate::table::{self, Entry, Number, Parameter, Range};
use crate::{Result, SnnError};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A surrogate by name, with what the tables of other crates need of it.
///
/// ```
/// use resurge_snn::Surrogate;
///
/// let kinds = Surrogate::ALL.iter().filter(|one| one.canonical).count();
/// assert_eq!((kinds, Surrogate::ALL.len()), (12, 15));
/// let erf = Surrogate::ALL.iter().find(|one| one.entry.name == "erf").expect("in the table");
/// assert_eq!(erf.entry.of(&[2.0])?.name(), "gaussian"); // not canonical
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SurrogateEntry {
    /// Its name and numbers.
    pub entry: Entry<Surrogate>,
    /// Whether the name is that of its kind. Others are further names of a kind at some width and
    /// scale.
    pub canonical: bool,
    /// Whether it has an area, so that there is one of unit area.
    pub area: bool,
    /// The surrogate of this shape by its equivalent width, area over peak ([`Surrogate::width`]);
    /// for those that may stand in the place of one another.
    pub of_width: Option<fn(f64) -> Result<Surrogate>>,
    /// Its numbers in the proofs on the digits, if it takes part in them.
    pub digits: Option<&'static [f64]>,
}

const WIDTH: Parameter = Parameter::new("width", Range::Positive);
const SLOPE: Parameter = Parameter::new("slope", Range::Positive);
const WINGS: Parameter = Parameter::new("wings", Range::BelowHalf).or(0.15);
const RATIO: Parameter = Parameter::new("ratio", Range::Positive).or(6.0);
const PERIOD: Parameter = Parameter::new("period", Range::Positive);

impl SurrogateEntry {
    const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        sample: &'static [f64],
        make: fn(&[f64]) -> Result<Surrogate>,
    ) -> Self {
        let entry = Entry { what: "surrogate", name, parameters, sample, mark: ' ', make };
        Self { entry, canonical: true, area: true, of_width: None, digits: None }
    }

    const fn of_width(self, of_width: fn(f64) -> Result<Surrogate>) -> Self {
        Self { of_width: Some(of_width), ..self }
    }

    const fn on_the_digits(self, numbers: &'static [f64]) -> Self {
        Self { digits: Some(numbers), ..self }
    }

    const fn another_name(self) -> Self {
        Self { canonical: false, ..self }
    }

    const fn without_area(self) -> Self {
        Self { area: false, ..self }
    }
}

impl Surrogate {
    /// Every surrogate that has a name. The order and the samples decide which numbers the registry
    /// of cells proves.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// for one in Surrogate::ALL {
    ///     let sample = one.entry.of(one.entry.sample)?;
    ///     assert_eq!(sample.to_string().parse(), Ok(sample));
    /// }
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub const ALL: &'static [SurrogateEntry] = &[
        SurrogateEntry::new("sigmoid", &[WIDTH], &[0.3125], |n| Self::sigmoid(n[0]))
            .of_width(|w| Self::sigmoid(w / 4.0))
            .on_the_digits(&[0.2]),
        SurrogateEntry::new("tanh", &[SLOPE], &[1.5], |n| Self::tanh(n[0])).another_name(),
        SurrogateEntry::new("atan", &[SLOPE], &[2.0], |n| Self::atan(n[0]))
            .of_width(|w| Self::atan(2.0 / w))
            .on_the_digits(&[2.0]),
        SurrogateEntry::new("fast-sigmoid", &[SLOPE], &[4.0], |n| Self::fast_sigmoid(n[0]))
            .of_width(|w| Self::fast_sigmoid(2.0 / w))
            .on_the_digits(&[5.0]),
        SurrogateEntry::new("superspike-asymptotic", &[SLOPE], &[3.0], |n| Self::asymptotic_superspike(n[0]))
            .another_name(),
        SurrogateEntry::new("triangle", &[WIDTH], &[0.9], |n| Self::triangle(n[0]))
            .of_width(Self::triangle)
            .on_the_digits(&[1.0]),
        SurrogateEntry::new("rectangle", &[WIDTH], &[1.1], |n| Self::rectangle(n[0]))
            .of_width(Self::rectangle)
            .on_the_digits(&[1.5]),
        SurrogateEntry::new("gaussian", &[WIDTH], &[0.4], |n| Self::gaussian(n[0]))
            .of_width(|w| Self::gaussian(w / std::f64::consts::TAU.sqrt()))
            .on_the_digits(&[0.4]),
        SurrogateEntry::new("erf", &[SLOPE], &[1.7], |n| Self::erf(n[0])).another_name(),
        SurrogateEntry::new("exponential", &[WIDTH], &[0.3], |n| Self::exponential(n[0]))
            .of_width(|w| Self::exponential(w / 2.0)),
        SurrogateEntry::new("algebraic", &[WIDTH], &[0.5], |n| Self::algebraic(n[0]))
            .of_width(|w| Self::algebraic(w / 2.0)),
        SurrogateEntry::new("multi-gaussian", &[WIDTH, WINGS, RATIO], &[0.5, 0.15, 6.0], |n| {
            Self::multi_gaussian(n[0], n[1], n[2])
        }),
        SurrogateEntry::new("heaviside", &[WIDTH], &[0.7], |n| Self::heaviside(n[0])).without_area(),
        SurrogateEntry::new("periodic-exponential", &[WIDTH, PERIOD], &[0.6, 0.9], |n| {
            Self::periodic_exponential(n[0], n[1])
        })
        .without_area(),
        SurrogateEntry::new("straight-through", &[], &[], |_| Ok(Self::straight_through()))
            .of_width(|_| Ok(Self::straight_through()))
            .without_area(),
    ];

    /// Whether its numbers lie in their ranges and its scale is one that it can have.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] for a number out of its range, [`SnnError::Form`] for unit area
    /// where there is none.
    ///
    /// ```
    /// use resurge_snn::{Surrogate, SurrogateKind, SurrogateScale};
    ///
    /// let kind = SurrogateKind::Sigmoid { width: -0.2 };
    /// let error = Surrogate { kind, scale: SurrogateScale::PeakOne }.check().unwrap_err();
    /// assert_eq!(error.to_string(), "sigmoid width is -0.2, but must be positive and finite");
    /// assert!(Surrogate::heaviside(0.5)?.with_scale(SurrogateScale::UnitArea).check().is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn check(&self) -> Result<()> {
        self.kind.check()?;
        match self.scale {
            SurrogateScale::Peak(height) => {
                Range::Positive.check("surrogate peak", height)?;
            }
            SurrogateScale::UnitArea if self.table_entry().is_some_and(|one| !one.area) => {
                return Err(SnnError::Form {
                    what: "surrogate",
                    text: format!("{} scale unit-area", self.name()),
                    expected: "of scale \"peak-one\" or \"peak HEIGHT\": it has no area".into(),
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// The entry of its kind; none for a custom one.
    fn table_entry(&self) -> Option<&'static SurrogateEntry> {
        entry_of(&self.kind)
    }

    /// Whether its scale is the one that its name alone would give it.
    fn is_of_customary_scale(&self, entry: &Entry<Self>) -> bool {
        entry.of(&self.kind.numbers()).is_ok_and(|plain| plain.scale == self.scale)
    }
}

fn entry_of(kind: &SurrogateKind) -> Option<&'static SurrogateEntry> {
    Surrogate::ALL.iter().find(|one| one.canonical && one.entry.name == kind.name())
}

fn entries() -> Vec<&'static Entry<Surrogate>> {
    Surrogate::ALL.iter().map(|one| &one.entry).collect()
}

impl SurrogateKind {
    /// Whether its numbers lie in their ranges. The width of a custom one was checked when it was
    /// made.
    pub(crate) fn check(&self) -> Result<()> {
        entry_of(self).map_or(Ok(()), |one| one.entry.of(&self.numbers()).map(drop))
    }
}

/// `NAME NUMBER* [scale SCALE]`. The scale is written where it is not the one of the constructor.
impl fmt::Display for Surrogate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(one) = self.table_entry() else { return f.write_str(self.name()) };
        f.write_str(&one.entry.written(&self.kind.numbers()))?;
        if self.is_of_customary_scale(&one.entry) { Ok(()) } else { write!(f, " scale {}", self.scale) }
    }
}

impl FromStr for Surrogate {
    type Err = SnnError;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let end = words.iter().position(|&word| word == "scale").unwrap_or(words.len());
        let mut surrogate = table::parse(&entries(), text, &words[..end])?;
        if let Some(scale) = words.get(end + 1..) {
            surrogate.scale = scale.join(" ").parse()?;
        }
        surrogate.check()?;
        Ok(surrogate)
    }
}

impl fmt::Display for SurrogateScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnitArea => f.write_str("unit-area"),
            Self::PeakOne => f.write_str("peak-one"),
            Self::Peak(height) => write!(f, "peak {}", Number(*height)),
        }
    }
}

impl FromStr for SurrogateScale {
    type Err = SnnError;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let scale = match words[..] {
            ["unit-area"] => Some(Self::UnitArea),
            ["peak-one"] => Some(Self::PeakOne),
            ["peak", height] => height.parse().ok().map(Self::Peak),
            _ => None,
        };
        match scale {
            Some(Self::Peak(height)) => Ok(Self::Peak(Range::Positive.check("surrogate peak", height)?)),
            Some(scale) => Ok(scale),
            None => Err(table::unknown("surrogate scale", text, ["unit-area", "peak-one", "peak HEIGHT"])),
        }
    }
}

/// `{"kind": NAME, PARAMETER: NUMBER.., "scale": SCALE}`.
impl Serialize for Surrogate {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Some(one) = self.table_entry() else {
            return Err(S::Error::custom(
                "a custom surrogate is a function, which no file holds; take a named one",
            ));
        };
        self.check().map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map(Some(one.entry.parameters.len() + 2))?;
        map.serialize_entry("kind", one.entry.name)?;
        for (parameter, number) in one.entry.parameters.iter().zip(self.kind.numbers()) {
            map.serialize_entry(parameter.name, &number)?;
        }
        map.serialize_entry("scale", &self.scale)?;
        map.end()
    }
}

/// As it is written, without a scale that of the constructor. All names of [`Surrogate::ALL`] are
/// read.
impl<'de> Deserialize<'de> for Surrogate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            kind: String,
            scale: Option<SurrogateScale>,
            #[serde(flatten)]
            numbers: Numbers,
        }
        let Written { kind, scale, numbers: Numbers(mut numbers) } = Written::deserialize(deserializer)?;
        let entries = entries();
        let Some(entry) = entries.iter().find(|entry| entry.name == kind) else {
            let names = entries.iter().map(|entry| entry.name);
            return Err(D::Error::custom(table::unknown("surrogate kind", &kind, names)));
        };
        let mut taken = Vec::new();
        for parameter in entry.parameters {
            let number = numbers.remove(parameter.name);
            let missing =
                || D::Error::custom(format!("`{}` is missing, but {kind} needs it", parameter.name));
            taken.push(number.ok_or_else(missing)?);
        }
        if let Some(key) = numbers.keys().next() {
            return Err(D::Error::custom(format!("the surrogate {kind} has no `{key}`; leave it out")));
        }
        let mut surrogate = entry.of(&taken).map_err(D::Error::custom)?;
        surrogate.scale = scale.unwrap_or(surrogate.scale);
        surrogate.check().map_err(D::Error::custom)?;
        Ok(surrogate)
    }
}

/// Numbers by key, each key once.
struct Numbers(BTreeMap<String, f64>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the numbers of a surrogate")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Numbers, A::Error> {
                let mut numbers = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let number =
                        map.next_value().map_err(|error| A::Error::custom(format!("`{key}`: {error}")))?;
                    if numbers.contains_key(&key) {
                        return Err(A::Error::custom(format!("duplicate field `{key}`")));
                    }
                    numbers.insert(key, number);
                }
                Ok(Numbers(numbers))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests;
