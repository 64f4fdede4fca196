//! Which names a variable may have.

use crate::syntax::{Diagnostic, Diagnostics, Place};

/// Names with a meaning of their own in plays, tasks and expressions. A variable of such a name is legal and is not
/// what its author thinks: `port` in an inventory does not set the port.
const RESERVED: &[&str] = &[
    "action",
    "always",
    "any_errors_fatal",
    "args",
    "async",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "collections",
    "connection",
    "cycler",
    "debugger",
    "delay",
    "delegate_facts",
    "delegate_to",
    "dict",
    "diff",
    "environment",
    "fact_path",
    "failed_when",
    "force_handlers",
    "gather_facts",
    "gather_timeout",
    "handlers",
    "hosts",
    "ignore_errors",
    "ignore_unreachable",
    "joiner",
    "lipsum",
    "local_action",
    "lookup",
    "loop",
    "loop_control",
    "max_fail_percentage",
    "module_defaults",
    "name",
    "namespace",
    "no_log",
    "notify",
    "now",
    "omit",
    "order",
    "poll",
    "port",
    "post_tasks",
    "pre_tasks",
    "q",
    "query",
    "range",
    "register",
    "remote_user",
    "rescue",
    "retries",
    "roles",
    "run_once",
    "serial",
    "strategy",
    "tags",
    "tasks",
    "throttle",
    "timeout",
    "undef",
    "until",
    "vars_files",
    "vars_prompt",
    "when",
];

/// True for a name that an expression can use: a letter or `_`, then letters, digits and `_`.
pub fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// True for a name that means something else in a play, a task or an expression.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok()
}

/// Warns of a variable's name that its author will not be happy with; `place` is asked for only then.
pub fn check_name(name: &str, place: impl FnOnce() -> Place, diagnostics: &mut Diagnostics) {
    if is_reserved(name) {
        diagnostics.push(
            Diagnostic::warning(format!(
                "the variable `{name}` has the name of a keyword, which it does not set"
            ))
            .at(place())
            .help(match name {
                "port" | "connection" | "become" | "become_user" | "become_method" => {
                    format!("for the connection write `ansible_{name}`; otherwise choose another name")
                }
                "remote_user" => "for the connection write `ansible_user`; otherwise choose another name".to_owned(),
                _ => "choose another name".to_owned(),
            }),
        );
    } else if !is_identifier(name) {
        let better: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let mut warning = Diagnostic::warning(format!(
            "no expression can name the variable `{name}`: names are letters, digits and `_`"
        ))
        .at(place());
        if is_identifier(&better) {
            warning = warning.help(format!("write `{better}`; as it is, only `vars['{name}']` finds it"));
        }
        diagnostics.push(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::SourceFile;
    use rstest::rstest;

    #[test]
    fn reserved_names_can_be_searched() {
        assert!(RESERVED.is_sorted());
        assert!(is_reserved("port") && !is_reserved("ansible_port"));
    }

    #[rstest]
    #[case("kube_version", None)]
    #[case("_x1", None)]
    #[case("kube-version", Some("`kube_version`"))]
    #[case("1st", Some("no expression"))]
    #[case("port", Some("`ansible_port`"))]
    #[case("serial", Some("keyword"))]
    fn unhappy_names_are_warned_of(#[case] name: &str, #[case] part: Option<&str>) {
        let mut diagnostics = Diagnostics::default();
        let source = SourceFile::new("x", name);
        check_name(name, || Place::start_of(&source), &mut diagnostics);
        match part {
            None => assert!(diagnostics.is_empty()),
            Some(part) => assert!(diagnostics.to_string().contains(part), "{diagnostics}"),
        }
        assert!(!diagnostics.has_errors());
    }
}
