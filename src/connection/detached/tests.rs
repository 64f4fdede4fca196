use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rstest::rstest;

use super::super::tests::{TestNode, wait_until};
use super::*;

/// Identities of their own for tests that run side by side; what a failed test leaves is removed.
struct Job {
    identity: String,
    directory: PathBuf,
    result_lasts: Duration,
}

impl Job {
    fn new() -> Self {
        let identity = format!("test-{}", random_word().unwrap());
        let home = std::env::home_dir().unwrap();
        let jobs = if rustix::process::getuid().is_root() {
            PathBuf::from("/var/lib/krun/jobs")
        } else {
            home.join(".krun/jobs")
        };
        Self {
            directory: jobs.join(&identity),
            identity,
            result_lasts: Duration::ZERO,
        }
    }

    fn run(
        &self,
        node: &mut TestNode,
        request: Request,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Output, ConnectionError> {
        let job = DetachedJob {
            identity: &self.identity,
            request,
            reconnect_for: Duration::from_secs(5),
            result_lasts: self.result_lasts,
            node_limit: None,
        };
        run_detached(node.connection.as_mut(), None, &job, progress)
    }

    fn pid(&self) -> String {
        let text = std::fs::read_to_string(self.directory.join("pid")).unwrap();
        text.split(' ').next().unwrap().to_owned()
    }

    /// Where what is left of it is kept when it has died.
    fn aside(&self) -> PathBuf {
        let jobs = std::fs::read_dir(self.directory.parent().unwrap()).unwrap();
        jobs.map(|entry| entry.unwrap().path())
            .find(|path| path.to_str().unwrap().contains(&format!("{}.died.", self.identity)))
            .unwrap()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn request<const N: usize>(text: &'static str, args: [&str; N]) -> Request {
    Request::new(Script { name: "job", text }, args).with_timeout(Duration::from_secs(30))
}

#[rstest]
fn a_job_is_followed_to_its_end(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let job = Job::new();
    let ask = request(
        "printf '%s|' \"$@\"; cat; echo \"$KRUN_TEST\" >&2; sleep 0.3; head -c 3000000 /dev/zero; exit 255",
        ["it's", "", "a\nb"],
    );
    let ask = ask
        .with_stdin(b"in\0put".to_vec())
        .with_environment(vec![("KRUN_TEST".to_owned(), "set".to_owned())]);
    let mut printed = 0;
    let output = job
        .run(&mut node, ask, &mut |progress| match progress {
            Progress::Printed { bytes, .. } => printed += bytes.len(),
            other => panic!("{other:?}"),
        })
        .unwrap();
    assert_eq!(output.status, 255);
    assert!(output.stdout.starts_with(b"it's||a\nb|in\0put\0\0"));
    assert_eq!(output.stdout.len(), 16 + 3_000_000);
    assert_eq!(output.stderr_text(), "set\n");
    assert_eq!(printed, 16 + 3_000_000 + 4);
    assert!(!job.directory.exists());
}

#[test]
fn a_silent_job_is_asked_for_news_rarely() {
    let mut node = TestNode::new("dash");
    Job::new().run(&mut node, request("sleep 2", []), &mut |_| {}).unwrap();
    assert_eq!(node.connection.exchanges(), 2);
}

#[test]
fn a_quick_job_costs_two_exchanges() {
    let mut node = TestNode::new("dash");
    Job::new()
        .run(&mut node, request("echo quick", []), &mut |_| {})
        .unwrap();
    assert_eq!(node.connection.exchanges(), 2);
}

#[rstest]
fn a_job_is_found_again(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let job = Job::new();
    let node = TestNode::new(shell);
    let (log, go_on) = (node.path("log"), node.path("go-on"));
    let text = "echo started >>\"$1\"; echo out; while [ ! -e \"$2\" ]; do sleep 0.05; done; exit 7";
    let ask = request(text, [log.to_str().unwrap(), go_on.to_str().unwrap()]);
    // The first krun dies as soon as the job runs.
    let first = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let mut node = TestNode::new(shell);
                job.run(&mut node, ask.clone(), &mut |_| panic!("krun dies"))
            })
            .join()
    });
    assert!(first.is_err());
    let is_running = || {
        let mut node = TestNode::new(shell);
        let running = running_jobs(node.connection.as_mut(), None).unwrap();
        running.contains(&job.identity)
    };
    assert!(is_running());
    let mut found = 0;
    let mut node = node;
    let output = job.run(&mut node, ask, &mut |progress| match progress {
        Progress::Found => found += 1,
        Progress::Printed { .. } => std::fs::write(&go_on, "").unwrap(),
        other => panic!("{other:?}"),
    });
    let output = output.unwrap();
    assert_eq!((output.status, output.stdout.as_slice()), (7, b"out\n".as_slice()));
    assert_eq!(found, 1);
    assert!(!is_running());
    assert_eq!(std::fs::read(&log).unwrap(), b"started\n");
}

