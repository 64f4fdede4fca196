//! The keys of ansible.cfg and the environment variables of Ansible, and what they mean to krun.

use Meaning::{Nothing, Refused, Setting};

/// What a key of Ansible's means here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// The same as a setting of krun's.
    Setting(&'static str),
    /// Nothing that krun does depends on it; why.
    Nothing(&'static str),
    /// krun would have to do something that it does not do, unless the value is Ansible's default (or one of several);
    /// what to do instead.
    Refused(&'static [&'static str], &'static str),
}

/// A key: its section, its name, its environment variable (empty for none) and its meaning.
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) variable: &'static str,
    pub(super) meaning: Meaning,
}

const fn key(section: &'static str, name: &'static str, variable: &'static str, meaning: Meaning) -> Key {
    Key {
        section,
        name,
        variable,
        meaning,
    }
}

const NO_PYTHON: Meaning = Nothing("krun needs no Python on nodes and has no plugins");
const NO_PLUGINS: &[&str] = &[];
const PLUGINS: Meaning = Refused(
    NO_PLUGINS,
    "krun runs no plugins and no modules of others: take the key out",
);
const FOR_ANSIBLE: Meaning = Nothing("it is about ansible's own messages");
const ONE_SESSION: Meaning = Nothing("krun keeps one session a host for the whole run anyway");
const WRITTEN_IN_PLAYS: &str = "write it in the plays";
const FALSE: &[&str] = &["false", "no", "off", "0"];
const TRUE: &[&str] = &["true", "yes", "on", "1"];

