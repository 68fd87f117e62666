//! Why a test failed.

use std::any::Any;

use tokio::task::JoinError;

/// What a task that failed said as it panicked, for the report.
pub fn why(failure: JoinError) -> String {
    match failure.try_into_panic() {
        Ok(panic) => said(panic.as_ref()),
        Err(error) => error.to_string(),
    }
}

/// What was said with a panic.
pub fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "the test panicked".to_owned())
}
