//! The texts that a template can yield, where that is a short list: `{{ hook if wanted else '' }}`.

use std::collections::BTreeSet;

use crate::template::depth::parse;
use minijinja::machinery::ast::{BinOpKind, Expr, Stmt};

use super::tree::argument;
use crate::template::engine::syntax;
use crate::template::{holds_template, keep_backslashes_in_text};

/// More texts than these are as good as any text.
const MOST: usize = 32;

/// All texts that a template can yield; `None` when it can be anything. `values` gives those of a variable.
pub fn possible_texts(
    text: &str,
    values: &mut dyn FnMut(&str) -> Option<BTreeSet<String>>,
) -> Option<BTreeSet<String>> {
    if !holds_template(text) {
        return Some(BTreeSet::from([text.to_owned()]));
    }
    let kept = keep_backslashes_in_text(text);
    let Ok(Stmt::Template(template)) = parse(&kept, "", syntax()) else {
        return None;
    };
    let mut all = BTreeSet::from([String::new()]);
    for part in &template.children {
        let ends = match part {
            Stmt::EmitRaw(raw) => BTreeSet::from([raw.raw.to_owned()]),
            Stmt::EmitExpr(emitted) => of(&emitted.expr, values)?,
            _ => return None,
        };
        all = all
            .iter()
            .flat_map(|begin| ends.iter().map(move |end| format!("{begin}{end}")))
            .collect();
        if all.len() > MOST {
            return None;
        }
    }
    Some(all)
}

fn of(expr: &Expr<'_>, values: &mut dyn FnMut(&str) -> Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    let mut either = |one: &Expr<'_>, other: Option<&Expr<'_>>| {
        let mut both = of(one, values)?;
        match other {
            Some(other) => both.extend(of(other, values)?),
            None => both.extend([String::new()]),
        }
        Some(both)
    };
    match expr {
        Expr::Const(constant) => Some(BTreeSet::from([constant.value.as_str()?.to_owned()])),
        Expr::Var(variable) => values(variable.id),
        Expr::IfExpr(choice) => either(&choice.true_expr, choice.false_expr.as_ref()),
        Expr::BinOp(binary) if matches!(binary.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
            either(&binary.left, Some(&binary.right))
        }
        Expr::Filter(filter) if matches!(filter.name, "default" | "d") => {
            either(filter.expr.as_ref()?, filter.args.first().map(argument))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("plain.yml", Some("plain.yml"))]
    #[case("{{ hook }}", Some(",hook.yml"))]
    #[case("{{ hook if x == 1 and fact else 'no.yml' }}", Some(",hook.yml,no.yml"))]
    #[case("a-{{ hook or 'c' }}", Some("a-,a-c,a-hook.yml"))]
    #[case("{{ hook | default('d') }}", Some(",d,hook.yml"))]
    #[case("{{ fact }}.yml", None)]
    #[case("{{ hook | upper }}", None)]
    #[case("{% if x %}a{% endif %}", None)]
    fn texts_are_listed_where_they_can_be(#[case] text: &str, #[case] expected: Option<&str>) {
        let mut values = |name: &str| (name == "hook").then(|| BTreeSet::from(["hook.yml".to_owned(), String::new()]));
        let found = possible_texts(text, &mut values);
        let found = found.map(|texts| texts.into_iter().collect::<Vec<_>>().join(","));
        assert_eq!(found.as_deref(), expected);
    }
}
