//! As much of HTTP/1.1 as a proxy between two well-behaved sides needs: where a message ends (RFC 9112, section 6.3).

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of a head at most; S3's own limit is 8 KiB.
const MAX_HEAD: usize = 64 << 10;

/// A whole request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Request line and fields, unchanged.
    pub(crate) head: Vec<u8>,
    /// Content.
    pub(crate) body: Vec<u8>,
    /// `PUT`, `GET`, …
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// True with `If-None-Match` or `If-Match`.
    pub(crate) is_conditional: bool,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// All of it.
    pub(crate) bytes: Vec<u8>,
    /// Bytes before the content.
    pub(crate) head_length: usize,
    /// Its status.
    pub(crate) status: u16,
    /// True when the connection ends with it.
    pub(crate) is_last: bool,
}

impl Answer {
    /// An error as S3 tells it.
    pub(crate) fn error(status: u16, code: &str) -> Answer {
        let body =
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>chaos</Message></Error>");
        let length = body.len();
        let head = format!("HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\r\n");
        Answer { head_length: head.len(), bytes: (head + &body).into_bytes(), status, is_last: false }
    }
}

/// Reads the next request; `None` at the end of the connection.
pub(crate) async fn read_request(client: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let Some(head) = read_head(client).await? else { return Ok(None) };
    let mut words = first_line(&head).map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    drop(words);
    if field(&head, "expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = Vec::new();
    if is_chunked(&head) {
        read_chunks(client, &mut body).await?;
    } else {
        let length = content_length(&head).unwrap_or(0);
        read_exactly(client, length, &mut body).await?;
    }
    let is_conditional = field(&head, "if-none-match").is_some() || field(&head, "if-match").is_some();
    Ok(Some(Request { head, body, method, path, is_conditional }))
}

/// Reads the answer to a request of this method.
pub(crate) async fn read_answer(server: &mut TcpStream, method: &str) -> std::io::Result<Answer> {
    loop {
        let head = read_head(server).await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status: u16 = first_line(&head).nth(1).and_then(|text| text.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
        if (100..200).contains(&status) {
            continue;
        }
        let (head_length, mut bytes) = (head.len(), head);
        let mut is_last = field(&bytes, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if method == "HEAD" || matches!(status, 204 | 304) {
        } else if is_chunked(&bytes) {
            read_chunks(server, &mut bytes).await?;
        } else if let Some(length) = content_length(&bytes) {
            read_exactly(server, length, &mut bytes).await?;
        } else {
            server.read_to_end(&mut bytes).await?;
            is_last = true;
        }
        return Ok(Answer { bytes, head_length, status, is_last });
    }
}

/// Everything up to and with the empty line. Byte by byte would be slow on a bare socket, but the kernel's buffer is near and heads are
/// short; a buffered reader would have to be carried along for what it has read too far.
async fn read_head(from: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match from.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && head.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
        if head.len() > MAX_HEAD {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
    Ok(Some(head))
}

async fn read_exactly(from: &mut (impl AsyncRead + Unpin), length: u64, to: &mut Vec<u8>) -> std::io::Result<()> {
    let read = from.take(length).read_to_end(to).await?;
    if read as u64 == length { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

/// Chunks as they are, framing included (RFC 9112, section 7.1); no trailers.
async fn read_chunks(from: &mut TcpStream, to: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(from.read_u8().await?);
        }
        let text = String::from_utf8_lossy(&line);
        let size = text.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| std::io::ErrorKind::InvalidData)?;
        to.extend_from_slice(&line);
        read_exactly(from, size + 2, to).await?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn first_line(head: &[u8]) -> impl Iterator<Item = &str> {
    let end = head.iter().position(|byte| *byte == b'\r').unwrap_or(head.len());
    std::str::from_utf8(&head[..end]).unwrap_or_default().split(' ')
}

fn field(head: &[u8], name: &str) -> Option<String> {
    String::from_utf8_lossy(head).lines().skip(1).find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn is_chunked(head: &[u8]) -> bool {
    field(head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
}

fn content_length(head: &[u8]) -> Option<u64> {
    field(head, "content-length")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// What one side reads of what the other wrote before it closed.
    async fn through<T>(written: &'static [u8], read: impl AsyncFnOnce(&mut TcpStream) -> T) -> T {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut writer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        writer.write_all(written).await.unwrap();
        writer.shutdown().await.unwrap();
        read(&mut listener.accept().await.unwrap().0).await
    }

    #[tokio::test]
    async fn requests_that_follow_each_other_are_told_apart() {
        let bytes = b"PUT /b/k?x=1 HTTP/1.1\r\nHost: h\r\nif-none-match: *\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";
        through(bytes, async |stream| {
            let put = read_request(stream).await.unwrap().unwrap();
            assert_eq!((put.method.as_str(), put.path.as_str(), put.body.as_slice()), ("PUT", "/b/k?x=1", &b"abc"[..]));
            assert!(put.is_conditional && put.head.ends_with(b"Content-Length: 3\r\n\r\n"));
            let get = read_request(stream).await.unwrap().unwrap();
            assert!(get.method == "GET" && get.body.is_empty() && !get.is_conditional);
            assert!(read_request(stream).await.unwrap().is_none());
        })
        .await;
    }

    #[tokio::test]
    async fn an_answer_ends_where_its_fields_say() {
        for (method, bytes, status, length) in [
            ("GET", &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabXX"[..], 200, 40),
            ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 200, 38),
            ("PUT", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\nXX", 412, 38),
            ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nXX", 200, 59),
            ("GET", b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, 32),
        ] {
            let answer = through(bytes, async |stream| read_answer(stream, method).await.unwrap()).await;
            assert_eq!((answer.status, answer.bytes.len()), (status, length), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error() {
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nab";
        assert!(through(cut, async |stream| read_answer(stream, "GET").await).await.is_err());
    }
}
