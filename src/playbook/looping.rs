//! `loop`, the `with_` forms and `loop_control`.

use serde_json::Value;

use super::model::{Loop, LoopKind};
use super::setting::Setting;
use crate::syntax::{Diagnostic, Diagnostics, Fields, Node};

pub(super) fn loop_over(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Loop> {
    let forms = [
        ("loop", LoopKind::List),
        ("with_list", LoopKind::List),
        ("with_items", LoopKind::Items),
        ("with_dict", LoopKind::Dict),
    ];
    let mut found = None;
    for (key, kind) in forms {
        if let Some(node) = fields.take(key) {
            let is_list = node.items().is_some() || node.text().is_some_and(crate::template::holds_template);
            if kind == LoopKind::List && !is_list {
                diagnostics.push(
                    Diagnostic::error(format!("`{key}` takes a list, this is {}", node.describe()))
                        .at(&node.place)
                        .help("the filter `dict2items` makes a list of a mapping; one item is a list, too: `[item]`")
                        .without_gap(),
                );
            }
            found = Some((kind, Setting::of(node, diagnostics)));
        }
    }
    let control = fields.take("loop_control");
    let (kind, list) = found?;
    let mut over = Loop {
        kind,
        list,
        variable: "item".to_owned(),
        index_variable: None,
        label: None,
        pause: None,
        extended: false,
    };
    if let Some(mut control) = control.and_then(|node| diagnostics.keep(Fields::of(node, "loop_control"))) {
        let mut text = |key| control.take(key).and_then(Node::text).map(str::to_owned);
        if let Some(variable) = text("loop_var") {
            over.variable = variable;
        }
        over.index_variable = text("index_var");
        over.label = control.take("label").map(|node| Setting::of(node, diagnostics));
        over.pause = control.take("pause").map(|node| Setting::of(node, diagnostics));
        if let Some(node) = control.take("extended") {
            match node.to_value() {
                Value::Bool(extended) => over.extended = extended,
                _ => diagnostics.push(Diagnostic::error("`extended` is true or false").at(&node.place)),
            }
        }
        control.finish(std::iter::empty(), diagnostics);
    }
    Some(over)
}
