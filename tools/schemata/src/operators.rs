//! What each kind of expression is changed into, as text.

use syn::{BinOp, Expr, Lit, ReturnType, Type};

/// What is known of a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numeric {
    Float,
    /// A count that is small, so that one more or less matters.
    Small,
    /// A bound on work or memory: twice and half of it.
    Large,
}

/// From here on, a whole number is a size and not a count.
const LARGE: u64 = 256;

/// The kind of number that a type and, of whole numbers, a value are.
pub fn numeric(ty: &Type, value: Option<&Expr>) -> Option<Numeric> {
    let Type::Path(path) = ty else { return None };
    let name = path.path.get_ident()?.to_string();
    if matches!(name.as_str(), "f64" | "f32") {
        return Some(Numeric::Float);
    }
    let whole = ["usize", "u8", "u16", "u32", "u64", "isize", "i8", "i16", "i32", "i64"];
    if !whole.contains(&name.as_str()) {
        return None;
    }
    let small = match value {
        Some(Expr::Lit(literal)) => match &literal.lit {
            Lit::Int(int) => int.base10_parse::<u64>().is_ok_and(|n| n <= LARGE),
            _ => false,
        },
        _ => false,
    };
    Some(if small { Numeric::Small } else { Numeric::Large })
}

/// The uses of a constant.
pub fn constant(name: &str, numeric: Numeric) -> Vec<String> {
    let changes: &[&str] = match numeric {
        Numeric::Float => &["* 100.0", "* 0.01"],
        Numeric::Small => &["+ 1", "- 1"],
        Numeric::Large => &["* 2", "/ 2"],
    };
    changes.iter().map(|change| format!("({name} {change})")).collect()
}

pub fn literal(literal: &Lit) -> Vec<String> {
    match literal {
        Lit::Bool(b) => vec![(!b.value).to_string()],
        Lit::Float(x) => {
            let (text, value) = (x.to_string(), x.base10_parse::<f64>().unwrap_or(f64::NAN));
            float(&text, value, x.suffix())
        }
        Lit::Int(n) => {
            let suffix = n.suffix();
            let Ok(value) = n.base10_parse::<u64>() else { return Vec::new() };
            if matches!(suffix, "f64" | "f32") {
                return float(&n.to_string(), value as f64, suffix);
            }
            let values = match value {
                0 => vec![1],
                n if n > LARGE => vec![n.saturating_mul(2), n / 2],
                n => vec![n + 1, n - 1],
            };
            values.into_iter().map(|n| format!("{n}{suffix}")).collect()
        }
        _ => Vec::new(),
    }
}

fn float(text: &str, value: f64, suffix: &str) -> Vec<String> {
    let mut found = Vec::new();
    if value != 0.0 {
        found.extend([format!("({text} * 100.0)"), format!("({text} * 0.01)")]);
        found.push(format!("0.0{suffix}"));
    }
    if value != 1.0 {
        found.push(format!("1.0{suffix}"));
    }
    found
}

pub fn compares(op: &BinOp) -> bool {
    use BinOp::*;
    matches!(op, Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_))
}

/// A comparison with a bar that is wider, or narrower, where it is a number with a fraction.
pub fn bars(op: &BinOp, left: &str, right: &str) -> Vec<String> {
    use BinOp::*;
    let sign = match op {
        Lt(_) => "<",
        Le(_) => "<=",
        Gt(_) => ">",
        Ge(_) => ">=",
        _ => return Vec::new(),
    };
    let scaled = |by: &str| format!("({left}) {sign} ({right}) * {by}");
    vec![scaled("100.0"), scaled("0.01")]
}

/// Names of bars: what they stand for is scaled wherever it is used.
pub fn is_bar(name: &str) -> bool {
    ["tolerance", "roundoff", "epsilon", "exact", "bar", "margin", "rounding"].contains(&name)
}

