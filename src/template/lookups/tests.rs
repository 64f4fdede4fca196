use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use crate::template::{evaluate, from_json, to_json, without_lookups};

/// A role and a playbook, with their files.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("files/a.txt", "  playbook \n\n");
    write("files/b.conf", "b\n");
    write("roles/r/files/a.txt", "role\n");
    write("roles/r/templates/t.j2", "{{ name }}: {{ groups.all | join('+') }}\n");
    write("roles/r/templates/t.hbs", "{{name}}!\n");
    write("templates/list.j2", "[{{ 1 + 1 }}, 3]\n");
    write("files/t.csv", "a\t1\t\"x y\"\nb,c\t2\tz\n");
    write("files/t.ini", "[one]\nKey = v1\nkey2: v2\n[two]\nkey=w\n");
    write("files/p.properties", "user = me\n");
    folder
}

fn variables(folder: &Path, in_role: bool) -> minijinja::Value {
    let mut variables = json!({
        "playbook_dir": folder, "name": "n1",
        "groups": {"all": ["m1", "w1", "w2"], "masters": ["m1"], "workers": ["w1", "w2"]},
    });
    if in_role {
        variables["role_path"] = json!(folder.join("roles/r"));
    }
    let all = variables.clone();
    variables["vars"] = all;
    from_json(&variables)
}

#[rstest]
#[case("lookup('file', 'a.txt')", true, json!("role"))]
#[case("lookup('file', 'a.txt')", false, json!("  playbook"))]
#[case("lookup('file', 'a.txt', lstrip=true)", false, json!("playbook"))]
#[case("lookup('file', 'a.txt', rstrip=false)", true, json!("role\n"))]
#[case("lookup('ansible.builtin.file', 'a.txt', 'b.conf')", true, json!("role,b"))]
#[case("query('fileglob', '*.conf') | map('basename')", true, json!(["b.conf"]))]
#[case("query('fileglob', '[ab].*') | map('basename')", false, json!(["a.txt", "b.conf"]))]
#[case("query('fileglob', 'no*')", true, json!([]))]
#[case("lookup('template', 't.j2')", true, json!("n1: m1+w1+w2\n"))]
#[case("lookup('template', 't.j2', template_vars={'name': 'x'})", true, json!("x: m1+w1+w2\n"))]
#[case("lookup('template', 't.hbs')", true, json!("n1!\n"))]
#[case("lookup('template', 'list.j2')", true, json!([2, 3]))]
#[case("lookup('template', 'list.j2', convert_data=false)", true, json!("[2, 3]\n"))]
#[case("lookup('csvfile', 'a file=t.csv col=2')", false, json!("x y"))]
#[case("lookup('csvfile', 'b,c', file='t.csv')", false, json!("2"))]
#[case("lookup('csvfile', 'nope file=t.csv default=d')", false, json!("d"))]
#[case("lookup('ini', 'key section=one file=t.ini')", false, json!("v1"))]
#[case("query('ini', '^key.* section=one file=t.ini re=true')", false, json!(["v1", "v2"]))]
#[case("lookup('ini', 'user type=properties file=p.properties')", false, json!("me"))]
#[case("lookup('ini', 'no section=one file=t.ini default=d')", false, json!("d"))]
#[case("query('varnames', '^(name|group)s?$') | sort", false, json!(["groups", "name"]))]
#[case("query('inventory_hostnames', 'all:!masters')", false, json!(["w1", "w2"]))]
#[case("query('inventory_hostnames', 'w*:&workers,m1')", false, json!(["w1", "w2"]))]
#[case("query('inventory_hostnames', '~^m,workers')", false, json!(["m1", "w1", "w2"]))]
#[case("lookup('pipe', 'basename $PWD') == (playbook_dir | basename)", false, json!(true))]
#[case("lookup('first_found', ['no.txt', 'b.conf']) | basename", true, json!("b.conf"))]
#[case("lookup('unknown', 'x') | default('x')", false, json!(null))]
#[case("lookup('file', 'a.txt', nope=1)", false, json!(null))]
#[case("lookup('pipe', 'printf oops >&2; exit 3')", false, json!(null))]
fn lookups_find(#[case] expression: &str, #[case] in_role: bool, #[case] expected: Value) {
    let folder = project();
    let found = evaluate(expression, &variables(folder.path(), in_role)).and_then(|value| to_json(&value));
    assert_eq!(found.unwrap_or_default(), expected, "{expression}");
}

#[test]
fn a_password_is_made_once_and_nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = project();
    let variables = variables(folder.path(), false);
    let get = |term: &str| {
        let value = evaluate(&format!("lookup('password', '{term}')"), &variables);
        value.map(|value| value.to_string()).map_err(|error| error.message)
    };
    let first = get("secrets/x length=12 chars=digits,ab").unwrap();
    assert!(
        first.len() == 12
            && first
                .chars()
                .all(|letter| letter.is_ascii_digit() || "ab".contains(letter))
    );
    assert_eq!(get("secrets/x").unwrap(), first);
    let path = folder.path().join("secrets/x");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{first}\n"));

    let hashed = get("secrets/x encrypt=sha512_crypt").unwrap();
    assert!(hashed.starts_with("$6$") && hashed.len() > 90, "{hashed}");
    assert_eq!(get("secrets/x encrypt=sha512_crypt").unwrap(), hashed);
    assert_eq!(get("secrets/x").unwrap(), first);
    assert_ne!(get("/dev/null").unwrap(), get("/dev/null").unwrap());
    assert_eq!(get("/dev/null seed=1").unwrap(), get("/dev/null seed=1").unwrap());
    assert!(get("secrets/y lenght=3").unwrap_err().contains("lenght"));
    assert!(get("secrets/y length=0").is_err());
}

#[test]
fn hosts_that_ask_at_the_same_time_get_the_same_password() {
    let folder = project();
    let variables = variables(folder.path(), false);
    let passwords: Vec<String> = std::thread::scope(|scope| {
        let ask = || evaluate("lookup('password', 'p')", &variables).unwrap().to_string();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(
        passwords.iter().all(|password| *password == passwords[0]),
        "{passwords:?}"
    );
}

#[test]
fn nothing_is_run_before_its_time() {
    let folder = project();
    let variables = variables(folder.path(), false);
    let mark = folder.path().join("ran");
    let expression = format!("lookup('pipe', 'touch {}', errors='ignore')", mark.display());
    let draws = crate::template::random_draws();
    assert!(without_lookups(|| evaluate(&expression, &variables)).is_err());
    assert!(!mark.exists());
    assert!(crate::template::random_draws() > draws);
    evaluate(&expression, &variables).unwrap();
    assert!(mark.exists());
    // What needs nothing from outside may be asked at any time.
    assert!(without_lookups(|| evaluate("lookup('env', 'HOME')", &variables)).is_ok());
}
