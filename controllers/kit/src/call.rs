//! One request to the API server: deadline, span, metric. Every request but the watches goes through here.

use std::time::Duration;

use tracing::{Instrument, Span, field};

use crate::classify;
use crate::env::Env;
use crate::error::Error;
use crate::metrics::Request;
use crate::trace;

/// The deadline of a request that has none of its own.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// What is asked.
pub(crate) struct Call<'a> {
    /// As RBAC spells it: `get`, `patch`, `create`, `delete`.
    pub(crate) verb: &'static str,
    /// Plural, with a subresource if any: `pools/status`.
    pub(crate) resource: &'a str,
    /// As `get Secret default/store-rpc`.
    pub(crate) action: String,
    /// Deadline.
    pub(crate) limit: Duration,
}

impl Call<'_> {
    /// Sends it.
    pub(crate) async fn send<T>(
        self,
        env: &Env,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        let span = tracing::info_span!(
            "api",
            otel.name = format!("{} {}", self.verb, self.resource),
            otel.status_code = field::Empty,
            action = self.action,
            code = field::Empty,
            error = field::Empty,
        );
        let answer = tokio::time::timeout(self.limit, request)
            .instrument(span.clone())
            .await;
        let (result, code) = match answer {
            Ok(Ok(value)) => (Ok(value), "200".to_owned()),
            Ok(Err(source)) => {
                let code = classify::code(&source);
                let source = Box::new(source);
                let action = self.action;
                (Err(Error::Api { action, source }), code)
            }
            Err(_) => (
                Err(Error::Deadline {
                    action: self.action,
                    seconds: self.limit.as_secs(),
                }),
                "timeout".to_owned(),
            ),
        };
        describe(&span, &code, result.as_ref().err());
        env.metrics()
            .requests
            .get_or_create(&Request {
                verb: self.verb,
                resource: self.resource.to_owned(),
                code,
            })
            .inc();
        result
    }
}

fn describe(span: &Span, code: &str, error: Option<&Error>) {
    span.record("code", code);
    if let Some(error) = error {
        trace::fail(span, &error.to_string());
    }
}
