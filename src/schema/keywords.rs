//! The keywords of plays, blocks, tasks and roles: what kind of value each takes, and what it does.

/// A keyword.
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
}

/// What kind of value a keyword takes.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Texts,
    Flag,
    Number,
    Condition,
    Variables,
    Mapping,
    Any,
    List,
    Serial,
    /// One of these, or a template.
    Choice(&'static [&'static str]),
    /// One of these, a template, or a list of hosts.
    Order(&'static [&'static str]),
    Tasks,
    Roles,
    LoopControl,
    Meta,
    IncludeFile,
    IncludeRole,
}

const fn key(name: &'static str, kind: Kind, about: &'static str) -> Keyword {
    Keyword { name, kind, about }
}

/// What plays, roles, blocks and tasks share and hand down.
pub(super) const SHARED: [Keyword; 25] = [
    key(
        "module_defaults",
        Kind::Mapping,
        "Options that modules have where a task does not give them, by module.",
    ),
    key(
        "collections",
        Kind::Texts,
        "Collections whose modules krun has; they change nothing.",
    ),
    key(
        "when",
        Kind::Condition,
        "Done only where this expression holds; of a list, all have to.",
    ),
    key(
        "tags",
        Kind::Texts,
        "Names for --tags and --skip-tags; `always` and `never` have a meaning of their own.",
    ),
    key("vars", Kind::Variables, "Variables."),
    key("environment", Kind::Mapping, "Environment variables of what is run."),
    key("become", Kind::Flag, "Become another user."),
    key("become_user", Kind::Text, "The user to become. Default: root."),
    key(
        "become_method",
        Kind::Choice(&["sudo", "su", "doas"]),
        "How to become the other user. Default: sudo.",
    ),
    key(
        "become_flags",
        Kind::Text,
        "Options for the program that makes it another user.",
    ),
    key("become_exe", Kind::Text, "Path of that program."),
    key("remote_user", Kind::Text, "The user to log in as."),
    key("port", Kind::Number, "The port that sshd listens on."),
    key(
        "connection",
        Kind::Choice(&["ssh", "local", "smart"]),
        "How the host is reached. Default: ssh.",
    ),
    key(
        "check_mode",
        Kind::Flag,
        "true: change nothing, whatever the command line says; false: act in check mode too.",
    ),
    key("diff", Kind::Flag, "Show contents before and after."),
    key("ignore_errors", Kind::Flag, "Go on when it fails."),
    key(
        "ignore_unreachable",
        Kind::Flag,
        "Go on when the host cannot be reached.",
    ),
    key(
        "any_errors_fatal",
        Kind::Flag,
        "A failure on one host ends the play for all.",
    ),
    key("no_log", Kind::Flag, "Show and keep nothing of its options and result."),
    key(
        "run_once",
        Kind::Flag,
        "Done on the first host of the batch, for all of them.",
    ),
    key("delegate_to", Kind::Text, "The host that it is done on, for this one."),
    key(
        "delegate_facts",
        Kind::Flag,
        "Facts belong to the host that it is done on.",
    ),
    key("throttle", Kind::Number, "At most so many hosts at a time."),
    key("timeout", Kind::Number, "Seconds after which it is given up."),
];

/// Keys of a play.
pub(super) const PLAY: [Keyword; 19] = [
    key(
        "gather_subset",
        Kind::Texts,
        "Which facts are gathered, as the module `setup` has it.",
    ),
    key("gather_timeout", Kind::Number, "Seconds that gathering facts may take."),
    key(
        "vars_prompt",
        Kind::Any,
        "Questions whose answers are variables: a list of mappings with `name` and `prompt`.",
    ),
    key("user", Kind::Text, "As `remote_user`."),
    key("name", Kind::Text, "What the play is about."),
    key(
        "hosts",
        Kind::Texts,
        "The hosts: a group, a host, or a pattern such as `workers:!w3` or `masters[0]`.",
    ),
    key(
        "serial",
        Kind::Serial,
        "Hosts in a batch: a number, a share (\"20%\"), or a list of them whose last one repeats.",
    ),
    key(
        "order",
        Kind::Order(&["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"]),
        "In which order the hosts are taken; of a list, the hosts and groups that it names come first.",
    ),
    key(
        "batch_by",
        Kind::Text,
        "A value of each host; a batch never mixes hosts of different values, and `serial` counts for each value.",
    ),
    key(
        "max_fail_percentage",
        Kind::Number,
        "The share of a batch that may fail. Default: none.",
    ),
    key(
        "gather_facts",
        Kind::Flag,
        "Whether facts are gathered first. Default: true.",
    ),
    key(
        "force_handlers",
        Kind::Flag,
        "Run notified handlers also on hosts that failed.",
    ),
    key(
        "strategy",
        Kind::Choice(&["linear", "free", "host_pinned"]),
        "How the hosts go through the tasks.",
    ),
    key(
        "vars_files",
        Kind::List,
        "Files of variables; of a list in the list, the first that exists.",
    ),
    key("pre_tasks", Kind::Tasks, "Tasks before the roles."),
    key("roles", Kind::Roles, "Roles, one after the other."),
    key("tasks", Kind::Tasks, "Tasks behind the roles."),
    key("post_tasks", Kind::Tasks, "Tasks behind all others and their handlers."),
    key(
        "handlers",
        Kind::Tasks,
        "Tasks that are run when another one notifies them.",
    ),
];

