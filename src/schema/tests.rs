use serde_json::Value;

use super::{File, of};
use crate::modules;
use crate::playbook::{Loader, LoaderOptions};
use crate::vars::vault::VaultPasswords;

/// Ansible's keywords at each level, of which krun knows some.
const PLAY: &str = "any_errors_fatal become become_exe become_flags become_method become_user check_mode collections connection debugger \
    diff environment fact_path force_handlers gather_facts gather_subset gather_timeout handlers hosts ignore_errors \
    ignore_unreachable max_fail_percentage module_defaults name no_log order port post_tasks pre_tasks remote_user roles run_once \
    serial strategy tags tasks throttle timeout vars vars_files vars_prompt when delegate_to delegate_facts";
const TASK: &str = "action any_errors_fatal args async become become_exe become_flags become_method become_user changed_when \
    check_mode collections connection debugger delay delegate_facts delegate_to diff environment failed_when ignore_errors \
    ignore_unreachable listen local_action loop loop_control module_defaults name no_log notify poll port register remote_user \
    retries run_once tags throttle timeout until vars when with_dict with_fileglob with_first_found with_items with_list \
    with_nested with_sequence with_together with_subelements";
const BLOCK: &str = "always any_errors_fatal become block check_mode delegate_to environment ignore_errors name notify rescue run_once \
    tags timeout vars when throttle";

fn schema() -> Value {
    of(File::Playbook)
}

/// Whether the loader takes a key, whatever stands behind it.
fn is_loaded(text: &str, key: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.yml");
    std::fs::write(&file, text).unwrap();
    let (options, passwords) = (LoaderOptions::default(), VaultPasswords::default());
    let (_, found) = Loader::new(&options, &passwords).load(&file);
    !found.sorted().iter().any(|finding| {
        let message = finding.message();
        message.contains(&format!("no key `{key}`"))
            || message.contains(&format!("`{key}` is neither"))
            || message.contains(&format!("`{key}` is not supported"))
    })
}

#[test]
fn the_schema_has_the_keywords_that_the_loader_has() {
    let schema = schema();
    let has = |definition: &str, key: &str| schema["definitions"][definition]["properties"].get(key).is_some();
    for key in PLAY.split_whitespace() {
        let loaded = is_loaded(&format!("- hosts: all\n  {key}: x\n").replace("  hosts: x\n", ""), key);
        assert_eq!(
            has("play", key),
            loaded,
            "a play's `{key}`: src/schema/keywords.rs and the loader differ"
        );
    }
    // Any `with_` is let in.
    for key in TASK.split_whitespace().filter(|key| !key.starts_with("with_")) {
        let module = if matches!(key, "action" | "local_action") {
            ""
        } else {
            "      ping:\n"
        };
        let loaded = is_loaded(&format!("- hosts: all\n  tasks:\n    - {key}: x\n{module}"), key);
        assert_eq!(
            has("task", key),
            loaded,
            "a task's `{key}`: src/schema/keywords.rs and the loader differ"
        );
    }
    for key in BLOCK.split_whitespace() {
        let value = if matches!(key, "always" | "block" | "rescue") {
            "[]"
        } else {
            "x"
        };
        let text = format!("- hosts: all\n  tasks:\n    - {key}: {value}\n      block: []\n");
        let text = text.replace(
            "      block: []\n",
            if key == "block" { "" } else { "      block: []\n" },
        );
        assert_eq!(has("block", key), is_loaded(&text, key), "a block's `{key}`");
    }
}

#[test]
fn every_module_and_option_is_there_with_its_words() {
    let schema = schema();
    let task = &schema["definitions"]["task"];
    for module in modules::all() {
        for name in [module.name].iter().chain(module.aliases) {
            assert!(task["properties"].get(name).is_some(), "{name}");
        }
        let value = &schema["definitions"][format!("module-{}", module.name)];
        assert!(
            value["description"].as_str().is_some_and(|text| text.len() > 10),
            "{}",
            module.name
        );
        let options = value["anyOf"][0]["properties"].as_object().cloned().unwrap_or_default();
        for option in module.options() {
            let about = options[option]["description"].as_str().unwrap_or_default();
            assert!(about.len() > 3, "{}.{option} says nothing", module.name);
        }
        for (alias, _) in module.option_aliases {
            assert!(options.contains_key(*alias), "{}.{alias}", module.name);
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'v>(value: &'v Value, into: &mut Vec<&'v str>) {
        match value {
            Value::Object(map) => {
                into.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, into));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, into)),
            _ => {}
        }
    }
    for file in [File::Playbook, File::Tasks] {
        let schema = of(file);
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(found.len() > 100);
        for path in found {
            let name = path.strip_prefix("#/definitions/").unwrap();
            assert!(schema["definitions"].get(name).is_some(), "{path}");
        }
    }
}
