//! Requests for metrics and health to answers, on a thread of its own.
//! Relies on hyper for HTTP/1; one request a connection.
//! Never lets a client hold it up: heads, connections and their time are bounded, and the oldest connection makes room.

use super::health::Health;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Connections at one time: a scraper and a few probes need one each. Above it the oldest is closed, which is never one
/// that asked in time.
const CONNECTIONS_MAX: usize = 32;

/// Octets of a request's head, its headers, and the time it may take to arrive.
const HEAD_OCTETS_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// Longest time of a connection, the reading of the answer included.
const CONNECTION_WITHIN: Duration = Duration::from_secs(10);

/// Pause after a connection that could not be accepted, such as for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Time between the takings of samples into histograms: bounds what waits where nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is answered with.
pub struct Pages {
    /// Name of the pipeline.
    pub name: String,
    /// The health of the run.
    pub health: Arc<Health>,
    /// The metrics.
    pub metrics: PrometheusHandle,
}

/// How the thread ends: told so by the other half being dropped.
type Ended = Result<Infallible, oneshot::error::RecvError>;

/// The server; it ends with this value.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<Ended>>,
}

impl Server {
    /// Listens at `address` and begins to answer.
    pub fn start(address: SocketAddr, pages: Pages) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("metrics".into()).spawn(move || {
            runtime.block_on(async {
                tokio::spawn(upkeep(pages.metrics.clone()));
                tokio::spawn(serve(listener, Arc::new(pages)));
                // Ends when the other half is dropped; the runtime takes what is still going on with it.
                stopped.await
            })
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic there was printed by the thread; the run itself is not concerned.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

async fn serve(listener: std::net::TcpListener, pages: Arc<Pages>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(event = "metrics_failed", %error, "metrics are not served"),
    };
    let mut connections = VecDeque::with_capacity(CONNECTIONS_MAX);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(stream, &pages, &mut connections),
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// Takes samples into histograms, also where nobody asks for them.
async fn upkeep(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

/// Begins to answer a connection. Where there are too many, the oldest is one that asks slowly or not at all.
fn admit(stream: TcpStream, pages: &Arc<Pages>, connections: &mut VecDeque<AbortHandle>) {
    connections.retain(|connection| !connection.is_finished());
    if connections.len() >= CONNECTIONS_MAX
        && let Some(oldest) = connections.pop_front()
    {
        oldest.abort();
    }
    let pages = Arc::clone(pages);
    let answer = tokio::spawn(async move {
        let service = service_fn(|request| {
            let response = pages.answer(&request);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_OCTETS_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service);
        // What a client does wrong is its own affair, and no line in the log: it could fill it.
        drop(tokio::time::timeout(CONNECTION_WITHIN, connection).await);
    });
    connections.push_back(answer.abort_handle());
}

impl Pages {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, body) = self.page(request.method(), request.uri().path());
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }

    fn page(&self, method: &Method, path: &str) -> (StatusCode, String) {
        if method != Method::GET {
            return (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into());
        }
        match path {
            "/" => (StatusCode::OK, self.front()),
            "/metrics" => {
                super::meters::set_ready(&self.health);
                (StatusCode::OK, self.metrics.render())
            }
            "/livez" => match self.health.alive() {
                Ok(()) => (StatusCode::OK, "alive\n".into()),
                Err(since) => (
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!(
                        "not alive: {}, no turn for {} s\n",
                        self.health.stage().as_str(),
                        since.as_secs()
                    ),
                ),
            },
            "/readyz" => match self.health.ready() {
                Ok(()) => (StatusCode::OK, "ready\n".into()),
                Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
            },
            _ => (StatusCode::NOT_FOUND, "there are /metrics, /livez and /readyz\n".into()),
        }
    }

    fn front(&self) -> String {
        format!(
            "caudal {} runs {}: {}\n\n/metrics  figures for Prometheus\n/livez    the process turns\n/readyz   input is taken\n",
            env!("CARGO_PKG_VERSION"),
            self.name,
            self.health.stage().as_str()
        )
    }
}

#[cfg(test)]
mod tests;
