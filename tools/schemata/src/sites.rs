//! Where a source file can be changed, and into what.

use crate::operators::{self, Numeric};
use proc_macro2::Span;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprMacro, Stmt};

/// How an alternative takes the place of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An expression in the place of an expression.
    Value,
    /// Nothing in the place of a statement.
    Statement,
    /// A jump before or behind the statements of a block; the text goes in front of it.
    Jump(&'static str),
    /// A condition that is false, behind a pattern or a condition; the text goes in front of it.
    Never(&'static str),
}

/// One change of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// What is compiled.
    pub code: String,
    /// What a reader sees.
    pub shown: String,
}

/// A place in a file, with all changes that are made there.
#[derive(Debug, Clone)]
pub struct Site {
    /// The bytes of the source that are replaced; none where something is put in.
    pub range: Range<usize>,
    pub kind: Kind,
    /// Where it is, for the reader: from 1.
    pub line: usize,
    pub column: usize,
    /// The function that it is in.
    pub function: String,
    /// What stands there.
    pub original: String,
    pub alternatives: Vec<Alternative>,
}

/// All places of a file, by position, outer before inner ones.
///
/// `constants` are those whose uses are changed: their definitions cannot be, as nothing is chosen at compile time.
pub fn sites(source: &str, constants: &HashMap<String, Numeric>) -> syn::Result<Vec<Site>> {
    let file = syn::parse_file(source)?;
    let mut finder = Finder {
        source,
        constants,
        found: BTreeMap::new(),
        scope: Vec::new(),
        operand: false,
        kept: None,
    };
    finder.visit_file(&file);
    Ok(finder.found.into_values().filter(|site| !site.alternatives.is_empty()).collect())
}

/// The constants of a file that are numbers, by name.
pub fn constants(source: &str) -> syn::Result<Vec<(String, Numeric)>> {
    struct Constants(Vec<(String, Numeric)>);
    impl Constants {
        pub(super) fn add(&mut self, name: &syn::Ident, ty: &syn::Type, value: &Expr) {
            if let Some(numeric) = operators::numeric(ty, Some(value)) {
                self.0.push((name.to_string(), numeric));
            }
        }
    }
    impl<'ast> Visit<'ast> for Constants {
        fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
            self.add(&item.ident, &item.ty, &item.expr);
        }
        fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
            self.add(&item.ident, &item.ty, &item.expr);
        }
    }
    let mut found = Constants(Vec::new());
    found.visit_file(&syn::parse_file(source)?);
    Ok(found.0)
}

/// The order of places: where two begin together, what is put in comes first, then the longer one.
type Key = (usize, bool, std::cmp::Reverse<usize>);

pub struct Finder<'s> {
    pub(super) source: &'s str,
    pub(super) constants: &'s HashMap<String, Numeric>,
    found: BTreeMap<Key, Site>,
    pub(super) scope: Vec<String>,
    /// Whether the expression at hand is an operand of `&&` or `||`, whose removal is a change already.
    pub(super) operand: bool,
    /// The start and end of a statement that is deleted as a whole: its expression is not changed itself.
    kept: Option<Range<usize>>,
}

impl<'s> Finder<'s> {
    pub(super) fn range(&self, node: &impl Spanned) -> Range<usize> {
        node.span().byte_range()
    }

    pub(super) fn text(&self, node: &impl Spanned) -> &'s str {
        &self.source[self.range(node)]
    }

    /// Adds one change in the place of a node.
    pub(super) fn put(&mut self, node: &impl Spanned, code: impl Into<String>) {
        let code = code.into();
        self.add(node.span(), self.range(node), Kind::Value, None, code, None);
    }

    pub(super) fn add(
        &mut self,
        span: Span,
        range: Range<usize>,
        kind: Kind,
        original: Option<&str>,
        code: String,
        shown: Option<&str>,
    ) {
        if kind == Kind::Value && self.kept.as_ref() == Some(&range) {
            return;
        }
        let original = plain(original.unwrap_or(&self.source[range.clone()]));
        let shown = plain(shown.unwrap_or(&code));
        let key = (range.start, !range.is_empty(), std::cmp::Reverse(range.end));
        let function = self.scope.join("::");
        let (line, column) = (span.start().line, span.start().column + 1);
        let site = self.found.entry(key).or_insert_with(|| Site {
            range,
            kind,
            line,
            column,
            function,
            original,
            alternatives: Vec::new(),
        });
        let same = |a: &Alternative| a.code == code && a.shown == shown;
        if site.kind == kind && shown != site.original && !site.alternatives.iter().any(same) {
            site.alternatives.push(Alternative { code, shown });
        }
    }
}

/// Text on one line.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an item is compiled into tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && list.is_ok_and(|list| list.tokens.to_string() == "test"))
    })
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Fn(f) if !is_test(&f.attrs) => self.function(&f.sig, &f.block),
            syn::Item::Mod(m) if !is_test(&m.attrs) => visit::visit_item_mod(self, m),
            syn::Item::Impl(i) if !is_test(&i.attrs) => {
                let name = match &*i.self_ty {
                    syn::Type::Path(p) => p.path.segments.last().map(|s| s.ident.to_string()),
                    _ => None,
                };
                self.scope.push(name.unwrap_or_default());
                visit::visit_item_impl(self, i);
                self.scope.pop();
            }
            syn::Item::Trait(t) if !is_test(&t.attrs) => {
                self.scope.push(t.ident.to_string());
                visit::visit_item_trait(self, t);
                self.scope.pop();
            }
            _ => {}
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        if let syn::ImplItem::Fn(f) = item
            && !is_test(&f.attrs)
        {
            self.function(&f.sig, &f.block);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        if let syn::TraitItem::Fn(f) = item
            && let Some(block) = &f.default
        {
            self.function(&f.sig, block);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Expr(e @ (Expr::MethodCall(_) | Expr::Call(_) | Expr::Try(_)), Some(_)) =
            statement
        {
            let range = self.range(e);
            let shown = Some("statement deleted");
            self.add(e.span(), range.clone(), Kind::Statement, None, String::new(), shown);
            self.kept = Some(range);
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, node: &'ast Expr) {
        self.change(node);
        match node {
            Expr::Binary(b) if matches!(b.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) => {
                for side in [&b.left, &b.right] {
                    self.operand = true;
                    self.visit_expr(side);
                }
            }
            Expr::Paren(p) => self.visit_expr(&p.expr),
            Expr::Repeat(r) => {
                self.operand = false;
                self.visit_expr(&r.expr);
            }
            Expr::Const(_) => {}
            Expr::Macro(ExprMacro { mac, .. }) => {
                self.operand = false;
                self.mac(mac);
            }
            _ => {
                self.operand = false;
                visit::visit_expr(self, node);
            }
        }
        self.operand = false;
    }

    fn visit_field_value(&mut self, node: &'ast syn::FieldValue) {
        // A name alone is a field and its value in one.
        if node.colon_token.is_some() {
            self.visit_expr(&node.expr);
        }
    }

    fn visit_stmt_macro(&mut self, node: &'ast syn::StmtMacro) {
        self.mac(&node.mac);
    }

    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_path(&mut self, _: &'ast syn::Path) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_angle_bracketed_generic_arguments(
        &mut self,
        _: &'ast syn::AngleBracketedGenericArguments,
    ) {
    }
}
