use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::Answer;
use crate::modules::testing::{FakeTools, asked, check_module, run_module, scripted};

const GROUPS: &str = "group=root:x:0:\ngroup=etcd:x:998:\ngroup=adm:x:4:syslog,ops\ngroup=wheel:x:10:ops\n";
const OPS: &str =
    "passwd=ops:x:1001:998:Operator:/home/ops:/bin/sh\naging=19000:0:99999:7::20000:\npassword=open\nsame=no\n";

fn found(more: &str) -> Answer {
    Answer::stdout(format!("{OPS}{more}{GROUPS}").as_str())
}

#[rstest]
#[case(json!({"uid": 1001, "group": "etcd", "comment": "Operator", "shell": "/bin/sh", "home": "/home/ops"}))]
#[case(json!({"group": 998, "groups": "wheel,adm"}))]
#[case(json!({"groups": ["adm"], "append": true}))]
#[case(json!({"password": "$6$x", "update_password": "on_create", "password_lock": false}))]
#[case(json!({"expires": 1_728_000_000, "password_expire_max": 99999, "password_expire_warn": 7}))]
fn satisfied_states_cost_one_exchange(#[case] mut options: Value) {
    options["name"] = json!("ops");
    let (mut node, log) = scripted([found("")]);
    let outcome = run_module("user", options, &mut node).unwrap();
    assert!(!outcome.changed, "{:?}", outcome.changes);
    assert_eq!(
        (&outcome.result["uid"], &outcome.result["group"]),
        (&json!(1001), &json!(998))
    );
    assert_eq!(asked(&log).len(), 1);
}

#[rstest]
#[case(json!({"uid": 7, "non_unique": true}), "no     usermod -u 7 -o ops")]
#[case(json!({"group": "adm", "comment": "x", "shell": "/bin/bash"}), "no     usermod -g 4 -c x -s /bin/bash ops")]
#[case(json!({"groups": ["adm"]}), "no     usermod -G adm ops")]
#[case(json!({"groups": []}), "no     usermod -G  ops")]
#[case(json!({"groups": ["0"], "append": true}), "no     usermod -a -G root ops")]
#[case(json!({"home": "/x", "move_home": true}), "no     usermod -d /x -m ops")]
#[case(json!({"home": "/x", "umask": "077"}), "no /x  077  usermod -d /x ops")]
#[case(json!({"expires": -1}), "no     usermod -e  ops")]
#[case(json!({"expires": 0}), "no     usermod -e 1970-01-01 ops")]
#[case(json!({"password": "$6$new"}), "set    ")]
#[case(json!({"password": "$6$new", "password_lock": true}), "locked    ")]
#[case(json!({"password_lock": true}), "no     usermod -L ops")]
#[case(json!({"password_expire_max": 90, "password_expire_min": 1}), "no    -M 90 -m 1")]
#[case(json!({"state": "absent", "remove": true, "force": true}), "no     userdel -f -r ops")]
fn what_is_wrong_is_put_right(#[case] mut options: Value, #[case] words: &str) {
    options["name"] = json!("ops");
    let (mut node, _) = scripted([found("")]);
    assert!(check_module("user", options.clone(), &mut node).unwrap().changed);
    let (mut node, log) = scripted([found(""), Answer::stdout("passwd=ops:x:7:4:c:/x:/bin/sh\n")]);
    let outcome = run_module("user", options, &mut node).unwrap();
    assert!(outcome.changed);
    assert_eq!(asked(&log)[1].trim_end(), format!("user/apply ops {words}").trim_end());
}

#[test]
fn a_home_directory_that_is_missing_is_made() {
    let (mut node, log) = scripted([found("home=missing\n"), found("")]);
    let outcome = run_module("user", json!({"name": "ops"}), &mut node).unwrap();
    assert_eq!(outcome.changes, ["home directory"]);
    assert_eq!(asked(&log)[1].trim_end(), "user/apply ops no /home/ops");
    let (mut node, _) = scripted([found("home=missing\n")]);
    let options = json!({"name": "ops", "create_home": false});
    assert!(!run_module("user", options, &mut node).unwrap().changed);
}

#[rstest]
#[case(json!({}), "useradd -m ops")]
#[case(
    json!({"uid": 5, "group": "adm", "groups": ["wheel", "10"], "comment": "c", "shell": "/s", "create_home": false, "system": true}),
    "useradd -u 5 -g adm -G wheel,10 -c c -s /s -M -r ops"
)]
#[case(json!({"umask": "077", "skeleton": "/k", "uid_min": 9}), "useradd -m -k /k -K UMASK=077 -K UID_MIN=9 ops")]
fn new_users(#[case] mut options: Value, #[case] words: &str) {
    options["name"] = json!("ops");
    let (mut node, log) = scripted([Answer::stdout(GROUPS), found("")]);
    assert!(run_module("user", options, &mut node).unwrap().changed);
    assert!(asked(&log)[1].ends_with(words), "{:?}", asked(&log));
}

