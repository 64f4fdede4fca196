//! The command line, from outside: every subcommand and option, what it prints where, and the exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use rstest::rstest;
use support::{Project, Ran};

const PLAYBOOK: &str = "
- name: web servers
  hosts: web
  gather_facts: false
  tags: [web]
  tasks:
    - name: say
      debug: {msg: \"{{ inventory_hostname }} v={{ v | default('none') }} is text: {{ v | default('') is string }}\"}
      tags: [talk]
    - name: write
      copy: {content: 'of {{ inventory_hostname }}', dest: '{{ playbook_dir }}/written-{{ inventory_hostname }}'}
      tags: [act]
      notify: told
    - name: break
      command: 'true'
      changed_when: false
      tags: [act]
  handlers:
    - name: told
      debug: {msg: handled}
- name: databases
  hosts: db
  gather_facts: false
  tasks:
    - name: look
      command: echo looked
      changed_when: false
      tags: [talk]
    - name: seldom
      debug: {msg: seldom}
      tags: [never]
";

const INVENTORY: &str = "
[web]
w1 color=red
w2
[db]
d1
[all:vars]
ansible_connection=local
color=blue
";

/// Two plays on three hosts that are this machine.
fn project() -> Project {
    Project::new(PLAYBOOK)
        .file("hosts.ini", INVENTORY)
        .file("more.yml", "more: {hosts: {x1: {ansible_connection: local}}}\n")
        .file("vars.yml", "v: of the file\n")
        .file("vars.json", "{\"v\": 7}")
        .file("limit", "w2\n\nd1\n")
        .file("secret.yml", SECRET)
        .file("password", "right\n")
        .file("wrong", "wrong\n")
        .file(
            "fail.yml",
            "- {hosts: w1, gather_facts: false, tasks: [command: 'false']}\n",
        )
        .file(
            "local.yml",
            "- {hosts: localhost, gather_facts: false, tasks: [debug: {msg: here}]}\n",
        )
}

/// Arguments are written with blanks between; `␣` stands for a blank within one.
fn split(line: &str) -> Vec<String> {
    line.split(' ').map(|word| word.replace('␣', " ")).collect()
}

fn krun(project: &Project, line: &str) -> Ran {
    let words = split(line);
    project.krun(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Each part is in the text, those that begin with `!` are not.
#[track_caller]
fn assert_parts(text: &str, parts: &[&str], ran: &Ran) {
    for part in parts {
        let (part, wanted) = part.strip_prefix('!').map_or((*part, true), |part| (part, false));
        assert_eq!(
            text.contains(part),
            wanted,
            "{part:?}\nstdout:\n{}\nstderr:\n{}",
            ran.stdout,
            ran.stderr
        );
    }
}

/// What is printed when all goes well stands on standard output, and standard error stays empty.
#[rstest]
#[case::whole("site.yml -i hosts.ini", &["PLAY [web servers]", "TASK [say]", "w1 v=none", "changed: [w2] (new file)",
    "RUNNING HANDLER [told]", "TASK [look]", "!seldom", "PLAY RECAP",
    "w1                         : ok=4    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0"])]
#[case::two_playbooks("site.yml local.yml -i hosts.ini -t talk,always,untagged", &["TASK [look]", "PLAY [localhost]", "here"])]
#[case::local_without_an_inventory("local.yml", &["ok: [localhost]\n    here"])]
#[case::without_skipped_hosts("site.yml -i hosts.ini -C --display-skipped-hosts no", &["!skipping: [d1]", "!TASK [look]", "TASK [write]"])]
#[case::what_leads_to_no_host("site.yml -i hosts.ini -t talk --host-key-checking no --ssh-args -v --become-exe gone --become-flags -n",
    &["w1 v=none"])]
#[case::check("site.yml -i hosts.ini --check --diff", &["check mode: nothing is changed", "changed: [w1] (new file)",
    "+++ the task's `content`", "+of w1", "skipping: [d1]"])]
