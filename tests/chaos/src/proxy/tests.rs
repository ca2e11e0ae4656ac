//! What passes through, what each fault looks like to the two sides, and that no fault is one that S3 may not have.

use super::*;
use std::io::{Read as _, Write as _};
use std::time::Instant;

/// A request as it goes over the wire, and as it is looked at.
fn request(method: Method, path: &str, fields: &[&str], body: &str) -> (String, Request<Bytes>) {
    let text = format!("{method} {path} HTTP/1.1\r\nHost: bucket.example\r\n{}\r\n{body}", fields.concat());
    let mut parsed = Request::builder().method(method).uri(path);
    for field in fields {
        let (name, value) = field.trim_end().split_once(": ").unwrap();
        parsed = parsed.header(name, value);
    }
    (text, parsed.body(Bytes::from(body.to_owned())).unwrap())
}

fn put(path: &str) -> (String, Request<Bytes>) {
    request(Method::PUT, path, &["If-None-Match: *\r\n", "Content-Length: 5\r\n", "Connection: close\r\n"], "body!")
}

fn get() -> (String, Request<Bytes>) {
    request(Method::GET, "/b/k", &["Connection: close\r\n"], "")
}

/// A server that tells everybody the same, and a proxy before it.
struct World {
    proxy: Proxy,
    heard: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl World {
    /// The first request will meet this fault, and a short delay if it is one with a delay.
    fn with(fault: Option<Fault>, of: &Request<Bytes>, told: &'static str) -> World {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn({
            let heard = Arc::clone(&heard);
            move || {
                for client in listener.incoming() {
                    let (mut client, mut text) = (client.unwrap(), Vec::new());
                    while !text.ends_with(if text.starts_with(b"PUT") { b"body!" } else { b"\r\n\r\n" }) {
                        let mut byte = [0];
                        client.read_exact(&mut byte).unwrap();
                        text.push(byte[0]);
                    }
                    heard.lock().unwrap().push(String::from_utf8(text).unwrap());
                    client.write_all(told.as_bytes()).unwrap();
                }
            }
        });
        let seed = (0..).find(|seed| {
            let shared = shared(*seed);
            shared.fault(of) == fault && shared.below(LATE) < 100
        });
        let runtime = Runtime::new().unwrap();
        let proxy = Proxy::start(&runtime, &endpoint, Chance::of(seed.unwrap()));
        World { proxy, heard, _runtime: runtime }
    }

    /// What comes back until the connection is closed.
    fn ask(&self, text: &str) -> String {
        let mut client = std::net::TcpStream::connect(self.proxy.address).unwrap();
        client.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn shared(seed: u64) -> Shared {
    Shared {
        upstream: String::new(),
        chance: Mutex::new(Chance::of(seed)),
        counts: Mutex::default(),
        calm: AtomicBool::new(false),
    }
}

#[test]
fn a_request_and_its_answer_pass_unchanged() {
    let (text, put) = put("/b/data/event_date%3D2026-11-22/x?x-id=PutObject&y=%2F");
    let world = World::with(None, &put, "HTTP/1.1 412 Precondition Failed\r\nETag: \"1\"\r\nContent-Length: 4\r\n\r\nno!\n");
    let answer = world.ask(&text);
    assert!(
        answer.starts_with("HTTP/1.1 412") && answer.contains("etag: \"1\"\r\n") && answer.ends_with("\r\n\r\nno!\n"),
        "{answer}"
    );
    let heard = world.heard().concat();
    assert!(heard.starts_with(text.lines().next().unwrap()) && heard.ends_with("\r\n\r\nbody!"), "{heard}");
    assert!(text.lines().all(|line| heard.to_lowercase().contains(&line.to_lowercase())), "{heard}");
}

#[test]
fn an_answer_ends_where_its_fields_say() {
    let (head, head_parsed) = request(Method::HEAD, "/b/k", &["Connection: close\r\n"], "");
    let world = World::with(None, &head_parsed, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    let answer = world.ask(&head);
    assert!(answer.contains("content-length: 7\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    let (text, get) = get();
    let world = World::with(None, &get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
    let answer = world.ask(&text);
    assert!(answer.ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{answer}");
}

#[test]
fn a_server_that_breaks_off_breaks_the_connection_off() {
    let (text, get) = get();
    let world = World::with(None, &get, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nab");
    assert_eq!(world.ask(&text), "");
}

#[test]
fn a_connection_is_closed_without_a_word_before_or_after_the_request_is_taken() {
    let (text, put) = put("/b/k");
    for (fault, taken) in [(Fault::Reset, 0), (Fault::AnswerLost, 1)] {
        let world = World::with(Some(fault), &put, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!((world.ask(&text).as_str(), world.heard().len()), ("", taken), "{fault:?}");
        assert_eq!(world.proxy.counts(), BTreeMap::from([(fault.name(), 1)]));
    }
}

#[test]
fn half_of_an_answer_says_how_long_it_should_have_been() {
    let (text, get) = get();
    for told in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
    ] {
        let answer = World::with(Some(Fault::AnswerCut), &get, told).ask(&text);
        assert!(answer.contains("content-length: 10\r\n") && answer.ends_with("\r\n\r\n01234"), "{answer}");
        assert!(!answer.contains("transfer-encoding"), "{answer}");
    }
}

#[test]
fn a_refusal_is_told_as_s3_tells_it() {
    let (text, put) = put("/b/k");
    for (fault, status, code, taken) in [
        (Fault::SlowDown, "503", "SlowDown", 0),
        (Fault::InternalError, "500", "InternalError", 1),
        (Fault::Conflict, "409", "ConditionalRequestConflict", 0),
    ] {
        let world = World::with(Some(fault), &put, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let answer = world.ask(&text);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(&format!("<Code>{code}</Code>")),
            "{answer}"
        );
        assert_eq!(world.heard().len(), taken, "{fault:?}");
    }
}

#[test]
fn a_request_that_is_sent_twice_may_be_refused_for_its_own_sake() {
    let (text, put) = put("/b/k");
    let world = World::with(Some(Fault::SentTwice), &put, "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n");
    assert!(world.ask(&text).starts_with("HTTP/1.1 412 "));
    assert_eq!(world.heard().len(), 2);
    assert_eq!(world.proxy.counts(), BTreeMap::from([("412", 1), ("sent twice", 1)]));
}

#[test]
fn a_request_arrives_though_its_sender_has_gone() {
    let (text, put) = put("/b/k");
    for fault in [Fault::Delayed, Fault::LandedLate] {
        let world = World::with(Some(fault), &put, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let mut client = std::net::TcpStream::connect(world.proxy.address).unwrap();
        client.write_all(text.as_bytes()).unwrap();
        // A connection that is closed before its request was read is one on which nothing was sent.
        std::thread::sleep(Duration::from_millis(20));
        drop(client);
        let start = Instant::now();
        while world.heard().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(20), "{fault:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_request_meets_only_faults_that_s3_may_have() {
    let of = |request: Request<Bytes>| applicable(&request);
    let conditional = of(put("/b/_log/x").1);
    assert!(conditional.contains(&Fault::Conflict) && conditional.contains(&Fault::SentTwice));
    assert!(!conditional.contains(&Fault::AnswerCut));
    let plain = of(request(Method::PUT, "/b/_head/x", &[], "").1);
    assert!(!plain.contains(&Fault::Conflict), "nothing conflicts with a put without condition");
    assert!(!of(put("/b/_probe/x").1).contains(&Fault::SentTwice));
    for method in [Method::GET, Method::HEAD, Method::DELETE] {
        let faults = of(request(method, "/b/x", &[], "").1);
        assert!(!faults.contains(&Fault::Conflict) && !faults.contains(&Fault::LandedLate), "{faults:?}");
    }
}
