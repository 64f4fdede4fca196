//! What Jinja reads: a walk through the syntax tree of an expression or a template.

use std::collections::HashSet;
use std::sync::Arc;

use crate::template::depth::{parse, parse_expr};
use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr, Filter, Macro, Stmt, UnaryOpKind};

use super::tree::{argument, literal, names, parts};
use super::unparse::text_of;
use super::{Condition, Read, Reads};
use crate::template::engine::{is_global, syntax};
use crate::template::{TemplateError, keep_backslashes_in_text, registry};

/// Names that Jinja gives a meaning to in macros, blocks and loops.
const OWN: [&str; 5] = ["caller", "self", "super", "varargs", "kwargs"];

/// What a bare expression reads.
///
/// # Errors
/// A mistake in its syntax.
pub fn of_expression(expression: &str) -> Result<Reads, TemplateError> {
    let tree = parse_expr(expression).map_err(|error| TemplateError::from_engine(&error, expression))?;
    let mut walker = Walker::default();
    walker.expression(&tree);
    let mut reads = walker.finish();
    reads.implies = assumptions(&tree, true);
    Ok(reads)
}

/// What a template's text reads.
///
/// # Errors
/// A mistake in its syntax.
pub fn of_text(text: &str) -> Result<Reads, TemplateError> {
    let kept = keep_backslashes_in_text(text);
    let tree = parse(&kept, "", syntax()).map_err(|error| TemplateError::from_engine(&error, text))?;
    let mut walker = Walker::default();
    walker.statement(&tree);
    Ok(walker.finish())
}

/// What is known when the expression with this text is true (or false).
pub(in crate::template) fn assumptions_of(expression: &str, expected: bool) -> Vec<Condition> {
    parse_expr(expression).map_or_else(|_| Vec::new(), |tree| assumptions(&tree, expected))
}

/// What is known when an expression is true (or false): both sides of an `and`, each side of a false `or`.
fn assumptions(expr: &Expr<'_>, expected: bool) -> Vec<Condition> {
    match expr {
        Expr::BinOp(binary)
            if matches!(
                (binary.op, expected),
                (BinOpKind::ScAnd, true) | (BinOpKind::ScOr, false)
            ) =>
        {
            let mut both = assumptions(&binary.left, expected);
            both.extend(assumptions(&binary.right, expected));
            both
        }
        Expr::UnaryOp(unary) if matches!(unary.op, UnaryOpKind::Not) => assumptions(&unary.expr, !expected),
        other => text_of(other)
            .map(|expression| Condition::Truth { expression, expected })
            .into_iter()
            .collect(),
    }
}

#[derive(Default)]
struct Walker<'s> {
    /// Names of loops, macros and `with` blocks around the current place.
    local: Vec<HashSet<&'s str>>,
    /// Names that the text itself sets somewhere. Where exactly does not matter: a text that sets a name knows it.
    set: HashSet<&'s str>,
    under: Vec<Arc<Condition>>,
    reads: Reads,
}

impl<'s> Walker<'s> {
    fn finish(self) -> Reads {
        let Self { set, mut reads, .. } = self;
        reads
            .reads
            .retain(|read| !set.contains(read.name.as_str()) && !OWN.contains(&read.name.as_str()));
        // A condition on something that the text sets cannot be judged from outside.
        for read in &mut reads.reads {
            read.under.retain(|condition| match &**condition {
                Condition::Truth { expression, .. } => {
                    set.is_empty()
                        || parse_expr(expression).is_ok_and(|tree| !names(&tree).iter().any(|name| set.contains(name)))
                }
                Condition::Missing(name) => !set.contains(name.as_str()),
            });
        }
        reads.reads.retain(|read| !is_global(&read.name));
        reads
    }

    fn is_local(&self, name: &str) -> bool {
        self.local.iter().any(|names| names.contains(name))
    }

    fn read(&mut self, name: &'s str, start: u32, called: bool) {
        if !self.is_local(name) {
            self.reads.reads.push(Read {
                name: name.to_owned(),
                start: usize::try_from(start).unwrap_or(usize::MAX),
                called,
                under: self.under.clone(),
            });
        }
    }

    fn guard(&mut self, expr: &Expr<'s>) {
        self.reads.guarded.extend(names(expr).into_iter().map(str::to_owned));
    }

    /// Walks with conditions that hold only there.
    fn under(&mut self, conditions: Vec<Condition>, walk: impl FnOnce(&mut Self)) {
        let before = self.under.len();
        self.under.extend(conditions.into_iter().map(Arc::new));
        walk(self);
        self.under.truncate(before);
    }

    /// What may be assumed where an expression is true or false; nothing where it depends on local names.
    fn assume(&self, expr: &Expr<'s>, expected: bool) -> Vec<Condition> {
        if names(expr).iter().any(|name| self.is_local(name)) {
            return Vec::new();
        }
        assumptions(expr, expected)
    }

