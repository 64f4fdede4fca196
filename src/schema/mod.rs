//! The JSON schema of the language, for editors: modules and their options from the modules' own types, keywords from a
//! table beside it. Draft 7, which editors understand.

mod keywords;
mod options;

use serde_json::{Map, Value, json};

use crate::modules::{self, ModuleDefinition};
use crate::playbook::Meta;
use keywords::{Keyword, Kind};

/// A template stands wherever a typed value may.
const TEMPLATE: &str = r"\{[{%]";

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum File {
    /// Plays: the files that krun is given
    Playbook,
    /// Tasks: `tasks/` and `handlers/` of roles, and what is included
    Tasks,
}

/// The schema of a kind of file.
pub fn of(file: File) -> Value {
    let (title, root) = match file {
        File::Playbook => (
            "A playbook of krun",
            json!({"type": "array", "items": reference("play_or_import")}),
        ),
        File::Tasks => ("A task file of krun", list_of_tasks()),
    };
    let mut definitions = Map::new();
    definitions.insert("play_or_import".to_owned(), choose("import_playbook", "import", "play"));
    definitions.insert("play".to_owned(), play());
    definitions.insert("import".to_owned(), import());
    definitions.insert("role".to_owned(), role());
    definitions.insert("task_or_block".to_owned(), choose("block", "block", "task"));
    definitions.insert("block".to_owned(), block());
    definitions.insert("task".to_owned(), task());
    definitions.insert(
        "loop_control".to_owned(),
        object("How a loop is done.", &keywords::LOOP_CONTROL, &[]),
    );
    for module in modules::all() {
        options::define(module, &mut definitions);
    }
    let mut schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": title});
    if let (Some(schema), Value::Object(root)) = (schema.as_object_mut(), root) {
        schema.extend(root);
        schema.insert("definitions".to_owned(), Value::Object(definitions));
    }
    schema
}

fn reference(definition: &str) -> Value {
    json!({"$ref": format!("#/definitions/{definition}")})
}

fn list_of_tasks() -> Value {
    // A key with nothing behind it is no task at all.
    json!({"type": ["array", "null"], "items": reference("task_or_block")})
}

/// One of two kinds of mappings, told apart by a key; Ansible's name for it counts, too.
fn choose(key: &str, with: &str, without: &str) -> Value {
    let has = |name: String| json!({"required": [name]});
    json!({
        "type": "object",
        "if": {"anyOf": [has(key.to_owned()), has(format!("ansible.builtin.{key}"))]},
        "then": reference(with),
        "else": reference(without),
    })
}

fn play() -> Value {
    let mut play = object(
        "A play: what is done on which hosts, in which batches.",
        &keywords::PLAY,
        &["hosts"],
    );
    // They mean something at what stands in it only.
    if let Some(properties) = play["properties"].as_object_mut() {
        for key in ["when", "delegate_to", "delegate_facts"] {
            properties.shift_remove(key);
        }
    }
    play
}

fn import() -> Value {
    let mut import = object("The plays of another playbook.", &keywords::IMPORT, &[]);
    let file = import["properties"]["import_playbook"].clone();
    import["properties"]["ansible.builtin.import_playbook"] = file;
    import
}

fn role() -> Value {
    let mut role = object("A role; other keys are its parameters.", &keywords::ROLE, &[]);
    if let Some(role) = role.as_object_mut() {
        role.remove("additionalProperties");
        role.insert(
            "anyOf".to_owned(),
            json!([{"required": ["role"]}, {"required": ["name"]}]),
        );
    }
    json!({"anyOf": [{"type": "string"}, role]})
}

fn block() -> Value {
    object(
        "Tasks that belong together, and what is done when one fails.",
        &keywords::BLOCK,
        &["block"],
    )
}

fn task() -> Value {
    let mut task = object("A task: one module, and how it is run.", &keywords::TASK, &[]);
    let mut patterns = Map::new();
    for module in modules::all() {
        let value = reference(&options::value_name(module));
        for name in [module.name].iter().chain(module.aliases) {
            task["properties"][*name] = value.clone();
        }
        patterns.insert(spellings(module), value);
    }
    // `ansible.builtin.include_tasks` and its like.
    for name in ["import_tasks", "include_tasks", "import_role", "include_role", "meta"] {
        let own = task["properties"][name].clone();
        task["properties"][format!("ansible.builtin.{name}")] = own;
    }
    // Forms of loops beside those that are offered; the loader knows which there are.
    patterns.insert("^with_[a-z_]+$".to_owned(), json!({}));
    task["patternProperties"] = Value::Object(patterns);
    task
}

