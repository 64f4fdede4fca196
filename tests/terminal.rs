//! krun on a terminal: what is typed stays unseen, Ctrl-C leaves the terminal as it was, and nothing stale stays on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use support::Project;

const CTRL_C: &str = "\x03";
/// What a terminal gets when the key is not shown as `^C`; it shows nothing for it.
const CONTROL_C: char = '\x03';

/// krun on a terminal of its own.
struct Terminal {
    krun: Child,
    master: File,
    /// krun's end; open as long as the test looks at it, also when krun has ended.
    slave: File,
    seen: Vec<u8>,
}

impl Terminal {
    fn start(project: &Project, columns: u16, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap();
        let mut options = OpenOptions::new();
        let terminal = options.read(true).write(true).custom_flags(noctty).open(name).unwrap();
        let size = Winsize {
            ws_row: 40,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        // A session of its own, which has this terminal.
        let krun = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_krun")])
            .args(args)
            .current_dir(project.path())
            .env_remove("NO_COLOR")
            .env("KRUN_JOURNAL", project.path().join(".journal"))
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        Self {
            krun,
            master: File::from(master),
            slave: terminal,
            seen: Vec::new(),
        }
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads what is there to be read; waits for it a moment.
    fn read(&mut self) {
        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        if poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&moment)).unwrap() > 0 {
            let mut buffer = [0; 4096];
            let length = self.master.read(&mut buffer).unwrap();
            self.seen.extend(&buffer[..length]);
        }
    }

    #[track_caller]
    fn until(&mut self, what: &str, is_so: impl Fn(&mut Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_so(self) {
            assert!(Instant::now() < end, "waited in vain for {what}:\n{}", self.text());
            self.read();
        }
    }

    #[track_caller]
    fn until_text(&mut self, part: &str) {
        self.until(part, |terminal| terminal.text().contains(part));
    }

    #[track_caller]
    fn end(&mut self) -> Option<i32> {
        self.until("the end", |terminal| terminal.krun.try_wait().unwrap().is_some());
        self.read();
        self.krun.try_wait().unwrap().unwrap().code()
    }

    fn has(&self, modes: LocalModes) -> bool {
        tcgetattr(&self.slave).unwrap().local_modes.contains(modes)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.krun.kill();
        let _ = self.krun.wait();
    }
}

const INVENTORY: &str = "w1 ansible_connection=local\nw2 ansible_connection=local\n";

/// As the shell leaves the terminal to a program.
const AS_EVER: LocalModes = LocalModes::ECHO
    .union(LocalModes::ECHOCTL)
    .union(LocalModes::ICANON)
    .union(LocalModes::ISIG);

fn project() -> Project {
    Project::new(
        "- hosts: all
  gather_facts: false
  tasks:
    - name: sleep
      command: sleep 3
      changed_when: false
",
    )
    .file("hosts", INVENTORY)
    .file(
        "ask.yml",
        "- hosts: all
  gather_facts: false
  tasks:
    - pause: {prompt: 'The word', echo: false}
      register: answer
    - debug: {msg: 'it has {{ answer.user_input | length }} letters'}
",
    )
}

#[rstest]
#[case("-k", "SSH password: ")]
#[case("-K", "BECOME password: ")]
#[case("-J", "Vault password: ")]
fn a_password_is_not_shown_and_ctrl_c_leaves_the_terminal_as_it_was(#[case] option: &str, #[case] question: &str) {
    let project = project();
    let args = ["exec", "w1", "-i", "hosts", "-a", "true", option];
    let mut terminal = Terminal::start(&project, 80, &args);
    terminal.until(question, |terminal| {
        terminal.text().ends_with(question) && !terminal.has(LocalModes::ECHO)
    });
    terminal.press("hush");
    terminal.press("\n");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.text());
    assert!(!terminal.text().contains("hush"), "{}", terminal.text());
    assert!(terminal.has(AS_EVER));

    let mut terminal = Terminal::start(&project, 80, &args);
    terminal.until(question, |terminal| {
        terminal.text().ends_with(question) && !terminal.has(LocalModes::ECHO)
    });
    terminal.press("hu");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(99), "{}", terminal.text());
    assert!(
        terminal.text().contains("interrupted: nothing was run"),
        "{}",
        terminal.text()
    );
    assert!(terminal.has(AS_EVER));
}