#[test]
fn the_group_of_his_name_is_his_when_it_is_there() {
    let (mut node, log) = scripted([Answer::stdout(GROUPS), found("")]);
    run_module("user", json!({"name": "etcd"}), &mut node).unwrap();
    assert!(asked(&log)[1].ends_with("useradd -N -m etcd"));
}

#[test]
fn a_group_that_is_missing_is_a_failure_of_the_check() {
    let (mut node, _) = scripted([Answer::stdout(GROUPS)]);
    let failure = run_module("user", json!({"name": "ops", "groups": ["nobodies"]}), &mut node).unwrap_err();
    assert_eq!(failure.message, "the group nobodies does not exist on the node");
}

/// A node whose users stand in a file.
fn node_of_users() -> FakeTools {
    let tools = FakeTools::new();
    tools.add(
        "getent",
        r#"[ "$2" = -- ] && key=$3 || key=
[ -n "$key" ] || { cat "$HERE/$1"; exit; }
grep "^$key:" "$HERE/$1" || exit 2"#,
    );
    let user = std::process::Command::new("id").arg("-u").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    let user = user.trim();
    tools.add(
        "useradd",
        &format!(
            r#"for name; do :; done
echo "$name:x:{user}:{user}::$HERE/home/$name:/bin/sh" >>"$HERE/passwd"
echo "$name:!:1:0:99999:7:::" >>"$HERE/shadow""#
        ),
    );
    tools.add(
        "chpasswd",
        r#"IFS=: read -r name hash; sed -i "s|^$name:[^:]*|$name:$hash|" "$HERE/shadow""#,
    );
    tools.add("chown", ":");
    for name in ["passwd", "shadow", "group"] {
        std::fs::write(tools.path(name), "").unwrap();
    }
    std::fs::create_dir(tools.path("skeleton")).unwrap();
    std::fs::write(tools.path("skeleton/.profile"), "x").unwrap();
    tools
}

#[rstest]
fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = node_of_users();
    let mut node = tools.node(shell);
    let options = json!({
        "name": "ops", "password": "$6$salt$a/b", "skeleton": tools.path("skeleton"), "umask": "027",
    });
    let outcome = run_module("user", options.clone(), node.connection()).unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.result["home"], tools.path("home/ops"));
    assert_eq!(outcome.result["password"], "NOT_LOGGING_PASSWORD");
    let shadow = std::fs::read_to_string(tools.path("shadow")).unwrap();
    assert_eq!(shadow, "ops:$6$salt$a/b:1:0:99999:7:::\n");
    assert!(
        !tools.calls().iter().any(|call| call.contains("salt")),
        "{:?}",
        tools.calls()
    );
    // The stand-in for useradd makes no home directory.
    let outcome = run_module("user", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.changes, ["home directory"]);
    let mode = std::fs::metadata(tools.path("home/ops")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o7777, 0o750);
    assert!(std::path::Path::new(&tools.path("home/ops/.profile")).exists());
    let outcome = run_module("user", options, node.connection()).unwrap();
    assert!(!outcome.changed, "{:?}", outcome.changes);
    // A locked password is the same password.
    std::fs::write(tools.path("shadow"), "ops:!$6$salt$a/b:1:0:99999:7:::\n").unwrap();
    let options = json!({"name": "ops", "password": "$6$salt$a/b"});
    assert!(!run_module("user", options, node.connection()).unwrap().changed);
}

#[test]
fn a_password_that_is_not_encrypted_is_told() {
    let (mut node, _) = scripted([found("")]);
    let outcome = check_module("user", json!({"name": "ops", "password": "secret"}), &mut node).unwrap();
    assert!(!format!("{:?}{:?}", outcome.result, outcome.changes).contains("secret"));
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("ansible.builtin.user").unwrap();
    for options in [
        json!({"name": "-x"}),
        json!({"name": "a", "append": true}),
        json!({"name": "a", "groups": ["b c"]}),
        json!({"name": "a", "home": "/x:y"}),
        json!({"name": "a", "umask": "9"}),
        json!({"name": "a", "expires": "tomorrow"}),
        json!({"name": "a", "generate_ssh_key": true}),
        json!({"name": "a", "local": true}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
