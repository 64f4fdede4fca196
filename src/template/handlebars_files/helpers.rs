use std::collections::BTreeSet;
use std::sync::LazyLock;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson,
};
use minijinja::Value;
use minijinja::value::Kwargs;
use serde_json::Value as Json;

use crate::template::engine::strict_engine;
use crate::template::{TemplateError, filters, from_json, tests, to_json};

/// The helper that each plain `{{value}}` is turned into.
pub(super) const PRINT: &str = "print";

/// Blocks that Handlebars brings and that are strict by themselves.
const BLOCKS: [&str; 3] = ["each", "with", "raw"];

/// Helpers that may see undefined values: that is what they are for.
pub(super) const LENIENT: [&str; 5] = ["default", "d", "mandatory", "defined", "undefined"];

/// Handlebars' own names for tests and filters of Jinja.
pub(super) const ALIASES: [(&str, &str); 3] = [("gte", "ge"), ("lte", "le"), ("len", "length")];

/// Replaces the helpers that let undefined values pass, and adds every filter and test.
pub(super) fn register(engine: &mut Handlebars<'static>) {
    engine.unregister_helper("log");
    for name in filters::names() {
        engine.register_helper(name, Box::new(Function::filter(name)));
    }
    for name in tests::names() {
        if !filters::names().contains(&name) {
            engine.register_helper(name, Box::new(Function::test(name)));
        }
        engine.register_helper(&format!("is_{name}"), Box::new(Function::test(name)));
    }
    for (alias, name) in ALIASES {
        let function = if name == "length" {
            Function::filter(name)
        } else {
            Function::test(name)
        };
        engine.register_helper(alias, Box::new(function));
    }
    engine.register_helper("if", Box::new(Condition { positive: true }));
    engine.register_helper("unless", Box::new(Condition { positive: false }));
    for own in [Own::And, Own::Or, Own::Not, Own::Lookup, Own::Print] {
        engine.register_helper(own.name(), Box::new(own));
    }
}

/// Names of all helpers.
pub(super) fn names() -> &'static BTreeSet<String> {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let own = [Own::And, Own::Or, Own::Not, Own::Lookup, Own::Print];
        let mut names: BTreeSet<String> = own.iter().map(|own| own.name().to_owned()).collect();
        names.extend(["if", "unless"].map(str::to_owned));
        names.extend(BLOCKS.map(str::to_owned));
        names.extend(ALIASES.map(|(alias, _)| alias.to_owned()));
        names.extend(filters::names().into_iter().map(str::to_owned));
        for test in tests::names() {
            names.insert(test.to_owned());
            names.insert(format!("is_{test}"));
        }
        names
    });
    &NAMES
}

pub(super) fn exists(name: &str) -> bool {
    names().contains(name)
}

/// A Jinja filter or test as a helper: the piped value is the first argument.
struct Function {
    name: &'static str,
    is_test: bool,
}

impl Function {
    fn filter(name: &'static str) -> Self {
        Self { name, is_test: false }
    }

    fn test(name: &'static str) -> Self {
        Self { name, is_test: true }
    }

    fn evaluate(&self, helper: &Helper<'_>) -> Result<Json, RenderError> {
        let mut arguments = Vec::with_capacity(helper.params().len() + 1);
        for parameter in helper.params() {
            let missing = parameter.is_value_missing();
            if missing && !LENIENT.contains(&self.name) {
                return Err(undefined(parameter));
            }
            arguments.push(if missing {
                Value::UNDEFINED
            } else {
                from_json(parameter.value())
            });
        }
        if !helper.hash().is_empty() {
            let named = helper
                .hash()
                .iter()
                .map(|(name, value)| present(value).map(|value| ((*name).to_owned(), from_json(value))));
            arguments.push(Value::from(named.collect::<Result<Kwargs, _>>()?));
        }
        let mut state = strict_engine().empty_state();
        let result = if self.is_test {
            state.perform_test(self.name, &arguments).map(Value::from)
        } else {
            state.apply_filter(self.name, &arguments)
        };
        let result = result.map_err(|error| {
            let error = TemplateError::from_engine(&error, helper.name());
            refusal(TemplateError::new(format!("`{}`: {}", helper.name(), error.message)))
        })?;
        to_json(&result).map_err(refusal)
    }
}