#[case::check_in_short("site.yml -i hosts.ini -C", &["changed: [w1] (new file)", "!+of w1"])]
#[case::tags("site.yml -i hosts.ini --tags talk", &["TASK [say]", "TASK [look]", "!TASK [write]"])]
#[case::several_tags("site.yml -i hosts.ini -t act -t never", &["TASK [write]", "TASK [seldom]", "!TASK [say]"])]
#[case::tag_of_a_play("site.yml -i hosts.ini -t web", &["TASK [say]", "TASK [write]", "!TASK [look]"])]
#[case::skip_tags("site.yml -i hosts.ini --skip-tags talk,act", &["!TASK", "PLAY [databases]"])]
#[case::start_at_task("site.yml -i hosts.ini --start-at-task look", &["!TASK [say]", "!TASK [break]", "TASK [look]"])]
#[case::start_at_a_pattern("site.yml -i hosts.ini --start-at-task w*", &["!TASK [say]", "TASK [write]", "TASK [look]"])]
#[case::limit("site.yml -i hosts.ini -t talk --limit w1", &["ok: [w1]", "!w2", "skipping: the limit leaves no host"])]
#[case::limit_by_pattern("site.yml -i hosts.ini -t talk -l all:!w1", &["ok: [w2]", "ok: [d1]", "![w1]"])]
#[case::limit_by_file("site.yml -i hosts.ini -t talk -l @limit", &["ok: [w2]", "ok: [d1]", "![w1]"])]
#[case::variable("site.yml -i hosts.ini -t talk -e v=1", &["w1 v=1 is text: True"])]
#[case::later_wins("site.yml -i hosts.ini -t talk -e v=1 --extra-vars v=2", &["w1 v=2 is text: True"])]
#[case::quoted_variable("site.yml -i hosts.ini -t talk -e v='two␣words'", &["v=two words is text: True"])]
#[case::variables_in_json("site.yml -i hosts.ini -t talk -e {\"v\":3}", &["w1 v=3 is text: False"])]
#[case::variables_in_yaml("site.yml -i hosts.ini -t talk -e v:␣3", &["w1 v=3 is text: False"])]
#[case::variables_file("site.yml -i hosts.ini -t talk -e @vars.yml", &["v=of the file is text: True"])]
#[case::variables_json_file("site.yml -i hosts.ini -t talk -e @vars.json", &["v=7 is text: False"])]
#[case::encrypted_variables_file("site.yml -i hosts.ini -t talk -e @secret.yml --vault-password-file password", &["v=hush"])]
#[case::vault_id("site.yml -i hosts.ini -t talk -e @secret.yml --vault-id it@password", &["v=hush"])]
#[case::several_passwords("site.yml -i hosts.ini -t talk -e @secret.yml --vault-password-file wrong,password", &["v=hush"])]
#[case::several_inventories("exec all -i hosts.ini --inventory more.yml -a true", &["w1 |", "d1 |", "x1 | CHANGED | rc=0"])]
#[case::inline_inventory("exec all -i a,b -c local -a true", &["a | CHANGED", "b | CHANGED"])]
#[case::one_fork("site.yml -i hosts.ini -t talk -f 1", &["ok: [w1]\n    w1 v=none is text: True\nok: [w2]"])]
#[case::quiet("site.yml -i hosts.ini -l d1", &["!hosts: d1", "!\"stdout\": \"looked\"", "!site.yml:"])]
#[case::verbose("site.yml -i hosts.ini -l d1 -v", &["hosts: d1", "\"stdout\": \"looked\"", "!at site.yml:"])]
#[case::very_verbose("site.yml -i hosts.ini -l d1 -vv", &["hosts: d1", "\"stdout\": \"looked\"", "at site.yml:25:7"])]
#[case::as_verbose_as_can_be("site.yml -i hosts.ini -l d1 -vvvvv", &["\"stdout\": \"looked\"", "at site.yml:25:7"])]
#[case::failure_policy("site.yml -i hosts.ini -t talk --failure-policy ansible", &["ok: [w1]", "TASK [look]"])]
#[case::gathering("site.yml -i hosts.ini -t talk,always --gathering explicit", &["TASK [look]", "!Gathering Facts"])]
#[case::fact_cache("site.yml -i hosts.ini -t talk --fact-cache facts --fact-cache-timeout 0 --flush-cache", &["ok: [w1]"])]
#[case::unsupported("site.yml -i hosts.ini -t talk --unsupported when-reached", &["ok: [w1]"])]
#[case::list_hosts("site.yml -i hosts.ini --list-hosts", &["playbook: site.yml", "play #1 (web): web servers",
    "hosts (2):\n      w1\n      w2", "hosts (1):\n      d1", "!TASK"])]
