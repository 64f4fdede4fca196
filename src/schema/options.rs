//! The options of modules, as their types have them, and as playbooks may write them: templates for everything, numbers
//! for texts, `yes` for true.

use serde_json::{Map, Value, json};

use super::TEMPLATE;
use crate::modules::ModuleDefinition;

/// The definition of what stands behind a module's name in a task.
pub(super) fn value_name(module: &ModuleDefinition) -> String {
    format!("module-{}", module.name)
}

/// Adds a module's definitions.
pub(super) fn define(module: &ModuleDefinition, definitions: &mut Map<String, Value>) {
    let mut schema = module.schema().to_value();
    let types = schema.as_object_mut().and_then(|schema| schema.remove("$defs"));
    if let Some(Value::Object(types)) = types {
        for (name, schema) in types {
            definitions.insert(type_name(module, &name), loosened(module, schema));
        }
    }
    let description = schema.get("description").cloned().unwrap_or_default();
    let mut options = schema;
    if let Some(options) = options.as_object_mut() {
        loosen_parts(module, options);
    }
    let mut required = Vec::new();
    if let Some(options) = options.as_object_mut() {
        for key in ["$schema", "title"] {
            options.remove(key);
        }
        if let Some(Value::Array(names)) = options.remove("required") {
            required = names
                .iter()
                .filter_map(|name| Some(name.as_str()?.to_owned()))
                .collect();
        }
        if module.free_options {
            options.insert("additionalProperties".to_owned(), json!({}));
        }
        add_aliases(module, options);
        let conditions: Vec<Value> = required.iter().map(|name| required_or_alias(module, name)).collect();
        if !conditions.is_empty() {
            options.insert("allOf".to_owned(), Value::Array(conditions));
        }
    }
    // `module: text` and `module: option=value`; with `args` beside it, or all options optional, nothing at all.
    let value = json!({
        "description": description,
        "anyOf": [options, {"type": ["string", "null"]}],
    });
    definitions.insert(value_name(module), value);
}

fn type_name(module: &ModuleDefinition, name: &str) -> String {
    format!("type-{}-{name}", module.name)
}

fn add_aliases(module: &ModuleDefinition, options: &mut Map<String, Value>) {
    let Some(properties) = options.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (alias, own) in module.option_aliases {
        if let Some(value) = properties.get(*own).cloned()
            && !properties.contains_key(*alias)
        {
            let mut value = json!({"allOf": [value]});
            value["description"] = json!(format!("As `{own}`."));
            properties.insert((*alias).to_owned(), value);
        }
    }
}

fn required_or_alias(module: &ModuleDefinition, name: &str) -> Value {
    let aliases = module
        .option_aliases
        .iter()
        .filter(|(_, own)| *own == name)
        .map(|(alias, _)| *alias);
    let ways: Vec<Value> = std::iter::once(name)
        .chain(aliases)
        .map(|name| json!({"required": [name]}))
        .collect();
    match ways.as_slice() {
        [only] => only.clone(),
        _ => json!({"anyOf": ways}),
    }
}

/// Text that holds a template.
pub(super) fn template() -> Value {
    json!({"type": "string", "pattern": TEMPLATE})
}

/// A boolean as playbooks write it.
pub(super) fn flag() -> Value {
    json!({"anyOf": [
        {"type": "boolean"},
        {"enum": [0, 1]},
        {"type": "string", "pattern": format!(r"^([Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo][Nn]|[Oo][Ff][Ff]|[Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|0|1)$|{TEMPLATE}")},
    ]})
}

/// A number, also as text.
pub(super) fn number(kind: &str, minimum: Option<&Value>) -> Value {
    let mut number = json!({"type": kind});
    if let Some(minimum) = minimum {
        number["minimum"] = minimum.clone();
    }
    let sign = if minimum.is_some() { "" } else { "-?" };
    json!({"anyOf": [
        number,
        {"type": "string", "pattern": format!(r"^\s*{sign}[0-9.]+\s*$|{TEMPLATE}")},
    ]})
}