/// All that are known.
pub(super) const KEYS: &[Key] = &[
    key("defaults", "forks", "ANSIBLE_FORKS", Setting("forks")),
    key("defaults", "timeout", "ANSIBLE_TIMEOUT", Setting("timeout")),
    key("ssh_connection", "timeout", "ANSIBLE_SSH_TIMEOUT", Setting("timeout")),
    key("defaults", "inventory", "ANSIBLE_INVENTORY", Setting("inventory")),
    key("defaults", "roles_path", "ANSIBLE_ROLES_PATH", Setting("roles_path")),
    key("defaults", "remote_user", "ANSIBLE_REMOTE_USER", Setting("remote_user")),
    key(
        "defaults",
        "private_key_file",
        "ANSIBLE_PRIVATE_KEY_FILE",
        Setting("private_key_file"),
    ),
    key("defaults", "ask_pass", "ANSIBLE_ASK_PASS", Setting("ask_pass")),
    key("defaults", "transport", "ANSIBLE_TRANSPORT", Setting("connection")),
    key(
        "defaults",
        "host_key_checking",
        "ANSIBLE_HOST_KEY_CHECKING",
        Setting("host_key_checking"),
    ),
    key(
        "ssh_connection",
        "host_key_checking",
        "ANSIBLE_SSH_HOST_KEY_CHECKING",
        Setting("host_key_checking"),
    ),
    key("ssh_connection", "ssh_args", "ANSIBLE_SSH_ARGS", Setting("ssh_args")),
    key(
        "ssh_connection",
        "ssh_common_args",
        "ANSIBLE_SSH_COMMON_ARGS",
        Setting("ssh_common_args"),
    ),
    key(
        "ssh_connection",
        "ssh_extra_args",
        "ANSIBLE_SSH_EXTRA_ARGS",
        Setting("ssh_extra_args"),
    ),
    key("privilege_escalation", "become", "ANSIBLE_BECOME", Setting("become")),
    key(
        "privilege_escalation",
        "become_user",
        "ANSIBLE_BECOME_USER",
        Setting("become_user"),
    ),
    key(
        "privilege_escalation",
        "become_method",
        "ANSIBLE_BECOME_METHOD",
        Setting("become_method"),
    ),
    key(
        "privilege_escalation",
        "become_ask_pass",
        "ANSIBLE_BECOME_ASK_PASS",
        Setting("ask_become_pass"),
    ),
    key(
        "privilege_escalation",
        "become_exe",
        "ANSIBLE_BECOME_EXE",
        Setting("become_exe"),
    ),
    key(
        "privilege_escalation",
        "become_flags",
        "ANSIBLE_BECOME_FLAGS",
        Setting("become_flags"),
    ),
    key(
        "defaults",
        "ask_vault_pass",
        "ANSIBLE_ASK_VAULT_PASS",
        Setting("ask_vault_pass"),
    ),
    key(
        "defaults",
        "vault_password_file",
        "ANSIBLE_VAULT_PASSWORD_FILE",
        Setting("vault_password_file"),
    ),
    key(
        "defaults",
        "vault_identity_list",
        "ANSIBLE_VAULT_IDENTITY_LIST",
        Setting("vault_id"),
    ),
    key(
        "defaults",
        "vault_encrypt_identity",
        "ANSIBLE_VAULT_ENCRYPT_IDENTITY",
        Setting("encrypt_vault_id"),
    ),
    key("defaults", "verbosity", "ANSIBLE_VERBOSITY", Setting("verbose")),
    key(
        "defaults",
        "force_handlers",
        "ANSIBLE_FORCE_HANDLERS",
        Setting("force_handlers"),
    ),
    key(
        "defaults",
        "display_skipped_hosts",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS",
        Setting("display_skipped_hosts"),
    ),
    key("defaults", "gathering", "ANSIBLE_GATHERING", Setting("gathering")),
    key(
        "defaults",
        "fact_caching_connection",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION",
        Setting("fact_cache"),
    ),
    key(
        "defaults",
        "fact_caching_timeout",
        "ANSIBLE_CACHE_PLUGIN_TIMEOUT",
        Setting("fact_cache_timeout"),
    ),
    key("tags", "run", "ANSIBLE_RUN_TAGS", Setting("tags")),
    key("tags", "skip", "ANSIBLE_SKIP_TAGS", Setting("skip_tags")),
    key("diff", "always", "ANSIBLE_DIFF_ALWAYS", Setting("diff")),
    // Without a meaning.
    key(
        "defaults",
        "fact_caching",
        "ANSIBLE_CACHE_PLUGIN",
        Refused(
            &["memory", "jsonfile"],
            "krun keeps facts in files: fact_cache in krun.toml",
        ),
    ),
    key(
        "defaults",
        "fact_caching_prefix",
        "ANSIBLE_CACHE_PLUGIN_PREFIX",
        Nothing("krun's cache is its own"),
    ),
    key(
        "defaults",
        "stdout_callback",
        "ANSIBLE_STDOUT_CALLBACK",
        Nothing("krun has one form of text; `output` gives events as JSON"),
    ),
    key(
        "defaults",
        "result_format",
        "ANSIBLE_CALLBACK_RESULT_FORMAT",
        Nothing("krun has one form of text"),
    ),
    key(
        "defaults",
        "pretty_results",
        "ANSIBLE_CALLBACK_FORMAT_PRETTY",
        Nothing("krun has one form of text"),
    ),
    key(
        "defaults",
        "callbacks_enabled",
        "ANSIBLE_CALLBACKS_ENABLED",
        Nothing("callbacks are Ansible's plugins; `output` gives events with times as JSON"),
    ),
    key(
        "defaults",
        "callback_whitelist",
        "ANSIBLE_CALLBACK_WHITELIST",
        Nothing("callbacks are Ansible's plugins; `output` gives events with times as JSON"),
    ),
    key(
        "defaults",
        "bin_ansible_callbacks",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS",
        Nothing("callbacks are Ansible's plugins"),
    ),
    key(
        "defaults",
        "pipelining",
        "ANSIBLE_PIPELINING",
        Nothing("krun never copies a module to a node"),
    ),
    key(
        "connection",
        "pipelining",
        "",
        Nothing("krun never copies a module to a node"),
    ),
    key(
        "ssh_connection",
        "pipelining",
        "ANSIBLE_SSH_PIPELINING",
        Nothing("krun never copies a module to a node"),
    ),
    key(
        "ssh_connection",
        "retries",
        "ANSIBLE_SSH_RETRIES",
        Nothing("a lost connection is opened again for krun_reconnect_timeout seconds, a variable"),
    ),
    key(
        "connection",
        "retries",
        "",
        Nothing("a lost connection is opened again for krun_reconnect_timeout seconds, a variable"),
    ),
    key(
        "ssh_connection",
        "control_path",
        "ANSIBLE_SSH_CONTROL_PATH",
        ONE_SESSION,
    ),
    key(
        "ssh_connection",
        "control_path_dir",
        "ANSIBLE_SSH_CONTROL_PATH_DIR",
        ONE_SESSION,
    ),
    key("ssh_connection", "usetty", "ANSIBLE_SSH_USETTY", ONE_SESSION),
    key(
        "ssh_connection",
        "transfer_method",
        "ANSIBLE_SSH_TRANSFER_METHOD",
        Nothing("files travel over the session"),
    ),
    key(
        "ssh_connection",
        "scp_if_ssh",
        "ANSIBLE_SCP_IF_SSH",
        Nothing("files travel over the session"),
    ),
    key(
        "ssh_connection",
        "sftp_batch_mode",
        "ANSIBLE_SFTP_BATCH_MODE",
        Nothing("files travel over the session"),
    ),
    key(
        "ssh_connection",
        "sftp_executable",
        "ANSIBLE_SFTP_EXECUTABLE",
        Nothing("files travel over the session"),
    ),
    key(
        "ssh_connection",
        "scp_executable",
        "ANSIBLE_SCP_EXECUTABLE",
        Nothing("files travel over the session"),
    ),
    key(
        "ssh_connection",
        "scp_extra_args",
        "ANSIBLE_SCP_EXTRA_ARGS",
        Nothing("files travel over the session"),
    ),
    key(
        "ssh_connection",
        "sftp_extra_args",
        "ANSIBLE_SFTP_EXTRA_ARGS",
        Nothing("files travel over the session"),
    ),
    key(
        "ssh_connection",
        "verbosity",
        "ANSIBLE_SSH_VERBOSITY",
        Nothing("krun has its own SSH library"),
    ),
    key(
        "ssh_connection",
        "ssh_executable",
        "ANSIBLE_SSH_EXECUTABLE",
        Refused(
            &["ssh", "/usr/bin/ssh"],
            "krun has its own SSH library: docs/connections.md",
        ),
    ),
    key(
        "ssh_connection",
        "sshpass_prompt",
        "ANSIBLE_SSHPASS_PROMPT",
        Nothing("krun needs no sshpass"),
    ),
    key(
        "ssh_connection",
        "password_mechanism",
        "ANSIBLE_SSH_PASSWORD_MECHANISM",
        Nothing("krun needs no sshpass"),
    ),
    key(
        "ssh_connection",
        "pkcs11_provider",
        "ANSIBLE_PKCS11_PROVIDER",
        Refused(&[""], "use a key that an agent holds"),
    ),
    key(
        "connection",
        "ssh_agent",
        "ANSIBLE_SSH_AGENT",
        Refused(&["none", "auto"], "set SSH_AUTH_SOCK instead"),
    ),
    key(
        "connection",
        "ssh_agent_executable",
        "ANSIBLE_SSH_AGENT_EXECUTABLE",
        Nothing("krun starts no agent"),
    ),
    key(
        "connection",
        "ssh_agent_key_lifetime",
        "ANSIBLE_SSH_AGENT_KEY_LIFETIME",
        Nothing("krun starts no agent"),
    ),
    key(
        "defaults",
        "remote_port",
        "ANSIBLE_REMOTE_PORT",
        Refused(&["22"], "set the variable ansible_port for the group `all`"),
    ),
    key(
        "defaults",
        "executable",
        "ANSIBLE_EXECUTABLE",
        Refused(
            &["/bin/sh"],
            "set the variable ansible_shell_executable for the group `all`",
        ),
    ),
    key(
        "defaults",
        "remote_tmp",
        "ANSIBLE_REMOTE_TEMP",
        Nothing("krun leaves no files on nodes"),
    ),
    key(
        "defaults",
        "system_tmpdirs",
        "ANSIBLE_SYSTEM_TMPDIRS",
        Nothing("krun leaves no files on nodes"),
    ),
    key(
        "defaults",
        "keep_remote_files",
        "ANSIBLE_KEEP_REMOTE_FILES",
        Nothing("krun leaves no files on nodes"),
    ),
    key(
        "defaults",
        "allow_world_readable_tmpfiles",
        "ANSIBLE_SHELL_ALLOW_WORLD_READABLE_TEMP",
        Nothing("krun leaves no files on nodes"),
    ),
    key(
        "defaults",
        "local_tmp",
        "ANSIBLE_LOCAL_TEMP",
        Nothing("krun packs no modules"),
    ),
    key("defaults", "home", "ANSIBLE_HOME", Nothing("krun has no such folder")),
    key(
        "defaults",
        "interpreter_python",
        "ANSIBLE_PYTHON_INTERPRETER",
        NO_PYTHON,
    ),
    key("defaults", "module_compression", "", NO_PYTHON),
    key(
        "defaults",
        "python_module_rlimit_nofile",
        "ANSIBLE_PYTHON_MODULE_RLIMIT_NOFILE",
        NO_PYTHON,
    ),
    key(
        "defaults",
        "module_strict_utf8_response",
        "ANSIBLE_MODULE_STRICT_UTF8_RESPONSE",
        NO_PYTHON,
    ),
    key(
        "defaults",
        "no_target_syslog",
        "ANSIBLE_NO_TARGET_SYSLOG",
        Nothing("krun writes nothing to syslog on nodes"),
    ),
    key(
        "defaults",
        "syslog_facility",
        "ANSIBLE_SYSLOG_FACILITY",
        Nothing("krun writes nothing to syslog on nodes"),
    ),
    key(
        "defaults",
        "target_log_info",
        "ANSIBLE_TARGET_LOG_INFO",
        Nothing("krun writes nothing to syslog on nodes"),
    ),
    key(
        "defaults",
        "internal_poll_interval",
        "",
        Nothing("krun waits for events"),
    ),
    key(
        "defaults",
        "use_persistent_connections",
        "ANSIBLE_USE_PERSISTENT_CONNECTIONS",
        ONE_SESSION,
    ),
    key(
        "defaults",
        "deprecation_warnings",
        "ANSIBLE_DEPRECATION_WARNINGS",
        FOR_ANSIBLE,
    ),
    key("defaults", "command_warnings", "ANSIBLE_COMMAND_WARNINGS", FOR_ANSIBLE),
    key("defaults", "system_warnings", "ANSIBLE_SYSTEM_WARNINGS", FOR_ANSIBLE),
    key(
        "defaults",
        "localhost_warning",
        "ANSIBLE_LOCALHOST_WARNING",
        FOR_ANSIBLE,
    ),
    key("defaults", "action_warnings", "ANSIBLE_ACTION_WARNINGS", FOR_ANSIBLE),
    key("defaults", "devel_warning", "ANSIBLE_DEVEL_WARNING", FOR_ANSIBLE),
    key(
        "inventory",
        "inventory_unparsed_warning",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING",
        FOR_ANSIBLE,
    ),
    key("defaults", "nocows", "ANSIBLE_NOCOWS", FOR_ANSIBLE),
    key("defaults", "cowpath", "ANSIBLE_COW_PATH", FOR_ANSIBLE),
    key("defaults", "cow_selection", "ANSIBLE_COW_SELECTION", FOR_ANSIBLE),
    key(
        "defaults",
        "cowsay_enabled_stencils",
        "ANSIBLE_COW_ACCEPTLIST",
        FOR_ANSIBLE,
    ),
    key("defaults", "debug", "ANSIBLE_DEBUG", FOR_ANSIBLE),
    key(
        "defaults",
        "display_traceback",
        "ANSIBLE_DISPLAY_TRACEBACK",
        FOR_ANSIBLE,
    ),
    key("defaults", "docsite_root_url", "", FOR_ANSIBLE),
    key(
        "defaults",
        "force_color",
        "ANSIBLE_FORCE_COLOR",
        Nothing("set CLICOLOR_FORCE=1 in the environment"),
    ),
    key(
        "defaults",
        "nocolor",
        "ANSIBLE_NOCOLOR",
        Nothing("set NO_COLOR=1 in the environment"),
    ),
    key(
        "defaults",
        "show_custom_stats",
        "ANSIBLE_SHOW_CUSTOM_STATS",
        Nothing("there is no set_stats"),
    ),
    key(
        "defaults",
        "check_mode_markers",
        "ANSIBLE_CHECK_MODE_MARKERS",
        Nothing("krun says so at the beginning"),
    ),
    key(
        "defaults",
        "display_ok_hosts",
        "ANSIBLE_DISPLAY_OK_HOSTS",
        Refused(TRUE, "all hosts are shown"),
    ),
    key(
        "defaults",
        "display_failed_stderr",
        "ANSIBLE_DISPLAY_FAILED_STDERR",
        Refused(FALSE, "failures are shown on standard output"),
    ),
    key(
        "defaults",
        "display_args_to_stdout",
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT",
        Refused(FALSE, "-v shows more"),
    ),
    key(
        "defaults",
        "show_per_host_start",
        "ANSIBLE_SHOW_PER_HOST_START",
        Nothing("on a terminal krun shows what each host is at"),
    ),
    key(
        "defaults",
        "show_task_path_on_failure",
        "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE",
        Nothing("krun always shows it"),
    ),
    key(
        "defaults",
        "verbose_to_stderr",
        "ANSIBLE_VERBOSE_TO_STDERR",
        Refused(FALSE, "take it out"),
    ),
    key(
        "defaults",
        "max_diff_size",
        "ANSIBLE_MAX_DIFF_SIZE",
        Nothing("krun has its own limit"),
    ),
    key(
        "diff",
        "context",
        "ANSIBLE_DIFF_CONTEXT",
        Refused(&["3"], "krun shows three lines around a change"),
    ),
    key(
        "defaults",
        "log_path",
        "ANSIBLE_LOG_PATH",
        Refused(&[""], "write the output to a file, or use `output = \"json\"`"),
    ),
    key(
        "defaults",
        "log_filter",
        "ANSIBLE_LOG_FILTER",
        Nothing("there is no log"),
    ),
    key(
        "defaults",
        "log_verbosity",
        "ANSIBLE_LOG_VERBOSITY",
        Nothing("there is no log"),
    ),
    key(
        "defaults",
        "retry_files_enabled",
        "ANSIBLE_RETRY_FILES_ENABLED",
        Refused(FALSE, "run the same command again: what is done is not done twice"),
    ),
    key(
        "defaults",
        "retry_files_save_path",
        "ANSIBLE_RETRY_FILES_SAVE_PATH",
        Nothing("krun writes no retry files"),
    ),
    key(
        "defaults",
        "editor",
        "ANSIBLE_EDITOR",
        Nothing("set EDITOR in the environment"),
    ),
    key(
        "defaults",
        "pager",
        "ANSIBLE_PAGER",
        Nothing("set PAGER in the environment"),
    ),
    key(
        "defaults",
        "poll_interval",
        "ANSIBLE_POLL_INTERVAL",
        Refused(&["15"], "set `poll` in the tasks"),
    ),
    key(
        "defaults",
        "task_timeout",
        "ANSIBLE_TASK_TIMEOUT",
        Refused(&["0"], "set `timeout` in the tasks"),
    ),
    key(
        "defaults",
        "any_errors_fatal",
        "ANSIBLE_ANY_ERRORS_FATAL",
        Refused(FALSE, "set `any_errors_fatal` in the plays"),
    ),
    key(
        "defaults",
        "no_log",
        "ANSIBLE_NO_LOG",
        Refused(FALSE, "set `no_log` in the plays"),
    ),
    key(
        "defaults",
        "strategy",
        "ANSIBLE_STRATEGY",
        Refused(&["linear", "ansible.builtin.linear"], WRITTEN_IN_PLAYS),
    ),
    key(
        "defaults",
        "hash_behaviour",
        "ANSIBLE_HASH_BEHAVIOUR",
        Refused(&["replace"], "merge with the filter `combine`"),
    ),
    key(
        "defaults",
        "precedence",
        "ANSIBLE_PRECEDENCE",
        Refused(NO_PLUGINS, "krun has Ansible's default order"),
    ),
    key(
        "defaults",
        "vars_plugins_enabled",
        "ANSIBLE_VARS_ENABLED",
        Refused(&["host_group_vars"], "krun reads group_vars and host_vars"),
    ),
    key(
        "defaults",
        "run_vars_plugins",
        "ANSIBLE_RUN_VARS_PLUGINS",
        Nothing("group_vars and host_vars are read once"),
    ),
    key(
        "defaults",
        "playbook_vars_root",
        "ANSIBLE_PLAYBOOK_VARS_ROOT",
        Refused(&["top"], "put group_vars beside the playbook"),
    ),
    key(
        "defaults",
        "playbook_dir",
        "ANSIBLE_PLAYBOOK_DIR",
        Refused(&[""], "give --playbook-dir"),
    ),
    key(
        "defaults",
        "private_role_vars",
        "ANSIBLE_PRIVATE_ROLE_VARS",
        Refused(FALSE, "use `public: false` where a role is included"),
    ),
    key(
        "defaults",
        "error_on_undefined_vars",
        "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        Refused(TRUE, "use the filter `default`"),
    ),
    key(
        "defaults",
        "error_on_missing_handler",
        "ANSIBLE_ERROR_ON_MISSING_HANDLER",
        Refused(TRUE, "write the handler"),
    ),
    key(
        "defaults",
        "invalid_task_attribute_failed",
        "ANSIBLE_INVALID_TASK_ATTRIBUTE_FAILED",
        Refused(TRUE, "an unknown keyword is always an error"),
    ),
    key(
        "defaults",
        "duplicate_dict_key",
        "ANSIBLE_DUPLICATE_YAML_DICT_KEY",
        Nothing("a key that stands twice is always an error"),
    ),
    key(
        "defaults",
        "inject_facts_as_vars",
        "ANSIBLE_INJECT_FACT_VARS",
        Refused(TRUE, "facts are variables, too"),
    ),
    key(
        "defaults",
        "facts_modules",
        "ANSIBLE_FACTS_MODULES",
        Refused(
            &["smart", "setup", "ansible.builtin.setup"],
            "krun gathers facts itself",
        ),
    ),
    key(
        "defaults",
        "fact_path",
        "ANSIBLE_FACT_PATH",
        Refused(&[""], "give `fact_path` to a task with setup"),
    ),
    key(
        "defaults",
        "gather_subset",
        "ANSIBLE_GATHER_SUBSET",
        Refused(&["all"], "give `gather_subset` in the plays"),
    ),
    key(
        "defaults",
        "gather_timeout",
        "ANSIBLE_GATHER_TIMEOUT",
        Nothing("every exchange with a node has a limit"),
    ),
    key(
        "defaults",
        "jinja2_extensions",
        "ANSIBLE_JINJA2_EXTENSIONS",
        Refused(&["jinja2.ext.do", "jinja2.ext.loopcontrols"], "krun has no extensions"),
    ),
    key(
        "defaults",
        "jinja2_native",
        "ANSIBLE_JINJA2_NATIVE",
        Nothing("values always keep their types"),
    ),
    key(
        "jinja2",
        "dont_type_filters",
        "ANSIBLE_STRING_TYPE_FILTERS",
        Nothing("values always keep their types"),
    ),
    key(
        "defaults",
        "null_representation",
        "ANSIBLE_NULL_REPRESENTATION",
        Refused(NO_PLUGINS, "take it out"),
    ),
    key(
        "defaults",
        "allow_broken_conditionals",
        "ANSIBLE_ALLOW_BROKEN_CONDITIONALS",
        Refused(FALSE, "a condition must be true or false"),
    ),
    key(
        "defaults",
        "allow_embedded_templates",
        "ANSIBLE_ALLOW_EMBEDDED_TEMPLATES",
        Nothing("conditions are expressions"),
    ),
    key("defaults", "allow_unsafe_lookups", "", Refused(FALSE, "take it out")),
    key(
        "defaults",
        "ansible_managed",
        "ANSIBLE_MANAGED",
        Refused(&["Ansible managed"], "write the text into the templates"),
    ),
    key(
        "defaults",
        "module_args",
        "ANSIBLE_MODULE_ARGS",
        Refused(&[""], "give -a"),
    ),
    key(
        "defaults",
        "module_name",
        "",
        Refused(&["command"], "give -m, or exec_module_name in krun.toml"),
    ),
    key(
        "defaults",
        "yaml_valid_extensions",
        "ANSIBLE_YAML_FILENAME_EXT",
        Refused(NO_PLUGINS, "use .yml, .yaml or .json"),
    ),
    key(
        "defaults",
        "module_ignore_exts",
        "ANSIBLE_MODULE_IGNORE_EXTS",
        NO_PYTHON,
    ),
    key(
        "defaults",
        "vault_identity",
        "ANSIBLE_VAULT_IDENTITY",
        Refused(&["default"], "give passwords with ids: vault_identity_list"),
    ),
    key(
        "defaults",
        "vault_id_match",
        "ANSIBLE_VAULT_ID_MATCH",
        Refused(FALSE, "krun tries all passwords"),
    ),
    key(
        "defaults",
        "vault_encrypt_salt",
        "ANSIBLE_VAULT_ENCRYPT_SALT",
        Refused(&[""], "krun draws a new salt each time"),
    ),
    key(
        "defaults",
        "connection_password_file",
        "ANSIBLE_CONNECTION_PASSWORD_FILE",
        Refused(&[""], "set ansible_password in a vault, or give -k"),
    ),
    key(
        "defaults",
        "become_password_file",
        "ANSIBLE_BECOME_PASSWORD_FILE",
        Refused(&[""], "set ansible_become_password in a vault, or give -K"),
    ),
    key(
        "privilege_escalation",
        "agnostic_become_prompt",
        "ANSIBLE_AGNOSTIC_BECOME_PROMPT",
        FOR_ANSIBLE,
    ),
    key(
        "privilege_escalation",
        "become_allow_same_user",
        "ANSIBLE_BECOME_ALLOW_SAME_USER",
        Refused(FALSE, "take it out"),
    ),
    key(
        "defaults",
        "enable_task_debugger",
        "ANSIBLE_ENABLE_TASK_DEBUGGER",
        Refused(FALSE, "krun has no debugger; --step asks before each task"),
    ),
    key(
        "defaults",
        "task_debugger_ignore_errors",
        "ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS",
        Nothing("krun has no debugger"),
    ),
    key(
        "defaults",
        "force_valid_group_names",
        "ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS",
        Refused(&["never", "ignore", "silently"], "groups keep their names"),
    ),
    key(
        "inventory",
        "enable_plugins",
        "ANSIBLE_INVENTORY_ENABLED",
        Nothing("krun reads INI, YAML, JSON and lists of hosts"),
    ),
    key(
        "inventory",
        "any_unparsed_is_failed",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED",
        Nothing("an inventory that cannot be read is always an error"),
    ),
    key(
        "inventory",
        "unparsed_is_failed",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED",
        Nothing("an inventory that cannot be read is always an error"),
    ),
    key(
        "inventory",
        "host_pattern_mismatch",
        "ANSIBLE_HOST_PATTERN_MISMATCH",
        Nothing("hosts that match nothing are always an error"),
    ),
    key(
        "inventory",
        "ignore_extensions",
        "",
        Refused(NO_PLUGINS, "move such files out of the inventory's folder"),
    ),
    key(
        "inventory",
        "ignore_patterns",
        "",
        Refused(&[""], "move such files out of the inventory's folder"),
    ),
    key(
        "defaults",
        "inventory_ignore_extensions",
        "ANSIBLE_INVENTORY_IGNORE",
        Refused(NO_PLUGINS, "move such files out of the inventory's folder"),
    ),
    key(
        "defaults",
        "inventory_ignore_patterns",
        "ANSIBLE_INVENTORY_IGNORE_REGEX",
        Refused(&[""], "move such files out of the inventory's folder"),
    ),
    key(
        "inventory",
        "export",
        "ANSIBLE_INVENTORY_EXPORT",
        Nothing("it is about ansible-inventory"),
    ),
    key(
        "inventory",
        "cache",
        "ANSIBLE_INVENTORY_CACHE",
        Nothing("krun reads files only"),
    ),
    key(
        "inventory",
        "cache_plugin",
        "ANSIBLE_INVENTORY_CACHE_PLUGIN",
        Nothing("krun reads files only"),
    ),
    key(
        "inventory",
        "cache_timeout",
        "ANSIBLE_INVENTORY_CACHE_TIMEOUT",
        Nothing("krun reads files only"),
    ),
    key(
        "defaults",
        "old_plugin_cache_clear",
        "ANSIBLE_OLD_PLUGIN_CACHE_CLEAR",
        Nothing("krun has no plugins"),
    ),
    key(
        "defaults",
        "collections_path",
        "ANSIBLE_COLLECTIONS_PATH",
        Nothing("krun has no collections; roles_path finds roles"),
    ),
    key(
        "defaults",
        "collections_paths",
        "ANSIBLE_COLLECTIONS_PATHS",
        Nothing("krun has no collections; roles_path finds roles"),
    ),
    key(
        "defaults",
        "collections_scan_sys_path",
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH",
        NO_PYTHON,
    ),
    key(
        "defaults",
        "collections_on_ansible_version_mismatch",
        "ANSIBLE_COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH",
        FOR_ANSIBLE,
    ),
    key(
        "defaults",
        "network_group_modules",
        "ANSIBLE_NETWORK_GROUP_MODULES",
        NO_PYTHON,
    ),
    key(
        "defaults",
        "win_async_startup_timeout",
        "ANSIBLE_WIN_ASYNC_STARTUP_TIMEOUT",
        Nothing("nodes run Linux"),
    ),
    key(
        "defaults",
        "validate_action_group_metadata",
        "ANSIBLE_VALIDATE_ACTION_GROUP_METADATA",
        NO_PYTHON,
    ),
    key("defaults", "plugin_filters_cfg", "", NO_PYTHON),
    key("defaults", "library", "ANSIBLE_LIBRARY", PLUGINS),
    key("defaults", "module_utils", "ANSIBLE_MODULE_UTILS", PLUGINS),
    key("defaults", "action_plugins", "ANSIBLE_ACTION_PLUGINS", PLUGINS),
    key("defaults", "become_plugins", "ANSIBLE_BECOME_PLUGINS", PLUGINS),
    key("defaults", "cache_plugins", "ANSIBLE_CACHE_PLUGINS", PLUGINS),
    key(
        "defaults",
        "callback_plugins",
        "ANSIBLE_CALLBACK_PLUGINS",
        Nothing("callbacks are Ansible's plugins"),
    ),
    key("defaults", "cliconf_plugins", "ANSIBLE_CLICONF_PLUGINS", PLUGINS),
    key("defaults", "connection_plugins", "ANSIBLE_CONNECTION_PLUGINS", PLUGINS),
    key(
        "defaults",
        "doc_fragment_plugins",
        "ANSIBLE_DOC_FRAGMENT_PLUGINS",
        FOR_ANSIBLE,
    ),
    key("defaults", "filter_plugins", "ANSIBLE_FILTER_PLUGINS", PLUGINS),
    key("defaults", "httpapi_plugins", "ANSIBLE_HTTPAPI_PLUGINS", PLUGINS),
    key("defaults", "inventory_plugins", "ANSIBLE_INVENTORY_PLUGINS", PLUGINS),
    key("defaults", "lookup_plugins", "ANSIBLE_LOOKUP_PLUGINS", PLUGINS),
    key("defaults", "netconf_plugins", "ANSIBLE_NETCONF_PLUGINS", PLUGINS),
    key("defaults", "strategy_plugins", "ANSIBLE_STRATEGY_PLUGINS", PLUGINS),
    key("defaults", "terminal_plugins", "ANSIBLE_TERMINAL_PLUGINS", PLUGINS),
    key("defaults", "test_plugins", "ANSIBLE_TEST_PLUGINS", PLUGINS),
    key("defaults", "vars_plugins", "ANSIBLE_VARS_PLUGINS", PLUGINS),
];