#[case::list_hosts_of_a_limit("site.yml -i hosts.ini --list-hosts -l w2", &["hosts (1):\n      w2", "hosts (0):"])]
#[case::list_tasks("site.yml -i hosts.ini --list-tasks", &["say\tTAGS: [web, talk]", "look\tTAGS: [talk]", "!PLAY RECAP"])]
#[case::list_tasks_of_tags("site.yml -i hosts.ini --list-tasks -t act", &["write\t", "!say\t"])]
#[case::list_tags("site.yml -i hosts.ini --list-tags", &["TASK TAGS: [act, talk, web]"])]
#[case::syntax_check("site.yml -i hosts.ini --syntax-check", &["playbook: site.yml", "!PLAY"])]
#[case::exec("exec web -i hosts.ini -a echo␣hi", &["w1 | CHANGED | rc=0 >>\nhi", "w2 | CHANGED", "!d1"])]
#[case::exec_module("exec w1 -i hosts.ini -m debug -a msg=\"a␣b\"", &["w1 | SUCCESS", "\"msg\": \"a b\""])]
#[case::exec_json("exec w1 -i hosts.ini -m debug -a {\"msg\":[1]}", &["\"msg\": [\n        1\n      ]"])]
#[case::exec_variable("exec w1 -i hosts.ini --module-name debug --args var=color", &["\"color\": \"red\""])]
#[case::exec_check("exec w1 -i hosts.ini -C -D -m copy -a content=x␣dest=/nowhere/x", &["+x", "w1 | CHANGED (new file)"])]
#[case::exec_check_of_what_cannot_be_known("exec w1 -i hosts.ini -C -a true", &["w1 | SKIPPED"])]
#[case::exec_limit("exec all -i hosts.ini -l db -a true", &["d1 | CHANGED", "!w1"])]
#[case::exec_without_an_inventory("exec localhost -a echo␣hi", &["localhost | CHANGED | rc=0 >>\nhi"])]
#[case::exec_all_without_an_inventory("exec all -m ping", &["localhost | SUCCESS", "pong"])]
#[case::inventory_list("inventory -i hosts.ini --list", &["\"hostvars\": {", "\"color\": \"red\"", "\"children\": ["])]
#[case::inventory_yaml("inventory -i hosts.ini --list --yaml", &["all:\n  children:\n", "          color: red"])]
#[case::inventory_limit("inventory -i hosts.ini --list -l db", &["d1", "!w1"])]
#[case::inventory_graph("inventory -i hosts.ini --graph", &["@all:\n  |--@ungrouped:\n  |--@web:\n  |  |--w1\n"])]
#[case::inventory_graph_of_a_group("inventory -i hosts.ini --graph db --vars", &["@db:\n  |--d1\n  |  |--{ansible_connection = local}"])]
#[case::inventory_host("inventory -i hosts.ini --host w1", &["\"color\": \"red\""])]
#[case::inventory_host_yaml("inventory -i hosts.ini --host w1 -y", &["color: red"])]
#[case::inventory_sources("inventory -i hosts.ini --host w1 --vars-from", &["color = \"red\"  # inventory, host w1"])]
#[case::inventory_beside_a_playbook("inventory -i hosts.ini --host w1 --playbook-dir .", &["\"color\": \"red\""])]
#[case::modules("doc", &["yum-repo ", "Empties a node before its kubelet is upgraded", "copy "])]
#[case::module("doc copy", &["copy\n\nPuts a file", "dest (required; string)", "\nExample\n"])]
#[case::modules_under_other_names("doc ansible.builtin.dnf yum_repo", &["package\nalso: ", "yum-repo\nalso: yum-repository"])]
#[case::types("doc package debug", &["name (list or string; also pkg, package)", "msg (any value)", "!()"])]
#[case::module_as_schema("doc --json copy", &["\"title\": \"Copy\"", "\"additionalProperties\": false"])]
#[case::help("--help", &["Usage: krun [OPTIONS] [PLAYBOOK]...", "--start-at-task <NAME>", "Exit codes: 0 well"])]
#[case::short_help("-h", &["Usage: krun", "--start-at-task <NAME>"])]
#[case::help_of_a_subcommand("help exec", &["Usage: krun exec [OPTIONS] <PATTERN>"])]
#[case::version("--version", &["krun 0."])]
fn goes_well(#[case] line: &str, #[case] stdout: &[&str]) {
    let project = project();
    let ran = krun(&project, line).expect_status(0);
    assert_parts(&ran.stdout, stdout, &ran);
    assert_eq!(ran.stderr, "");
}