/// Keys of an import of plays.
pub(super) const IMPORT: [Keyword; 4] = [
    key("import_playbook", Kind::Text, "The playbook's file."),
    key("name", Kind::Text, "What it is about."),
    key(
        "loop",
        Kind::List,
        "Its plays are run once for each of these items, which the run looks at when it gets there.",
    ),
    key(
        "loop_control",
        Kind::LoopControl,
        "`loop_var`, `index_var` and `label` of the loop.",
    ),
];

/// Keys of an entry of `roles`.
pub(super) const ROLE: [Keyword; 2] = [
    key("role", Kind::Text, "The role's name."),
    key("name", Kind::Text, "The role's name."),
];

/// Keys of a block.
pub(super) const BLOCK: [Keyword; 5] = [
    key("notify", Kind::Texts, "Handlers that its tasks notify, too."),
    key("name", Kind::Text, "What the block is about."),
    key("block", Kind::Tasks, "The tasks."),
    key(
        "rescue",
        Kind::Tasks,
        "Tasks for hosts on which one of the block failed.",
    ),
    key("always", Kind::Tasks, "Tasks that are run in any case."),
];

/// Keys of a task.
pub(super) const TASK: [Keyword; 24] = [
    key("async", Kind::Number, "Seconds that it may go on in the background."),
    key(
        "poll",
        Kind::Number,
        "Seconds between two looks at it in the background; 0: go on at once. Default: 15.",
    ),
    key("name", Kind::Text, "What the task is about."),
    key("register", Kind::Text, "The variable that keeps the result."),
    key(
        "loop",
        Kind::List,
        "The items that it is done for, each in the variable `item`.",
    ),
    key("loop_control", Kind::LoopControl, "How the loop is done."),
    key("with_list", Kind::List, "As `loop`."),
    key(
        "with_items",
        Kind::Any,
        "As `loop`; lists in the list are taken apart once.",
    ),
    key(
        "with_dict",
        Kind::Mapping,
        "Each entry of a mapping, as `item.key` and `item.value`.",
    ),
    key("until", Kind::Condition, "Done again until this holds."),
    key("retries", Kind::Number, "How often it is done again. Default: 3."),
    key("delay", Kind::Number, "Seconds between two tries. Default: 5."),
    key(
        "changed_when",
        Kind::Condition,
        "Says whether it changed something, instead of the module.",
    ),
    key(
        "failed_when",
        Kind::Condition,
        "Says whether it failed, instead of the module.",
    ),
    key(
        "notify",
        Kind::Texts,
        "Handlers to run at the end of the play's part, when it changed something.",
    ),
    key(
        "listen",
        Kind::Texts,
        "Topics by which a handler can be notified, beside its name.",
    ),
    key(
        "args",
        Kind::Mapping,
        "Options of the module, beside those behind its name.",
    ),
    key("action", Kind::Mapping, "The module and its options in one."),
    key("local_action", Kind::Mapping, "As `action`, on this machine."),
    key(
        "import_tasks",
        Kind::IncludeFile,
        "The tasks of a file, read before the run.",
    ),
    key(
        "include_tasks",
        Kind::IncludeFile,
        "The tasks of a file, read when the run comes to it.",
    ),
    key("import_role", Kind::IncludeRole, "A role's tasks, read before the run."),
    key(
        "include_role",
        Kind::IncludeRole,
        "A role's tasks, read when the run comes to it.",
    ),
    key("meta", Kind::Meta, "Steers the run itself."),
];

/// Keys of `loop_control`.
pub(super) const LOOP_CONTROL: [Keyword; 7] = [
    key(
        "break_when",
        Kind::Condition,
        "The loop ends behind the item for which this holds.",
    ),
    key(
        "extended_allitems",
        Kind::Flag,
        "Whether `ansible_loop` holds all items. Default: true.",
    ),
    key("loop_var", Kind::Text, "The variable for the item. Default: item."),
    key("index_var", Kind::Text, "The variable for the item's number, from 0."),
    key("label", Kind::Text, "Shown instead of the item."),
    key("pause", Kind::Number, "Seconds between two items."),
    key("extended", Kind::Flag, "Sets `ansible_loop`."),
];
