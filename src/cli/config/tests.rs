use std::collections::HashSet;

use clap::CommandFactory;

use super::ansible_keys::{KEYS, Meaning};
use super::setting::{Kind, Settings};
use crate::cli::Cli;

const DOCS: &str = "docs/configuration.md";

fn settings() -> Settings {
    Settings::of(&Cli::command())
}

/// Help and version are no options that anybody would set.
#[test]
fn every_option_of_every_command_is_a_setting() {
    let settings = settings();
    let mut commands = vec![(Vec::new(), Cli::command())];
    let mut seen = 0;
    while let Some((path, command)) = commands.pop() {
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long().filter(|long| !["help", "version"].contains(long)) else {
                continue;
            };
            let option = format!("--{long}");
            let found = settings
                .iter()
                .find(|setting| setting.option == option && setting.commands.contains(&path));
            assert!(found.is_some(), "no setting for {option} of krun {}", path.join(" "));
            seen += 1;
        }
        for sub in command.get_subcommands() {
            let path = [path.clone(), vec![sub.get_name().to_owned()]].concat();
            commands.push((path, sub.clone()));
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn settings_have_the_names_that_users_know() {
    let settings = settings();
    for (name, option) in [
        ("remote_user", "--user"),
        ("private_key_file", "--private-key"),
        ("forks", "--forks"),
        ("vault_password_file", "--vault-password-file"),
        ("output", "--output"),
        ("vault_encrypt_output", "--output"),
        ("encrypt_vault_id", "--encrypt-vault-id"),
    ] {
        assert_eq!(settings.get(name).unwrap().option, option);
    }
    let variables: HashSet<_> = settings.iter().map(super::setting::Setting::variable).collect();
    assert_eq!(variables.len(), settings.iter().count());
    assert!(!variables.contains("KRUN_CONFIG"), "it names the file");
}

/// Settings that other keys mean are there, or come with options that are not there yet.
#[test]
fn keys_of_ansible_lead_to_settings() {
    let settings = settings();
    let to_come = ["gathering", "fact_cache", "fact_cache_timeout"];
    for key in KEYS {
        if let Meaning::Setting(name) = key.meaning {
            assert!(settings.get(name).is_some() || to_come.contains(&name), "{name}");
        }
    }
}

/// The tables of the documentation. `KRUN_TEST_RENEW=1 cargo test --lib config` writes them anew.
#[test]
fn the_documentation_lists_all_settings() {
    let settings = settings();
    let text = std::fs::read_to_string(DOCS).unwrap();
    let mut renewed = text.clone();
    for (name, table) in [
        ("settings", settings_table(&settings, true)),
        ("settings of subcommands", settings_table(&settings, false)),
        ("keys of ansible.cfg", ansible_table()),
    ] {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let start = renewed.find(&begin).unwrap() + begin.len();
        let stop = renewed.find(&end).unwrap();
        renewed.replace_range(start..stop, &table);
    }
    if std::env::var_os("KRUN_TEST_RENEW").is_some() {
        std::fs::write(DOCS, &renewed).unwrap();
    } else {
        assert!(
            text == renewed,
            "{DOCS} is not up to date: KRUN_TEST_RENEW=1 cargo test --lib config"
        );
    }
}

fn settings_table(settings: &Settings, of_runs: bool) -> String {
    let mut table = "| key | option | value | default | what it does |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for setting in settings.iter() {
        if setting.commands.iter().any(Vec::is_empty) != of_runs {
            continue;
        }
        let kind = match setting.kind {
            Kind::Flag => "true, false",
            Kind::Count => "a number",
            Kind::One => "one",
            Kind::Many => "a list",
        };
        let option = if of_runs {
            setting.option.clone()
        } else {
            format!("krun {} {}", setting.commands[0].join(" "), setting.option)
        };
        let default = setting.default.as_deref().unwrap_or_default();
        let help = setting.help.replace('|', "\\|");
        table.push_str(&format!(
            "| `{}` | `{option}` | {kind} | {default} | {help} |\n",
            setting.name
        ));
    }
    table
}

fn ansible_table() -> String {
    let mut table = "| section | key | in krun |\n| --- | --- | --- |\n".to_owned();
    for key in KEYS {
        let meaning = match key.meaning {
            Meaning::Setting(name) => format!("`{name}`"),
            Meaning::Nothing(reason) => format!("no meaning: {reason}"),
            Meaning::Refused([], help) => format!("not obeyed, with a warning: {help}"),
            Meaning::Refused(harmless, help) => {
                let harmless: Vec<_> = harmless.iter().filter(|value| !value.is_empty()).collect();
                let unless = harmless.first().map(|value| format!(" unless it is `{value}`"));
                format!("not obeyed, with a warning{}: {help}", unless.unwrap_or_default())
            }
        };
        table.push_str(&format!(
            "| {} | `{}` | {} |\n",
            key.section,
            key.name,
            meaning.replace('|', "\\|")
        ));
    }
    table
}