/// What is refused is said on standard error; nothing is run, so standard output stays empty.
#[rstest]
#[case::nothing("-i hosts.ini", 5, &["Usage: krun"])]
#[case::unknown_option("site.yml -i hosts.ini --frobnicate", 5, &["unexpected argument '--frobnicate'"])]
#[case::misspelt_option("site.yml -i hosts.ini --tag talk", 5, &["'--tags'"])]
#[case::option_without_its_value("site.yml -i", 5, &["a value is required for '--inventory <SOURCE>'"])]
#[case::misspelt_subcommand("inventroy -i hosts.ini", 4, &["`inventroy` is no subcommand", "did you mean `inventory`?"])]
#[case::subcommand_behind_options("-i hosts.ini exec w1", 4, &["`exec` is a subcommand, which stands before all options", "!`w1` is"])]
#[case::help_of_nothing("help frob", 5, &["unrecognized subcommand 'frob'"])]
#[case::no_playbook_there("gone.yml -i hosts.ini", 4, &["gone.yml: cannot read the playbook: there is no such file", "!subcommand"])]
#[case::second_playbook_not_there("site.yml gone.yml -i hosts.ini", 4, &["gone.yml: cannot read the playbook"])]
#[case::folder("password/x -i hosts.ini", 4, &["password/x: cannot read the playbook"])]
#[case::no_inventory_there("site.yml -i gone.ini", 4, &["gone.ini: cannot read the inventory", "-i gone.ini,"])]
#[case::empty_inventory_name("site.yml -i ", 4, &["cannot read the inventory"])]
#[case::hosts_without_an_inventory("site.yml", 4, &["no inventory was given, so only localhost is known", "site.yml:3:10"])]
#[case::unknown_tag("site.yml -i hosts.ini -t tlak", 5, &["--tags: no task has the tag `tlak`", "did you mean `talk`?"])]
#[case::unknown_skipped_tag("site.yml -i hosts.ini --skip-tags nope", 5, &["--skip-tags: no task has the tag `nope`"])]
#[case::unknown_task("site.yml -i hosts.ini --start-at-task lok", 5, &["no task is named `lok`", "did you mean `look`?"])]
#[case::unknown_limit("site.yml -i hosts.ini -l nope", 1, &["--limit: `nope` matches no host and no group"])]
#[case::empty_limit("site.yml -i hosts.ini -l ", 1, &["--limit: `` is not a host pattern"])]
#[case::limit_leaves_nobody("site.yml -i hosts.ini -l web:&db", 1, &["leaves no host"])]
#[case::no_limit_file("site.yml -i hosts.ini -l @gone", 1, &["cannot read the limit file `gone`"])]
#[case::no_value("site.yml -i hosts.ini -e v", 5, &["`v` is not NAME=VALUE"])]
#[case::wrong_name("site.yml -i hosts.ini -e my-v=1", 5, &["a name has letters, digits and `_`"])]
#[case::no_variables_file("site.yml -i hosts.ini -e @gone.yml", 5, &["gone.yml: cannot read the variables"])]
#[case::broken_json("site.yml -i hosts.ini -e {\"v\":", 5, &["--extra-vars"])]
#[case::no_forks("site.yml -i hosts.ini -f 0", 5, &["'--forks <N>': give a whole number, 1 or more"])]
#[case::forks_no_number("site.yml -i hosts.ini -f many", 5, &["'--forks <N>': give a whole number, 1 or more"])]
#[case::no_time("site.yml -i hosts.ini -T 0", 5, &["'--timeout <SECONDS>': give a whole number, 1 or more"])]
#[case::unknown_connection("site.yml -i hosts.ini -c telnet", 5, &["--connection: there is no connection `telnet`"])]
#[case::unknown_method("site.yml -i hosts.ini --become-method runas", 5, &["--become-method: there is no method `runas`"])]
#[case::no_key_there("site.yml -i hosts.ini --key-file gone", 5, &["--private-key: there is no file gone"])]
#[case::open_quote("site.yml -i hosts.ini --ssh-common-args '-o␣x", 5, &["--ssh-common-args: a quote has no end"])]
#[case::unknown_host_key_policy("site.yml -i hosts.ini --host-key-checking maybe", 5, &["give yes, no, ask, accept-new or strict"])]
#[case::open_quote_of_flags("site.yml -i hosts.ini --become-flags '-o␣x", 5, &["--become-flags: a quote has no end"])]
#[case::unknown_format("site.yml -i hosts.ini --output xml", 5, &["[possible values: text, json]"])]
#[case::no_password_file("site.yml -i hosts.ini --vault-password-file gone", 5, &["cannot read the vault password file `gone`"])]
#[case::no_password_file_of_an_id("inventory -i hosts.ini --list --vault-id it@gone", 5, &["cannot read the vault password file `gone`"])]
#[case::wrong_vault_password("site.yml -i hosts.ini -e @secret.yml --vault-password-file wrong", 5, &["secret.yml"])]
#[case::no_vault_password("site.yml -i hosts.ini -e @secret.yml", 5, &["secret.yml", "--vault-password-file"])]
#[case::nobody_to_ask_for_the_vault("site.yml -i hosts.ini -J", 5, &["cannot ask for the vault password"])]
#[case::nobody_to_ask_for_an_id("exec all -i hosts.ini --vault-id it@prompt -a true", 5, &["cannot ask for the vault password"])]
#[case::nobody_to_ask_for_the_login("exec all -i hosts.ini -k -a true", 5, &["cannot ask for the password", "ansible_password"])]
#[case::nobody_to_ask_for_sudo("site.yml -i hosts.ini --ask-become-pass", 5, &["cannot ask for the password"])]
#[case::exec_nobody("exec", 5, &["<PATTERN>"])]
#[case::exec_two("exec w1 w2 -i hosts.ini -a true", 5, &["unexpected argument 'w2'"])]
#[case::exec_with_tags("exec w1 -i hosts.ini -t talk", 5, &["unexpected argument '-t'"])]
#[case::exec_unknown_host("exec nobody -i hosts.ini -a true", 4, &["`nobody` matches no host and no group"])]
#[case::exec_unknown_module("exec w1 -i hosts.ini -m commnd", 4, &["there is no module `commnd`", "did you mean `command`?"])]
#[case::exec_unknown_option("exec w1 -i hosts.ini -m copy -a contnt=x", 4, &["has no option `contnt`", "did you mean `content`?"])]
#[case::exec_missing_option("exec w1 -i hosts.ini -m copy -a content=x", 4, &["the option `dest` is missing"])]
#[case::exec_nothing("exec w1 -i hosts.ini", 4, &["give the command to run"])]
#[case::exec_broken_json("exec w1 -i hosts.ini -m debug -a {\"msg\":", 4, &["the module's options are no JSON"])]
#[case::exec_open_quote("exec w1 -i hosts.ini -m debug -a msg=\"x", 4, &["a quote has no end in the value of `msg`"])]
#[case::inventory_of_nothing("inventory --list", 5, &["--inventory <SOURCE>"])]
#[case::inventory_what("inventory -i hosts.ini", 5, &["<--list|--graph|--host <NAME>>"])]
#[case::inventory_two("inventory -i hosts.ini --list --graph", 5, &["'--list' cannot be used with '--graph'"])]
#[case::inventory_not_there("inventory -i gone --list", 1, &["gone: cannot read the inventory"])]
#[case::inventory_unknown_host("inventory -i hosts.ini --host w3", 1, &["no host `w3`", "did you mean `w1`?"])]
#[case::inventory_unknown_group("inventory -i hosts.ini --graph wb", 1, &["no group `wb`"])]
#[case::inventory_unknown_limit("inventory -i hosts.ini --list -l nope", 1, &["`nope` matches no host"])]
#[case::inventory_no_playbook_folder("inventory -i hosts.ini --list --playbook-dir gone", 5, &["there is no directory gone"])]
#[case::doc_unknown("doc copi", 1, &["there is no module `copi`", "did you mean `copy`?"])]
#[case::doc_unknown_beside_known("doc copy copi", 1, &["there is no module `copi`"])]
#[case::doc_of_nothing_as_schema("doc --json", 5, &["<MODULE>..."])]
fn is_refused(#[case] line: &str, #[case] status: i32, #[case] stderr: &[&str]) {
    let project = project();
    let ran = krun(&project, line).expect_status(status);
    assert_parts(&ran.stderr, stderr, &ran);
    assert_eq!(ran.stdout, "");
    assert!(!project.path().join("written-w1").exists());
}

