use super::super::health::Stage;
use super::super::meters;
use super::*;
use std::io::{Read, Write};
use std::net::TcpStream as Client;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Longest time that any answer here may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn server() -> (Server, Arc<Health>) {
    let health = Arc::new(Health::new(Arc::new(AtomicBool::new(false))));
    let metrics = meters::recorder().unwrap().handle();
    let pages = Pages { name: "test".into(), health: Arc::clone(&health), metrics };
    (Server::start(([127, 0, 0, 1], 0).into(), pages).unwrap(), health)
}

fn connect(server: &Server) -> Client {
    let client = Client::connect(server.address()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// Everything that the server says until it closes.
fn rest(mut client: Client) -> String {
    let mut text = Vec::new();
    // A connection that is reset has said all.
    let _ = client.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

fn ask(server: &Server, request: &str) -> String {
    let mut client = connect(server);
    client.write_all(request.as_bytes()).unwrap();
    rest(client)
}

fn get(server: &Server, path: &str) -> String {
    ask(server, &format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
}

fn check(server: &Server, path: &str, status: u16, body: &str) {
    let answer = get(server, path);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{path}: {answer}");
}

#[test]
fn pages() {
    let (server, health) = server();
    check(&server, "/livez", 200, "alive\n");
    check(&server, "/readyz", 503, "not ready: starting\n");
    health.become_stage(Stage::Restoring);
    check(&server, "/readyz", 503, "not ready: restoring the state\n");
    health.become_stage(Stage::Ready);
    check(&server, "/readyz", 200, "ready\n");
    check(&server, "/readyz?verbose", 200, "ready\n");
    health.become_stage(Stage::Failed);
    check(&server, "/readyz", 503, "not ready: failed\n");
    assert!(get(&server, "/").contains("runs test: failed"));
    assert!(
        get(&server, "/metrics").starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4")
    );
    for path in ["/nothing", "/metrics/", "//", "/../etc/passwd", "/LIVEZ"] {
        check(&server, path, 404, "there are /metrics, /livez and /readyz\n");
    }
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let answer = ask(&server, &format!("{method} /metrics HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET"), "{method}: {answer}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let (server, _) = server();
    let health = Arc::new(Health::new(Arc::new(AtomicBool::new(false))));
    let metrics = meters::recorder().unwrap().handle();
    let second = Server::start(server.address(), Pages { name: "b".into(), health, metrics });
    assert_eq!(second.err().unwrap().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn nonsense_and_requests_beyond_their_bounds_are_refused() {
    let (server, _) = server();
    let many: String = (0..=HEADERS_MAX).map(|number| format!("x{number}: y\r\n")).collect();
    let long = "x".repeat(HEAD_OCTETS_MAX * 2);
    for (what, request) in [
        ("nonsense", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        ("many headers", format!("GET /livez HTTP/1.1\r\n{many}\r\n")),
        ("a long header", format!("GET /livez HTTP/1.1\r\nx: {long}\r\n\r\n")),
        ("a long path", format!("GET /{long} HTTP/1.1\r\n\r\n")),
    ] {
        let mut client = connect(&server);
        // The server may have closed before it has read all.
        let _ = client.write_all(request.as_bytes());
        let answer = rest(client);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
        check(&server, "/livez", 200, "alive\n");
    }
}

/// A body of gigabytes is neither read nor kept.
#[test]
fn a_body_is_not_waited_for() {
    let (server, _) = server();
    let answer = ask(&server, "GET /livez HTTP/1.1\r\ncontent-length: 9999999999\r\n\r\nmore");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn clients_that_ask_slowly_keep_nobody_out() {
    let (server, _) = server();
    let mut slow: Vec<Client> = Vec::new();
    for _ in 0..CONNECTIONS_MAX * 8 {
        let mut client = connect(&server);
        client.write_all(b"GET /livez HTTP/1.1\r\nx: ").unwrap();
        slow.push(client);
    }
    check(&server, "/livez", 200, "alive\n");
    // The first were closed for those that came after them.
    assert_eq!(rest(slow.remove(0)), "");
    // The last one is closed when its time is over.
    let begin = Instant::now();
    rest(slow.pop().unwrap());
    assert!(begin.elapsed() < PATIENCE);
    check(&server, "/livez", 200, "alive\n");
}

#[test]
fn it_ends_with_its_value() {
    let (server, _) = server();
    let idle = connect(&server);
    let address = server.address();
    drop(server);
    assert_eq!(rest(idle), "");
    assert!(Client::connect(address).is_err());
}
