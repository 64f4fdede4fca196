//! An expression's text, made of its tree again: the places that the parser notes for compound expressions do not
//! cover them exactly.

use minijinja::Value;
use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};

use super::tree::argument;

/// The text of an expression, with all brackets; `None` for what has no text of its own.
pub(super) fn text_of(expr: &Expr<'_>) -> Option<String> {
    Some(match expr {
        Expr::Var(variable) => variable.id.to_owned(),
        Expr::Const(constant) => value(&constant.value)?,
        Expr::Slice(slice) => {
            let bound = |bound: &Option<Expr<'_>>| bound.as_ref().map_or(Some(String::new()), text_of);
            let (start, stop, step) = (bound(&slice.start)?, bound(&slice.stop)?, bound(&slice.step)?);
            format!("{}[{start}:{stop}:{step}]", text_of(&slice.expr)?)
        }
        Expr::UnaryOp(unary) => match unary.op {
            UnaryOpKind::Not => format!("(not {})", text_of(&unary.expr)?),
            UnaryOpKind::Neg => format!("(-{})", text_of(&unary.expr)?),
        },
        Expr::BinOp(binary) => format!(
            "({} {} {})",
            text_of(&binary.left)?,
            sign(binary.op),
            text_of(&binary.right)?
        ),
        Expr::Compare(compare) => {
            let mut text = text_of(&compare.expr)?;
            for op in &compare.ops {
                text = format!("{text} {} {}", comparison(op.op), text_of(&op.expr)?);
            }
            format!("({text})")
        }
        Expr::IfExpr(choice) => {
            let otherwise = match &choice.false_expr {
                Some(otherwise) => format!(" else {}", text_of(otherwise)?),
                None => String::new(),
            };
            let (then, test) = (text_of(&choice.true_expr)?, text_of(&choice.test_expr)?);
            format!("({then} if {test}{otherwise})")
        }
        Expr::Filter(filter) => format!(
            "({} | {}{})",
            text_of(filter.expr.as_ref()?)?,
            filter.name,
            arguments(&filter.args)?
        ),
        Expr::Test(test) => format!("({} is {}{})", text_of(&test.expr)?, test.name, arguments(&test.args)?),
        Expr::GetAttr(attribute) => format!("{}.{}", text_of(&attribute.expr)?, attribute.name),
        Expr::GetItem(item) => format!("{}[{}]", text_of(&item.expr)?, text_of(&item.subscript_expr)?),
        Expr::Call(call) => {
            let called = text_of(&call.expr)?;
            let arguments = arguments(&call.args)?;
            format!("{called}{}", if arguments.is_empty() { "()" } else { &arguments })
        }
        Expr::List(list) => format!("[{}]", list_of(&list.items)?),
        Expr::Tuple(tuple) => format!("({},)", list_of(&tuple.items)?),
        Expr::Map(map) => {
            let pairs = map.keys.iter().zip(&map.values);
            let pairs: Option<Vec<String>> = pairs
                .map(|(key, value)| Some(format!("{}: {}", text_of(key)?, text_of(value)?)))
                .collect();
            format!("{{{}}}", pairs?.join(", "))
        }
    })
}

fn list_of(items: &[Expr<'_>]) -> Option<String> {
    Some(items.iter().map(text_of).collect::<Option<Vec<_>>>()?.join(", "))
}

fn arguments(args: &[CallArg<'_>]) -> Option<String> {
    if args.is_empty() {
        return Some(String::new());
    }
    let texts: Option<Vec<String>> = args
        .iter()
        .map(|arg| {
            let text = text_of(argument(arg))?;
            Some(match arg {
                CallArg::Pos(_) => text,
                CallArg::Kwarg(name, _) => format!("{name}={text}"),
                CallArg::PosSplat(_) => format!("*{text}"),
                CallArg::KwargSplat(_) => format!("**{text}"),
            })
        })
        .collect();
    Some(format!("({})", texts?.join(", ")))
}

/// A literal. JSON's are Jinja's too, `null` aside.
fn value(value: &Value) -> Option<String> {
    if value.is_none() {
        return Some("none".to_owned());
    }
    let text = serde_json::to_string(value).ok()?;
    (!text.contains("null")).then_some(text)
}

fn sign(op: BinOpKind) -> &'static str {
    match op {
        BinOpKind::Eq => "==",
        BinOpKind::Ne => "!=",
        BinOpKind::Lt => "<",
        BinOpKind::Lte => "<=",
        BinOpKind::Gt => ">",
        BinOpKind::Gte => ">=",
        BinOpKind::ScAnd => "and",
        BinOpKind::ScOr => "or",
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Pow => "**",
        BinOpKind::Concat => "~",
        BinOpKind::In => "in",
    }
}

fn comparison(op: CompareOpKind) -> &'static str {
    match op {
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::Lt => "<",
        CompareOpKind::Lte => "<=",
        CompareOpKind::Gt => ">",
        CompareOpKind::Gte => ">=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::machinery::parse_expr;
    use rstest::rstest;

    #[rstest]
    #[case("a and b or not c", "((a and b) or (not c))")]
    #[case("(a or b) and c == 'it\\'s'", "((a or b) and (c == \"it's\"))")]
    #[case(
        "x | default('y', true) is search('^v')",
        "((x | default(\"y\", true)) is search(\"^v\"))"
    )]
    #[case("x[1:].y['k'](2, *z)", "x[1::].y[\"k\"](2, *z)")]
    #[case("a not in [1, b] and 1 < c < 3", "((not (a in [1, b])) and (1 < c < 3))")]
    #[case("{'a': b} if c else none", "({\"a\": b} if c else none)")]
    #[case("f() ~ -1", "(f() ~ (-1))")]
    fn the_text_of_a_tree_means_the_same(#[case] text: &str, #[case] expected: &str) {
        let made = text_of(&parse_expr(text).unwrap()).unwrap();
        assert_eq!(made, expected);
        assert_eq!(text_of(&parse_expr(&made).unwrap()).unwrap(), expected);
    }
}
