use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use rstest::rstest;
use serde_json::json;

use crate::modules::testing::{check_module, run_module, shells};

/// A web server that answers once, and what it was asked.
fn serve(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/readyz", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut text = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            text.push_str(&line);
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        text + &String::from_utf8(body).unwrap()
    });
    (address, asked)
}

#[rstest]
fn what_a_server_says(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let (url, asked) =
        serve("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\nX-A: b\r\n\r\n{\"a\": 1}");
    let options = json!({
        "url": url, "return_content": true, "method": "post", "body": {"x": "é\"\\\n"}, "body_format": "json",
        "headers": {"X-Token": "t0\"ken"}, "status_code": [200, 201],
    });
    let outcome = run_module("ansible.builtin.uri", options, node.connection()).unwrap();
    assert!(!outcome.changed);
    let result = &outcome.result;
    assert_eq!((&result["status"], &result["json"]), (&json!(200), &json!({"a": 1})));
    assert_eq!(
        (&result["content"], &result["x_a"]),
        (&json!("{\"a\": 1}"), &json!("b"))
    );
    assert_eq!(
        (&result["msg"], &result["redirected"]),
        (&json!("OK (8 bytes)"), &json!(false))
    );
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("POST /readyz HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("X-Token: t0\"ken\r\n") && asked.contains("Content-Type: application/json\r\n"));
    assert!(asked.ends_with("{\"x\":\"é\\\"\\\\\\n\"}"), "{asked}");
}

#[rstest]
fn another_status_is_a_failure(#[values("dash", "busybox sh")] shell: &str) {
    let mut node = shells(shell);
    let (url, asked) = serve("HTTP/1.0 503 Service Unavailable\r\n\r\nnot yet");
    let options = json!({"url": url, "return_content": true, "url_username": "me", "url_password": "secret"});
    let failure = run_module("uri", options, node.connection()).unwrap_err();
    assert_eq!(
        failure.message,
        "Status code was 503 and not [200]: HTTP Error 503: Service Unavailable"
    );
    assert_eq!(
        (&failure.result["status"], &failure.result["content"]),
        (&json!(503), &json!("not yet"))
    );
    assert!(asked.join().unwrap().contains("Authorization: Basic bWU6c2VjcmV0"));
    let (url, asked) = serve("HTTP/1.0 204 No Content\r\n\r\n");
    run_module(
        "uri",
        json!({"url": url, "method": "HEAD", "status_code": "204"}),
        node.connection(),
    )
    .unwrap();
    assert!(asked.join().unwrap().starts_with("HEAD "));
}

#[test]
fn a_server_that_is_not_there_has_the_status_minus_one() {
    let mut node = shells("dash");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let failure = run_module("uri", json!({"url": url}), node.connection()).unwrap_err();
    assert_eq!(failure.result["status"], -1);
    assert!(
        failure
            .message
            .starts_with("Status code was -1 and not [200]: Request failed: curl: (7)")
    );
    assert!(
        check_module("uri", json!({"url": url}), node.connection())
            .unwrap()
            .skipped
            .is_some()
    );
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("uri").unwrap();
    for options in [
        json!({"url": "ftp://x"}),
        json!({"url": "http://x", "method": "GET /"}),
        json!({"url": "http://x", "status_code": "well"}),
        json!({"url": "http://x", "body": {"a": 1}}),
        json!({"url": "http://x", "body": "@/etc/shadow"}),
        json!({"url": "http://x", "mode": "0600"}),
        json!({"url": "http://x", "src": "a", "body": "b"}),
        json!({"url": "http://x", "body": "a=b", "body_format": "form-multipart"}),
        json!({"url": "http://x", "body": 1, "body_format": "form-urlencoded"}),
        json!({"url": "http://x", "force_basic_auth": false}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}

#[rstest]
#[case(json!({"a b": "x&y", "n": [1, true]}), "a+b=x%26y&n=1&n=true")]
#[case(json!([["k", "v"], ["k", "\u{e9}"]]), "k=v&k=%C3%A9")]
#[case(json!("a=b"), "a=b")]
fn forms_are_sent(#[case] body: serde_json::Value, #[case] expected: &str) {
    let (url, asked) = serve("HTTP/1.0 200 OK\r\n\r\n");
    let options = json!({
        "url": url, "method": "POST", "body": body, "body_format": "form-urlencoded", "http_agent": "me/1",
        "use_proxy": false,
    });
    run_module("uri", options, shells("dash").connection()).unwrap();
    let asked = asked.join().unwrap();
    assert!(asked.ends_with(expected), "{asked}");
    assert!(
        asked.contains("Content-Type: application/x-www-form-urlencoded\r\n") && asked.contains("User-Agent: me/1\r\n")
    );
}

#[rstest]
fn files_are_sent_and_kept(#[values("dash", "busybox sh")] shell: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("sent"), "from here\n").unwrap();
    let mut node = shells(shell);
    for (changed, remote_src) in [(true, false), (false, true)] {
        let (url, asked) = serve("HTTP/1.0 200 OK\r\n\r\nkept\n");
        let options = json!({
            "url": url, "method": "PUT", "src": path("sent"), "remote_src": remote_src, "dest": path(""), "mode": "0600",
        });
        let outcome = run_module("uri", options, node.connection()).unwrap();
        assert_eq!(
            (outcome.changed, &outcome.result["path"]),
            (changed, &json!(path("readyz")))
        );
        assert_eq!(std::fs::read_to_string(path("readyz")).unwrap(), "kept\n");
        assert!(asked.join().unwrap().ends_with("from here\n"));
    }
    let skipped = json!({"url": "http://127.0.0.1:1/", "creates": path("readyz")});
    assert!(run_module("uri", skipped, node.connection()).unwrap().skipped.is_some());
    let skipped = json!({"url": "http://127.0.0.1:1/", "removes": path("none")});
    assert!(run_module("uri", skipped, node.connection()).unwrap().skipped.is_some());
}