/// Other operators between the operands, and the operands alone.
pub fn binary(op: &BinOp, left: &str, right: &str) -> Vec<String> {
    use BinOp::*;
    let (others, alone): (&[&str], &[&str]) = match op {
        Add(_) => (&["-", "*"], &["l", "r"]),
        Sub(_) => (&["+", "/"], &["l", "-r"]),
        Mul(_) => (&["/", "+"], &["l", "r", "zero"]),
        Div(_) => (&["*", "%"], &["l"]),
        Rem(_) => (&["/", "+"], &["l"]),
        Eq(_) => (&["!="], &[]),
        Ne(_) => (&["=="], &[]),
        Lt(_) => (&["<=", ">"], &[]),
        Le(_) => (&["<", ">"], &[]),
        Gt(_) => (&[">=", "<"], &[]),
        Ge(_) => (&[">", "<"], &[]),
        And(_) => (&["||"], &["l", "r"]),
        Or(_) => (&["&&"], &["l", "r"]),
        BitAnd(_) => (&["|", "^"], &["l"]),
        BitOr(_) => (&["&", "^"], &["l", "r"]),
        BitXor(_) => (&["&", "|"], &["l", "r"]),
        Shl(_) => (&[">>"], &["l"]),
        Shr(_) => (&["<<"], &["l"]),
        AddAssign(_) => (&["-=", "*=", "="], &["()"]),
        SubAssign(_) => (&["+=", "/=", "="], &["()"]),
        MulAssign(_) => (&["/=", "+=", "="], &["()"]),
        DivAssign(_) => (&["*=", "%=", "="], &["()"]),
        RemAssign(_) => (&["/=", "+="], &["()"]),
        BitAndAssign(_) => (&["|=", "="], &["()"]),
        BitOrAssign(_) => (&["&=", "="], &["()"]),
        BitXorAssign(_) => (&["|=", "&="], &["()"]),
        ShlAssign(_) => (&[">>="], &["()"]),
        ShrAssign(_) => (&["<<="], &["()"]),
        _ => (&[], &[]),
    };
    let assigns = alone == ["()"];
    let others = others.iter().map(|op| match assigns {
        true => format!("{left} {op} {right}"),
        false => format!("({left}) {op} ({right})"),
    });
    let alone = alone.iter().map(|which| match *which {
        "l" => format!("({left})"),
        "r" => format!("({right})"),
        "-r" => format!("-({right})"),
        "zero" => "Default::default()".into(),
        _ => "()".into(),
    });
    others.chain(alone).collect()
}

/// Methods whose result is the receiver in another form: without them nothing would change but the speed.
const FORMS: [&str; 37] = [
    "clone",
    "cloned",
    "copied",
    "to_vec",
    "to_owned",
    "to_string",
    "into",
    "iter",
    "iter_mut",
    "into_iter",
    "as_slice",
    "as_ref",
    "as_mut",
    "as_deref",
    "as_str",
    "as_bytes",
    "unwrap",
    "expect",
    "map_err",
    "context",
    "with_context",
    "collect",
    "borrow",
    "borrow_mut",
    "lock",
    "by_ref",
    "ok_or_else",
    "into_par_iter",
    "par_iter",
    "par_iter_mut",
    "shape",
    "len",
    "value",
    "as_mut_slice",
    "path",
    "display",
    "ok",
];

/// Another method in the place of a method, or none.
pub fn method(receiver: &str, name: &str, arguments: &[&str]) -> Vec<String> {
    let list = arguments.join(", ");
    let first = arguments.first().copied().unwrap_or_default();
    let mut found = Vec::new();
    let other = match name {
        "max" => Some("min"),
        "min" => Some("max"),
        "all" => Some("any"),
        "any" => Some("all"),
        "max_by" => Some("min_by"),
        "min_by" => Some("max_by"),
        "is_some" => Some("is_none"),
        "is_none" => Some("is_some"),
        "is_some_and" => Some("is_none_or"),
        "is_none_or" => Some("is_some_and"),
        "floor" => Some("ceil"),
        "ceil" => Some("floor"),
        "re" => None,
        "saturating_sub" => Some("saturating_add"),
        "saturating_add" => Some("saturating_sub"),
        "first" => Some("last"),
        "last" => Some("first"),
        _ => None,
    };
    found.extend(other.map(|other| format!("({receiver}).{other}({list})")));
    match name {
        "checked_sub" | "checked_add" | "checked_mul" | "checked_div" => {
            found.push(format!("Some({receiver})"));
        }
        "div_ceil" => {
            found.push(format!("({receiver}) / ({first})"));
            found.push(format!("({receiver}) / ({first}) + 1"));
        }
        "cmp" | "total_cmp" => found.push(format!("({receiver}).{name}({list}).reverse()")),
        "then" => found.push(format!("false.then({list})")),
        "max" | "min" if arguments.len() == 1 => found.push(format!("({first})")),
        _ => {}
    }
    if !FORMS.contains(&name) && !is_question(name) {
        found.push(format!("({receiver})"));
    }
    found
}

