//! `configure`: the cluster's own configuration, which the next `kubeadm upgrade` uses.

use serde_json::Value;
use serde_yaml::{Mapping, Value as Yaml};

use crate::connection::{Request, Script};
use crate::modules::{Context, Diff, Failure, Outcome, Pending, State};

use super::Work;
use super::options::Kubeadm;

const OBJECT: Script = Script {
    name: "kubeadm/object",
    text: include_str!("object.sh"),
};

/// The key of the ConfigMap that holds it.
const KEY: &str = "ClusterConfiguration";

impl Kubeadm {
    pub(super) fn check_configure(&self, context: &mut Context<'_>) -> Result<State<Work>, Failure> {
        let output = context.run(OBJECT, [self.admin_conf(), "get".to_owned()])?;
        if !output.success() {
            return Err(Failure::of_program("reading the cluster's kubeadm-config", &output)
                .help("run this on a control-plane node, or name a `kubeconfig` that may read it"));
        }
        let mut object: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("kubectl's answer (kubeadm-config) is not JSON: {error}")))?;
        let before = object["data"][KEY]
            .as_str()
            .ok_or_else(|| Failure::new(format!("the cluster's kubeadm-config holds no {KEY}")))?
            .to_owned();
        let Some((after, changes)) = self.edited(&before)? else {
            return Ok(State::Satisfied(Outcome::ok()));
        };
        object["data"][KEY] = after.as_str().into();
        let diff = Diff {
            before_header: "kubeadm-config".to_owned(),
            after_header: "kubeadm-config".to_owned(),
            before,
            after,
        };
        Ok(Pending::new(Work::Configure(object), changes).with_diff(diff).into())
    }

    pub(super) fn configure(&self, context: &mut Context<'_>, object: &Value) -> Result<Outcome, Failure> {
        let request = Request::new(OBJECT, [self.admin_conf(), "replace".to_owned()]).with_stdin(object.to_string());
        let output = context.request(request)?;
        if output.success() {
            return Ok(Outcome::changed(Vec::<String>::new()));
        }
        Err(Failure::of_program("changing the cluster's kubeadm-config", &output)
            .help("nothing was changed; if somebody else changed it at the same time, run this again"))
    }

    /// The configuration with the task's changes, and their names; `None` when there is nothing to change.
    fn edited(&self, text: &str) -> Result<Option<(String, Vec<String>)>, Failure> {
        let not_yaml = |error| Failure::new(format!("the cluster's kubeadm-config is not YAML: {error}"));
        let mut configuration: Mapping = serde_yaml::from_str(text).map_err(not_yaml)?;
        let mut changes = Vec::new();
        if let Some(wanted) = &self.image_repository {
            let found = configuration
                .get("imageRepository")
                .and_then(Yaml::as_str)
                .unwrap_or_default();
            if found != wanted.0 {
                changes.push(format!("imageRepository {found} → {wanted}"));
                configuration.insert("imageRepository".into(), wanted.0.as_str().into());
            }
        }
        if let Some(Yaml::Mapping(gates)) = configuration.get_mut("featureGates") {
            for gate in self.drop_feature_gates.iter() {
                if gates.remove(gate.as_str()).is_some() {
                    changes.push(format!("feature gate {gate} dropped"));
                }
            }
            if gates.is_empty() && !changes.is_empty() {
                configuration.remove("featureGates");
            }
        }
        if changes.is_empty() {
            return Ok(None);
        }
        let after = serde_yaml::to_string(&configuration).map_err(not_yaml)?;
        Ok(Some((after, changes)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{FakeTools, asked, check_module, run_module, scripted};

    const TEXT: &str = "apiServer: {}\nfeatureGates:\n  ControlPlaneKubeletLocalMode: true\nimageRepository: \
                        registry.k8s.io\nkind: ClusterConfiguration\nkubernetesVersion: v1.35.0\n";

    fn object(text: &str) -> Answer {
        let object = json!({"metadata": {"name": "kubeadm-config", "resourceVersion": "7"},
            "data": {"ClusterConfiguration": text, "Other": "kept"}});
        Answer::stdout(object.to_string())
    }

    #[rstest]
    #[case(json!({"image_repository": "registry.k8s.io"}), &[])]
    #[case(json!({"drop_feature_gates": ["Other"]}), &[])]
    #[case(json!({"image_repository": "r.example/k"}), &["imageRepository registry.k8s.io → r.example/k"])]
    #[case(json!({"drop_feature_gates": "ControlPlaneKubeletLocalMode"}), &["feature gate ControlPlaneKubeletLocalMode dropped"])]
    fn only_what_differs_is_changed(#[case] mut options: serde_json::Value, #[case] changes: &[&str]) {
        options["action"] = json!("configure");
        let (mut connection, log) = scripted([object(TEXT)]);
        let looked = check_module("kubeadm", options.clone(), &mut connection).unwrap();
        assert_eq!(looked.changes, changes);
        assert_eq!(asked(&log), ["kubeadm/object /etc/kubernetes/admin.conf get"]);

        let (mut connection, log) = scripted([object(TEXT), Answer::stdout("configmap/kubeadm-config\n")]);
        let outcome = run_module("kubeadm", options, &mut connection).unwrap();
        assert_eq!(outcome.changed, !changes.is_empty());
        if outcome.changed {
            let payload = log.lock().unwrap()[1].payload.clone();
            let sent: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(sent["metadata"]["resourceVersion"], "7");
            assert_eq!(sent["data"]["Other"], "kept");
            let after = sent["data"]["ClusterConfiguration"].as_str().unwrap();
            assert!(
                after.contains("kubernetesVersion: v1.35.0\n") && after != TEXT,
                "{after}"
            );
            assert_eq!(outcome.diff[0].after, after);
        }
    }

    #[rstest]
    #[case(json!({"action": "configure"}))]
    #[case(json!({"action": "apply", "version": "1.31.1", "image_repository": "x"}))]
    #[case(json!({"action": "plan", "timeouts": {"upgrade_manifests": 1}}))]
    #[case(json!({"action": "node", "timeouts": {"upgrades": 1}}))]
    fn options_of_other_actions_are_refused(#[case] options: serde_json::Value) {
        assert!(crate::modules::find("kubeadm").unwrap().validate(options).is_err());
    }

    #[test]
    fn the_scripts_under_each_shell() {
        for shell in ["dash", "busybox sh"] {
            let tools = FakeTools::new();
            tools.add("kubectl", "case \"$*\" in *replace*) cat >\"$HERE/got\" ;; esac");
            tools.add(
                "kubeadm",
                "for last; do :; done; case $last in --config=*) cat \"${last#--config=}\" ;; esac",
            );
            let mut node = tools.node(shell);
            let replace = super::Request::new(super::OBJECT, ["k", "replace"]).with_stdin("{}");
            assert!(node.connection().execute(None, &replace).unwrap().success());
            assert_eq!(std::fs::read_to_string(tools.path("got")).unwrap(), "{}");
            assert_eq!(
                tools.calls(),
                ["kubectl --kubeconfig=k --request-timeout=20s -n kube-system replace -f - -o name"]
            );

            let words = ["", "", "upgrade", "apply"];
            let run = super::super::RUN;
            let with = super::Request::new(run, words).with_stdin("{\"kind\": 1}");
            let said = node.connection().execute(None, &with).unwrap();
            assert_eq!(said.stdout_text(), "{\"kind\": 1}\n");
            let calls = tools.calls();
            let (_, file) = calls[1].split_once("--config=").unwrap();
            assert!(!std::path::Path::new(file).exists(), "{file} is left");
            assert!(
                node.connection()
                    .execute(None, &super::Request::new(run, words))
                    .unwrap()
                    .success()
            );
            assert_eq!(tools.calls()[2], "kubeadm upgrade apply");
        }
    }
}
