//! What tells groups apart, each alone.

use std::hash::{BuildHasher, RandomState};

use super::*;

type Change = fn(&mut Key<&str>);

const FACTS: Facts = Facts { http_status: 0, grpc_status: None, is_synthetic: false, is_trace_root: None };
const KEY: Key<&str> = Key {
    service: "a",
    name: "a",
    resource: "a",
    span_type: "a",
    kind: "a",
    method: "a",
    endpoint: "a",
    service_source: "a",
    peers: "a",
    facts: FACTS,
};
const CHANGES: [Change; 13] = [
    |key| key.service = "b",
    |key| key.name = "b",
    |key| key.resource = "b",
    |key| key.span_type = "b",
    |key| key.kind = "b",
    |key| key.method = "b",
    |key| key.endpoint = "b",
    |key| key.service_source = "b",
    |key| key.peers = "b",
    |key| key.facts.http_status = 1,
    |key| key.facts.grpc_status = Some(0),
    |key| key.facts.is_synthetic = true,
    |key| key.facts.is_trace_root = Some(false),
];

#[test]
fn a_key_that_is_lent_finds_its_own_and_no_other() {
    let hasher = RandomState::new();
    assert!(KEY.equivalent(&KEY.to_owned()));
    for change in CHANGES {
        let mut other = KEY;
        change(&mut other);
        assert!(!KEY.equivalent(&other.to_owned()), "{other:?}");
        assert!(other.equivalent(&other.to_owned()));
        assert_eq!(hasher.hash_one(&other), hasher.hash_one(other.to_owned()), "{other:?}");
    }
}
