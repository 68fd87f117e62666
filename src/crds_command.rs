//! `rustfs-operator crds`: prints the CustomResourceDefinitions as YAML.

use std::process::ExitCode;

/// Prints all CustomResourceDefinitions as one YAML stream.
pub(crate) fn print() -> ExitCode {
    let mut text = String::new();
    for crd in crds::all() {
        match serde_saphyr::to_string(&crd) {
            Ok(yaml) => {
                text.push_str("---\n");
                text.push_str(&yaml);
            }
            Err(error) => {
                return crate::fail(&format!("failed to print a CustomResourceDefinition: {error}"));
            }
        }
    }
    crate::write_out(&text)
}