/// Every way to write a module's name. The usual ones are properties, so that editors offer them; these are understood.
fn spellings(module: &ModuleDefinition) -> String {
    let names: Vec<String> = [module.name]
        .iter()
        .chain(module.aliases)
        .map(|name| name.replace('-', "[-_]"))
        .collect();
    let collections = modules::COLLECTIONS.map(|collection| collection.replace('.', r"\."));
    format!("^(?:{})?(?:{})$", collections.join("|"), names.join("|"))
}

/// A mapping with these keys and those that all of them share.
fn object(description: &str, own: &[Keyword], required: &[&str]) -> Value {
    let shared: &[Keyword] = if std::ptr::eq(own, keywords::LOOP_CONTROL.as_slice()) {
        &[]
    } else {
        &keywords::SHARED
    };
    let properties: Map<String, Value> = own
        .iter()
        .chain(shared)
        .map(|keyword| (keyword.name.to_owned(), value_of(keyword)))
        .collect();
    let mut object = json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// The schema of a keyword's value.
fn value_of(keyword: &Keyword) -> Value {
    let mut value = match keyword.kind {
        Kind::Text => json!({"type": ["string", "number", "boolean"]}),
        Kind::Texts => {
            json!({"anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["string", "number"]}}]})
        }
        Kind::Flag => options::flag(),
        Kind::Number => options::number("number", Some(&json!(0))),
        Kind::Condition => json!({"anyOf": [
            {"type": ["string", "boolean", "number"]},
            {"type": "array", "items": {"type": ["string", "boolean", "number"]}},
        ]}),
        Kind::Variables => {
            json!({"anyOf": [{"type": ["object", "null"]}, {"type": "array", "items": {"type": "object"}}]})
        }
        Kind::Mapping => {
            json!({"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": ["object", "string"]}}, {"type": "string"}]})
        }
        Kind::Any => json!({}),
        Kind::List => json!({"anyOf": [{"type": "array"}, {"type": "string"}]}),
        Kind::Serial => {
            let one = json!({"anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": format!(r"^\s*[0-9]+%?\s*$|{TEMPLATE}")},
            ]});
            json!({"anyOf": [one, {"type": "array", "items": one}]})
        }
        Kind::Choice(choices) => json!({"anyOf": [{"enum": choices}, options::template()]}),
        Kind::Order(choices) => json!({"anyOf": [
            {"enum": choices},
            options::template(),
            {"type": "array", "items": {"type": "string"}},
        ]}),
        Kind::Tasks => list_of_tasks(),
        Kind::Roles => json!({"type": "array", "items": reference("role")}),
        Kind::LoopControl => reference("loop_control"),
        Kind::Meta => json!({"enum": Meta::ALL.map(|(name, _)| name)}),
        Kind::IncludeFile => include(&["file"]),
        Kind::IncludeRole => include(&[
            "name",
            "role",
            "tasks_from",
            "vars_from",
            "defaults_from",
            "handlers_from",
            "public",
            "allow_duplicates",
            "rolespec_validate",
        ]),
    };
    // Beside `$ref` nothing counts in draft 7.
    if value.get("$ref").is_some() {
        value = json!({"allOf": [value]});
    }
    value["description"] = json!(keyword.about);
    value
}

/// The file or role of an include or import.
fn include(options: &[&str]) -> Value {
    let mut properties = Map::new();
    for option in options {
        let about = match *option {
            "file" => "The file.",
            "tasks_from" => "A file in the role's `tasks/` instead of `main`.",
            "vars_from" => "A file in the role's `vars/` instead of `main`.",
            "defaults_from" => "A file in the role's `defaults/` instead of `main`.",
            "handlers_from" => "A file in the role's `handlers/` instead of `main`.",
            "public" => "The role's variables are seen by the tasks behind it.",
            "allow_duplicates" => "Done again also where the role was done already. Default: true.",
            "rolespec_validate" => "Whether the role's argument specs are held to. Default: true.",
            _ => "The role's name.",
        };
        let mut value = match *option {
            "public" | "allow_duplicates" | "rolespec_validate" => options::flag(),
            _ => json!({"type": "string"}),
        };
        value["description"] = json!(about);
        properties.insert((*option).to_owned(), value);
    }
    let apply = object("Keywords that the included tasks get.", &[], &[]);
    properties.insert("apply".to_owned(), apply);
    json!({"anyOf": [
        {"type": "string"},
        {"type": "object", "properties": properties, "additionalProperties": false},
    ]})
}

#[cfg(test)]
mod tests;
