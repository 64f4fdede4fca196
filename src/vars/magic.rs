//! The variables that krun itself gives a value.

/// Names of the magic variables. Some exist in some places only: `ansible_loop` in a loop, `role_name` in a role.
pub const NAMES: &[&str] = &[
    "ansible_check_mode",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_failed_result",
    "ansible_failed_task",
    "ansible_forks",
    "ansible_index_var",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_loop",
    "ansible_loop_var",
    "ansible_managed",
    "ansible_parent_role_names",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "krun_planning",
    "krun_run_id",
    "krun_terminal",
    "krun_version",
    "omit",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_path",
    "template_destpath",
    "template_fullpath",
    "template_path",
    "vars",
];

/// True for a magic variable.
pub fn is_magic(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

/// The name without its domain; an address as it is: the magic variable `inventory_hostname_short`.
pub fn short_name(host: &str) -> &str {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    host.split('.').next().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_searched() {
        assert!(NAMES.is_sorted());
        assert!(is_magic("groups") && !is_magic("group"));
    }

    #[test]
    fn addresses_have_no_domain() {
        assert_eq!(short_name("m1.example.org"), "m1");
        assert_eq!(short_name("192.0.2.1"), "192.0.2.1");
    }
}