/// Sections whose keys are all about something that krun does not have.
pub(super) const FOREIGN_SECTIONS: &[(&str, &str)] = &[
    ("galaxy", "krun installs no collections"),
    ("galaxy_server", "krun installs no collections"),
    ("colors", "krun has its own colours"),
    ("selinux", "files keep the context that the node gives them"),
    ("persistent_connection", "it is about network devices"),
    ("paramiko_connection", "krun has its own SSH library"),
    ("netconf_connection", "it is about network devices"),
    ("winrm", "nodes run Linux"),
    ("callback", "callbacks are Ansible's plugins"),
    ("profile_tasks", "callbacks are Ansible's plugins"),
    ("accelerate", "Ansible left it behind as well"),
    ("sudo_become_plugin", "use the keys of [privilege_escalation]"),
    ("su_become_plugin", "use the keys of [privilege_escalation]"),
    ("doas_become_plugin", "use the keys of [privilege_escalation]"),
];

/// The key of this name in this section.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// Why a section as a whole has no meaning: `[galaxy]`, `[callback_timer]`, `[galaxy_server.mine]`.
pub(super) fn foreign_section(section: &str) -> Option<&'static str> {
    let first = section.split('.').next().unwrap_or(section);
    FOREIGN_SECTIONS
        .iter()
        .find(|(name, _)| first == *name || (*name == "callback" && first.starts_with("callback_")))
        .map(|(_, reason)| *reason)
}
