//! Why a test failed.

/// What it said as it panicked, for the report.
pub fn why(failure: tokio::task::JoinError) -> String {
    match failure.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap_or_else(|| "the test panicked".to_owned()),
        Err(error) => error.to_string(),
    }
}