/// What became of a job whose krun has died, for the next krun: what it prints, and whether that was found.
fn rerun(job: &Job, shell: &str, first: &'static str, until: &str) -> (Vec<u8>, bool) {
    let dies = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                job.run(&mut TestNode::new(shell), request(first, []), &mut |_| {
                    panic!("krun dies")
                })
            })
            .join()
    });
    assert!(dies.is_err());
    if until == "killed" {
        let killed = std::process::Command::new("pkill")
            .args(["-KILL", "-s", &job.pid()])
            .status();
        assert!(killed.unwrap().success());
        wait_until("the job's end", || {
            !std::path::Path::new("/proc").join(job.pid()).exists()
        });
    } else {
        wait_until("the job's end", || job.directory.join("status").exists());
    }
    let mut found = false;
    let again = job.run(&mut TestNode::new(shell), request("echo again", []), &mut |progress| {
        found |= matches!(progress, Progress::Found);
    });
    (again.unwrap().stdout, found)
}

#[rstest]
fn an_old_result_does_not_stand_for_a_new_job(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let job = Job::new();
    let (stdout, found) = rerun(&job, shell, "echo result; exit 4", "finished");
    assert_eq!((stdout.as_slice(), found), (b"again\n".as_slice(), false));
    assert!(!job.directory.exists());
}

#[rstest]
fn a_fresh_result_stands_where_that_is_wanted(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut job = Job::new();
    job.result_lasts = Duration::from_secs(600);
    let (stdout, found) = rerun(&job, shell, "echo result", "finished");
    assert_eq!((stdout.as_slice(), found), (b"result\n".as_slice(), true));
    // What failed is tried again.
    let (stdout, found) = rerun(&job, shell, "echo result; exit 4", "finished");
    assert_eq!((stdout.as_slice(), found), (b"again\n".as_slice(), false));
}

#[rstest]
fn a_job_that_died_unseen_is_begun_anew(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let job = Job::new();
    let (stdout, found) = rerun(&job, shell, "echo before; sleep 1000", "killed");
    assert_eq!((stdout.as_slice(), found), (b"again\n".as_slice(), false));
    std::fs::remove_dir_all(job.aside()).unwrap();
}

#[rstest]
fn a_killed_job_is_lost_and_can_be_started_again(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let job = Job::new();
    let mut node = TestNode::new(shell);
    let error = job
        .run(&mut node, request("echo before; sleep 1000", []), &mut |_| {
            let status = std::process::Command::new("pkill")
                .args(["-KILL", "-s", &job.pid()])
                .status();
            assert!(status.unwrap().success());
        })
        .unwrap_err();
    assert!(matches!(error, ConnectionError::CutShort { .. }), "{error}");
    assert!(error.to_string().contains("without an exit status"), "{error}");
    let aside = job.aside();
    assert_eq!(std::fs::read(aside.join("stdout")).unwrap(), b"before\n");
    std::fs::remove_dir_all(aside).unwrap();
    assert!(job.run(&mut node, request(":", []), &mut |_| {}).unwrap().success());
}

#[rstest]
fn when_the_time_is_up_the_job_is_killed(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let job = Job::new();
    let mut node = TestNode::new(shell);
    let ask = request("echo early; trap : TERM; sleep 1000 & sh -c 'sleep 1000'", []);
    let mut pid = String::new();
    let error = job
        .run(&mut node, ask.with_timeout(Duration::from_millis(500)), &mut |_| {
            pid = job.pid();
        })
        .unwrap_err();
    assert!(matches!(error, ConnectionError::TimedOut { .. }), "{error}");
    // Zombies do not count.
    let left = std::process::Command::new("pgrep")
        .args(["-r", "S,R,D", "-s", &pid])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    assert!(!job.directory.exists());
}

#[test]
fn what_is_old_is_removed_unless_it_is_at_work() {
    let (old, working, new) = (Job::new(), Job::new(), Job::new());
    let node = TestNode::new("dash");
    let go_on = node.path("go-on");
    let ask = request(
        "echo; while [ ! -e \"$1\" ]; do sleep 0.05; done",
        [go_on.to_str().unwrap()],
    );
    for (job, ask) in [(&old, request("echo", [])), (&working, ask.clone())] {
        let dies = std::thread::scope(|scope| {
            scope
                .spawn(|| job.run(&mut TestNode::new("dash"), ask, &mut |_| panic!("krun dies")))
                .join()
        });
        assert!(dies.is_err());
    }
    wait_until("the old job's end", || old.directory.join("status").exists());
    for job in [&old, &working] {
        let aged = std::process::Command::new("touch")
            .args(["-d", "10 days ago"])
            .arg(&job.directory)
            .status();
        assert!(aged.unwrap().success());
    }
    let mut node = node;
    new.run(&mut node, request(":", []), &mut |_| {}).unwrap();
    assert!(!old.directory.exists());
    assert!(working.directory.exists());
    std::fs::write(&go_on, "").unwrap();
    working.run(&mut node, ask, &mut |_| {}).unwrap();
}

#[test]
fn nothing_of_the_input_is_kept() {
    let job = Job::new();
    let mut node = TestNode::new("dash");
    let ask = request("cat; sleep 0.2", []).with_stdin("secret");
    job.run(&mut node, ask, &mut |_| {
        assert!(!job.directory.join("stdin").exists());
        let mode = std::fs::metadata(&job.directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    })
    .unwrap();
}

#[test]
fn identities_are_file_names() {
    assert!(is_identity("kubeadm-apply_1.28.2"));
    for wrong in ["", ".", "..", "-x", "a/b", "a b", "é"] {
        assert!(!is_identity(wrong), "{wrong}");
    }
}