impl HelperDef for Function {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        self.evaluate(helper).map(ScopedJson::Derived)
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        context: &mut RenderContext<'reg, 'rc>,
        output: &mut dyn Output,
    ) -> HelperResult {
        let what = format!("the result of `{}`", helper.name());
        let way = format!("({} …)", helper.name());
        write(&self.evaluate(helper)?, &what, &way, context, output)
    }
}

/// `#if` and `#unless`, which take no undefined value for false.
struct Condition {
    positive: bool,
}

impl HelperDef for Condition {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        engine: &'reg Handlebars<'reg>,
        data: &'rc Context,
        context: &mut RenderContext<'reg, 'rc>,
        output: &mut dyn Output,
    ) -> HelperResult {
        let condition = helper
            .param(0)
            .ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        let branch = if is_true(present(condition)?) == self.positive {
            helper.template()
        } else {
            helper.inverse()
        };
        branch.map_or(Ok(()), |branch| branch.render(engine, data, context, output))
    }
}

/// Helpers that are no filters.
#[derive(Clone, Copy)]
enum Own {
    And,
    Or,
    Not,
    Lookup,
    Print,
}

impl Own {
    fn name(self) -> &'static str {
        match self {
            Own::And => "and",
            Own::Or => "or",
            Own::Not => "not",
            Own::Lookup => "lookup",
            Own::Print => PRINT,
        }
    }

    fn evaluate(self, helper: &Helper<'_>) -> Result<Json, RenderError> {
        let values: Vec<&Json> = helper.params().iter().map(present).collect::<Result<_, _>>()?;
        match (self, values.as_slice()) {
            (Own::And, [.., last]) => {
                let stop = values.iter().copied().find(|value| !is_true(value));
                Ok(stop.unwrap_or(last).clone())
            }
            (Own::Or, [.., last]) => {
                let stop = values.iter().copied().find(|value| is_true(value));
                Ok(stop.unwrap_or(last).clone())
            }
            (Own::Not, [value]) => Ok(Json::Bool(!is_true(value))),
            (Own::Print, [value]) => Ok((*value).clone()),
            (Own::Lookup, [container, key]) => {
                let found = match (container, key) {
                    (Json::Object(map), key) => map.get(&text_of(key)),
                    (Json::Array(items), key) => key
                        .as_u64()
                        .and_then(|index| usize::try_from(index).ok())
                        .and_then(|index| items.get(index)),
                    _ => return Err(refusal(TemplateError::new("`lookup` works on mappings and lists"))),
                };
                found.cloned().ok_or_else(|| {
                    let mut error = TemplateError::new("`lookup`: there is no key of that name");
                    error.undefined = true;
                    refusal(error)
                })
            }
            _ => Err(refusal(TemplateError::new(format!(
                "`{}` has too few or too many arguments",
                self.name()
            )))),
        }
    }
}

impl HelperDef for Own {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        self.evaluate(helper).map(ScopedJson::Derived)
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        context: &mut RenderContext<'reg, 'rc>,
        output: &mut dyn Output,
    ) -> HelperResult {
        let path = helper
            .param(0)
            .and_then(PathAndJson::relative_path)
            .map_or("x", String::as_str);
        write(&self.evaluate(helper)?, &format!("`{path}`"), path, context, output)
    }
}

/// Writes a value that has one obvious text.
fn write(
    value: &Json,
    what: &str,
    way: &str,
    context: &mut RenderContext<'_, '_>,
    output: &mut dyn Output,
) -> HelperResult {
    let problem = match value {
        Json::Array(_) => format!("{what} is a list: print it with {{{{to_json {way}}}}} or {{{{join {way} ','}}}}"),
        Json::Object(_) => format!("{what} is a mapping: print it with {{{{to_json {way}}}}}"),
        Json::Null => format!("{what} has no value: print it with {{{{default {way} '' true}}}}"),
        plain => {
            context.set_content_produced(true);
            return output.write(&text_of(plain)).map_err(RenderError::from);
        }
    };
    Err(refusal(TemplateError::new(problem)))
}

fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_true(value: &Json) -> bool {
    from_json(value).is_true()
}

fn present<'v>(parameter: &'v PathAndJson<'_>) -> Result<&'v Json, RenderError> {
    if parameter.is_value_missing() {
        return Err(undefined(parameter));
    }
    Ok(parameter.value())
}

fn undefined(parameter: &PathAndJson<'_>) -> RenderError {
    RenderError::strict_error(parameter.relative_path())
}

fn refusal(error: TemplateError) -> RenderError {
    RenderErrorReason::NestedError(Box::new(error)).into()
}
