//! The client against servers that behave, and servers that do not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{HeaderMap, Method};
use kuafu_contract::interfaces::HttpResponse;
use kuafu_core::Code;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use url::Host;

use crate::{HttpClient, HttpEnd, HttpJob, InterfacesOut, Place, Scheme, Ticket, Trust};

const PATIENCE: Duration = Duration::from_secs(20);

/// A client, and how its requests end.
struct Rig {
    client: HttpClient,
    ends: Receiver<(Ticket, HttpEnd)>,
    /// Ends after the client.
    _runtime: tokio::runtime::Runtime,
}

impl Rig {
    fn new(trust: Trust) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (tell, ends) = sync_channel(16);
        let back = move |ticket, end| tell.send((ticket, end)).expect("the test listens");
        let client = HttpClient::new(runtime.handle().clone(), trust, back).expect("a client");
        Self { client, ends, _runtime: runtime }
    }

    fn ask(&mut self, job: HttpJob) -> HttpEnd {
        self.client.send(InterfacesOut::Http(Ticket(5), job));
        let (ticket, end) = self.ends.recv_timeout(PATIENCE).expect("every request ends");
        assert_eq!(ticket, Ticket(5));
        end
    }
}

fn ask(job: HttpJob) -> HttpEnd {
    Rig::new(Trust::default()).ask(job)
}

fn job(to: SocketAddr) -> HttpJob {
    let host = Host::Ipv4([127, 0, 0, 1].into());
    let place = Place { scheme: Scheme::Http, host, port: to.port(), path: "/v1/price?of=hat".into() };
    HttpJob {
        place,
        method: Method::GET,
        headers: HeaderMap::new(),
        body: Arc::default(),
        within: PATIENCE,
        response_bytes_max: 1_000,
    }
}

/// What servers have read.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server that does `act` with each connection, on a thread that ends with the test's process.
fn serve(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            act(stream);
        }
    });
    address
}

/// Reads the head of a request, and of its body what `Content-Length` says.
fn read_request(stream: &mut impl Read) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with("\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        text.push(char::from(byte[0]));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the body");
    text + &String::from_utf8_lossy(&body)
}

/// A server that always says the same, and what it heard.
fn saying(answer: &'static str) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let ears = heard.clone();
    let address = serve(move |mut stream| {
        ears.lock().unwrap().push(read_request(&mut stream));
        let _ = stream.write_all(answer.as_bytes());
    });
    (address, heard)
}

/// Waits until the other side has closed.
fn wait_for_close(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    while matches!(stream.read(&mut [0; 64]), Ok(1..)) {}
}

#[test]
fn a_request_arrives_as_it_was_made_and_its_response_comes_back_whole() {
    let (to, heard) = saying("HTTP/1.1 201 Made\r\nX-B: 1\r\nx-a: y\r\nX-b: 2\r\nContent-Length: 3\r\n\r\nyes");
    let mut asked = job(to);
    asked.method = Method::POST;
    asked.body = b"two hats".as_slice().into();
    asked.headers.insert("x-key", "k".parse().unwrap());
    let HttpEnd::Response(response) = ask(asked) else { panic!("a response") };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("content-length", "3"), header("x-a", "y"), header("x-b", "1, 2")];
    assert_eq!(response, HttpResponse { status: 201, headers, body: b"yes".as_slice().into() });
    let heard = heard.lock().unwrap().join("");
    assert!(heard.starts_with("POST /v1/price?of=hat HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("host: 127.0.0.1:{}\r\n", to.port())) && heard.contains("x-key: k\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\ntwo hats"), "{heard}");
}

#[test]
fn localhost_is_found_by_its_name() {
    let (to, _) = saying("HTTP/1.1 204 Nothing\r\n\r\n");
    let mut asked = job(to);
    asked.place.host = Host::Domain("localhost".into());
    assert!(matches!(ask(asked), HttpEnd::Response(HttpResponse { status: 204, .. })));
}

#[test]
fn a_redirect_is_a_response_and_is_not_followed() {
    let (to, heard) =
        saying("HTTP/1.1 302 There\r\nLocation: /admin\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let HttpEnd::Response(response) = ask(job(to)) else { panic!("a response") };
    assert_eq!(response.status, 302);
    assert!(response.headers.contains(&("location".into(), "/admin".into())));
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn a_body_that_does_not_end_in_time_is_late_and_its_connection_is_closed() {
    let (closed, wait) = sync_channel(1);
    let to = serve(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow").expect("written");
        wait_for_close(&mut stream);
        closed.send(()).expect("the test listens");
    });
    let mut asked = job(to);
    asked.within = Duration::from_millis(200);
    let mut rig = Rig::new(Trust::default());
    assert_eq!(rig.ask(asked), HttpEnd::Late);
    wait.recv_timeout(PATIENCE).expect("the connection is closed");
}

#[test]
fn a_body_that_is_too_long_is_not_read_to_its_end() {
    for head in ["Content-Length: 1000000000", "X-No-Length: 1"] {
        let (closed, wait) = sync_channel(1);
        let to = serve(move |mut stream| {
            read_request(&mut stream);
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n").expect("written");
            while stream.write_all(&[b'x'; 4_096]).is_ok() {}
            closed.send(()).expect("the test listens");
        });
        let mut rig = Rig::new(Trust::default());
        assert_eq!(rig.ask(job(to)), HttpEnd::TooLong { status: 200 }, "{head}");
        wait.recv_timeout(PATIENCE).expect("the connection is closed");
    }
}

#[test]
fn a_body_of_just_the_longest_length_is_taken() {
    let to = serve(|mut stream| {
        read_request(&mut stream);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1_000));
    });
    assert!(matches!(ask(job(to)), HttpEnd::Response(response) if response.body.len() == 1_000));
}