#[test]
fn a_host_that_fails_gives_2_and_one_that_is_out_of_reach_4() {
    let project = project();
    krun(&project, "fail.yml -i hosts.ini")
        .expect_status(2)
        .expect_stdout("fatal: [w1]: FAILED! => the command `false` failed with exit status 1")
        .expect_stdout("STOPPED: w1 failed");
    krun(
        &project,
        "exec w1 -i hosts.ini -m shell -a echo␣out;echo␣err␣>&2;exit␣3",
    )
    .expect_status(2)
    .expect_stdout("exit status 3: err")
    .expect_stdout("standard output:\n    out");
    krun(
        &project,
        "exec w1 -i w1, -e ansible_host=127.0.0.1 -e ansible_port=1 -T 5 -u somebody --ssh-extra-args -oTCPKeepAlive=yes -a true",
    )
    .expect_status(4)
    .expect_stdout("w1 | UNREACHABLE! => cannot connect to w1 (127.0.0.1:1)");
}

#[test]
fn handlers_run_after_a_failure_when_they_are_forced() {
    let project = project().file("site.yml", &PLAYBOOK.replace("command: 'true'", "command: 'false'"));
    krun(&project, "site.yml -i hosts.ini -l w1")
        .expect_status(2)
        .expect_stdout("pending handlers not run: w1: told");
    std::fs::remove_file(project.path().join("written-w1")).unwrap();
    krun(&project, "site.yml -i hosts.ini -l w1 --force-handlers")
        .expect_status(2)
        .expect_stdout("RUNNING HANDLER [told]");
}

