//! HTTP between the services: what each server and each client records, written once for all of them.

mod client;
mod server;

pub(crate) use client::{CallError, Client};
pub(crate) use server::{failure, instrumented};