#[test]
fn a_connection_that_breaks_after_the_request_ends_as_broken() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    for answer in ["", "HTTP/1.1 2", half, "this is no HTTP\r\n\r\n"] {
        let (to, _) = saying(answer);
        let end = ask(job(to));
        assert!(matches!(end, HttpEnd::Broken(_)), "{answer:?}: {end:?}");
    }
}

#[test]
fn a_head_without_an_end_is_not_collected_for_ever() {
    let to = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while stream.write_all(&[b'x'; 4_096]).is_ok() {}
    });
    assert!(matches!(ask(job(to)), HttpEnd::Broken(_)));
}

#[test]
fn what_could_not_be_connected_was_not_sent() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let HttpEnd::NotSent(refusal) = ask(job(nobody)) else { panic!("nobody listens") };
    assert_eq!(refusal.code, Code::Unavailable);
}

#[test]
fn a_name_that_leads_to_a_private_address_is_refused_and_nothing_connects() {
    let (to, heard) = saying("HTTP/1.1 200 OK\r\n\r\n");
    let mut asked = job(to);
    // The system's resolver knows this one without asking anybody: it is 127.0.0.1.
    asked.place.host = Host::Domain("127.1".into());
    let HttpEnd::NotSent(refusal) = ask(asked) else { panic!("it is private") };
    assert_eq!(refusal.code, Code::NotAllowed, "{refusal}");
    assert!(refusal.text.contains("no public address"), "{refusal}");
    assert!(heard.lock().unwrap().is_empty());
}

#[test]
fn only_a_certificate_that_is_trusted_and_names_the_host_is_believed() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("TLS").with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key).expect("a server"));
    let heard = Heard::default();
    let ears = heard.clone();
    let to = serve(move |stream| {
        let session = rustls::ServerConnection::new(config.clone()).expect("a session");
        let mut stream = rustls::StreamOwned::new(session, stream);
        let request = read_request(&mut stream);
        if !request.is_empty() {
            ears.lock().unwrap().push(request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let mut asked = job(to);
    asked.place.scheme = Scheme::Https;
    asked.place.host = Host::Domain("localhost".into());
    let HttpEnd::NotSent(refusal) = ask(asked.clone()) else { panic!("nobody vouches for it") };
    assert_eq!(refusal.code, Code::Unavailable);
    assert!(refusal.text.contains("certificate"), "{refusal}");
    assert!(heard.lock().unwrap().is_empty());
    let mut rig = Rig::new(Trust { also: vec![made.cert.der().clone()] });
    assert!(matches!(rig.ask(asked.clone()), HttpEnd::Response(response) if *response.body == *b"ok"));
    asked.place.host = Host::Ipv4([127, 0, 0, 1].into());
    assert!(matches!(rig.ask(asked), HttpEnd::NotSent(_)), "the certificate names another host");
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn tls_is_not_left_out_when_the_other_side_has_none() {
    let (to, heard) = saying("HTTP/1.1 200 OK\r\n\r\n");
    let mut asked = job(to);
    asked.place.scheme = Scheme::Https;
    asked.within = Duration::from_secs(2);
    assert!(matches!(ask(asked), HttpEnd::NotSent(_) | HttpEnd::Late));
    assert!(!heard.lock().unwrap().join("").contains("GET"));
}