#[test]
fn tasks_that_are_not_fused_wait_for_all_hosts() {
    let tasks = "- {hosts: 'd1:d2', gather_facts: false, tasks: [{command: 'true'}, {command: 'true'}]}\n";
    let project = project().file("two.yml", tasks);
    for line in ["two.yml -i d1,d2, -c local", "two.yml -i d1,d2, -c local --no-fuse"] {
        let ran = krun(&project, line).expect_status(0);
        // What is told is in the same order, either way.
        assert_eq!(ran.stdout.matches("TASK [command]").count(), 2, "{}", ran.stdout);
        let (first, second) = ran.stdout.rsplit_once("TASK [command]").unwrap();
        assert_eq!(
            (
                first.matches("changed: [").count(),
                second.matches("changed: [").count()
            ),
            (2, 2)
        );
    }
}

#[test]
fn roles_are_found_in_the_folders_that_are_named() {
    let project = project()
        .file("role.yml", "- {hosts: d1, gather_facts: false, roles: [one]}\n")
        .file("elsewhere/one/tasks/main.yml", "- debug: {msg: of the role}\n");
    krun(&project, "role.yml -i hosts.ini")
        .expect_status(4)
        .expect_stderr("there is no role `one`");
    krun(&project, "role.yml -i hosts.ini --roles-path nowhere:elsewhere")
        .expect_status(0)
        .expect_stdout("of the role");
}

#[test]
fn another_user_is_become_on_the_command_line() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    krun(
        &project(),
        "exec w1 -i hosts.ini -b --become-user nobody --become-method sudo -a id␣-un",
    )
    .expect_status(0)
    .expect_stdout("rc=0 >>\nnobody");
}

#[test]
fn what_only_looks_needs_no_inventory() {
    let project = project();
    for option in ["--syntax-check", "--list-tasks", "--list-tags", "--list-hosts"] {
        krun(&project, &format!("site.yml {option}"))
            .expect_status(0)
            .expect_stdout("playbook: site.yml")
            .expect_stderr("no inventory was given, so the hosts of the plays are not checked");
    }
}