    fn expression(&mut self, expr: &Expr<'s>) {
        match expr {
            Expr::Var(variable) => self.read(variable.id, expr.span().start_offset, false),
            Expr::Call(call) => self.call(call),
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr);
                self.under(self.assume(&choice.test_expr, true), |walker| {
                    walker.expression(&choice.true_expr);
                });
                if let Some(otherwise) = &choice.false_expr {
                    self.under(self.assume(&choice.test_expr, false), |walker| {
                        walker.expression(otherwise);
                    });
                }
            }
            Expr::BinOp(binary) if matches!(binary.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                self.expression(&binary.left);
                let expected = matches!(binary.op, BinOpKind::ScAnd);
                self.under(self.assume(&binary.left, expected), |walker| {
                    walker.expression(&binary.right);
                });
            }
            Expr::Test(test) if matches!(plain(test.name), "defined" | "undefined") => self.guard(&test.expr),
            Expr::Filter(filter) => self.filter(filter),
            other => parts(other).into_iter().for_each(|part| self.expression(part)),
        }
    }

    fn call(&mut self, call: &Call<'s>) {
        match &call.expr {
            Expr::Var(variable) => self.read(variable.id, call.expr.span().start_offset, true),
            other => self.expression(other),
        }
        self.arguments(&call.args);
    }

    fn filter(&mut self, filter: &Filter<'s>) {
        let first = filter.args.first().map(argument);
        let chosen = first.and_then(literal);
        match (plain(filter.name), &filter.expr, chosen.as_deref()) {
            ("default" | "d" | "mandatory", Some(expr), _) => {
                self.guard(expr);
                let name = match expr {
                    Expr::Var(variable) if !self.is_local(variable.id) => variable.id,
                    // Whether a default of a key or a longer expression is needed cannot be known.
                    _ => return filter.args.iter().for_each(|arg| self.guard(argument(arg))),
                };
                self.under(vec![Condition::Missing(name.to_owned())], |walker| {
                    walker.arguments(&filter.args);
                });
            }
            ("select" | "reject", Some(expr), Some("defined" | "undefined"))
            | ("map", Some(expr), Some("default" | "d")) => self.guard(expr),
            (_, expr, _) => {
                if let Some(expr) = expr {
                    self.expression(expr);
                }
                self.arguments(&filter.args);
            }
        }
    }

    fn arguments(&mut self, args: &[CallArg<'s>]) {
        for arg in args {
            self.expression(argument(arg));
        }
    }

    fn statements(&mut self, statements: &[Stmt<'s>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    /// Walks with names that are known only there.
    fn with_local(&mut self, local: HashSet<&'s str>, walk: impl FnOnce(&mut Self)) {
        self.local.push(local);
        walk(self);
        self.local.pop();
    }

    fn statement(&mut self, statement: &Stmt<'s>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emitted) => self.expression(&emitted.expr),
            Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                let mut local: HashSet<_> = names(&each.target).into_iter().collect();
                local.insert("loop");
                let some = self.assume(&each.iter, true);
                let none = self.assume(&each.iter, false);
                self.under(some, |walker| {
                    walker.with_local(local, |walker| {
                        if let Some(filter) = &each.filter_expr {
                            walker.expression(filter);
                        }
                        walker.statements(&each.body);
                    });
                });
                self.under(none, |walker| walker.statements(&each.else_body));
            }
            Stmt::IfCond(choice) => {
                self.expression(&choice.expr);
                self.under(self.assume(&choice.expr, true), |walker| {
                    walker.statements(&choice.true_body);
                });
                self.under(self.assume(&choice.expr, false), |walker| {
                    walker.statements(&choice.false_body);
                });
            }
            Stmt::WithBlock(with) => {
                self.with_local(HashSet::new(), |walker| {
                    for (target, value) in &with.assignments {
                        walker.expression(value);
                        let targets = names(target);
                        if let Some(local) = walker.local.last_mut() {
                            local.extend(targets);
                        }
                    }
                    walker.statements(&with.body);
                });
            }
            Stmt::Set(set) => {
                self.expression(&set.expr);
                self.set.extend(names(&set.target));
            }
            Stmt::SetBlock(set) => {
                self.set.extend(names(&set.target));
                set.filter.iter().for_each(|filter| self.expression(filter));
                self.statements(&set.body);
            }
            Stmt::AutoEscape(escape) => {
                self.expression(&escape.enabled);
                self.statements(&escape.body);
            }
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter);
                self.statements(&block.body);
            }
            Stmt::Block(block) => self.statements(&block.body),
            Stmt::Import(import) => self.set.extend(names(&import.name)),
            Stmt::FromImport(import) => {
                let targets = import.names.iter().map(|(name, alias)| alias.as_ref().unwrap_or(name));
                self.set.extend(targets.flat_map(names));
            }
            Stmt::Macro(definition) => self.definition(definition),
            Stmt::CallBlock(block) => {
                self.call(&block.call);
                self.definition(&block.macro_decl);
            }
            Stmt::Do(action) => self.call(&action.call),
            Stmt::EmitRaw(_) | Stmt::Extends(_) | Stmt::Include(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
        }
    }

    fn definition(&mut self, definition: &Macro<'s>) {
        self.set.insert(definition.name);
        let local = definition.args.iter().flat_map(names).collect();
        self.with_local(local, |walker| {
            definition.defaults.iter().for_each(|value| walker.expression(value));
            walker.statements(&definition.body);
        });
    }
}

