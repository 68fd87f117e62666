//! Waiting for a condition with a deadline, and saying what was last seen when it does not come.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// How long a change may take on a loaded machine before a test gives up.
pub const SOON: Duration = Duration::from_secs(60);

/// Asks again and again until `probe` is content; panics with what it last said once the deadline has passed.
pub async fn until<T, F>(what: &str, within: Duration, probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    reached(what, within, probe)
        .await
        .unwrap_or_else(|late| panic!("{late}"))
}

/// As [`until`], for those who go on after the deadline.
pub async fn reached<T, F>(what: &str, within: Duration, mut probe: impl FnMut() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + within;
    loop {
        match probe().await {
            Err(seen) if Instant::now() >= deadline => {
                return Err(format!(
                    "waited {} s for {what}; last seen: {seen}",
                    within.as_secs()
                ));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            done => return done,
        }
    }
}

/// Holds for a while: panics as soon as `probe` is not content.
pub async fn always<F>(what: &str, during: Duration, mut probe: impl FnMut() -> F)
where
    F: Future<Output = Result<(), String>>,
{
    let end = Instant::now() + during;
    while Instant::now() < end {
        if let Err(seen) = probe().await {
            panic!("{what} did not hold: {seen}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Asks again and again for as long as this, and stops at the first discontent.
pub async fn holds<T, F>(during: Duration, mut probe: impl FnMut() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    let end = Instant::now() + during;
    loop {
        let answer = probe().await?;
        if Instant::now() >= end {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