#[test]
fn a_hidden_answer_is_not_shown_and_ctrl_c_ends_the_run() {
    let project = project();
    let mut terminal = Terminal::start(&project, 80, &["ask.yml", "-i", "hosts"]);
    terminal.until("the question", |terminal| {
        terminal.text().contains("The word") && !terminal.has(LocalModes::ECHO)
    });
    terminal.press("hush\n");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.text());
    assert!(terminal.text().contains("it has 4 letters"), "{}", terminal.text());
    assert!(!terminal.text().contains("hush"), "{}", terminal.text());

    let mut terminal = Terminal::start(&project, 80, &["ask.yml", "-i", "hosts"]);
    terminal.until("the question", |terminal| {
        terminal.text().contains("The word") && !terminal.has(LocalModes::ECHO)
    });
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(99), "{}", terminal.text());
    assert!(terminal.has(AS_EVER));
}

#[rstest]
#[case(40)]
#[case(100)]
fn no_changing_line_stays_behind_after_ctrl_c(#[case] columns: u16) {
    let project = project();
    let mut terminal = Terminal::start(&project, columns, &["site.yml", "-i", "hosts"]);
    terminal.until_text("w2");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(99), "{}", terminal.text());
    let screen = screen(&terminal.text(), usize::from(columns));
    let all = screen.join("\n");
    assert!(screen.concat().contains("interrupted:"), "{all}");
    assert!(all.contains("ok: [w1]") && all.contains("ok: [w2]"), "{all}");
    let is_changing = |line: &&String| line.starts_with("  ") && line.chars().nth(2) > Some('\u{2800}');
    let stale: Vec<_> = screen.iter().filter(is_changing).collect();
    assert!(stale.is_empty(), "{stale:?} stayed on\n{all}");
    assert!(terminal.has(AS_EVER));
}

#[test]
fn the_second_ctrl_c_leaves_the_terminal_as_it_was() {
    let project = project();
    let mut terminal = Terminal::start(&project, 80, &["site.yml", "-i", "hosts"]);
    terminal.until_text("w2");
    terminal.press(CTRL_C);
    terminal.until_text("interrupted:");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(99), "{}", terminal.text());
    assert!(terminal.text().contains("stopped at once"), "{}", terminal.text());
    assert!(terminal.has(AS_EVER));
}

#[test]
fn a_wait_on_the_node_ends_soon_after_ctrl_c() {
    let wait = "- hosts: w1\n  gather_facts: false\n  tasks:\n    - wait_for: {path: /nowhere/krun, timeout: 300}\n";
    let project = project().file("wait.yml", wait);
    let mut terminal = Terminal::start(&project, 80, &["wait.yml", "-i", "hosts"]);
    terminal.until_text("waiting for /nowhere/krun");
    let begin = Instant::now();
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(99), "{}", terminal.text());
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

/// What is on a screen that got this text: it knows what krun's changing lines need.
fn screen(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => column = 0,
            '\n' => row += 1,
            CONTROL_C => {}
            '\x1b' => {
                let mut number = String::new();
                let command = letters.by_ref().skip(1).find(|letter| {
                    number.push(*letter);
                    letter.is_ascii_alphabetic()
                });
                let count = number.trim_end_matches(char::is_alphabetic).parse().unwrap_or(1);
                match command {
                    Some('A') => row = row.saturating_sub(count),
                    Some('B') => row += count,
                    Some('K') if number == "2K" => lines[row].clear(),
                    Some('K') => lines[row].truncate(column),
                    Some('J') => {
                        lines[row].truncate(column);
                        lines.truncate(row + 1);
                    }
                    _ => {}
                }
            }
            letter => {
                // The line is full: the letter goes on the next one.
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                lines.resize(lines.len().max(row + 1), Vec::new());
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = letter;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    lines
        .iter()
        .map(|line| line.iter().collect::<String>().trim_end().to_owned())
        .collect()
}
