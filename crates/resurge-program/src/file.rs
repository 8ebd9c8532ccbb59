//! A program file, read and checked.

use crate::container::check_header;
use crate::cost::Cost;
use crate::json;
use crate::node::{Frame, Kind, Node, Site};
use crate::ops::Operation;
use crate::tensors::Tensors;
use crate::{ProgramError, Result};
use resurge_tensor::{Shape, Tensor};
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// The key of the description in the metadata of a program file.
///
/// ```
/// assert_eq!(resurge_program::METADATA, "resurge_program");
/// ```
pub const METADATA: &str = "resurge_program";

/// The version of the format that this crate reads.
///
/// ```
/// assert_eq!(resurge_program::VERSION, 1);
/// ```
pub const VERSION: u64 = 1;

/// A program of ten thousand nodes, each with its value and its cotangent, has a header of about this size.
const HEADER: usize = 16 << 20;

/// A recorded program: nodes, marks, source sites, and what the framework computed.
///
/// ```
/// use resurge_program::ProgramFile;
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// assert_eq!(file.framework().split(' ').next(), Some("torch"));
/// assert!(file.nodes() > 10 && file.leaves().any(|name| name == "w"));
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProgramFile {
    pub(crate) framework: String,
    pub(crate) notes: Vec<String>,
    pub(crate) sites: Vec<Site>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) loss: usize,
    pub(crate) leaves: Vec<usize>,
    /// Half a unit in the last place of the loss's type.
    pub(crate) unit: f64,
    /// The same of the coarsest type in the file.
    pub(crate) coarsest: f64,
    pub(crate) work: usize,
    /// Whether a state of an earlier call carries a gradient out of the program.
    pub(crate) carried: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Framework {
    name: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    #[serde(rename = "version")]
    _version: u64,
    framework: Framework,
    loss: usize,
    #[serde(default)]
    sites: Vec<Vec<Frame>>,
    #[serde(default)]
    notes: Vec<String>,
    nodes: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    op: String,
    #[serde(default, rename = "in")]
    inputs: Vec<usize>,
    #[serde(default, rename = "at")]
    site: Option<usize>,
    #[serde(default = "empty")]
    with: Value,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

impl ProgramFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ProgramError::Read`] where there is no such file, and as [`parse`](Self::parse).
    ///
    /// ```
    /// use resurge_program::ProgramFile;
    ///
    /// let error = ProgramFile::open("/no/such/file".as_ref()).unwrap_err();
    /// assert!(error.to_string().starts_with("cannot be read: "));
    /// ```
    pub fn open(path: &Path) -> Result<Self> {
        let read = |error: std::io::Error| ProgramError::Read(error.to_string());
        // A device or a pipe has no size that would bound what is read.
        if !std::fs::metadata(path).map_err(read)?.is_file() {
            return Err(ProgramError::Read("it is not a file".into()));
        }
        Self::parse(&std::fs::read(path).map_err(read)?)
    }

    fn check_header(bytes: &[u8]) -> Result<()> {
        check_header(bytes, HEADER, "enough for ten thousand nodes").map_err(ProgramError::Container)
    }

    /// Whether these are the bytes of a program file, and not of an audit file or anything else.
    ///
    /// ```
    /// assert!(!resurge_program::ProgramFile::is_program(b"no safetensors"));
    /// ```
    pub fn is_program(bytes: &[u8]) -> bool {
        Self::check_header(bytes).is_ok()
            && SafeTensors::read_metadata(bytes)
                .is_ok_and(|(_, m)| m.metadata().as_ref().is_some_and(|m| m.contains_key(METADATA)))
    }

    /// Whether there is a program file at this place.
    ///
    /// ```
    /// use resurge_program::ProgramFile;
    ///
    /// assert!(ProgramFile::is_program_at("samples/leaky.safetensors".as_ref()));
    /// assert!(!ProgramFile::is_program_at("/no/such/file".as_ref()));
    /// ```
    pub fn is_program_at(path: &Path) -> bool {
        let is_file = std::fs::metadata(path).is_ok_and(|m| m.is_file());
        is_file && std::fs::read(path).is_ok_and(|bytes| Self::is_program(&bytes))
    }

    /// Reads the bytes of a file. Time and memory are bounded by their number.
    ///
    /// # Errors
    /// The other cases of [`ProgramError`], each of which names what is wrong and where.
    ///
    /// ```
    /// use resurge_program::ProgramFile;
    ///
    /// let error = ProgramFile::parse(b"no safetensors").unwrap_err().to_string();
    /// assert!(error.contains("not a whole safetensors file"));
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::check_header(bytes)?;
        let container = |error: safetensors::SafeTensorError| ProgramError::Container(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(container)?;
        let tensors = Tensors::new(SafeTensors::deserialize(bytes).map_err(container)?);
        let missing = || ProgramError::at("the metadata", format!("it has no `{METADATA}`"));
        let text = header.metadata().as_ref().and_then(|m| m.get(METADATA)).ok_or_else(missing)?;
        let whole = |error: serde_json::Error| ProgramError::at("the description", error.to_string());
        let value = json::parse(text.as_bytes()).map_err(whole)?;
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            found => {
                let found = found.map_or("no version".into(), |v| format!("version {v}"));
                let problem = format!("it is of {found}, but this is a reader of version {VERSION}");
                return Err(ProgramError::at("the description", problem));
            }
        }
        let description: Description = serde_json::from_value(value).map_err(whole)?;
        Self::read(description, &tensors, bytes.len())
    }

    fn read(description: Description, tensors: &Tensors<'_>, bytes: usize) -> Result<Self> {
        let Description { framework, loss, sites, notes, nodes: entries, .. } = description;
        let mut file = Self {
            framework: format!("{} {}", framework.name, framework.version),
            notes,
            sites,
            nodes: Vec::with_capacity(entries.len()),
            loss,
            leaves: Vec::new(),
            unit: 0.0,
            coarsest: 0.0,
            work: 0,
            carried: false,
        };
        let mut cost = Cost::new(bytes);
        for (index, entry) in entries.into_iter().enumerate() {
            let entry: Entry =
                serde_json::from_value(entry).map_err(|e| ProgramError::node(index, e.to_string()))?;
            let node = file.node(index, entry, tensors)?;
            cost.add(&node, &file.nodes)?;
            file.nodes.push(node);
        }
        file.work = cost.work();
        match file.nodes.get(loss) {
            Some(node) if node.shape.checked_len().is_ok_and(|n| n == 1) => {}
            Some(node) => {
                let problem = format!("its shape is {}; reduce it to one number", node.shape);
                return Err(ProgramError::at("the loss", problem));
            }
            None => return Err(ProgramError::at("the loss", format!("there is no node {loss}"))),
        }
        tensors.all_are_read()?;
        file.coarsest = tensors.unit();
        file.unit = file.nodes[loss].unit.unwrap_or(file.coarsest);
        file.mark_needed();
        Ok(file)
    }

    fn node(&mut self, index: usize, entry: Entry, tensors: &Tensors<'_>) -> Result<Node> {
        let Entry { op, inputs, site, with } = entry;
        if let Some(later) = inputs.iter().find(|&&i| i >= index) {
            return Err(ProgramError::node(index, format!("its input {later} does not come before it")));
        }
        if site.is_some_and(|site| site >= self.sites.len()) {
            return Err(ProgramError::node(index, "there is no such site"));
        }
        let shapes: Vec<Shape> = inputs.iter().map(|&i| self.nodes[i].shape.clone()).collect();
        let shapes: Vec<&Shape> = shapes.iter().collect();
        let bad = |problem: String| ProgramError::node(index, format!("`{op}`: {problem}"));
        let own = |e: serde_json::Error| bad(e.to_string());
        let takes = |count: usize| match inputs.len() == count {
            true => Ok(()),
            false => Err(bad(format!("it has {} inputs, but takes {count}", inputs.len()))),
        };
        let name = format!("value.{index}");
        let mut value = None;
        let (kind, shape) = match op.as_str() {
            "leaf" => {
                takes(0)?;
                let found = tensors.needed(&name, None)?;
                let shape = found.shape().clone();
                value = Some(found);
                self.leaves.push(index);
                (Kind::Leaf(serde_json::from_value(with).map_err(own)?), shape)
            }
            "constant" => {
                takes(0)?;
                let constant: crate::node::Constant = serde_json::from_value(with).map_err(own)?;
                self.carried |= constant.carried;
                let found = match constant.scalar {
                    Some(x) if x.is_finite() => Tensor::scalar(x),
                    Some(x) => return Err(bad(format!("its number is {x}"))),
                    None => tensors.needed(&name, None)?,
                };
                let shape = found.shape().clone();
                value = Some(found);
                (Kind::Constant, shape)
            }
            "decide" => {
                let found = tensors.needed(&name, None)?;
                let shape = found.shape().clone();
                value = Some(found);
                (Kind::Decide(serde_json::from_value(with).map_err(own)?), shape)
            }
            "stop" => {
                takes(1)?;
                (Kind::Stop(serde_json::from_value(with).map_err(own)?), shapes[0].clone())
            }
            "surrogate" => {
                let mut surrogate: crate::node::Surrogate = serde_json::from_value(with).map_err(own)?;
                let found = tensors.needed(&name, None)?;
                let shape = found.shape().clone();
                value = Some(found);
                for (j, input) in shapes.iter().enumerate() {
                    if **input != shape {
                        return Err(bad(format!(
                            "its input {j} has the shape {input}, and its value {shape}"
                        )));
                    }
                    surrogate.slopes.push(tensors.needed(&format!("slope.{index}.{j}"), Some(&shape))?);
                }
                (Kind::Surrogate(surrogate), shape)
            }
            "opaque" => {
                let mut opaque: crate::node::Opaque = serde_json::from_value(with).map_err(own)?;
                let found = tensors.needed(&name, None)?;
                let shape = found.shape().clone();
                value = Some(found);
                if let Some(d) = opaque.definition {
                    let defined = if d < index { Some(&self.nodes[d].shape) } else { None };
                    if defined != Some(&shape) {
                        return Err(bad(format!("its definition {d} is no earlier node of shape {shape}")));
                    }
                }
                for (j, input) in shapes.iter().enumerate() {
                    let name = format!("vjp.{index}.{j}");
                    opaque.contributions.push(tensors.optional(&name, Some(input))?);
                }
                (Kind::Opaque(opaque), shape)
            }
            other => {
                let unknown = || {
                    let known = Operation::NAMES.join(", ");
                    bad(format!(
                        "it is not known; operations are {known}, and marks leaf, constant, decide, stop, \
                                 surrogate, opaque"
                    ))
                };
                let read = Operation::read(other, with, tensors).ok_or_else(unknown)?.map_err(bad)?;
                let shape = read.shape(&shapes).map_err(bad)?;
                (Kind::Operation(read), shape)
            }
        };
        if value.is_none() {
            value = tensors.optional(&name, Some(&shape))?;
        }
        let cotangent = tensors.optional(&format!("cotangent.{index}"), Some(&shape))?;
        let carries = match kind {
            Kind::Leaf(_) => true,
            _ => kind.passes() && inputs.iter().any(|&i| self.nodes[i].carries),
        };
        let unit = tensors.unit_of(&name);
        Ok(Node { kind, inputs, shape, site, value, cotangent, unit, carries, needed: false })
    }

    /// Marks what the loss is computed from.
    fn mark_needed(&mut self) {
        self.nodes[self.loss].needed = true;
        for index in (0..self.nodes.len()).rev() {
            let Node { needed: true, ref kind, ref inputs, .. } = self.nodes[index] else { continue };
            let mut before = inputs.clone();
            if let Kind::Opaque(opaque) = kind {
                before.extend(opaque.definition);
            }
            before.into_iter().for_each(|i| self.nodes[i].needed = true);
        }
    }

    /// The framework and its version.
    ///
    /// ```
    /// use resurge_program::ProgramFile;
    ///
    /// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
    /// assert!(file.framework().starts_with("torch 2."));
    /// # Ok::<(), resurge_program::ProgramError>(())
    /// ```
    pub fn framework(&self) -> &str {
        &self.framework
    }

    /// How many nodes there are.
    ///
    /// ```
    /// use resurge_program::ProgramFile;
    ///
    /// assert!(ProgramFile::open("samples/leaky.safetensors".as_ref())?.nodes() > 10);
    /// # Ok::<(), resurge_program::ProgramError>(())
    /// ```
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The names of the leaves, in their order.
    ///
    /// ```
    /// use resurge_program::ProgramFile;
    ///
    /// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
    /// assert_eq!(file.leaves().collect::<Vec<_>>(), ["w"]);
    /// # Ok::<(), resurge_program::ProgramError>(())
    /// ```
    pub fn leaves(&self) -> impl Iterator<Item = &str> {
        self.leaves.iter().map(|&leaf| self.leaf_name(leaf))
    }
}