/// A filter's or test's name without Ansible's prefix.
fn plain(name: &str) -> &str {
    name.strip_prefix(registry::PREFIX).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Each read as `name@start`, with its conditions behind.
    fn shown(reads: &Reads) -> String {
        let shown: Vec<String> = reads
            .reads
            .iter()
            .map(|read| {
                let called = if read.called { "()" } else { "" };
                let under: String = read
                    .under
                    .iter()
                    .map(|condition| match &**condition {
                        Condition::Truth {
                            expression,
                            expected: true,
                        } => format!(" if {expression}"),
                        Condition::Truth {
                            expression,
                            expected: false,
                        } => format!(" unless {expression}"),
                        Condition::Missing(name) => format!(" without {name}"),
                    })
                    .collect();
                format!("{}{called}@{}{under}", read.name, read.start)
            })
            .collect();
        shown.join("; ")
    }

    #[rstest]
    #[case("a.b[c] ~ d['a']", "a@0; c@4; d@9")]
    #[case("a | map(attribute='x') | join(sep)", "a@0; sep@30")]
    #[case("range(3) | list + lookup('env', x) + looky('env', 'X')", "x@32; looky()@37")]
    #[case("x if y else z", "y@5; x@0 if y; z@12 unless y")]
    #[case("a and b", "a@0; b@6 if a")]
    #[case("not a or b == 1", "a@4; b@9 if a")]
    #[case("a and b == 1 and c", "a@0; b@6 if a; c@17 if a if (b == 1)")]
    #[case("a is defined and a.b", "a@17 if (a is defined)")]
    #[case("a | default(b)", "b@12 without a")]
    #[case("a.b | default(c)", "")]
    #[case("a | default(b) | default('c')", "")]
    #[case("[a, b] | select('defined') | first", "")]
    #[case(
        "x in groups['masters'] and 'ä' == y",
        "x@0; groups@5; y@35 if (x in groups[\"masters\"])"
    )]
    fn reads_of_expressions(#[case] expression: &str, #[case] expected: &str) {
        assert_eq!(shown(&of_expression(expression).unwrap()), expected);
    }

    #[rstest]
    #[case("v{{ a }} {{ 'b' ~ c }}", "a@4; c@18")]
    #[case(
        "{% for x in xs if y %}{{ x }}{{ loop.index }}{{ z }}{% else %}{{ x }}{% endfor %}",
        "xs@12; y@18 if xs; z@48 if xs; x@65 unless xs"
    )]
    #[case("{% if a %}{% set b = c %}{% endif %}{{ b }}", "a@6; c@21 if a")]
    #[case(
        "{% if a %}{{ b }}{% elif c %}{{ d }}{% else %}{{ e }}{% endif %}",
        "a@6; b@13 if a; c@25 unless a; d@32 unless a if c; e@49 unless a unless c"
    )]
    #[case(
        "{% macro m(p, q=r) %}{{ p }}{{ caller() }}{{ s }}{% endmacro %}{{ m(1) }}",
        "r@16; s@45"
    )]
    #[case("{% with a = b %}{{ a }}{% endwith %}", "b@12")]
    #[case("{% for f in fs %}{{ g if f else h }}{% endfor %}", "fs@12; g@20 if fs; h@32 if fs")]
    #[case("{% set a = 1 %}{{ b if a else c }}", "b@18; c@30")]
    #[case("{# a #}{% raw %}{{ b }}{% endraw %}", "")]
    #[case(r"{{ x | regex_replace('\d', '\1') }}{{ y }}", "x@3; y@40")]
    fn reads_of_texts(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(shown(&of_text(text).unwrap()), expected);
    }

    #[rstest]
    #[case("a is defined and b is not undefined and c is none", &["a", "b"])]
    #[case("a.b | d('') ~ (c | first) | default('x')", &["a", "c"])]
    #[case("a is ansible.builtin.defined", &["a"])]
    #[case("a | mandatory", &["a"])]
    fn names_that_may_be_missing(#[case] expression: &str, #[case] expected: &[&str]) {
        let reads = of_expression(expression).unwrap();
        assert_eq!(reads.guarded.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_parts_of_a_condition_hold_with_it() {
        let implied = of_expression("a and not (b or c == 1)").unwrap().implies;
        let truth = |expression: &str, expected| Condition::Truth {
            expression: expression.to_owned(),
            expected,
        };
        assert_eq!(implied, [truth("a", true), truth("b", false), truth("(c == 1)", false)]);
    }
}
