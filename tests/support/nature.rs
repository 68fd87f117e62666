//! What differs between two runs that are the same.

/// Fields by name: identities, versions, times, addresses, and a hash that holds the name of the namespace.
pub const NATURE: [&str; 14] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "observedGeneration",
    "lastTransitionTime",
    "startedAt",
    "clusterIP",
    "clusterIPs",
    "currentRevision",
    "updateRevision",
    "collisionCount",
    "storage.rustfs.com/template-hash",
];

/// A name in which the part that tells runs of a hook apart is masked: it is made from a UID.
pub fn parts_masked(name: &str) -> String {
    let hex = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
    let digest = |part: &str| part.len() == 10 && part.chars().all(hex);
    let parts = name
        .split('-')
        .map(|part| if digest(part) { "DIGEST" } else { part });
    parts.collect::<Vec<_>>().join("-")
}
