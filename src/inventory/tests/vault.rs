use secrecy::SecretString;
use serde_json::json;

use super::super::{Inventory, InventoryVariables};
use super::load_files;
use crate::vars::vault::VaultPasswords;

/// `other`, encrypted by ansible-vault for the id `dev`.
const ENCRYPTED: &str = "$ANSIBLE_VAULT;1.2;AES256;dev
        36393830303433646336653666623339366264326463313039666365336335663130633065396166
        6662376432663462663530343562363531623935383566300a386230646439643333613838653063
        32373961303261643761636233633762353566623530303735333135306333393539393636313364
        3834663863323466340a313634306535663765623837613837383566343061313966323961393465
        6431\n";

#[test]
fn encrypted_values_are_read_and_known_as_secret() {
    let hosts = format!("all:\n  hosts:\n    a:\n      key: !vault |\n        {ENCRYPTED}");
    let group = format!("password: !vault |\n        {ENCRYPTED}\nplain: 1\n");
    let (directory, without) = load_files(&[("hosts.yml", &hosts), ("group_vars/all.yml", &group)]);
    let error = without.unwrap_err().to_string();
    assert!(error.contains("--vault-password-file"), "{error}");

    let mut passwords = VaultPasswords::default();
    passwords.add("dev", SecretString::from("correct horse"));
    let source = directory.path().join("hosts.yml").to_string_lossy().into_owned();
    let (inventory, _) = Inventory::load(&[source], &passwords).unwrap();
    let (variables, _) = InventoryVariables::load(&inventory, None, &passwords).unwrap();
    let host = variables.of(&inventory, "a").unwrap();
    assert_eq!(host.groups["password"].raw(), &json!("other"));
    assert_eq!(host.host["key"].raw(), &json!("other"));
    let secret: Vec<String> = variables
        .layers(&inventory, "a")
        .unwrap()
        .into_iter()
        .flat_map(|layer| layer.secret)
        .collect();
    assert_eq!(secret, ["password", "key"]);
}