#[test]
fn each_step_is_asked_for() {
    let project = project();
    let mut krun = project
        .command(&["site.yml", "-i", "hosts.ini", "-l", "w1", "--step"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Standard input ends behind the answers, which are fewer than the questions.
    std::io::Write::write_all(&mut krun.stdin.take().unwrap(), b"n\ny\n").unwrap();
    let output = krun.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("Perform task: say"), "{stdout}");
    assert!(!stdout.contains("TASK [say]"), "{stdout}");
    assert!(project.path().join("written-w1").exists(), "{stdout}");

    self::krun(&project, "site.yml -i hosts.ini -l w1 --step")
        .expect_status(99)
        .expect_stdout("standard input has ended; the run ends here");
}

#[rstest]
#[case(&[("KRUN_INVENTORY", "hosts.ini"), ("KRUN_LIMIT", "d1")], 0, "TASK [look]", "")]
#[case(&[("KRUN_INVENTORY", "hosts.ini"), ("KRUN_LIMIT", "")], 1, "", "--limit: `` is not a host pattern")]
#[case(&[("KRUN_INVENTORY", "hosts.ini"), ("KRUN_OUTPUT", "json")], 0, "{\"event\":\"run_started\"", "")]
#[case(&[("KRUN_INVENTORY", "hosts.ini"), ("KRUN_FORKS", "0")], 5, "", "'--forks <N>'")]
#[case(&[("KRUN_INVENTORY", "hosts.ini"), ("KRUN_TIMEOUT", "soon")], 5, "", "'--timeout <SECONDS>'")]
#[case(&[("KRUN_INVENTORY", "hosts.ini"), ("KRUN_PRIVATE_KEY_FILE", "gone")], 5, "", "--private-key")]
#[case(&[("KRUN_INVENTORY", "hosts.ini"), ("KRUN_VAULT_PASSWORD_FILE", "gone")], 5, "", "vault password file `gone`")]
#[case(&[("KRUN_INVENTORY", "")], 4, "", "cannot read the inventory")]
fn the_environment_gives_options(
    #[case] variables: &[(&str, &str)],
    #[case] status: i32,
    #[case] stdout: &str,
    #[case] stderr: &str,
) {
    let project = project();
    let output = project
        .command(&["site.yml"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    ran(&output)
        .expect_status(status)
        .expect_stdout(stdout)
        .expect_stderr(stderr);
}

fn ran(output: &std::process::Output) -> Ran {
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn the_command_line_beats_the_environment() {
    let project = project();
    let mut command = project.command(&["site.yml", "-i", "hosts.ini", "-l", "d1", "--output", "text"]);
    command.envs([
        ("KRUN_LIMIT", "nope"),
        ("KRUN_INVENTORY", "gone"),
        ("KRUN_OUTPUT", "json"),
    ]);
    ran(&command.output().unwrap())
        .expect_status(0)
        .expect_stdout("TASK [look]");
}

#[test]
fn events_are_one_json_object_a_line() {
    let ran = krun(&project(), "site.yml -i hosts.ini --output json -vv").expect_status(0);
    let events: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["event"], "run_started");
    let last = &events[events.len() - 1];
    assert_eq!(
        (&last["event"], &last["exit_code"]),
        (&"run_finished".into(), &0.into())
    );
    assert_eq!(last["recap"]["w1"]["changed"], 1);
}

#[rstest]
#[case("site.yml -i hosts.ini -vv")]
#[case("site.yml -i hosts.ini --output json")]
#[case("site.yml -i hosts.ini --list-tasks")]
#[case("exec all -i hosts.ini -m setup")]
#[case("inventory -i hosts.ini --list")]
#[case("doc")]
#[case("doc package copy drain")]
#[case("--help")]
fn a_reader_that_goes_away_is_no_error_and_the_run_goes_on(#[case] line: &str) {
    let project = project();
    let words = split(line);
    let mut krun = project
        .command(&words.iter().map(String::as_str).collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(1, krun.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let mut stderr = String::new();
    krun.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(krun.wait().unwrap().code(), Some(0), "{stderr}");
    assert_eq!(stderr, "");
    assert_eq!(
        project.path().join("written-w2").exists(),
        words[0] == "site.yml" && !line.contains("--list")
    );
}

#[rstest]
#[case("site.yml -i hosts.ini", 0)]
#[case("site.yml -i hosts.ini --output json", 0)]
#[case("doc", 1)]
#[case("inventory -i hosts.ini --graph", 1)]
fn a_full_disk_under_the_output_is_told_once(#[case] line: &str, #[case] status: i32) {
    let project = project();
    let words = split(line);
    let output = project
        .command(&words.iter().map(String::as_str).collect::<Vec<_>>())
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    let ran = ran(&output).expect_status(status);
    assert_eq!(
        ran.stderr.matches("cannot write to standard output").count(),
        1,
        "{}",
        ran.stderr
    );
    assert_eq!(project.path().join("written-w2").exists(), line.starts_with("site.yml"));
}

#[test]
fn colours_and_changing_lines_are_for_terminals_only() {
    let project = project();
    let escapes = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        output.stdout.contains(&b'\x1b')
    };
    let run = || project.command(&["site.yml", "-i", "hosts.ini", "-l", "d1"]);
    assert!(!escapes(run().env_remove("NO_COLOR")));
    assert!(!escapes(run().env_remove("NO_COLOR").env("TERM", "xterm-256color")));
    assert!(escapes(run().env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1")));
}

#[test]
fn runs_stand_in_the_journal() {
    let project = project();
    let run = |line: &str| krun(&project, line);
    run("site.yml -i hosts.ini -l d1 --no-journal --tags talk").expect_status(0);
    run("history")
        .expect_status(1)
        .expect_stderr("no run stands in the journal");
    run("site.yml -i hosts.ini -l d1 --journal other --tags talk").expect_status(0);
    run("site.yml -i hosts.ini -l w1 --journal other -e v=1 -C --tags talk").expect_status(0);
    let history = run("history --journal other").expect_status(0).stdout;
    assert_eq!(history.lines().count(), 3, "{history}");
    assert!(
        history.lines().nth(1).unwrap().contains("well (check)"),
        "the newest first: {history}"
    );
    let newest = run("history --journal other --count 1 --output json")
        .expect_status(0)
        .stdout;
    let newest: serde_json::Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(
        (&newest["state"], &newest["check_mode"]),
        (&"ended".into(), &true.into())
    );
    let shown = run("show --journal other -v").expect_status(0);
    shown
        .expect_stdout("TASK [say]")
        .expect_stdout("It took")
        .expect_stdout("exit code 0");
    let events = run("show --journal other --output json").expect_status(0).stdout;
    assert!(events.lines().all(|line| line.starts_with("{\"event\":")), "{events}");
    let resumed = run("resume --journal other --accept-changes -e v=1");
    resumed.expect_status(1).expect_stderr("nothing to go on with");
}

#[test]
fn every_option_of_the_help_has_a_case() {
    let text = [
        include_str!("cli.rs"),
        include_str!("vault.rs"),
        include_str!("config.rs"),
        include_str!("init.rs"),
        include_str!("lint.rs"),
        include_str!("schema.rs"),
        include_str!("schedule.rs"),
    ]
    .concat();
    let project = project();
    let commands = "/schedule add/schedule list/schedule run/schedule remove/lint/schema/history/show/resume/plan/exec/inventory/doc/config/init/completion/vault/vault encrypt/vault decrypt/vault view/vault edit/\
        vault create/vault rekey/vault encrypt-string";
    for subcommand in commands.split('/') {
        let line = format!("{subcommand} --help");
        let help = krun(&project, line.trim()).expect_status(0).stdout;
        for line in help.lines().map(str::trim).filter(|line| line.starts_with('-')) {
            let names: Vec<_> = line
                .split(", ")
                .map(|name| name.split([' ', '.']).next().unwrap())
                .collect();
            let is_used = |name: &&str| {
                [format!("{name} "), format!("{name}\"")]
                    .iter()
                    .any(|used| text.contains(used))
            };
            assert!(names.iter().any(is_used), "no case for {line} of krun {subcommand}");
        }
    }
}

/// `v: hush` under the password `right`.
const SECRET: &str = "\
$ANSIBLE_VAULT;1.1;AES256
30303031303230333034303530363037303830393061306230633064306530663130313131323133
3134313531363137313831393161316231633164316531660a333634353837376633613164326362
63653263663861663132396366363365353563616665623431643833633738653031366539373466
3961336264393538370a306232366265343832376331376537343865366232613937373464613163
3664
";
