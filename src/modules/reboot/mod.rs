//! The `reboot` module.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::{Request, Script};

use super::args::{Count, Text};
use super::{Again, Context, Disturbs, Failure, Module, NewKubelet, Outcome, Pending, State};

const BOOT_ID: Script = Script {
    name: "reboot/boot-id",
    text: include_str!("boot_id.sh"),
};
const START: Script = Script {
    name: "reboot/start",
    text: include_str!("start.sh"),
};
const TEST: Script = Script {
    name: "reboot/test",
    text: include_str!("test.sh"),
};

/// Pause between two looks at a machine that is not back yet: grows from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Limit of one look; a machine that goes down may swallow a request.
const LOOK_LIMIT: Duration = Duration::from_secs(15);

/// Reboots a machine and waits until it is back and answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_field_names, reason = "the options have Ansible's names")]
pub struct Reboot {
    /// Longest time in seconds until the machine is back and the test command succeeds.
    reboot_timeout: Count,
    /// Seconds to wait before the reboot.
    pre_reboot_delay: Count,
    /// Seconds to wait after the machine is back, before the test command.
    post_reboot_delay: Count,
    /// Seconds for one attempt to ask the machine.
    connect_timeout: Option<Count>,
    /// Command that has to succeed before the machine counts as back.
    test_command: Text,
    /// Command that reboots; `systemctl reboot` or what there is by default.
    reboot_command: Option<Text>,
    /// What users who are logged in are told.
    msg: Text,
}

impl Default for Reboot {
    fn default() -> Self {
        Self {
            reboot_timeout: Count(600),
            pre_reboot_delay: Count(0),
            post_reboot_delay: Count(0),
            connect_timeout: None,
            test_command: Text("whoami".to_owned()),
            reboot_command: None,
            msg: Text("Reboot initiated by krun".to_owned()),
        }
    }
}

/// What differs after every boot.
pub struct BootId(String);

impl Reboot {
    fn look(&self, context: &mut Context<'_>) -> Result<BootId, Failure> {
        let limit = self
            .connect_timeout
            .map_or(LOOK_LIMIT, |count| Duration::from_secs(count.0.max(1)));
        let output = context.try_request(Request::new(BOOT_ID, [""; 0]).with_timeout(limit))?;
        let id = output.stdout_text().trim().to_owned();
        if id.is_empty() {
            return Err(Failure::of_program("reading the boot id", &output));
        }
        Ok(BootId(id))
    }

    /// Repeats an attempt with growing pauses until it succeeds; the last reason is the failure's.
    fn until<T>(
        context: &mut Context<'_>,
        deadline: Instant,
        what: &str,
        mut attempt: impl FnMut(&mut Context<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match attempt(context) {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if Instant::now() + pause >= deadline {
                return Err(Failure {
                    unreachable: failure.unreachable,
                    ..Failure::new(format!("{what}: {}", failure.message))
                        .help("look at the machine's console, or raise `reboot_timeout`")
                });
            }
            context.remaining()?;
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            context.reset_connection();
        }
    }
}

impl Module for Reboot {
    const NAME: &'static str = "reboot";
    const AGAIN: Again = Again::Once;
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        ("boot_time_command", "krun tells boots apart by the kernel's boot id"),
        ("search_paths", "give the whole path in `reboot_command`"),
    ];
    const EXAMPLE: &'static str = "\
- name: Boot the new kernel
  reboot:
    reboot_timeout: 900
    test_command: systemctl is-active kubelet
";

    type Plan = BootId;

    fn check(&self, context: &mut Context<'_>) -> Result<State<BootId>, Failure> {
        let id = self.look(context)?;
        Ok(Pending::new(id, ["rebooted"]).into())
    }

    fn disturbs(&self, _: &Self::Plan) -> Option<Disturbs> {
        Some(Disturbs {
            act: "rebooting".to_owned(),
            stops: true,
            kubelet: NewKubelet::Installed,
        })
    }

    fn apply(&self, context: &mut Context<'_>, before: BootId) -> Result<Outcome, Failure> {
        let start = Instant::now();
        let limit = Duration::from_secs(self.reboot_timeout.0);
        let deadline = start + limit + Duration::from_secs(self.pre_reboot_delay.0);
        let delay = self.pre_reboot_delay.0.to_string();
        let command = self.reboot_command.as_deref().unwrap_or("");
        let output = context.run(START, [delay.as_str(), &self.msg, command])?;
        if !output.success() {
            let failure = Failure::of_program("rebooting", &output);
            return Err(if output.status == 77 {
                failure.help("set `become: true`")
            } else {
                failure
            });
        }
        context.report("waiting for the machine to go down and to come back");
        context.reset_connection();
        let what = format!("the machine is not back after {} s", limit.as_secs());
        Self::until(context, deadline, &what, |context| match self.look(context)? {
            BootId(now) if now == before.0 => Err(Failure::new("it has not rebooted: its boot id is the old one")),
            now => Ok(now),
        })?;
        context.report("the machine is back");
        let settle = Duration::from_secs(self.post_reboot_delay.0);
        std::thread::sleep(settle.min(context.remaining()?));
        let what = format!("`{}` does not succeed after the reboot", self.test_command);
        Self::until(context, deadline + settle, &what, |context| {
            let output = context.try_request(Request::new(TEST, [&*self.test_command]).with_timeout(LOOK_LIMIT))?;
            if output.success() {
                Ok(())
            } else {
                Err(Failure::of_program("it", &output))
            }
        })?;
        Ok(Outcome::changed(["rebooted"])
            .with("rebooted", true)
            .with("elapsed", start.elapsed().as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, check_module, run_module, scripted};

    #[test]
    fn it_waits_for_another_boot_id() {
        let (mut connection, log) = scripted([
            Answer::stdout("one\n"),
            Answer::stdout(""),
            Answer::stdout("one\n"),
            Answer::Lost,
            Answer::stdout("two\n"),
            Answer::failure(1, "starting"),
            Answer::stdout("active\n"),
        ]);
        let options = json!({"test_command": "systemctl is-active kubelet"});
        let outcome = run_module("reboot", options, &mut connection).unwrap();
        assert!(outcome.changed);
        let asked = asked(&log);
        assert_eq!(asked[1], "reboot/start 0 Reboot initiated by krun ");
        assert_eq!(asked[2..5], ["reboot/boot-id"; 3]);
        assert_eq!(asked[5..], ["reboot/test systemctl is-active kubelet"; 2]);
    }

    #[test]
    fn a_machine_that_stays_away_is_unreachable() {
        let (mut connection, _) = scripted([Answer::stdout("one\n"), Answer::stdout(""), Answer::Lost, Answer::Lost]);
        let failure = run_module("reboot", json!({"reboot_timeout": 1}), &mut connection).unwrap_err();
        assert!(
            failure.unreachable && failure.message.contains("not back after 1 s"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn check_mode_only_looks() {
        let (mut connection, log) = scripted([Answer::stdout("one\n")]);
        assert!(check_module("reboot", json!({}), &mut connection).unwrap().changed);
        assert_eq!(asked(&log), ["reboot/boot-id"]);
    }
}
