//! The shape of Jinja's syntax tree.

use minijinja::machinery::ast::{CallArg, Expr};

/// The parts of an expression, in the order in which they stand.
pub(in crate::template) fn parts<'e, 's>(expr: &'e Expr<'s>) -> Vec<&'e Expr<'s>> {
    match expr {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(slice) => [
            Some(&slice.expr),
            slice.start.as_ref(),
            slice.stop.as_ref(),
            slice.step.as_ref(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Expr::UnaryOp(unary) => vec![&unary.expr],
        Expr::BinOp(binary) => vec![&binary.left, &binary.right],
        Expr::Compare(compare) => std::iter::once(&compare.expr)
            .chain(compare.ops.iter().map(|op| &op.expr))
            .collect(),
        Expr::IfExpr(choice) => [
            Some(&choice.true_expr),
            Some(&choice.test_expr),
            choice.false_expr.as_ref(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Expr::Filter(filter) => filter.expr.iter().chain(filter.args.iter().map(argument)).collect(),
        Expr::Test(test) => std::iter::once(&test.expr)
            .chain(test.args.iter().map(argument))
            .collect(),
        Expr::GetAttr(attribute) => vec![&attribute.expr],
        Expr::GetItem(item) => vec![&item.expr, &item.subscript_expr],
        Expr::Call(call) => std::iter::once(&call.expr)
            .chain(call.args.iter().map(argument))
            .collect(),
        Expr::List(list) => list.items.iter().collect(),
        Expr::Tuple(tuple) => tuple.items.iter().collect(),
        Expr::Map(map) => map
            .keys
            .iter()
            .zip(&map.values)
            .flat_map(|(key, value)| [key, value])
            .collect(),
    }
}

/// An argument's value.
pub(in crate::template) fn argument<'e, 's>(argument: &'e CallArg<'s>) -> &'e Expr<'s> {
    match argument {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => value,
    }
}

/// Names of all variables in an expression, whether they come from outside or not.
pub(super) fn names<'s>(expr: &Expr<'s>) -> Vec<&'s str> {
    match expr {
        Expr::Var(variable) => vec![variable.id],
        other => parts(other).into_iter().flat_map(names).collect(),
    }
}

/// The text of an expression that is a string and nothing else.
pub(in crate::template) fn literal(expr: &Expr<'_>) -> Option<String> {
    match expr {
        Expr::Const(constant) => constant.value.as_str().map(str::to_owned),
        _ => None,
    }
}
