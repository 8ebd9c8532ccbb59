//! The changes of each kind of syntax.

use crate::operators;
use crate::sites::{Finder, Kind, plain};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Expr, ExprClosure, ExprMethodCall};

impl Finder<'_> {
    /// A condition that is true, and false.
    fn decided(&mut self, condition: &Expr) {
        if has_let(condition) {
            let range = self.range(condition);
            let at = range.end..range.end;
            let text = &self.source[range];
            let kind = Kind::Never(" && ");
            self.add(condition.span(), at, kind, Some(text), String::new(), Some("false"));
        } else {
            self.put(condition, "true");
            self.put(condition, "false");
        }
    }

    pub(super) fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        if signature.constness.is_some() {
            return;
        }
        self.scope.push(signature.ident.to_string());
        let start = block.brace_token.span.open().byte_range().end;
        let original = format!("fn {} {{ .. }}", signature.ident);
        let body = plain(self.text(block));
        for value in operators::defaults(&signature.output) {
            if body == format!("{{ {value} }}") {
                continue;
            }
            let (code, shown) = (format!("return {value}"), format!("fn {{ {value} }}"));
            let span = signature.ident.span();
            self.add(span, start..start, Kind::Jump(""), Some(&original), code, Some(&shown));
        }
        self.visit_block(block);
        self.scope.pop();
    }

    fn for_loop(&mut self, node: &syn::ExprForLoop) {
        let braces = node.body.brace_token.span;
        let (start, end) = (braces.open().byte_range().end, braces.close().byte_range().start);
        let head = &self.source[self.range(node).start..start];
        let original = format!("{head} .. }}");
        for (at, kind, shown) in [
            (start, Kind::Jump(""), "no iteration"),
            (end, Kind::Jump(";"), "the first iteration alone"),
        ] {
            let code = "break".to_owned();
            self.add(node.span(), at..at, kind, Some(&original), code, Some(shown));
        }
    }

    fn arms(&mut self, node: &syn::ExprMatch) {
        let wildcard = node.arms.iter().rposition(|arm| {
            arm.guard.is_none()
                && match &arm.pat {
                    syn::Pat::Wild(_) => true,
                    // A name with a capital is a variant or a constant.
                    syn::Pat::Ident(name) => {
                        name.ident.to_string().starts_with(|c: char| c.is_lowercase())
                    }
                    _ => false,
                }
        });
        for (index, arm) in node.arms.iter().enumerate() {
            if let Some((_, guard)) = &arm.guard {
                self.decided(guard);
            } else if wildcard.is_some_and(|wild| index < wild) {
                let end = self.range(&arm.pat).end;
                let original = format!("{} =>", self.text(&arm.pat));
                let kind = Kind::Never(" if ");
                let shown = Some("arm deleted");
                self.add(arm.span(), end..end, kind, Some(&original), String::new(), shown);
            }
        }
    }

    fn method(&mut self, node: &ExprMethodCall) {
        let receiver = self.text(&node.receiver);
        let arguments: Vec<&str> = node.args.iter().map(|a| self.text(a)).collect();
        let name = node.method.to_string();
        for code in operators::method(receiver, &name, &arguments) {
            self.put(node, code);
        }
        if operators::is_question(&name) && !self.operand {
            self.put(node, "true");
            self.put(node, "false");
        }
        if let Some(argument) = node.args.first() {
            if operators::asks(&name)
                && let Expr::Closure(ExprClosure { body, .. }) = argument
                && !matches!(**body, Expr::Block(_))
            {
                self.decided(body);
            }
            for code in operators::argument(&name) {
                self.put(argument, *code);
            }
        }
    }

    pub(super) fn mac(&mut self, mac: &syn::Macro) {
        let elements = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
        let repeated = |input: syn::parse::ParseStream<'_>| {
            let value: Expr = input.parse()?;
            input.parse::<syn::Token![;]>()?;
            Ok(vec![value, input.parse()?])
        };
        let tokens = mac.tokens.clone();
        let expressions: Vec<Expr> = if mac.path.is_ident("vec") {
            match elements.parse2(tokens.clone()) {
                Ok(list) => list.into_iter().collect(),
                Err(_) => repeated.parse2(tokens).unwrap_or_default(),
            }
        } else if mac.path.is_ident("matches") {
            let matched = |input: syn::parse::ParseStream<'_>| {
                let value: Expr = input.parse()?;
                input.parse::<proc_macro2::TokenStream>()?;
                Ok(vec![value])
            };
            matched.parse2(tokens).unwrap_or_default()
        } else {
            Vec::new()
        };
        for expression in &expressions {
            self.visit_expr(expression);
        }
    }

    /// Whether an expression is a bar by its name or a constant, so that it is scaled itself.
    fn is_bar(&self, node: &Expr) -> bool {
        match node {
            Expr::MethodCall(m) => operators::is_bar(&m.method.to_string()),
            Expr::Field(f) => {
                matches!(&f.member, syn::Member::Named(n) if operators::is_bar(&n.to_string()))
            }
            Expr::Path(p) => p.path.segments.last().is_some_and(|last| {
                let name = last.ident.to_string();
                operators::is_bar(&name) || self.constants.contains_key(&name)
            }),
            _ => false,
        }
    }

    /// The changes of an expression itself, without its parts.
    pub(super) fn change(&mut self, node: &Expr) {
        if self.is_bar(node) {
            let text = self.text(node);
            self.put(node, format!("({text} * 100.0)"));
            self.put(node, format!("({text} * 0.01)"));
        }
        match node {
            Expr::Binary(b) if !has_let(node) => {
                let (left, right) = (self.text(&b.left), self.text(&b.right));
                for code in operators::binary(&b.op, left, right) {
                    self.put(node, code);
                }
                if !matches!(*b.right, Expr::Lit(_)) && !self.is_bar(&b.right) {
                    for code in operators::bars(&b.op, left, right) {
                        self.put(node, code);
                    }
                }
                if operators::compares(&b.op) && !self.operand {
                    self.put(node, "true");
                    self.put(node, "false");
                }
            }
            Expr::Unary(u) if !matches!(u.op, syn::UnOp::Deref(_)) => {
                let operand = self.text(&u.expr);
                self.put(node, format!("({operand})"));
            }
            Expr::Lit(literal) => {
                for code in operators::literal(&literal.lit) {
                    self.put(node, code);
                }
            }
            Expr::If(i) => self.decided(&i.cond),
            Expr::While(w) if has_let(&w.cond) => self.decided(&w.cond),
            Expr::While(w) => self.put(&*w.cond, "false"),
            Expr::ForLoop(f) => self.for_loop(f),
            Expr::Match(m) => self.arms(m),
            Expr::MethodCall(m) => self.method(m),
            Expr::Assign(_) => self.put(node, "()"),
            Expr::Call(call) => {
                if matches!(&*call.func, Expr::Path(p) if p.path.is_ident("Some")) {
                    self.put(node, "None");
                }
            }
            Expr::Struct(s) => self.structure(s),
            Expr::Tuple(t) => self.tuple(t),
            Expr::Array(a) => {
                for element in &a.elems {
                    if !matches!(element, Expr::Lit(_)) && a.elems.len() <= 4 {
                        self.put(element, "Default::default()");
                        self.put(element, "1.0");
                    }
                }
            }
            Expr::Range(r) => self.bounds(r),
            Expr::Path(p) => self.path(p),
            Expr::Macro(m) if m.mac.path.is_ident("matches") && !self.operand => {
                self.put(node, "true");
                self.put(node, "false");
            }
            _ => {}
        }
    }

    /// A structure without one of its fields, where it has a base.
    fn structure(&mut self, node: &syn::ExprStruct) {
        let Some(base) = &node.rest else { return };
        for left_out in 0..node.fields.len() {
            let fields = node.fields.iter().enumerate().filter(|&(i, _)| i != left_out);
            let fields: String = fields.map(|(_, f)| format!("{}, ", self.text(f))).collect();
            let code = format!("{} {{ {fields}..{} }}", self.text(&node.path), self.text(base));
            self.put(node, code);
        }
    }

    /// A tuple with neighbours in each other's place.
    fn tuple(&mut self, node: &syn::ExprTuple) {
        let elements: Vec<&str> = node.elems.iter().map(|e| self.text(e)).collect();
        for i in 1..elements.len() {
            // A number without a type would take that of its neighbour, and the code as it stands with it.
            if [&node.elems[i - 1], &node.elems[i]].iter().any(|e| matches!(e, Expr::Lit(_))) {
                continue;
            }
            let mut swapped = elements.clone();
            swapped.swap(i - 1, i);
            self.put(node, format!("({})", swapped.join(", ")));
        }
    }

    /// A range with other ends; those that are numbers change by themselves.
    fn bounds(&mut self, node: &syn::ExprRange) {
        if let Some(start) = node.start.as_deref().filter(|e| !matches!(e, Expr::Lit(_))) {
            self.put(start, format!("({}) + 1", self.text(start)));
        }
        if let Some(end) = node.end.as_deref().filter(|e| !matches!(e, Expr::Lit(_))) {
            self.put(end, format!("({}) + 1", self.text(end)));
            self.put(end, format!("({}) - 1", self.text(end)));
        }
    }

    fn path(&mut self, node: &syn::ExprPath) {
        let Some(last) = node.path.segments.last() else { return };
        let name = last.ident.to_string();
        let text = self.text(node);
        let constant = self.constants.get(&name).copied();
        if let Some(numeric) = constant {
            for code in operators::constant(text, numeric) {
                self.put(node, code);
            }
        }
        let parent = node.path.segments.len() > 1;
        for (one, other) in [("max", "min"), ("min", "max")] {
            if parent && name == one {
                self.put(node, format!("{}{other}", &text[..text.len() - one.len()]));
            }
        }
    }
}

/// Whether a condition binds something, so that it is not an expression.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(b) => has_let(&b.left) || has_let(&b.right),
        _ => false,
    }
}