/// A type's schema as playbooks may write its values.
fn loosened(module: &ModuleDefinition, schema: Value) -> Value {
    let Value::Object(mut schema) = schema else {
        return schema;
    };
    if let Some(Value::String(path)) = schema.get("$ref") {
        let name = path.trim_start_matches("#/$defs/");
        let reference = json!({"$ref": format!("#/definitions/{}", type_name(module, name))});
        schema.remove("$ref");
        schema.insert("allOf".to_owned(), json!([reference]));
        return Value::Object(schema);
    }
    loosen_parts(module, &mut schema);
    // Choices: `oneOf` constants become one list, which editors offer, and a template beside it.
    let listed = schema.contains_key("enum") || schema.contains_key("const");
    let also = schema.remove("x-also");
    if let Some(Value::Array(mut ways)) = schema.remove("oneOf") {
        ways.extend(also.map(|names| json!({"enum": names})));
        ways.push(template());
        schema.insert("anyOf".to_owned(), Value::Array(ways));
        return Value::Object(schema);
    }
    if listed {
        return beside(schema, template());
    }
    widened(schema)
}

/// Loosens what a schema is made of.
fn loosen_parts(module: &ModuleDefinition, schema: &mut Map<String, Value>) {
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(ways)) = schema.get_mut(key) {
            let is_choice = |way: &Value| way.get("const").is_some() || way.get("enum").is_some();
            for way in ways.iter_mut().filter(|way| !is_choice(way)) {
                *way = loosened(module, std::mem::take(way));
            }
        }
    }
    if let Some(items) = schema.remove("items") {
        schema.insert("items".to_owned(), loosened(module, items));
    }
    for key in ["properties", "patternProperties"] {
        if let Some(Value::Object(properties)) = schema.get_mut(key) {
            for value in properties.values_mut() {
                *value = loosened(module, std::mem::take(value));
            }
        }
    }
    if let Some(more @ Value::Object(_)) = schema.remove("additionalProperties") {
        schema.insert("additionalProperties".to_owned(), loosened(module, more));
    } else if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// The values of one type, as they may be written.
fn widened(mut schema: Map<String, Value>) -> Value {
    let (types, optional) = types_of(&schema);
    let wider = match types.as_slice() {
        [only] => match only.as_str() {
            "boolean" => flag(),
            kind @ ("integer" | "number") => number(kind, schema.get("minimum")),
            "string" => json!({"type": ["string", "number", "boolean"]}),
            "array" | "object" => {
                if optional {
                    schema.insert("type".to_owned(), json!(only));
                }
                return with_null(beside(schema, template()), optional);
            }
            _ => return Value::Object(schema),
        },
        _ => return Value::Object(schema),
    };
    let description = schema.remove("description");
    let default = schema.remove("default").filter(|default| !default.is_null());
    let mut wider = with_null(wider, optional);
    if let Some(description) = description {
        wider["description"] = description;
    }
    if let Some(default) = default {
        wider["default"] = default;
    }
    wider
}

/// The types that a schema allows, null aside, and whether null is one of them.
fn types_of(schema: &Map<String, Value>) -> (Vec<String>, bool) {
    let all: Vec<String> = match schema.get("type") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
        _ => Vec::new(),
    };
    let optional = all.iter().any(|name| name == "null");
    (all.into_iter().filter(|name| name != "null").collect(), optional)
}

/// The schema, or another one; what describes it stays outside, where editors look for it.
fn beside(mut schema: Map<String, Value>, other: Value) -> Value {
    let mut outer = Map::new();
    for key in ["description", "default"] {
        if let Some(value) = schema.remove(key) {
            outer.insert(key.to_owned(), value);
        }
    }
    outer.insert("anyOf".to_owned(), json!([schema, other]));
    Value::Object(outer)
}

fn with_null(mut schema: Value, optional: bool) -> Value {
    if optional {
        match schema.get_mut("anyOf").and_then(Value::as_array_mut) {
            Some(ways) => ways.push(json!({"type": "null"})),
            None => {
                if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
                    types.push(json!("null"));
                }
            }
        }
    }
    schema
}
