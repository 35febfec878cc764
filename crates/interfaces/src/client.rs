//! The executor: an HTTP client on the I/O runtime.
//!
//! It knows what was sent and what was not. A name is resolved when it is connected to, and only to public addresses, so
//! that there is no time between the check and its use; a list that names an address, or `localhost`, means it. No
//! proxy is asked, no redirect followed, nothing unpacked. Every request is a task with a deadline; dropping the client
//! ends them all.

use std::error::Error as StdError;
use std::future::Future;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::http::uri::{Authority, Scheme as UriScheme};
use hyper::{HeaderMap, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kuafu_contract::interfaces::HttpResponse;
use kuafu_core::{Code, Refusal};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_service::Service;

use crate::job::{HttpJob, Scheme};
use crate::public::is_public;
use crate::role::{HttpEnd, InterfacesOut, Ticket};

/// How long a connection may take to be made; one that was not made has sent nothing.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next request. Short, since a server that closes it at the same moment makes
/// a request end as unknown.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// Kept connections to one host.
const IDLE_PER_HOST_MAX: usize = 8;

/// Names that are looked up at once. The system's lookup cannot be ended, so it holds its thread beyond the deadline of
/// who asked; others on the runtime need threads too.
const LOOKUPS_MAX: usize = 16;

/// Bytes of the head of a response.
const HEAD_BYTES_MAX: usize = 65_536;

/// Whose certificates are believed.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Roots beside those of Mozilla.
    pub also: Vec<CertificateDer<'static>>,
}

type HyperClient = Client<HttpsConnector<HttpConnector<PublicResolver>>, Full<Bytes>>;

/// Sends requests, and tells how each ended.
pub struct HttpClient {
    client: HyperClient,
    runtime: Handle,
    tasks: JoinSet<()>,
    back: Arc<dyn Fn(Ticket, HttpEnd) + Send + Sync>,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client on this runtime. `back` gets each end with its ticket; it must not wait for the role.
    ///
    /// # Errors
    /// When a certificate of `trust` is none, for people.
    pub fn new(
        runtime: Handle,
        trust: Trust,
        back: impl Fn(Ticket, HttpEnd) + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let mut tcp = HttpConnector::new_with_resolver(PublicResolver::default());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_MAX));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(trust)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(https);
        Ok(Self { client, runtime, tasks: JoinSet::new(), back: Arc::new(back) })
    }

    /// Sends a request. Never blocks; the number under way is the role's to bound.
    pub fn send(&mut self, InterfacesOut::Http(ticket, job): InterfacesOut) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(why) = ended {
                tracing::error!(%why, "an HTTP request failed in us");
            }
        }
        let (client, back) = (self.client.clone(), self.back.clone());
        let work = async move {
            let within = job.within;
            let end = tokio::time::timeout(within, ask(&client, job)).await;
            back(ticket, end.unwrap_or(HttpEnd::Late));
        };
        self.tasks.spawn_on(work, &self.runtime);
    }
}

fn tls(trust: Trust) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in trust.also {
        roots.add(certificate).map_err(|why| format!("a root certificate cannot be used: {why}"))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| format!("no TLS: {why}"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

async fn ask(client: &HyperClient, job: HttpJob) -> HttpEnd {
    let bytes_max = job.response_bytes_max;
    let request = match request(job) {
        Ok(request) => request,
        Err(why) => return HttpEnd::NotSent(Refusal::new(Code::ArgumentInvalid, why.to_string())),
    };
    let response = match client.request(request).await {
        Ok(response) => response,
        Err(why) if why.is_connect() => return HttpEnd::NotSent(not_sent(&why)),
        Err(why) => return HttpEnd::Broken(causes(&why)),
    };
    let (head, body) = response.into_parts();
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => HttpEnd::Response(HttpResponse {
            status: head.status.as_u16(),
            headers: headers(&head.headers),
            body: body.to_bytes().as_ref().into(),
        }),
        Err(why) if why.is::<LengthLimitError>() => HttpEnd::TooLong { status: head.status.as_u16() },
        Err(why) => HttpEnd::Broken(causes(&*why)),
    }
}

fn request(job: HttpJob) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let place = job.place;
    let scheme = if place.scheme == Scheme::Https { UriScheme::HTTPS } else { UriScheme::HTTP };
    let authority = Authority::try_from(place.authority())?;
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(place.path).build()?;
    let body = Bytes::copy_from_slice(&job.body);
    let mut request = Request::builder().method(job.method).uri(uri).body(Full::new(body))?;
    *request.headers_mut() = job.headers;
    Ok(request)
}

/// Sorted, each name once.
fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    let mut names: Vec<_> = map.keys().collect();
    names.sort_unstable_by_key(|name| name.as_str());
    let joined = |name| {
        let values = map.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    };
    names.into_iter().map(|name| (name.as_str().to_owned(), joined(name))).collect()
}

fn not_sent(why: &Error) -> Refusal {
    let is_private = chain(why).any(|cause| cause.is::<NotPublic>());
    let code = if is_private { Code::NotAllowed } else { Code::Unavailable };
    Refusal::new(code, format!("the server cannot be reached, and nothing was sent: {}", causes(why)))
}

/// An error and its causes. What an I/O error wraps counts as its cause; it leaves that out itself.
fn chain<'a>(why: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(why), |why: &&'a (dyn StdError + 'static)| {
        let why: &'a (dyn StdError + 'static) = *why;
        let wrapped = why.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| why.source())
    })
}

/// All that is known, for people.
fn causes(why: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = chain(why).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

/// Resolves names, to public addresses only.
#[derive(Clone, Debug)]
struct PublicResolver {
    lookups: Arc<Semaphore>,
}

impl Default for PublicResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

/// A name that leads nowhere public.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} resolves to no public address; one that is meant to be asked stands in the list as an address, or as localhost"
)]
struct NotPublic(String);

impl Service<Name> for PublicResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let lookups = self.lookups.clone();
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(std::io::Error::other)?;
            let asked = name.clone();
            let look_up = move || {
                let _until_it_ends = permit;
                (asked.as_str(), 0).to_socket_addrs()
            };
            let found = tokio::task::spawn_blocking(look_up).await.map_err(std::io::Error::other)??;
            let is_local = name.as_str() == "localhost";
            let may = |ip: IpAddr| if is_local { ip.is_loopback() } else { is_public(ip) };
            let found: Vec<_> = found.filter(|address| may(address.ip())).collect();
            if found.is_empty() {
                return Err(std::io::Error::other(NotPublic(name.as_str().to_owned())));
            }
            Ok(found.into_iter())
        })
    }
}
