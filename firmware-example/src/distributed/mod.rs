//! One order on two boards and a host: what they say to each other.
//!
//! The counter takes an order and asks the kitchen over UDP; the kitchen gets the ingredients from the pantry, a service on
//! the host, over HTTP; the pantry tells the counter over MQTT that the order is ready. All of it is one trace.

pub mod call;
pub mod http;
