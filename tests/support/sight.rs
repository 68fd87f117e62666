//! Watches that show late what happens, or miss it and have to read everything anew.

use std::time::Duration;

use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How well the operator sees.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    /// Events arrive so much later, by resource.
    Late(fn(&str) -> Duration),
    /// A watch ends after so long with "410 Gone", and what happened in the last part of it was not told.
    Gaps {
        /// How long it goes well.
        sees: Duration,
        /// How long nothing is told after that.
        misses: Duration,
    },
}

/// What the API server says when the version a watch is to go on from is no longer known.
const GONE: &[u8] = br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}
"#;

type Frames = UnsyncBoxBody<Bytes, kube::Error>;

/// The answer to a watch, as it is seen.
pub fn through(sight: Sight, resource: &str, body: Body) -> Frames {
    match sight {
        Sight::Late(lag) => late(lag(resource), body),
        Sight::Gaps { sees, misses } => gaps(sees, misses, body),
    }
}

/// Everything in its order and at its distances, but later.
fn late(lag: Duration, body: Body) -> Frames {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut frames = BodyStream::new(body);
        loop {
            tokio::select! {
                frame = frames.next() => {
                    let Some(frame) = frame else { return };
                    if sender.send((Instant::now() + lag, frame)).is_err() {
                        return;
                    }
                }
                () = sender.closed() => return,
            }
        }
    });
    framed(futures::stream::unfold(receiver, |mut receiver| async move {
        let (at, frame) = receiver.recv().await?;
        tokio::time::sleep_until(at).await;
        Some((frame, receiver))
    }))
}

struct Gap {
    frames: BodyStream<Body>,
    blind_from: Instant,
    ends: Instant,
    /// Whether what was told last was told to its end.
    whole: bool,
    over: bool,
}

fn gaps(sees: Duration, misses: Duration, body: Body) -> Frames {
    let blind_from = Instant::now() + sees;
    let gap = Gap {
        frames: BodyStream::new(body),
        blind_from,
        ends: blind_from + misses,
        whole: true,
        over: false,
    };
    framed(futures::stream::unfold(gap, |mut gap| async move {
        let frame = gap.next().await?;
        Some((frame, gap))
    }))
}

impl Gap {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, kube::Error>> {
        while !self.over {
            tokio::select! {
                frame = self.frames.next() => {
                    let frame = frame?;
                    if Instant::now() < self.blind_from {
                        let data = frame.as_ref().ok().and_then(Frame::data_ref);
                        self.whole = data.is_none_or(|data| data.last() == Some(&b'\n'));
                        return Some(frame);
                    }
                }
                () = tokio::time::sleep_until(self.ends) => {
                    self.over = true;
                    if self.whole {
                        return Some(Ok(Frame::data(Bytes::from_static(GONE))));
                    }
                }
            }
        }
        None
    }
}

fn framed(frames: impl futures::Stream<Item = Result<Frame<Bytes>, kube::Error>> + Send + 'static) -> Frames {
    StreamBody::new(frames).boxed_unsync()
}