/// Methods that answer yes or no.
pub fn is_question(name: &str) -> bool {
    name.starts_with("is_")
        || ["contains", "contains_key", "starts_with", "ends_with", "any", "all"].contains(&name)
}

/// Methods with a closure that answers yes or no.
pub fn asks(name: &str) -> bool {
    [
        "filter",
        "all",
        "any",
        "position",
        "rposition",
        "find",
        "take_while",
        "skip_while",
        "retain",
        "is_some_and",
        "is_none_or",
        "partition",
        "take_if",
    ]
    .contains(&name)
}

/// Other first arguments of a method.
pub fn argument(name: &str) -> &'static [&'static str] {
    match name {
        "skip" => &["0"],
        "take" => &["usize::MAX", "1"],
        "step_by" => &["1", "usize::MAX"],
        "then_some" => &[],
        _ => &[],
    }
}

/// Values that a function may return in the place of its own.
pub fn defaults(output: &ReturnType) -> Vec<String> {
    match output {
        ReturnType::Default => vec![String::new()],
        ReturnType::Type(_, ty) => of_type(ty),
    }
}

fn of_type(ty: &Type) -> Vec<String> {
    let some = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
    match ty {
        Type::ImplTrait(_) | Type::Never(_) => Vec::new(),
        Type::Tuple(tuple) if tuple.elems.is_empty() => vec![String::new()],
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(_) if reference.mutability.is_some() => some(&["&mut []"]),
            Type::Slice(_) => some(&["&[]"]),
            Type::Path(p) if p.path.is_ident("str") => some(&["\"\"", "\"xyzzy\""]),
            _ => Vec::new(),
        },
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return Vec::new() };
            let inner = match &last.arguments {
                syn::PathArguments::AngleBracketed(list) => {
                    list.args.iter().find_map(|a| match a {
                        syn::GenericArgument::Type(ty) => Some(of_type(ty)),
                        _ => None,
                    })
                }
                _ => None,
            };
            let wrap = |name: &str| {
                let unit = |v: String| if v.is_empty() { "()".into() } else { v };
                let values = inner.clone().unwrap_or_else(|| some(&["Default::default()"]));
                values.into_iter().map(|v| format!("{name}({})", unit(v))).collect::<Vec<_>>()
            };
            match last.ident.to_string().as_str() {
                "bool" => some(&["true", "false"]),
                "f64" | "f32" => some(&["0.0", "1.0", "-1.0"]),
                "usize" | "u8" | "u16" | "u32" | "u64" => some(&["0", "1"]),
                "isize" | "i8" | "i16" | "i32" | "i64" => some(&["0", "1", "-1"]),
                "String" => some(&["String::new()", "\"xyzzy\".into()"]),
                "S" => some(&["S::zero()", "S::one()"]),
                "Option" => [some(&["None"]), wrap("Some")].concat(),
                "Vec" if inner.is_some() => {
                    let one = inner.unwrap_or_default().into_iter().map(|v| format!("vec![{v}]"));
                    [some(&["Vec::new()"]), one.collect()].concat()
                }
                name if name.ends_with("Result") => wrap("Ok"),
                _ => some(&["Default::default()"]),
            }
        }
        Type::Array(_) | Type::Tuple(_) => some(&["Default::default()"]),
        _ => Vec::new(),
    }
}
