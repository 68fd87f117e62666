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
